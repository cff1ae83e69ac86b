"""The archive as a source of earlier records: its shards side by side, in the order in which records arrived."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from msgspec.structs import replace

from glue.archive import held_before, object_name
from glue.codec import Lateness, decode
from glue.contract import BadInput, ContentEvent
from producers.replay.archived import ArchiveObject, records_in
from producers.replay.marking import Span
from producers.replay.records import ReplayRecord
from producers.replay.runs import DamagedStateError

_FIREHOSE = "firehose"
"""The lane of objects that hold records of several shards."""
_ALL = "object"
"""Where runs stood that read one object after the other, whatever its shard."""


class Archive(Protocol):
    """The archive's objects."""

    def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
        """Those that can hold arrivals of the range (epoch seconds), in the order of their keys."""
        ...

    def lines(self, one: ArchiveObject) -> Iterable[bytes]:
        """An object's lines, without newlines."""
        ...


class ArchiveSource:
    """The records of the archive.

    An object holds records of one shard. Read one after the other they would go to one shard at a time: no faster than
    a single shard takes them, and with nothing left there for live traffic. So each shard is a lane, and the lanes
    are merged by arrival.

    Args:
        archive: where they lie.
        since, until: epoch seconds of arrival.
        written_before: epoch seconds; objects written later are not read, so that a run taken up reads the same ones.
        lateness: the consumer's limits.
    """

    def __init__(
        self, archive: Archive, *, since: float, until: float, written_before: float, lateness: Lateness
    ) -> None:
        self._archive = archive
        self._lateness = lateness
        listed = [one for one in archive.objects(since, until) if one.written <= written_before]
        held = held_before(one.key for one in listed)
        self.objects = [replace(one, after=held.get(one.key, -1)) for one in listed]

    def size(self) -> tuple[int, int]:
        """Objects and compressed bytes."""
        return len(self.objects), sum(one.size for one in self.objects)

    def records(self, position: Mapping[str, str]) -> Iterator[ReplayRecord]:
        """See :class:`ReplaySource`. A position: for a lane an object's key, and how many of its records are done."""
        lanes: dict[str, list[ArchiveObject]] = {}
        for one in self.objects:
            name = object_name(one.key)
            lanes.setdefault(name.shard_id if name else _FIREHOSE, []).append(one)
        before = position.get(_ALL, "")
        return heapq.merge(
            *(self._lane(name, objects, position.get(name, before)) for name, objects in lanes.items()),
            key=lambda record: record.span.earliest,
        )

    def _lane(self, name: str, objects: Sequence[ArchiveObject], done: str) -> Iterator[ReplayRecord]:
        last_key, _, count = done.rpartition("#")
        for one in objects:
            if one.key >= last_key:
                yield from self._object(name, one, skip=_done(name, count) if one.key == last_key else 0)

    def _object(self, lane: str, one: ArchiveObject, *, skip: int) -> Iterator[ReplayRecord]:
        span = Span(one.begins, one.ends)
        latest = datetime.fromtimestamp(one.ends, UTC)
        earliest = datetime.fromtimestamp(one.begins, UTC)

        def read(data: bytes, arrived: datetime | None) -> ContentEvent | BadInput:
            made = decode(data, arrived or latest, self._lateness)
            # In time at one end of the span is in time: it arrived somewhere between.
            if arrived is None and isinstance(made, BadInput) and made.reason == "time_range":
                return decode(data, earliest, self._lateness)
            return made

        found_there = records_in(one.key, self._archive.lines(one), read, after=one.after)
        for number, found in enumerate(found_there, start=1):
            if number > skip:
                at = found.arrived.timestamp() if found.arrived is not None else None
                place = (lane, f"{one.key}#{number}")
                yield ReplayRecord(found.event, span if at is None else Span(at, at), place, found.is_ambiguous)


def _done(lane: str, count: str) -> int:
    try:
        return int(count)
    except ValueError:
        raise DamagedStateError(lane, f"{count[:20]!r} is no number of records") from None


def object_of(place: tuple[str, str] | None) -> str | None:
    """The key of the object that a record's place is in; None when it is no place in the archive.

    >>> object_of(("shardId-000000000000", "archive/dt=2026-01-02/records-1.gz#7"))
    'archive/dt=2026-01-02/records-1.gz'
    """
    return place[1].rpartition("#")[0] or None if place is not None else None
