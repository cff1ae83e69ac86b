"""Partition projection: the partitions a table may have, from its parameters alone.

Source: https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html (2026-11-20)
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final

from infra.local.athena.errors import QueryError

MAX_PARTITIONS: Final = 200_000
_NOW: Final = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?\s*", re.IGNORECASE)
_LETTERS: Final = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S",
}  # fmt: skip
_UNIT_SECONDS: Final = {"WEEK": 604_800, "DAY": 86_400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}
# The finest part of a format, and the step that follows from it when none is given.
_FINEST: Final = (("%S", "SECOND"), ("%M", "MINUTE"), ("%H", "HOUR"), ("%d", "DAY"), ("%m", "MONTH"), ("%Y", "YEAR"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a query says of one partition column, by constants.

    Args:
        values: the only values, when it names them.
        low: no value below, as text.
        high: no value above, as text.
    """

    values: frozenset[str] | None = None
    low: str | None = None
    high: str | None = None


def is_projected(parameters: Mapping[str, str]) -> bool:
    """Whether a table's partitions are projected.

    >>> is_projected({"projection.enabled": "true"})
    True
    """
    return parameters.get("projection.enabled", "").lower() == "true"


def projected(
    parameters: Mapping[str, str], columns: Sequence[str], limits: Mapping[str, Limits], now: float
) -> list[tuple[str, ...]]:
    """The partitions, each a text per column.

    Args:
        parameters: the table's parameters (``projection.dt.type`` …).
        columns: the partition columns, in order.
        limits: what is known of a column; it may leave partitions in that are not asked for, never one out that is.
        now: epoch seconds, what ``NOW`` means.

    Raises:
        QueryError: INVALID_TABLE_PROPERTY, or CONSTRAINT_VIOLATION for an injected column without a filter.

    >>> projected({"projection.n.type": "integer", "projection.n.range": "1,3"}, ["n"], {}, 0)
    [('1',), ('2',), ('3',)]
    """
    choices = []
    for column in columns:
        kind = parameters.get(f"projection.{column}.type", "").lower()
        maker = _TYPES.get(kind)
        if maker is None:
            raise _bad(column, "type", f"is {kind or 'missing'}; it may be {', '.join(_TYPES)}")
        values = maker(parameters, column, limits.get(column, Limits()), now)
        known = limits.get(column, Limits()).values
        choices.append([value for value in values if known is None or value in known])
    if prod(len(values) for values in choices) > MAX_PARTITIONS:
        raise QueryError(
            "NOT_SUPPORTED", f"more than {MAX_PARTITIONS} projected partitions; narrow {', '.join(columns)} by WHERE"
        )
    return list(product(*choices))


def location(template: str | None, table_location: str, columns: Sequence[str], values: Sequence[str]) -> str:
    """Where a projected partition lies.

    >>> location("s3://b/t/${dt}/", "", ["dt"], ["2024-01-01"])
    's3://b/t/2024-01-01/'
    >>> location(None, "s3://b/t", ["dt"], ["2024-01-01"])
    's3://b/t/dt=2024-01-01/'
    """
    if template is None:
        parts = "/".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))
        return f"{table_location.rstrip('/')}/{parts}/"
    for column, value in zip(columns, values, strict=True):
        template = template.replace(f"${{{column}}}", value)
    if "${" in template:
        raise QueryError(
            "INVALID_TABLE_PROPERTY", "storage.location.template names a column that is no partition column"
        )
    return template if template.endswith("/") else f"{template}/"


def _bad(column: str, name: str, what: str) -> QueryError:
    return QueryError("INVALID_TABLE_PROPERTY", f"table property projection.{column}.{name} {what}")


def _need(parameters: Mapping[str, str], column: str, name: str) -> str:
    value = parameters.get(f"projection.{column}.{name}")
    if not value:
        raise _bad(column, name, "is missing")
    return value


def _enum(parameters: Mapping[str, str], column: str, limits: Limits, now: float) -> list[str]:
    return _need(parameters, column, "values").split(",")


def _integer(parameters: Mapping[str, str], column: str, limits: Limits, now: float) -> list[str]:
    match = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*", _need(parameters, column, "range"))
    step, digits = (
        parameters.get(f"projection.{column}.interval", "1"),
        parameters.get(f"projection.{column}.digits", "0"),
    )
    if match is None or not step.isdigit() or not int(step) or not digits.isdigit():
        raise _bad(column, "range", "is two whole numbers by a comma; interval and digits are whole numbers")
    low, high, by = int(match[1]), int(match[2]), int(step)
    start = low
    if limits.low is not None and re.fullmatch(r"-?\d+", limits.low):
        start = max(low, low + (int(limits.low) - low) // by * by)
    if limits.high is not None and re.fullmatch(r"-?\d+", limits.high):
        high = min(high, int(limits.high))
    if limits.values is not None:
        known = [int(value) for value in limits.values if re.fullmatch(r"-?\d+", value)]
        return [_padded(n, int(digits)) for n in sorted(known) if low <= n <= high and (n - low) % by == 0]
    if high - start > MAX_PARTITIONS * by:
        raise QueryError("NOT_SUPPORTED", f"more than {MAX_PARTITIONS} projected values; narrow {column} by WHERE")
    return [_padded(number, int(digits)) for number in range(start, high + 1, by)]


def _padded(number: int, digits: int) -> str:
    return f"{number:0{digits}d}" if digits else str(number)


def _injected(parameters: Mapping[str, str], column: str, limits: Limits, now: float) -> list[str]:
    if limits.values is None:
        raise QueryError(
            "CONSTRAINT_VIOLATION",
            f"For the injected projected partition column {column}, the WHERE clause must contain only static equality "
            "conditions, and at least one such condition must be present.",
        )
    return sorted(limits.values)


def _date(parameters: Mapping[str, str], column: str, limits: Limits, now: float) -> list[str]:
    form = date_format(_need(parameters, column, "format"))
    ends = _need(parameters, column, "range").split(",")
    if len(ends) != 2:
        raise _bad(column, "range", "is two dates by a comma")
    first, last = (_end(text.strip(), form, column, now) for text in ends)
    finest = next((unit for letter, unit in _FINEST if letter in form), "YEAR")
    unit = parameters.get(f"projection.{column}.interval.unit", finest).upper().removesuffix("S")
    every = parameters.get(f"projection.{column}.interval", "1")
    if unit not in {*_UNIT_SECONDS, "MONTH", "YEAR"} or not every.isdigit() or not int(every):
        raise _bad(column, "interval.unit", "is YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES or SECONDS")
    found = _steps(first, last, int(every), unit, form)
    if len(found) > MAX_PARTITIONS:
        raise QueryError("NOT_SUPPORTED", f"more than {MAX_PARTITIONS} projected values of {column}")
    return list(dict.fromkeys(found))


@lru_cache(maxsize=16)
def _steps(first: datetime, last: datetime, every: int, unit: str, form: str) -> list[str]:
    """Each step from the first to the last as text, but not many more than there may be.

    Every query of a day asks for the same thousands of days.
    """
    moment = first
    found: list[str] = []
    while moment <= last and len(found) <= MAX_PARTITIONS:
        found.append(moment.strftime(form))
        moment = _moved(first, every * len(found), unit)
    return found


def date_format(java: str) -> str:
    """A Java date pattern as Python's.

    Raises:
        QueryError: INVALID_TABLE_PROPERTY names the part.

    >>> date_format("yyyy/MM/dd'T'HH")
    '%Y/%m/%dT%H'
    """

    def part(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1].replace("%", "%%") or "'"
        if match[2] is None:
            return "%%" if match[0] == "%" else match[0]
        if match[0] not in _LETTERS:
            raise QueryError("INVALID_TABLE_PROPERTY", f"{match[0]} in a projection's date format is not translated")
        return _LETTERS[match[0]]

    return re.sub(r"'([^']*)'|(([A-Za-z])\3*)|.", part, java)


def _end(text: str, form: str, column: str, now: float) -> datetime:
    match = _NOW.fullmatch(text)
    if match is None:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            raise _bad(column, "range", f"{text!r} is not a date of the projection's format") from None
    moment = datetime.fromtimestamp(now, UTC)
    if match[1]:
        moment = _moved(moment, int(match[1] + match[2]), match[3].upper())
    # What the format does not show is not there: NOW as yyyy-MM-dd is today at midnight.
    return datetime.strptime(moment.strftime(form), form).replace(tzinfo=UTC)


def _moved(moment: datetime, number: int, unit: str) -> datetime:
    if unit in _UNIT_SECONDS:
        return moment + timedelta(seconds=number * _UNIT_SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + number * (12 if unit == "YEAR" else 1)
    year, month = divmod(months, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month + 1)


_TYPES: Final[dict[str, Callable[[Mapping[str, str], str, Limits, float], list[str]]]] = {
    "enum": _enum,
    "integer": _integer,
    "date": _date,
    "injected": _injected,
}
