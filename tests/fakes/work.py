"""Work counted instead of timed: what another program on the machine cannot change."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

SMALL = 8 * 1024
"""Bytes of the smaller text; the larger has twice as many."""


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python this ran, and how many calls into C it made.

    One call into C may be long work of its own: expressions run by re2 and automata are linear by construction, and
    that is what code for content may use.

    >>> steps(lambda: [number for number in range(2000)]) < 2.1 * steps(lambda: [number for number in range(1000)])
    True
    """
    count = 0

    def lines(frame: FrameType, event: str, given: Any) -> Any:
        nonlocal count
        count += 1
        return lines

    def calls(frame: FrameType, event: str, given: Any) -> None:
        nonlocal count
        if event == "c_call":
            count += 1

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(lines)
    sys.setprofile(calls)
    try:
        work()
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    return count


def assert_linear(work: Callable[[str], object], unit: str, *, size: int = SMALL) -> None:
    """Twice the text is at most two and a half times the work.

    Args:
        work: what is done with a text; done with a shorter one before, so that what is prepared once does not count.
        unit: the text is this, again and again.
        size: bytes of the smaller text.
    """
    times = max(2, size // len(unit.encode()))
    work(unit * (times // 2))
    once, twice = steps(lambda: work(unit * times)), steps(lambda: work(unit * times * 2))
    assert twice <= 2.5 * once + 200, (unit, once, twice)
