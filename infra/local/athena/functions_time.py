"""Functions of dates and timestamps."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sqlglot import exp

from infra.local.athena import time_patterns
from infra.local.athena.casts import cast, coerce, fraction
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, function
from infra.local.athena.operators import moment
from infra.local.athena.types import BIGINT, DATE, DAY_SECOND, DOUBLE, TIMESTAMP, VARCHAR, zoned
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
    "l": "%-I", "p": "%p", "j": "%j", "y": "%y", "%": "%%", "r": "%I:%M:%S %p", "x": "%G", "v": "%V",
}  # fmt: skip
_JODA: Final = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g",
    "EEE": "%a", "EEEE": "%A", "a": "%p", "DDD": "%j", "D": "%-j", "y": "%Y", "xxxx": "%G", "ww": "%V", "e": "%u",
    "Z": "\1", "ZZ": "\2",
}  # fmt: skip


def mysql_format(text: str) -> str:
    """A ``date_format`` pattern as DuckDB's.

    Raises:
        QueryError: NOT_SUPPORTED names the part.

    >>> mysql_format("%Y-%m-%d %H:%i:%s")
    '%Y-%m-%d %H:%M:%S'
    """

    def part(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in "DUuVwX":
            raise refused(f"%{letter} in a pattern of date_format")
        if letter not in _MYSQL:
            return letter  # as Trino does
        return _MYSQL[letter]

    return re.sub(r"%(.)", part, text, flags=re.DOTALL)


def joda_format(text: str) -> str:
    """A ``format_datetime`` pattern as DuckDB's.

    Raises:
        QueryError: NOT_SUPPORTED names the part.

    >>> joda_format("yyyy-MM-dd'T'HH:mm")
    '%Y-%m-%dT%H:%M'
    """

    def part(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1].replace("''", "'").replace("%", "%%") or "'"
        if match[2] is None:
            return "%%" if match[0] == "%" else match[0]
        if match[0] not in _JODA:
            raise refused(f"{match[0]} in a pattern of format_datetime")
        return _JODA[match[0]]

    return re.sub(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|.", part, text, flags=re.DOTALL)


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
    shown = value if value.type == DATE and call.name not in _CLOCK_PARTS else moment(value)
    return Typed(sql=f"CAST({_PARTS[call.name].format(shown.sql)} AS BIGINT)", type=BIGINT)


function(*_PARTS)(_part)


@function("current_date")
def _current_date(call: Call) -> Typed:
    today = datetime.fromtimestamp(call.expressions.context.now, UTC).date()
    return Typed(sql=f"CAST('{today.isoformat()}' AS DATE)", type=DATE)


def _digits(call: Call) -> int:
    call.count(0, 1 if call.name != "now" else 0)
    digits = call.arg(0).literal if len(call) else 3
    if not isinstance(digits, int) or not 0 <= digits <= 6:
        raise refused(f"{call.name} with other than 0 to 6 digits")
    return digits


def _clock(call: Call, digits: int) -> int:
    step = 10 ** (6 - min(digits, 3))
    micros: int = int(call.expressions.context.now * 1000) * 1000
    rounded: int = (micros + step // 2) // step * step
    return rounded


@function("now", "current_timestamp")
def _now(call: Call) -> Typed:
    digits = _digits(call)
    return Typed(sql=f"make_timestamptz({_clock(call, digits)})", type=zoned("UTC", digits))


@function("localtimestamp")
def _local_now(call: Call) -> Typed:
    digits = _digits(call)
    return Typed(sql=f"make_timestamp({_clock(call, digits)})", type=replace(TIMESTAMP, precision=digits))


@function("current_timezone")
def _current_timezone(call: Call) -> Typed:
    call.count(0)
    return Typed(sql="'UTC'", type=VARCHAR)


@function("timezone_hour", "timezone_minute")
def _timezone_part(call: Call) -> Typed:
    call.count(1)
    value = _time(call, 0)
    if value.type.kind != "timestamp with time zone":
        raise call.unexpected()
    shown = local(value)
    minutes = f"((epoch_us({shown.sql}) - epoch_us({value.sql})) // 60000000)"
    part = f"{minutes} // 60" if call.name == "timezone_hour" else f"{minutes} % 60"
    return Typed(sql=f"CAST({part} AS BIGINT)", type=BIGINT)


@function("to_milliseconds")
def _to_milliseconds(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"CAST({call.given(0, DAY_SECOND)} AS BIGINT)", type=BIGINT)


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
        first, second = (
            side if side.type.kind == "timestamp with time zone" else instant(moment(side), "UTC")
            for side in (first, second)
        )
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
    call.count(1, 3)
    zone = zone_name(call.constant(1)) if len(call) == 2 else "UTC"
    if len(call) == 3:
        hours, minutes = (call.arg(index).literal for index in (1, 2))
        if not isinstance(hours, int) or not isinstance(minutes, int):
            raise refused("from_unixtime with an offset that is not a literal")
        offset = hours * 60 + minutes
        zone = zone_name(f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}")
    seconds = call.given(0, DOUBLE)
    return Typed(sql=f"make_timestamptz(CAST(round({seconds} * 1000) AS BIGINT) * 1000)", type=zoned(zone))


@function("to_unixtime")
def _to_unixtime(call: Call) -> Typed:
    call.count(1)
    value = _instant_only(call, 0)
    if value.type == DATE:
        value = cast(value, TIMESTAMP)
    return Typed(sql=f"(CAST(epoch_us({value.sql}) AS DOUBLE) / 1e6)", type=DOUBLE)


@function("from_iso8601_timestamp")
def _from_iso(call: Call) -> Typed:
    call.count(1)
    text = call.arg(0).text_literal
    if text is not None and time_patterns.is_iso(text):
        moment = time_patterns.iso_moment(text)
        return Typed(sql=f"make_timestamptz({time_patterns.micros_of(moment)})", type=zoned(_offset_name(moment)))
    # Of a column the zones are not followed: all its moments have to be in UTC, or the offset must not matter.
    return Typed(sql=f"make_timestamptz(sk_iso_utc_micros({call.given(0, VARCHAR)}))", type=zoned("UTC"))


def _instant_only(call: Call, index: int) -> Typed:
    """An argument whose zone does not matter for what is asked."""
    node = call.nodes[index]
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "from_iso8601_timestamp":
        value = call.arg(index)
        return replace(value, sql=value.sql.replace("sk_iso_utc_micros(", "sk_iso_micros(", 1))
    return _time(call, index)


@function("from_iso8601_date")
def _from_iso_date(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"CAST(sk_iso_date({call.given(0, VARCHAR)}) AS DATE)", type=DATE)


def _shown_offset(value: Typed, between: str) -> str:
    """The offset of a moment in its zone as text: +02:00."""
    minutes = f"((epoch_us({local(value).sql}) - epoch_us({value.sql})) // 60000000)"
    sign = f"(CASE WHEN {minutes} < 0 THEN '-' ELSE '+' END)"
    hours, rest = (f"lpad(CAST(abs({minutes}) {op} 60 AS VARCHAR), 2, '0')" for op in ("//", "%"))
    return f"({sign} || {hours} || '{between}' || {rest})"


@function("to_iso8601")
def _to_iso(call: Call) -> Typed:
    call.count(1)
    value = _time(call, 0)
    if value.type == DATE:
        return Typed(sql=f"CAST({value.sql} AS VARCHAR)", type=VARCHAR)
    shown, zone = moment(value), value.type.zone
    sql = f"strftime({shown.sql}, '%Y-%m-%dT%H:%M:%S{fraction(value.type.precision)}')"
    if value.type.kind == "timestamp with time zone":
        if zone is not None and "/" in zone:
            sql = f"({sql} || {_shown_offset(value, ':')})"
        else:
            sql = f"({sql} || '{'Z' if zone == 'UTC' else zone}')"
    return Typed(sql=sql, type=VARCHAR)


@function("at_timezone")
def _at_timezone(call: Call) -> Typed:
    call.count(2)
    value = _instant_only(call, 0)
    if value.type.kind != "timestamp with time zone":
        value = coerce(value, zoned("UTC", value.type.precision or 0)) or value
    if value.type.kind != "timestamp with time zone":
        raise call.unexpected()
    return replace(
        value, type=zoned(zone_name(call.constant(1)), 3 if value.type.precision is None else value.type.precision)
    )


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
    pattern = mysql_format(call.constant(1))
    return Typed(sql=f"strftime({moment(_time(call, 0)).sql}, {quote(pattern)})", type=VARCHAR)


@function("format_datetime")
def _format_datetime(call: Call) -> Typed:
    call.count(2)
    pattern, value = joda_format(call.constant(1)), _time(call, 0)
    sql = f"strftime({moment(value).sql}, {quote(pattern)})"
    if {"\1", "\2"} & set(pattern):
        zoned_value = value if value.type.kind == "timestamp with time zone" else instant(moment(value), "UTC")
        for mark, between in (("\1", ""), ("\2", ":")):
            sql = f"replace({sql}, {quote(mark)}, {_shown_offset(zoned_value, between)})"
    return Typed(sql=sql, type=VARCHAR)


@function("date_parse")
def _date_parse(call: Call) -> Typed:
    call.count(2)
    time_patterns.mysql_parts(call.constant(1))
    micros = f"sk_date_parse({call.given(0, VARCHAR)}, {quote(call.constant(1))})"
    return Typed(sql=f"make_timestamp({micros})", type=TIMESTAMP)


@function("parse_datetime")
def _parse_datetime(call: Call) -> Typed:
    call.count(2)
    pattern = call.constant(1)
    time_patterns.joda_parts(pattern)
    text = call.arg(0).text_literal
    if text is not None and time_patterns.fits(text, pattern):
        moment = time_patterns.joda_moment(text, pattern)
        zone = _offset_name(moment)
        return Typed(sql=f"make_timestamptz({time_patterns.micros_of(moment)})", type=zoned(zone))
    micros = f"sk_parse_datetime({call.given(0, VARCHAR)}, {quote(pattern)})"
    return Typed(sql=f"make_timestamptz({micros})", type=zoned("UTC"))


def _offset_name(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return zone_name(f"{offset[:3]}:{offset[3:]}")


@function("last_day_of_month")
def _last_day(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"last_day(CAST({moment(_time(call, 0)).sql} AS DATE))", type=DATE)
