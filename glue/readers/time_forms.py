"""Forms in which times are written: those that can mean one thing only, and those that somebody has to name."""

import re
from datetime import UTC, datetime, timedelta, timezone

from msgspec import Struct

from glue.readers.rejection import Rejection

LONGEST = 100

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
# RFC 5322 gives these their offsets; other names of zones mean different ones in different places.
_NAMED_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_MONTH = rf"(?P<name>{'|'.join((*reversed(_MONTH_NAMES), *_MONTHS))}|sept)"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? {1,2})?"
_GAP = r"[ \u00a0\u202f]"
_CLOCK = rf"(?P<H>\d{{1,2}}):(?P<M>\d{{2}})(?::(?P<S>\d{{2}})(?:[.,](?P<f>\d{{1,30}}))?)?(?:{_GAP}?(?P<p>[ap])\.?m\.?)?"
_ZONE = r"(?P<z>(?:utc|gmt)?[+-]\d{2}(?::?\d{2})?|[a-z]{1,5})"
# What Go, Java and JavaScript write behind an offset says the same once more.
_BEHIND = r"(?: [A-Za-z]{1,5}| [+-]\d{2,4})?(?: m=[+-]\d{1,20}\.\d{1,20})?(?:\[[\w/+-]{1,40}\])?(?: ?\([^()]{0,60}\))?"
_TIME = rf"{_CLOCK}(?:{_GAP}?{_ZONE}{_BEHIND})?"
_DATED = (
    rf"(?P<Y>\d{{4}})([-/])(?P<m>\d{{2}})\2(?P<d>\d{{2}})(?:t|,? {{1,2}}){_TIME}",
    r"(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})t(?P<H>\d{2})(?P<M>\d{2})(?:(?P<S>\d{2})(?:[.,](?P<f>\d{1,30}))?)?"
    rf"(?:{_ZONE})?",
    rf"{_WEEKDAY}(?P<d>\d{{1,2}})[ -]{_MONTH}[ -](?P<Y>\d{{4}}|\d{{2}}),? {{1,2}}{_TIME}",
    rf"{_WEEKDAY}{_MONTH} {{1,2}}(?P<d>\d{{1,2}}) {{1,2}}{_CLOCK}(?: {_ZONE})? (?P<Y>\d{{4}})",
    rf"{_WEEKDAY}{_MONTH}\.? {{1,2}}(?P<d>\d{{1,2}}),? (?P<Y>\d{{4}})(?:,| at)? {{1,2}}{_TIME}",
)
_SLASHED = rf"(?:,?(?: {{1,2}}|t){_TIME})?"
_NAMED: dict[str, tuple[str, ...]] = {
    "rfc3339": _DATED[:1],
    "iso8601": _DATED[:2],
    "pandas": _DATED[:1],
    "go": _DATED,
    "dotnet": _DATED,
    "rfc2822": _DATED[2:3],
    "ctime": _DATED[3:4],
    "month-first": (rf"(?P<m>\d{{1,2}})([-/. ])(?P<d>\d{{1,2}})\2(?P<Y>\d{{4}}|\d{{2}}){_SLASHED}",),
    "day-first": (rf"(?P<d>\d{{1,2}})([-/. ])(?P<m>\d{{1,2}})\2(?P<Y>\d{{4}}|\d{{2}}){_SLASHED}",),
}
NAMES = tuple(_NAMED)
_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<Y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})",
    "e": r" ?(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})", "I": r"(?P<H>\d{1,2})", "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,30})", "p": r"(?P<p>[ap])\.?m\.?", "z": _ZONE, "Z": _ZONE,
    "b": _MONTH, "B": _MONTH, "h": _MONTH, "a": r"[a-z]{2,9}", "A": r"[a-z]{2,9}", "%": "%",
}  # fmt: skip
_SHORT = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y", "k": "%H", "l": "%I"}
_FLAGS = re.IGNORECASE | re.ASCII


class Moment(Struct, frozen=True):
    """A time in UTC, and whether something finer than a microsecond was cut from it."""

    at: datetime
    is_cut: bool = False


class TimeForm:
    """How times are written, if it is not one of the forms that say it themselves.

    Args:
        text: one of :data:`NAMES`, or a pattern of strptime's directives such as ``%d/%m/%Y %H:%M``.

    Raises:
        ValueError: it is neither.

    >>> TimeForm("%m/%d/%Y %I:%M %p").read("11/30/2026 9:00 PM", assume_utc=True).at.isoformat()
    '2026-11-30T21:00:00+00:00'
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._patterns = [re.compile(one, _FLAGS) for one in (_NAMED.get(text) or (_pattern(text),))]

    def read(self, value: str, *, assume_utc: bool) -> Moment | Rejection | None:
        """The moment, why it is none, or None when the value is of another form."""
        return _read(value, self._patterns, assume_utc)


def read_dated(value: str, *, assume_utc: bool) -> Moment | Rejection | None:
    """The moment of a text whose form can mean one thing only; None when it is of no such form.

    RFC 3339 and ISO 8601 with their variants in Go, .NET, pandas, Java, SQL and logs; RFC 2822; ctime, as Twitter has
    it; dates with the month's name.

    >>> read_dated("Mon, 30 Nov 2026 09:50:00 +0100", assume_utc=False).at.isoformat()
    '2026-11-30T08:50:00+00:00'
    """
    return _read(value, _COMPILED, assume_utc)


_COMPILED = [re.compile(one, _FLAGS) for one in _DATED]


def _read(value: str, patterns: list[re.Pattern[str]], assume_utc: bool) -> Moment | Rejection | None:
    if len(value) > LONGEST:
        return None
    text = value.strip(" ")
    for pattern in patterns:
        if (found := pattern.fullmatch(text)) is not None:
            return _made(found.groupdict(), assume_utc)
    return None


def _made(parts: dict[str, str | None], assume_utc: bool) -> Moment | Rejection:
    zone = _zone(parts.get("z"), assume_utc)
    if isinstance(zone, Rejection):
        return zone
    fraction = parts.get("f") or ""
    try:
        at = datetime(
            _year(parts.get("Y") or ""),
            _month(parts),
            int(parts.get("d") or 1),
            _hour(int(parts.get("H") or 0), parts.get("p")),
            int(parts.get("M") or 0),
            int(parts.get("S") or 0),
            int(fraction[:6].ljust(6, "0")),
            zone,
        ).astimezone(UTC)
    except OverflowError:
        return Rejection("time_range", "before year 1 or after year 9999 in UTC; allowed: the lateness limits")
    except ValueError:
        return Rejection("time", "a date or a time of day that does not exist")
    return Moment(at, bool(fraction[6:].strip("0")))


def _year(text: str) -> int:
    year = int(text)
    # Of two digits, as POSIX has it.
    return year if len(text) == 4 else year + (2000 if year < 69 else 1900)


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("name")
    return int(parts.get("m") or 1) if name is None else _MONTHS.index(name[:3].lower()) + 1


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no hour of half a day")
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _zone(text: str | None, assume_utc: bool) -> timezone | Rejection:
    if text is None:
        return UTC if assume_utc else no_zone()
    name = text.lower()
    if name in _NAMED_ZONES:
        return timezone(timedelta(hours=_NAMED_ZONES[name]))
    digits = name.removeprefix("utc").removeprefix("gmt").replace(":", "")
    if not digits[1:].isdigit():
        return Rejection("tz", "a zone named by letters, which means different ones; allowed: Z or an offset as +01:00")
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    if hours > 23 or minutes > 59:
        return Rejection("time", "an offset that does not exist; allowed: up to 23:59")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if digits[0] == "-" else span)


def no_zone() -> Rejection:
    """The rejection of a time that does not say where it was."""
    return Rejection("tz", "a time without a zone; allowed: RFC 3339 with one, or --assume-utc if these are in UTC")


def _pattern(text: str) -> str:
    if "%" not in text:
        raise ValueError(
            f"{text!r} is not a form of times; allowed: {', '.join(NAMES)}, or a pattern such as '%d/%m/%Y %H:%M'"
        )
    for short, long in _SHORT.items():
        text = text.replace(f"%{short}", long)
    made = ""
    rest = iter(text.replace("%-", "%"))
    for letter in rest:
        if letter != "%":
            made += re.escape(letter)
            continue
        directive = next(rest, "")
        if directive not in _DIRECTIVES or not directive:
            raise ValueError(
                f"%{directive} is not known; allowed: {', '.join(f'%{one}' for one in (*_DIRECTIVES, *_SHORT))}"
            )
        made += _DIRECTIVES[directive]
    try:
        found = re.compile(made, _FLAGS).groupindex
    except re.error:
        raise ValueError(f"{text!r} says something twice; allowed: each directive once") from None
    if not {"Y", "d"} <= found.keys() or not {"m", "name"} & found.keys():
        raise ValueError(
            f"{text!r} leaves the year, the month or the day out; allowed: all three, as %Y-%m-%d has them"
        )
    return made
