"""CREATE EXTERNAL TABLE, in Hive's words, as the table that Glue keeps.

Source: https://docs.aws.amazon.com/athena/latest/ug/create-table.html (2026-11-30)
"""

import re
from typing import Any, Final

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.reading import Reader, unescaped
from infra.local.athena.types import from_glue

LAZY: Final = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_TEXT: Final = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
_STORED: Final = {
    "TEXTFILE": (LAZY, *_TEXT),
    "PARQUET": (
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    ),
}
# What a table that Glue gives may be given back with.
_TABLE_INPUT: Final = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
    "ViewExpandedText", "TableType", "Parameters",
)  # fmt: skip


def read_definition(reader: Reader, name: str) -> dict[str, Any]:
    """The Glue table that the rest of a CREATE EXTERNAL TABLE defines.

    Args:
        reader: stands before the columns.
        name: the table's name.

    Raises:
        QueryError: SYNTAX_ERROR; NOT_SUPPORTED names a clause or a format.
    """
    columns = _columns(reader.brackets())
    keys: list[dict[str, str]] = []
    serde, properties, formats = "", dict[str, str](), _STORED["TEXTFILE"]
    comment, location, parameters = "", "", {"EXTERNAL": "TRUE"}
    while reader.place < len(reader.tokens):
        if reader.take("COMMENT"):
            comment = reader.text()
        elif reader.take("PARTITIONED", "BY") or reader.take("PARTITION", "BY") or reader.take("PARTITIONED BY"):
            keys = _columns(reader.brackets())
        elif reader.take("ROW", "FORMAT"):
            serde, properties = _row_format(reader)
        elif reader.take("WITH", "SERDEPROPERTIES"):
            properties |= reader.pairs()
        elif reader.take("STORED", "AS"):
            formats = _stored_as(reader)
        elif reader.take("LOCATION"):
            location = reader.text()
        elif reader.take("TBLPROPERTIES"):
            parameters |= reader.pairs()
        elif reader.word() in {"CLUSTERED", "SKEWED"}:
            raise refused(f"{reader.word()} BY in CREATE EXTERNAL TABLE")
        else:
            raise reader.unexpected()
    if parameters.get("table_type", "").upper() == "ICEBERG":
        raise refused("Iceberg tables")
    if not location:
        raise QueryError("FAILED", "ParseException: no LOCATION; CREATE EXTERNAL TABLE ends with LOCATION 's3://…/'")
    if comment:
        parameters["comment"] = comment
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": keys,
        "StorageDescriptor": {
            "Columns": columns,
            "Location": location,
            "InputFormat": formats[1],
            "OutputFormat": formats[2],
            "SerdeInfo": {
                "SerializationLibrary": serde or formats[0],
                "Parameters": {"serialization.format": "1", **properties},
            },
        },
    }


def read_change(reader: Reader) -> dict[str, Any] | None:
    """What an ALTER TABLE sets: ``Parameters``, ``Location``, ``Columns`` or ``AddedColumns``; None for another one.

    Raises:
        QueryError: SYNTAX_ERROR; FAILED for a column that is none.
    """
    if reader.take("SET", "TBLPROPERTIES"):
        return {"Parameters": reader.pairs()}
    if reader.take("SET", "LOCATION"):
        return {"Location": reader.text()}
    if reader.take("ADD", "COLUMNS"):
        return {"AddedColumns": _columns(reader.brackets())}
    if reader.take("REPLACE", "COLUMNS"):
        return {"Columns": _columns(reader.brackets())}
    return None


def changed(table: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The Glue ``TableInput`` of a table after an ALTER TABLE.

    Raises:
        QueryError: FAILED for a column that is there already.
    """
    kept = {name: table[name] for name in _TABLE_INPUT if table.get(name) is not None}
    storage = dict(kept.get("StorageDescriptor") or {})
    columns: list[dict[str, Any]] = [*(change.get("Columns") or storage.get("Columns") or [])]
    columns += change.get("AddedColumns") or []
    names = [str(column["Name"]).lower() for column in (*columns, *(table.get("PartitionKeys") or ()))]
    for name in names:
        if names.count(name) > 1:
            raise QueryError("FAILED", f"SemanticException: Duplicate column name: {name}")
    storage |= {"Columns": columns, "Location": change.get("Location", storage.get("Location", ""))}
    parameters = {**(kept.get("Parameters") or {}), **change.get("Parameters", {})}
    return {**kept, "StorageDescriptor": storage, "Parameters": parameters}


def _columns(text: str) -> list[dict[str, str]]:
    done = []
    for part in _parts(text):
        match = re.fullmatch(
            r"""\s*["`]?([\w-]+)["`]?\s+(.+?)(?:\s+COMMENT\s+'((?:[^']|'')*)')?\s*""", part, re.IGNORECASE | re.DOTALL
        )
        if match is None:
            raise QueryError("FAILED", f"ParseException: {part.strip()[:60]!r} is no column: write name type")
        kind = re.sub(r"\s+", "", match[2]).lower().replace('"', "").replace("`", "")
        from_glue(kind)
        done.append({"Name": match[1].lower(), "Type": kind, **({"Comment": match[3]} if match[3] else {})})
    return done


def _parts(text: str) -> list[str]:
    """What stands between the commas that are in no brackets and no quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "<(":
            depth += 1
        elif not quoted and character in ">)":
            depth -= 1
        elif not quoted and character == "," and not depth:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]] if text.strip() else []


def _row_format(reader: Reader) -> tuple[str, dict[str, str]]:
    if reader.take("SERDE"):
        return reader.text(), {}
    reader.need("DELIMITED")
    properties: dict[str, str] = {}
    while True:
        if reader.take("FIELDS", "TERMINATED", "BY"):
            properties["field.delim"] = properties["serialization.format"] = unescaped(reader.text())
            if reader.take("ESCAPED", "BY"):
                properties["escape.delim"] = reader.text()
        elif reader.take("COLLECTION", "ITEMS", "TERMINATED", "BY"):
            properties["collection.delim"] = reader.text()
        elif reader.take("MAP", "KEYS", "TERMINATED", "BY"):
            properties["mapkey.delim"] = reader.text()
        elif reader.take("LINES", "TERMINATED", "BY"):
            if reader.text() != "\n":
                raise refused("LINES TERMINATED BY other than a line feed")
        elif reader.take("NULL", "DEFINED", "AS"):
            properties["serialization.null.format"] = reader.text()
        else:
            return LAZY, properties


def _stored_as(reader: Reader) -> tuple[str, str, str]:
    if reader.take("INPUTFORMAT"):
        given = reader.text()
        reader.need("OUTPUTFORMAT")
        return LAZY, given, reader.text()
    form = reader.word()
    if form not in _STORED:
        raise refused(f"STORED AS {form}", advice=f"it takes {', '.join(_STORED)}, or a SERDE")
    reader.place += 1
    return _STORED[form]


def written_out(table: dict[str, Any]) -> list[str]:
    """The lines of SHOW CREATE TABLE."""
    storage = table["StorageDescriptor"]
    serde = storage.get("SerdeInfo") or {}

    def columns(listed: list[dict[str, Any]]) -> list[str]:
        made = [
            f"  `{c['Name']}` {c.get('Type', 'string')}" + (f" COMMENT '{c['Comment']}'" if c.get("Comment") else "")
            for c in listed
        ]
        return [line + ("," if index < len(made) - 1 else ")") for index, line in enumerate(made)]

    def pairs(given: dict[str, Any]) -> list[str]:
        made = [f"  '{key}'='{value}'" for key, value in sorted(given.items())]
        return [line + ("," if index < len(made) - 1 else ")") for index, line in enumerate(made)]

    lines = [f"CREATE EXTERNAL TABLE `{table['Name']}`(", *columns(storage.get("Columns") or [])]
    if table.get("PartitionKeys"):
        lines += ["PARTITIONED BY ( ", *columns(table["PartitionKeys"])]
    lines += ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', LAZY)}' "]
    if serde.get("Parameters"):
        lines += ["WITH SERDEPROPERTIES ( ", *pairs(serde["Parameters"])]
    lines += ["STORED AS INPUTFORMAT ", f"  '{storage.get('InputFormat') or _TEXT[0]}' "]
    lines += ["OUTPUTFORMAT ", f"  '{storage.get('OutputFormat') or _TEXT[1]}'"]
    lines += ["LOCATION", f"  '{storage.get('Location', '')}'"]
    kept = {key: value for key, value in (table.get("Parameters") or {}).items() if key != "EXTERNAL"}
    return [*lines, "TBLPROPERTIES (", *pairs(kept)] if kept else lines
