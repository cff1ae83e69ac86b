"""Arrow types and schemas from Hive type strings: the one reading of a Glue column's type.

Source: https://docs.aws.amazon.com/athena/latest/ug/data-types.html (2026-11-20)
"""

import re
from collections.abc import Iterable

import pyarrow as pa

_SCALARS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    # UTC without a zone, in microseconds: never the INT96/ns form, which wraps outside 1677..2262 without an error.
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "binary": pa.binary(),
}
_NAME = re.compile(r"[A-Za-z0-9_]+")
_SIZED_TEXT = {"char": 255, "varchar": 65_535}


def arrow_type(hive: str) -> pa.DataType:
    """The Arrow type of a Hive type string.

    Args:
        hive: a Hive type as Glue stores it: scalars, ``decimal(p,s)``, ``char(n)``, ``varchar(n)``, ``array<>``,
            ``map<,>`` and ``struct<name:type,...>``, nested to any depth up to 32.

    Raises:
        ValueError: for a type outside that list; the message names the type and the place.

    >>> arrow_type("array<struct<a:string,b:decimal(9,2)>>")
    ListType(list<element: struct<a: string, b: decimal128(9, 2)>>)
    >>> arrow_type("uniontype<int,string>")
    Traceback (most recent call last):
    ValueError: Hive type 'uniontype<int,string>': 'uniontype' at 0 is not one of the types this project lands
    """
    parser = _Parser(hive)
    found = parser.type(0)
    parser.end()
    return found


def arrow_schema(columns: Iterable[tuple[str, str]]) -> pa.Schema:
    """The Arrow schema of a table's columns, in their order.

    Args:
        columns: (name, Hive type) pairs.

    Raises:
        ValueError: for an unknown type, or a name that comes twice.

    >>> arrow_schema([("id", "string"), ("n", "int")]).names
    ['id', 'n']
    """
    fields = [pa.field(name, arrow_type(hive)) for name, hive in columns]
    names = [field.name for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"columns {twice} come more than once: every column has its own name")
    return pa.schema(fields)


class _Parser:
    """Reads one Hive type string from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def type(self, depth: int) -> pa.DataType:
        if depth > 32:
            raise self._error("nested deeper than 32")
        start = self._at
        word = self._word().lower()
        if word in _SCALARS:
            return _SCALARS[word]
        if word == "decimal":
            return self._decimal()
        if word in _SIZED_TEXT:
            return self._sized_text(word)
        if word == "array":
            self._take("<")
            element = self.type(depth + 1)
            self._take(">")
            # `element` is the name Parquet's own list layout gives it.
            return pa.list_(pa.field("element", element))
        if word == "map":
            self._take("<")
            key = self.type(depth + 1)
            self._take(",")
            value = self.type(depth + 1)
            self._take(">")
            return pa.map_(key, value)
        if word == "struct":
            return self._struct(depth)
        raise ValueError(f"Hive type {self._text!r}: {word!r} at {start} is not one of the types this project lands")

    def end(self) -> None:
        self._blank()
        if self._at != len(self._text):
            raise self._error("something follows the type")

    def _struct(self, depth: int) -> pa.DataType:
        self._take("<")
        fields: list[pa.Field] = []
        while True:
            name = self._word()
            self._take(":")
            fields.append(pa.field(name, self.type(depth + 1)))
            self._blank()
            if self._peek() == ",":
                self._at += 1
                continue
            self._take(">")
            return pa.struct(fields)

    def _decimal(self) -> pa.DataType:
        self._blank()
        if self._peek() != "(":
            return pa.decimal128(10, 0)  # Hive's default
        self._take("(")
        precision = self._number()
        self._blank()
        scale = 0
        if self._peek() == ",":
            self._at += 1
            scale = self._number()
        self._take(")")
        if not 1 <= precision <= 38 or scale > precision:
            raise self._error(f"decimal({precision},{scale}) is outside 1..38 digits, scale at most the precision")
        return pa.decimal128(precision, scale)

    def _sized_text(self, word: str) -> pa.DataType:
        self._take("(")
        length = self._number()
        self._take(")")
        if not 1 <= length <= _SIZED_TEXT[word]:
            raise self._error(f"{word}({length}) is outside 1..{_SIZED_TEXT[word]}")
        return pa.string()

    def _number(self) -> int:
        word = self._word()
        if not (word.isascii() and word.isdigit()):
            raise self._error(f"{word!r} is not a number")
        return int(word)

    def _word(self) -> str:
        self._blank()
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise self._error("a name is expected")
        self._at = match.end()
        return match.group()

    def _take(self, mark: str) -> None:
        self._blank()
        if self._peek() != mark:
            raise self._error(f"{mark!r} is expected")
        self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _blank(self) -> None:
        while self._peek() == " ":
            self._at += 1

    def _error(self, why: str) -> ValueError:
        return ValueError(f"Hive type {self._text!r}: {why} at {self._at}")
