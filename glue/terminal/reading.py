"""The options by which a command that reads files is told how: the same names and meanings everywhere."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from glue.readers.formats import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])

READING: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--format", "form", type=click.Choice(FORMATS), help="What the file holds, when its name does not say it."
    ),
    click.option(
        "--items", metavar="PATH", help="Where the rows are in a JSON document, such as messages or data.children."
    ),
    click.option(
        "--encoding", metavar="NAME", help="Encoding of the text.  [default: UTF-8, or what a byte order mark says]"
    ),
    click.option(
        "--delimiter",
        metavar="CHARACTER",
        help="What separates the cells of CSV: one character, or comma, tab, semicolon, pipe.  [default: the one that "
        "fits the first lines]",
    ),
)
"""For commands that take files; :class:`glue.readers.formats.Reading` takes their values."""


def reading_options(command: Command) -> Command:
    """The command with these options."""
    dressed: Any = command
    for option in reversed(READING):
        dressed = option(dressed)
    return cast(Command, dressed)
