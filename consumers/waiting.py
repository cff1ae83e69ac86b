"""Waiting for a decision: the table is asked again until there is one, or the time is over."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from glue.ports import Clock

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.25, 1.0, 1.5

Found = TypeVar("Found")


def waited(find: Callable[[], Found | None], *, clock: Clock, seconds: float) -> Found | None:
    """What ``find`` gives as soon as it gives something; None when it gives nothing in this time.

    Args:
        find: asked at once, then after pauses that grow from a quarter of a second to one.
        seconds: how long at most; 0 asks once.
    """
    end = clock.now() + seconds
    for pause in _pauses():
        if (found := find()) is not None:
            return found
        left = end - clock.now()
        if left <= 0:
            return None
        clock.sleep(min(pause, left))
    return None


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(LONGEST_PAUSE, pause * GROWTH)


def decided(item: Mapping[str, Any], content_id: str) -> dict[str, Any]:
    """The document about a status as the content API gives it.

    Args:
        item: of the status table, in DynamoDB's form.
        content_id: as the caller knows it.
    """
    text = {name: value["S"] for name, value in item.items() if "S" in value}
    return {
        "content_id": content_id,
        "status": "decided",
        "action": text["action"],
        "labels": [one["S"] for one in item["labels"]["L"]],
        "event_id": text["event_id"],
        "verdict_id": text["verdict_id"],
        "policy": {"id": text["policy_id"], "version": text["policy_version"]},
        "decided_at": f"{text['decided_at'].replace(' ', 'T')}Z",
    }
