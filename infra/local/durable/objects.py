"""The objects of S3 on disk: real files, in folders named like bucket and key, and an index in the store."""

import hashlib
import logging
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import msgspec

from infra.local.durable.store import Store, sync_file
from infra.local.moto_backend import MotoBackend

_logger = logging.getLogger(__name__)
_TREE: Final = "s3"
_INCOMING: Final = "incoming"
_MAX_NAME: Final = 200


class KeptObject(msgspec.Struct, frozen=True):
    """One object's line in the index: which file holds it, and what S3 says of it.

    ``incoming`` names the file that becomes ``file``: until it has, the content lies there.
    """

    file: str
    incoming: str
    md5: str
    etag: str
    modified_at: str
    storage_class: str
    metadata: dict[str, str]


class KeptObjects:
    """Keeps every change of S3's objects, and brings them back; of an object's versions the newest.

    An object becomes ``<folder>/s3/<bucket>/<key>``, so that a Parquet file can be opened with any tool. Its bytes are
    written and synced under a name of their own in ``<folder>/incoming``, then the index says that they are the object,
    then they are moved to their place: at any kill either the old object or the new one is whole.

    Args:
        store: of the runtime's folder.
        moto: whose S3 it is.
    """

    def __init__(self, store: Store, moto: MotoBackend) -> None:
        self._store = store
        self._folder = store.folder
        self._moto = moto
        self._files: dict[tuple[str, str], str] = {}
        self._whole: set[str] = set()
        # How many files lie at or below each path.
        self._taken: dict[str, int] = {}

    def load(self) -> list[str]:
        """Brings back the objects whose buckets exist, and keeps what changes from then on.

        Returns:
            What was left out, a line each: its file is missing, is not what was written, or lies outside the folder.
        """
        (self._folder / _INCOMING).mkdir(exist_ok=True)
        problems = []
        waiting = set()
        buckets = self._moto.backend("s3").buckets
        for bucket, key, document in self._store.rows("SELECT bucket, key, document FROM objects"):
            kept = msgspec.msgpack.decode(document, type=KeptObject)
            waiting.add(kept.incoming)
            if not _is_inside(kept.file):
                problems.append(f"s3://{bucket}/{key}: its file {kept.file[:200]!r} lies outside the folder")
                continue
            self._claim(bucket, key, kept.file)
            try:
                body = self._read(kept)
            except OSError as error:
                problems.append(f"s3://{bucket}/{key}: {kept.file} cannot be read ({error.strerror or error})")
                continue
            if _md5(body) != kept.md5:
                problems.append(f"s3://{bucket}/{key}: {kept.file} is not what was written")
            elif bucket in buckets:
                self._put(bucket, key, body, kept)
        for path in (self._folder / _INCOMING).iterdir():
            if path.name not in waiting:
                path.unlink(missing_ok=True)
        self._moto.watch_objects(self._changed)
        return problems

    def _put(self, bucket: str, key: str, body: bytes, kept: KeptObject) -> None:
        stored = self._moto.backend("s3").put_object(
            bucket, key, body, storage=kept.storage_class, etag=kept.etag, disable_notification=True
        )
        stored.set_metadata(dict(kept.metadata))
        stored.last_modified = datetime.fromisoformat(kept.modified_at)

    def _read(self, kept: KeptObject) -> bytes:
        incoming = self._folder / _INCOMING / kept.incoming
        if incoming.is_file() and not incoming.is_symlink():
            body = incoming.read_bytes()
            self._move(kept)
            return body
        path = self._folder / kept.file
        _require_no_link(path)
        return path.read_bytes()

    def _changed(self, touched: Iterable[tuple[str, str, Any]]) -> None:
        """Takes what S3 holds now under the keys that were touched; None for what is gone."""
        for bucket, key, stored in touched:
            if stored is None:
                self._forget(bucket, key)
            else:
                self._keep(bucket, key, stored)

    def _keep(self, bucket: str, key: str, stored: Any) -> None:
        body = bytes(stored.value)
        file = self._files.get((bucket, key)) or self._place(bucket, key)
        self._claim(bucket, key, file)
        kept = KeptObject(
            file=file,
            incoming=uuid4().hex,
            md5=_md5(body),
            etag=str(stored.etag).strip('"'),
            modified_at=stored.last_modified.isoformat(),
            storage_class=str(stored.storage_class or "STANDARD"),
            metadata={str(name): str(value) for name, value in (stored.metadata or {}).items()},
        )
        self._store.add(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)",
            (bucket, key, msgspec.msgpack.encode(kept)),
            before=lambda: self._write(kept.incoming, body),
            after=lambda: self._move(kept),
        )

    def _forget(self, bucket: str, key: str) -> None:
        file = self._files.pop((bucket, key), None)
        if file is None:
            return
        self._whole.discard(file)
        for name in _with_parents(file):
            self._taken[name] -= 1
        path = self._folder / file
        self._store.add("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key), after=lambda: _remove(path))

    def _write(self, name: str, body: bytes) -> None:
        path = self._folder / _INCOMING / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(descriptor)
        sync_file(path.parent)

    def _move(self, kept: KeptObject) -> None:
        path = self._folder / kept.file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _require_no_link(path.parent)
            os.replace(self._folder / _INCOMING / kept.incoming, path)
        except OSError as error:
            # Nothing is lost: the content stays where it is, and the index says so.
            _logger.warning("%s: %s; its content stays in %s", kept.file, error.strerror or error, _INCOMING)

    def _place(self, bucket: str, key: str) -> str:
        file = f"{_TREE}/{bucket}/{_path(key)}"
        above = _with_parents(file)[1:]
        # S3 may hold both `a` and `a/b`; a folder cannot.
        if self._taken.get(file) or any(name in self._whole for name in above):
            return f"{_TREE}/{bucket}/{_hashed(key)}"
        return file

    def _claim(self, bucket: str, key: str, file: str) -> None:
        if (bucket, key) not in self._files:
            self._files[bucket, key] = file
            self._whole.add(file)
            for name in _with_parents(file):
                self._taken[name] = self._taken.get(name, 0) + 1


def _require_no_link(path: Path) -> None:
    if os.path.realpath(path) != str(path):
        raise OSError("a symbolic link is not followed")


def _is_inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and path.parts[:1] == (_TREE,) and len(path.parts) > 2


def _with_parents(file: str) -> list[str]:
    path = PurePosixPath(file)
    return [str(path), *(str(parent) for parent in path.parents if len(parent.parts) > 2)]


def _path(key: str) -> str:
    """A key as a path that stays inside its bucket's folder; a key that no path can hold is named by its hash."""
    names = [quote(name, safe="=+-_.,@ ()") for name in key.split("/")]
    if all(name.strip(".") and len(name) <= _MAX_NAME for name in names) and len(names) < 32:
        return "/".join(names)
    return _hashed(key)


def _hashed(key: str) -> str:
    # A quoted key has no such beginning: its own % would be %25.
    return "%keys/" + hashlib.sha256(key.encode()).hexdigest()


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _remove(path: Path) -> None:
    try:
        if os.path.realpath(path.parent) == str(path.parent):
            path.unlink(missing_ok=True)
    except OSError as error:
        _logger.warning("%s cannot be removed: %s", path, error.strerror)
