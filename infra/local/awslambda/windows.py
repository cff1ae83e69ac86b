"""Tumbling windows of an event source mapping: the state that a function hands on from batch to batch. Pure.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html (read 2026-11-30).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

STATE_BYTES: Final = 1 << 20
"""What the state of a shard may take; a window with more ends early."""


class Window(msgspec.Struct):
    """An open window of a shard.

    Args:
        start, end: epoch seconds; ``end`` is not in it.
        state: what the function returned last.
        ends_early: it ends before its time: its state is too large, or the runtime was drained.
    """

    start: int
    end: int
    state: dict[str, Any] = msgspec.field(default_factory=dict)
    ends_early: bool = False

    def members(self, *, shard_id: str, stream_arn: str, is_final: bool) -> dict[str, object]:
        """What an event has beside its records."""
        return {
            "window": {"start": _moment(self.start), "end": _moment(self.end)},
            "state": self.state,
            "shardId": shard_id,
            "eventSourceARN": stream_arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": self.ends_early,
        }

    def take(self, state: Mapping[str, Any]) -> None:
        """Takes the state that the function returned."""
        self.state = dict(state)
        if len(msgspec.json.encode(self.state)) > STATE_BYTES:
            self.ends_early = True


def window_of(arrived: float, seconds: int) -> Window:
    """The window that a record belongs to by its arrival.

    >>> window_of(1607497475.5, 120).members(shard_id="s", stream_arn="a", is_final=False)["window"]
    {'start': '2020-12-09T07:04:00Z', 'end': '2020-12-09T07:06:00Z'}
    """
    start = int(arrived // seconds) * seconds
    return Window(start, start + seconds)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
