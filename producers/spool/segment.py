"""One segment of a spool as its process knows it: how far it is written and read, and which records are sent."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from producers.spool.disk import Disk
from producers.spool.format import SEGMENT_MAGIC


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a record lies: the number that names its segment, and the bytes of its frame."""

    segment: int
    offset: int
    length: int


class Segment:
    """The state of a segment.

    Args:
        path: its file.
        first: number of its first record.
        writer: descriptor to append with; None: it is finished.
        reader: descriptor to read with.
    """

    def __init__(self, path: Path, first: int, *, writer: int | None, reader: int) -> None:
        self.path = path
        self.first = first
        self.writer = writer
        self.reader = reader
        self.acks: int | None = None
        self.acks_size = 0
        self.acks_failed = False
        self.size = len(SEGMENT_MAGIC)
        self.read_to = len(SEGMENT_MAGIC)
        self.left = 0
        self._acknowledged = bytearray()

    @property
    def count(self) -> int:
        """Records in it."""
        return len(self._acknowledged)

    def grown(self, size: int, records: int) -> None:
        """So many bytes and records more are durable."""
        self.size += size
        self._acknowledged += bytes(records)
        self.left += records

    def acknowledge(self, numbers: Iterable[int]) -> list[int]:
        """Marks records as sent and gives those that were not yet."""
        fresh: list[int] = []
        for number in numbers:
            place = number - self.first
            if 0 <= place < len(self._acknowledged) and not self._acknowledged[place]:
                self._acknowledged[place] = True
                fresh.append(number)
        self.left -= len(fresh)
        return fresh

    def is_acknowledged(self, number: int) -> bool:
        """Whether the stream has taken the record."""
        return bool(self._acknowledged[number - self.first])

    def close(self, disk: Disk) -> None:
        """Ends the use of its files."""
        if self.writer is not None:
            disk.close(self.writer)
        if self.acks is not None:
            disk.close(self.acks)
        os.close(self.reader)
        self.writer = self.acks = None
