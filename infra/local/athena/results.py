"""Results in S3: ``<id>.csv`` as Athena writes it, and the pages of GetQueryResults."""

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from infra.local.athena.files import ObjectStore
from infra.local.athena.tables import split_location
from infra.local.errors import ApiError

MAX_PAGE: Final = 1000
_KEPT_ROWS: Final = 300_000
_FIELD: Final = re.compile(r'(?:"((?:[^"]|"")*)"|([^,"\n]*))(,|\n|\Z)')

Row = Sequence[str | None]


def to_csv(names: Sequence[str], rows: Sequence[Row]) -> bytes:
    r"""Athena's CSV: every field quoted, NULL nothing at all.

    >>> to_csv(["a", "b"], [["x", None]])
    b'"a","b"\n"x",\n'
    """
    lines = [",".join(_quoted(name) for name in names)]
    lines += [",".join("" if field is None else _quoted(field) for field in row) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def from_csv(data: bytes) -> list[list[str | None]]:
    r"""The rows of such a CSV, the header first; NULL and the empty text are told apart.

    >>> from_csv(to_csv(["a", "b"], [["x", None], ["", "y"]]))
    [['a', 'b'], ['x', None], ['', 'y']]
    """
    text, rows, row, position = data.decode("utf-8", "surrogatepass"), [], [], 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise ValueError("the result is not Athena's CSV")
        row.append(None if match[1] is None else match[1].replace('""', '"'))
        position = match.end()
        if match[3] != ",":
            rows.append(row)
            row = []
    return rows


class ResultStore:
    """Writes results and reads them again, page by page.

    Args:
        objects: S3.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._recent: OrderedDict[str, list[Row]] = OrderedDict()
        self._lock = Lock()

    def write(self, location: str, columns: list[dict[str, Any]], rows: list[Row], *, plain: bool) -> None:
        """Stores a result and its metadata.

        Args:
            location: ``s3://bucket/key`` of the result.
            columns: as ``ResultSetMetadata`` lists them.
            rows: texts.
            plain: lines of text without a header, as DDL gives them.

        Raises:
            ApiError: the bucket is not there.
        """
        bucket, key = _split(location)
        if plain:
            body = "".join("\t".join(field or "" for field in row) + "\n" for row in rows).encode()
        else:
            body = to_csv([column["Name"] for column in columns], rows)
        self._objects.put(bucket, key, body, content_type="text/plain" if plain else "application/octet-stream")
        metadata = json.dumps({"columns": columns}).encode()
        self._objects.put(bucket, f"{key}.metadata", metadata, content_type="application/octet-stream")
        with self._lock:
            self._recent[location] = rows
            while sum(len(kept) for kept in self._recent.values()) > _KEPT_ROWS and len(self._recent) > 1:
                self._recent.popitem(last=False)

    def page(self, location: str, *, plain: bool, header: list[str], start: int, size: int) -> tuple[list[Row], bool]:
        """Rows of a result from a place on, and whether more follow; the header is row 0 unless the result is plain.

        Raises:
            ApiError: the result is gone from S3.
        """
        rows = self._rows(location, plain=plain)
        with_header = rows if plain else [header, *rows] if start == 0 else rows
        begin = start if plain or start == 0 else start - 1
        page = with_header[begin : begin + size]
        total = len(rows) if plain else len(rows) + 1
        return list(page), start + size < total

    def _rows(self, location: str, *, plain: bool) -> list[Row]:
        with self._lock:
            if location in self._recent:
                return self._recent[location]
        bucket, key = _split(location)
        try:
            data = self._objects.get(bucket, key)
        except ApiError as error:
            raise ApiError("InvalidRequestException", f"Could not find results at {location}") from error
        rows: list[Row] = [[line] for line in data.decode().splitlines()] if plain else list(from_csv(data)[1:])
        with self._lock:
            self._recent[location] = rows
        return rows


def _split(location: str) -> tuple[str, str]:
    bucket, prefix = split_location(location)
    return bucket, prefix.rstrip("/")
