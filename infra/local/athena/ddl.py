"""Statements about the catalog: SHOW, DESCRIBE, CREATE and DROP of views and databases."""

import base64
import json
import re
from typing import Any, Final

from infra.local.athena import partitioning
from infra.local.athena.engine import QueryEngine
from infra.local.athena.errors import QueryError
from infra.local.athena.plan import OutColumn
from infra.local.athena.statements import Statement
from infra.local.athena.table_definitions import changed, written_out
from infra.local.athena.types import VARCHAR, to_glue
from infra.local.errors import ApiError

_WIDTH: Final = 20
Lines = tuple[list[OutColumn], list[list[str | None]]]


def run_ddl(engine: QueryEngine, statement: Statement, *, database: str, now: float) -> Lines:
    """The columns and lines that the statement answers with.

    Raises:
        QueryError: as Athena would fail.
    """
    found = _HANDLERS[statement.action](engine, statement, (statement.database or database).lower(), now)
    names, lines = found if found is not None else ([], [])
    return [OutColumn(name=name, shown=name, type=VARCHAR) for name in names], [[line] for line in lines]


_Answer = tuple[list[str], list[str]] | None


def _table(engine: QueryEngine, database: str, name: str) -> dict[str, Any]:
    try:
        return engine.catalog.get_table(database, name)
    except ApiError as error:
        raise QueryError(
            "TABLE_NOT_FOUND", f"line 1:1: Table 'awsdatacatalog.{database}.{name}' does not exist"
        ) from error


def _matches(name: str, pattern: str | None) -> bool:
    # Hive's pattern: * for anything, | for or.
    if pattern is None:
        return True
    form = "|".join(re.escape(part).replace(r"\*", ".*") for part in pattern.split("|"))
    return re.fullmatch(form, name, re.IGNORECASE) is not None


def _show_databases(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    names = sorted(str(found["Name"]) for found in engine.catalog.list_databases())
    return ["database_name"], [name for name in names if _matches(name, statement.pattern)]


def _show_tables(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    try:
        tables = engine.catalog.list_tables(database)
    except ApiError as error:
        raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist") from error
    if statement.action == "SHOW VIEWS":
        tables = [table for table in tables if table.get("TableType") == "VIRTUAL_VIEW"]
    names = sorted(str(table["Name"]) for table in tables)
    column = "views" if statement.action == "SHOW VIEWS" else "tab_name"
    return [column], [name for name in names if _matches(name, statement.pattern)]


def _columns(table: dict[str, Any]) -> list[tuple[str, str, str]]:
    listed = [*table["StorageDescriptor"].get("Columns", []), *(table.get("PartitionKeys") or [])]
    return [(str(c["Name"]), str(c.get("Type", "")), str(c.get("Comment", ""))) for c in listed]


def _show_columns(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    table = _table(engine, database, statement.name)
    return ["field"], [name.ljust(_WIDTH) for name, _, _ in _columns(table)]


def _line(*parts: str) -> str:
    return "\t".join(part.ljust(_WIDTH) for part in parts)


def _describe(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    table = _table(engine, database, statement.name)
    lines = [_line(*column) for column in _columns(table)]
    keys = table.get("PartitionKeys") or []
    if keys:
        empty = "\t".join([" ".ljust(_WIDTH)] * 3)
        lines += [empty, _line("# Partition Information", "", ""), _line("# col_name", "data_type", "comment"), empty]
        lines += [_line(str(key["Name"]), str(key.get("Type", "")), str(key.get("Comment", ""))) for key in keys]
    return ["col_name", "data_type", "comment"], lines


def _show_partitions(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    _table(engine, database, statement.name)
    info = engine.tables.find(database, statement.name)
    if info is None or not info.partitions:
        raise QueryError("FAILED", f"SemanticException Table {statement.name} is not a partitioned table")
    # Projection is for queries only: what Athena shows are the partitions that the catalog holds.
    registered = engine.catalog.get_partitions(database, statement.name)
    names = [name for name, _ in info.partitions]
    return ["partition"], [
        "/".join(f"{name}={value}" for name, value in zip(names, known["Values"], strict=True)) for known in registered
    ]


def _show_create_view(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    info = engine.tables.find(database, statement.name)
    if info is None or info.view is None:
        raise QueryError("TABLE_NOT_FOUND", f"line 1:1: View '{database}.{statement.name}' does not exist")
    lines = [f'CREATE VIEW "{database}"."{statement.name}" AS', *info.view.sql.splitlines()]
    return ["Create View"], lines


def view_table(name: str, sql: str, database: str, columns: list[OutColumn]) -> dict[str, Any]:
    """The Glue table in which Athena keeps a view."""
    document = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": column.name, "type": column.type.text} for column in columns],
    }
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name, "Type": to_glue(column.type)} for column in columns],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
    }


def _create_view(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    if not engine.tables.has_database(database):
        raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
    query = engine.translate(statement.query, database=database, now=now)
    names = [column.name for column in query.columns]
    for column in query.columns:
        if column.name is None:
            raise QueryError("MISSING_COLUMN_NAME", f"line 1:1: Column name not specified at position {column.shown}")
    if len(set(names)) != len(names):
        raise QueryError("DUPLICATE_COLUMN_NAME", "line 1:1: a column name is specified more than once")
    made = view_table(statement.name, statement.query, database, list(query.columns))
    old = engine.tables.find(database, statement.name)
    if old is None:
        engine.catalog.create_table(database, made)
    elif old.view is None or not statement.exists:
        kind = "View" if old.view is not None else "Table"
        raise QueryError("TABLE_ALREADY_EXISTS", f"line 1:1: {kind} already exists: '{database}.{statement.name}'")
    else:
        engine.catalog.update_table(database, made)
    return None


def _drop(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    info = engine.tables.find(database, statement.name)
    kind = "View" if statement.action == "DROP VIEW" else "Table"
    if info is None or (kind == "View") != (info.view is not None):
        if statement.exists and info is None:
            return None
        raise QueryError("TABLE_NOT_FOUND", f"line 1:1: {kind} '{database}.{statement.name}' does not exist")
    engine.catalog.delete_table(database, statement.name)
    return None


def _create_database(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    if engine.tables.has_database(statement.name):
        if statement.exists:
            return None
        raise QueryError("SCHEMA_ALREADY_EXISTS", f"Database {statement.name} already exists")
    engine.catalog.create_database(statement.name)
    return None


def _drop_database(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    if not engine.tables.has_database(statement.name):
        if statement.exists:
            return None
        raise QueryError("SCHEMA_NOT_FOUND", f"Database {statement.name} does not exist")
    tables = engine.catalog.list_tables(statement.name)
    if tables and not statement.cascade:
        raise QueryError("SCHEMA_NOT_EMPTY", f"Database {statement.name} is not empty. One or more tables exist")
    for table in tables:
        engine.catalog.delete_table(statement.name, str(table["Name"]))
    engine.catalog.delete_database(statement.name)
    return None


def _create_table(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    if not engine.tables.has_database(database):
        raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
    if engine.tables.find(database, statement.name) is not None:
        if statement.exists:
            return None
        raise QueryError("FAILED", f"AlreadyExistsException: Table {statement.name} already exists")
    if statement.definition is not None:
        engine.catalog.create_table(database, statement.definition)
    return None


def _alter(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    partitioning.alter(engine, statement, _table(engine, database, statement.name), database)
    return None


def _change(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    table = _table(engine, database, statement.name)
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise QueryError("FAILED", f"SemanticException {statement.name} is a view; CREATE OR REPLACE VIEW changes it")
    engine.catalog.update_table(database, changed(table, statement.definition or {}))
    return None


def _repair(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    lines = partitioning.repair(engine, statement, _table(engine, database, statement.name), database)
    return (["result"], lines) if lines else None


def _show_create_table(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    table = _table(engine, database, statement.name)
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise QueryError("FAILED", f"SemanticException {statement.name} is a view; SHOW CREATE VIEW shows it")
    return ["createtab_stmt"], written_out(table)


def _show_properties(engine: QueryEngine, statement: Statement, database: str, now: float) -> _Answer:
    given = _table(engine, database, statement.name).get("Parameters") or {}
    if statement.pattern is not None:
        given = {key: value for key, value in given.items() if key == statement.pattern}
    return ["prpt_name", "prpt_value"], ["\t".join((key, str(value))) for key, value in sorted(given.items())]


_HANDLERS: Final = {
    "CREATE TABLE": _create_table,
    "ALTER TABLE": _change,
    "ALTER TABLE ADD PARTITION": _alter,
    "ALTER TABLE DROP PARTITION": _alter,
    "MSCK REPAIR TABLE": _repair,
    "SHOW CREATE TABLE": _show_create_table,
    "SHOW TBLPROPERTIES": _show_properties,
    "SHOW DATABASES": _show_databases,
    "SHOW TABLES": _show_tables,
    "SHOW VIEWS": _show_tables,
    "SHOW COLUMNS": _show_columns,
    "SHOW PARTITIONS": _show_partitions,
    "SHOW CREATE VIEW": _show_create_view,
    "DESCRIBE": _describe,
    "CREATE VIEW": _create_view,
    "DROP VIEW": _drop,
    "DROP TABLE": _drop,
    "CREATE DATABASE": _create_database,
    "DROP DATABASE": _drop_database,
}
