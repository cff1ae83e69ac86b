"""Where records go that leave memory: files without a name, gone with the last record in them or with the process."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec

from infra.local.kinesis.records import Record, decode, encode

SEGMENT_BYTES: Final = 64 << 20
"""A file takes no more once it holds so much; its room is free again when all in it have expired."""
CACHED_BYTES: Final = 16 << 20
"""Bytes of chunks that are kept decoded: a reader that is behind comes back for the rest of a chunk."""


class _File:
    """A file without a name: the operating system removes it when it is closed, also by the end of the process."""

    def __init__(self, folder: Path | None) -> None:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            self.descriptor = os.dup(file.fileno())
        self.size = 0
        weakref.finalize(self, os.close, self.descriptor)


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Neighbouring records of one shard in a file.

    Args:
        first, last: their numbers.
        oldest, newest: their arrivals, epoch seconds.
        file, offset, length: where they are.
    """

    first: int
    last: int
    oldest: float
    newest: float
    file: _File
    offset: int
    length: int


class Segments:
    """Takes runs of records and gives them back. Not safe for several threads at once: streams have a lock.

    Args:
        folder: where the files are; None: the folder of temporary files.
        segment_bytes, cached_bytes: see ``SEGMENT_BYTES`` and ``CACHED_BYTES``.

    >>> segments = Segments()
    >>> chunk = segments.write([Record(2**185, 1.5, "key", b"data")])
    >>> segments.read(chunk)[0].data
    b'data'
    """

    def __init__(
        self, folder: Path | None = None, *, segment_bytes: int = SEGMENT_BYTES, cached_bytes: int = CACHED_BYTES
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._cached_bytes = cached_bytes
        self._file: _File | None = None
        self._cached: OrderedDict[int, tuple[Chunk, list[Record]]] = OrderedDict()
        self._in_cache = 0

    def write(self, records: list[Record]) -> Chunk:
        """Puts records, at least one, into a file.

        Raises:
            OSError: the disk does not take them.
        """
        body = encode(records)
        file = self._file
        if file is None or file.size >= self._segment_bytes:
            file = self._file = _File(self._folder)
        written = 0
        while written < len(body):
            written += os.pwrite(file.descriptor, memoryview(body)[written:], file.size + written)
        first, last = records[0], records[-1]
        chunk = Chunk(first.sequence, last.sequence, first.arrived, last.arrived, file, file.size, len(body))
        file.size += len(body)
        return chunk

    def read(self, chunk: Chunk) -> list[Record]:
        """The records of a chunk.

        Raises:
            OSError: the disk does not give them.
        """
        if (held := self._cached.get(id(chunk))) is not None:
            self._cached.move_to_end(id(chunk))
            return held[1]
        records = decode(_read(chunk))
        # The chunk is held beside its records, so no other can have its id.
        self._cached[id(chunk)] = (chunk, records)
        self._in_cache += chunk.length
        while self._in_cache > self._cached_bytes and len(self._cached) > 1:
            self.forget(next(iter(self._cached.values()))[0])
        return records

    def forget(self, chunk: Chunk) -> None:
        """Takes note that a chunk is read no more."""
        if self._cached.pop(id(chunk), None) is not None:
            self._in_cache -= chunk.length


def _read(chunk: Chunk) -> bytes:
    pieces = []
    offset, left = chunk.offset, chunk.length
    while left:
        piece = os.pread(chunk.file.descriptor, left, offset)
        if not piece:
            raise OSError(f"{left} bytes of a stream's older records are missing from their file")
        pieces.append(piece)
        offset, left = offset + len(piece), left - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
