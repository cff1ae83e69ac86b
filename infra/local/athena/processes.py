"""Processes that wait for queries, and the memory they share. The runtime starts with this: nothing here reads SQL."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

QUERY_SECONDS: Final = 1800.0
"""How long a query may run. Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html (30 minutes)"""

OVERHEAD_MEGABYTES: Final = 768
"""What Python, DuckDB and pyarrow take beside a query's own memory."""

_LEAST_MEGABYTES: Final = 256


class Budget:
    """Memory for queries, in megabytes: one alone gets a quarter of the machine's, many at once get less each.

    Args:
        whole: what all of them may have together; half of the machine's.
        most: what one may have.

    >>> budget = Budget(whole=8000, most=4000)
    >>> [budget.take() for _ in range(3)]
    [4000, 2000, 1000]
    """

    def __init__(self, *, whole: int | None = None, most: int | None = None) -> None:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        self._left = whole if whole is not None else machine // 2
        self._most = most if most is not None else min(4096, max(1024, machine // 4))
        self._lock = threading.Lock()

    def take(self) -> int:
        """A share of what is left, at least a least that everybody gets."""
        with self._lock:
            share = max(_LEAST_MEGABYTES, min(self._most, self._left // 2))
            self._left -= share
            return share

    def give_back(self, share: int) -> None:
        """Returns a share."""
        with self._lock:
            self._left += share


class Process:
    """One process that answers queries, one after the other."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        # DuckDB's overflow: what a killed process leaves there is removed here.
        self._folder = TemporaryDirectory(prefix="streamkeeper-queries-", ignore_cleanup_errors=True)
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "infra.local.athena.worker", str(theirs.fileno())],
                stdin=subprocess.PIPE,  # held open for as long as we live: the process ends with us
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "TMPDIR": self._folder.name, "PYTHONPATH": path},
                # Ctrl-C is for the runtime, which then ends this one.
                start_new_session=True,
            )
        self.line = Connection(ours.detach())
        self.is_ready = False

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def resident_megabytes(self) -> int:
        """The memory that it has in use; 0 where the system does not say."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE") >> 20

    def end(self) -> None:
        """Kills it. Calling it twice, and from any thread, is fine."""
        self._process.kill()

    def clear(self) -> None:
        """Ends it and removes what it left."""
        self.end()
        self._process.wait()
        with contextlib.suppress(OSError):
            self.line.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._folder.cleanup()


class Processes:
    """Those that wait for queries.

    Args:
        idle: how many are kept.
    """

    def __init__(self, *, idle: int = 2) -> None:
        self._idle_limit = idle
        self._idle: list[Process] = []
        self._lock = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Starts a process for the first query, so that it finds one that has read its libraries."""
        with self._lock:
            if not self._idle and not self._closed:
                self._idle.append(Process())

    def close(self) -> None:
        """Ends the processes that wait for queries."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.clear()

    def take(self) -> Process:
        """One of those that wait, or a new one."""
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None and idle.is_alive:
            return idle
        if idle is not None:
            idle.clear()
        return Process()

    def put_back(self, process: Process, *, is_sound: bool) -> None:
        """Keeps it for the next query when it is sound and not enough wait already; else ends it."""
        with self._lock:
            if is_sound and not self._closed and len(self._idle) < self._idle_limit:
                self._idle.append(process)
                return
        process.clear()
