"""The twin's streams as delivery sees a stream, on a virtual clock: real shards, real limits, a fixed time per call."""

from collections.abc import Sequence

from infra.local.kinesis.shards import ShardLimits
from infra.local.kinesis.streams import PutEntry, Streams
from producers.delivery.report import THROTTLED
from producers.ports import OutRecord, PutResult, ShardRange
from tests.fakes.stream import VirtualClock


class ShardedStream:
    """Puts onto the twin's streams core.

    Args:
        clock: moves on by ``seconds`` with each call.
        shards: how many.
        limits: of each shard.
        names_shards: whether throttled records say by which shard, as AWS's messages do.
    """

    def __init__(
        self,
        clock: VirtualClock,
        *,
        shards: int,
        limits: ShardLimits | None = None,
        seconds: float = 0.02,
        names_shards: bool = True,
    ) -> None:
        self.clock = clock
        self.streams = Streams(limits=limits)
        self.stream = self.streams.create("content", shard_count=shards, now=clock.now())
        self.seconds = seconds
        self.names_shards = names_shards
        self.attempts = 0
        self.arrivals: dict[str, list[float]] = {}
        self.ids: list[str] = []

    def shards(self) -> list[ShardRange]:
        return [ShardRange(one.shard_id, one.start_hash, one.end_hash) for one in self.stream.open_shards]

    def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        self.clock.time += self.seconds
        now = self.clock.now()
        self.attempts += len(records)
        entries = [PutEntry(record.data, record.partition_key) for record in records]
        answers: list[PutResult] = []
        for record, result in zip(records, self.streams.put(self.stream, entries, now=now), strict=True):
            if result.record is None:
                answers.append(PutResult(None, result.shard_id if self.names_shards else None, THROTTLED))
                continue
            self.arrivals.setdefault(result.shard_id, []).append(now)
            self.ids.append(record.event_id)
            answers.append(PutResult(str(result.record.sequence), result.shard_id))
        return answers
