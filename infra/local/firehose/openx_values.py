"""JSON values as a Hive column reads them: one reader for each Arrow type.

The OpenX SerDe's documented forms are read: quoted numbers, hexadecimal in quotes, any value as a text column's text,
a value without an array wrapper as a one-element array, a struct by position. Where its implementations disagree or
would change a value in silence (1.9 for an int cut to 1, "yes" for a boolean read as false, a decimal rounded), the
value does not fit and its record goes to the error output. Sources: see ``infra.local.firehose.openx``.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

import pyarrow as pa

MALFORMED = "DataFormatConversion.MalformedData"

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_SPACED = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2}) ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{1,9}))?")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z?")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  landed timestamps are UTC without a zone
_EPOCH_MILLIS_FROM = Decimal(10) ** 12
_BLANK = " \t\r\n"

Reader = Callable[[Any], Any]


class DoesNotFit(Exception):  # noqa: N818  named for what it says of the record
    """A record that cannot be converted: AWS's error code and a message that holds nothing of the payload."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Number(str):
    """A JSON number as it was written: what it is worth depends on the column."""

    __slots__ = ()


def reader_of(column: pa.Field) -> Reader:
    """What turns a JSON value, not null, into a Python value of a column's type; it raises :class:`DoesNotFit`."""
    read = _reader(column.type)

    def of_column(value: Any) -> Any:
        try:
            return read(value)
        except _MismatchError as error:
            raise DoesNotFit(
                MALFORMED,
                f"Data does not match the schema. Column {column.name} of type {column.type} {error}",
            ) from None

    return of_column


class _MismatchError(Exception):
    """Why a value does not fit, in words that do not repeat it."""


def _reader(kind: pa.DataType) -> Reader:
    types = pa.types
    if types.is_string(kind):
        return _text
    if types.is_boolean(kind):
        return _boolean
    if types.is_signed_integer(kind):
        return _integer_reader(kind.bit_width)
    if types.is_float64(kind):
        return _double
    if types.is_float32(kind):
        return _float
    if types.is_decimal(kind):
        return _decimal_reader(kind.precision, kind.scale)
    if types.is_timestamp(kind):
        return _timestamp
    if types.is_date(kind):
        return _date
    if types.is_binary(kind):
        return _binary
    if types.is_list(kind):
        return _array_reader(_reader(kind.value_type))
    if types.is_map(kind):
        return _map_reader(_reader(kind.key_type), _reader(kind.item_type))
    if types.is_struct(kind):
        return _struct_reader([(kind.field(at).name, _reader(kind.field(at).type)) for at in range(kind.num_fields)])
    raise TypeError(f"Arrow type {kind} has no JSON form here")


def _text(value: Any) -> str:
    # Number before str: both are str, and a number's text is what was written.
    if isinstance(value, str):
        return str(value)
    return _rendered(value)


def _rendered(value: Any) -> str:
    """Canonical JSON text without spaces, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_rendered(key)}:{_rendered(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_rendered, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and not isinstance(value, Number) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _MismatchError("takes true or false")


def _integer_reader(bits: int) -> Reader:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def read(value: Any) -> int:
        if not isinstance(value, str):
            raise _MismatchError("takes a whole number")
        if _INTEGER.fullmatch(value):
            number = int(value)
        elif not isinstance(value, Number) and _HEX.fullmatch(value):
            number = int(value, 16)
        else:
            raise _MismatchError("takes a whole number of at most 19 digits, not a fraction or an exponent")
        if not low <= number <= high:
            raise _MismatchError(f"takes {low} to {high}")
        return number

    return read


def _double(value: Any) -> float:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise _MismatchError("takes a number")
    number = float(value)
    if not math.isfinite(number):
        raise _MismatchError("cannot hold a number this large")
    return number


def _float(value: Any) -> float:
    number = _double(value)
    if not math.isfinite(pa.scalar(number, pa.float64()).cast(pa.float32(), safe=False).as_py()):
        raise _MismatchError("cannot hold a number this large")
    return number


def _decimal_reader(precision: int, scale: int) -> Reader:
    context = Context(prec=precision, traps=[Inexact, InvalidOperation])
    step = Decimal(1).scaleb(-scale)

    def read(value: Any) -> Decimal:
        if not isinstance(value, str) or len(value) > 100 or not _DECIMAL.fullmatch(value):
            raise _MismatchError("takes a number")
        try:
            return Decimal(value).quantize(step, context=context)
        except (Inexact, InvalidOperation):
            raise _MismatchError("cannot hold this many digits, and nothing is rounded") from None

    return read


def _date(value: Any) -> date:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _MismatchError("takes yyyy-MM-dd")
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        raise _MismatchError("takes a day that exists") from None


def _timestamp(value: Any) -> datetime:
    if not isinstance(value, str):
        raise _MismatchError("takes a timestamp")
    match = None if isinstance(value, Number) else (_SPACED.fullmatch(value) or _ISO.fullmatch(value))
    try:
        if match is not None:
            *parts, fraction = match.groups()
            year, month, day, hour, minute, second = map(int, parts)
            return datetime(year, month, day, hour, minute, second, _microseconds(fraction or ""))  # noqa: DTZ001
        if len(value) <= 40 and _DECIMAL.fullmatch(value):
            return _from_epoch(Decimal(value))
    except (ValueError, OverflowError):
        raise _MismatchError("takes a moment that exists, in the years 1 to 9999") from None
    raise _MismatchError("takes yyyy-MM-dd HH:mm:ss[.S], an ISO 8601 moment in UTC, or epoch seconds or milliseconds")


def _microseconds(fraction: str) -> int:
    # AWS keeps nanoseconds (INT96). A microsecond column would cut them in silence, so they do not fit.
    if fraction[6:].strip("0"):
        raise _MismatchError("keeps microseconds; send at most 6 digits of a second")
    return int(fraction[:6].ljust(6, "0"))


def _from_epoch(number: Decimal) -> datetime:
    if abs(number) > Decimal(10) ** 15:
        raise OverflowError
    micros = number * (1_000 if abs(number) >= _EPOCH_MILLIS_FROM else 1_000_000)
    if micros != int(micros):
        raise _MismatchError("keeps microseconds; send at most 6 digits of a second")
    return _EPOCH + timedelta(microseconds=int(micros))


def _binary(value: Any) -> bytes:
    if isinstance(value, Number) or not isinstance(value, str):
        raise _MismatchError("takes base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _MismatchError("takes base64 text") from None


def _array_reader(read: Reader) -> Reader:
    def read_array(value: Any) -> list[Any] | None:
        if isinstance(value, list):
            return [None if item is None else read(item) for item in value]
        if value == "":
            return None
        return [read(value)]

    return read_array


def _map_reader(read_key: Reader, read: Reader) -> Reader:
    def read_map(value: Any) -> list[tuple[Any, Any]] | None:
        if isinstance(value, dict):
            pairs = [(read_key(key), None if item is None else read(item)) for key, item in value.items()]
            if len({key for key, _ in pairs}) != len(pairs):
                raise _MismatchError("has one key more than once")
            return pairs
        if isinstance(value, str) and not value.strip(_BLANK):
            return None
        raise _MismatchError("takes an object")

    return read_map


def _struct_reader(fields: list[tuple[str, Reader]]) -> Reader:
    lowered = [(name, name.lower(), read) for name, read in fields]

    def read_struct(value: Any) -> dict[str, Any] | None:
        if isinstance(value, dict):
            found = [(name, value.get(name, value.get(lower)), read) for name, lower, read in lowered]
        elif isinstance(value, list) and len(value) <= len(lowered):
            # By position: https://github.com/floci-io/floci/pull/3521, probed on AWS.
            items = value + [None] * (len(lowered) - len(value))
            found = [(name, item, read) for (name, _, read), item in zip(lowered, items, strict=True)]
        elif isinstance(value, str) and not value.strip(_BLANK):
            return None
        else:
            raise _MismatchError("takes an object")
        return {name: None if item is None else read(item) for name, item, read in found}

    return read_struct
