"""An Athena that answers each report with rows given by hand, and keeps what it was asked."""

import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from athena import reports
from athena.engine import Answer, Column, EngineError

Rows = Sequence[Mapping[str, Any]]


class Reports:
    """The engine.

    Args:
        rows: of each report by its name; those that are not named have none.
    """

    def __init__(self, rows: Mapping[str, Rows] | None = None) -> None:
        self.rows = dict(rows or {})
        self.failures: dict[str, EngineError] = {}
        self.asked: list[tuple[str, list[str]]] = []
        self._lock = threading.Lock()

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        name = _name_of(sql)
        with self._lock:
            self.asked.append((name, list(parameters)))
        if name in self.failures:
            raise self.failures[name]
        columns = tuple(Column(column.name, "varchar") for column in _KNOWN[name][1])
        rows = [tuple(row.get(column.name) for column in columns) for row in self.rows.get(name, ())]
        return Answer(columns=columns, rows=rows, bytes_scanned=1_500, engine_ms=3, query_id="q")

    def times(self, name: str) -> int:
        """How often a report was asked."""
        return sum(asked == name for asked, _ in self.asked)


class AtOnce(Executor):
    """Runs what it is given before it gives it back."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _pattern(report: reports.Report) -> re.Pattern[str]:
    """What its statement looks like, whatever was chosen in its places."""
    return re.compile("[a-z_]+".join(re.escape(piece) for piece in re.split(r"\{[a-z_]+\}", report.sql)))


_KNOWN = {name: (_pattern(reports.load(name)), reports.load(name).columns) for name in reports.names()}


def _name_of(sql: str) -> str:
    for name, (pattern, _) in _KNOWN.items():
        if pattern.fullmatch(sql):
            return name
    raise AssertionError(f"the statement of no report: {sql[:80]}")
