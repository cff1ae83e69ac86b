"""The views of the lake as text: a statement that makes one, or the form in which Athena keeps it in the catalog."""

import base64
import re
from pathlib import Path
from typing import Any

import msgspec

from glue.render.hive import columns
from glue.tables import CURRENT_VERDICTS, PARTITION, VERDICTS

__all__ = [
    "create_view",
    "glue_table_input",
    "presto_type",
    "presto_view",
    "template_lines",
    "view_columns",
    "view_definition",
    "view_sql",
]

_FOLDER = Path(__file__).parent / "views"
_DATABASE = re.compile(r"[a-z0-9_]{1,128}\Z")
_SCALARS = {
    "string": "varchar",
    "boolean": "boolean",
    "bigint": "bigint",
    "double": "double",
    # Athena reads Hive's timestamps in milliseconds, whatever the file holds.
    "timestamp": "timestamp(3)",
}


def view_sql() -> str:
    """The SELECT of ``current_verdicts``, without the comments above it."""
    lines = (_FOLDER / f"{CURRENT_VERDICTS}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def create_view(database: str) -> str:
    """The Athena statement that makes or replaces the view, for those who do not deploy the template.

    Raises:
        ValueError: the name is not one a Glue database has here.

    >>> create_view("streamkeeper").splitlines()[0]
    'CREATE OR REPLACE VIEW "streamkeeper"."current_verdicts" AS'
    """
    if not _DATABASE.match(database):
        raise ValueError(f"database {database!r} is not 1 to 128 of a-z 0-9 _")
    return f'CREATE OR REPLACE VIEW "{database}"."{CURRENT_VERDICTS}" AS\n{view_sql()}\n'


def view_columns() -> list[tuple[str, str]]:
    """The view's columns in order, as (name, Hive type): those of the table, and the partition."""
    return [*((column.name, column.type) for column in columns(VERDICTS)), (PARTITION, "string")]


def presto_type(hive: str) -> str:
    """A Hive type as Athena's query engine writes it.

    Raises:
        ValueError: a type that no table here has.

    >>> presto_type("array<struct<label:string,score:double>>")
    'array(row(label varchar, score double))'
    """
    word, opened, rest = hive.partition("<")
    if not opened:
        if word not in _SCALARS:
            raise ValueError(f"Hive type {hive!r}; known are {', '.join(_SCALARS)}, array, map and struct")
        return _SCALARS[word]
    inner = rest.removesuffix(">")
    match word:
        case "array":
            return f"array({presto_type(inner)})"
        case "map":
            return f"map({', '.join(presto_type(part) for part in _split(inner))})"
        case "struct":
            fields = (part.partition(":") for part in _split(inner))
            return f"row({', '.join(f'{name} {presto_type(kind)}' for name, _, kind in fields)})"
    raise ValueError(f"Hive type {hive!r}; known are {', '.join(_SCALARS)}, array, map and struct")


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "<") - (character == ">")
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def view_definition(database: str) -> str:
    """The JSON document in which Athena keeps a view: its SQL, where names are looked up, its columns.

    Args:
        database: the Glue database, or the template's expression for it, such as ``${Database}``: nothing else in the
            document holds ``${``, so ``Fn::Base64: !Sub`` makes the view of any database.
    """
    document = {
        "originalSql": view_sql(),
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": name, "type": presto_type(kind)} for name, kind in view_columns()],
    }
    return msgspec.json.encode(document).decode()


def presto_view(database: str) -> str:
    """The ``ViewOriginalText`` of the view in the Glue catalog."""
    return f"/* Presto View: {base64.b64encode(view_definition(database).encode()).decode()} */"


def template_lines(database: str, indent: int) -> str:
    """The part of the view's ``TableInput`` that follows from the contract, as lines of the AWS template's YAML.

    Args:
        database: the logical id of the Glue database in the template, whose ``Ref`` is its name.
        indent: how many spaces each line begins with.
    """
    pad = " " * indent
    named = "".join(
        f"{pad}    - {{ Name: {name}, Type: {msgspec.json.encode(kind).decode()} }}\n" for name, kind in view_columns()
    )
    return (
        f"{pad}StorageDescriptor:\n{pad}  SerdeInfo: {{}}\n{pad}  Columns:\n{named}"
        f"{pad}ViewExpandedText: /* Presto View */\n"
        f'{pad}ViewOriginalText: !Join\n{pad}  - ""\n{pad}  - - "/* Presto View: "\n'
        f"{pad}    - Fn::Base64: !Sub |-\n{pad}        {view_definition('${' + database + '}')}\n"
        f'{pad}    - " */"\n'
    )


def glue_table_input(database: str) -> dict[str, Any]:
    """The view as Glue's ``TableInput``, the form that Athena gives a view it creates.

    Source: https://docs.aws.amazon.com/athena/latest/ug/views.html; the shape is that of a view Athena made.
    """
    return {
        "Name": CURRENT_VERDICTS,
        "Description": "Each event once. Reports read this and nothing else.",
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in view_columns()],
            "SerdeInfo": {},
        },
        "ViewOriginalText": presto_view(database),
        "ViewExpandedText": "/* Presto View */",
    }
