"""The twin's objects on disk, so that they outlive it: real files, in folders named like bucket and key."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from infra.local.moto_backend import Beneath
from infra.local.stores import S3Store

_MAX_NAME = 200


class MirroredObject(msgspec.Struct, frozen=True):
    """One object's line in the index: where it is in S3, which file holds it, and what S3 says of it."""

    bucket: str
    key: str
    file: str
    etag: str
    content_type: str = "application/octet-stream"
    content_encoding: str | None = None


class Mirror:
    """Copies the twin's S3 to a folder and back.

    Each object becomes ``<folder>/s3/<bucket>/<key>``, so that a Parquet file can be opened with any tool; the index
    ``<folder>/objects.json`` says which file is which object. A file is written beside its place and moved there, and
    the index comes last: after a kill at any point the folder is what it was at the last ``save``, or newer.

    Args:
        folder: made when it is not there.
        beneath: whose S3 it is.

    Example::

        mirror = Mirror(Path(".streamkeeper"), beneath)
        mirror.load()   # after the buckets were made
        mirror.save()   # from time to time, and at the end
    """

    def __init__(self, folder: Path, beneath: Beneath) -> None:
        self._folder = folder
        self._beneath = beneath
        self._store = S3Store(beneath)
        self._saved: dict[tuple[str, str], MirroredObject] = {}

    @property
    def _index(self) -> Path:
        return self._folder / "objects.json"

    def load(self) -> int:
        """How many objects were brought back into buckets that exist; others stay on disk untouched.

        Raises:
            ValueError: the index is not readable; the message names it.
        """
        if not self._index.exists():
            return 0
        try:
            objects = msgspec.json.decode(self._index.read_bytes(), type=list[MirroredObject])
        except msgspec.MsgspecError as error:
            raise ValueError(f"{self._index} is not an index of objects ({error}); move the folder away") from None
        buckets = self._beneath.backend("s3").buckets
        for item in objects:
            if item.bucket in buckets:
                self._store.put(
                    item.bucket,
                    item.key,
                    (self._folder / item.file).read_bytes(),
                    content_type=item.content_type,
                    content_encoding=item.content_encoding,
                )
            self._saved[item.bucket, item.key] = item
        return len(objects)

    def save(self) -> int:
        """How many files were written or removed since the last time."""
        current = {(item.bucket, item.key): (item, body) for item, body in self._changed_and_kept()}
        changes = 0
        for place, (item, body) in current.items():
            if body is not None:
                self._saved[place] = self._write_object(item, body)
                changes += 1
        buckets = self._beneath.backend("s3").buckets
        gone = [place for place in self._saved if place not in current and place[0] in buckets]
        files = [self._saved.pop(place).file for place in gone]
        if changes or gone:
            _write(self._index, msgspec.json.encode([self._saved[place] for place in sorted(self._saved)]))
        for file in files:
            (self._folder / file).unlink(missing_ok=True)
        return changes + len(gone)

    def _write_object(self, item: MirroredObject, body: bytes) -> MirroredObject:
        try:
            _write(self._folder / item.file, body)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            # S3 may hold both `a` and `a/b`; a folder cannot.
            item = msgspec.structs.replace(item, file=f"s3/{item.bucket}/{_hashed(item.key)}")
            _write(self._folder / item.file, body)
        return item

    def _changed_and_kept(self) -> Iterator[tuple[MirroredObject, bytes | None]]:
        """Every object of S3; with its bytes when the copy on disk is not the same."""
        with self._beneath.lock("s3"):
            for bucket_name, bucket in self._beneath.backend("s3").buckets.items():
                for key, stored in bucket.keys.items():
                    if not hasattr(stored, "size"):  # a delete marker
                        continue
                    saved = self._saved.get((bucket_name, key))
                    etag = str(stored.etag).strip('"')
                    if saved is not None and saved.etag == etag:
                        yield saved, None
                    else:
                        yield _describe(bucket_name, key, etag, stored.metadata), bytes(stored.value)


def _describe(bucket: str, key: str, etag: str, metadata: Any) -> MirroredObject:
    content_type = metadata.get("Content-Type") or "application/octet-stream"
    return MirroredObject(
        bucket, key, f"s3/{bucket}/{_path(key)}", etag, content_type, metadata.get("Content-Encoding")
    )


def _path(key: str) -> str:
    """A key as a path that stays inside its bucket's folder; a key that no path can hold is named by its hash."""
    names = [quote(name, safe="=+-_.,@ ()") for name in key.split("/")]
    if all(name.strip(".") and len(name) <= _MAX_NAME for name in names) and len(names) < 32:
        return "/".join(names)
    return _hashed(key)


def _hashed(key: str) -> str:
    # A quoted key has no such beginning: its own % would be %25.
    return "%keys/" + hashlib.sha256(key.encode()).hexdigest()


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(body)
    os.replace(beside, path)
