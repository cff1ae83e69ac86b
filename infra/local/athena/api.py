"""Athena's API on the twin: queries answered by DuckDB over the Parquet in S3, through the Glue catalog.

Source: https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html (2026-11-20), and the API model in botocore.
"""

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
from infra.local.athena.workgroups import PRIMARY, Note, WorkGroups, invalid, paged
from infra.local.clock import Clock
from infra.local.errors import ApiError

MAX_SQL_BYTES: Final = 262_144
DATA_CATALOG: Final = "AwsDataCatalog"

Body = dict[str, Any]


class AthenaApi:
    """Athena's JSON 1.1 API.

    Args:
        objects: S3: where tables lie and results go.
        catalog: Glue.
        clock: what ``now()`` says, and the times that are shown.
        workers: queries at a time.
        engine: what answers queries; one in this process over ``objects`` and ``catalog`` unless given.
        note: told of each prepared statement that a statement made, as the call of this API that makes it.

    Example::

        api = AthenaApi(objects=store, catalog=catalog, clock=SystemClock())
        started = api.call("StartQueryExecution", {"QueryString": "SELECT 1", "ResultConfiguration": {...}})
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        catalog: Catalog,
        clock: Clock,
        workers: int = 8,
        engine: QueryEngine | None = None,
        note: Note | None = None,
    ) -> None:
        self._clock = clock
        self._catalog = catalog
        self._groups = WorkGroups(clock, note=note)
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
        self._actions: dict[str, Callable[[Body], Body]] = {
            **self._groups.actions,
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._batch_get,
            "ListQueryExecutions": self._list,
            "StopQueryExecution": self._stop,
            "GetQueryResults": self._get_results,
            "GetQueryRuntimeStatistics": self._runtime_statistics,
            "ListDataCatalogs": self._list_catalogs,
            "GetDataCatalog": self._get_catalog,
            "GetDatabase": self._get_database,
            "ListDatabases": self._list_databases,
            "GetTableMetadata": self._get_table,
            "ListTableMetadata": self._list_tables,
            "ListEngineVersions": self._list_engines,
            "ListTagsForResource": lambda _: {"Tags": []},
            "TagResource": lambda _: {},
            "UntagResource": lambda _: {},
        }

    def call(self, action: str, body: dict[str, object]) -> dict[str, object]:
        """One API call.

        Args:
            action: e.g. ``StartQueryExecution``.
            body: the request as on the wire.

        Raises:
            ApiError: AWS's error; UnknownOperationException for what the twin does not have.
        """
        handler = self._actions.get(action)
        if handler is None:
            raise ApiError(
                "UnknownOperationException",
                f"the twin's Athena has no {action}; it has {', '.join(sorted(self._actions))}",
            )
        return handler(body)

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

    # --- executions -----------------------------------------------------------------------------------------------

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

    # --- the catalog ----------------------------------------------------------------------------------------------

    def _list_catalogs(self, body: Body) -> Body:
        return {"DataCatalogsSummary": [{"CatalogName": DATA_CATALOG, "Type": "GLUE", "Status": "CREATE_COMPLETE"}]}

    def _get_catalog(self, body: Body) -> Body:
        _require_catalog(str(body.get("Name", "")))
        return {"DataCatalog": {"Name": DATA_CATALOG, "Type": "GLUE", "Parameters": {}, "Status": "CREATE_COMPLETE"}}

    def _get_database(self, body: Body) -> Body:
        _require_catalog(str(body.get("CatalogName", "")))
        return {"Database": _database(self._asked(self._catalog.get_database, str(body.get("DatabaseName", ""))))}

    def _list_databases(self, body: Body) -> Body:
        _require_catalog(str(body.get("CatalogName", "")))
        return paged(body, "DatabaseList", [_database(found) for found in self._catalog.list_databases()], 50)

    def _get_table(self, body: Body) -> Body:
        _require_catalog(str(body.get("CatalogName", "")))
        name = str(body.get("TableName", "")).lower()
        return {"TableMetadata": _table(self._asked(self._catalog.get_table, str(body.get("DatabaseName", "")), name))}

    def _list_tables(self, body: Body) -> Body:
        _require_catalog(str(body.get("CatalogName", "")))
        found: list[Body] = self._asked(self._catalog.list_tables, str(body.get("DatabaseName", "")))
        wanted = str(body.get("Expression") or "").strip("*").lower()
        rows = [_table(table) for table in found if wanted in str(table["Name"]).lower()]
        return paged(body, "TableMetadataList", rows, 50)

    def _list_engines(self, body: Body) -> Body:
        versions = ("AUTO", "Athena engine version 3")
        return {
            "EngineVersions": [
                {"SelectedEngineVersion": name, "EffectiveEngineVersion": "Athena engine version 3"}
                for name in versions
            ]
        }

    def _asked(self, ask: Callable[..., Any], *names: str) -> Any:
        try:
            return ask(*names)
        except ApiError as error:
            # Clients look for the code in these words.
            place = f"(Service: AmazonDataCatalog; Status Code: {error.status}; Error Code: {error.code}; Proxy: null)"
            raise ApiError("MetadataException", f"{error.message} {place}") from error


def _at_start(error: QueryError) -> ApiError:
    # Athena parses before it accepts a query: what it cannot parse it does not start.
    return invalid(str(error) if error.name == "NOT_SUPPORTED" else error.message)


def _require_catalog(name: str) -> None:
    if name.lower() != DATA_CATALOG.lower():
        raise invalid(f"the twin has one data catalog, {DATA_CATALOG}; received {name!r}")


def _database(found: Body) -> Body:
    kept = {name: found[name] for name in ("Name", "Description", "Parameters") if found.get(name)}
    return {"Name": str(found.get("Name", "")), **kept}


def _table(found: Body) -> Body:
    def columns(listed: list[Body] | None) -> list[Body]:
        return [{key: c[key] for key in ("Name", "Type", "Comment") if c.get(key)} for c in listed or []]

    created = found.get("CreateTime")
    return {
        "Name": str(found["Name"]),
        "TableType": str(found.get("TableType") or "EXTERNAL_TABLE"),
        "Columns": columns((found.get("StorageDescriptor") or {}).get("Columns")),
        "PartitionKeys": columns(found.get("PartitionKeys")),
        "Parameters": found.get("Parameters") or {},
        **({"CreateTime": created} if isinstance(created, int | float) else {}),
    }
