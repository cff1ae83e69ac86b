r"""Delimited text as Hive's LazySimpleSerDe reads and writes it.

A column's text stands between field delimiters (^A unless the table says otherwise). The items of a nested one stand
between ^B, the keys and values of a map between ^C, what is nested deeper between the characters that follow.

Source: https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html (2026-11-30)
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from infra.local.athena.errors import refused
from infra.local.athena.rendering import text_of
from infra.local.athena.types import SqlType

NESTED: Final = frozenset({"array", "map", "row"})
_DEEPER: Final = "\x02\x03\x04\x05\x06\x07\x08\x0b"
# Hive looks for the second name, a slip that tables have kept.
_COLLECTION: Final = ("collection.delim", "colelction.delim")


class Delimited:
    """How one table's lines are taken apart and put together.

    Args:
        kinds: the columns' types.
        given: the SerDe's parameters; what is understood is taken out of it.
    """

    def __init__(self, kinds: Sequence[SqlType], given: dict[str, str]) -> None:
        self._kinds = tuple(kinds)
        self._null = given.pop("serialization.null.format", r"\N")
        items = [given.pop(name) for name in _COLLECTION if name in given]
        marks = [given.pop("field.delim", "") or "\x01", *_DEEPER]
        marks[1] = items[0] if items else marks[1]
        marks[2] = given.pop("mapkey.delim", marks[2])
        self._marks: list[str] = marks

    def split(self, line: str) -> list[str | None]:
        """The columns' texts of a line: JSON where the column is nested, base64 where it is bytes."""
        found = line.split(self._marks[0])
        return [
            None if index >= len(found) or found[index] == self._null else self._column(found[index], kind)
            for index, kind in enumerate(self._kinds)
        ]

    def _column(self, text: str, kind: SqlType) -> str:
        if kind.kind in NESTED:
            return json.dumps(self._value(text, kind, 1), ensure_ascii=False)
        return _bytes_text(text) if kind.kind == "varbinary" else text

    def _value(self, text: str, kind: SqlType, depth: int) -> object:
        """A nested value in the form of JSON; what is not of its type is null, as in Hive."""
        if text == self._null:
            return None
        if kind.kind not in NESTED:
            return _scalar(text, kind)
        parts = text.split(self._marks[depth]) if text else []
        if kind.kind == "array":
            return [self._value(part, kind.items[0], depth + 1) for part in parts]
        if kind.kind == "row":
            fields = parts + [self._null] * (len(kind.items) - len(parts))
            return [self._value(part, inner, depth + 1) for part, inner in zip(fields, kind.items, strict=False)]
        pairs = [part.partition(self._marks[depth + 1]) for part in parts]
        found: dict[str, object] = {}
        for key, mark, value in pairs:
            # The first value of a key is the one that counts.
            found.setdefault(key, self._value(value, kind.items[1], depth + 2) if mark else None)
        return found

    def line(self, values: Sequence[Any]) -> str:
        """A row as a line, without its end.

        Raises:
            QueryError: NOT_SUPPORTED for a nested column.
        """
        return self._marks[0].join(
            self._null if value is None else _written(value, kind)
            for value, kind in zip(values, self._kinds, strict=True)
        )


def _bytes_text(text: str) -> str:
    """Bytes are written in base64; what is not is taken as it is."""
    raw = text.encode()
    try:
        base64.b64decode(raw, validate=True)
    except binascii.Error:
        return base64.b64encode(raw).decode()
    return text


_READ: Final[Mapping[str, Callable[[str], object]]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("double", "real"), float),
    "boolean": lambda text: {"true": True, "false": False}.get(text.lower()),
}


def _scalar(text: str, kind: SqlType) -> object:
    try:
        return _READ.get(kind.kind, str)(text)
    except ValueError:
        return None


def _written(value: Any, kind: SqlType) -> str:
    if kind.kind in NESTED:
        raise refused(
            f"INSERT into the {kind.kind} column of a text table", advice="a table STORED AS PARQUET takes it"
        )
    if kind.kind == "varbinary":
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, datetime):
        # As many decimals as it has.
        whole = f"{value.year:04d}-{value:%m-%d %H:%M:%S}"
        return whole if not value.microsecond else f"{whole}.{value.microsecond:06d}".rstrip("0")
    return text_of(value, kind) or ""
