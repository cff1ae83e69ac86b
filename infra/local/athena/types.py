"""Trino's types: how they are written, which one two of them meet in, and what DuckDB holds them as."""

import re
from dataclasses import dataclass, replace
from typing import Final

from infra.local.athena.errors import QueryError, refused

MAX_VARCHAR: Final = 2147483647
INTEGER_KINDS: Final = ("tinyint", "smallint", "integer", "bigint")
_INTEGER_DIGITS: Final = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_NUMBER_RANK: Final = {"tinyint": 0, "smallint": 1, "integer": 2, "bigint": 3, "decimal": 4, "real": 5, "double": 6}
_TIME_RANK: Final = {"date": 0, "timestamp": 1, "timestamp with time zone": 2}
_DUCKDB: Final = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "varbinary": "BLOB",
    "json": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "interval day to second": "BIGINT",
    "interval year to month": "INTEGER",
    "uuid": "UUID",
    "unknown": "INTEGER",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlType:
    """One Trino type.

    Args:
        kind: Trino's name without parameters, e.g. ``varchar`` or ``array``.
        precision: length of a varchar, digits of a decimal, fraction digits of a timestamp; None when it has none.
        scale: digits after the point of a decimal.
        items: element of an array; key and value of a map; fields of a row.
        names: the row's field names, None for one without a name.
        zone: the time zone that every value of a ``timestamp with time zone`` is known to carry, or None.

    >>> SqlType(kind="decimal", precision=5, scale=2).text
    'decimal(5,2)'
    """

    kind: str
    precision: int | None = None
    scale: int = 0
    items: tuple["SqlType", ...] = ()
    names: tuple[str | None, ...] = ()
    zone: str | None = None

    @property
    def text(self) -> str:
        """The type as Trino writes it in messages."""
        if self.kind == "varchar":
            return "varchar" if self.precision is None else f"varchar({self.precision})"
        if self.kind == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.kind == "timestamp":
            return f"timestamp({self.precision})"
        if self.kind == "timestamp with time zone":
            return f"timestamp({self.precision}) with time zone"
        if self.kind in {"array", "map"}:
            return f"{self.kind}({', '.join(item.text for item in self.items)})"
        if self.kind == "row":
            fields = (
                item.text if name is None else f"{name} {item.text}"
                for name, item in zip(self.names, self.items, strict=True)
            )
            return f"row({', '.join(fields)})"
        return self.kind

    @property
    def duckdb(self) -> str:
        """The DuckDB type that holds its values."""
        if self.kind == "decimal":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.kind == "array":
            return f"{self.items[0].duckdb}[]"
        if self.kind == "map":
            return f"MAP({self.items[0].duckdb}, {self.items[1].duckdb})"
        if self.kind == "row":
            fields = (f"f{index} {item.duckdb}" for index, item in enumerate(self.items))
            return f"STRUCT({', '.join(fields)})"
        return _DUCKDB[self.kind]

    @property
    def is_number(self) -> bool:
        return self.kind in _NUMBER_RANK

    @property
    def is_integer(self) -> bool:
        return self.kind in INTEGER_KINDS

    @property
    def is_floating(self) -> bool:
        return self.kind in {"real", "double"}

    @property
    def is_moment(self) -> bool:
        return self.kind in _TIME_RANK


BOOLEAN: Final = SqlType(kind="boolean")
INTEGER: Final = SqlType(kind="integer")
BIGINT: Final = SqlType(kind="bigint")
REAL: Final = SqlType(kind="real")
DOUBLE: Final = SqlType(kind="double")
VARCHAR: Final = SqlType(kind="varchar")
VARBINARY: Final = SqlType(kind="varbinary")
JSON: Final = SqlType(kind="json")
DATE: Final = SqlType(kind="date")
TIMESTAMP: Final = SqlType(kind="timestamp", precision=3)
UNKNOWN: Final = SqlType(kind="unknown")
DAY_SECOND: Final = SqlType(kind="interval day to second")
YEAR_MONTH: Final = SqlType(kind="interval year to month")


def zoned(zone: str | None, precision: int = 3) -> SqlType:
    """A ``timestamp with time zone`` whose values all carry ``zone`` (None: not known)."""
    return SqlType(kind="timestamp with time zone", precision=precision, zone=zone)


def array(item: SqlType) -> SqlType:
    """``array(item)``."""
    return SqlType(kind="array", items=(item,))


def mapping(key: SqlType, value: SqlType) -> SqlType:
    """``map(key, value)``."""
    return SqlType(kind="map", items=(key, value))


def row(items: tuple[SqlType, ...], names: tuple[str | None, ...] | None = None) -> SqlType:
    """``row(...)``; without names the fields have none."""
    return SqlType(kind="row", items=items, names=names or (None,) * len(items))


def decimal(precision: int, scale: int) -> SqlType:
    """``decimal(precision, scale)``, at most 38 digits."""
    return SqlType(kind="decimal", precision=min(38, precision), scale=scale)


def as_decimal(kind: SqlType) -> SqlType:
    """The decimal that holds every value of an integer type."""
    return kind if kind.kind == "decimal" else decimal(_INTEGER_DIGITS[kind.kind], 0)


def common_type(left: SqlType, right: SqlType) -> SqlType | None:
    """The type both are turned into without being asked for, or None when there is no such type.

    >>> common_type(INTEGER, DOUBLE).text
    'double'
    >>> common_type(VARCHAR, INTEGER) is None
    True
    """
    if left == right:
        return left
    if left.kind == "unknown":
        return right
    if right.kind == "unknown":
        return left
    if left.is_number and right.is_number:
        return _common_number(left, right)
    if left.is_moment and right.is_moment:
        wider = left if _TIME_RANK[left.kind] >= _TIME_RANK[right.kind] else right
        precision = max(left.precision or 0, right.precision or 0) or None
        if wider.kind == "timestamp with time zone":
            zones = {kind.zone if kind.kind == "timestamp with time zone" else "UTC" for kind in (left, right)}
            return replace(wider, precision=precision, zone=zones.pop() if len(zones) == 1 else None)
        return replace(wider, precision=precision)
    if left.kind == right.kind == "varchar":
        lengths = (left.precision, right.precision)
        return VARCHAR if None in lengths else replace(VARCHAR, precision=max(n for n in lengths if n is not None))
    if left.kind == right.kind and left.kind in {"array", "map", "row"} and len(left.items) == len(right.items):
        items = tuple(common_type(a, b) for a, b in zip(left.items, right.items, strict=True))
        if any(item is None for item in items):
            return None
        names = tuple(a if a == b else None for a, b in zip(left.names, right.names, strict=True))
        return SqlType(kind=left.kind, items=tuple(item for item in items if item is not None), names=names)
    return None


def _common_number(left: SqlType, right: SqlType) -> SqlType:
    wider = left if _NUMBER_RANK[left.kind] >= _NUMBER_RANK[right.kind] else right
    if wider.kind != "decimal":
        return wider
    a, b = as_decimal(left), as_decimal(right)
    scale = max(a.scale, b.scale)
    whole = max((a.precision or 0) - a.scale, (b.precision or 0) - b.scale)
    return decimal(whole + scale, scale)


_GLUE: Final = {
    "string": VARCHAR,
    "int": INTEGER,
    "integer": INTEGER,
    "bigint": BIGINT,
    "smallint": SqlType(kind="smallint"),
    "tinyint": SqlType(kind="tinyint"),
    "float": REAL,
    "double": DOUBLE,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "binary": VARBINARY,
    "varchar": VARCHAR,
}


def from_glue(text: str) -> SqlType:
    """The Trino type of a Glue (Hive) column type.

    Args:
        text: e.g. ``string`` or ``array<struct<detector:string,score:double>>``.

    Raises:
        QueryError: NOT_SUPPORTED for a type that is not translated, by its name.

    >>> from_glue("array<struct<label:string,score:double>>").text
    'array(row(label varchar, score double))'
    """
    compact = text.strip()
    lowered = compact.lower()
    if lowered in _GLUE:
        return _GLUE[lowered]
    if match := re.fullmatch(r"decimal(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", lowered):
        return decimal(int(match[1] or 10), int(match[2] or 0))
    if match := re.fullmatch(r"varchar\((\d+)\)", lowered):
        return replace(VARCHAR, precision=int(match[1]))
    if lowered.startswith("array<") and lowered.endswith(">"):
        return array(from_glue(compact[6:-1]))
    if lowered.startswith("map<") and lowered.endswith(">"):
        key, value = _split(compact[4:-1])
        return mapping(from_glue(key), from_glue(value))
    if lowered.startswith("struct<") and lowered.endswith(">"):
        pairs = [part.split(":", 1) for part in _split(compact[7:-1])]
        return row(
            tuple(from_glue(kind) for _, kind in pairs), tuple(name.strip().strip("`").lower() for name, _ in pairs)
        )
    raise refused(f"the Glue column type {text!r}")


def to_glue(kind: SqlType) -> str:
    """The Glue (Hive) type a table made from a query has.

    >>> to_glue(array(VARCHAR))
    'array<string>'
    """
    if kind.kind == "varchar":
        return "string" if kind.precision is None else f"varchar({kind.precision})"
    if kind.kind == "integer":
        return "int"
    if kind.kind == "real":
        return "float"
    if kind.kind == "varbinary":
        return "binary"
    if kind.kind == "timestamp":
        return "timestamp"
    if kind.kind == "array":
        return f"array<{to_glue(kind.items[0])}>"
    if kind.kind == "map":
        return f"map<{to_glue(kind.items[0])},{to_glue(kind.items[1])}>"
    if kind.kind == "row":
        fields = (f"{name or f'field{i}'}:{to_glue(item)}" for i, (name, item) in enumerate(_fields(kind)))
        return f"struct<{','.join(fields)}>"
    if kind.kind == "decimal":
        return kind.text
    if kind.kind in {"boolean", "tinyint", "smallint", "bigint", "double", "date"}:
        return kind.kind
    raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {kind.text}")


def _fields(kind: SqlType) -> list[tuple[str | None, SqlType]]:
    return list(zip(kind.names, kind.items, strict=True))


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "<(":
            depth += 1
        elif character in ">)":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts
