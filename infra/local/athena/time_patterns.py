"""Texts read as moments the way Joda reads them: patterns of ``date_parse`` and ``parse_datetime``, and ISO 8601."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from infra.local.athena.errors import QueryError, refused

_MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                  "november", "december")  # fmt: skip
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ISO: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_DAY: Final = re.compile(r"(\d{4})-(?:(\d{2})-(\d{2})|W(\d{2})(?:-(\d))?|(\d{3})|(\d{2}))|(\d{4})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pattern: a field with the fewest and most digits it may have, or a text that has to stand there."""

    field: str
    low: int = 1
    high: int = 2
    text: str = ""


_MYSQL: Final = {
    "Y": Part("year", 1, 4), "y": Part("short year", 2, 2), "m": Part("month"), "c": Part("month"), "d": Part("day"),
    "e": Part("day"), "H": Part("hour"), "k": Part("hour"), "h": Part("half hour"), "I": Part("half hour"),
    "l": Part("half hour"), "i": Part("minute"), "s": Part("second"), "S": Part("second"), "f": Part("fraction", 1, 9),
    "p": Part("half"), "b": Part("month name"), "M": Part("month name"), "a": Part("day name"), "W": Part("day name"),
    "j": Part("day of year", 1, 3), "%": Part("text", text="%"),
}  # fmt: skip


@lru_cache(maxsize=256)
def mysql_parts(pattern: str) -> tuple[Part, ...]:
    """The parts of a ``date_parse`` pattern.

    Raises:
        QueryError: NOT_SUPPORTED names the part.
    """
    done: list[Part] = []
    for match in re.finditer(r"%(.)|([^%]+)", pattern, re.DOTALL):
        if match[2] is not None:
            done.append(Part("text", text=match[2]))
        elif match[1] == "T":
            done += mysql_parts("%H:%i:%s")
        elif match[1] == "r":
            done += mysql_parts("%I:%i:%s %p")
        elif match[1] in _MYSQL:
            done.append(_MYSQL[match[1]])
        else:
            raise refused(f"%{match[1]} in a pattern of date_parse")
    return tuple(done)


_JODA_DIGITS: Final = {"y": "year", "Y": "year", "M": "month", "d": "day", "H": "hour", "h": "half hour",
                       "m": "minute", "s": "second", "D": "day of year"}  # fmt: skip


@lru_cache(maxsize=256)
def joda_parts(pattern: str) -> tuple[Part, ...]:
    """The parts of a ``parse_datetime`` pattern.

    Raises:
        QueryError: NOT_SUPPORTED names the part.
    """
    pieces = re.findall(r"'(?:[^']|'')*'|([A-Za-z])(?:\1)*|[^A-Za-z']+", pattern)
    texts = [match[0] for match in re.finditer(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+", pattern)]
    done: list[Part] = []
    for index, text in enumerate(texts):
        letter, size = text[0], len(text)
        follows = texts[index + 1] if index + 1 < len(texts) else ""
        if not letter.isalpha():
            plain = text[1:-1].replace("''", "'") or "'" if letter == "'" else text
            done.append(Part("text", text=plain))
        elif letter in "yY" and size == 2:
            done.append(Part("short year", 2, 2))
        elif letter in "yY":
            done.append(Part("year", 1, size if _is_number(follows) else 9))
        elif letter == "M" and size >= 3:
            done.append(Part("month name"))
        elif letter == "E":
            done.append(Part("day name"))
        elif letter in _JODA_DIGITS:
            done.append(Part(_JODA_DIGITS[letter], 1, 3 if letter == "D" else 2))
        elif letter == "S":
            done.append(Part("fraction", 1, size))
        elif letter == "a":
            done.append(Part("half"))
        elif letter == "Z" and size < 3:
            done.append(Part("offset"))
        else:
            raise refused(f"{text} in a pattern of parse_datetime")
    return tuple(done) if pieces or not pattern else ()


def _is_number(text: str) -> bool:
    return text[:1] in set("yYdHhmsSD") or (text[:1] == "M" and len(text) < 3)


def _bad(text: str) -> QueryError:
    return QueryError("INVALID_FUNCTION_ARGUMENT", "Invalid format: the value does not fit the pattern")


def _read(text: str, parts: tuple[Part, ...]) -> tuple[datetime, int | None]:
    """The wall clock that a text shows, and its offset in minutes where the pattern has one.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.
    """
    found: dict[str, int] = {}
    place = 0
    for part in parts:
        place = _take(text, place, part, found)
    if place != len(text):
        raise _bad(text)
    year = found.get("year", 1970)
    if "short year" in found:
        year = found["short year"] + (2000 if found["short year"] < 70 else 1900)
    hour = found.get("hour", 0)
    if "half hour" in found:
        if not 1 <= found["half hour"] <= 12:
            raise _bad(text)
        hour = found["half hour"] % 12 + (12 if found.get("half") else 0)
    clock = (hour, found.get("minute", 0), found.get("second", 0), found.get("fraction", 0))
    try:
        whole = datetime(year, found.get("month", 1), found.get("day", 1), *clock, tzinfo=UTC)
        if "day of year" in found:
            whole = whole.replace(month=1, day=1) + timedelta(days=found["day of year"] - 1)
    except (ValueError, OverflowError):
        raise _bad(text) from None
    if whole.year != year:
        raise _bad(text)
    if "day name" in found and found["day name"] != whole.weekday():
        if not {"day", "day of year"} & found.keys():
            raise refused("a pattern with the name of a day and without its number")
        raise _bad(text)
    return whole, found.get("offset")


def _take(text: str, place: int, part: Part, found: dict[str, int]) -> int:
    reader = _READERS.get(part.field)
    if reader is not None:
        return reader(text, place, part, found)
    end = place
    while end < len(text) and end - place < part.high and text[end] in "0123456789":
        end += 1
    if end - place < part.low:
        raise _bad(text)
    value = text[place:end]
    # Of a fraction Joda keeps milliseconds.
    found[part.field] = int(value.ljust(3, "0")[:3]) * 1000 if part.field == "fraction" else int(value)
    return end


def _text(text: str, place: int, part: Part, found: dict[str, int]) -> int:
    if text[place : place + len(part.text)].lower() != part.text.lower():
        raise _bad(text)
    return place + len(part.text)


def _name(names: tuple[str, ...], field: str, first: int) -> Callable[[str, int, Part, dict[str, int]], int]:
    def read(text: str, place: int, part: Part, found: dict[str, int]) -> int:
        lowered = text[place : place + 9].lower()
        for index, name in enumerate(names):
            for form in (name, name[:3]):
                if lowered.startswith(form):
                    found[field] = index + first
                    return place + len(form)
        raise _bad(text)

    return read


def _half(text: str, place: int, part: Part, found: dict[str, int]) -> int:
    word = text[place : place + 2].lower()
    if word not in {"am", "pm"}:
        raise _bad(text)
    found["half"] = int(word == "pm")
    return place + 2


def _offset(text: str, place: int, part: Part, found: dict[str, int]) -> int:
    match = re.compile(r"([+-])(\d{2}):?(\d{2})|Z").match(text, place)
    if match is None:
        raise _bad(text)
    found["offset"] = int(match[1] + "1") * (int(match[2]) * 60 + int(match[3])) if match[1] else 0
    return match.end()


_READERS: Final[dict[str, Callable[[str, int, Part, dict[str, int]], int]]] = {
    "text": _text,
    "month name": _name(_MONTHS, "month", 1),
    "day name": _name(_DAYS, "day name", 0),
    "half": _half,
    "offset": _offset,
}


def _micros(moment: datetime) -> int:
    return micros_of(moment)


def mysql_micros(text: str, pattern: str) -> int:
    """``date_parse``, in microseconds since 1970.

    >>> mysql_micros("05/Jan/1970 3 PM", "%d/%b/%Y %l %p")
    399600000000
    """
    return _micros(_read(text, mysql_parts(pattern))[0])


def joda_micros(text: str, pattern: str) -> int:
    """``parse_datetime``, in microseconds since 1970.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT; NOT_SUPPORTED for an offset other than that of UTC, which is not kept.
    """
    moment, offset = _read(text, joda_parts(pattern))
    if offset:
        raise _far("parse_datetime")
    return _micros(moment)


def fits(text: str, pattern: str) -> bool:
    """Whether a text is of a ``parse_datetime`` pattern."""
    try:
        _read(text, joda_parts(pattern))
    except QueryError as error:
        if error.name == "NOT_SUPPORTED":
            raise
        return False
    return True


def is_iso(text: str) -> bool:
    """Whether ``iso_moment`` reads a text."""
    try:
        iso_moment(text)
    except QueryError:
        return False
    return True


def joda_moment(text: str, pattern: str) -> datetime:
    """As ``joda_micros``, with the offset that the text names."""
    moment, offset = _read(text, joda_parts(pattern))
    return moment.replace(tzinfo=timezone(timedelta(minutes=offset))) if offset else moment


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with an offset."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _far(name: str) -> QueryError:
    return QueryError(
        "NOT_SUPPORTED",
        f"the local twin does not translate {name} of data with an offset other than UTC's; "
        "write at_timezone(from_iso8601_timestamp(x), 'UTC')",
    )


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
    return micros_of(iso_moment(text))


def iso_utc_micros(text: str) -> int:
    """As ``iso_micros``, for texts in UTC.

    Raises:
        QueryError: NOT_SUPPORTED for another offset: it would be shown, and is not kept.
    """
    moment = iso_moment(text)
    if moment.utcoffset():
        raise _far("from_iso8601_timestamp")
    return micros_of(moment)


def iso_date(text: str) -> str:
    """``from_iso8601_date`` as a day: calendar, week and ordinal dates.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.

    >>> iso_date("2024-W02-3"), iso_date("2024-123")
    ('2024-01-10', '2024-05-02')
    """
    match = _DAY.fullmatch(text)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301
        year, month, day, week, weekday, ordinal, only_month, only_year = match.groups()
        if week is not None:
            return date.fromisocalendar(int(year), int(week), int(weekday or 1)).isoformat()
        if ordinal is not None:
            made = date(int(year), 1, 1) + timedelta(days=int(ordinal) - 1)
            if made.year != int(year):
                raise ValueError(ordinal)  # noqa: TRY301
            return made.isoformat()
        return date(int(year or only_year), int(month or only_month or 1), int(day or 1)).isoformat()
    except ValueError:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Invalid format: the value is not an ISO 8601 date") from None
