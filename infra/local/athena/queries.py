"""The calls of Athena's API that are about queries: to start one, to ask how it does, to read its answer."""

from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from infra.local.athena.engine import QueryEngine
from infra.local.athena.errors import QueryError
from infra.local.athena.executions import Execution, Executions, new_id
from infra.local.athena.files import ObjectStore
from infra.local.athena.results import MAX_PAGE, ResultStore
from infra.local.athena.session import quarter_of_memory
from infra.local.athena.statements import read_statement
from infra.local.athena.tables import Catalog
from infra.local.athena.workgroups import DATA_CATALOG, PRIMARY, WorkGroups, invalid, paged
from infra.local.clock import Clock
from infra.local.errors import ApiError

MAX_SQL_BYTES: Final = 262_144

Body = dict[str, Any]


class Queries:
    """Those calls.

    Args:
        objects: S3: where tables lie and results go.
        catalog: Glue.
        clock: what ``now()`` says, and the times that are shown.
        workers: queries at a time.
        engine: what answers queries; None for one in this process over ``objects`` and ``catalog``.
        groups: the work groups.
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        catalog: Catalog,
        clock: Clock,
        workers: int,
        engine: QueryEngine | None,
        groups: WorkGroups,
    ) -> None:
        self._clock = clock
        self._groups = groups
        self._results = ResultStore(objects)
        self._executions = Executions(
            engine=engine or QueryEngine(objects=objects, catalog=catalog, memory=quarter_of_memory()),
            results=self._results,
            groups=self._groups,
            clock=clock,
            workers=workers,
        )
        self._tokens: dict[str, tuple[Body, str]] = {}
        self._lock = Lock()
        self.actions: dict[str, Callable[[Body], Body]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._batch_get,
            "ListQueryExecutions": self._list,
            "StopQueryExecution": self._stop,
            "GetQueryResults": self._get_results,
            "GetQueryRuntimeStatistics": self._runtime_statistics,
        }
        """By name, what answers a request as on the wire; raises ApiError for what Athena refuses."""

    def idle(self) -> bool:
        """Whether no query is queued or running."""
        return self._executions.idle()

    def group_of(self, query: str) -> str:
        """The work group of a query by its id; ``*`` when there is no such query."""
        found = self._executions.find(query)
        return found.group.name if found else "*"

    def close(self) -> None:
        """Stops every query."""
        self._executions.close()

    def _start(self, body: Body) -> Body:
        sql = body.get("QueryString")
        if not isinstance(sql, str) or not sql.strip():
            raise invalid("QueryString is missing")
        if len(sql.encode("utf-8", "surrogatepass")) > MAX_SQL_BYTES:
            raise invalid(f"QueryString is at most {MAX_SQL_BYTES} bytes")
        token = body.get("ClientRequestToken")
        with self._lock:
            if token is not None:
                if not 32 <= len(str(token)) <= 128:
                    raise invalid("ClientRequestToken is 32 to 128 characters")
                if str(token) in self._tokens:
                    earlier, made = self._tokens[str(token)]
                    if earlier != body:
                        raise invalid("Idempotent parameters do not match")
                    return {"QueryExecutionId": made}
            execution = self._new(sql, body)
            if token is not None:
                self._tokens[str(token)] = (dict(body), execution.id)
        self._executions.start(execution)
        return {"QueryExecutionId": execution.id}

    def _new(self, sql: str, body: Body) -> Execution:
        group = self._groups.find(str(body.get("WorkGroup") or PRIMARY))
        if group.state != "ENABLED":
            raise invalid(f"WorkGroup {group.name} is disabled.")
        context = body.get("QueryExecutionContext") or {}
        catalog = str(context.get("Catalog") or DATA_CATALOG)
        if catalog.lower() != DATA_CATALOG.lower():
            raise invalid(f"the twin has one data catalog, {DATA_CATALOG}; received {catalog!r}")
        reuse = (body.get("ResultReuseConfiguration") or {}).get("ResultReuseByAgeConfiguration") or {}
        minutes = reuse.get("MaxAgeInMinutes", 60)
        if not isinstance(minutes, int) or not 0 <= minutes <= 10080:
            raise invalid(f"MaxAgeInMinutes is 0 to 10080; received {minutes!r}")
        given = (body.get("ResultConfiguration") or {}).get("OutputLocation")
        location = group.location(given)
        if not location:
            raise invalid(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        try:
            statement = read_statement(sql)
        except QueryError as error:
            raise _at_start(error) from error
        made = new_id()
        plain = statement.kind != "DML" and statement.action != "CREATE TABLE AS"
        output = f"{location.rstrip('/')}/{made}.{'txt' if plain else 'csv'}"
        return Execution(
            id=made,
            sql=sql,
            statement=statement,
            group=group,
            database=str(context.get("Database") or "default").strip('`"').lower(),
            catalog=catalog.lower(),
            output=output,
            parameters=tuple(str(value) for value in body.get("ExecutionParameters") or []),
            submitted_at=self._clock.now(),
            reuse_seconds=60.0 * minutes if reuse.get("Enabled") else 0.0,
        )

    def _find(self, body: Body) -> Execution:
        key = str(body.get("QueryExecutionId", ""))
        found = self._executions.find(key)
        if found is None:
            raise invalid(f"QueryExecution {key} was not found")
        return found

    def _get(self, body: Body) -> Body:
        return {"QueryExecution": self._find(body).describe()}

    def _batch_get(self, body: Body) -> Body:
        keys = [str(key) for key in body.get("QueryExecutionIds") or []]
        if not 0 < len(keys) <= 50:
            raise invalid(f"QueryExecutionIds holds 1 to 50 ids; received {len(keys)}")
        found = {key: self._executions.find(key) for key in keys}
        return {
            "QueryExecutions": [execution.describe() for execution in found.values() if execution is not None],
            "UnprocessedQueryExecutionIds": [
                {
                    "QueryExecutionId": key,
                    "ErrorCode": "INTERNAL_FAILURE",
                    "ErrorMessage": f"QueryExecution {key} was not found",
                }
                for key, execution in found.items()
                if execution is None
            ],
        }

    def _list(self, body: Body) -> Body:
        group = self._groups.find(str(body.get("WorkGroup") or PRIMARY))
        return paged(body, "QueryExecutionIds", self._executions.ids(group.name), 50)

    def _stop(self, body: Body) -> Body:
        self._executions.stop(self._find(body))
        return {}

    def _get_results(self, body: Body) -> Body:
        execution = self._find(body)
        if execution.state in {"QUEUED", "RUNNING"}:
            raise invalid(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != "SUCCEEDED":
            raise invalid(f"Query did not finish successfully. Final query state: {execution.state}")
        size = int(body.get("MaxResults") or MAX_PAGE)
        if not 0 < size <= MAX_PAGE:
            raise invalid(f"MaxResults is 1 to {MAX_PAGE}; received {size}")
        token = str(body.get("NextToken") or f"{execution.id}:0")
        key, _, start = token.partition(":")
        if key != execution.id or not start.isdigit():
            raise invalid("Invalid NextToken")
        header = [str(column["Name"]) for column in execution.columns]
        written = execution.statement.action in {"CREATE TABLE AS", "INSERT", "UNLOAD"}
        rows, more = self._results.page(
            execution.output, plain=execution.plain or written, header=header, start=int(start), size=size
        )
        answer: Body = {
            "UpdateCount": execution.update_count,
            "ResultSet": {
                "Rows": [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": execution.columns},
            },
        }
        if more:
            answer["NextToken"] = f"{execution.id}:{int(start) + size}"
        return answer

    def _runtime_statistics(self, body: Body) -> Body:
        execution = self._find(body)
        statistics = execution.describe()["Statistics"]
        timeline = {
            "QueryQueueTimeInMillis": statistics["QueryQueueTimeInMillis"],
            "QueryPlanningTimeInMillis": statistics["QueryPlanningTimeInMillis"],
            "EngineExecutionTimeInMillis": statistics["EngineExecutionTimeInMillis"],
            "ServiceProcessingTimeInMillis": statistics["ServiceProcessingTimeInMillis"],
            "TotalExecutionTimeInMillis": statistics["TotalExecutionTimeInMillis"],
        }
        rows = {"InputBytes": statistics["DataScannedInBytes"], "OutputRows": execution.row_count or 0}
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}}


def _at_start(error: QueryError) -> ApiError:
    # Athena parses before it accepts a query: what it cannot parse it does not start.
    return invalid(str(error) if error.name == "NOT_SUPPORTED" else error.message)
