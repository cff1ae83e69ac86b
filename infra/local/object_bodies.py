"""The bytes of S3's objects as moto holds them: a file each, written whole and read in parts. Most are on disk."""

import contextlib
from typing import Final

from infra.local.unnamed_files import Piece, UnnamedFiles

INLINE_BYTES: Final = 4 << 10
"""Smaller objects stay in memory."""


class ObjectBody:
    """An object's bytes, of the file type that moto makes for each. Where the disk takes none, they stay in memory.

    Args:
        files: where the bytes go.

    >>> body = ObjectBody(UnnamedFiles())
    >>> body.write(b"x" * 10_000), body.seek(9_998), body.read()
    (10000, 9998, b'xx')
    """

    def __init__(self, files: UnnamedFiles) -> None:
        self._files = files
        self._held: bytes | Piece = b""
        self._at = 0

    def seek(self, offset: int) -> int:
        """Goes to a place, from the beginning."""
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """The bytes from here on, so many at most."""
        length = None if size is None or size < 0 else size
        if isinstance(self._held, Piece):
            found = self._held.read(self._at, length)
        else:
            found = self._held[self._at :][:length]
        self._at += len(found)
        return found

    def write(self, body: bytes) -> int:
        """Puts bytes here; what was behind this place is gone."""
        before = self._first(self._at)
        self._hold(before + bytes(body) if before else bytes(body))
        self._at += len(body)
        return len(body)

    def truncate(self) -> int:
        """Forgets what is behind this place."""
        self._hold(self._first(self._at))
        return self._at

    def close(self) -> None:
        """Forgets everything."""
        self._held, self._at = b"", 0

    def _first(self, size: int) -> bytes:
        return self._held.read(0, size) if isinstance(self._held, Piece) else self._held[:size]

    def _hold(self, body: bytes) -> None:
        self._held = body
        if len(body) > INLINE_BYTES:
            with contextlib.suppress(OSError):
                self._held = self._files.write(body)
