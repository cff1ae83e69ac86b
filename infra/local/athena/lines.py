"""Tables whose objects are plain text, each line a row of one text column: the raw archive is one.

Source: https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html (2026-11-20)
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.files import ObjectFile, ObjectFiles
from infra.local.athena.plan import Scan
from infra.local.athena.scan import looked_up
from infra.local.athena.session import Session
from infra.local.athena.tables import Partition

_SERDE: Final = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
READ_BYTES: Final = 1 << 20
"""How much of an object is held at once, packed and unpacked."""
BATCH_ROWS: Final = 10_000
BATCH_BYTES: Final = 8 << 20
"""A batch for DuckDB ends with the line that reaches either."""
_OTHER_CODECS: Final = (".bz2", ".zst", ".lzo", ".snappy", ".lz4", ".deflate")


def is_lines(table: dict[str, Any]) -> bool:
    """Whether a table is of text lines.

    Raises:
        QueryError: NOT_SUPPORTED when they would have to be taken apart.
    """
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    if str(serde.get("SerializationLibrary") or "") != _SERDE:
        return False
    columns = [(column.get("Type") or "string").lower() for column in storage.get("Columns") or ()]
    if columns != ["string"]:
        raise refused(f"the text table {table.get('Name')} of {len(columns)} columns", advice="one text column")
    known = {"serialization.format", "field.delim"}
    if unknown := sorted(set(serde.get("Parameters") or {}) - known):
        raise refused(f"{unknown[0]} of the text table {table.get('Name')}")
    return True


def delimiter_of(table: dict[str, Any]) -> str:
    """What ends a column in the lines of such a table."""
    parameters = table["StorageDescriptor"]["SerdeInfo"].get("Parameters") or {}
    return str(parameters.get("field.delim") or "\x01")


def make_lines_view(
    scan: Scan,
    delimiter: str,
    partitions: Sequence[Partition],
    found: Sequence[tuple[int, ObjectFile]],
    files: ObjectFiles,
    session: Session,
) -> None:
    """Makes the relation of a scan over text objects in the session.

    Args:
        delimiter: what ends the column inside a line; the rest of the line is no column's.
        partitions: the needed ones.
        found: the objects, each with its partition's number.

    Raises:
        QueryError: an object is packed in a way that is not read.
    """
    for _, file in found:
        if file.key.endswith(_OTHER_CODECS):
            raise refused(f"the text object {file.path}", advice="plain text, or .gz")
    source = f"{scan.relation}_lines"
    session.connection.register(source, _Lines([file for _, file in found], files, delimiter, session))
    items = ["line AS c0"]
    for position, (_, kind) in enumerate(scan.table.partitions):
        values = [partitions[part].values[position] for part, _ in found]
        items.append(f"{looked_up(values, kind)} AS c{1 + position}")
    items.append(f"{looked_up([file.path for _, file in found], None)} AS path")
    session.run(f"CREATE OR REPLACE TEMP VIEW {scan.relation} AS SELECT {', '.join(items)} FROM {source}")


class _Lines:
    """The lines of all objects, read anew each time DuckDB asks for them, and never held whole."""

    _schema = pa.schema([("line", pa.string()), ("__f", pa.int64())])

    def __init__(self, objects: Sequence[ObjectFile], files: ObjectFiles, delimiter: str, session: Session) -> None:
        self._session = session
        self._objects = objects
        self._files = files
        self._delimiter = delimiter.encode()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.RecordBatchReader.from_batches(self._schema, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[Any]:
        for number, file in enumerate(self._objects):
            batch: list[str | None] = []
            size = 0
            for line in _lines(self._chunks(file)):
                batch.append(self._value(line))
                size += len(line)
                if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                    yield self._batch(batch, number)
                    batch, size = [], 0
            if batch:
                yield self._batch(batch, number)

    def _batch(self, values: list[str | None], number: int) -> Any:
        return pa.record_batch([values, [number] * len(values)], schema=self._schema)

    def _value(self, line: bytes) -> str | None:
        value = line.partition(self._delimiter)[0]
        return None if value == rb"\N" else value.decode("utf-8", "replace")

    def _chunks(self, file: ObjectFile) -> Iterator[bytes]:
        chunks = self._files.chunks(file, READ_BYTES)
        try:
            yield from _unpacked(chunks) if file.key.endswith(".gz") else chunks
        except (zlib.error, OSError) as error:
            failure = QueryError("HIVE_CURSOR_ERROR", f"Failed to read text file: {file.path}")
            # DuckDB keeps an error's text and not the error.
            self._session.refusals.append(failure)
            raise failure from error


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file, which may have several members."""
    member = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            # A few packed bytes may be gigabytes: only a piece of them is unpacked at a time.
            yield member.decompress(data, READ_BYTES)
            data = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise zlib.error("the file ends inside a member")


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Lines, which end with LF, CR or both.

    >>> list(_lines(iter([b"a\r", b"\nb\rc", b"d\n\n"])))
    [b'a', b'b', b'cd', b'']
    """
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        if text.endswith(b"\r"):
            # Whether an LF follows is in the next chunk.
            head, rest = text[:-1], b"\r"
        else:
            head, rest = text, b""
        parts = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = parts.pop() + rest
        yield from parts
    if rest:
        yield rest.removesuffix(b"\r")
