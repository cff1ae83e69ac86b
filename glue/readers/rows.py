"""Rows out of bytes: JSON lines and CSV, one at a time, whatever is wrong with one of them."""

import csv
from collections.abc import Iterable, Iterator

import msgspec

from glue.readers.rejection import Rejection
from glue.units import KIB, MIB

MAX_LINE_BYTES = 2 * MIB
"""The longest line that is read whole: no event can be that long."""

KEPT_OF_LONG_LINE = 64 * KIB
MAX_CELL = 128 * KIB

_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class SourceError(ValueError):
    """A source that cannot be read at all, or not any further: what, and what to do."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row: where it starts (line or row number, from 1), its cells by column, its bytes, or why it has no cells."""

    number: int
    cells: dict[str, object]
    raw: bytes
    problem: Rejection | None = None
    is_cut: bool = False


def lines(chunks: Iterable[bytes], *, max_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[bytes, int]]:
    r"""Each line with its line feed, and its length in bytes; of one over ``max_bytes`` only the beginning is kept.

    >>> list(lines([b"one\ntw", b"o\nthree"]))
    [(b'one\n', 4), (b'two\n', 4), (b'three', 5)]
    """
    tail = b""
    skipped = 0
    for chunk in chunks:
        parts = (tail + chunk).split(b"\n")
        tail = parts.pop()
        for part in parts:
            size = len(part) + skipped + 1
            yield (part[:KEPT_OF_LONG_LINE] if size > max_bytes else part + b"\n"), size
            skipped = 0
        if len(tail) + skipped > max_bytes:
            skipped += len(tail) - KEPT_OF_LONG_LINE if len(tail) > KEPT_OF_LONG_LINE else 0
            tail = tail[:KEPT_OF_LONG_LINE]
    if tail:
        yield tail, len(tail) + skipped


def read_json_lines(chunks: Iterable[bytes]) -> Iterator[Row]:
    """A row for each line that is not blank; values stay as they were written."""
    for number, (line, size) in enumerate(lines(chunks), start=1):
        if number == 1 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        raw = line.rstrip(b"\r\n")
        if size > MAX_LINE_BYTES:
            yield Row(number, {}, raw, _too_long(size), is_cut=True)
            continue
        if not raw.strip():
            continue
        try:
            if not raw.isascii():
                raw.decode()
            cells = _object_decoder.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            yield Row(number, {}, raw, _not_an_object(raw, error))
        else:
            yield Row(number, cells, raw)  # type: ignore[arg-type]


def read_server_sent(chunks: Iterable[bytes]) -> Iterator[Row]:
    r"""A row for each event of a server-sent stream as ``curl`` saves it: the JSON behind ``data:``.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html

    >>> [row.raw for row in read_server_sent([b'event: message\ndata: {"a":1}\n\n'])]
    [b' {"a":1}']
    """
    for number, (line, size) in enumerate(lines(chunks), start=1):
        if not line.startswith(b"data:"):
            # Comments, names and ids of events, and the blank lines between them.
            continue
        if size > MAX_LINE_BYTES:
            yield Row(number, {}, line, _too_long(size), is_cut=True)
            continue
        for row in read_json_lines([line[5:]]):
            yield Row(number, row.cells, row.raw, row.problem)


def _too_long(size: int) -> Rejection:
    return Rejection("size", f"a line of {size} bytes; allowed: at most {MAX_LINE_BYTES}")


def _not_an_object(raw: bytes, error: Exception) -> Rejection:
    try:
        raw.decode()
    except UnicodeDecodeError as broken:
        return Rejection("encoding", f"not UTF-8 at byte {broken.start} of the line; allowed: UTF-8")
    if isinstance(error, msgspec.ValidationError):
        return Rejection("not_object", "the line is JSON but not an object; allowed: one object a line")
    return Rejection(
        "json", f"not one JSON document: {error}" if isinstance(error, msgspec.DecodeError) else "not JSON"
    )


def read_csv(chunks: Iterable[bytes], *, delimiter: str = ",") -> Iterator[Row]:
    """A row for each record below the header; an empty cell is no cell.

    RFC 4180 quoting, with line breaks inside quotes; UTF-8, a byte order mark at the start is read over.

    Raises:
        SourceError: there is no header that names every column once.
    """
    taken: list[bytes] = []
    reader = csv.reader(_text_lines(chunks, taken), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        taken.clear()
        problem = None
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problem = Rejection("csv", f"{error}; allowed: quoting as in RFC 4180, cells of at most 128 KiB")
        raw = b"".join(taken).rstrip(b"\r\n")
        if header is None:
            header = _header(cells, problem)
            continue
        if problem is None and not cells:
            continue
        if problem is None and any(len(cell) > MAX_CELL for cell in cells):
            # The csv module's own limit belongs to the process: a library may have lifted it.
            problem = Rejection("csv", f"a cell of over {MAX_CELL} characters; allowed: at most {MAX_CELL}")
        if problem is None and len(cells) != len(header):
            problem = Rejection("ragged", f"{len(cells)} cells; allowed: {len(header)}, as the header has")
        if problem is None and any(
            "\ud800" <= letter <= "\udfff" for cell in cells if not cell.isascii() for letter in cell
        ):
            problem = Rejection("encoding", "not UTF-8; allowed: UTF-8")
        if problem is not None:
            cut = len(raw) > MAX_LINE_BYTES
            yield Row(number, {}, raw[:KEPT_OF_LONG_LINE] if cut else raw, problem, is_cut=cut)
            continue
        yield Row(number, {name: cell for name, cell in zip(header, cells, strict=True) if cell}, raw)
    if header is None:
        raise SourceError("no header; allowed: CSV whose first line names the columns")


def _text_lines(chunks: Iterable[bytes], taken: list[bytes]) -> Iterator[str]:
    first = True
    for line, _ in lines(chunks):
        taken.append(line)
        # Broken bytes become lone surrogates, so that only their own row is refused.
        yield line.decode("utf-8-sig" if first else "utf-8", "surrogateescape")
        first = False


def _header(cells: list[str], problem: Rejection | None) -> list[str]:
    if problem is not None or not cells or not all(cells):
        raise SourceError("the first line does not name every column; allowed: CSV with a header")
    twice = sorted({name for name in cells if cells.count(name) > 1})
    if twice:
        raise SourceError(f"the header names {', '.join(twice)} more than once; allowed: each column once")
    return cells
