"""A delivery stream's core: what comes in is split, partitioned and buffered; what is due goes out.

It reads no clock and touches nothing outside: every call takes ``now`` (epoch seconds), and what is to be done outside
comes back as values, transform batches to invoke and deliveries to write.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from infra.local.firehose.config import StreamConfig
from infra.local.firehose.errors import PARTITION_LIMIT, PARTITIONING
from infra.local.firehose.partitions import EMPTY, FAILED
from infra.local.firehose.processing import MIB, Hints
from infra.local.firehose.records import Buffer, FailedRecord, Origin, PartitionKeys, Piece, SourceRecord
from infra.local.firehose.splitting import whole
from infra.local.firehose.transform import TransformBatch, TransformOutcome, batches

ACTIVE_PARTITIONS = 500
"""Partitions that may be buffered at once. Source: https://docs.aws.amazon.com/firehose/latest/dev/limits.html"""

MEMORY_CEILING = 512 * MIB
"""Bytes that open buffers may hold together; over it the largest is closed early. AWS calls its sizes hints, too."""

_LIMIT_CODE = "DynamicPartitioning.ActivePartitionLimitExceeded"
_LIMIT_MESSAGE = "The number of active partitions is at its limit"


@dataclass(frozen=True)
class Delivery:
    """One object's worth of records, no longer buffered.

    Args:
        config, version: the stream's configuration when it was closed.
        keys: the dynamic partition.
        pieces: the records; empty for an error delivery.
        failures: the records of an error delivery, all of one ``error-output-type``.
        backup: True for source records on their way to the backup bucket.
        size: bytes of the records.
    """

    config: StreamConfig
    version: str
    keys: PartitionKeys = field(default_factory=PartitionKeys)
    pieces: Sequence[Piece] = ()
    failures: Sequence[FailedRecord] = ()
    backup: bool = False
    size: int = 0

    @property
    def origins(self) -> list[Origin]:
        """Where all that is in it came from."""
        return [*(piece.origin for piece in self.pieces), *(failure.origin for failure in self.failures)]


@dataclass(frozen=True)
class Progress:
    """A stream's counters.

    Args:
        records_in: source records accepted, after KPL de-aggregation.
        buffered_records, buffered_bytes: what no delivery has taken yet, sub-records and their bytes.
        dropped: records the function answered with ``Dropped``.
        failed: sub-records sent to the error output by the core, by ``error-output-type``.
        oldest_age: seconds since the oldest buffered record arrived, 0 when nothing is buffered.
    """

    records_in: int
    buffered_records: int
    buffered_bytes: int
    dropped: int
    failed: dict[str, int]
    oldest_age: float


@dataclass(slots=True)
class _Failures:
    opened: float
    records: list[FailedRecord] = field(default_factory=list)
    size: int = 0


class DeliveryStream:
    """The state of one delivery stream.

    Args:
        config: from :func:`infra.local.firehose.config.read_destination`.
        partition_limit: partitions that may be buffered at once.
        ceiling: bytes that open buffers may hold together.
    """

    def __init__(
        self, config: StreamConfig, *, partition_limit: int = ACTIVE_PARTITIONS, ceiling: int = MEMORY_CEILING
    ) -> None:
        self.config = config
        self.version = "1"
        self._partition_limit = partition_limit
        self._ceiling = ceiling
        self.clear()

    def clear(self) -> None:
        """Forgets everything that is held and counted."""
        self._held = 0
        self._to_transform: list[SourceRecord] = []
        self._to_transform_size = 0
        self._transform_opened = 0.0
        self._in_transform = 0
        self._buffers: dict[PartitionKeys, Buffer] = {}
        self._failures: dict[str, _Failures] = {}
        self._backup: Buffer | None = None
        self._ready: list[Delivery] = []
        self._records_in = 0
        self._dropped = 0
        self._failed: Counter[str] = Counter()

    def reconfigure(self, config: StreamConfig) -> str:
        """The new version: what is buffered from now on, or still is, goes by the new configuration."""
        self.config = config
        self.version = str(int(self.version) + 1)
        return self.version

    def accept(self, records: Iterable[SourceRecord], now: float) -> None:
        """Takes source records in."""
        split = self.config.processing.split or whole
        for record in records:
            self._records_in += 1
            if self.config.backup is not None:
                self._to_backup(record, self.config.backup.hints, now)
            parts = split(record.data)
            if self.config.processing.transform is not None:
                self._queue_for_transform(record, parts, now)
            else:
                self._partition(Piece(parts, record.origin), (), now)

    def transforms(self, now: float, *, force: bool = False) -> list[TransformBatch]:
        """Batches due for the function; each must come back through :meth:`transformed`."""
        settings = self.config.processing.transform
        if settings is None or not self._to_transform:
            return []
        hints = settings.hints
        if not (force or self._to_transform_size >= hints.size or now - self._transform_opened >= hints.interval):
            return []
        due = batches(self._to_transform, size=hints.size)
        self._in_transform += len(self._to_transform)
        self._to_transform, self._to_transform_size = [], 0
        return due

    def transformed(self, outcome: TransformOutcome, now: float) -> None:
        """Takes in what became of a batch."""
        self._in_transform -= len(outcome.good) + len(outcome.failed) + outcome.dropped
        self._dropped += outcome.dropped
        for item in outcome.good:
            self._partition(Piece((item.data,), item.original.origin), item.partition_keys, now)
        for failure in outcome.failed:
            self._fail(failure, now)

    def deliveries(self, now: float, *, force: bool = False) -> list[Delivery]:
        """What is due to be written, in the order in which it came to be due."""
        hints = self.config.destination.hints
        for keys in [keys for keys, buffer in self._buffers.items() if force or _due(buffer, hints, now)]:
            self._close(keys)
        backup = self.config.backup
        if self._backup is not None and (force or backup is None or _due(self._backup, backup.hints, now)):
            self._close_backup(self._backup)
        for output_type in [kind for kind, held in self._failures.items() if force or _due(held, hints, now)]:
            held = self._failures.pop(output_type)
            self._ready.append(Delivery(self.config, self.version, failures=held.records, size=held.size))
        ready, self._ready = self._ready, []
        return ready

    def progress(self, now: float) -> Progress:
        """The stream's counters."""
        waiting = [delivery for delivery in self._ready if not delivery.backup]
        buffers = list(self._buffers.values())
        arrivals = [
            *(buffer.oldest for buffer in buffers),
            *(record.origin.arrival for record in self._to_transform),
            *(piece.origin.arrival for delivery in waiting for piece in delivery.pieces),
        ]
        held = [piece for delivery in waiting for piece in delivery.pieces]
        return Progress(
            records_in=self._records_in,
            buffered_records=sum(buffer.records for buffer in buffers)
            + sum(len(piece.records) for piece in held)
            + len(self._to_transform)
            + self._in_transform
            + sum(len(failures.records) for failures in self._failures.values()),
            buffered_bytes=self._held
            + sum(piece.size for piece in held)
            + self._to_transform_size
            + sum(failures.size for failures in self._failures.values()),
            dropped=self._dropped,
            failed=dict(self._failed),
            oldest_age=max(0.0, now - min(arrivals)) if arrivals else 0.0,
        )

    def held(self) -> Iterator[Origin]:
        """Where everything came from that no delivery has taken yet, and that is not with the function."""
        yield from (record.origin for record in self._to_transform)
        buffers = [*self._buffers.values(), *([self._backup] if self._backup is not None else [])]
        yield from (piece.origin for buffer in buffers for piece in buffer.pieces)
        yield from (failure.origin for failures in self._failures.values() for failure in failures.records)
        yield from (origin for delivery in self._ready for origin in delivery.origins)

    def waiting(self) -> Iterator[tuple[bool, float]]:
        """Of all that no delivery has taken yet, whether it is for the backup and when it came in."""
        yield from ((False, record.origin.arrival) for record in self._to_transform)
        yield from ((False, piece.origin.arrival) for buffer in self._buffers.values() for piece in buffer.pieces)
        yield from ((True, piece.origin.arrival) for piece in (self._backup.pieces if self._backup is not None else ()))
        yield from ((False, one.origin.arrival) for held in self._failures.values() for one in held.records)
        yield from ((delivery.backup, one.arrival) for delivery in self._ready for one in delivery.origins)

    @property
    def partitions(self) -> int:
        """How many are buffered."""
        return len(self._buffers)

    @property
    def ready_bytes(self) -> int:
        """Bytes that are closed and that no call of :meth:`deliveries` has taken yet."""
        return sum(delivery.size for delivery in self._ready)

    @property
    def empty(self) -> bool:
        """True when nothing is buffered anywhere in the stream."""
        return not (
            self._to_transform
            or self._in_transform
            or self._buffers
            or self._failures
            or self._backup is not None
            or self._ready
        )

    def _queue_for_transform(self, record: SourceRecord, parts: Sequence[bytes], now: float) -> None:
        if not self._to_transform:
            self._transform_opened = now
        for at, part in enumerate(parts):
            origin = record.origin
            if len(parts) > 1:
                # Each sub-record is a record of its own to the function, with an id of its own.
                origin = msgspec.structs.replace(origin, record_id=f"{origin.record_id}{at:06d}")
            self._to_transform.append(SourceRecord(part, origin))
            self._to_transform_size += len(part)

    def _partition(self, piece: Piece, given: tuple[tuple[str, str], ...], now: float) -> None:
        if not self.config.partitioned:
            self._buffer(PartitionKeys(), piece, now)
            return
        prefix = self.config.destination.prefix
        wanted_given = dict(given)
        function = tuple((name, wanted_given.get(name, "")) for name in prefix.keys("partitionKeyFromLambda"))
        if any(not value for _, value in function):
            self._refuse(piece, EMPTY, now)
            return
        query = self.config.processing.query
        if query is None:
            self._buffer(PartitionKeys(function=function), piece, now)
            return
        wanted = prefix.keys("partitionKeyFromQuery")
        groups: dict[tuple[tuple[str, str], ...], list[bytes]] = {}
        for record, found in zip(piece.records, query.keys(piece.records), strict=True):
            if isinstance(found, str):
                self._refuse(Piece((record,), piece.origin), found, now)
                continue
            groups.setdefault(found, []).append(record)
        for found, records in groups.items():
            values = dict(found)
            if all(name in values for name in wanted):
                keys = PartitionKeys(tuple((name, values[name]) for name in wanted), function)
                self._buffer(keys, Piece(records, piece.origin), now)
            else:
                self._refuse(Piece(records, piece.origin), EMPTY, now)

    def _buffer(self, keys: PartitionKeys, piece: Piece, now: float) -> None:
        buffer = self._buffers.get(keys)
        if buffer is None:
            if len(self._buffers) >= self._partition_limit:
                for record in piece.records:
                    self._fail(
                        FailedRecord(PARTITION_LIMIT, _LIMIT_CODE, _LIMIT_MESSAGE, record, piece.origin, now), now
                    )
                return
            buffer = self._buffers[keys] = Buffer(now)
        size = piece.size
        buffer.grow(piece, size)
        self._held += size
        if buffer.size >= self.config.destination.hints.size:
            self._close(keys)
        while self._held > self._ceiling:
            self._close(max(self._buffers, key=lambda held: self._buffers[held].size))

    def _close(self, keys: PartitionKeys) -> None:
        buffer = self._buffers.pop(keys)
        self._held -= buffer.size
        self._ready.append(Delivery(self.config, self.version, keys, buffer.pieces, size=buffer.size))

    def _to_backup(self, record: SourceRecord, hints: Hints, now: float) -> None:
        if self._backup is None:
            self._backup = Buffer(now)
        self._backup.add(Piece((record.data,), record.origin))
        if self._backup.size >= hints.size:
            self._close_backup(self._backup)

    def _close_backup(self, buffer: Buffer) -> None:
        self._ready.append(Delivery(self.config, self.version, pieces=buffer.pieces, backup=True, size=buffer.size))
        self._backup = None

    def _refuse(self, piece: Piece, message: str, now: float) -> None:
        for record in piece.records:
            self._fail(FailedRecord(PARTITIONING, FAILED, message, record, piece.origin, now), now)

    def _fail(self, failure: FailedRecord, now: float) -> None:
        held = self._failures.setdefault(failure.output_type, _Failures(now))
        held.records.append(failure)
        held.size += len(failure.data)
        self._failed[failure.output_type] += 1


def _due(held: Buffer | _Failures, hints: Hints, now: float) -> bool:
    return held.size >= hints.size or now - held.opened >= hints.interval
