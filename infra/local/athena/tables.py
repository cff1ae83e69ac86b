"""Glue's tables for queries: what they hold, and which objects a query has to read."""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, Protocol

import pyarrow as pa

from infra.local.athena import information_schema
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.files import ObjectFile, ObjectInfo, ObjectStore
from infra.local.athena.parser import parse_query
from infra.local.athena.plan import CatalogRelation, Scan, TableInfo, ViewInfo
from infra.local.athena.projection import Limits, is_projected, location, projected
from infra.local.athena.session import Session
from infra.local.athena.type_names import type_of
from infra.local.athena.types import SqlType, from_glue
from infra.local.errors import ApiError

_VIEW: Final = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/\s*")
# More prefixes than these are told apart in one listing of what they have in common.
_MANY_PREFIXES: Final = 40


class Catalog(Protocol):
    """Glue's catalog, in the shape of Glue's own API.

    Raises (every method):
        ApiError: ``EntityNotFoundException``.
    """

    def get_database(self, name: str) -> dict[str, Any]: ...
    def list_databases(self) -> list[dict[str, Any]]: ...
    def get_table(self, database: str, name: str) -> dict[str, Any]: ...
    def list_tables(self, database: str) -> list[dict[str, Any]]: ...
    def get_partitions(self, database: str, name: str) -> list[dict[str, Any]]: ...
    def create_partition(self, database: str, name: str, partition: dict[str, Any]) -> None: ...
    def delete_partition(self, database: str, name: str, values: list[str]) -> None: ...
    def create_database(self, name: str) -> None: ...
    def delete_database(self, name: str) -> None: ...
    def create_table(self, database: str, table: dict[str, Any]) -> None: ...
    def update_table(self, database: str, table: dict[str, Any]) -> None: ...
    def delete_table(self, database: str, name: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition: its values as text (None for Hive's NULL) and where it lies."""

    values: tuple[str | None, ...]
    location: str


class GlueTables:
    """Finds tables and views in the catalog.

    Args:
        catalog: Glue.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def has_database(self, database: str) -> bool:
        """Whether the database is there."""
        try:
            self.catalog.get_database(database)
        except ApiError:
            return False
        return True

    def find(self, database: str, name: str) -> TableInfo | None:
        """The table or view, or None.

        Raises:
            QueryError: NOT_SUPPORTED for a column type that is not translated.
        """
        try:
            table = self.catalog.get_table(database, name)
        except ApiError:
            return None
        return _info(table, database)

    def catalog_relation(self, name: str) -> CatalogRelation | None:
        """A relation of information_schema, or None when it has none of that name.

        Raises:
            QueryError: NOT_SUPPORTED for a table with a column type that is not translated.
        """
        names = sorted(str(database["Name"]) for database in self.catalog.list_databases())
        return information_schema.relation(
            name,
            {
                database: [
                    information_schema.Known(table=table, info=partial(_info, table, database))
                    for table in self.catalog.list_tables(database)
                ]
                for database in names
            },
        )


def _info(table: dict[str, Any], database: str) -> TableInfo:
    columns = _columns(table.get("StorageDescriptor", {}).get("Columns", []))
    partitions = _columns(table.get("PartitionKeys") or [])
    view = _view(table, database) if table.get("TableType") == "VIRTUAL_VIEW" else None
    return TableInfo(
        database=database, name=str(table["Name"]).lower(), columns=columns, partitions=partitions, view=view
    )


def _columns(listed: Iterable[dict[str, Any]]) -> tuple[tuple[str, SqlType], ...]:
    return tuple((str(column["Name"]).lower(), from_glue(str(column.get("Type", "string")))) for column in listed)


def _view(table: dict[str, Any], database: str) -> ViewInfo:
    match = _VIEW.fullmatch(table.get("ViewOriginalText") or "")
    if match is None:
        raise refused(f"the view {table.get('Name')}: it was not made by Athena", advice="CREATE OR REPLACE VIEW")
    try:
        document = json.loads(base64.b64decode(match[1]))
        columns = tuple((column["name"], _declared(column["type"])) for column in document["columns"])
        return ViewInfo(sql=document["originalSql"], database=document.get("schema") or database, columns=columns)
    except (ValueError, KeyError, TypeError) as error:
        raise QueryError("INVALID_VIEW", f"the definition of view {table.get('Name')} is not readable") from error


@lru_cache(maxsize=512)
def _declared(text: str) -> SqlType:
    """The type that a view's definition says a column has."""
    return type_of(parse_query(f"SELECT CAST(NULL AS {text})").expressions[0].args["to"])


def require_parquet(table: dict[str, Any]) -> None:
    """Nothing, for a table of Parquet files.

    Raises:
        QueryError: NOT_SUPPORTED names the table's format.
    """
    storage = table.get("StorageDescriptor") or {}
    serde = str((storage.get("SerdeInfo") or {}).get("SerializationLibrary") or "")
    if str((table.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG":
        raise refused(f"the Iceberg table {table.get('Name')}")
    if "parquet" not in serde.lower():
        raise refused(
            f"the table {table.get('Name')} of format {serde or 'unknown'}",
            advice="tables are of Parquet files, or of plain text lines",
        )


def partitions_of(catalog: Catalog, table: dict[str, Any], scan: Scan, session: Session, now: float) -> list[Partition]:
    """The partitions of a table that a query needs; a table without partition columns is one.

    Raises:
        QueryError: as Athena would.
    """
    parameters = table.get("Parameters") or {}
    place = str((table.get("StorageDescriptor") or {}).get("Location") or "")
    names = [name for name, _ in scan.table.partitions]
    if not names:
        return [Partition(values=(), location=place)]
    if is_projected(parameters):
        limits = _limits(scan, session)
        rows = projected(parameters, names, limits, now)
        template = parameters.get("storage.location.template")
        return [
            Partition(values=rows[number], location=location(template, place, names, rows[number]))
            for number in _needed(rows, scan, session)
        ]
    found = [
        Partition(
            values=tuple(None if value == "__HIVE_DEFAULT_PARTITION__" else value for value in known["Values"]),
            location=str(known["StorageDescriptor"]["Location"]),
        )
        for known in catalog.get_partitions(scan.table.database, scan.table.name)
    ]
    return [found[number] for number in _needed([part.values for part in found], scan, session)]


def _limits(scan: Scan, session: Session) -> dict[str, Limits]:
    done: dict[str, Limits] = {}
    kinds = dict(scan.table.partitions)
    for bound in scan.bounds:
        if bound.column not in kinds:
            continue
        try:
            texts = [session.rows(f"SELECT CAST({sql} AS VARCHAR)")[0][0] for sql in bound.sql]
        except QueryError:
            session.refusals.clear()
            continue
        texts = [text for text in texts if text is not None]
        old = done.get(bound.column, Limits())
        if bound.op in {"=", "in"}:
            values = frozenset(texts) if old.values is None else old.values & frozenset(texts)
            done[bound.column] = Limits(values=values, low=old.low, high=old.high)
        elif texts and kinds[bound.column].is_integer:
            # Only whole numbers order as the column does; a text column of numbers is enumerated.
            low = texts[0] if bound.op in {">", ">="} else old.low
            high = texts[0] if bound.op in {"<", "<="} else old.high
            done[bound.column] = Limits(values=old.values, low=low, high=high)
    if any(kind.kind != "varchar" for kind in kinds.values()):
        # A value's text need not be the text that the projection writes (1 and 01, a date and its day).
        done = {
            column: limits if kinds[column].kind == "varchar" or kinds[column].is_integer else Limits()
            for column, limits in done.items()
        }
    return done


def _needed(found: Sequence[tuple[str | None, ...]], scan: Scan, session: Session) -> Sequence[int]:
    """Which of these partitions' values a query needs, by their number."""
    if not scan.predicates or not found:
        return range(len(found))
    columns = scan.table.partitions
    first = len(scan.table.columns)
    data = {f"p{index}": pa.array([values[index] for values in found], pa.string()) for index in range(len(columns))}
    session.connection.register("candidates", pa.table({"n": pa.array(range(len(found))), **data}))
    typed = ", ".join(f"CAST(p{index} AS {kind.duckdb}) AS c{first + index}" for index, (_, kind) in enumerate(columns))
    kept = set(range(len(found)))
    for predicate in scan.predicates:
        try:
            rows = session.rows(f"SELECT n FROM (SELECT n, {typed} FROM candidates) {scan.alias} WHERE {predicate}")
        except QueryError:
            # It will fail where it is written, over the rows; until then every partition may be needed.
            session.refusals.clear()
            continue
        kept &= {row[0] for row in rows}
    session.connection.unregister("candidates")
    return sorted(kept)


def split_location(text: str) -> tuple[str, str]:
    """Bucket and prefix of an S3 location; the prefix ends with a slash.

    >>> split_location("s3://bucket/a/b")
    ('bucket', 'a/b/')
    """
    match = re.fullmatch(r"s3a?n?://([^/]+)/?(.*)", text)
    if match is None:
        raise QueryError("HIVE_METASTORE_ERROR", f"the location {text!r} is not s3://bucket/prefix/")
    prefix = match[2]
    return match[1], prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def files_of(store: ObjectStore, partitions: Sequence[Partition]) -> list[tuple[int, ObjectFile]]:
    """The objects of these partitions, each with its partition's number; hidden and empty ones left out.

    Athena leaves out what begins with ``_`` or ``.``.
    """
    places = [split_location(part.location) for part in partitions]
    found: list[tuple[int, ObjectFile]] = []
    if len(places) <= _MANY_PREFIXES:
        for number, (bucket, prefix) in enumerate(places):
            found += [(number, file) for file in _visible(bucket, prefix, _listed(store, bucket, prefix))]
        return found
    for bucket in sorted({bucket for bucket, _ in places}):
        inside = {prefix: number for number, (name, prefix) in enumerate(places) if name == bucket}
        for info in _listed(store, bucket, _common([*inside])):
            parts = info.key.split("/")
            for depth in range(len(parts) - 1, -1, -1):
                prefix = "/".join(parts[:depth]) + "/" if depth else ""
                if prefix in inside:
                    found += [(inside[prefix], file) for file in _visible(bucket, prefix, [info])]
    return sorted(found, key=lambda pair: pair[0])


def _listed(store: ObjectStore, bucket: str, prefix: str) -> Sequence[ObjectInfo]:
    try:
        return store.list(bucket, prefix)
    except ApiError as error:
        raise QueryError("HIVE_CANNOT_OPEN_SPLIT", f"the bucket {bucket} cannot be listed: {error.code}") from error


def _visible(bucket: str, prefix: str, listed: Iterable[ObjectInfo]) -> Iterable[ObjectFile]:
    for info in listed:
        rest = info.key[len(prefix) :]
        if info.size and rest and not any(part.startswith(("_", ".")) for part in rest.split("/")):
            yield ObjectFile(bucket=bucket, key=info.key, size=info.size, etag=info.etag)


def _common(prefixes: list[str]) -> str:
    low, high = min(prefixes), max(prefixes)
    size = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:size]
