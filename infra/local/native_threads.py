"""Threads of this process that are not Python's: a server's own, which end a little later than the server does.

One of them that still wants the interpreter when that ends takes the whole process down (SIGABRT), so whoever stops
such a server waits for them. Where there is no ``/proc`` nothing is known of them.
"""

import contextlib
import os
import threading
import time
from pathlib import Path

_TASKS = Path("/proc/self/task")
_PAUSE_S = 0.01
_STILL = 3
"""Looks in a row that find the same threads, all asleep: what is left then is of others, such as pools of Arrow."""


def native_threads() -> dict[int, str]:
    """By their ids the states of all threads that are not Python's: R is running, S asleep."""
    try:
        names = os.listdir(_TASKS)
    except OSError:
        return {}
    ours = {thread.native_id for thread in threading.enumerate()}
    found = {}
    for name in names:
        with contextlib.suppress(OSError):
            found[int(name)] = (_TASKS / name / "stat").read_text().rpartition(")")[2].split()[0]
    return {one: state for one, state in found.items() if one not in ours}


def wait_for_new_ones(before: set[int], *, seconds: float) -> None:
    """Comes back when the threads that were begun since have ended, or only sleep.

    Args:
        before: those that were there already.
        seconds: how long at most.
    """
    end = time.monotonic() + seconds
    seen: set[int] = set()
    still = 0
    while time.monotonic() < end:
        found = {one: state for one, state in native_threads().items() if one not in before}
        if not found:
            return
        still = still + 1 if seen == set(found) and set(found.values()) == {"S"} else 0
        if still >= _STILL:
            return
        seen = set(found)
        time.sleep(_PAUSE_S)
