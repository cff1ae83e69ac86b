"""A command that somebody watches: it can be asked to stop, and shows how far it is."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """A wish to stop, given by a signal; asked before each step. The second wish ends retries too.

    ``abandon`` is what ends retries; whoever has some sets it.
    """

    def __init__(self) -> None:
        self.abandon: Callable[[], None] = lambda: None
        self.is_wished = False

    def __call__(self) -> bool:
        """Whether somebody wished it."""
        return self.is_wished

    def wish(self, *_: object) -> None:
        """What to hand to ``signal.signal``."""
        if self.is_wished:
            self.abandon()
        self.is_wished = True


class ReadingStop:
    """A wish to stop, given by a signal: the first ends the reading, the second ends the retries too.

    It interrupts only the wait for the next item. Anywhere else an exception out of nowhere could lose a batch between
    two hands.
    """

    def __init__(self) -> None:
        self.is_wished = False
        self.is_reading = False
        self.abandon: Callable[[], None] = lambda: None

    def __call__(self, *_: object) -> None:
        """What to hand to ``signal.signal``."""
        if self.is_wished:
            self.abandon()
        self.is_wished = True
        if self.is_reading:
            raise KeyboardInterrupt


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Ctrl-C and SIGTERM are a wish to stop, not an end in the middle of something."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop.wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress_bar(
    what: str, size: tuple[int, int] | None, *, unit: str = "objects"
) -> Iterator[Callable[[int, str | None], None] | None]:
    """A progress bar on standard error, when that is a terminal.

    Args:
        what: in a word.
        size: how many pieces there are, and their bytes; None when nobody knows.
        unit: what the pieces are.

    Yields:
        What to tell it: how many records were read, and the piece at hand. None without a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} " + unit if size else ""),
        TextColumn("{task.fields[records]:,} records"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=size[0] if size else None, records=0)
        seen: set[str] = set()

        def advance(records: int, piece: str | None) -> None:
            if piece is not None:
                seen.add(piece)
            bar.update(task, completed=max(0, len(seen) - 1) if size else 0, records=records)

        yield advance
