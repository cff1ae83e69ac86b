"""Rows out of CSV and its kin: any delimiter, RFC 4180 quoting, one bad line at a time."""

import csv
from collections import Counter, deque
from collections.abc import Iterator

from glue.readers.beginning import at_least
from glue.readers.rejection import Rejection
from glue.readers.rows import KEPT_OF_LONG_LINE, MAX_CELL, MAX_LINE_BYTES, Row, SourceError, lines, too_long

DELIMITERS = (",", "\t", ";", "|")
_SAMPLE_LINES = 50
_EXCEL_HINT = b"sep="


def read_delimited(chunks: Iterator[bytes], *, delimiter: str | None = None) -> Iterator[Row]:
    r"""A row for each record below the header; an empty cell is no cell.

    Quoting as in RFC 4180, with line breaks inside quotes. A line that breaks its rules is rejected, and reading goes
    on with the next one: what a stray quote had taken in is read again. A column without a name goes by its place.

    Args:
        chunks: UTF-8, without a byte order mark.
        delimiter: what stands between cells; None goes by the first lines.

    Raises:
        SourceError: there is no header, or it names a column twice.

    >>> [row.cells for row in read_delimited(iter([b"text;user\nhi;ann\n"]))]
    [{'text': 'hi', 'user': 'ann'}]
    """
    head, chunks = at_least(chunks, 1)
    if head.startswith(_EXCEL_HINT) and head[5:6] in (b"\n", b"\r"):
        delimiter = delimiter or head[4:5].decode("latin-1")
    records = _Records(chunks, delimiter or sniffed(head))
    header: list[str] | None = None
    for number, raw, cells, problem in records:
        if header is None:
            if number == 1 and raw.startswith(_EXCEL_HINT) and len(raw.rstrip()) == 5:
                continue
            header = _header(cells, problem)
        elif problem is not None:
            yield _rejected(number, raw, problem)
        elif len(cells) != len(header):
            problem = Rejection("ragged", f"{len(cells)} cells; allowed: {len(header)}, as the header has")
            yield _rejected(number, raw, problem)
        else:
            yield Row(number, {name: cell for name, cell in zip(header, cells, strict=True) if cell}, raw)
    if header is None:
        raise records.broken or SourceError("no header; allowed: a first line that names the columns")
    if records.broken is not None:
        raise records.broken


def _rejected(number: int, raw: bytes, problem: Rejection) -> Row:
    is_cut = len(raw) > MAX_LINE_BYTES or problem.reason == "size"
    return Row(number, {}, raw[:KEPT_OF_LONG_LINE] if is_cut else raw, problem, is_cut=is_cut)


def sniffed(head: bytes) -> str:
    r"""The delimiter of data that begins like this: the one that cuts most lines into as many cells as the first.

    >>> sniffed(b"a|b\n1,5|2\n"), sniffed(b"text\none, two\n")
    ('|', ',')
    """
    text = head.decode("utf-8", "replace")
    sample = [line.rstrip("\r") for line in text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]]
    if len(sample) > 2:
        # The last one may go on.
        sample.pop()
    best, most = ",", (0.0, 1)
    for one in DELIMITERS:
        try:
            counts = [len(cells) for cells in csv.reader(sample, delimiter=one) if cells]
        except csv.Error:
            continue
        if not counts or counts[0] < 2:
            continue
        fit = (round(counts.count(counts[0]) / len(counts), 1), counts[0])
        if fit > most:
            best, most = one, fit
    return best


class _Records:
    """Records by number, bytes and cells, or what is wrong; after the last one ``broken`` says why the bytes ended."""

    def __init__(self, chunks: Iterator[bytes], delimiter: str) -> None:
        self.broken: SourceError | None = None
        self._lines = lines(chunks)
        self._delimiter = delimiter
        self._number = 0
        # Lines that a stray quote had taken in, to be read again.
        self._again: deque[tuple[int, bytes, int]] = deque()
        self._suspect_up_to = 0

    def __iter__(self) -> Iterator[tuple[int, bytes, list[str], Rejection | None]]:
        while (line := self._next()) is not None:
            number, raw, size = line
            if size > MAX_LINE_BYTES:
                yield number, raw, [], too_long(size)
                continue
            bare = raw.rstrip(b"\r\n")
            if not bare:
                continue
            if b'"' in bare or b"\r" in bare:
                yield self._quoted(number, raw)
                continue
            try:
                cells = bare.decode().split(self._delimiter)
            except UnicodeDecodeError:
                yield number, bare, [], _NOT_UTF_8
                continue
            yield number, bare, cells, _cell_problem(cells)

    def _next(self) -> tuple[int, bytes, int] | None:
        if self._again:
            return self._again.popleft()
        try:
            line, size = next(self._lines)
        except StopIteration:
            return None
        except SourceError as error:
            self.broken = error
            return None
        self._number += 1
        return self._number, line, size

    def _quoted(self, number: int, first: bytes) -> tuple[int, bytes, list[str], Rejection | None]:
        """The record that begins with this line and may go on over others."""
        taken: list[tuple[int, bytes, int]] = [(number, first, len(first))]
        length = len(first)

        def following() -> Iterator[str]:
            nonlocal length
            # Broken bytes become lone surrogates, so that only their own row is refused.
            yield first.decode("utf-8", "surrogateescape")
            while (line := self._next()) is not None:
                taken.append(line)
                length += line[2]
                if length > MAX_LINE_BYTES:
                    return
                yield line[1].decode("utf-8", "surrogateescape")

        problem: Rejection | None = None
        cells: list[str] = []
        try:
            cells = next(csv.reader(following(), delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            problem = Rejection("csv", f"{error}; allowed: quoting as in RFC 4180, cells of at most 128 KiB")
        if problem is None and number <= self._suspect_up_to and _has_bare_quote(taken, cells):
            # Behind a line that broke the rules this is more likely the end of its cell than a row of its own.
            problem = Rejection("csv", "a quote inside a cell, behind a line with a stray quote")
        if problem is not None:
            self._again.extendleft(reversed(taken[1:]))
            self._suspect_up_to = max(self._suspect_up_to, taken[-1][0])
            return number, first.rstrip(b"\r\n"), [], problem
        raw = b"".join(line for _, line, _ in taken).rstrip(b"\r\n")
        return number, raw, cells, _cell_problem(cells) or _surrogates(cells)


_NOT_UTF_8 = Rejection("encoding", "not UTF-8; allowed: UTF-8, or say --encoding")


def _cell_problem(cells: list[str]) -> Rejection | None:
    # The csv module's own limit belongs to the process: a library may have lifted it.
    if any(len(cell) > MAX_CELL for cell in cells):
        return Rejection("csv", f"a cell of over {MAX_CELL} characters; allowed: at most {MAX_CELL}")
    return None


def _surrogates(cells: list[str]) -> Rejection | None:
    broken = any("\ud800" <= letter <= "\udfff" for cell in cells if not cell.isascii() for letter in cell)
    return _NOT_UTF_8 if broken else None


def _has_bare_quote(taken: list[tuple[int, bytes, int]], cells: list[str]) -> bool:
    """Whether a quote stands in a cell that is not quoted: in one that is, each is written twice, between two more."""
    inside = [cell.count('"') for cell in cells if '"' in cell]
    quotes = sum(raw.count(b'"') for _, raw, _ in taken)
    return bool(inside) and quotes < 2 * sum(inside) + 2 * len(inside)


def _header(cells: list[str], problem: Rejection | None) -> list[str]:
    if problem is not None or not any(cells):
        raise SourceError("the first line names no columns; allowed: CSV with a header")
    # An index without a name is what pandas writes first.
    names = [cell or f"column_{place}" for place, cell in enumerate(cells, start=1)]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise SourceError(f"the header names {', '.join(twice)} more than once; allowed: each column once")
    return names
