"""Where rows come from: a file, an object or standard input, packed or not, in any of the formats; in bounded memory.

Several files are a source, too: :mod:`glue.readers.folder` and :mod:`producers.aws.prefix` give one after the other.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, Self, cast

from glue.readers.beginning import at_least, with_line_feeds
from glue.readers.chat import read_chat
from glue.readers.delimited import read_delimited
from glue.readers.documents import is_document, read_documents
from glue.readers.encoding import LONGEST_TEXT_MARK, checked_encoding, in_utf8
from glue.readers.formats import FORMATS, PACKED_SUFFIXES, SUFFIXES, Format, Reading, form_by_content
from glue.readers.json_lines import read_json_lines, read_server_sent
from glue.readers.packing import peek, unpacked
from glue.readers.rejection import Rejection
from glue.readers.rows import Row, SourceError
from glue.units import KIB, MIB

_CHUNK = 256 * KIB
_HEAD = 64 * KIB
_MOST_OF_A_BEGINNING = 2 * MIB
_CUT_OFF = Rejection("cut_off", "the source broke off within this row; what was there of it is kept")
_UNITS: dict[Format, str] = {"parquet": "row", "json": "item"}


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
        reading: what it holds and how it is read. What is not said goes by the name (``.jsonl``, ``.ndjson``,
            ``.json``, ``.csv``, ``.tsv``, ``.parquet``, also with ``.gz``, ``.bz2``, ``.xz``, ``.zst`` behind it), and
            for standard input by its first bytes.
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
        reading: Reading | None = None,
        stdin: BinaryIO | None = None,
        opened: Callable[[], Iterator[bytes]] | None = None,
        name: str | None = None,
    ) -> None:
        self.path = path
        self.reading = reading or Reading()
        self.is_stdin = path == "-" and opened is None
        self.name = name or ("stdin" if self.is_stdin else Path(path).name)
        self._opened = opened
        self._input = stdin
        self._spooled: BinaryIO | None = None
        self._live: Iterator[bytes] | None = None
        if self.is_stdin:
            self._input = stdin if stdin is not None else sys.stdin.buffer
            self._live = _chunks(self._input)
        elif opened is None:
            _require_file(path)
        self.format: Format = self._format()
        if self.reading.items is not None and self.format not in ("json", "jsonl"):
            raise SourceError(f"--items is for JSON documents, and {path} is read as {self.format}; leave it out")
        if self.format == "parquet" and self.is_stdin:
            self.spool()

    @property
    def unit(self) -> str:
        """What a row's number counts."""
        return _UNITS.get(self.format, "line")

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
        try:
            for chunk in self._plain_chunks():
                spooled.write(chunk)
        except BaseException:
            spooled.close()
            raise
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
            SourceError: it cannot be read, or not any further. What had been read of an unfinished row comes before it
                as a rejected row, so that none is lost without a word.
        """
        try:
            yield from self._rows()
        except SourceError as broken:
            if broken.rest is not None:
                yield Row(broken.rest[0], {}, broken.rest[1], _CUT_OFF, is_cut=True)
            raise

    def _rows(self) -> Iterator[Row]:
        if self.format == "parquet":
            from glue.readers.parquet import read_parquet

            if self._opened is not None:
                # Parquet is read from its end.
                self._keep()
            return read_parquet(self._spooled or self.path, leave_out=self.reading.leave_out)
        chunks = self.chunks()
        if self.format == "sse":
            return read_server_sent(chunks)
        if self.format == "json" or self.reading.items is not None:
            return read_documents(chunks, path=self.reading.path)
        chunks = with_line_feeds(chunks)
        if self.format == "chat":
            return read_chat(chunks, name=self.name)
        if self.format in ("csv", "tsv"):
            return read_delimited(chunks, delimiter=self.reading.separator or ("\t" if self.format == "tsv" else None))
        head, chunks = at_least(chunks, 1)
        if is_document(head[:_HEAD]):
            # From here on rows are counted as items.
            self.format = "json"
            return read_documents(chunks)
        return read_json_lines(chunks)

    def chunks(self) -> Iterator[bytes]:
        """The content, unpacked and in UTF-8.

        Raises:
            SourceError: it is damaged, or something that cannot be read.
        """
        return self._text(self._plain_chunks())

    def _text(self, plain: Iterator[bytes]) -> Iterator[bytes]:
        head, chunks = at_least(unpacked(plain), LONGEST_TEXT_MARK)
        encoding = self.reading.encoding
        return in_utf8(chunks, head, checked_encoding(encoding) if encoding is not None else None)

    def _plain_chunks(self) -> Iterator[bytes]:
        if self._spooled is not None:
            self._spooled.seek(0)
            return _chunks(self._spooled)
        if self._opened is not None:
            return self._opened()
        if self._live is not None:
            return self._live
        return self._file_chunks()

    def _file_chunks(self) -> Iterator[bytes]:
        try:
            with open(self.path, "rb") as file:
                yield from _chunks(file)
        except OSError as error:
            raise SourceError(f"{self.path}: {error.strerror}; give a file that can be read") from None

    def _format(self) -> Format:
        if not self.is_stdin:
            form = self.reading.form_of(self.path)
            if form is None:
                raise SourceError(
                    f"{self.path}: its name does not say what it holds; allowed: {', '.join(SUFFIXES)} (packed also "
                    f"with {', '.join(PACKED_SUFFIXES)} behind it), or say --format {'|'.join(FORMATS)}"
                )
            return form
        if self.reading.form is not None:
            return self.reading.form
        # A beginning is enough, and more is not waited for: someone may be typing.
        head, self._live = peek(cast(Iterator[bytes], self._live))
        if head.startswith(b"PAR1"):
            return "parquet"
        wanted = len(head)
        while not (text := self._beginning(head)) and head and wanted <= _MOST_OF_A_BEGINNING:
            # Packed data may need more of it before the first byte comes out.
            wanted *= 2
            longer, self._live = at_least(self._live, wanted)
            if len(longer) == len(head):
                break
            head = longer
        found = form_by_content(text, fallback=self.reading.fallback)
        if found is None:
            raise SourceError("standard input is not JSON; say --format csv, tsv, json, chat or parquet")
        return found

    def _beginning(self, head: bytes) -> bytes:
        """As much of the text as its first bytes give; what is broken in them is said when they are read."""
        try:
            return next(self._text(iter([head])), b"")
        except SourceError:
            return b""


def _require_file(path: str) -> None:
    if not Path(path).exists():
        raise SourceError(f"{path}: no such file; give a file, a folder, s3://bucket/prefix, or - for standard input")
    if Path(path).is_dir():
        raise SourceError(f"{path}: a folder; give one file")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    # read1 gives what is there and does not wait for more.
    read1 = getattr(file, "read1", file.read)
    while chunk := bytes(read1(_CHUNK)):
        yield chunk
