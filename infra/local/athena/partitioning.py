"""Partitions that statements register: ALTER TABLE ADD and DROP PARTITION, MSCK REPAIR TABLE, writing."""

import re
from typing import Any
from urllib.parse import quote, unquote

from infra.local.athena.engine import QueryEngine
from infra.local.athena.errors import QueryError
from infra.local.athena.statements import Statement
from infra.local.athena.tables import split_location
from infra.local.errors import ApiError


def folder(names: list[str], values: list[str]) -> str:
    """The folder of a partition as Hive names it.

    >>> folder(["dt", "kind"], ["2024-01-05", "a/b"])
    'dt=2024-01-05/kind=a%2Fb/'
    """
    return "".join(f"{name}={quote(value, safe=' -_.~')}/" for name, value in zip(names, values, strict=True))


def partition_input(table: dict[str, Any], values: list[str], location: str) -> dict[str, Any]:
    """The Glue ``PartitionInput`` of a table's partition."""
    return {"Values": values, "StorageDescriptor": {**table["StorageDescriptor"], "Location": location}}


def register(engine: QueryEngine, database: str, name: str, values: list[str], location: str) -> bool:
    """Registers a partition; whether it was new."""
    table = engine.catalog.get_table(database, name)
    try:
        engine.catalog.create_partition(database, name, partition_input(table, values, location))
    except ApiError as error:
        if error.code != "AlreadyExistsException":
            raise
        return False
    return True


def _keys(table: dict[str, Any]) -> list[str]:
    return [str(key["Name"]).lower() for key in table.get("PartitionKeys") or ()]


def _values(table: dict[str, Any], given: dict[str, str]) -> list[str]:
    keys = _keys(table)
    if set(keys) != set(given):
        raise QueryError(
            "FAILED", f"SemanticException: partition ({', '.join(given)}) is not of the columns ({', '.join(keys)})"
        )
    return [given[key] for key in keys]


def alter(engine: QueryEngine, statement: Statement, table: dict[str, Any], database: str) -> None:
    """ALTER TABLE ADD or DROP PARTITION.

    Raises:
        QueryError: the partition is there already, or is not there.
    """
    place = str(table["StorageDescriptor"].get("Location") or "").rstrip("/")
    for given, location in statement.partitions:
        values = _values(table, given)
        if statement.action == "ALTER TABLE ADD PARTITION":
            where = location or f"{place}/{folder(_keys(table), values)}"
            if not register(engine, database, statement.name, values, where) and not statement.exists:
                raise QueryError("FAILED", f"AlreadyExistsException: Partition already exists: {values}")
            continue
        try:
            engine.catalog.delete_partition(database, statement.name, values)
        except ApiError as error:
            if not statement.exists:
                raise QueryError("FAILED", f"SemanticException Partition not found: {values}") from error


def repair(engine: QueryEngine, statement: Statement, table: dict[str, Any], database: str) -> list[str]:
    """MSCK REPAIR TABLE: registers the partitions whose folders are found, and gives a line for each."""
    keys = _keys(table)
    if not keys:
        raise QueryError("FAILED", f"SemanticException Table {statement.name} is not a partitioned table")
    place = str(table["StorageDescriptor"].get("Location") or "")
    bucket, prefix = split_location(place)
    form = re.compile("".join(rf"{re.escape(key)}=([^/]+)/" for key in keys), re.IGNORECASE)
    found: dict[tuple[str, ...], str] = {}
    for info in engine.objects.list(bucket, prefix):
        match = form.match(info.key[len(prefix) :])
        if match is not None:
            found.setdefault(tuple(unquote(value) for value in match.groups()), match[0])
    lines = []
    for values, part in sorted(found.items()):
        if register(engine, database, statement.name, list(values), f"s3://{bucket}/{prefix}{part}"):
            shown = ":".join([statement.name, "/".join(f"{k}={v}" for k, v in zip(keys, values, strict=True))])
            lines += [f"Partitions not in metastore:\t{shown}", f"Repair: Added partition to metastore {shown}"]
    return lines
