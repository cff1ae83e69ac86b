"""The records of one shard in the order of their numbers: the newest in memory, the older ones in files."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from infra.local.kinesis.records import Record
from infra.local.kinesis.segments import Chunk, Segments

WINDOW_BYTES: Final = 256 << 10
"""Bytes of the newest records that stay in memory, at least; at twice that much the older half leaves it."""
RECORD_BYTES: Final = 250
"""What a record takes in memory beside its data and its key."""
TRIM_RECORDS: Final = 1024

_last, _newest = attrgetter("last"), attrgetter("newest")
_sequence, _arrived = attrgetter("sequence"), attrgetter("arrived")


class History:
    """A shard's records, found by number and by arrival.

    Where the disk takes no more, records stay in memory and it is tried again later: none is lost.

    Args:
        segments: where records go that leave memory.
        window: see ``WINDOW_BYTES``.

    >>> history = History(Segments(), window=300)
    >>> for number in range(1, 9):
    ...     history.append(Record(number, float(number), "key", b"data"))
    >>> [[record.sequence for record in run] for run in history.after(2, since=0.0)]
    [[3, 4], [5, 6], [7, 8]]
    """

    def __init__(self, segments: Segments, *, window: int = WINDOW_BYTES) -> None:
        self._segments = segments
        self._window = window
        self._chunks: list[Chunk] = []
        self._records: list[Record] = []
        self._size = 0
        self._wanted = 2 * window

    @property
    def newest(self) -> Record | None:
        """The record that came last, None when all have expired."""
        return self._records[-1] if self._records else None

    def append(self, record: Record) -> None:
        """Takes a record whose number and arrival are not below those of any other."""
        self._records.append(record)
        self._size += _held(record)
        if self._size >= self._wanted:
            self._spill()

    def trim(self, horizon: float) -> None:
        """Forgets records that arrived before ``horizon``; many at a time, so that a put stays constant time."""
        if self._chunks and self._chunks[0].newest < horizon:
            expired = bisect_left(self._chunks, horizon, key=_newest)
            for chunk in self._chunks[:expired]:
                self._segments.forget(chunk)
            del self._chunks[:expired]
        if not self._chunks and self._records and self._records[0].arrived < horizon:
            expired = bisect_left(self._records, horizon, key=_arrived)
            if expired >= TRIM_RECORDS or expired == len(self._records):
                self._size -= sum(_held(record) for record in self._records[:expired])
                del self._records[:expired]

    def arrived_since(self, moment: float) -> Record | None:
        """The first record that arrived at ``moment`` or later."""
        at = bisect_left(self._chunks, moment, key=_newest)
        records = self._segments.read(self._chunks[at]) if at < len(self._chunks) else self._records
        found = bisect_left(records, moment, key=_arrived)
        return records[found] if found < len(records) else None

    def after(self, number: int, *, since: float) -> Iterator[Sequence[Record]]:
        """The records with numbers above ``number`` that arrived at ``since`` or later, in order, a run at a time."""
        for chunk in self._chunks[self._chunk_after(number, since) :]:
            yield _from(self._segments.read(chunk), number, since)
        if found := _from(self._records, number, since):
            yield found

    def arrival_after(self, number: int, *, since: float) -> float | None:
        """When the first record of ``after`` arrived, None when there is none."""
        at = self._chunk_after(number, since)
        if at < len(self._chunks) and number < self._chunks[at].first and since <= self._chunks[at].oldest:
            return self._chunks[at].oldest
        return next((run[0].arrived for run in self.after(number, since=since)), None)

    def has_after(self, number: int, *, since: float) -> bool:
        """Whether ``after`` would give any record; reads no file."""
        newest = self.newest
        return newest is not None and newest.sequence > number and newest.arrived >= since

    def _chunk_after(self, number: int, since: float) -> int:
        return max(bisect_right(self._chunks, number, key=_last), bisect_left(self._chunks, since, key=_newest))

    def _spill(self) -> None:
        """Moves the older records out of memory, in runs of about half a window."""
        try:
            while self._size >= self._wanted:
                count, size = 0, 0
                while size < self._window and count < len(self._records) - 1:
                    size += _held(self._records[count])
                    count += 1
                if not count:
                    break
                self._chunks.append(self._segments.write(self._records[:count]))
                del self._records[:count]
                self._size -= size
            self._wanted = 2 * self._window
        except OSError:
            self._wanted = self._size + self._window


def _held(record: Record) -> int:
    return RECORD_BYTES + len(record.partition_key) + len(record.data)


def _from(records: list[Record], number: int, since: float) -> Sequence[Record]:
    at = bisect_right(records, number, key=_sequence)
    if at < len(records) and records[at].arrived < since:
        at = max(at, bisect_left(records, since, key=_arrived))
    return records[at:]
