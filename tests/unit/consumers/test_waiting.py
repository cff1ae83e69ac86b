"""Waiting for a decision on a virtual clock."""

import pytest

from consumers.waiting import waited
from tests.fakes.stream import VirtualClock


def test_what_is_there_is_given_at_once() -> None:
    clock = VirtualClock(0.0)
    assert waited(lambda: "x", clock=clock, seconds=20) == "x"
    assert clock.slept == []


def test_pauses_grow_to_a_second_and_what_comes_is_given() -> None:
    clock = VirtualClock(0.0)
    assert waited(lambda: "x" if clock.now() >= 3 else None, clock=clock, seconds=20) == "x"
    assert clock.slept == pytest.approx([0.25, 0.375, 0.5625, 0.84375, 1.0])


@pytest.mark.parametrize("seconds", [0, 0.1, 7])
def test_it_ends_in_time_and_asks_once_more_at_the_end(seconds: float) -> None:
    clock = VirtualClock(0.0)
    asked: list[float] = []
    assert waited(lambda: asked.append(clock.now()), clock=clock, seconds=seconds) is None
    assert asked[-1] == pytest.approx(seconds)
    assert len(asked) <= seconds + 5
