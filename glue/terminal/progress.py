"""How far a command is, on standard error: a bar on a terminal, else nothing, or a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

LINES_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Advance(Protocol):
    """Told how far it is."""

    def __call__(self, done: int, note: str = "", *, total: int | None = None) -> None:
        """Shows it.

        Args:
            done: pieces that are done.
            note: what else is to be seen, such as the piece at hand.
            total: how many pieces there are, when that has become known.
        """
        ...


@contextmanager
def progress(
    what: str, total: int | None = None, *, unit: str = "", clock: Callable[[], float] | None = None
) -> Iterator[Advance]:
    """Shows how far something is while it lasts.

    Args:
        what: the work, in a word or two.
        total: how many pieces there are; None when nobody knows.
        unit: what the pieces are.
        clock: seconds; when given, a line is written every ten of them where there is no terminal.

    Yields:
        What to tell it.
    """
    if not sys.stderr.isatty():
        yield _silent if clock is None else _lines(what, total, unit, clock)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, note="", count="")
        known = total

        def advance(done: int, note: str = "", *, total: int | None = None) -> None:
            nonlocal known
            known = known if total is None else total
            bar.update(task, completed=done, total=known, note=note, count=_count(done, known, unit) if unit else "")

        yield advance


def _silent(done: int, note: str = "", *, total: int | None = None) -> None:
    """Shows nothing."""


def _lines(what: str, total: int | None, unit: str, clock: Callable[[], float]) -> Advance:
    reported_at, known = clock(), total

    def advance(done: int, note: str = "", *, total: int | None = None) -> None:
        nonlocal reported_at, known
        known = known if total is None else total
        if clock() - reported_at >= LINES_EVERY:
            reported_at = clock()
            sys.stderr.write(f"{what}: {_count(done, known, unit)}{f', {note}' if note else ''}\n")
            sys.stderr.flush()

    return advance


def _count(done: int, total: int | None, unit: str) -> str:
    """Pieces done, and of how many.

    >>> _count(1200, 5000, "records"), _count(3, None, "")
    ('1,200/5,000 records', '3')
    """
    whole = f"{done:,}" if total is None else f"{done:,}/{total:,}"
    return f"{whole} {unit}".rstrip()
