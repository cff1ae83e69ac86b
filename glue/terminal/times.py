"""Times as data sets write them, and the shift that brings old ones into the present."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal

from msgspec import Struct

from glue.codec import DEFAULT_LATENESS, parse_timestamp
from glue.contract import BadInput
from glue.readers.rejection import Rejection

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
_COMMON = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ?(Z|UTC|[+-]\d{2}:?\d{2})?", re.ASCII
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


def read_time(value: object, *, unit: TimeUnit | None = None, assume_utc: bool = False) -> datetime | Rejection:
    """The moment in UTC that a cell names, or why it names none.

    Args:
        value: a string, a number of ``unit`` since 1970, or a datetime.
        unit: what numbers count; without it a number is refused, since a guess may be wrong by a thousand.
        assume_utc: whether times without a zone are in UTC; otherwise they are refused.

    >>> read_time("2026-03-01 10:00:00", assume_utc=True).isoformat()
    '2026-03-01T10:00:00+00:00'
    >>> read_time(1772359200500, unit="ms").isoformat()
    '2026-03-01T10:00:00.500000+00:00'
    >>> read_time("2026-03-01 10:00").reason, read_time(1772359200).reason
    ('tz', 'time_unit')
    """
    if isinstance(value, str):
        moment = parse_timestamp(value)
        if isinstance(moment, datetime):
            return moment
        return _read_text(value, moment, unit=unit, assume_utc=assume_utc)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC) if assume_utc else _no_zone()
        return value.astimezone(UTC)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _from_epoch(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), unit)
    return Rejection(
        "time", f"a value of type {type(value).__name__}; allowed: a time as text or a number with its unit"
    )


def _read_text(value: str, refused: BadInput, *, unit: TimeUnit | None, assume_utc: bool) -> datetime | Rejection:
    if _NUMBER.fullmatch(value):
        try:
            return _from_epoch(Decimal(value), unit)
        except InvalidOperation:
            return Rejection("time_range", "a number outside every calendar; allowed: the lateness limits")
    found = _COMMON.fullmatch(value)
    if found is None:
        return Rejection(refused.reason, refused.detail)
    day, clock, zone = found.groups()
    if zone is None and not assume_utc:
        return _no_zone()
    zone = "Z" if zone in (None, "Z", "UTC") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    moment = parse_timestamp(f"{day}T{clock if clock.count(':') == 2 else clock + ':00'}{zone}")
    return moment if isinstance(moment, datetime) else Rejection(moment.reason, moment.detail)


def _no_zone() -> Rejection:
    return Rejection("tz", "a time without a zone; allowed: RFC 3339 with one, or --assume-utc if these are in UTC")


def _from_epoch(number: Decimal, unit: TimeUnit | None) -> datetime | Rejection:
    if unit is None:
        return Rejection("time_unit", "a number; say what it counts with --time-unit s, ms, us or ns")
    try:
        micros = number * _PER_MICROSECOND[unit]
        if micros != int(micros):
            return Rejection("time_precision", "finer than a microsecond; allowed: microseconds at most")
        return _EPOCH + timedelta(microseconds=int(micros))
    except (OverflowError, InvalidOperation, ValueError):
        return Rejection("time_range", "a number outside every calendar; allowed: the lateness limits")


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
