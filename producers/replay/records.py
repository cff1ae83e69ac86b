"""Earlier records in the order they arrived: what a source gives, and the stream itself as a source."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct

from glue.codec import Lateness, decode
from glue.contract import BadInput, ContentEvent
from glue.kpl.aggregation import MAGIC
from glue.kpl.aggregation import decode as open_aggregate
from glue.ports import Clock
from producers.replay.marking import Span

GET_INTERVAL_SECONDS = 0.2
"""Between two reads of one shard, which takes five a second from all readers together.

Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

DISORDER_SECONDS = 10.0
"""How far behind the end of a range a shard is read: arrival times are approximate, and not strictly in order."""


class ReplayRecord(Struct, frozen=True):
    """One earlier record.

    Args:
        event: the event, or why there is none.
        span: when it arrived.
        place: what to put into the run's position when it and all before it are done; None inside an aggregate.
        is_ambiguous: its bounds in the archive are not certain.
    """

    event: ContentEvent | BadInput
    span: Span
    place: tuple[str, str] | None
    is_ambiguous: bool = False


class ReplaySource(Protocol):
    """A source of earlier records."""

    def records(self, position: Mapping[str, str]) -> Iterator[ReplayRecord]:
        """The records behind a position; empty from the start."""
        ...

    def size(self) -> tuple[int, int] | None:
        """How many objects and bytes are to be read; None when nobody knows before."""
        ...


class Shard(Struct, frozen=True):
    """A shard and those it was split or merged from."""

    shard_id: str
    parents: tuple[str, ...] = ()


class StreamRecord(Struct, frozen=True):
    """A record as the stream keeps it; ``arrived`` in epoch seconds."""

    sequence_number: str
    arrived: float
    partition_key: str
    data: bytes


class Page(Struct, frozen=True):
    """What one read gave: records, where to go on (None: the shard is closed and read), whether more is there."""

    records: Sequence[StreamRecord]
    following: str | None
    is_at_tip: bool


class ShardReader(Protocol):
    """Kinesis as a reader sees it."""

    def shards(self) -> Sequence[Shard]:
        """All shards that the stream still keeps."""
        ...

    def start(self, shard_id: str, *, at: float | None = None, after: str | None = None) -> str:
        """Where to read from: a time (epoch seconds), or behind a sequence number."""
        ...

    def get(self, iterator: str) -> Page:
        """The next records."""
        ...


class StreamSource:
    """The records that the stream itself still keeps, merged over its shards by arrival; parents before children.

    Args:
        reader: the stream.
        since, until: epoch seconds of arrival.
        lateness: the consumer's limits.
        clock: for the pace that shards allow.
    """

    def __init__(self, reader: ShardReader, *, since: float, until: float, lateness: Lateness, clock: Clock) -> None:
        self._reader = reader
        self._since = since
        self._until = until
        self._lateness = lateness
        self._clock = clock

    def size(self) -> None:
        """Nobody knows before it is read."""
        return

    def records(self, position: Mapping[str, str]) -> Iterator[ReplayRecord]:
        """See :class:`ReplaySource`. A position holds each shard's last sequence number."""
        shards = {shard.shard_id: shard for shard in self._reader.shards()}
        lanes: dict[str, _Lane] = {}
        done: set[str] = set()
        while len(done) < len(shards):
            for name, shard in shards.items():
                # What lies in a child arrived after everything in its parents.
                ready = all(parent in done or parent not in shards for parent in shard.parents)
                if ready and name not in done and name not in lanes:
                    after = position.get(name)
                    iterator = self._reader.start(name, at=None if after else self._since, after=after)
                    lanes[name] = _Lane(self._reader, iterator, self._clock, self._until)
            for name in [name for name, lane in lanes.items() if lane.head() is None]:
                del lanes[name]
                done.add(name)
            heads = [(head.arrived, name) for name, lane in lanes.items() if (head := lane.head()) is not None]
            if heads and not self._may_start(shards, lanes, done):
                name = min(heads)[1]
                yield from self._opened(name, lanes[name].take())

    @staticmethod
    def _may_start(shards: Mapping[str, Shard], lanes: Mapping[str, "_Lane"], done: set[str]) -> bool:
        """Whether a shard waits only to be begun."""
        return any(
            name not in lanes
            and name not in done
            and all(parent in done or parent not in shards for parent in shard.parents)
            for name, shard in shards.items()
        )

    def _opened(self, shard_id: str, record: StreamRecord) -> Iterator[ReplayRecord]:
        opened = open_aggregate(record.data) if record.data[:4] == MAGIC else None
        if isinstance(opened, list):
            payloads = [user.data for user in opened]
        elif isinstance(opened, BadInput):
            yield ReplayRecord(opened, Span(record.arrived, record.arrived), (shard_id, record.sequence_number))
            return
        else:
            payloads = [record.data]
        arrived = datetime.fromtimestamp(record.arrived, UTC)
        span = Span(record.arrived, record.arrived)
        for number, payload in enumerate(payloads, start=1):
            place = (shard_id, record.sequence_number) if number == len(payloads) else None
            yield ReplayRecord(decode(payload, arrived, self._lateness), span, place)


class _Lane:
    """One shard, read ahead by a page."""

    def __init__(self, reader: ShardReader, iterator: str, clock: Clock, until: float) -> None:
        self._reader = reader
        self._iterator: str | None = iterator
        self._clock = clock
        self._until = until
        self._page: Sequence[StreamRecord] = ()
        self._at = 0
        self._next_call = 0.0

    def head(self) -> StreamRecord | None:
        """The next record; None when there is none before the end of the range."""
        while self._at >= len(self._page) and self._iterator is not None:
            if (wait := self._next_call - self._clock.now()) > 0:
                self._clock.sleep(wait)
            self._next_call = self._clock.now() + GET_INTERVAL_SECONDS
            page = self._reader.get(self._iterator)
            self._page, self._at, self._iterator = page.records, 0, page.following
            if page.is_at_tip and not page.records:
                self._iterator = None
        if self._at >= len(self._page):
            return None
        record = self._page[self._at]
        if record.arrived >= self._until + DISORDER_SECONDS:
            self._iterator, self._page = None, ()
            return None
        return record

    def take(self) -> StreamRecord:
        """The record that ``head`` gave."""
        record = self._page[self._at]
        self._at += 1
        return record
