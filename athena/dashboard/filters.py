"""What a page is about: a period and what it is narrowed down to, as it stands in the page's address."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from athena.reports import FILTERS, TEXT_LIMIT
from glue.terminal.moments import Period, moment

NARROWING = tuple(FILTERS)
DAY_AFTER_HOURS = 72
"""Periods of more hours than this are drawn by the day."""


class FilterError(ValueError):
    """Something in the address that cannot be meant; the message says what is allowed."""


class Filters(Struct, frozen=True):
    """The period, and what it is narrowed down to; empty texts narrow nothing.

    Args:
        since, until: moments as :func:`glue.terminal.moments.moment` reads them.
        surface, language, label, action, rule, author: as :data:`athena.reports.FILTERS`.

    >>> Filters.read({"since": "7d", "label": "spam"}).query(label="", surface="chat")
    'since=7d&surface=chat'
    """

    since: str = "24h"
    until: str = "now"
    surface: str = ""
    language: str = ""
    label: str = ""
    action: str = ""
    rule: str = ""
    author: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Filters":
        """The filters in an address's query.

        Raises:
            FilterError: a name that is no filter, or a text that is too long.
        """
        unknown = sorted(given.keys() - set(cls.__struct_fields__))
        if unknown:
            raise FilterError(f"{unknown[0][:40]!r} is not a filter; allowed: {', '.join(cls.__struct_fields__)}")
        for name, value in given.items():
            if len(value) > TEXT_LIMIT or "\0" in value:
                raise FilterError(f"{name} is {len(value)} characters long; allowed: at most {TEXT_LIMIT}, no U+0000")
        # What content is narrowed down to is taken as it stands: an author's name may well begin with a blank.
        moments = {name: value.strip() for name, value in given.items() if name not in NARROWING}
        return cls(**{name: value for name, value in {**given, **moments}.items() if value})

    def period(self, now: float) -> Period:
        """The period, counted from now where it is relative.

        Raises:
            FilterError: no moment, or an empty period.
        """
        try:
            return Period(moment(self.since, now=now), moment(self.until, now=now))
        except ValueError as error:
            raise FilterError(str(error)) from None

    def narrowed(self) -> dict[str, str]:
        """What it is narrowed down to, by name."""
        return {name: value for name in NARROWING if (value := getattr(self, name))}

    def changed(self, **changes: str) -> "Filters":
        """The same with some texts changed."""
        return msgspec.structs.replace(self, **changes)

    def query(self, **changes: str) -> str:
        """The query of the address that has these filters, with some changed; what has its default is left out."""
        asked = self.changed(**changes)
        default = Filters()
        return urlencode(
            {
                name: value
                for name in self.__struct_fields__
                if (value := getattr(asked, name)) != getattr(default, name)
            }
        )


def by_day(period: Period) -> bool:
    """Whether a period is drawn day by day instead of hour by hour."""
    return (period.until - period.since).total_seconds() > DAY_AFTER_HOURS * 3600


def stamp(at: datetime) -> str:
    """A moment as an address has it."""
    return at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
