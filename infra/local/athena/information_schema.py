"""The relations of ``information_schema``: the catalog as rows, as Trino shows it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from infra.local.athena.plan import CatalogRelation, TableInfo
from infra.local.athena.types import BIGINT, VARCHAR, SqlType
from infra.local.athena.values import quote

NAME: Final = "information_schema"
CATALOG: Final = "awsdatacatalog"
Row = tuple[str | int | None, ...]

# The columns of each relation, then those that SELECT * leaves out.
_SHOWN: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "applicable_roles": (("grantee", "grantee_type", "role_name", "is_grantable"), ()),
    "columns": (
        ("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "column_default",
         "is_nullable", "data_type"),
        ("comment", "extra_info", "column_comment"),
    ),
    "enabled_roles": (("role_name",), ()),
    "roles": (("role_name",), ()),
    "schemata": (("catalog_name", "schema_name"), ()),
    "table_privileges": (
        ("grantor", "grantor_type", "grantee", "grantee_type", "table_catalog", "table_schema", "table_name",
         "privilege_type", "is_grantable", "with_hierarchy"),
        (),
    ),
    "tables": (("table_catalog", "table_schema", "table_name", "table_type"), ("table_comment",)),
    "views": (("table_catalog", "table_schema", "table_name", "view_definition"), ()),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A table or view of the catalog.

    Args:
        table: it, as Glue gives it.
        info: its columns; asked for only where they are shown, for not each type is translated.
    """

    table: dict[str, Any]
    info: Callable[[], TableInfo]


def relation(name: str, databases: dict[str, list[Known]]) -> CatalogRelation | None:
    """The relation of a name, or None when ``information_schema`` has none.

    Args:
        databases: the catalog's tables by database.

    Raises:
        QueryError: NOT_SUPPORTED for a table with a column type that is not translated.
    """
    if name not in _SHOWN:
        return None
    shown, hidden = _SHOWN[name]
    columns = tuple((column, _type(column)) for column in (*shown, *hidden))
    maker = _ROWS.get(name)
    sql = None if maker is None else _sql([*maker(databases)], [kind for _, kind in columns])
    return CatalogRelation(info=TableInfo(database=NAME, name=name, columns=columns), hidden=len(hidden), sql=sql)


def _sql(rows: list[Row], kinds: list[SqlType]) -> str:
    names = ", ".join(f"c{index}" for index in range(len(kinds)))
    casts = ", ".join(f"CAST(c{index} AS {kind.duckdb}) AS c{index}" for index, kind in enumerate(kinds))
    # VALUES has a row at least.
    listed = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows or [(None,) * len(kinds)])
    return f"SELECT {casts} FROM (VALUES {listed}) v({names}){'' if rows else ' WHERE FALSE'}"


def _literal(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return quote(value) if isinstance(value, str) else str(value)


def _type(column: str) -> SqlType:
    return BIGINT if column == "ordinal_position" else VARCHAR


def _schemata(databases: dict[str, list[Known]]) -> Iterator[Row]:
    return ((CATALOG, name) for name in sorted([*databases, NAME]))


def _tables(databases: dict[str, list[Known]]) -> Iterator[Row]:
    for database, tables in databases.items():
        for known in tables:
            is_view = known.table.get("TableType") == "VIRTUAL_VIEW"
            comment = (known.table.get("Parameters") or {}).get("comment") if not is_view else None
            kind = "VIEW" if is_view else "BASE TABLE"
            yield CATALOG, database, str(known.table["Name"]), kind, comment
    for name in _SHOWN:
        yield CATALOG, NAME, name, "BASE TABLE", None


def _columns(databases: dict[str, list[Known]]) -> Iterator[Row]:
    for database, tables in databases.items():
        for known in tables:
            info = known.info()
            storage = known.table.get("StorageDescriptor") or {}
            listed = [*(storage.get("Columns") or []), *(known.table.get("PartitionKeys") or [])]
            comments = {str(column["Name"]).lower(): column.get("Comment") or None for column in listed}
            kinds = [*(info.view.columns if info.view is not None else info.columns), *info.partitions]
            partitions = {column for column, _ in info.partitions}
            for place, (column, kind) in enumerate(kinds, start=1):
                comment, extra = comments.get(column), "partition key" if column in partitions else None
                yield (CATALOG, database, info.name, column, place, None, "YES", kind.text, comment, extra, comment)
    for name, (shown, _) in _SHOWN.items():
        for place, column in enumerate(shown, start=1):
            yield (CATALOG, NAME, name, column, place, None, "YES", _type(column).text, None, None, None)


def _views(databases: dict[str, list[Known]]) -> Iterator[Row]:
    for database, tables in databases.items():
        for known in tables:
            view = known.info().view if known.table.get("TableType") == "VIRTUAL_VIEW" else None
            if view is not None:
                yield CATALOG, database, str(known.table["Name"]), view.sql


# Who may do what is not modelled.
_ROWS: Final[dict[str, Callable[[dict[str, list[Known]]], Iterator[Row]]]] = {
    "columns": _columns,
    "schemata": _schemata,
    "tables": _tables,
    "views": _views,
}
