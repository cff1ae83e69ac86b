"""Tables whose objects are plain text, each line a row: the raw archive is one."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.files import ObjectFile, ObjectFiles
from infra.local.athena.plan import Scan
from infra.local.athena.scan import looked_up
from infra.local.athena.serdes import TextFormat
from infra.local.athena.session import Session
from infra.local.athena.tables import Partition

_OTHER_CODECS: Final = (".bz2", ".zst", ".lzo", ".snappy", ".lz4", ".deflate")


@dataclass(frozen=True, slots=True)
class Pieces:
    """How much is held at once.

    Args:
        read_bytes: of an object, packed and unpacked.
        batch_rows: a batch for DuckDB ends with the line that reaches this number, or ``batch_bytes``.
        batch_bytes: of the batch's lines.
    """

    read_bytes: int = 1 << 20
    batch_rows: int = 10_000
    batch_bytes: int = 8 << 20


def make_lines_view(
    scan: Scan,
    form: TextFormat,
    partitions: Sequence[Partition],
    found: Sequence[tuple[int, ObjectFile]],
    files: ObjectFiles,
    session: Session,
    pieces: Pieces,
) -> None:
    """Makes the relation of a scan over text objects in the session.

    Args:
        form: how a line becomes columns.
        partitions: the needed ones.
        found: the objects, each with its partition's number.
        pieces: how much of them is held at once.

    Raises:
        QueryError: an object is packed in a way that is not read.
    """
    for _, file in found:
        if file.key.endswith(_OTHER_CODECS):
            raise refused(f"the text object {file.path}", advice="plain text, or .gz")
    source = f"{scan.relation}_lines"
    session.connection.register(source, _Lines([file for _, file in found], files, form, session, pieces))
    width = len(form.columns)
    items = [f"{form.value(index, f't{index}')} AS c{index}" for index in range(width)]
    for position, (_, kind) in enumerate(scan.table.partitions):
        values = [partitions[part].values[position] for part, _ in found]
        items.append(f"{looked_up(values, kind)} AS c{width + position}")
    items.append(f"{looked_up([file.path for _, file in found], None)} AS path")
    session.run(f"CREATE OR REPLACE TEMP VIEW {scan.relation} AS SELECT {', '.join(items)} FROM {source}")


class _Lines:
    """The lines of all objects, read anew each time DuckDB asks for them, and never held whole."""

    def __init__(
        self,
        objects: Sequence[ObjectFile],
        files: ObjectFiles,
        form: TextFormat,
        session: Session,
        pieces: Pieces,
    ) -> None:
        self._pieces = pieces
        self._session = session
        self._objects = objects
        self._files = files
        self._form = form
        texts = [(f"t{index}", pa.string()) for index in range(len(form.columns))]
        self._schema = pa.schema([*texts, ("__f", pa.int64())])

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.RecordBatchReader.from_batches(self._schema, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[Any]:
        for number, file in enumerate(self._objects):
            batch: list[list[str | None]] = []
            size = 0
            for place, line in enumerate(_lines(self._chunks(file))):
                if place < self._form.skipped:
                    continue
                batch.append(self._values(line))
                size += len(line)
                if len(batch) >= self._pieces.batch_rows or size >= self._pieces.batch_bytes:
                    yield self._batch(batch, number)
                    batch, size = [], 0
            if batch:
                yield self._batch(batch, number)

    def _batch(self, rows: list[list[str | None]], number: int) -> Any:
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return pa.record_batch([*columns, pa.array([number] * len(rows), pa.int64())], schema=self._schema)

    def _values(self, line: bytes) -> list[str | None]:
        try:
            return self._form.split(line.decode("utf-8", "replace"))
        except QueryError as failure:
            self._session.refusals.append(failure)
            raise

    def _chunks(self, file: ObjectFile) -> Iterator[bytes]:
        most = self._pieces.read_bytes
        chunks = self._files.chunks(file, most)
        try:
            yield from _unpacked(chunks, most) if file.key.endswith(".gz") else chunks
        except (zlib.error, OSError) as error:
            failure = QueryError("HIVE_CURSOR_ERROR", f"Failed to read text file: {file.path}")
            # DuckDB keeps an error's text and not the error.
            self._session.refusals.append(failure)
            raise failure from error


def _unpacked(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The content of a gzip file, which may have several members, in pieces of so many bytes at most."""
    member = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            # A few packed bytes may be gigabytes: only a piece of them is unpacked at a time.
            yield member.decompress(data, most)
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
