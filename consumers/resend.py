"""Sending what did not get through again, alone, for as long as there is time."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from consumers.ports import DefectError, TransientError
from glue.ports import Clock

Item = TypeVar("Item")


class Retry(Struct, frozen=True):
    """How often and how soon something is sent again: exponential backoff with full jitter.

    Args:
        attempts: sends in all, at least 1.
        base: the longest wait before the second send, in seconds; doubled each time.
        cap: the longest wait, in seconds.
    """

    attempts: int = 8
    base: float = 0.1
    cap: float = 2.0


class Sent(Struct, frozen=True):
    """What is left unsent, by index, and how many items were sent again."""

    left: list[int]
    resent: int


def send(
    items: Sequence[Item],
    put: Callable[[Sequence[Item]], Sequence[str | None]],
    *,
    retry: Retry,
    clock: Clock,
    deadline: float,
) -> Sent:
    """Sends items, and again only those that failed.

    Args:
        items: what to send.
        put: sends some and says for each None or an error's code; may raise TransientError for all of them.
        retry: bounds and waits.
        clock: time and jitter.
        deadline: seconds since 1970; nothing is begun after it.

    Raises:
        DefectError: from ``put``, or when its answer is not one entry an item.

    Source: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
    """
    left = list(range(len(items)))
    resent = 0
    for attempt in range(retry.attempts):
        if attempt:
            wait = min(retry.cap, retry.base * 2 ** (attempt - 1)) * clock.random()
            if clock.now() + wait >= deadline:
                break
            clock.sleep(wait)
            resent += len(left)
        elif clock.now() >= deadline:
            break
        try:
            errors = put([items[index] for index in left] if attempt else items)
        except TransientError:
            continue
        if len(errors) != len(left):
            raise DefectError(f"sent {len(left)} items and got {len(errors)} answers; one an item was expected")
        left = [index for index, error in zip(left, errors, strict=True) if error is not None]
        if not left:
            break
    return Sent(left, resent)
