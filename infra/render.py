"""``python -m infra.render`` brings what the AWS template repeats up to date: columns, views, queries, an API.

They are written in ``glue``, ``athena`` and ``infra.content_api``, which know nothing of the template. The document of
the API that readers see is written beside the docs. With ``--check`` nothing is written.
"""

import re
import sys
from pathlib import Path

from athena import reports, saved, views
from glue.catalog.render.hive import template_columns
from glue.catalog.tables import ALL_TABLES
from glue.terminal.renderings import keep_fresh
from infra.content_api import access_log, rendering

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "infra" / "aws" / "template.yaml"
API_DOCUMENT = ROOT / "docs" / "content-api.openapi.json"
_TABLES = {table.name: table for table in ALL_TABLES}
_BLOCK = re.compile(
    r"(?P<head>^(?P<pad> *)# BEGIN GENERATED "
    r"(?P<what>columns of|view|saved queries|content API|access format|access columns)"
    r"(?: (?P<name>\w+))?: [^\n]*\n)"
    r".*?(?P<tail>^ *# END GENERATED)",
    re.MULTILINE | re.DOTALL,
)


def rendered(template: str) -> str:
    """The template's text with every generated block as it should be.

    Raises:
        ValueError: the template lacks a place for one of them, or has one too many.
    """
    text, count = _BLOCK.subn(lambda found: found["head"] + _lines(found) + found["tail"], template)
    wanted = len(_TABLES) + len(views.NAMES) + 4
    if count != wanted:
        raise ValueError(
            f"{count} blocks '# BEGIN GENERATED ... # END GENERATED' in the template; wanted: {wanted}, for columns of "
            f"{', '.join(_TABLES)}, the views {', '.join(views.NAMES)}, the saved queries, the content API, and the "
            "format and the columns of its access log"
        )
    return text


def _lines(block: re.Match[str]) -> str:
    indent = len(block["pad"])
    match block["what"]:
        case "columns of":
            return template_columns(_TABLES[block["name"]], indent)
        case "view":
            return views.template_lines("Database", indent, block["name"])
        case "content API":
            return rendering.template_lines(indent)
        case "access format":
            return access_log.format_lines(indent)
        case "access columns":
            return access_log.column_lines(indent)
    every = [reports.load(name) for name in reports.names()]
    return saved.template_lines(every, database="Database", workgroup="WorkGroup", indent=indent)


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the template is (or now is) up to date, 1 when ``--check`` found it stale."""
    files = {TEMPLATE: rendered(TEMPLATE.read_text(encoding="utf-8")), API_DOCUMENT: rendering.document_text()}
    return keep_fresh(files, arguments, command="python -m infra.render", description=__doc__, root=ROOT)


if __name__ == "__main__":
    sys.exit(main())
