"""The options by which a command that reads files is told how: the same names and meanings everywhere."""

from typing import Any

import click

from glue.readers.formats import FORMATS, Reading
from glue.terminal.errors import WrongUseError
from glue.terminal.requests import Option


def _checked(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The value, when a reading can have it: what is wrong is said before anything is opened."""
    try:
        given: dict[str, Any] = {str(parameter.name): value}
        Reading(**given)
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    return value


READING: tuple[Option, ...] = (
    click.option(
        "--format", "form", type=click.Choice(FORMATS), help="What the file holds, when its name does not say it."
    ),
    click.option(
        "--items",
        metavar="PATH",
        callback=_checked,
        help="Where the rows are in a JSON document, such as messages or data.children.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        callback=_checked,
        help="Encoding of the text.  [default: UTF-8, or what a byte order mark says]",
    ),
    click.option(
        "--delimiter",
        metavar="CHARACTER",
        callback=_checked,
        help="What separates the cells of CSV: one character, or comma, tab, semicolon, pipe.  [default: the one that "
        "fits the first lines]",
    ),
)
"""For commands that take files; their request has a :class:`glue.readers.formats.Reading`."""
