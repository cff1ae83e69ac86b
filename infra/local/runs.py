"""Which laptop runtimes run on this machine: a file for each port, held by the runtime for as long as it lives.

The file names process, port and start. Whether it is true is told by its lock, which the operating system gives up when
the process ends, however it ends: a number of a process can come to belong to another one, a lock cannot.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

MARK: Final = "STREAMKEEPER_RUN"
"""The variable by which the processes of one runtime are known, also when it is gone."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One runtime.

    Args:
        pid: its process.
        port: on 127.0.0.1.
        started_at: epoch seconds.
        stack: the stack's name.
        data: the folder of ``--data``.
        log: where it writes what it has to say, when it runs detached.
        temporary: the folder of its temporary files.
        mark: what ``STREAMKEEPER_RUN`` is in its processes.
        ready: whether its stack stands.
    """

    pid: int
    port: int
    started_at: float
    stack: str
    data: str | None = None
    log: str | None = None
    temporary: str | None = None
    mark: str = ""
    ready: bool = False

    @property
    def endpoint_url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"


def folder() -> Path:
    """Where the files are: ``$XDG_STATE_HOME/streamkeeper``, or ``~/.local/state/streamkeeper``.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "streamkeeper"


class Announced:
    """A runtime's own file, from the call of this until ``release`` or the end of the process.

    Its temporary files have a folder of their own meanwhile, so that they can be removed when it is killed.

    Args:
        run: what to say of it; ``mark`` and ``temporary`` are filled in.

    Raises:
        OSError: the folder of these files cannot be written.
    """

    def __init__(self, run: Run) -> None:
        where = folder()
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = where / f"{run.port}.json"
        self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        # Nobody else has the port, so whoever holds the lock only looks, and is done in a moment.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        temporary = tempfile.mkdtemp(prefix="streamkeeper-run-")
        self._before = (tempfile.tempdir, os.environ.get("TMPDIR"))
        tempfile.tempdir = os.environ["TMPDIR"] = temporary
        mark = os.environ[MARK] = secrets.token_hex(8)
        self.run = msgspec.structs.replace(run, temporary=temporary, mark=mark)
        self._write()

    def ready(self) -> None:
        """Says that the stack stands."""
        self.run = msgspec.structs.replace(self.run, ready=True)
        self._write()

    def release(self) -> None:
        """Removes the file and the temporary files."""
        tempfile.tempdir = self._before[0]
        os.environ.pop(MARK, None)
        os.environ.pop("TMPDIR", None)
        if self._before[1] is not None:
            os.environ["TMPDIR"] = self._before[1]
        shutil.rmtree(self.run.temporary or "", ignore_errors=True)
        with contextlib.suppress(OSError):
            self._path.unlink()
            os.close(self._lock)

    def _write(self) -> None:
        content = msgspec.json.encode(self.run)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, content, 0)


def running() -> list[Run]:
    """The runtimes that live, by port."""
    return [run for run, _, is_alive in _files() if is_alive]


def crashed() -> list[Run]:
    """The runtimes that ended without a word, by port."""
    return [run for run, _, is_alive in _files() if not is_alive]


def is_alive(run: Run) -> bool:
    """Whether this very runtime lives."""
    return any(other.mark == run.mark for other in running())


def leftovers(run: Run) -> list[int]:
    """The processes that a runtime started and that outlive it. Found on Linux only: other systems do not show them."""
    wanted = f"{MARK}={run.mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if run.mark and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return sorted(pid for pid in found if pid not in (run.pid, os.getpid()))


def clear(run: Run) -> list[int]:
    """Ends what a runtime that is gone has left: processes, temporary files, its file. Gives the processes ended."""
    ended = []
    for pid in leftovers(run):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            ended.append(pid)
    if run.temporary and Path(run.temporary).name.startswith("streamkeeper-run-"):
        shutil.rmtree(run.temporary, ignore_errors=True)
    for other, path, living in _files():
        if other.mark == run.mark and not living:
            path.unlink(missing_ok=True)
    return ended


def _files() -> Iterator[tuple[Run, Path, bool]]:
    for path in sorted(folder().glob("[0-9]*.json"), key=lambda path: (len(path.name), path.name)):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            run = msgspec.json.decode(os.pread(file, 65_536, 0), type=Run)
            yield run, path, not _is_free(file)
        except (OSError, msgspec.DecodeError):
            # Being written this moment, or no file of ours.
            continue
        finally:
            os.close(file)


def _is_free(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
