"""One process writes a spool at a time: a lock that goes away with its process, and names it."""

import fcntl
import os
import time
from pathlib import Path

from producers.spool.disk import Disk
from producers.spool.errors import SpoolError, SpoolLockedError
from producers.spool.findings import LOCK

_LOOK_AGAIN_SECONDS = 0.01


def take_lock(folder: Path, disk: Disk) -> int:
    """The descriptor that holds the one-writer lock of a spool's folder, which is made when missing.

    Raises:
        SpoolLockedError: another process has it.
        SpoolError: the folder cannot be used.
    """
    if not folder.exists():
        if not folder.absolute().parent.is_dir():
            raise SpoolError(f"spool {folder}: there is no folder {folder.absolute().parent}; make it first")
        disk.make_folder(folder)
    if not folder.is_dir():
        raise SpoolError(f"spool {folder} is a file; give a folder")
    if folder.stat().st_mode & 0o077:
        raise SpoolError(f"spool {folder} can be read by others, and content lies in it; do: chmod 700 {folder}")
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        if not _try_lock(descriptor, fcntl.LOCK_SH):
            holder = _holder(descriptor)
            os.close(descriptor)
            raise SpoolLockedError(
                f"spool {folder} is in use by process {holder}; one process writes a spool at a time: wait for it, "
                "or give another folder"
            )
        # Nobody writes it: someone only looks whether it is in use, and has the lock for a moment.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(_LOOK_AGAIN_SECONDS)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def writer(folder: Path) -> str | None:
    """The id of the process that has the spool open; None: nobody has."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
