"""Kinesis streams in memory: creation, routing, puts and reads. Pure but for a lock: the time is an argument.

Not modelled: channels, queues, the scaling of on-demand streams beyond their four shards,
and encryption itself (the settings are kept and described).
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError
from infra.local.kinesis.records import Record
from infra.local.kinesis.segments import Segments
from infra.local.kinesis.shards import (
    GET_BYTES_LIMIT,
    GET_RECORDS_LIMIT,
    Shard,
    ShardLimits,
    even_ranges,
    hash_key,
)

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
ON_DEMAND_SHARDS = 4
DEFAULT_RETENTION_HOURS = 24
MAX_RETENTION_HOURS = 8_760


class PutEntry(msgspec.Struct, frozen=True, gc=False):
    """One record to put: data, partition key and, optionally, the hash key that overrides it."""

    data: bytes
    partition_key: str
    explicit_hash_key: int | None = None


class PutResult(msgspec.Struct, frozen=True, gc=False):
    """Where a record went; ``record`` is None when the shard throttled it."""

    shard_id: str
    record: Record | None


class ShardInfo(msgspec.Struct, frozen=True):
    """A shard's place in the lineage."""

    shard_id: str
    parents: tuple[str, ...]
    is_open: bool
    created_at: int


class ShardRead(msgspec.Struct, frozen=True):
    """An answer to a read: the records, the position after them, and whether the shard has come to its end."""

    records: Sequence[Record]
    position: int
    ended: bool
    behind_ms: int
    children: tuple[str, ...]


@dataclass(kw_only=True)
class Stream:
    """A stream: its settings, every shard it ever had, and the open ones in the order of their hash keys."""

    name: str
    arn: str
    mode: str
    created_at: float
    limits: ShardLimits
    max_record_bytes: int
    segments: Segments
    retention_hours: int = DEFAULT_RETENTION_HOURS
    tags: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, float] = field(default_factory=dict)
    """When each consumer with enhanced fan-out was registered, by its name."""
    key_id: str | None = None
    shards: dict[str, Shard] = field(default_factory=dict)
    open_shards: list[Shard] = field(default_factory=list)
    open_starts: list[int] = field(default_factory=list)
    busy: str = "CREATING"
    busy_until: float = 0.0
    next_index: int = 0

    def status(self, now: float) -> str:
        """ACTIVE, or what the stream is busy with."""
        return "ACTIVE" if now >= self.busy_until else self.busy

    def horizon(self, now: float) -> float:
        """The arrival time before which records are gone."""
        return now - self.retention_hours * 3600

    def open_shard(self, hashes: tuple[int, int], *, now: float, parents: tuple[Shard, ...] = ()) -> Shard:
        """Adds an open shard for an inclusive hash key range; its sequence numbers lie above its parents'."""
        born = max([int(now), *(parent.born + 1 for parent in parents)])
        shard = Shard(
            index=self.next_index,
            start_hash=hashes[0],
            end_hash=hashes[1],
            born=born,
            opened_at=now,
            limits=self.limits,
            parents=tuple(parent.shard_id for parent in parents),
            segments=self.segments,
        )
        self.next_index += 1
        self.shards[shard.shard_id] = shard
        for parent in parents:
            parent.children = (*parent.children, shard.shard_id)
        self.reindex()
        return shard

    def close_shard(self, shard: Shard, now: float) -> None:
        """Ends a shard; it takes no more records."""
        shard.closed_at = now
        self.reindex()

    def reindex(self) -> None:
        """Sorts the open shards by hash key, after shards were added or closed."""
        self.open_shards = sorted((s for s in self.shards.values() if s.is_open), key=lambda s: s.start_hash)
        self.open_starts = [shard.start_hash for shard in self.open_shards]

    def route(self, key: int) -> Shard:
        """The open shard whose inclusive range holds ``key``."""
        return self.open_shards[bisect_right(self.open_starts, key) - 1]

    def visible_shards(self, now: float) -> list[Shard]:
        """The shards that are listed: the open ones, and closed ones until their last record has expired."""
        horizon = self.horizon(now)
        return [s for s in self.shards.values() if s.closed_at is None or s.closed_at >= horizon]


class Log(Protocol):
    """Where changes are kept so that they survive the process."""

    def changed(self, stream: Stream) -> None: ...

    def appended(self, stream: Stream, shard: Shard, records: Sequence[Record]) -> None: ...

    def deleted(self, stream: Stream) -> None: ...


class Streams:
    """The streams of one account and region.

    Args:
        account: twelve digits.
        region: e.g. ``us-east-1``.
        limits: what a shard takes and gives per second; AWS's numbers unless told otherwise.
        settle_seconds: how long a new stream is CREATING and a changed one UPDATING.
        log: where changes are kept, None for memory only.
        meter: takes what CloudWatch counts of a stream.
        segments: where records go that leave memory.

    >>> streams = Streams()
    >>> stream = streams.create("content", shard_count=2, now=0.0)
    >>> [result] = streams.put(stream, [PutEntry(b"hello", "author-1")], now=1.0)
    >>> result.shard_id
    'shardId-000000000000'
    """

    def __init__(
        self,
        *,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        limits: ShardLimits | None = None,
        settle_seconds: float = 0.0,
        log: Log | None = None,
        meter: Meter | None = None,
        segments: Segments | None = None,
    ) -> None:
        self.account = account
        self.region = region
        self.limits = limits or ShardLimits()
        self.settle_seconds = settle_seconds
        self.log = log
        self.meter: Meter = meter or NoMeter()
        self.segments = segments or Segments()
        self.lock = threading.RLock()
        self.watchers: list[Callable[[], None]] = []
        """Called whenever there are new records or shards; from any thread, and so they only take note."""
        self._streams: dict[str, Stream] = {}
        self._kept: dict[str, Stream] = {}

    def arn(self, name: str) -> str:
        """The stream's ARN."""
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"

    def names(self) -> list[str]:
        """The names of all streams, sorted."""
        return sorted(self._streams)

    def keep(self, streams: Iterable[Stream]) -> None:
        """Holds streams of an earlier run ready: one that is created by name goes on with its shards and records."""
        with self.lock:
            self._kept.update((stream.name, stream) for stream in streams)

    def take_up_kept(self) -> None:
        """Takes up the kept streams that nobody has created: they were made by calls, not by a template."""
        with self.lock:
            self._streams.update(self._kept)
            self._kept.clear()

    def create(
        self,
        name: str,
        *,
        shard_count: int,
        now: float,
        mode: str = "PROVISIONED",
        max_record_kib: int = 1024,
        tags: dict[str, str] | None = None,
    ) -> Stream:
        """Makes a stream of ``shard_count`` shards over even hash key ranges.

        Raises:
            ApiError: ResourceInUseException when the name is taken.
        """
        with self.lock:
            if name in self._streams:
                raise ApiError("ResourceInUseException", f"Stream {name} under account {self.account} already exists.")
            stream = Stream(
                name=name,
                arn=self.arn(name),
                mode=mode,
                created_at=now,
                limits=self.limits,
                max_record_bytes=max_record_kib * 1024,
                segments=self.segments,
                tags=dict(tags or {}),
                busy_until=now + self.settle_seconds,
            )
            kept = self._kept.pop(name, None)
            if kept is None:
                for hashes in even_ranges(shard_count):
                    stream.open_shard(hashes, now=now)
            else:
                stream.created_at, stream.next_index, stream.shards = kept.created_at, kept.next_index, kept.shards
                stream.consumers = kept.consumers
                stream.reindex()
            self._streams[name] = stream
            self.changed(stream)
            return stream

    def empty(self, stream: Stream, *, shard_count: int, now: float) -> None:
        """Makes a stream as it is when it is new: without records, over ``shard_count`` shards."""
        with self.lock:
            stream.shards.clear()
            stream.consumers.clear()
            stream.next_index = 0
            stream.busy_until = now
            for hashes in even_ranges(shard_count):
                stream.open_shard(hashes, now=now)
            self.changed(stream)

    def delete(self, stream: Stream) -> None:
        """Forgets a stream and its records."""
        with self.lock:
            self._streams.pop(stream.name, None)
            if self.log:
                self.log.deleted(stream)

    def changed(self, stream: Stream) -> None:
        """Tells the log that a stream's settings or shards are new."""
        if self.log:
            self.log.changed(stream)
        self._tell()

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

    def get(self, name: str) -> Stream:
        """The stream of that name.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        stream = self._streams.get(name)
        if stream is None:
            raise ApiError("ResourceNotFoundException", f"Stream {name} under account {self.account} not found.")
        return stream

    def by_arn(self, arn: str) -> Stream:
        """The stream with that ARN.

        Raises:
            ApiError: ResourceNotFoundException, also for another account or region.
        """
        name = arn.partition(":stream/")[2]
        if name and self.arn(name) == arn:
            return self.get(name)
        raise ApiError("ResourceNotFoundException", f"Stream {arn} under account {self.account} not found.")

    def shard(self, stream: Stream, shard_id: str) -> Shard:
        """The shard of that id.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        shard = stream.shards.get(shard_id)
        if shard is None:
            raise ApiError(
                "ResourceNotFoundException",
                f"Shard {shard_id} in stream {stream.name} under account {self.account} does not exist",
            )
        return shard

    def put(self, stream: Stream, entries: Iterable[PutEntry], *, now: float) -> list[PutResult]:
        """Routes and stores records; each result stands at its entry's place, and some may be throttled.

        Raises:
            ApiError: ResourceNotFoundException when the stream has been deleted meanwhile.
        """
        results: list[PutResult] = []
        stored: dict[str, list[Record]] = {}
        taken = 0
        with self.lock:
            if self.get(stream.name) is not stream:
                raise ApiError("ResourceNotFoundException", f"Stream {stream.name} was deleted and made again.")
            for entry in entries:
                key = entry.explicit_hash_key
                shard = stream.route(hash_key(entry.partition_key) if key is None else key)
                size = len(entry.data) + len(entry.partition_key.encode())
                if shard.admit(size, now):
                    taken += size
                    record = shard.append(partition_key=entry.partition_key, data=entry.data, now=now)
                    results.append(PutResult(shard.shard_id, record))
                    stored.setdefault(shard.shard_id, []).append(record)
                else:
                    results.append(PutResult(shard.shard_id, None))
            for shard_id, records in stored.items():
                shard = stream.shards[shard_id]
                shard.trim(stream.horizon(now))
                if self.log:
                    self.log.appended(stream, shard, records)
        self._count_put(stream.name, sum(map(len, stored.values())), taken, of=len(results))
        if stored:
            self._tell()
        return results

    def _count_put(self, name: str, records: int, size: int, *, of: int) -> None:
        if records:
            self._count(name, "IncomingRecords", records)
            self._count(name, "IncomingBytes", size, "Bytes")
        self._count(name, "WriteProvisionedThroughputExceeded", of - records)

    def count_read(self, stream: Stream, read: ShardRead, now: float) -> None:
        """Counts what a reader got.

        Source: https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
        """
        self._count(stream.name, "GetRecords.Records", len(read.records))
        self._count(stream.name, "GetRecords.Bytes", sum(record.size for record in read.records), "Bytes")
        age = max(0.0, now - read.records[-1].arrived) * 1000 if read.records else 0.0
        self._count(stream.name, "GetRecords.IteratorAgeMilliseconds", age, "Milliseconds")
        self._count(stream.name, "ReadProvisionedThroughputExceeded", 0)

    def count_read_throttled(self, stream: Stream) -> None:
        """Counts a read that was turned away."""
        self._count(stream.name, "ReadProvisionedThroughputExceeded", 1)

    def _count(self, stream: str, name: str, value: float, unit: str = "Count") -> None:
        self.meter.add("AWS/Kinesis", name, {"StreamName": stream}, value, unit)

    def lineage(self, stream: Stream, *, now: float) -> list[ShardInfo]:
        """Every listed shard with its parents, in the order they were made."""
        with self.lock:
            return [ShardInfo(s.shard_id, s.parents, s.is_open, s.born) for s in stream.visible_shards(now)]

    def tip(self, stream: Stream, shard_id: str) -> int:
        """The position after the newest record of a shard."""
        with self.lock:
            return self.shard(stream, shard_id).last

    def at_timestamp(self, stream: Stream, shard_id: str, moment: float) -> int:
        """The position before the first record of a shard that arrived at ``moment`` or later."""
        with self.lock:
            return self.shard(stream, shard_id).before(moment)

    def read(
        self,
        stream: Stream,
        shard_id: str,
        after: int,
        *,
        now: float,
        limit: int = GET_RECORDS_LIMIT,
        max_bytes: int = GET_BYTES_LIMIT,
    ) -> ShardRead:
        """The records of a shard after a position (0 = from the oldest), without counting against the read limits."""
        with self.lock:
            shard = self.shard(stream, shard_id)
            horizon = stream.horizon(now)
            records = shard.read(after, limit=limit, max_bytes=max_bytes, horizon=horizon)
            position = records[-1].sequence if records else after
            ended = shard.exhausted(position, horizon)
            if ended and not records:
                position = max(position, shard.last)
            behind = shard.behind(position, now=now, horizon=horizon)
            return ShardRead(records, position, ended, behind, shard.children)
