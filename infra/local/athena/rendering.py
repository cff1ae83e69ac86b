"""Values as Athena writes them into results, and types as it names them there."""

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytz

from infra.local.athena.plan import OutColumn
from infra.local.athena.text import double_text, real_text
from infra.local.athena.types import MAX_VARCHAR, SqlType

_PRECISIONS: Final = {
    "boolean": 0, "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "real": 17, "double": 17, "date": 0,
    "timestamp": 3, "timestamp with time zone": 3,
}  # fmt: skip


def column_info(column: OutColumn) -> dict[str, Any]:
    """A column as ``ResultSetMetadata`` describes it."""
    kind = column.type
    precision = _PRECISIONS.get(kind.kind, 0)
    if kind.kind == "varchar":
        precision = MAX_VARCHAR if kind.precision is None else kind.precision
    elif kind.kind == "decimal":
        precision = kind.precision or 0
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.shown,
        "Label": column.shown,
        "Type": {"real": "float"}.get(kind.kind, kind.kind),
        "Precision": precision,
        "Scale": kind.scale if kind.kind == "decimal" else 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind.kind == "varchar",
    }


def text_of(value: Any, kind: SqlType) -> str | None:
    """A value as a field of the result, None for NULL.

    >>> from infra.local.athena.types import array, DOUBLE
    >>> text_of([1.0, None], array(DOUBLE))
    '[1.0, null]'
    """
    if value is None:
        return None
    name = kind.kind
    if name in {"varchar", "json", "uuid"}:
        return str(value)
    if name == "boolean":
        return "true" if value else "false"
    if name == "double":
        return double_text(value)
    if name == "real":
        return real_text(value)
    if name == "decimal":
        return format(value, "f")
    if name == "timestamp":
        return _stamp(value, kind.precision)
    if name == "timestamp with time zone":
        zone = kind.zone or "UTC"
        return f"{_stamp(value.astimezone(_zone(zone)), kind.precision)} {zone}"
    if name == "varbinary":
        return " ".join(f"{byte:02x}" for byte in bytes(value))
    if name.startswith("interval"):
        return interval_text(int(value), name)
    if name == "array":
        return "[" + ", ".join(_inner(item, kind.items[0]) for item in value) + "]"
    if name == "map":
        pairs = (f"{_inner(key, kind.items[0])}={_inner(item, kind.items[1])}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if name == "row":
        fields = (
            f"{field or f'field{index}'}={_inner(item, inner)}"
            for index, (field, inner, item) in enumerate(zip(kind.names, kind.items, value.values(), strict=True))
        )
        return "{" + ", ".join(fields) + "}"
    return str(value)


def interval_text(value: int, kind: str) -> str:
    """An interval of milliseconds or months, as ``kind`` says, written out."""
    if kind == "interval day to second":
        return _day_second(value)
    return f"{'-' if value < 0 else ''}{abs(value) // 12}-{abs(value) % 12}"


def _inner(value: Any, kind: SqlType) -> str:
    text = text_of(value, kind)
    return "null" if text is None else text


def _stamp(value: datetime, precision: int | None) -> str:
    base = f"{value.year:04d}-{value:%m-%d %H:%M:%S}"
    return f"{base}.{value.microsecond:06d}" if precision == 6 else f"{base}.{value.microsecond // 1000:03d}"


def _zone(name: str) -> Any:
    if name[0] in "+-":
        sign = -1 if name[0] == "-" else 1
        return timezone(sign * timedelta(hours=int(name[1:3]), minutes=int(name[4:6])))
    return pytz.timezone(name)


def _day_second(milliseconds: int) -> str:
    sign, rest = ("-" if milliseconds < 0 else ""), abs(milliseconds)
    days, rest = divmod(rest, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, 1000)
    return f"{sign}{days} {hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"
