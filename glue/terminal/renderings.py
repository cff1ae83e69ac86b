"""The command line of what is rendered from one place and committed, so that a change of it shows in review."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def keep_fresh(
    files: Mapping[Path, str],
    arguments: Sequence[str] | None,
    *,
    command: str,
    description: str | None,
    root: Path,
) -> int:
    """The exit code: 0 when all files are (or now are) up to date, 1 when ``--check`` found a stale one.

    Args:
        files: what should be in each.
        arguments: what was typed after the module; None: the process's own. With ``--check`` nothing is written.
        command: what one types: ``python -m MODULE``, and a word after it where the module wants one.
        description: of the command, for its help.
        root: the folder that the names shown are relative to.
    """
    python, dash, module, *words = command.split()
    program = f"{python} {dash} {module}"
    parser = argparse.ArgumentParser(prog=program, description=description, epilog=f"example: {command} --check")
    for word in words:
        parser.add_argument("command", choices=[word])
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale files and exit with 1")
    check = parser.parse_args(arguments).check
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        print(f"{'stale' if check else 'written'}: {path.relative_to(root)}")
    if stale and check:
        print(f"Run: {command}", file=sys.stderr)
        return 1
    return 0
