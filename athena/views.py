"""The views of the lake as text: a statement that makes one, or the form in which Athena keeps it in the catalog."""

import base64
import re
from pathlib import Path
from typing import Any

import msgspec

from glue.catalog.render.hive import columns
from glue.catalog.tables import CURRENT_VERDICTS, PARTITION, QUARANTINE, RECEIPTS, VERDICTS

__all__ = [
    "NAMES",
    "create_view",
    "glue_table_input",
    "presto_type",
    "presto_view",
    "template_lines",
    "view_columns",
    "view_definition",
    "view_question",
    "view_sql",
]

CURRENT_QUARANTINE, CURRENT_SIGNALS, CURRENT_RECEIPTS = "current_quarantine", "current_signals", "current_receipts"
NAMES = (CURRENT_VERDICTS, CURRENT_QUARANTINE, CURRENT_SIGNALS, CURRENT_RECEIPTS)
"""In the order in which they can be made: that of signals reads that of verdicts."""

_TABLES = {CURRENT_QUARANTINE: QUARANTINE, CURRENT_RECEIPTS: RECEIPTS}

_OF_SIGNALS = {"detector": "string", "label": "string", "score": "double", "rule": "string"}
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


def view_sql(name: str = CURRENT_VERDICTS) -> str:
    """The SELECT of a view, without the comments above it."""
    lines = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def view_question(name: str) -> str:
    """What a view answers, as its file says."""
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith("-- question: ")).removeprefix("-- question: ")


def create_view(database: str, name: str = CURRENT_VERDICTS) -> str:
    """The Athena statement that makes or replaces a view, for those who do not deploy the template.

    Raises:
        ValueError: the name is not one a Glue database has here.

    >>> create_view("streamkeeper").splitlines()[0]
    'CREATE OR REPLACE VIEW "streamkeeper"."current_verdicts" AS'
    """
    if not _DATABASE.match(database):
        raise ValueError(f"database {database!r} is not 1 to 128 of a-z 0-9 _")
    return f'CREATE OR REPLACE VIEW "{database}"."{name}" AS\n{view_sql(name)}\n'


def view_columns(name: str = CURRENT_VERDICTS) -> list[tuple[str, str]]:
    """A view's columns in order, as (name, Hive type): those of its table that it selects, of signals, and the day."""
    of_table = {column.name: column.type for column in columns(_TABLES.get(name, VERDICTS))}
    types = {**of_table, **(_OF_SIGNALS if name == CURRENT_SIGNALS else {}), PARTITION: "string"}
    selected = view_sql(name).partition("SELECT")[2].partition("FROM")[0]
    return [(column.strip(), types[column.strip()]) for column in selected.split(",")]


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


def view_definition(database: str, name: str = CURRENT_VERDICTS) -> str:
    """The JSON document in which Athena keeps a view: its SQL, where names are looked up, its columns.

    Args:
        database: the Glue database, or the template's expression for it, such as ``${Database}``: nothing else in the
            document holds ``${``, so ``Fn::Base64: !Sub`` makes the view of any database.
    """
    document = {
        "originalSql": view_sql(name),
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": column, "type": presto_type(kind)} for column, kind in view_columns(name)],
    }
    return msgspec.json.encode(document).decode()


def presto_view(database: str, name: str = CURRENT_VERDICTS) -> str:
    """The ``ViewOriginalText`` of a view in the Glue catalog."""
    return f"/* Presto View: {base64.b64encode(view_definition(database, name).encode()).decode()} */"


def template_lines(database: str, indent: int, name: str = CURRENT_VERDICTS) -> str:
    """The part of a view's ``TableInput`` that follows from the contract, as lines of the AWS template's YAML.

    Args:
        database: the logical id of the Glue database in the template, whose ``Ref`` is its name.
        indent: how many spaces each line begins with.
    """
    pad = " " * indent
    named = "".join(
        f"{pad}    - {{ Name: {column}, Type: {msgspec.json.encode(kind).decode()} }}\n"
        for column, kind in view_columns(name)
    )
    return (
        f"{pad}StorageDescriptor:\n{pad}  SerdeInfo: {{}}\n{pad}  Columns:\n{named}"
        f"{pad}ViewExpandedText: /* Presto View */\n"
        f'{pad}ViewOriginalText: !Join\n{pad}  - ""\n{pad}  - - "/* Presto View: "\n'
        f"{pad}    - Fn::Base64: !Sub |-\n{pad}        {view_definition('${' + database + '}', name)}\n"
        f'{pad}    - " */"\n'
    )


def glue_table_input(database: str, name: str = CURRENT_VERDICTS) -> dict[str, Any]:
    """A view as Glue's ``TableInput``, the form that Athena gives a view it creates.

    Source: https://docs.aws.amazon.com/athena/latest/ug/views.html; the shape is that of a view Athena made.
    """
    return {
        "Name": name,
        "Description": view_question(name),
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in view_columns(name)],
            "SerdeInfo": {},
        },
        "ViewOriginalText": presto_view(database, name),
        "ViewExpandedText": "/* Presto View */",
    }
