"""Queries in processes of their own: bounded in memory and in time, and stopped at once."""

import pickle
import time
from collections.abc import Iterator
from typing import Any, Final

from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import ObjectStore
from infra.local.athena.processes import OVERHEAD_MEGABYTES, QUERY_SECONDS, Budget, Process, Processes
from infra.local.athena.tables import Catalog
from infra.local.athena.translation import Translated
from infra.local.errors import ApiError

RESULT_BYTES: Final = 1 << 30
"""What an answer may take on its way to the runtime, which holds it while it is written."""

_LOOK_SECONDS: Final = 0.2
_TOO_LARGE: Final = "the query needs more memory than the local twin gives it"
_LONG_RESULT: Final = f"the result takes more than {RESULT_BYTES >> 20} MB, the most that the local twin takes"


class IsolatedEngine(QueryEngine):
    """Answers queries as ``QueryEngine`` does, in other processes.

    Args:
        objects: S3.
        catalog: Glue.
        budget: the memory that queries share.
        seconds: how long one may run.
        processes: what answers; its own unless given.
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        catalog: Catalog,
        budget: Budget | None = None,
        seconds: float = QUERY_SECONDS,
        processes: Processes | None = None,
    ) -> None:
        super().__init__(objects=objects, catalog=catalog)
        self._budget = budget or Budget()
        self._seconds = seconds
        self._processes = processes or Processes()

    def close(self) -> None:
        """Ends the processes that wait for queries."""
        self._processes.close()

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
        process = self._processes.take()
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
            self._processes.put_back(process, is_sound=is_sound and not running.meter.cancelled)

    def _conversation(self, process: Process, asked: tuple[Any, ...], running: Running) -> Iterator[tuple[str, Any]]:
        """What the process says, until it has answered; its calls of S3 and Glue are answered in between."""
        deadline = time.monotonic() + self._seconds
        while not process.is_ready:
            self._receive(process, deadline, OVERHEAD_MEGABYTES)
            process.is_ready = True
        process.line.send((*asked, running.meter.limit))
        most = asked[-1] + OVERHEAD_MEGABYTES
        size = 0
        while True:
            (kind, total, *content), length = self._receive(process, deadline, most)
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

    def _receive(self, process: Process, deadline: float, most: int) -> tuple[Any, int]:
        while True:
            if process.resident_megabytes > most:
                raise QueryError("EXCEEDED_LOCAL_MEMORY_LIMIT", _TOO_LARGE)
            if process.line.poll(_LOOK_SECONDS):
                break
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
