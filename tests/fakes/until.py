"""Waiting for something to happen, however busy the machine is."""

import threading
from collections.abc import Callable

_LOOKS = 30_000
_PAUSE_S = 0.02


def until(holds: Callable[[], object], what: str) -> None:
    """Comes back as soon as this holds.

    Args:
        holds: asked again and again.
        what: named when it never came to hold, after ten minutes or so.
    """
    pause = threading.Event()
    for _ in range(_LOOKS):
        if holds():
            return
        pause.wait(_PAUSE_S)
    raise AssertionError(f"waited in vain: {what}")
