"""Queries in processes of their own: bounded in memory and in time, and stopped at once."""

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import ObjectStore
from infra.local.athena.tables import Catalog
from infra.local.athena.translation import Translated
from infra.local.errors import ApiError

QUERY_SECONDS: Final = 1800.0
"""How long a query may run. Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html (30 minutes)"""

RESULT_BYTES: Final = 1 << 30
"""What an answer may take on its way to the runtime, which holds it while it is written."""

_LEAST_MEGABYTES: Final = 256
_LOOK_SECONDS: Final = 0.2
_TOO_LARGE: Final = "the query needs more memory than the local twin gives it"
_LONG_RESULT: Final = f"the result takes more than {RESULT_BYTES >> 20} MB, the most that the local twin takes"


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


class _Process:
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


class IsolatedEngine(QueryEngine):
    """Answers queries as ``QueryEngine`` does, in other processes.

    Args:
        objects: S3.
        catalog: Glue.
        budget: the memory that queries share.
        seconds: how long one may run.
        idle: how many processes are kept for the next queries.
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        catalog: Catalog,
        budget: Budget | None = None,
        seconds: float = QUERY_SECONDS,
        idle: int = 2,
    ) -> None:
        super().__init__(objects=objects, catalog=catalog)
        self._budget = budget or Budget()
        self._seconds = seconds
        self._idle_limit = idle
        self._idle: list[_Process] = []
        self._lock = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Starts a process for the first query, so that it finds one that has read its libraries."""
        with self._lock:
            if not self._idle and not self._closed:
                self._idle.append(_Process())

    def close(self) -> None:
        """Ends the processes that wait for queries."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.clear()

    def rows(self, query: Translated, running: Running, *, now: float) -> Iterator[list[tuple[Any, ...]]]:
        """The rows in batches.

        Raises:
            QueryError: as Athena would fail; also when the query runs too long or needs too much memory.
        """
        return self._ask("rows", query, running, now)

    def table(self, query: Translated, running: Running, *, now: float) -> Any:
        """The rows as one Arrow table.

        Raises:
            QueryError: as Athena would fail; also when the query runs too long or needs too much memory.
        """
        [table] = list(self._ask("table", query, running, now))
        return table

    def _ask(self, method: str, query: Translated, running: Running, now: float) -> Iterator[Any]:
        process = self._take()
        share = self._budget.take()
        is_sound = False
        running.end = process.end
        try:
            if running.meter.cancelled:
                raise QueryError("USER_CANCELED", "Query was canceled")
            for kind, content in self._conversation(process, (method, query, now, share), running):
                if kind == "piece":
                    yield content
                elif kind in ("failed", "refused", "done"):
                    is_sound = True
                    if kind == "failed":
                        raise QueryError(*content)
                    if kind == "refused":
                        raise ApiError(*content)
                else:
                    raise QueryError("EXCEEDED_LOCAL_MEMORY_LIMIT", _TOO_LARGE)
        except (EOFError, OSError) as error:
            if running.meter.cancelled:
                raise QueryError("USER_CANCELED", "Query was canceled") from error
            # The process has ended without a word: an allocation failed where that cannot be told.
            raise QueryError("EXCEEDED_LOCAL_MEMORY_LIMIT", _TOO_LARGE) from error
        finally:
            running.end = None
            self._budget.give_back(share)
            self._put_back(process, is_sound=is_sound and not running.meter.cancelled)

    def _conversation(self, process: _Process, asked: tuple[Any, ...], running: Running) -> Iterator[tuple[str, Any]]:
        """What the process says, until it has answered; its calls of S3 and Glue are answered in between."""
        deadline = time.monotonic() + self._seconds
        while not process.is_ready:
            self._receive(process, deadline)
            process.is_ready = True
        process.line.send((*asked, running.meter.limit))
        size = 0
        while True:
            (kind, total, *content), length = self._receive(process, deadline)
            running.meter.total = total
            size += length if kind == "piece" else 0
            if size > RESULT_BYTES:
                raise QueryError("EXCEEDED_LOCAL_MEMORY_LIMIT", _LONG_RESULT)
            if kind == "call":
                process.line.send(self._called(*content))
                continue
            yield kind, content[0]
            if kind != "piece":
                return

    def _receive(self, process: _Process, deadline: float) -> tuple[Any, int]:
        while not process.line.poll(_LOOK_SECONDS):
            if time.monotonic() >= deadline:
                raise QueryError("EXCEEDED_TIME_LIMIT", f"Query timeout: it ran for {self._seconds:.0f} s")
        message = process.line.recv_bytes()
        return pickle.loads(message), len(message)  # noqa: S301 - of our own process

    def _called(self, port: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Any]:
        # The names come from our own process, which runs what users wrote only as SQL.
        target = self.objects if port == "objects" else self.catalog
        try:
            return "answer", getattr(target, method)(*args, **kwargs)
        except ApiError as error:
            return "error", (error.code, error.message, error.status)

    def _take(self) -> _Process:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None and idle.is_alive:
            return idle
        if idle is not None:
            idle.clear()
        return _Process()

    def _put_back(self, process: _Process, *, is_sound: bool) -> None:
        with self._lock:
            if is_sound and not self._closed and len(self._idle) < self._idle_limit:
                self._idle.append(process)
                return
        process.clear()
