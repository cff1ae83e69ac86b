"""Compiles the part of moderation that is written in C: for this machine, and for Lambda.

``python -m infra.native``, which ``make setup`` runs, compiles it for this machine where that has a C compiler, and
says how texts are judged from now on. For Lambda, Zig's C compiler makes the same bytes of the same source on every
machine: it brings what a library for arm64 and Lambda's glibc is linked against.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from consumers import native

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "consumers" / "native"
ZIG = ROOT / ".venv-zig" / "bin" / "python"
"""An environment with Zig's compiler, which ``make bundle`` makes from a hash-checked lock."""

# Sums have to be Python's to the last bit: no multiplication and addition in one, which arm64 has and rounds once.
FLAGS = ("-O2", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno")
# glibc of Amazon Linux 2023. Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
FOR_LAMBDA = ("-target", "aarch64-linux-gnu.2.34", "-fno-sanitize=all", "-g0", "-s")


class CompilerError(RuntimeError):
    """Nothing was compiled; the message says why, in one line."""


def compiler(environment: Mapping[str, str]) -> str | None:
    """The C compiler of this machine: ``CC``, or what is usually on the path; None when there is none."""
    named = environment.get("CC")
    return next((found for one in ([named] if named else ["cc", "gcc", "clang"]) if (found := shutil.which(one))), None)


def compile_with(
    command: Sequence[str], target: Path, *, flags: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> None:
    """Compiles the library, in place of what was there.

    Args:
        command: the compiler.
        target: the library's file.
        flags: besides ``FLAGS``.
        environment: of the compiler; by default this process's own.

    Raises:
        CompilerError: it cannot be compiled.
    """
    said = f'-DSOURCE="{native.digest(native.sources() or b"")}"'
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="native-") as folder:
        made = Path(folder) / native.FILE
        # From its own folder, so that no path of this machine gets in.
        arguments = [*command, *flags, *FLAGS, said, *native.SOURCES, "-o", str(made), "-lm"]
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments
                arguments, cwd=FOLDER, capture_output=True, text=True, errors="replace", env=environment, check=False
            )
        except OSError as error:
            raise CompilerError(f"{command[0]} does not run: {error.strerror}") from None
        if done.returncode != 0 or not made.is_file():
            lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise CompilerError(f"{' '.join(command)} does not compile {FOLDER.name}: {lines[0]}")
        made.replace(target)


def for_lambda(target: Path, zig: Path = ZIG) -> None:
    """Compiles the library for Lambda on arm64; the same source gives the same bytes.

    Raises:
        CompilerError: the compiler is not there, or fails.
    """
    if not zig.is_file():
        raise CompilerError(f"there is no {zig}; make bundle fetches it")
    # What it keeps goes with its environment.
    kept = dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str(zig.parent.parent / "cache"))
    compile_with([str(zig), "-m", "ziglang", "cc"], target, flags=FOR_LAMBDA, environment={**os.environ, **kept})


def for_this_machine(environment: Mapping[str, str], target: Path = FOLDER / native.FILE) -> str:
    """Compiles the library for this machine, where it can be, and says in a line how texts are judged from now on."""
    slower = "Texts are judged by Python alone, which gives the same and takes longer"
    found = compiler(environment)
    if found is None:
        target.unlink(missing_ok=True)
        named = environment.get("CC")
        return f"{slower}: no C compiler ({named or 'cc, gcc or clang'}) is on the path. With one: make native"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="native-") as folder:
        # Tried under another name: what a process has loaded by a name it never loads again.
        made = Path(folder) / native.FILE
        try:
            compile_with([found], made)
        except CompilerError as error:
            return f"{slower}: {error}"
        if native.load(str(made), native.sources()) is None:
            return f"{slower}: this Python cannot load what {found} makes"
        made.replace(target)
    return f"The linear model, and what finds words and expressions, run in C, compiled by {found}."


def main(arguments: list[str] | None = None) -> int:
    """Compiles for this machine and says so; exit code 0 also where that cannot be, since nothing depends on it."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.native",
        description="Compiles the part of judging that there is in C, where this machine has a C compiler.",
        epilog="Example: CC=clang python -m infra.native",
    )
    parser.parse_args(arguments)
    print(for_this_machine(os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(main())
