"""Functions of dates and timestamps."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from infra.local.athena.casts import cast, coerce, fraction, rounded
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, function
from infra.local.athena.operators import moment
from infra.local.athena.types import BIGINT, DATE, DOUBLE, TIMESTAMP, VARCHAR, zoned
from infra.local.athena.values import Typed, quote
from infra.local.athena.zones import instant, local, zone_name

_UNITS: Final = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_DATE_UNITS: Final = ("day", "week", "month", "quarter", "year")
# The value of a part of a moment as DuckDB text.
_PARTS: Final = {
    "year": "year({0})",
    "quarter": "quarter({0})",
    "month": "month({0})",
    "week": "extract(week FROM {0})",
    "week_of_year": "extract(week FROM {0})",
    "day": "day({0})",
    "day_of_month": "day({0})",
    "day_of_week": "extract(isodow FROM {0})",
    "dow": "extract(isodow FROM {0})",
    "day_of_year": "dayofyear({0})",
    "doy": "dayofyear({0})",
    "year_of_week": "extract(isoyear FROM {0})",
    "yow": "extract(isoyear FROM {0})",
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "second({0})",
    "millisecond": "((epoch_us({0}) % 1000000 + 1000000) % 1000000) // 1000",
}
_CLOCK_PARTS: Final = ("hour", "minute", "second", "millisecond")
_MYSQL: Final = {
    "Y": "%Y", "m": "%m", "d": "%d", "H": "%H", "i": "%M", "s": "%S", "S": "%S", "T": "%H:%M:%S", "f": "%f",
    "M": "%B", "b": "%b", "W": "%A", "a": "%a", "e": "%-d", "c": "%-m", "k": "%-H", "h": "%I", "I": "%I",
    "l": "%-I", "p": "%p", "j": "%j", "y": "%y", "%": "%%",
}  # fmt: skip
_MYSQL_READ: Final = frozenset("YmdHisST%")
_JODA: Final = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g",
    "EEE": "%a", "EEEE": "%A", "a": "%p", "DDD": "%j",
}  # fmt: skip
_JODA_READ: Final = frozenset({"yyyy", "MM", "dd", "HH", "mm", "ss"})
_ISO: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)


def mysql_format(text: str, *, reading: bool) -> str:
    """A ``date_format`` pattern as DuckDB's.

    Raises:
        QueryError: NOT_SUPPORTED names the part.

    >>> mysql_format("%Y-%m-%d %H:%i:%s", reading=True)
    '%Y-%m-%d %H:%M:%S'
    """

    def part(match: re.Match[str]) -> str:
        letter = match[1]
        if letter not in _MYSQL or (reading and letter not in _MYSQL_READ):
            raise refused(f"%{letter} in a pattern of date_{'parse' if reading else 'format'}")
        return _MYSQL[letter]

    return re.sub(r"%(.)", part, text, flags=re.DOTALL)


def joda_format(text: str, *, reading: bool) -> str:
    """A ``format_datetime`` pattern as DuckDB's.

    Raises:
        QueryError: NOT_SUPPORTED names the part.

    >>> joda_format("yyyy-MM-dd'T'HH:mm", reading=True)
    '%Y-%m-%dT%H:%M'
    """

    def part(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1].replace("''", "'").replace("%", "%%") or "'"
        if match[2] is None:
            return "%%" if match[0] == "%" else match[0]
        if match[0] not in _JODA or (reading and match[0] not in _JODA_READ):
            raise refused(f"{match[0]} in a pattern of {'parse' if reading else 'format'}_datetime")
        return _JODA[match[0]]

    return re.sub(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|.", part, text, flags=re.DOTALL)


def iso_moment(text: str) -> datetime:
    """The moment an ISO 8601 text names, UTC when it has no zone.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.

    >>> iso_moment("2024-01-01T10:00:00+02:00").isoformat()
    '2024-01-01T10:00:00+02:00'
    """
    match = _ISO.fullmatch(text)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        zone = match[8] or "Z"
        offset = timedelta(0)
        if zone != "Z":
            digits = zone[1:].replace(":", "").ljust(4, "0")
            offset = int(zone[0] + "1") * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        milliseconds = int((match[7] or "0").ljust(3, "0")[:3])
        return datetime(
            year, month, day, hour, minute, second, milliseconds * 1000, tzinfo=timezone(offset) if offset else UTC
        )
    except ValueError:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Invalid format: the value is not ISO 8601") from None


def iso_micros(text: str) -> int:
    """As ``iso_moment``, in microseconds since 1970."""
    return (iso_moment(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _unit(call: Call, index: int, allowed: tuple[str, ...]) -> str:
    unit = call.constant(index).lower()
    if unit not in allowed:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{call.position}: '{unit}' is not a valid unit for {call.name}")
    return unit


def _time(call: Call, index: int) -> Typed:
    value = call.arg(index)
    if value.type.kind == "unknown":
        return cast(value, TIMESTAMP)
    if not value.type.is_moment:
        raise call.unexpected()
    return value


def _part(call: Call) -> Typed:
    call.count(1)
    value = _time(call, 0)
    if call.name in _CLOCK_PARTS and value.type == DATE:
        raise call.unexpected()
    shown = value if value.type == DATE else moment(value)
    return Typed(sql=f"CAST({_PARTS[call.name].format(shown.sql)} AS BIGINT)", type=BIGINT)


function(*_PARTS)(_part)


@function("current_date")
def _current_date(call: Call) -> Typed:
    today = datetime.fromtimestamp(call.expressions.context.now, UTC).date()
    return Typed(sql=f"CAST('{today.isoformat()}' AS DATE)", type=DATE)


@function("now", "current_timestamp")
def _now(call: Call) -> Typed:
    call.count(0)
    return Typed(sql=f"make_timestamptz({int(call.expressions.context.now * 1000) * 1000})", type=zoned("UTC"))


@function("localtimestamp")
def _local_now(call: Call) -> Typed:
    return Typed(sql=f"make_timestamp({int(call.expressions.context.now * 1000) * 1000})", type=TIMESTAMP)


@function("date")
def _date(call: Call) -> Typed:
    call.count(1)
    if call.arg(0).type.kind not in {"varchar", "unknown"} and not call.arg(0).type.is_moment:
        raise call.unexpected()
    return cast(call.arg(0), DATE)


@function("date_trunc")
def _date_trunc(call: Call) -> Typed:
    call.count(2)
    value = _time(call, 1)
    unit = _unit(call, 0, _DATE_UNITS if value.type == DATE else _UNITS)
    if value.type.kind == "timestamp with time zone":
        shown = local(value)
        return instant(replace(shown, sql=f"date_trunc('{unit}', {shown.sql})"), value.type.zone or "UTC")
    return Typed(sql=f"CAST(date_trunc('{unit}', {value.sql}) AS {value.type.duckdb})", type=value.type)


_STEPS: Final = {
    "millisecond": "to_milliseconds({0})", "second": "to_seconds({0})", "minute": "to_minutes({0})",
    "hour": "to_hours({0})", "day": "to_days(CAST({0} AS INTEGER))", "week": "to_days(CAST({0} * 7 AS INTEGER))",
    "month": "to_months(CAST({0} AS INTEGER))", "quarter": "to_months(CAST({0} * 3 AS INTEGER))",
    "year": "to_months(CAST({0} * 12 AS INTEGER))",
}  # fmt: skip


@function("date_add")
def _date_add(call: Call) -> Typed:
    call.count(3)
    value = _time(call, 2)
    unit = _unit(call, 0, _DATE_UNITS if value.type == DATE else _UNITS)
    step = _STEPS[unit].format(call.given(1, BIGINT))
    if value.type.kind == "timestamp with time zone":
        shown = local(value)
        moved = instant(replace(shown, sql=f"({shown.sql} + {step})"), value.type.zone or "UTC")
        clock = unit in _UNITS[:4]
        return replace(value, sql=f"({value.sql} + {step})") if clock else moved
    return Typed(sql=f"CAST({value.sql} + {step} AS {value.type.duckdb})", type=value.type)


@function("date_diff")
def _date_diff(call: Call) -> Typed:
    call.count(3)
    first, second = _time(call, 1), _time(call, 2)
    if "timestamp with time zone" in {first.type.kind, second.type.kind}:
        if first.type.zone != "UTC" or second.type.zone != "UTC":
            raise refused("date_diff of timestamps whose zone is not UTC", advice="use at_timezone(x, 'UTC')")
        first, second = local(first), local(second)
    both = first.type == DATE and second.type == DATE
    unit = _unit(call, 0, _DATE_UNITS if both else _UNITS)
    a, b = moment(first).sql, moment(second).sql
    # Complete units between the two, the same in both directions; DuckDB's date_diff counts boundaries.
    sql = f"(CASE WHEN {a} <= {b} THEN date_sub('{unit}', {a}, {b}) ELSE - date_sub('{unit}', {b}, {a}) END)"
    return Typed(sql=sql, type=BIGINT)


@function("from_unixtime")
def _from_unixtime(call: Call) -> Typed:
    call.count(1, 2)
    zone = zone_name(call.constant(1)) if len(call) == 2 else "UTC"
    seconds = call.given(0, DOUBLE)
    return Typed(sql=f"make_timestamptz(CAST(round({seconds} * 1000) AS BIGINT) * 1000)", type=zoned(zone))


@function("to_unixtime")
def _to_unixtime(call: Call) -> Typed:
    call.count(1)
    value = _time(call, 0)
    if value.type == DATE:
        value = cast(value, TIMESTAMP)
    return Typed(sql=f"(CAST(epoch_us({value.sql}) AS DOUBLE) / 1e6)", type=DOUBLE)


@function("from_iso8601_timestamp")
def _from_iso(call: Call) -> Typed:
    call.count(1)
    text = call.arg(0).text_literal
    zone = None
    if text is not None:
        offset = iso_moment(text).strftime("%z")
        zone = zone_name(f"{offset[:3]}:{offset[3:]}")
    return Typed(sql=f"make_timestamptz(sk_iso_micros({call.given(0, VARCHAR)}))", type=zoned(zone))


@function("from_iso8601_date")
def _from_iso_date(call: Call) -> Typed:
    call.count(1)
    text = call.given(0, VARCHAR)
    sql = f"CASE WHEN regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN {text} "
    return Typed(sql=f"CAST({sql} WHEN {text} IS NOT NULL THEN 'INVALID' END AS DATE)", type=DATE)


@function("to_iso8601")
def _to_iso(call: Call) -> Typed:
    call.count(1)
    value = _time(call, 0)
    if value.type == DATE:
        return Typed(sql=f"CAST({value.sql} AS VARCHAR)", type=VARCHAR)
    shown, zone = moment(value), value.type.zone
    sql = f"strftime({shown.sql}, '%Y-%m-%dT%H:%M:%S{fraction(value.type.precision)}')"
    if value.type.kind == "timestamp with time zone":
        if zone is None or ("/" in zone):
            raise refused("to_iso8601 of a moment in a named zone", advice="use at_timezone(x, 'UTC')")
        sql = f"({sql} || '{'Z' if zone == 'UTC' else zone}')"
    return Typed(sql=sql, type=VARCHAR)


@function("at_timezone")
def _at_timezone(call: Call) -> Typed:
    call.count(2)
    value = coerce(_time(call, 0), zoned("UTC")) or call.arg(0)
    if value.type.kind != "timestamp with time zone":
        raise call.unexpected()
    return replace(value, type=zoned(zone_name(call.constant(1)), value.type.precision or 3))


@function("with_timezone")
def _with_timezone(call: Call) -> Typed:
    call.count(2)
    value = _time(call, 0)
    if value.type.kind == "timestamp with time zone":
        raise call.unexpected()
    return instant(moment(value), zone_name(call.constant(1)))


@function("date_format")
def _date_format(call: Call) -> Typed:
    call.count(2)
    pattern = mysql_format(call.constant(1), reading=False)
    return Typed(sql=f"strftime({moment(_time(call, 0)).sql}, {quote(pattern)})", type=VARCHAR)


@function("format_datetime")
def _format_datetime(call: Call) -> Typed:
    call.count(2)
    pattern = joda_format(call.constant(1), reading=False)
    return Typed(sql=f"strftime({moment(_time(call, 0)).sql}, {quote(pattern)})", type=VARCHAR)


def _parsed(call: Call, pattern: str) -> str:
    # DuckDB reads over blanks around the text, Trino does not.
    text = call.given(0, VARCHAR)
    strict = f"CASE WHEN regexp_matches({text}, '^\\s|\\s$') THEN 'INVALID' ELSE {text} END"
    return f"strptime({strict}, {quote(pattern)})"


@function("date_parse")
def _date_parse(call: Call) -> Typed:
    call.count(2)
    pattern = mysql_format(call.constant(1), reading=True)
    return Typed(sql=rounded(_parsed(call, pattern), 3), type=TIMESTAMP)


@function("parse_datetime")
def _parse_datetime(call: Call) -> Typed:
    call.count(2)
    pattern = joda_format(call.constant(1), reading=True)
    return instant(Typed(sql=_parsed(call, pattern), type=TIMESTAMP), "UTC")


@function("last_day_of_month")
def _last_day(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"last_day(CAST({moment(_time(call, 0)).sql} AS DATE))", type=DATE)
