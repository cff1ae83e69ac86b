"""``python -m athena render`` writes the view and the saved queries into the AWS template, and the Grafana dashboard;
with ``--check`` it says whether they are stale."""

import argparse
import re
import sys
from pathlib import Path

from athena import dashboards, reports, saved
from athena.views import NAMES, template_lines

ROOT = Path(__file__).parent.parent
GRAFANA = ROOT / "athena" / "grafana" / "streamkeeper.json"
TEMPLATE = ROOT / "infra" / "aws" / "template.yaml"
_BLOCK = re.compile(
    r"(?P<head>^(?P<pad> *)# BEGIN GENERATED (?P<what>view [a-z_]+|saved queries).*?\n).*?(?P<tail>^ *# END GENERATED)",
    re.MULTILINE | re.DOTALL,
)


def rendered(template: str) -> str:
    """The template's text with the view and the saved queries as they should be.

    Raises:
        ValueError: the template has no place for them.
    """
    text, count = _BLOCK.subn(lambda found: found["head"] + _lines(found) + found["tail"], template)
    if count != len(NAMES) + 1:
        wanted = f"{len(NAMES)} views and the saved queries"
        raise ValueError(f"{count} blocks '# BEGIN GENERATED ... # END GENERATED' in the template; wanted: {wanted}")
    return text


def _lines(found: re.Match[str]) -> str:
    indent = len(found["pad"])
    what, _, name = found["what"].partition(" ")
    if what == "view":
        return template_lines("Database", indent, name)
    every = [reports.load(name) for name in reports.names()]
    return saved.template_lines(every, database="Database", workgroup="WorkGroup", indent=indent)


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the template is (or now is) up to date, 1 when ``--check`` found it stale."""
    parser = argparse.ArgumentParser(
        prog="python -m athena", description=__doc__, epilog="example: python -m athena render --check"
    )
    parser.add_argument("command", choices=["render"])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the template is stale")
    options = parser.parse_args(arguments)
    wanted = {TEMPLATE: rendered(TEMPLATE.read_text(encoding="utf-8")), GRAFANA: dashboards.rendered()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        name = path.relative_to(ROOT)
        if options.check:
            print(f"{name} is stale. Run: python -m athena render", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
            print(f"written: {name}")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
