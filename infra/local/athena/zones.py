"""Moments with a zone: the instant is DuckDB's, the zone is followed by the translation.

DuckDB keeps an instant only, Trino a zone with each value. Where the zone of all values is known from the query the
answer is the same; where it is not (``from_iso8601_timestamp`` of a column), whatever depends on it is refused.
"""

import re
from dataclasses import replace
from typing import Final

import pytz

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.types import TIMESTAMP, zoned
from infra.local.athena.values import Typed, quote, refusing

_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})")
_NAMES: Final = frozenset(pytz.all_timezones)


def zone_name(text: str) -> str:
    """The zone as Trino prints it.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT when there is no such zone.

    >>> zone_name("Z"), zone_name("+2:00"), zone_name("Europe/Berlin")
    ('UTC', '+02:00', 'Europe/Berlin')
    """
    if text in {"Z", "UTC", "utc", "Etc/UTC", "GMT", "+00:00", "-00:00"}:
        return "UTC"
    if (match := _OFFSET.fullmatch(text)) and int(match[2]) <= 14 and int(match[3]) < 60:
        return f"{match[1]}{int(match[2]):02}:{match[3]}"
    if text in _NAMES:
        return text
    raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{text}' is not a valid time zone")


def _offset_minutes(zone: str) -> int | None:
    match = _OFFSET.fullmatch(zone)
    return None if match is None else int(match[1] + "1") * (int(match[2]) * 60 + int(match[3]))


def local(value: Typed) -> Typed:
    """The wall clock of a moment in its own zone, as a timestamp.

    Raises:
        QueryError: NOT_SUPPORTED when the zone differs from value to value.
    """
    zone = value.type.zone
    if zone is None:
        raise refused(
            "the wall clock of a timestamp with time zone whose zone comes from the data",
            advice="name the zone: at_timezone(x, 'UTC')",
        )
    minutes = _offset_minutes(zone)
    if minutes is not None:
        sql = f"(timezone('UTC', {value.sql}) + to_minutes({minutes}))"
    else:
        sql = f"timezone({quote(zone)}, {value.sql})"
    return replace(value, sql=sql, type=replace(TIMESTAMP, precision=value.type.precision))


def instant(value: Typed, zone: str) -> Typed:
    """The moment at which a wall clock in a zone shows a timestamp."""
    minutes = _offset_minutes(zone)
    if minutes is not None:
        sql = f"timezone('UTC', {value.sql} - to_minutes({minutes}))"
    elif zone == "UTC":
        sql = f"timezone('UTC', {value.sql})"
    else:
        # Where clocks are put back or forward Java and ICU choose different moments.
        name, moment = quote(zone), f"timezone({quote(zone)}, {value.sql})"
        unsure = " OR ".join(
            [
                f"timezone({name}, {moment}) <> {value.sql}",
                *(f"timezone({name}, {moment} + to_minutes({shift})) = {value.sql}" for shift in (-60, -30, 30, 60)),
            ]
        )
        doubt = refusing(unsure, "a wall clock that comes twice or never where clocks change")
        sql = f"(CASE WHEN {doubt} THEN NULL ELSE {moment} END)"
    return replace(value, sql=sql, type=zoned(zone, 3 if value.type.precision is None else value.type.precision))
