"""What a spool does to the disk, each step by name: tests stop between any two of them."""

import fcntl
import os
from pathlib import Path

_sync_data = getattr(os, "fdatasync", os.fsync)
_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)


class Disk:
    """Files that only their owner may read, made durable when told."""

    def make_folder(self, folder: Path) -> None:
        """Makes a folder; its own entry is durable afterwards."""
        folder.mkdir(mode=0o700)
        self.sync_folder(folder.parent)

    def create(self, path: Path) -> int:
        """Makes a file that is not there yet and gives its descriptor, for appending."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def reopen(self, path: Path) -> int:
        """The descriptor of a file that may be there, for appending."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, path: Path, descriptor: int, data: bytes) -> None:
        """Writes all of ``data`` at the end. Durable only after :meth:`sync`."""
        del path
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def sync(self, path: Path, descriptor: int) -> None:
        """What was written is durable afterwards, against a power cut too."""
        del path
        if _FULL_SYNC is not None:
            fcntl.fcntl(descriptor, _FULL_SYNC)
        else:
            _sync_data(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Which files there are is durable afterwards."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def truncate(self, path: Path, size: int) -> None:
        """Cuts a file off after ``size`` bytes, durably."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, path: Path, to: Path) -> None:
        """Gives a file another name; durable after :meth:`sync_folder` of both folders."""
        path.rename(to)

    def remove(self, path: Path) -> None:
        """Removes a file; that it is gone is durable only after :meth:`sync_folder`."""
        path.unlink(missing_ok=True)

    def close(self, descriptor: int) -> None:
        """Ends the use of a descriptor."""
        os.close(descriptor)
