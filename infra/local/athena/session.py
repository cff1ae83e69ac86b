"""A DuckDB connection for one query at a time: bounded, cut off from the machine, with Trino's functions."""

import inspect
import os
import re
import shutil
import threading
import weakref
from collections.abc import Callable
from tempfile import mkdtemp
from typing import Any, Final

import duckdb

from infra.local.athena.errors import QueryError
from infra.local.athena.python_functions import FUNCTIONS

OVERFLOW = "20GB"
"""How much of one query may lie on disk."""


def quarter_of_memory() -> str:
    """How much memory a query takes before it writes to disk: a quarter of the machine's, from 1 to 4 GB."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(4096, max(1024, whole // 4 // 2**20))}MB"


class Session:
    """A connection, and what its functions refused while it ran.

    Args:
        memory: DuckDB's memory limit.
        threads: DuckDB's threads.
    """

    def __init__(self, *, memory: str = "512MB", threads: int = 2) -> None:
        self.memory = memory
        self.threads = threads
        # A year of verdicts has more rows than memory holds; what does not fit lies here while the query runs.
        overflow = mkdtemp(prefix="streamkeeper-query-")
        self._remove_overflow = weakref.finalize(self, shutil.rmtree, overflow, ignore_errors=True)
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": overflow,
                "max_temp_directory_size": OVERFLOW,
            },
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        # What is kept of a file would be read by the next query without being counted.
        self.connection.execute("SET enable_external_file_cache = false")
        self._is_locked = False
        self._protocol = ""
        self._known: set[str] = set()
        # TRY() would turn a refusal into NULL, so it is remembered here as well.
        self.refusals: list[QueryError] = []

    def lock(self, files: Any) -> None:
        """Cuts the connection off from everything but these files, also from those of the query before.

        Args:
            files: an fsspec file system (``files.ObjectFiles``).
        """
        self.refusals.clear()
        self._let_go()
        self.connection.register_filesystem(files)
        self._protocol = files.protocol
        if self._is_locked:
            return
        self._is_locked = True
        self.connection.execute(f"SET allowed_directories = ['{files.protocol}://']")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def clear(self) -> None:
        """Forgets the relations that a query has made, and its files."""
        made = "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"
        for (name,) in self.connection.execute(made).fetchall():
            self.connection.unregister(name)
            self.connection.execute(f'DROP VIEW IF EXISTS temp."{name}"')
        self._let_go()

    def _let_go(self) -> None:
        """Holds the files of no query any more, and nothing that those hold."""
        if self._protocol:
            self.connection.unregister_filesystem(self._protocol)
            self._protocol = ""

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()
        self._remove_overflow()

    def run(self, sql: str) -> Any:
        """The connection after it ran a text.

        Raises:
            QueryError: what failed, in Athena's words.
        """
        self._provide(sql)
        try:
            self.connection.execute(sql)
        except duckdb.Error as error:
            raise self._told(error) from error
        return self.connection

    def arrow(self, sql: str) -> Any:
        """The rows that a text gives, as one Arrow table.

        Raises:
            QueryError: what failed, in Athena's words.
        """
        self._provide(sql)
        try:
            return self.connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise self._told(error) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a text gives.

        Raises:
            QueryError: what failed, in Athena's words.
        """
        self._provide(sql)
        try:
            found: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._told(error) from error
        self.check()
        return found

    def check(self) -> None:
        """Nothing, when no function refused a value.

        Raises:
            QueryError: the refusal.
        """
        if self.refusals:
            raise self.refusals[0]

    def _provide(self, sql: str) -> None:
        for name in set(re.findall(r"\bsk_[a-z0-9_]+", sql)) - self._known:
            if name in FUNCTIONS:
                function, takes, gives = FUNCTIONS[name]
                watched = _watched(function, self.refusals)
                self.connection.create_function(name, watched, takes, gives, null_handling="special")
                self._known.add(name)

    def _told(self, error: duckdb.Error) -> QueryError:
        return self.refusals[0] if self.refusals else told(error)


def _watched(function: Callable[..., object], refusals: list[QueryError]) -> Callable[..., object]:
    """The function as DuckDB calls it; what it refuses is noted.

    It holds no session: DuckDB holds it where the garbage collector does not look, and both would stay for ever.
    """
    count = len(inspect.signature(function).parameters)

    def watched(*given: object) -> object:
        if None in given:
            return None
        try:
            return function(*given)
        except QueryError as error:
            if error.name == "NOT_SUPPORTED":
                refusals.append(error)
            raise

    # DuckDB counts the parameters of what it is given.
    counted: dict[int, Callable[..., object]] = {
        1: lambda a: watched(a),
        2: lambda a, b: watched(a, b),
        3: lambda a, b, c: watched(a, b, c),
        4: lambda a, b, c, d: watched(a, b, c, d),
    }
    return counted[count]


class Sessions:
    """The session that the query before has left, for the next one: starting DuckDB takes longer than most queries."""

    def __init__(self) -> None:
        self._idle: Session | None = None
        self._lock = threading.Lock()

    def take(self, *, memory: str, threads: int) -> Session:
        """A session with these bounds: the one that waits, or a new one."""
        idle = self._exchange(None)
        if idle is not None and (idle.memory, idle.threads) == (memory, threads):
            return idle
        if idle is not None:
            idle.close()
        return Session(memory=memory, threads=threads)

    def give_back(self, session: Session) -> None:
        """Keeps a session whose query has ended well; any other is closed by who took it."""
        session.clear()
        other = self._exchange(session)
        if other is not None:
            other.close()

    def _exchange(self, session: Session | None) -> Session | None:
        with self._lock:
            idle, self._idle = self._idle, session
            return idle


_MESSAGES: Final = (
    (r"field value out of range", "INVALID_CAST_ARGUMENT", "a text is not a date or a time of the calendar"),
    (r"Frame (?:starting|ending) from|Invalid frame", "INVALID_WINDOW_FRAME", "a window frame ends before it starts"),
    (r"Division by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (r"More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS",
     "Scalar sub-query has returned multiple rows"),
    (r"must appear in the GROUP BY clause|must be part of an aggregate", "EXPRESSION_NOT_AGGREGATE",
     "a selected expression must be an aggregate expression or appear in GROUP BY clause"),
    (r"[Mm]ap keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    (r"Map keys can not be NULL", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    (r"[Oo]verflow|[Oo]ut of [Rr]ange|out of range", "NUMERIC_VALUE_OUT_OF_RANGE",
     "a number or a date is out of the range of its type"),
    (r"Conversion Error|Could not (?:convert|parse)|strptime", "INVALID_CAST_ARGUMENT",
     "a value cannot be cast to the type that is asked for"),
    (r"Out of Memory", "EXCEEDED_LOCAL_MEMORY_LIMIT", "the query needs more memory than the local twin gives it"),
    (r"INTERRUPT", "USER_CANCELED", "Query was canceled"),
)  # fmt: skip


def told(error: Exception) -> QueryError:
    """DuckDB's error in Athena's words, without the values in it."""
    text = str(error)
    raised = re.search(r"\bQueryError: ([A-Z_]+): (.*)", text, re.DOTALL)
    if raised:
        return QueryError(raised[1], raised[2].strip())
    for pattern, name, message in _MESSAGES:
        if re.search(pattern, text):
            return QueryError(name, message)
    kind = type(error).__name__
    first = re.sub(r"'[^']*'|\"[^\"]*\"", "…", text.splitlines()[0])[:200]
    return QueryError("GENERIC_INTERNAL_ERROR", f"the local engine answered {kind}: {first}")
