"""Figures for the pages: reports asked of Athena, several at a time, each answer kept for a while."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from threading import Lock

from msgspec import Struct

from athena import reports
from athena.dashboard.filters import Filters
from athena.engine import Answer, Engine, EngineError
from athena.reports import ParameterValue, Report

KEPT_SECONDS = 60.0
KEPT_ANSWERS = 500


class Figure(Struct, frozen=True):
    """One report's answer, or why there is none.

    Args:
        report: which.
        values: of its parameters.
        answer: None when it failed.
        failure: what went wrong and what to do; empty when there is an answer.
        asked_at: when.
        seconds: how long it took.
    """

    report: Report
    values: dict[str, ParameterValue]
    answer: Answer | None
    failure: str
    asked_at: datetime
    seconds: float

    @property
    def records(self) -> list[dict[str, object]]:
        """The rows by column name; none when it failed."""
        return [] if self.answer is None else [dict(row) for row in self.answer.records()]


class Lake:
    """Asks reports. May be used from several threads.

    Args:
        engine: Athena.
        database, workgroup: where.
        now: seconds since 1970.
        pool: runs what is asked at the same time.

    Attributes:
        failures: what went wrong so far, by report; the last of each.
    """

    def __init__(
        self, engine: Engine, *, database: str, workgroup: str, pool: Executor, now: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._database = database
        self._workgroup = workgroup
        self._pool = pool
        self.now = now
        self.failures: dict[str, str] = {}
        self._kept: dict[object, tuple[float, Future[Figure]]] = {}
        self._lock = Lock()

    def ask(self, name: str, filters: Filters, **values: ParameterValue) -> Future[Figure]:
        """The report's answer for these filters, of which it takes those that it knows; perhaps of a minute ago.

        Args:
            name: of the report.
            filters: period and narrowing.
            values: of its other parameters.

        Raises:
            FilterError: the period cannot be meant.
        """
        report = reports.load(name)
        known = {parameter.name for parameter in report.parameters}
        # Counted from the minute, so that one page's reports, and the next page's, are about the same period.
        period = filters.period(self.now() // 60 * 60)
        given: dict[str, ParameterValue] = {"since": period.since, "until": period.until, **values}
        given |= {name: value for name, value in filters.narrowed().items() if name in known}
        key = (name, tuple(sorted((name, str(value)) for name, value in given.items())))
        with self._lock:
            at, kept = self._kept.get(key, (0.0, None))
            if kept is not None and self.now() - at < KEPT_SECONDS and not (kept.done() and kept.result().failure):
                return kept
            if len(self._kept) >= KEPT_ANSWERS:
                self._kept.clear()
            future = self._pool.submit(self._run, report, given)
            self._kept[key] = (self.now(), future)
            return future

    def _run(self, report: Report, values: dict[str, ParameterValue]) -> Figure:
        asked_at = datetime.fromtimestamp(int(self.now()), UTC)
        started = time.perf_counter()
        answer, failure = None, ""
        try:
            answer = reports.run(report, values, self._engine, database=self._database, workgroup=self._workgroup)
        except (EngineError, ValueError) as error:
            failure = self.failures[report.name] = str(error)
        return Figure(report, values, answer, failure, asked_at, time.perf_counter() - started)
