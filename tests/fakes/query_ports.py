"""S3 and Glue in dictionaries, for tests of queries."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra.local.athena.session import Sessions
from infra.local.errors import ApiError

SESSIONS: Final = Sessions()
"""For the engines of all tests: starting DuckDB takes longer than most of their queries."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    key: str
    size: int
    etag: str


@dataclass
class FakeObjects:
    """An object store that remembers which prefixes were listed and which ranges were read.

    It gives at most ``longest`` bytes at a time.
    """

    stored: dict[tuple[str, str], bytes] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    read: list[tuple[str, int, int]] = field(default_factory=list)
    longest: int | None = None

    def put(self, bucket: str, key: str, body: bytes, *, content_type: str = "") -> None:
        self.stored[bucket, key] = body

    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        if (bucket, key) not in self.stored:
            raise ApiError("NoSuchKey", "the key does not exist", 404)
        body = self.stored[bucket, key]
        end = len(body) if length is None else start + length
        if self.longest is not None:
            end = min(end, start + self.longest)
        self.read.append((key, start, end - start))
        return body[start:end]

    def list(self, bucket: str, prefix: str = "") -> Sequence[StoredObject]:
        self.listed.append(prefix)
        return [
            StoredObject(key=key, size=len(body), etag=hashlib.md5(body, usedforsecurity=False).hexdigest())
            for (name, key), body in sorted(self.stored.items())
            if name == bucket and key.startswith(prefix)
        ]

    def delete(self, bucket: str, key: str) -> None:
        self.stored.pop((bucket, key), None)


@dataclass
class FakeCatalog:
    """A Glue catalog; ``partitions`` are by database and table."""

    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"default": {}})
    partitions: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def _database(self, name: str) -> dict[str, dict[str, Any]]:
        if name not in self.tables:
            raise ApiError("EntityNotFoundException", f"Database {name} not found")
        return self.tables[name]

    def get_database(self, name: str) -> dict[str, Any]:
        self._database(name)
        return {"Name": name}

    def list_databases(self) -> list[dict[str, Any]]:
        return [{"Name": name} for name in sorted(self.tables)]

    def get_table(self, database: str, name: str) -> dict[str, Any]:
        found = self._database(database).get(name.lower())
        if found is None:
            raise ApiError("EntityNotFoundException", f"Table {name} not found")
        return found

    def list_tables(self, database: str) -> list[dict[str, Any]]:
        return [table for _, table in sorted(self._database(database).items())]

    def get_partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        return self.partitions.get((database, name), [])

    def create_partition(self, database: str, name: str, partition: dict[str, Any]) -> None:
        known = self.partitions.setdefault((database, name), [])
        if any(found["Values"] == partition["Values"] for found in known):
            raise ApiError("AlreadyExistsException", "Partition already exists.")
        known.append(partition)

    def delete_partition(self, database: str, name: str, values: list[str]) -> None:
        known = self.partitions.setdefault((database, name), [])
        kept = [found for found in known if found["Values"] != values]
        if len(kept) == len(known):
            raise ApiError("EntityNotFoundException", "Cannot find partition.")
        self.partitions[database, name] = kept

    def create_database(self, name: str) -> None:
        self.tables[name] = {}

    def delete_database(self, name: str) -> None:
        del self.tables[name]

    def create_table(self, database: str, table: dict[str, Any]) -> None:
        self._database(database)[table["Name"]] = table

    def update_table(self, database: str, table: dict[str, Any]) -> None:
        self._database(database)[table["Name"]] = table

    def delete_table(self, database: str, name: str) -> None:
        del self._database(database)[name]


PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


def parquet_table(
    name: str,
    columns: dict[str, str],
    *,
    location: str,
    partitions: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A Glue table of Parquet files."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters or {},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in (partitions or {}).items()],
        "StorageDescriptor": {
            "Columns": [{"Name": key, "Type": kind} for key, kind in columns.items()],
            "Location": location,
            "SerdeInfo": {"SerializationLibrary": PARQUET},
        },
    }
