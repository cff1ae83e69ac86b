"""Sending again: only what failed, alone, after a wait, within the time there is."""

from collections.abc import Sequence

import pytest

from consumers.ports import DefectError, TransientError
from consumers.resend import Retry, Sent, send
from tests.fakes.stream import VirtualClock

FAR = 1e9
RETRY = Retry(attempts=3, base=0.1, cap=2.0)


class Door:
    """Answers call after call as told: by a list of errors, or by raising one; what is not told succeeds."""

    def __init__(self, *answers: Sequence[str | None] | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[list[str]] = []

    def put(self, items: Sequence[str]) -> Sequence[str | None]:
        self.calls.append(list(items))
        answer = self.answers.pop(0) if self.answers else [None] * len(items)
        if isinstance(answer, Exception):
            raise answer
        return answer


def sent(door: Door, items: Sequence[str] = "abc", *, clock: VirtualClock | None = None, deadline: float = FAR) -> Sent:
    return send(items, door.put, retry=RETRY, clock=clock or VirtualClock(), deadline=deadline)


def test_what_is_taken_at_once_is_sent_once() -> None:
    door, clock = Door(), VirtualClock()
    assert sent(door, clock=clock) == Sent([], 0)
    assert door.calls == [["a", "b", "c"]]
    assert clock.slept == []


def test_only_what_failed_is_sent_again_and_is_known_by_its_place_among_all() -> None:
    door = Door(["x", None, "x"], [None, "x"], ["x"])
    assert sent(door) == Sent([2], 3)
    assert door.calls == [["a", "b", "c"], ["a", "c"], ["c"]]


def test_a_call_that_fails_as_a_whole_leaves_what_was_left_as_it_was() -> None:
    door = Door([None, "x", None], TransientError("Throttling"), [None])
    assert sent(door) == Sent([], 2)
    assert door.calls == [["a", "b", "c"], ["b"], ["b"]]


def test_when_all_attempts_are_used_up_what_is_left_is_said() -> None:
    door = Door(*[TransientError("Throttling")] * 9)
    assert sent(door) == Sent([0, 1, 2], 6)
    assert len(door.calls) == RETRY.attempts


def test_waits_double_up_to_their_longest_and_chance_shortens_them() -> None:
    clock = VirtualClock(chance=0.5)
    door = Door(*[TransientError("Throttling")] * 9)
    send("a", door.put, retry=Retry(attempts=7, base=0.1, cap=1.0), clock=clock, deadline=FAR)
    assert clock.slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.5, 0.5])


def test_nothing_is_begun_at_the_deadline_or_after_it() -> None:
    for now, calls in ((999.0, 1), (1000.0, 0), (1001.0, 0)):
        door = Door()
        assert sent(door, clock=VirtualClock(now), deadline=1000.0).left == ([] if calls else [0, 1, 2])
        assert len(door.calls) == calls


def test_a_wait_that_would_end_at_the_deadline_is_not_begun() -> None:
    for room, calls in ((0.05, 1), (0.06, 2)):
        clock, door = VirtualClock(1000.0, chance=0.5), Door(["x", "x", "x"])
        sent(door, clock=clock, deadline=1000.0 + room)
        assert len(door.calls) == calls
        assert len(clock.slept) == calls - 1


def test_an_answer_with_too_few_or_too_many_entries_is_a_defect_that_says_both_numbers() -> None:
    for answer in ([None, None], [None] * 4, []):
        with pytest.raises(DefectError, match=f"sent 3 items and got {len(answer)} answers"):
            sent(Door(answer))


def test_nothing_to_send_is_sent_nowhere_twice() -> None:
    door = Door()
    assert sent(door, items="") == Sent([], 0)
    assert len(door.calls) <= 1
