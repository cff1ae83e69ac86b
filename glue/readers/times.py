"""Times as data sets write them, and the shift that brings old ones into the present."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Literal

from msgspec import Struct

from glue.codec import DEFAULT_LATENESS, parse_timestamp
from glue.readers.rejection import Rejection
from glue.readers.time_forms import Moment, TimeForm, no_zone, read_dated

TimeUnit = Literal["s", "ms", "us", "ns"]

LONGEST_SPAN = DEFAULT_LATENESS.past - timedelta(days=1)
"""The longest a shifted data set may reach back: the contract's lateness limit less a day for the way to the stream."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_MICROSECOND: dict[str, Decimal] = {
    "s": Decimal(1_000_000),
    "ms": Decimal(1_000),
    "us": Decimal(1),
    "ns": Decimal("0.001"),
}
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
# As .NET's JSON has it: milliseconds; an offset behind them changes nothing.
_DOTNET = re.compile(r"\\?/Date\((-?\d{1,17})(?:[+-]\d{4})?\)\\?/", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AMBIGUOUS = re.compile(r"\d{1,4}([/.-])\d{1,2}\1\d{1,4}(?!\d)", re.ASCII)


def read_moment(
    value: object, *, unit: TimeUnit | None = None, assume_utc: bool = False, form: TimeForm | None = None
) -> Moment | Rejection:
    """The moment that a cell names, or why it names none. What is finer than a microsecond is cut, and that is said.

    Args:
        value: a string, a number of ``unit`` since 1970, a datetime, or a date, which is read as its text would be.
        unit: what numbers count; without it a number is refused, since a guess may be wrong by a thousand.
        assume_utc: whether times without a zone are in UTC; otherwise they are refused.
        form: how texts are written, where it is not one of the forms that can mean one thing only.

    >>> read_moment("2026-03-01 10:00:00", assume_utc=True).at.isoformat()
    '2026-03-01T10:00:00+00:00'
    >>> read_moment(1772359200500, unit="ms").at.isoformat()
    '2026-03-01T10:00:00.500000+00:00'
    >>> read_moment("2026-03-01 10:00").reason, read_moment(1772359200).reason
    ('tz', 'time_unit')
    """
    if isinstance(value, str):
        return _read_text(value, unit=unit, assume_utc=assume_utc, form=form)
    if isinstance(value, date) and not isinstance(value, datetime):
        return _read_text(value.isoformat(), unit=unit, assume_utc=assume_utc, form=form)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return Moment(value.replace(tzinfo=UTC)) if assume_utc else no_zone()
        try:
            return Moment(value.astimezone(UTC))
        except OverflowError:
            return _out_of_range()
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        try:
            return _from_epoch(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), unit)
        except InvalidOperation:
            return _out_of_range()
    return Rejection(
        "time", f"a value of type {type(value).__name__}; allowed: a time as text or a number with its unit"
    )


def _read_text(value: str, *, unit: TimeUnit | None, assume_utc: bool, form: TimeForm | None) -> Moment | Rejection:
    if form is not None:
        found = form.read(value, assume_utc=assume_utc)
        return found if found is not None else Rejection("time", f"not a time as --time-format {form.text} has it")
    moment = parse_timestamp(value)
    if isinstance(moment, datetime):
        return Moment(moment)
    if _NUMBER.fullmatch(value):
        return _from_epoch(Decimal(value), unit)
    if (dotnet := _DOTNET.fullmatch(value)) is not None:
        return _from_epoch(Decimal(dotnet[1]), "ms")
    read = read_dated(value, assume_utc=assume_utc)
    if read is not None:
        return read
    if _DAY.fullmatch(value):
        return Rejection("time", "a day without a time of day; say --time-format %Y-%m-%d to take its first moment")
    if moment.reason == "time" and _AMBIGUOUS.match(value):
        advice = "say --time-format month-first, day-first, or a pattern such as '%d/%m/%Y %H:%M'"
        return Rejection("time", f"a date that could be read in several ways; {advice}")
    return Rejection(moment.reason, moment.detail)


def _from_epoch(number: Decimal, unit: TimeUnit | None) -> Moment | Rejection:
    if unit is None:
        return Rejection("time_unit", "a number; say what it counts with --time-unit s, ms, us or ns")
    try:
        micros = number * _PER_MICROSECOND[unit]
        whole = int(micros.to_integral_value(ROUND_FLOOR))
        return Moment(_EPOCH + timedelta(microseconds=whole), is_cut=micros != whole)
    except (OverflowError, InvalidOperation, ValueError):
        return _out_of_range()


def _out_of_range() -> Rejection:
    return Rejection("time_range", "a time outside every calendar; allowed: the lateness limits")


class TimeShift(Struct, frozen=True):
    """Moves times so that the last one becomes ``end``; distances stay, or shrink in proportion when they are too long.

    Args:
        first: the data set's first time.
        last: its last.
        end: what the last one becomes.
        longest: what first to last may measure at most; the contract's lateness limit less a day unless set.

    >>> first, noon, last, end = map(datetime.fromisoformat, (
    ...     "2015-09-12T00:00Z", "2015-09-12T12:00Z", "2015-09-13T00:00Z", "2026-03-01T00:00Z"))
    >>> shift = TimeShift(first, last, end)
    >>> shift.apply(noon).isoformat(), shift.scale
    ('2026-02-28T12:00:00+00:00', 1.0)
    """

    first: datetime
    last: datetime
    end: datetime
    longest: timedelta = LONGEST_SPAN

    @property
    def scale(self) -> float:
        """What distances are multiplied by: 1 unless the data set spans more than ``longest``."""
        span = self.last - self.first
        return 1.0 if span <= self.longest else self.longest / span

    def apply(self, moment: datetime) -> datetime:
        """Where this moment comes to lie."""
        distance = self.last - moment
        return self.end - (distance if self.last - self.first <= self.longest else distance * self.scale)
