"""What a delivery stream reads from: a Kinesis stream, with KPL aggregates opened.

Source: https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html (KPL records are de-aggregated before the
function and before delivery) and the DescribeDeliveryStream reference: reading starts at ``DeliveryStartTimestamp``.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from glue.kpl.aggregation import UserRecord, decode
from infra.local.firehose.records import KinesisCoordinate, Origin, SourceRecord
from infra.local.kinesis.records import Record
from infra.local.kinesis.streams import Streams

_READ_LIMIT = 10_000

Deaggregate = Callable[[bytes], object]


class Source(Protocol):
    """What a delivery stream reads from."""

    @property
    def arn(self) -> str:
        """The ARN of the source."""
        ...

    @property
    def behind_ms(self) -> int:
        """How far the last read was behind the newest record, at most."""
        ...

    def read(self, now: float) -> list[SourceRecord]:
        """The next records; empty when all that there is has been read."""
        ...

    def behind(self, now: float) -> bool:
        """True when there are records that have not been read."""
        ...

    def read_to(self, now: float) -> dict[str, int]:
        """By shard, the position up to which it has been read."""
        ...


class KinesisSource:
    """The records of a Kinesis stream that arrived at ``started`` or later, shard by shard, each once.

    Args:
        streams: the twin's streams.
        arn: the source stream's ARN.
        started: epoch seconds from which records are read.
        deaggregate: what opens a KPL aggregate; gives a list of user records, or anything else for a plain record.
            A broken aggregate goes on as it is: nothing that was in the stream is left out.
        positions: by shard, where an earlier run came to; a shard that it did not know is read from its beginning.
        guard: called before each read; raises when the delivery stream may not read.
    """

    def __init__(
        self,
        streams: Streams,
        arn: str,
        *,
        started: float,
        deaggregate: Deaggregate = decode,
        positions: Mapping[str, int] | None = None,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self._streams = streams
        self._stream = streams.by_arn(arn)
        self._started = started
        self._deaggregate = deaggregate
        self._positions: dict[str, int] = dict(positions or {})
        self._resumed = bool(positions)
        self._guard = guard
        self.behind_ms = 0

    @property
    def arn(self) -> str:
        """The ARN of the Kinesis stream."""
        return self._stream.arn

    def read_to(self, now: float) -> dict[str, int]:
        """By shard, the position up to which it has been read."""
        shards = self._streams.lineage(self._stream, now=now)
        return {info.shard_id: self._position(info.shard_id) for info in shards}

    def read(self, now: float) -> list[SourceRecord]:
        """The next records of every shard.

        Raises:
            ApiError: it may not read.
        """
        self._guard()
        self.behind_ms = 0
        found: list[SourceRecord] = []
        for info in self._streams.lineage(self._stream, now=now):
            after = self._position(info.shard_id)
            answer = self._streams.read(self._stream, info.shard_id, after, now=now, limit=_READ_LIMIT)
            self.behind_ms = max(self.behind_ms, answer.behind_ms)
            if answer.records:
                self._streams.count_read(self._stream, answer, now)
            for record in answer.records:
                found += self._records(info.shard_id, record)
            self._positions[info.shard_id] = answer.position
        return found

    def behind(self, now: float) -> bool:
        """True when a shard holds records that have not been read."""
        shards = self._streams.lineage(self._stream, now=now)
        return any(self._streams.tip(self._stream, info.shard_id) > self._position(info.shard_id) for info in shards)

    def _position(self, shard_id: str) -> int:
        if shard_id not in self._positions:
            self._positions[shard_id] = (
                0 if self._resumed else self._streams.at_timestamp(self._stream, shard_id, self._started)
            )
        return self._positions[shard_id]

    def _records(self, shard_id: str, record: Record) -> list[SourceRecord]:
        number = record.sequence_number
        inside = self._deaggregate(record.data)
        if not isinstance(inside, list):
            coordinate = KinesisCoordinate(shard_id, record.partition_key, number)
            return [SourceRecord(record.data, Origin(number, record.arrived, coordinate))]
        users: list[UserRecord] = inside
        return [
            SourceRecord(
                user.data,
                Origin(
                    f"{number}{at:06d}", record.arrived, KinesisCoordinate(shard_id, user.partition_key, number, at)
                ),
            )
            for at, user in enumerate(users)
        ]
