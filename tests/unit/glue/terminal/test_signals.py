"""Stopping in order."""

import os
import signal

import pytest

from glue.terminal.signals import Stop, interruptible, stopping


def test_a_signal_is_a_wish_and_the_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with stopping(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        assert stop.is_wished
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("at", [1, 2])
def test_retries_end_at_the_wish_that_was_set(at: int) -> None:
    ended: list[int] = []
    stop = Stop(abandons_at=at)
    stop.abandon = lambda: ended.append(1)
    for _ in range(at):
        assert ended == []
        stop.wish()
    assert ended == [1]


def test_a_wish_interrupts_a_wait_and_nothing_else() -> None:
    stop = Stop()
    with stopping(stop):
        stop.wish()
        with pytest.raises(KeyboardInterrupt), interruptible():
            pytest.fail("it was wished before")
    stop = Stop()
    with stopping(stop), pytest.raises(KeyboardInterrupt), interruptible():
        stop.wish()
    assert stop()
    assert not stop.is_interruptible


def test_without_a_stop_a_wait_is_as_it_was() -> None:
    with interruptible():
        pass
