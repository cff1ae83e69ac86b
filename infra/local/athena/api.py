"""Athena's API on the twin: queries answered by DuckDB over the Parquet in S3, through the Glue catalog.

Source: https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html (2026-11-20), and the API model in botocore.
"""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

from infra.local.athena.workgroups import DATA_CATALOG, Note, WorkGroups, invalid, paged
from infra.local.clock import Clock
from infra.local.errors import ApiError

if TYPE_CHECKING:
    from infra.local.athena.engine import QueryEngine
    from infra.local.athena.files import ObjectStore
    from infra.local.athena.queries import Queries
    from infra.local.athena.tables import Catalog

Body = dict[str, Any]


_OF_QUERIES = (
    "StartQueryExecution",
    "GetQueryExecution",
    "BatchGetQueryExecution",
    "ListQueryExecutions",
    "StopQueryExecution",
    "GetQueryResults",
    "GetQueryRuntimeStatistics",
)


class AthenaApi:
    """Athena's JSON 1.1 API.

    What parses and answers queries is read with the first one: a third of the runtime's start would go into it.

    Args:
        objects: S3: where tables lie and results go.
        catalog: Glue.
        clock: what ``now()`` says, and the times that are shown.
        workers: queries at a time.
        engine: makes what answers queries; one in this process over ``objects`` and ``catalog`` unless given.
        note: told of each prepared statement that a statement made, as the call of this API that makes it.

    Example::

        api = AthenaApi(objects=store, catalog=catalog, clock=SystemClock())
        started = api.call("StartQueryExecution", {"QueryString": "SELECT 1", "ResultConfiguration": {...}})
    """

    def __init__(
        self,
        *,
        objects: "ObjectStore",
        catalog: "Catalog",
        clock: Clock,
        workers: int = 8,
        engine: "Callable[[], QueryEngine] | None" = None,
        note: Note | None = None,
    ) -> None:
        self._objects = objects
        self._catalog = catalog
        self._clock = clock
        self._workers = workers
        self._engine = engine
        self._groups = WorkGroups(clock, note=note)
        self._made: Queries | None = None
        self._lock = Lock()
        self._actions: dict[str, Callable[[Body], Body]] = {
            **self._groups.actions,
            **{action: self._asking(action) for action in _OF_QUERIES},
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
        return self._made is None or self._made.idle()

    def group_of(self, query: str) -> str:
        """The work group of a query by its id; ``*`` when there is no such query."""
        return "*" if self._made is None else self._made.group_of(query)

    def close(self) -> None:
        """Stops every query."""
        if self._made is not None:
            self._made.close()

    def _asking(self, action: str) -> Callable[[Body], Body]:
        return lambda body: self._queries().actions[action](body)

    def _queries(self) -> "Queries":
        from infra.local.athena.queries import Queries

        with self._lock:
            if self._made is None:
                self._made = Queries(
                    objects=self._objects,
                    catalog=self._catalog,
                    clock=self._clock,
                    workers=self._workers,
                    engine=self._engine() if self._engine else None,
                    groups=self._groups,
                )
            return self._made

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
