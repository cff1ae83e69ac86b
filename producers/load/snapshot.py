"""Where a load stands, in numbers that several processes can add up."""

import math
from collections import Counter
from collections.abc import Iterable

import msgspec

from producers.limits import SHARD_BYTES_PER_SECOND, SHARD_RECORDS_PER_SECOND
from producers.load.histogram import Histogram


class Second(msgspec.Struct, array_like=True):
    """What was due in one second of the load, and what was taken in it."""

    events: int = 0
    bytes: int = 0
    accepted: int = 0


class Snapshot(msgspec.Struct, kw_only=True):
    """The sums so far.

    Args:
        planned: events in the schedule.
        offered: events handed to delivery. Less than planned when the load was stopped.
        accepted: events that the stream took; ``failed``: those that delivery gave up on; ``spooled``: those that are
            safe on a disk, known when it is done.
        failures: of the failed, by reason.
        records: Kinesis records taken; as many as events unless aggregated.
        calls, failed_calls: of PutRecords. ``throttled``, ``resent``: Kinesis records turned away, and sent again.
        bytes: of records taken, keys included. ``put_units``: 25 KiB steps of each; ``kilobytes``: 1 KiB steps.
        behind: seconds that the latest event was handed over after it was due; ``most_behind``: the worst.
        elapsed: seconds since the first event was due.
        put: latencies of calls, by step of a histogram; ``response``: from when an event was due to its acceptance.
        seconds: by second since the start.
        stopped: why nothing can be put on the stream.
    """

    planned: int = 0
    offered: int = 0
    accepted: int = 0
    spooled: int = 0
    failed: int = 0
    failures: dict[str, int] = {}
    next_steps: list[str] = []
    records: int = 0
    calls: int = 0
    failed_calls: int = 0
    throttled: int = 0
    resent: int = 0
    bytes: int = 0
    put_units: int = 0
    kilobytes: int = 0
    behind: float = 0.0
    most_behind: float = 0.0
    elapsed: float = 0.0
    put: dict[int, int] = {}
    response: dict[int, int] = {}
    seconds: dict[int, Second] = {}
    is_interrupted: bool = False
    is_done: bool = False
    stopped: str | None = None

    @property
    def lost(self) -> int:
        """Events neither in the stream nor in a spool, of the schedule, or of those offered until a stop."""
        return (self.offered if self.is_interrupted else self.planned) - self.accepted - self.spooled

    def latency(self, of: str, share: float) -> float | None:
        """Seconds that this share of ``put`` or ``response`` latencies stayed under."""
        return Histogram(self.put if of == "put" else self.response).quantile(share)

    @property
    def shards_needed(self) -> int:
        """How many evenly used shards would take the busiest second as it was offered.

        >>> Snapshot(accepted=9, records=9, seconds={0: Second(2500, 2_500_000, 9)}).shards_needed
        3
        """
        ratio = self.records / self.accepted if self.accepted else 1.0
        size = max((second.bytes for second in self.seconds.values()), default=0)
        events = max((second.events for second in self.seconds.values()), default=0)
        return max(1, math.ceil(size / SHARD_BYTES_PER_SECOND), math.ceil(events * ratio / SHARD_RECORDS_PER_SECOND))


def merged(parts: Iterable[Snapshot]) -> Snapshot:
    """All parts together."""
    parts = list(parts)
    put, response = Histogram(), Histogram()
    seconds: dict[int, Second] = {}
    failures: Counter[str] = Counter()
    for part in parts:
        put.merge(part.put)
        response.merge(part.response)
        failures.update(part.failures)
        for number, second in part.seconds.items():
            own = seconds.setdefault(number, Second())
            own.events += second.events
            own.bytes += second.bytes
            own.accepted += second.accepted
    return Snapshot(
        planned=sum(part.planned for part in parts),
        offered=sum(part.offered for part in parts),
        accepted=sum(part.accepted for part in parts),
        spooled=sum(part.spooled for part in parts),
        failed=sum(part.failed for part in parts),
        failures=dict(failures),
        next_steps=list(dict.fromkeys(step for part in parts for step in part.next_steps)),
        records=sum(part.records for part in parts),
        calls=sum(part.calls for part in parts),
        failed_calls=sum(part.failed_calls for part in parts),
        throttled=sum(part.throttled for part in parts),
        resent=sum(part.resent for part in parts),
        bytes=sum(part.bytes for part in parts),
        put_units=sum(part.put_units for part in parts),
        kilobytes=sum(part.kilobytes for part in parts),
        behind=max((part.behind for part in parts), default=0.0),
        most_behind=max((part.most_behind for part in parts), default=0.0),
        elapsed=max((part.elapsed for part in parts), default=0.0),
        put=put.counts,
        response=response.counts,
        seconds=seconds,
        is_interrupted=any(part.is_interrupted for part in parts),
        is_done=all(part.is_done for part in parts),
        stopped=next((part.stopped for part in parts if part.stopped), None),
    )
