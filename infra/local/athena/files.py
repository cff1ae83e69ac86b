"""The objects that one query reads, as files for DuckDB, and how many bytes of them it read."""

import bisect
import io
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from fsspec import AbstractFileSystem  # type: ignore[import-untyped, unused-ignore]

from infra.local.athena.errors import QueryError

SCHEME: Final = "sk"


class ObjectInfo(Protocol):
    """What a listing says of one object; ``size`` in bytes."""

    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...


class ObjectStore(Protocol):
    """S3 as queries use it."""

    def put(self, bucket: str, key: str, body: bytes, *, content_type: str = ...) -> object: ...
    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes: ...
    def list(self, bucket: str, prefix: str = "") -> Sequence[ObjectInfo]: ...
    def delete(self, bucket: str, key: str) -> None: ...


class Meter:
    """The bytes a query has read, each byte of an object once.

    Args:
        limit: bytes after which the query ends, None for no limit.

    >>> meter = Meter()
    >>> meter.read("a", 0, 10); meter.read("a", 5, 10); meter.read("b", 0, 1); meter.total
    16
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.total = 0
        self.cancelled = False
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        self._lock = threading.Lock()

    def read(self, name: str, start: int, length: int) -> None:
        """Counts a range of one object.

        Raises:
            QueryError: the query was stopped, or has read as much as it may.
        """
        if self.cancelled:
            raise QueryError("USER_CANCELED", "Query was canceled")
        with self._lock:
            ranges = self._ranges.setdefault(name, [])
            end = start + length
            first = bisect.bisect_left(ranges, start, key=lambda pair: pair[1])
            last = first
            while last < len(ranges) and ranges[last][0] <= end:
                last += 1
            old = ranges[first:last]
            merged = (min([start, *(a for a, _ in old)]), max([end, *(b for _, b in old)]))
            ranges[first:last] = [merged]
            self.total += (merged[1] - merged[0]) - sum(b - a for a, b in old)
            if self.limit is not None and self.total > self.limit:
                raise QueryError("EXCEEDED_SCAN_LIMIT", "Bytes scanned limit was exceeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFile:
    """One object that a query reads."""

    bucket: str
    key: str
    size: int
    etag: str

    @property
    def path(self) -> str:
        """What ``"$path"`` says."""
        return f"s3://{self.bucket}/{self.key}"


class _Sought(threading.local):
    """Where a thread reads next, once it has sought there."""

    at: int | None = None


class _Reader(io.RawIOBase):
    """An open object for code that seeks before every read, as DuckDB and pyarrow do.

    DuckDB gives one open file to several of its threads. A position that they shared would be another thread's by
    the time of the read, and one that a thread kept would be stale when another thread goes on for it. So a seek is
    good for one read of its own thread, and a read without one is refused. What is read in order uses
    ``ObjectFiles.chunks``.
    """

    def __init__(self, files: "ObjectFiles", file: ObjectFile) -> None:
        super().__init__()
        self._files = files
        self._file = file
        self._sought = _Sought()
        self.size = file.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        # Also asked by those who look for the size: they seek to the end and back.
        return self._sought.at or 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._position()
        elif whence == io.SEEK_END:
            offset += self.size
        self._sought.at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        start = self._position()
        self._sought.at = None
        left = max(0, self.size - start)
        return self._files.read(self._file, start, left if size is None or size < 0 else min(size, left))

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _position(self) -> int:
        if self._sought.at is None:
            raise OSError("an object is read from where the same thread has just sought: seek first")
        return self._sought.at


class ObjectFiles(AbstractFileSystem):  # type: ignore[misc, unused-ignore]
    """The file system that DuckDB is given: only the chosen objects, only to read. Made by ``open_objects``."""

    protocol = SCHEME
    cachable = False
    _store: ObjectStore
    _meter: Meter
    _files: dict[str, ObjectFile]

    def add(self, file: ObjectFile, number: int) -> str:
        """The path under which DuckDB opens an object; ``__f`` in it is ``number``."""
        path = f"{SCHEME}://{len(self._files)}/__f={number}/object.parquet"
        self._files[path] = file
        return path

    def reader(self, file: ObjectFile) -> io.RawIOBase:
        """An open object, its reads counted like DuckDB's. Each read needs a seek of the same thread before it."""
        return _Reader(self, file)

    def chunks(self, file: ObjectFile, size: int) -> Iterator[bytes]:
        """An object from its first byte to its last, in pieces of ``size`` bytes; the last may be shorter.

        The position is the iterator's own: whichever thread asks for the next piece gets the next piece.

        Raises:
            OSError: the object has become shorter.
        """
        for start in range(0, file.size, size):
            yield self.read(file, start, min(size, file.size - start))

    def read(self, file: ObjectFile, start: int, length: int) -> bytes:
        """``length`` bytes of an object from ``start`` on, which lie inside it; counted.

        Raises:
            QueryError: the query was stopped, or has read as much as it may.
            OSError: the object has become shorter.
        """
        if not length:
            return b""
        self._meter.read(file.path, start, length)
        data = self._store.get(file.bucket, file.key, start=start, length=length)
        while len(data) < length:
            more = self._store.get(file.bucket, file.key, start=start + len(data), length=length - len(data))
            if not more:
                raise OSError(f"{file.path} ends at byte {start + len(data)}; its listing says {file.size}")
            data += more
        return data

    def open(self, path: str, mode: str = "rb", **_: object) -> io.RawIOBase:
        if mode != "rb":
            raise PermissionError("objects are only read")
        return self.reader(self._find(path))

    def _find(self, path: str) -> ObjectFile:
        file = self._files.get(path if path.startswith(SCHEME) else f"{SCHEME}://{path}")
        if file is None:
            raise FileNotFoundError("the query has not chosen this object")
        return file

    def info(self, path: str, **_: object) -> dict[str, object]:
        return {"name": path, "size": self._find(path).size, "type": "file"}

    def glob(self, path: str, **_: object) -> list[str]:
        return [path] if self.exists(path) else []

    def exists(self, path: str, **_: object) -> bool:
        return path in self._files

    def isfile(self, path: str) -> bool:
        return path in self._files

    def modified(self, path: str) -> datetime:
        self._find(path)
        return datetime(2020, 1, 1, tzinfo=UTC)


def open_objects(store: ObjectStore, meter: Meter) -> ObjectFiles:
    """A file system over a store, with no object in it yet.

    Args:
        store: where the objects are.
        meter: counts what is read.
    """
    # Not arguments of the constructor: fsspec writes those out, a whole store, to make a name of them.
    files = ObjectFiles()
    files._store = store
    files._meter = meter
    files._files = {}
    return files
