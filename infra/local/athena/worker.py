"""The process in which queries run: it reads objects and the catalog through its parent, and holds nothing else.

A query that needs more memory than it may have, or never ends, takes this process with it and not the runtime.
"""

import contextlib
import os
import pickle
import resource
import shutil
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import Meter
from infra.local.athena.processes import OVERHEAD_MEGABYTES
from infra.local.errors import ApiError


def held_by_duckdb(megabytes: int) -> int:
    """The megabytes that DuckDB holds before it writes to disk, of those that a query may have.

    What aggregates hold of texts is beside DuckDB's own count of what it holds.

    >>> [held_by_duckdb(share) for share in (256, 1024, 4096)]
    [256, 1024, 2730]
    """
    return max(min(megabytes, 1024), megabytes * 2 // 3)


class _Parent:
    """The calls that a query makes of its parent, one at a time: DuckDB reads from several threads."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._lock = threading.Lock()
        self.meter = Meter()

    def call(self, port: str, method: str, *args: object, **kwargs: object) -> Any:
        with self._lock:
            self._line.send(("call", self.meter.total, port, method, args, kwargs))
            kind, answer = self._line.recv()
        if kind == "error":
            raise ApiError(*answer)
        return answer

    def say(self, kind: str, content: object) -> None:
        with self._lock:
            self._line.send_bytes(pickle.dumps((kind, self.meter.total, content), protocol=5))

    def next(self) -> Any:
        return self._line.recv()


class _Port:
    """An object of the parent's, by name: its methods are called there."""

    def __init__(self, parent: _Parent, name: str) -> None:
        self._parent = parent
        self._name = name

    def __getattr__(self, method: str) -> Any:
        def call(*args: object, **kwargs: object) -> Any:
            return self._parent.call(self._name, method, *args, **kwargs)

        return call


def main() -> None:
    """Serves the parent whose end of the line is the file descriptor given, until it goes away."""
    try:
        with contextlib.suppress(EOFError, OSError):
            _serve(int(sys.argv[1]))
    finally:
        _remove_overflow()


def _serve(descriptor: int) -> None:
    parent = _Parent(Connection(descriptor))
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    engine = QueryEngine(objects=_Port(parent, "objects"), catalog=_Port(parent, "catalog"))
    parent.say("ready", None)
    while True:
        method, query, now, memory, limit = parent.next()
        parent.meter = Meter(limit)
        _bound(memory)
        engine.memory = f"{held_by_duckdb(memory)}MB"
        try:
            for piece in _answer(engine, method, query, now, parent.meter):
                parent.say("piece", piece)
        except QueryError as error:
            parent.say("failed", (error.name, error.message))
        except ApiError as error:
            parent.say("refused", (error.code, error.message, error.status))
        except MemoryError:
            # What is left of the memory is not known: the parent starts another process.
            parent.say("spent", None)
            return
        else:
            parent.say("done", None)


def _answer(engine: QueryEngine, method: str, query: Any, now: float, meter: Meter) -> Iterator[Any]:
    running = Running(meter=meter)
    if method == "table":
        yield engine.table(query, running, now=now)
    else:
        yield from engine.rows(query, running, now=now)


def _bound(megabytes: int) -> None:
    """Lets an allocation fail here that is far beyond what a query may have.

    The parent ends a process that has more in use. This limit counts also what was asked for and never touched, which
    was seen to be three times as much; it is there for what would come at once.
    """
    with contextlib.suppress(ValueError, OSError):  # not every system has such a limit
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (2 * (megabytes + OVERHEAD_MEGABYTES) << 20, hard))


def _leave_with_parent() -> None:
    """Ends the process when the parent has ended, however that came: its end of our input is closed then."""
    while os.read(0, 1):
        pass
    _remove_overflow()
    os._exit(0)


def _remove_overflow() -> None:
    """DuckDB's overflow lies in a folder of this process, and nobody else may be left to remove it."""
    shutil.rmtree(os.environ.get("TMPDIR", ""), ignore_errors=True)


if __name__ == "__main__":
    main()
