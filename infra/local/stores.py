"""What the twin's delivery streams, mappings and queries see of S3 and Glue: moto's backends, without HTTP between."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.errors import ApiError
from infra.local.moto_backend import MotoBackend

Note = Callable[[str, Mapping[str, object]], None]
"""Takes a call's ``X-Amz-Target`` and its body."""


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """What a listing says of one object. ``size`` in bytes, ``etag`` without quotes, ``modified_at`` epoch seconds."""

    key: str
    size: int
    etag: str
    modified_at: float


class S3Store:
    """The objects of the twin's S3.

    Args:
        moto: whose S3 backend it is.

    Raises (every method):
        ApiError: ``NoSuchBucket`` or ``NoSuchKey``, status 404.
    """

    def __init__(self, moto: MotoBackend) -> None:
        self._moto = moto
        self._lock = moto.lock("s3")

    @property
    def _backend(self) -> Any:
        # Asked for every time: a reset makes another one.
        return self._moto.backend("s3")

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/octet-stream",
        content_encoding: str | None = None,
    ) -> str:
        """Stores an object and gives back its ETag, without quotes."""
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        with self._lock:
            self._bucket(bucket)
            stored = self._backend.put_object(bucket, key, body, etag=etag)
            metadata = {"Content-Type": content_type}
            if content_encoding:
                metadata["Content-Encoding"] = content_encoding
            stored.set_metadata(metadata)
            self._moto.objects_changed()
        return etag

    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """An object's bytes, or ``length`` of them from ``start``."""
        with self._lock:
            stored = self._object(bucket, key)
            if start == 0 and length is None:
                return bytes(stored.value)
            # Straight from the object's file: moto reads all of it for every range.
            with stored.lock:
                stored._value_buffer.seek(start)
                return bytes(stored._value_buffer.read(-1 if length is None else length))

    def size(self, bucket: str, key: str) -> int:
        """An object's size in bytes."""
        with self._lock:
            return int(self._object(bucket, key).size)

    def exists(self, bucket: str, key: str) -> bool:
        with self._lock:
            return key in self._bucket(bucket).keys

    def list(self, bucket: str, prefix: str = "", *, start_after: str = "") -> Sequence[ObjectInfo]:
        """The objects whose keys begin with ``prefix``, in the keys' UTF-8 order, as S3 lists them."""
        with self._lock:
            keys = self._bucket(bucket).keys
            found = [
                ObjectInfo(
                    key=name,
                    size=int(stored.size),
                    etag=str(stored.etag).strip('"'),
                    modified_at=stored.last_modified.timestamp()
                    if stored.last_modified.tzinfo
                    else _naive_utc(stored.last_modified),
                )
                for name, stored in keys.items()
                if name.startswith(prefix) and name > start_after and hasattr(stored, "size")
            ]
        found.sort(key=lambda info: info.key.encode())
        return found

    def delete(self, bucket: str, key: str) -> None:
        """Removes an object; one that is not there is no error, as in S3."""
        with self._lock:
            self._bucket(bucket)
            self._backend.delete_object(bucket, key)
            self._moto.objects_changed()

    def _bucket(self, bucket: str) -> Any:
        found = self._backend.buckets.get(bucket)
        if found is None:
            raise ApiError("NoSuchBucket", f"the bucket {bucket} does not exist", 404)
        return found

    def _object(self, bucket: str, key: str) -> Any:
        stored = self._bucket(bucket).keys.get(key)
        if stored is None or not hasattr(stored, "size"):  # a delete marker has no size
            raise ApiError("NoSuchKey", "the key does not exist in this bucket", 404)
        return stored


def _naive_utc(moment: Any) -> float:
    import datetime as dt

    return float(moment.replace(tzinfo=dt.UTC).timestamp())


class GlueCatalog:
    """The databases and tables of the twin's Glue catalog, in the shape of Glue's own API.

    Args:
        moto: whose Glue it is.
        note: told of each change, as the call of Glue's API that makes it.

    Raises (every method):
        ApiError: ``EntityNotFoundException``.
    """

    def __init__(self, moto: MotoBackend, *, note: Note | None = None) -> None:
        self._moto = moto
        self._lock = moto.lock("glue")
        self._note: Note = note or (lambda _target, _body: None)

    @property
    def _backend(self) -> Any:
        # Asked for every time: a reset makes another one.
        return self._moto.backend("glue")

    def get_database(self, name: str) -> dict[str, Any]:
        with self._lock:
            return dict(self._database(name).as_dict())

    def list_databases(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(database.as_dict()) for _, database in sorted(self._backend.databases.items())]

    def get_table(self, database: str, name: str) -> dict[str, Any]:
        """A table, as ``GetTable`` gives it under ``Table``; names in any case, as Glue folds them."""
        with self._lock:
            return dict(self._table(database, name).as_dict())

    def list_tables(self, database: str) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(table.as_dict()) for _, table in sorted(self._database(database).tables.items())]

    def get_partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        """The registered partitions of a table; a table with partition projection has none."""
        with self._lock:
            table = self._table(database, name)
            return [dict(partition.as_dict()) for partition in table.partitions.values()]

    def create_partition(self, database: str, name: str, partition: dict[str, Any]) -> None:
        """Registers a partition of a Glue ``PartitionInput``.

        Raises:
            ApiError: ``AlreadyExistsException``.
        """
        with self._lock:
            table = self._table(database, name)
            if str(partition["Values"]) in table.partitions:
                raise ApiError("AlreadyExistsException", "Partition already exists.")
            table.create_partition(partition)
            given = {"DatabaseName": database.lower(), "TableName": name.lower(), "PartitionInput": partition}
            self._note("AWSGlue.CreatePartition", given)

    def delete_partition(self, database: str, name: str, values: list[str]) -> None:
        """Forgets a partition; its objects stay."""
        with self._lock:
            table = self._table(database, name)
            if str(values) not in table.partitions:
                raise ApiError("EntityNotFoundException", "Cannot find partition.")
            table.delete_partition(values)
            given = {"DatabaseName": database.lower(), "TableName": name.lower(), "PartitionValues": values}
            self._note("AWSGlue.DeletePartition", given)

    def create_database(self, name: str) -> None:
        """Makes an empty database.

        Raises:
            ApiError: ``AlreadyExistsException``.
        """
        with self._lock:
            if name.lower() in self._backend.databases:
                raise ApiError("AlreadyExistsException", f"Database {name} already exists")
            self._backend.create_database(name.lower(), {"Name": name.lower()})
            self._note("AWSGlue.CreateDatabase", {"DatabaseInput": {"Name": name.lower()}})

    def delete_database(self, name: str) -> None:
        with self._lock:
            self._backend.delete_database(self._database(name).name)
            self._note("AWSGlue.DeleteDatabase", {"Name": name.lower()})

    def create_table(self, database: str, table: dict[str, Any]) -> None:
        """Makes a table of a Glue ``TableInput``.

        Raises:
            ApiError: ``AlreadyExistsException``.
        """
        name = str(table["Name"]).lower()
        with self._lock:
            found = self._database(database)
            if name in found.tables:
                raise ApiError("AlreadyExistsException", f"Table {name} already exists in database {database}")
            given = {**table, "Name": name}
            self._backend.create_table(found.name, name, given)
            self._note("AWSGlue.CreateTable", {"DatabaseName": found.name, "TableInput": given})

    def update_table(self, database: str, table: dict[str, Any]) -> None:
        """Replaces a table's definition by a Glue ``TableInput``."""
        with self._lock:
            self._table(database, str(table["Name"]))
            name = str(table["Name"]).lower()
            given = {**table, "Name": name}
            self._backend.update_table(self._database(database).name, name, given)
            self._note("AWSGlue.UpdateTable", {"DatabaseName": database.lower(), "TableInput": given})

    def delete_table(self, database: str, name: str) -> None:
        with self._lock:
            self._table(database, name)
            self._backend.delete_table(self._database(database).name, name.lower())
            self._note("AWSGlue.DeleteTable", {"DatabaseName": database.lower(), "Name": name.lower()})

    def _table(self, database: str, name: str) -> Any:
        table = self._database(database).tables.get(name.lower())
        if table is None:
            raise ApiError("EntityNotFoundException", f"Table {name} not found in database {database}")
        return table

    def _database(self, name: str) -> Any:
        database = self._backend.databases.get(name.lower())
        if database is None:
            raise ApiError("EntityNotFoundException", f"Database {name} not found")
        return database
