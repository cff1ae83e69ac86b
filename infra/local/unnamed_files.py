"""What need not be in memory, in files without a name: gone with the last piece in them, or with the process."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Final

import msgspec

FILE_BYTES: Final = 64 << 20
"""A file takes no more once it holds so much; its room is free again when nobody holds any of its pieces."""


class _File:
    """A file without a name: the operating system removes it when it is closed, also by the end of the process."""

    def __init__(self, folder: Path | None) -> None:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            self.descriptor = os.dup(file.fileno())
        self.size = 0
        weakref.finalize(self, os.close, self.descriptor)


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Bytes in a file, which lives as long as any of its pieces."""

    file: _File
    offset: int
    length: int

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """The bytes, or as many from ``start`` as there are and are asked for.

        Raises:
            OSError: the disk does not give them.
        """
        left = self.length - start if length is None else min(length, self.length - start)
        at = self.offset + start
        found = []
        while left > 0:
            part = os.pread(self.file.descriptor, left, at)
            if not part:
                raise OSError(f"{left} bytes are missing from a temporary file")
            found.append(part)
            at, left = at + len(part), left - len(part)
        return found[0] if len(found) == 1 else b"".join(found)


class UnnamedFiles:
    """Takes bytes, and gives a piece for them. Safe to use from several threads.

    Args:
        folder: where the files are; None: the folder of temporary files.
        file_bytes: see ``FILE_BYTES``.

    >>> files = UnnamedFiles()
    >>> piece = files.write(b"hello")
    >>> piece.read(), piece.read(1, 3)
    (b'hello', b'ell')
    """

    def __init__(self, folder: Path | None = None, *, file_bytes: int = FILE_BYTES) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._file: _File | None = None
        self._lock = threading.Lock()

    def write(self, body: bytes) -> Piece:
        """Puts bytes into a file.

        Raises:
            OSError: the disk does not take them.
        """
        with self._lock:
            file = self._file
            if file is None or file.size >= self._file_bytes:
                file = self._file = _File(self._folder)
            view, at = memoryview(body), 0
            while at < len(body):
                at += os.pwrite(file.descriptor, view[at:], file.size + at)
            piece = Piece(file, file.size, len(body))
            file.size += len(body)
            return piece
