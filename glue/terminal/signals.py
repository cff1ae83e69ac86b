"""Stopping in order: Ctrl-C and SIGTERM as a wish that is asked for, not an end in the middle of something."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """A wish to stop, given by a signal and asked for before each step.

    The first wish ends the work at the next step; what was begun is finished. The second ends retries too: it calls
    ``abandon``, which whoever retries sets.

    Args:
        abandons_at: the number of the wish that ends retries; 1 where nothing is lost by that.
    """

    def __init__(self, *, abandons_at: int = 2) -> None:
        self.abandon: Callable[[], None] = lambda: None
        self.is_interruptible = False
        """Whether a wish raises KeyboardInterrupt just now: only while waiting for something, since anywhere else an
        exception out of nowhere could lose a batch between two hands."""
        self._wishes = 0
        self._abandons_at = abandons_at

    @property
    def is_wished(self) -> bool:
        """Whether somebody wished it."""
        return self._wishes > 0

    def __call__(self) -> bool:
        """Whether somebody wished it."""
        return self._wishes > 0

    def wish(self, *_: object) -> None:
        """Wishes it; what to hand to ``signal.signal``."""
        self._wishes += 1
        if self._wishes >= self._abandons_at:
            self.abandon()
        if self.is_interruptible:
            raise KeyboardInterrupt


_installed: list[Stop] = []


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Ctrl-C and SIGTERM are a wish to stop while this holds; in other threads than the main one nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop.wish) for number in (signal.SIGINT, signal.SIGTERM)}
    _installed.append(stop)
    try:
        yield
    finally:
        _installed.pop()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """A wait that a wish to stop breaks off with KeyboardInterrupt, as without :func:`stopping`.

    Raises:
        KeyboardInterrupt: it was wished before, or while this holds.
    """
    if not _installed or threading.current_thread() is not threading.main_thread():
        yield
        return
    stop = _installed[-1]
    if stop.is_wished:
        raise KeyboardInterrupt
    before, stop.is_interruptible = stop.is_interruptible, True
    try:
        yield
    finally:
        stop.is_interruptible = before
