"""Texts a minute by key, counted over all processes of a server."""

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from consumers.scoring.ports import Client
from infra.serving.keys_file import MAX_KEYS

_SLOT = struct.Struct("<QQ")
"""The minute, and what was counted in it."""


class SharedQuota:
    """Counts in a file that all processes of a server map.

    Args:
        path: the file; made where it is not there.
        now: seconds since 1970.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.ftruncate(self._file, MAX_KEYS * _SLOT.size)
        self._table = mmap.mmap(self._file, MAX_KEYS * _SLOT.size)
        self._now = now

    def take(self, client: Client, count: int = 1, /) -> bool:
        """Counts texts; False: this minute's are used up, and none of these is counted."""
        if not client.per_minute:
            return True
        minute = int(self._now()) // 60
        at = client.number * _SLOT.size
        fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT.size, at)
        try:
            last, counted = _SLOT.unpack_from(self._table, at)
            if last != minute:
                counted = 0
            if counted + count > client.per_minute:
                return False
            _SLOT.pack_into(self._table, at, minute, counted + count)
            return True
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT.size, at)

    def close(self) -> None:
        """Lets go of the file."""
        self._table.close()
        os.close(self._file)
