"""How the lines of a text table become columns: the formats that Athena reads, by the names of their classes.

Source: https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html (2026-11-30)
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import re2

from infra.local.athena import json as query_json
from infra.local.athena.casts import cast
from infra.local.athena.delimited import NESTED, Delimited
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.table_definitions import LAZY
from infra.local.athena.types import JSON, VARCHAR, SqlType, from_glue
from infra.local.athena.values import Typed

_CSV: Final = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
_REGEX: Final = "org.apache.hadoop.hive.serde2.RegexSerDe"
_OPENX: Final = "org.openx.data.jsonserde.JsonSerDe"
_HIVE_JSON: Final = frozenset({"org.apache.hive.hcatalog.data.JsonSerDe", "org.apache.hadoop.hive.serde2.JsonSerDe"})
Split = Callable[[str], list[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormat:
    """A text table's format.

    Args:
        columns: their types.
        split: the columns' texts of a line, each JSON text where the column is nested.
        skipped: lines at the beginning of each object that are no rows.
        base64: whether the text of a column of bytes is that.
    """

    columns: tuple[SqlType, ...]
    split: Split
    skipped: int = 0
    base64: bool = False

    def value(self, index: int, text: str) -> str:
        """The DuckDB text of a column made from its text; what is not of its type is NULL."""
        kind = self.columns[index]
        if kind.kind == "varchar":
            return text if kind.precision is None else f"substr({text}, 1, {kind.precision})"
        if kind.kind == "varbinary" and self.base64:
            return f"from_base64({text})"
        if kind.kind in NESTED:
            return cast(Typed(sql=text, type=JSON), kind).sql
        if kind.kind == "timestamp":
            text = f"replace(regexp_replace({text}, 'Z$', ''), 'T', ' ')"
        return f"TRY({cast(Typed(sql=f'trim({text})', type=VARCHAR), kind).sql})"


def text_format(table: dict[str, Any]) -> TextFormat | None:
    """The format of a text table, or None for a table of another kind.

    Raises:
        QueryError: NOT_SUPPORTED names what is not translated.
    """
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    library, given = str(serde.get("SerializationLibrary") or ""), dict(serde.get("Parameters") or {})
    maker = _MAKERS.get(library)
    if maker is None and library != LAZY:
        return None
    names = [str(column["Name"]).lower() for column in storage.get("Columns") or ()]
    kinds = tuple(from_glue(str(column.get("Type") or "string")) for column in storage.get("Columns") or ())
    if library in {_CSV, _REGEX} and any(kind.kind in NESTED for kind in kinds):
        raise refused(f"the {next(k.kind for k in kinds if k.kind in NESTED)} column of the text table {table['Name']}")
    given.pop("serialization.format", None)
    split = Delimited(kinds, given).split if maker is None else maker(names, given)
    if given:
        raise refused(f"{sorted(given)[0]} of the text table {table.get('Name')}")
    skipped = int((table.get("Parameters") or {}).get("skip.header.line.count") or 0)
    return TextFormat(columns=kinds, split=split, skipped=skipped, base64=library == LAZY)


def _fitted(values: list[str | None], width: int) -> list[str | None]:
    return (values + [None] * width)[:width]


def _open_csv(names: list[str], given: dict[str, str]) -> Split:
    mark, quote = given.pop("separatorChar", ","), given.pop("quoteChar", '"')
    escape = given.pop("escapeChar", "\\")

    def split(line: str) -> list[str | None]:
        try:
            [row] = csv.reader([line], delimiter=mark, quotechar=quote, escapechar=None if escape == quote else escape)
        except (csv.Error, ValueError):
            row = []
        return _fitted(list(row), len(names))

    return split


def _regex(names: list[str], given: dict[str, str]) -> Split:
    pattern = given.pop("input.regex", "")
    given.pop("input.regex.case.insensitive", None)
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error:
        raise refused("the input.regex of a table, which RE2 does not read") from None
    if compiled.groups != len(names):
        raise QueryError(
            "HIVE_CURSOR_ERROR", f"Number of matching groups doesn't match the number of columns: "
            f"{compiled.groups} groups, {len(names)} columns"
        )  # fmt: skip

    def split(line: str) -> list[str | None]:
        match = compiled.fullmatch(line)
        return [None] * len(names) if match is None else list(match.groups())

    return split


def _openx(names: list[str], given: dict[str, str]) -> Split:
    lenient = given.pop("ignore.malformed.json", "false").lower() == "true"
    if given.pop("case.insensitive", "true").lower() != "true":
        raise refused("case.insensitive = false of the JSON SerDe")
    mapped = {key.removeprefix("mapping.").lower(): given.pop(key) for key in [*given] if key.startswith("mapping.")}
    return _json([mapped.get(name, name) for name in names], lenient=lenient)


def _hive_json(names: list[str], given: dict[str, str]) -> Split:
    return _json(names, lenient=given.pop("ignore.malformed.json", "false").lower() == "true")


def _json(names: list[str], *, lenient: bool) -> Split:
    wanted = [name.lower() for name in names]

    def split(line: str) -> list[str | None]:
        if not line.strip():
            return [None] * len(wanted)
        try:
            document = query_json.load(line)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, query_json.JsonObject):
            if lenient:
                return [None] * len(wanted)
            raise QueryError("HIVE_CURSOR_ERROR", "Row is not a valid JSON Object")
        found = {key.lower(): value for key, value in document.pairs}
        return [_shown(found.get(name)) for name in wanted]

    return split


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return query_json.dump(value)


_MAKERS: Final[dict[str, Callable[[list[str], dict[str, str]], Split]]] = {
    _CSV: _open_csv,
    _REGEX: _regex,
    _OPENX: _openx,
    **dict.fromkeys(_HIVE_JSON, _hive_json),
}
