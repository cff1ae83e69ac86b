"""Query executions: accepted, queued, run in a thread, and remembered with their state and statistics."""

import logging
import math
import time
import traceback
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from infra.local.athena.ddl import run_ddl
from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import Meter
from infra.local.athena.partitioning import register
from infra.local.athena.plan import OutColumn
from infra.local.athena.projection import is_projected
from infra.local.athena.rendering import column_info, text_of
from infra.local.athena.results import ResultStore, Row
from infra.local.athena.statements import DML, Statement, read_statement
from infra.local.athena.tables import split_location
from infra.local.athena.types import BIGINT, VARCHAR
from infra.local.athena.workgroups import ENGINE, WorkGroup, WorkGroups
from infra.local.athena.writing import (
    Form,
    Written,
    already_there,
    check_columns,
    check_properties,
    insertion,
    insertion_form,
    require_empty,
    table_input,
    write_answer,
)
from infra.local.clock import Clock
from infra.local.errors import ApiError

_logger = logging.getLogger(__name__)
_KEPT: Final = 5_000
_SUBSTATEMENTS: Final = {"CREATE TABLE AS": "CREATE_TABLE_AS_SELECT"}
_ROWS: Final = OutColumn(name="rows", shown="rows", type=BIGINT)
# Athena's ErrorType by ErrorCategory, as far as its list tells them apart.
_ERROR_TYPES: Final = {"TABLE_NOT_FOUND": 1006, "SCHEMA_NOT_FOUND": 1006, "COLUMN_NOT_FOUND": 1003,
                       "HIVE_BAD_DATA": 401,
                       "SYNTAX_ERROR": 1003, "TYPE_MISMATCH": 1003, "NOT_SUPPORTED": 200}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Execution:
    """One query execution."""

    id: str
    sql: str
    statement: Statement
    group: WorkGroup
    database: str
    catalog: str
    output: str
    parameters: tuple[str, ...]
    submitted_at: float
    state: str = "QUEUED"
    reason: str | None = None
    error: QueryError | None = None
    completed_at: float | None = None
    queue_ms: int = 0
    planning_ms: int = 0
    engine_ms: int = 0
    total_ms: int = 0
    columns: list[dict[str, Any]] = field(default_factory=list)
    row_count: int | None = None
    update_count: int = 0
    manifest: str | None = None
    running: Running = field(default_factory=Running)
    is_reused: bool = False
    reuse_seconds: float = 0.0

    @property
    def plain(self) -> bool:
        """Its result is lines without a header."""
        return self.statement.kind != DML and self.statement.action not in _SUBSTATEMENTS

    def _reuse(self) -> dict[str, Any]:
        minutes = int(self.reuse_seconds // 60)
        return {"Enabled": True, "MaxAgeInMinutes": minutes} if self.reuse_seconds else {"Enabled": False}

    def describe(self) -> dict[str, Any]:
        """The execution as GetQueryExecution shows it."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted_at}
        if self.completed_at is not None:
            status["CompletionDateTime"] = self.completed_at
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
        if self.error is not None:
            status["AthenaError"] = {
                "ErrorCategory": self.error.category,
                "ErrorType": _ERROR_TYPES.get(self.error.name, 1003 if self.error.category == 2 else 233),
                "Retryable": False,
                "ErrorMessage": self.reason or "",
            }
        statistics: dict[str, Any] = {
            "EngineExecutionTimeInMillis": self.engine_ms,
            "DataScannedInBytes": self.running.meter.total,
            "TotalExecutionTimeInMillis": self.total_ms,
            "QueryQueueTimeInMillis": self.queue_ms,
            "ServicePreProcessingTimeInMillis": 0,
            "QueryPlanningTimeInMillis": self.planning_ms,
            "ServiceProcessingTimeInMillis": max(0, self.total_ms - self.queue_ms - self.engine_ms),
            "ResultReuseInformation": {"ReusedPreviousResult": self.is_reused},
        }
        if self.manifest is not None:
            statistics["DataManifestLocation"] = self.manifest
        described: dict[str, Any] = {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": self.statement.kind,
            "SubstatementType": _SUBSTATEMENTS.get(self.statement.action, self.statement.action.replace(" ", "_")),
            "ResultConfiguration": {"OutputLocation": self.output},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": self._reuse()},
            "QueryExecutionContext": {"Database": self.database, "Catalog": self.catalog},
            "Status": status,
            "Statistics": statistics,
            "WorkGroup": self.group.name,
            "EngineVersion": ENGINE,
        }
        if self.parameters:
            described["ExecutionParameters"] = list(self.parameters)
        return described


class Executions:
    """Runs queries, a few at a time.

    Args:
        engine: answers queries.
        results: where answers are written.
        groups: the workgroups, for prepared statements.
        clock: what ``now()`` says, and the times that are shown.
        workers: queries at a time.
    """

    def __init__(
        self, *, engine: QueryEngine, results: ResultStore, groups: WorkGroups, clock: Clock, workers: int = 2
    ) -> None:
        self._engine = engine
        self._results = results
        self._groups = groups
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="athena")
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._lock = Lock()

    def close(self) -> None:
        """Stops every query and takes no more."""
        with self._lock:
            running = list(self._known.values())
        for execution in running:
            self.stop(execution)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def idle(self) -> bool:
        """Whether no query is queued or running."""
        with self._lock:
            return all(execution.state not in {"QUEUED", "RUNNING"} for execution in self._known.values())

    def start(self, execution: Execution) -> None:
        """Takes a query up."""
        execution.running.meter = Meter(execution.group.cutoff)
        with self._lock:
            self._known[execution.id] = execution
            for old in list(self._known)[: max(0, len(self._known) - _KEPT)]:
                if self._known[old].completed_at is not None:
                    del self._known[old]
            earlier = self._reusable(execution)
            if earlier is not None:
                execution.output, execution.columns = earlier.output, earlier.columns
                execution.row_count, execution.is_reused = earlier.row_count, True
                execution.state, execution.completed_at = "SUCCEEDED", self._clock.now()
                return
        self._pool.submit(self._run, execution, time.monotonic())

    def _reusable(self, execution: Execution) -> Execution | None:
        """The latest answer to the same question that is young enough, where one may be used again."""
        if not execution.reuse_seconds or execution.statement.action != "SELECT":
            return None

        def asked(one: Execution) -> tuple[object, ...]:
            return one.sql, one.parameters, one.database, one.catalog, one.group.name

        for known in reversed(self._known.values()):
            young = known.completed_at is not None and (
                execution.submitted_at - known.completed_at <= execution.reuse_seconds
            )
            if known.state == "SUCCEEDED" and not known.is_reused and young and asked(known) == asked(execution):
                return known
        return None

    def find(self, key: str) -> Execution | None:
        """The execution of an id, or None."""
        with self._lock:
            return self._known.get(key)

    def ids(self, group: str) -> list[str]:
        """The ids of a workgroup's executions, the newest first."""
        with self._lock:
            return [execution.id for execution in reversed(self._known.values()) if execution.group.name == group]

    def stop(self, execution: Execution) -> None:
        """Cancels a query that has not ended."""
        with self._lock:
            if execution.completed_at is not None:
                return
            execution.state = "CANCELLED"
            execution.reason = "Query was cancelled by user"
            execution.completed_at = self._clock.now()
        execution.running.cancel()

    def _run(self, execution: Execution, queued_at: float) -> None:
        began = time.monotonic()
        with self._lock:
            if execution.completed_at is not None:
                return
            execution.state = "RUNNING"
            execution.queue_ms = math.ceil((began - queued_at) * 1000)
        failure: QueryError | None = None
        try:
            self._work(execution, began)
        except QueryError as error:
            failure = error
        except ApiError as error:
            failure = QueryError("HIVE_METASTORE_ERROR", f"{error.code}: {error.message}")
        except Exception as error:
            # A defect of the twin. The error's own text may hold values from the query: its kind and place are told.
            frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
            _logger.error("query %s failed in the twin with %s\n%s", execution.id, type(error).__name__, frames)  # noqa: TRY400
            failure = QueryError("GENERIC_INTERNAL_ERROR", f"the twin failed with {type(error).__name__}")
        self._end(execution, failure, int((time.monotonic() - queued_at) * 1000))

    def _end(self, execution: Execution, failure: QueryError | None, total_ms: int) -> None:
        with self._lock:
            execution.total_ms = total_ms
            execution.engine_ms = max(1, total_ms - execution.queue_ms)
            if execution.completed_at is not None:
                return
            execution.completed_at = self._clock.now()
            if failure is None:
                execution.state = "SUCCEEDED"
            elif failure.name == "EXCEEDED_SCAN_LIMIT":
                execution.state, execution.reason = "CANCELLED", failure.message
            else:
                execution.state, execution.reason, execution.error = "FAILED", str(failure), failure

    def _work(self, execution: Execution, began: float) -> None:
        statement, parameters = execution.statement, execution.parameters
        if statement.action == "EXECUTE":
            saved = self._groups.prepared(execution.group, statement.name)
            parameters = statement.values or parameters
            statement = read_statement(saved["QueryStatement"])
        worker = {
            "SELECT": self._select,
            "CREATE TABLE AS": self._create_table,
            "INSERT": self._insert,
            "EXPLAIN": self._explain,
            "UNLOAD": self._unload,
            "PREPARE": self._prepare,
            "DEALLOCATE": self._deallocate,
        }.get(statement.action, self._ddl)
        worker(execution, statement, parameters)
        execution.planning_ms = min(execution.planning_ms, int((time.monotonic() - began) * 1000))

    def _translated(self, execution: Execution, sql: str, parameters: tuple[str, ...]) -> Any:
        began = time.monotonic()
        done = self._engine.translate(
            sql, database=execution.database, now=execution.submitted_at, parameters=parameters
        )
        execution.planning_ms = int((time.monotonic() - began) * 1000)
        return done

    def _select(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        query = self._translated(execution, statement.query, parameters)
        kinds = [column.type for column in query.columns]
        rows: list[Row] = []
        for batch in self._engine.rows(query, execution.running, now=execution.submitted_at):
            rows += [[text_of(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in batch]
        self._write(execution, list(query.columns), rows)

    def _ddl(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        columns, lines = run_ddl(self._engine, statement, database=execution.database, now=execution.submitted_at)
        self._write(execution, columns, list(lines))

    def _create_table(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        database = (statement.database or execution.database).lower()
        if not self._engine.tables.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
        if already_there(self._engine, database, statement.name):
            if statement.exists:
                self._write(execution, [_ROWS], [])
                return
            whole = f"awsdatacatalog.{database}.{statement.name}"
            raise QueryError("TABLE_ALREADY_EXISTS", f"line 1:1: Destination table '{whole}' already exists")
        form = check_properties(statement)
        query = self._translated(execution, statement.query, parameters)
        check_columns(query, form)
        base = execution.output.rsplit("/", 1)[0]
        location = str(statement.properties.get("external_location") or f"{base}/tables/{execution.id}/")
        location = location if location.endswith("/") else f"{location}/"
        written: dict[tuple[str, ...], Written] = {}
        require_empty(self._engine, location)
        if not statement.properties.get("with_no_data"):
            written = self._write_answer(execution, query, location, form)
        made = table_input(statement.name, query, location, form.partitions)
        self._engine.catalog.create_table(database, made)
        self._register(database, statement.name, form, written)
        self._finish_writing(execution, written)

    def _write_answer(
        self, execution: Execution, query: Any, location: str, form: Form
    ) -> dict[tuple[str, ...], Written]:
        return write_answer(
            self._engine, query, execution.running, location=location, name=execution.id, form=form,
            now=execution.submitted_at,
        )  # fmt: skip

    def _register(self, database: str, name: str, form: Form, written: dict[tuple[str, ...], Written]) -> None:
        for values, one in written.items() if form.partitions else ():
            register(self._engine, database, name, list(values), one.path.rsplit("/", 1)[0] + "/")

    def _insert(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        database = (statement.database or execution.database).lower()
        table = self._engine.tables.find(database, statement.name)
        if table is None or table.view is not None:
            whole = f"awsdatacatalog.{database}.{statement.name}"
            raise QueryError("TABLE_NOT_FOUND", f"line 1:1: Table '{whole}' does not exist")
        described = self._engine.catalog.get_table(database, statement.name)
        form = insertion_form(described)
        sql = insertion(statement, table, self._translated(execution, statement.query, parameters))
        query = self._translated(execution, sql, parameters)
        written = self._write_answer(execution, query, str(described["StorageDescriptor"]["Location"]), form)
        if not is_projected(described.get("Parameters") or {}):
            self._register(database, statement.name, form, written)
        self._finish_writing(execution, written)

    def _explain(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        query = self._translated(execution, statement.query, parameters)
        shown = replace(query, sql=f"EXPLAIN {query.sql}")
        rows = [
            row for batch in self._engine.rows(shown, execution.running, now=execution.submitted_at) for row in batch
        ]
        lines: list[Row] = [[line] for row in rows for line in str(row[-1]).splitlines()]
        self._write(execution, [OutColumn(name="query plan", shown="Query Plan", type=VARCHAR)], lines)

    def _unload(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        form = check_properties(statement)
        query = self._translated(execution, statement.query, parameters)
        check_columns(query, form)
        require_empty(self._engine, statement.target)
        self._finish_writing(execution, self._write_answer(execution, query, statement.target, form))

    def _finish_writing(self, execution: Execution, written: dict[tuple[str, ...], Written]) -> None:
        base = execution.output.removesuffix(".csv")
        bucket, key = split_location(f"{base}-manifest.csv")
        self._engine.objects.put(bucket, key.rstrip("/"), "".join(f"{one.path}\n" for one in written.values()).encode())
        execution.manifest = f"{base}-manifest.csv"
        if execution.statement.action != "UNLOAD":
            execution.update_count = sum(one.rows for one in written.values())
        self._write(execution, [_ROWS], [])

    def _prepare(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        self._groups.prepare_by_statement(execution.group, statement.name, statement.query)
        self._write(execution, [], [])

    def _deallocate(self, execution: Execution, statement: Statement, parameters: tuple[str, ...]) -> None:
        self._groups.forget_by_statement(execution.group, statement.name)
        self._write(execution, [], [])

    def _write(self, execution: Execution, columns: list[OutColumn], rows: list[Row]) -> None:
        described = [column_info(column) for column in columns]
        if execution.plain:
            described = [{**column, "Type": "string", "Precision": 0, "CaseSensitive": False} for column in described]
        if execution.running.meter.cancelled:
            raise QueryError("USER_CANCELED", "Query was canceled")
        self._results.write(execution.output, described, rows, plain=execution.plain)
        execution.columns, execution.row_count = described, len(rows)


def new_id() -> str:
    """An id for an execution."""
    return str(uuid4())
