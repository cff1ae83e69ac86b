"""States of runs in a folder of this machine."""

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glue.terminal.errors import CommandError
from producers.replay.runs import ChangedError, Holder


class FolderStore:
    """Small documents as files, readable by their owner alone; a write is whole and durable, or did not happen.

    Args:
        folder: made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> tuple[bytes, str] | None:
        """The document and its version; None when there is none."""
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return data, _version(data)

    def write(self, name: str, data: bytes, version: str | None) -> str:
        """See :class:`producers.replay.runs.Store`.

        Raises:
            CommandError: the folder takes no file; what it held before is whole.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone():
                found = self.read(name)
                if (found[1] if found else None) != version:
                    raise ChangedError(name)
                self._replace(self._path(name), data)
        except OSError as error:
            raise CommandError(
                f"--state {self.folder} cannot be written: {error.strerror or type(error).__name__}; make room, or "
                "name another folder or s3://BUCKET/PREFIX"
            ) from error
        return _version(data)

    def _replace(self, path: Path, data: bytes) -> None:
        draft = path.with_suffix(f".{os.getpid()}.draft")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        self._sync_folder()

    def _path(self, name: str) -> Path:
        # ':' and '@' may stand in a run's name, '/' may not.
        return self.folder / f"{name}.json"

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # The kernel lets go of the lock when its process dies, however that happens.
        descriptor = os.open(self.folder / ".lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def this_process() -> Holder:
    """Who we are."""
    return Holder(socket.gethostname(), os.getpid())


def is_alive(holder: Holder) -> bool | None:
    """Whether a process of this machine still runs; None for another machine's."""
    if holder.host != socket.gethostname():
        return None
    try:
        os.kill(holder.pid, 0)
    except (ProcessLookupError, OverflowError):
        # No process has a number that large.
        return False
    except PermissionError:
        return True
    return True


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
