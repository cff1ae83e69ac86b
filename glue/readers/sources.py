"""Where rows come from: a file, an object or standard input, plain or gzip, in any of the formats; in constant memory.

Several files are a source, too: :mod:`glue.readers.folder` and :mod:`producers.aws.prefix` give one after the other.
"""

import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, Self, cast, get_args

from glue.readers.chat import read_chat
from glue.readers.rows import Row, SourceError, read_csv, read_json_lines, read_server_sent
from glue.units import KIB, MIB

Format = Literal["jsonl", "csv", "tsv", "parquet", "sse", "chat"]
"""JSON lines, CSV, tab-separated values, Parquet, a server-sent stream of JSON, a plain-text chat log."""
FORMATS: tuple[Format, ...] = get_args(Format)

MAX_GZIP_RATIO = 200
"""Bytes out for each byte in. Text comes to 5 to 20, repeated log lines to 100, a bomb to 1,000."""
GZIP_RATIO_FROM = MIB
"""Bytes out before the ratio is judged: a short file of blanks is no bomb."""

_CHUNK = 256 * KIB
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


class Parts(Protocol):
    """One source, or several that are read one after the other."""

    @property
    def name(self) -> str: ...

    @property
    def is_several(self) -> bool:
        """Whether parts are told apart by their names, in ids and in messages."""
        ...

    @property
    def left_out(self) -> int:
        """How many files were not taken for a part, because nothing says what they hold."""
        ...

    def parts(self) -> Iterator["Source"]:
        """Each of them, in an order that is always the same."""
        ...

    def spool(self) -> None:
        """Makes sure that everything can be read twice."""
        ...

    def close(self) -> None:
        """Gives up what was kept for it."""
        ...


class Source:
    """A file, an object, or standard input (``-``), whose rows can be read.

    Args:
        path: a file's path, or ``-``; of what ``opened`` gives, its name.
        form: what it holds; None goes by the name (``.jsonl``, ``.ndjson``, ``.json``, ``.csv``, ``.tsv``,
            ``.parquet``, each also with ``.gz``), and for standard input by its first bytes.
        fallback: what it holds when neither says it.
        stdin: what ``-`` reads; the process's own unless given.
        opened: gives the bytes from the start, where that is no file here.
        name: what it is called in event ids; else the file's name without its folder, or ``stdin``.

    Raises:
        SourceError: there is no such file, or nothing says what it holds.
    """

    is_several = False
    left_out = 0

    def __init__(
        self,
        path: str,
        *,
        form: Format | None = None,
        fallback: Format | None = None,
        stdin: BinaryIO | None = None,
        opened: Callable[[], Iterator[bytes]] | None = None,
        name: str | None = None,
    ) -> None:
        self.path = path
        self.is_stdin = path == "-" and opened is None
        self.name = name or ("stdin" if self.is_stdin else Path(path).name)
        self._opened = opened
        self._fallback = fallback
        self._input = stdin
        self._spooled: BinaryIO | None = None
        self._head = b""
        if self.is_stdin:
            self._input = stdin if stdin is not None else sys.stdin.buffer
        elif opened is None:
            _require_file(path)
        self.format: Format = form or self._guessed()
        if self.format == "parquet" and self.is_stdin:
            self.spool()

    def parts(self) -> Iterator["Source"]:
        """Itself."""
        yield self

    def spool(self) -> None:
        """Keeps standard input in an unnamed temporary file, so that it can be read twice. It must come to an end."""
        if self.is_stdin:
            self._keep()

    def _keep(self) -> None:
        if self._spooled is not None:
            return
        spooled = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - it lives as long as the source
        for chunk in self._plain_chunks():
            spooled.write(chunk)
        self._spooled = spooled

    def close(self) -> None:
        """Gives up the temporary file, if there is one."""
        if self._spooled is not None:
            self._spooled.close()
            self._spooled = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(self) -> Iterator[Row]:
        """Every row from the start; standard input only once, unless it was spooled.

        Raises:
            SourceError: it cannot be read, or not any further.
        """
        if self.format == "parquet":
            from glue.readers.parquet import read_parquet

            if self._opened is not None:
                # Parquet is read from its end.
                self._keep()
            return read_parquet(self._spooled if self._spooled is not None else self.path)
        if self.format == "jsonl":
            return read_json_lines(self.chunks())
        if self.format == "sse":
            return read_server_sent(self.chunks())
        if self.format == "chat":
            return read_chat(self.chunks(), name=self.name)
        return read_csv(self.chunks(), delimiter="\t" if self.format == "tsv" else ",")

    def chunks(self) -> Iterator[bytes]:
        """The content, unpacked when it is gzip."""
        chunks = self._plain_chunks()
        first = next(chunks, b"")
        if first.startswith(b"\x1f\x8b"):
            yield from gunzip(_with_first(first, chunks))
        else:
            yield from _with_first(first, chunks)

    def _plain_chunks(self) -> Iterator[bytes]:
        if self._spooled is not None:
            self._spooled.seek(0)
            yield from _chunks(self._spooled)
            return
        if self._opened is not None:
            yield from self._opened()
            return
        if not self.is_stdin:
            try:
                with open(self.path, "rb") as file:
                    yield from _chunks(file)
            except OSError as error:
                raise SourceError(f"{self.path}: {error.strerror}; give a file that can be read") from None
            return
        head, self._head = self._head, b""
        if head:
            yield head
        if self._input is not None:
            yield from _chunks(self._input)

    def _guessed(self) -> Format:
        if not self.is_stdin:
            form = form_of(self.path) or self._fallback
            if form is None:
                raise SourceError(
                    f"{self.path}: its name does not say what it holds; "
                    f"allowed: {', '.join(_SUFFIXES)} (also with .gz), or say --format {'|'.join(FORMATS)}"
                )
            return form
        # read1 gives what is there and does not wait for more: someone may be typing.
        self._head = _read_some(cast(BinaryIO, self._input))
        if self._head.startswith(b"PAR1"):
            return "parquet"
        start = self._head
        if start.startswith(b"\x1f\x8b"):
            start = zlib.decompressobj(31).decompress(start, KIB)
        # A chat log may begin with a bracket, too; where something else is likely, only an object means JSON.
        marks = (b"{",) if self._fallback is not None else (b"{", b"[", b'"')
        if not start or start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(marks):
            return "jsonl"
        if self._fallback is not None:
            return self._fallback
        raise SourceError("standard input is not JSON lines; say --format csv, tsv or parquet")


def form_of(name: str) -> Format | None:
    """What a file of this name holds, None when the name does not say it.

    >>> form_of("a/posts.CSV.gz"), form_of("notes.txt")
    ('csv', None)
    """
    return _SUFFIXES.get(Path(name.removesuffix(".gz")).suffix.lower())


def _require_file(path: str) -> None:
    if not Path(path).exists():
        raise SourceError(f"{path}: no such file; give a file, a folder, s3://bucket/prefix, or - for standard input")
    if Path(path).is_dir():
        raise SourceError(f"{path}: a folder; give one file")


def _read_some(file: BinaryIO) -> bytes:
    read1 = getattr(file, "read1", file.read)
    return bytes(read1(_CHUNK))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := _read_some(file):
        yield chunk


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of gzip data, one or more members, a piece at a time.

    Raises:
        SourceError: the data is damaged or cut off, or grows so much that it is a bomb; it then stops before 10 MiB.
    """
    taken = made = 0
    unpacker = zlib.decompressobj(31)
    is_open = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:
                unpacker = zlib.decompressobj(31)
            is_open = True
            try:
                piece = unpacker.decompress(rest, MIB)
            except zlib.error:
                raise SourceError(
                    f"the gzip data is damaged after {made} unpacked bytes; rows up to there were read"
                ) from None
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            taken += len(rest) - len(left)
            made += len(piece)
            if made > GZIP_RATIO_FROM and made > taken * MAX_GZIP_RATIO:
                raise SourceError(
                    f"the gzip data unpacks to over {MAX_GZIP_RATIO} times its size ({taken} bytes gave {made}); it "
                    "was not read on. If it is no bomb, unpack it first"
                )
            if piece:
                yield piece
            # Padding with zeros behind the last member is usual on tapes and in some tools.
            rest = left.lstrip(b"\0") if unpacker.eof else left
            is_open = not unpacker.eof
    while is_open and not unpacker.eof and (piece := unpacker.decompress(unpacker.unconsumed_tail, MIB)):
        yield piece
    if is_open and not unpacker.eof:
        raise SourceError(f"the gzip data is cut off after {made} unpacked bytes; rows up to there were read")
