"""Where records go that leave memory: chunks of a shard's records, in files without a name."""

from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec

from infra.local.kinesis.records import Record, decode, encode
from infra.local.unnamed_files import FILE_BYTES, Piece, UnnamedFiles

CACHED_BYTES: Final = 16 << 20
"""Bytes of chunks that are kept decoded: a reader that is behind comes back for the rest of a chunk."""


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Neighbouring records of one shard in a file.

    Args:
        first, last: their numbers.
        oldest, newest: their arrivals, epoch seconds.
        piece: where they are.
    """

    first: int
    last: int
    oldest: float
    newest: float
    piece: Piece


_logger = logging.getLogger(__name__)


class Segments:
    """Takes runs of records and gives them back. Not safe for several threads at once: streams have a lock.

    Args:
        folder: where the files are; None: the folder of temporary files.
        file_bytes, cached_bytes: see ``FILE_BYTES`` and ``CACHED_BYTES``.

    >>> segments = Segments()
    >>> chunk = segments.write([Record(2**185, 1.5, "key", b"data")])
    >>> segments.read(chunk)[0].data
    b'data'
    """

    def __init__(
        self, folder: Path | None = None, *, file_bytes: int = FILE_BYTES, cached_bytes: int = CACHED_BYTES
    ) -> None:
        self._files = UnnamedFiles(folder, file_bytes=file_bytes)
        self._cached_bytes = cached_bytes
        self._cached: OrderedDict[int, tuple[Chunk, list[Record]]] = OrderedDict()
        self._in_cache = 0
        self._is_full = False

    def write(self, records: list[Record]) -> Chunk:
        """Puts records, at least one, into a file.

        Raises:
            OSError: the disk does not take them.
        """
        first, last = records[0], records[-1]
        try:
            piece = self._files.write(encode(records))
        except OSError as error:
            if not self._is_full:
                _logger.warning("older records of streams stay in memory: %s", error.strerror or type(error).__name__)
            self._is_full = True
            raise
        self._is_full = False
        return Chunk(first.sequence, last.sequence, first.arrived, last.arrived, piece)

    def read(self, chunk: Chunk) -> list[Record]:
        """The records of a chunk.

        Raises:
            OSError: the disk does not give them.
        """
        if (held := self._cached.get(id(chunk))) is not None:
            self._cached.move_to_end(id(chunk))
            return held[1]
        records = decode(chunk.piece.read())
        # The chunk is held beside its records, so no other can have its id.
        self._cached[id(chunk)] = (chunk, records)
        self._in_cache += chunk.piece.length
        while self._in_cache > self._cached_bytes and len(self._cached) > 1:
            self.forget(next(iter(self._cached.values()))[0])
        return records

    def forget(self, chunk: Chunk) -> None:
        """Takes note that a chunk is read no more."""
        if self._cached.pop(id(chunk), None) is not None:
            self._in_cache -= chunk.piece.length
