"""The folder of ``up --data``: who owns it, and that it can be written."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

_OWNER: Final = "owner"


class FolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


class FolderInUseError(FolderError):
    """Another process owns the folder."""


class DataFolder:
    """A folder that one process owns, from the call of this until ``release`` or the end of the process.

    The claim is a lock that the operating system holds for the process, so a kill -9 leaves nothing behind.

    Args:
        path: made when it is not there.

    Raises:
        FolderError: it is not a folder, cannot be written, or another process owns it; that one is named.

    Example::

        folder = DataFolder(Path(".streamkeeper/mine"))
        ...
        folder.release()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Every file of ours lies under the folder's true place, however it was named.
            self.path = path.resolve(strict=True)
            self._lock = os.open(self.path / _OWNER, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise FolderError(f"{path} cannot be written ({error.strerror}); name another folder") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._lock, 200, 0).decode("utf-8", "replace").strip() or "another process"
            os.close(self._lock)
            raise FolderInUseError(f"{path} is in use by {owner}; stop that one, or name another folder") from error
        self._probe()
        self.announce("")

    def announce(self, where: str) -> None:
        """Writes down who the owner is, for those who are refused.

        Args:
            where: the address that the owner is served at.
        """
        text = f"process {os.getpid()}{f' at {where}' if where else ''}\n".encode()
        # On a full disk others are refused all the same: by the lock, and without a name.
        with contextlib.suppress(OSError):
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, text, 0)

    def release(self) -> None:
        """Gives the folder up. Calling it twice is fine."""
        with contextlib.suppress(OSError):
            os.close(self._lock)

    def _probe(self) -> None:
        probe = self.path / f".probe-{os.getpid()}"
        try:
            os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))
            probe.unlink()
        except OSError as error:
            self.release()
            raise FolderError(f"{self.path} cannot be written ({error.strerror}); name another folder") from error
