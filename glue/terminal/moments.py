"""Moments and periods as people write them: ``7d``, ``1.5h``, ``2026-11-20``, ``2026-11-20T09:30:00Z``, ``now``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_RELATIVE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(s|m|h|d|w)\Z", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?\Z",
    re.ASCII,
)
ALLOWED = "a date 2026-11-20, a time 2026-11-20T09:30:00Z, how long ago as 90m, 1.5h, 24h, 7d or 2w, or now"


class Period(Struct, frozen=True):
    """From ``since`` on, up to and without ``until``; both with a zone.

    Raises:
        ValueError: it would be empty.
    """

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise ValueError(
                f"the period is empty: since {in_utc(self.since)} is not before until {in_utc(self.until)}; "
                "until names the first moment that is not part of it"
            )


def moment(text: str, *, now: float) -> datetime:
    """The moment that a text names, in UTC.

    Args:
        text: a date (its first moment in UTC), an RFC 3339 time, a span before ``now``, or ``now`` itself. A time
            without a zone is in UTC; see :func:`lacks_zone`.
        now: epoch seconds; counted in whole seconds.

    Raises:
        ValueError: anything else, finer than a millisecond, or outside 2000 to 2100.

    >>> moment("7d", now=1_763_631_000).isoformat(), moment("1.5h", now=1_763_631_000).isoformat()
    ('2025-11-13T09:30:00+00:00', '2025-11-20T08:00:00+00:00')
    >>> moment("2026-11-20", now=0).isoformat(), moment("2026-11-20T10:00", now=0).isoformat()
    ('2026-11-20T00:00:00+00:00', '2026-11-20T10:00:00+00:00')
    """
    present = datetime.fromtimestamp(int(now), UTC)
    if text == "now":
        return present
    if relative := _RELATIVE.match(text):
        found = _bounded(text, lambda: present - timedelta(**{_UNITS[relative[2]]: float(relative[1])}))
        return found.replace(microsecond=found.microsecond // 1000 * 1000)
    if _DATE.match(text):
        return _bounded(text, lambda: datetime.fromisoformat(text).replace(tzinfo=UTC))
    time = _TIME.match(text)
    if time is None:
        raise ValueError(f"{text!r} is not a time; allowed: {ALLOWED}")
    day, clock, zone = time.groups()
    if clock.partition(".")[2][3:].strip("0"):
        raise ValueError(f"{text!r} is finer than a millisecond, which moments are counted in; cut it to milliseconds")
    return _bounded(text, lambda: datetime.fromisoformat(f"{day}T{clock}{(zone or 'Z').upper()}").astimezone(UTC))


def lacks_zone(text: str) -> bool:
    """Whether a text names a time of day without its zone, which is then taken as UTC.

    >>> lacks_zone("2026-11-20T09:30:00"), lacks_zone("2026-11-20T09:30:00Z"), lacks_zone("24h")
    (True, False, False)
    """
    found = _TIME.match(text)
    return found is not None and found[3] is None


def in_utc(at: datetime) -> str:
    """A moment as people read it: ``2026-11-20 09:30:00Z``."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="auto") + "Z"


def _bounded(text: str, read: Callable[[], datetime]) -> datetime:
    try:
        found = read()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a valid time; allowed: {ALLOWED}") from None
    if not EARLIEST <= found <= LATEST:
        raise ValueError(f"{text!r} is outside {EARLIEST:%Y} to {LATEST:%Y}, where no content lies")
    return found
