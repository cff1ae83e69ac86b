"""``--spool`` for commands that put events on the stream: options, opening, and what to say about it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from glue.terminal.errors import CommandError, InUseError, WrongUseError
from producers.spool.errors import SpoolBrokenError, SpoolError, SpoolLockedError
from producers.spool.spool import DEFAULT_BYTES, Opened, Spool

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE | re.ASCII)
_SMALLEST = 4 * 1024 * 1024
WAIT = 120.0


def size_in_bytes(text: str) -> int:
    """Bytes of a size as people write it.

    Raises:
        ValueError: it is none.

    >>> size_in_bytes("64MiB"), size_in_bytes("2GB"), size_in_bytes("4096")
    (67108864, 2000000000, 4096)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size; allowed: such as 512MB, 1GiB")
    step = 1024 if found[3] else 1000
    return int(float(found[1]) * step ** " kmgt".index(found[2].lower() or " "))


SPOOLING: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--spool",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Keep events on disk until the stream has taken them: accepted is what lies there safely. What is left "
        "over goes out first the next time, or by `spool flush`.",
    ),
    click.option(
        "--spool-size",
        default=f"{DEFAULT_BYTES // 2**30}GiB",
        show_default=True,
        metavar="SIZE",
        help="How large the spool may get. When it is full, reading waits; nothing is dropped.",
    ),
    click.option(
        "--spool-wait",
        type=click.FloatRange(min=0),
        default=WAIT,
        show_default=True,
        metavar="SECONDS",
        help="How long to go on sending at the end; what is left then stays in the spool.",
    ),
)


@contextmanager
def opened_spool(path: Path | None, size: str) -> Iterator[Spool | None]:
    """The spool in a folder, open; None when there is no folder. What was found in it is told on standard error.

    Raises:
        CommandError: it cannot be used, or the disk failed while it was.
    """
    if path is None:
        yield None
        return
    try:
        with Spool(path, max_bytes=spool_bytes(size)) as spool:
            for line in found_lines(spool.opened):
                click.echo(line, err=True)
            yield spool
    except SpoolError as error:
        raise as_command_error(error) from None


def spool_bytes(text: str) -> int:
    """The bytes that ``--spool-size`` means.

    Raises:
        WrongUseError: it is no size, or too small.
    """
    try:
        size = size_in_bytes(text)
    except ValueError as error:
        raise WrongUseError(f"--spool-size: {error}") from None
    if size < _SMALLEST:
        raise WrongUseError(f"--spool-size {text}: too small for full calls; allowed: at least 4MiB")
    return size


def as_command_error(error: SpoolError) -> CommandError:
    """The error with its exit code: 4 in use by another process, 1 the disk failed, 2 anything else."""
    if isinstance(error, SpoolLockedError):
        return InUseError(str(error))
    return CommandError(str(error)) if isinstance(error, SpoolBrokenError) else WrongUseError(str(error))


def found_lines(opened: Opened) -> Iterator[str]:
    """What was in a spool when it was opened, in words; nothing when it was empty and whole."""
    if opened.records:
        yield f"spool: {opened.records:,} records left over from before go out first"
    for torn in opened.torn:
        yield f"spool: {torn}, left by a crash, cut off; nothing accepted was in it"
    for corrupt in opened.corrupt:
        yield f"spool: DAMAGED: {corrupt}; put aside in the folder `corrupt`, everything intact in it is kept"
