"""A Kinesis-to-Lambda event source mapping: what AWS does with batches, retries and checkpoints. Pure.

The mapping is told the time and the outcome of what it asked for; it never invokes, writes or waits by itself. Each
shard is read in order, split over lanes by partition key, and checkpointed at the lowest record that still needs work.
A child shard is read when its parents are done.

Where AWS says nothing this mapping decides: with bisection on, a batch that is reported failed from its first record is
halved, as after a function error; an answer that is neither empty nor an object fails the whole batch; a mapping that
starts at LATEST starts at the moment it is created. Its reads do not count against the shard's read limits.

Not modelled: filters, tumbling windows, enhanced fan-out. Creation refuses them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from infra.local.awslambda.documents import Origin, record_overhead
from infra.local.awslambda.filters import compile_filters, filtered_record
from infra.local.awslambda.lane import Discard, Failed, Invoke, Lane, Outcome, State
from infra.local.awslambda.settings import Backoff, MappingSettings
from infra.local.kinesis.records import Record
from infra.local.kinesis.shards import hash_key
from infra.local.kinesis.streams import ShardInfo, ShardRead

READ_AHEAD_BYTES = 16 * 1024 * 1024


class ShardSource(Protocol):
    """What a mapping reads from: one stream."""

    def lineage(self, now: float) -> Sequence[ShardInfo]: ...

    def tip(self, shard_id: str) -> int: ...

    def at_timestamp(self, shard_id: str, moment: float) -> int: ...

    def retention_seconds(self) -> float: ...

    def read(self, shard_id: str, after: int, *, limit: int, now: float) -> ShardRead: ...


class Task(msgspec.Struct, frozen=True):
    """Something to do for a lane: an invocation, or writing down a discarded batch."""

    shard_id: str
    lane: int
    action: Invoke | Discard
    generation: int


class Counters(msgspec.Struct):
    """What a mapping has done since it was made."""

    invocations: int = 0
    errors: int = 0
    succeeded: int = 0
    discarded: int = 0
    written: int = 0
    write_errors: int = 0
    filtered: int = 0


class ShardReader:
    """One shard's position, lanes and checkpoint."""

    def __init__(
        self,
        origin: Origin,
        position: int,
        *,
        settings: MappingSettings,
        backoff: Backoff,
        new_id: Callable[[], str],
        counters: Counters,
    ) -> None:
        self.origin = origin
        self.position = position
        self.checkpoint = position
        self.ended = False
        self.behind_ms = 0
        self.taken = 0
        self._counters = counters
        self._open: deque[Record] = deque()
        self._done_ahead: set[int] = set()
        self._bytes = 0
        self._passes = compile_filters(settings.filters)
        overhead = record_overhead(origin)
        self.lanes = [
            Lane(origin=origin, overhead=overhead, backoff=backoff, new_id=new_id, done=self._done)
            for _ in range(settings.parallelization)
        ]

    def feed(self, read: ShardRead, now: float) -> None:
        """Takes what was read after ``position``."""
        self.position, self.ended, self.behind_ms = read.position, read.ended, read.behind_ms
        filtered: list[Record] = []
        self.taken += len(read.records)
        for record in read.records:
            self._open.append(record)
            self._bytes += len(record.data)
            if self._passes is not None and not self._passes(_filterable(record, self.origin)):
                filtered.append(record)
                continue
            lane = hash_key(record.partition_key) % len(self.lanes) if len(self.lanes) > 1 else 0
            self.lanes[lane].push(record, now)
        if filtered:
            self._counters.filtered += len(filtered)
            self._done(filtered, None)
        if read.ended and not self._open:
            self.checkpoint = read.position

    def room(self, settings: MappingSettings) -> int:
        """How many more records to read ahead now."""
        if self._bytes >= READ_AHEAD_BYTES:
            return 0
        return max(0, 2 * settings.batch_size * len(self.lanes) - len(self._open))

    @property
    def undone(self) -> int:
        """Records read and not yet checkpointed past."""
        return len(self._open)

    @property
    def finished(self) -> bool:
        """Whether the shard is closed and everything in it is done."""
        return self.ended and not self._open and not self.has_window

    @property
    def has_window(self) -> bool:
        """Whether a tumbling window is open, whose state the function still gets."""
        return any(lane.window is not None for lane in self.lanes)

    @property
    def busy(self) -> bool:
        """Whether an invocation or a write is under way."""
        return any(lane.state is not State.READY for lane in self.lanes)

    def oldest(self) -> Record | None:
        """The oldest record that still needs work."""
        return self._open[0] if self._open else None

    def _done(self, records: Sequence[Record], succeeded: bool | None) -> None:
        if succeeded:
            self._counters.succeeded += len(records)
        elif succeeded is False:
            self._counters.discarded += len(records)
        self._done_ahead.update(record.sequence for record in records)
        while self._open and self._open[0].sequence in self._done_ahead:
            record = self._open.popleft()
            self._done_ahead.discard(record.sequence)
            self._bytes -= len(record.data)
            self.checkpoint = record.sequence


def _filterable(record: Record, origin: Origin) -> Mapping[str, Any]:
    """A record as patterns see it.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html (read 2026-11-30).
    """
    fields = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": record.partition_key,
        "sequenceNumber": str(record.sequence),
        "approximateArrivalTimestamp": round(record.arrived, 3),
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{origin.shard_id}:{record.sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": origin.role_arn,
        "awsRegion": origin.region,
        "eventSourceARN": origin.stream_arn,
    }
    return filtered_record(fields, record.data)


class EventSourceMapping:
    """The state of one mapping.

    Args:
        settings: as configured.
        source: the stream's shards.
        region: put into the events.
        role_arn: gives the function's role, put into the events.
        backoff: the waits between retries.
        new_id: gives request ids for batches that were never invoked.
    """

    def __init__(
        self,
        settings: MappingSettings,
        source: ShardSource,
        *,
        region: str,
        role_arn: Callable[[], str],
        backoff: Backoff,
        new_id: Callable[[], str],
    ) -> None:
        self.settings = settings
        self.counters = Counters()
        self.readers: dict[str, ShardReader] = {}
        self.enabled = True
        self.generation = 0
        self._source = source
        self._region = region
        self._role_arn = role_arn
        self._backoff = backoff
        self._new_id = new_id
        self._started = False

    def start(self, now: float, checkpoints: dict[str, int] | None = None) -> None:
        """Takes up the shards there are at the starting position, or at the checkpoints of an earlier run."""
        self._started = True
        for shard in self._source.lineage(now):
            if checkpoints and shard.shard_id in checkpoints:
                self._take_up(shard.shard_id, checkpoints[shard.shard_id])
            elif checkpoints:
                self._take_up(shard.shard_id, 0)
            elif self.settings.starting_position == "LATEST":
                self._take_up(shard.shard_id, self._source.tip(shard.shard_id))
            elif self.settings.starting_position == "AT_TIMESTAMP":
                moment = self.settings.starting_timestamp or 0.0
                self._take_up(shard.shard_id, self._source.at_timestamp(shard.shard_id, moment))
            else:
                self._take_up(shard.shard_id, 0)

    def step(self, now: float, *, hurry: bool = False) -> list[Task]:
        """Reads what can be read and gives what is to be done now.

        Args:
            hurry: do not wait for batching windows.
        """
        if not self._started:
            self.start(now)
        if not self.enabled:
            return []
        tasks: list[Task] = []
        for shard_id, reader in self._readable(now):
            room = self.room_to_read(reader)
            if room:
                reader.feed(self._source.read(shard_id, reader.position, limit=room, now=now), now)
            for index, lane in enumerate(reader.lanes):
                # A lane without a destination may discard several batches in a row without asking for anything.
                while lane.state is State.READY:
                    before = (len(lane.queue), len(lane.work), reader.undone)
                    action = lane.due(
                        self.settings,
                        now=now,
                        expire_after=self.expires_after(),
                        hurry=hurry or reader.ended,
                        at_tip=not reader.behind_ms,
                    )
                    if action is not None:
                        self._count(action)
                        tasks.append(Task(shard_id, index, action, self.generation))
                    elif (len(lane.queue), len(lane.work), reader.undone) == before:
                        break
        return tasks

    def finished(self, task: Task, outcome: Outcome, now: float) -> Task | None:
        """Takes an invocation's outcome; gives a follow-up when the batch is to be written to the destination."""
        lane = self._lane(task)
        if lane is None:
            return None
        action = lane.finished(outcome, self.settings, now=now)
        if isinstance(outcome, Failed):
            self.counters.errors += 1
        return None if action is None else Task(task.shard_id, task.lane, action, self.generation)

    def written(self, task: Task, ok: bool, now: float) -> None:
        """Takes the outcome of writing to the failure destination."""
        lane = self._lane(task)
        if lane is None:
            return
        if ok:
            self.counters.written += 1
        else:
            self.counters.write_errors += 1
        lane.written(ok, now=now)

    def next_due(self) -> float | None:
        """The next moment at which a wait ends, None when nothing waits."""
        moments = [lane.next_due(self.settings) for reader in self.readers.values() for lane in reader.lanes]
        return min((moment for moment in moments if moment is not None), default=None)

    def has_more(self) -> bool:
        """Whether the last look left something unread for which there is room: it was more than a read gives."""
        return self.enabled and any(reader.behind_ms and self.room_to_read(reader) for reader in self.readers.values())

    def busy(self) -> bool:
        """Whether an invocation or a write is under way."""
        return any(reader.busy for reader in self.readers.values())

    @property
    def undone(self) -> int:
        """Records read and not yet checkpointed past, in all shards."""
        return sum(reader.undone + reader.has_window for reader in self.readers.values())

    def idle(self, now: float) -> bool:
        """Whether everything readable is checkpointed and nothing is under way."""
        if not self.enabled:
            return not self.busy()
        if not self._started or any(shard.shard_id not in self.readers for shard in self._source.lineage(now)):
            return False
        for shard_id, reader in self.readers.items():
            if reader.undone or reader.busy or reader.has_window:
                return False
            if not reader.ended:
                ahead = self._source.read(shard_id, reader.position, limit=1, now=now)
                if ahead.records or ahead.ended:
                    return False
        return True

    def waiting_for_parents(self, now: float) -> dict[str, tuple[str, ...]]:
        """The shards that are not read yet because of parents that are not done, with these."""
        waiting = {
            shard.shard_id: tuple(parent for parent in shard.parents if not self._parent_done(parent))
            for shard in self._source.lineage(now)
        }
        return {shard_id: parents for shard_id, parents in waiting.items() if parents}

    def checkpoints(self) -> dict[str, int]:
        """Where to go on after a restart, by shard; a finished shard is at its end."""
        return {shard_id: reader.checkpoint for shard_id, reader in self.readers.items()}

    def reset(self, settings: MappingSettings | None = None) -> None:
        """Drops what was read ahead and goes back to the checkpoints, with new settings if given.

        Outcomes still under way no longer count: their records are read again.
        """
        self.settings = settings or self.settings
        self.generation += 1
        for shard_id, reader in list(self.readers.items()):
            if not reader.finished:
                self._take_up(shard_id, reader.checkpoint)

    def room_to_read(self, reader: ShardReader) -> int:
        """How many records to read for a shard now."""
        return 0 if reader.ended else reader.room(self.settings)

    def _readable(self, now: float) -> Iterator[tuple[str, ShardReader]]:
        shards = self._source.lineage(now)
        listed = {shard.shard_id for shard in shards}
        for gone in [shard_id for shard_id in self.readers if shard_id not in listed]:
            if not self.readers[gone].undone:
                del self.readers[gone]
        for shard in shards:
            reader = self.readers.get(shard.shard_id)
            if reader is None:
                # A shard that appears later is read from its beginning, whatever the starting position.
                reader = self._take_up(shard.shard_id, 0)
            if not reader.finished and all(self._parent_done(parent) for parent in shard.parents):
                yield shard.shard_id, reader

    def _parent_done(self, shard_id: str) -> bool:
        reader = self.readers.get(shard_id)
        return reader is None or reader.finished

    def _take_up(self, shard_id: str, position: int) -> ShardReader:
        origin = Origin(
            stream_arn=self.settings.stream_arn, shard_id=shard_id, region=self._region, role_arn=self._role_arn()
        )
        reader = ShardReader(
            origin,
            position,
            settings=self.settings,
            backoff=self._backoff,
            new_id=self._new_id,
            counters=self.counters,
        )
        self.readers[shard_id] = reader
        return reader

    def expires_after(self) -> float:
        """Seconds after its arrival at which a record is given up: of the mapping, or the stream's retention."""
        retention = self._source.retention_seconds()
        age = self.settings.max_age_seconds
        return retention if age < 0 else min(float(age), retention)

    def _lane(self, task: Task) -> Lane | None:
        reader = self.readers.get(task.shard_id)
        if reader is None or task.generation != self.generation:
            return None
        return reader.lanes[task.lane]

    def _count(self, action: Invoke | Discard) -> None:
        if isinstance(action, Invoke):
            self.counters.invocations += 1
