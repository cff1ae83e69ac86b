"""The type of every option that takes a moment: one grammar, and a word about a missing zone."""

from datetime import datetime
from typing import Any

import click
from msgspec import Struct

from glue.terminal.errors import WrongUseError
from glue.terminal.moments import lacks_zone, moment

MOMENT_HELP = "2026-11-20, 2026-11-20T09:30:00Z, 90m, 24h, 7d or 2w ago, or now; in UTC"
_TOLD = "glue.terminal.moment_option.told"


class Moment(Struct, frozen=True):
    """A moment as it was typed; what it means depends on when that was."""

    text: str

    def at(self, now: float) -> datetime:
        """The moment in UTC, counted from ``now`` (epoch seconds) where it is relative.

        Raises:
            WrongUseError: counted from there it is in a year without content.
        """
        try:
            return moment(self.text, now=now)
        except ValueError as error:
            raise WrongUseError(str(error)) from None


class _MomentType(click.ParamType[Moment]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        text = str(value)
        try:
            # Any year that content lies in will do: only the form is of interest here.
            moment(text, now=1_800_000_000)
        except ValueError as error:
            option = param.opts[0] if param is not None else "the time"
            raise WrongUseError(f"{option}: {error}") from None
        if lacks_zone(text) and ctx is not None and not ctx.meta.get(_TOLD):
            ctx.meta[_TOLD] = True
            click.echo(f"{text} has no zone and is taken as UTC; add Z, or an offset such as +01:00", err=True)
        return Moment(text)


MOMENT = _MomentType()
