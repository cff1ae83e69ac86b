"""What every reader gives: rows, one at a time; and lines, which most of them are made of."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from glue.readers.rejection import Rejection
from glue.units import KIB, MIB

MAX_LINE_BYTES = 2 * MIB
"""The longest line that is read whole: no event can be that long."""

KEPT_OF_LONG_LINE = 64 * KIB
MAX_CELL = 128 * KIB


class SourceError(ValueError):
    """A source that cannot be read at all, or not any further: what, and what to do.

    ``rest`` is what had been read of a row that was not finished, and the number of that row.
    """

    def __init__(self, message: str, *, rest: tuple[int, bytes] | None = None) -> None:
        super().__init__(message)
        self.rest = rest


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row: where it starts (line or row number, from 1), its cells by column, its bytes, or why it has no cells."""

    number: int
    cells: dict[str, object]
    raw: bytes
    problem: Rejection | None = None
    is_cut: bool = False


def lines(chunks: Iterable[bytes], *, max_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[bytes, int]]:
    r"""Each line with its line feed, and its length in bytes; of one over ``max_bytes`` only the beginning is kept.

    Raises:
        SourceError: the chunks broke off; it then holds what was there of the next line.

    >>> list(lines([b"one\ntw", b"o\nthree"]))
    [(b'one\n', 4), (b'two\n', 4), (b'three', 5)]
    """
    pieces: list[bytes] = []
    held = skipped = number = 0
    try:
        for chunk in chunks:
            if b"\n" in chunk:
                parts = b"".join((*pieces, chunk)).split(b"\n")
                tail = parts.pop()
                for part in parts:
                    size = len(part) + skipped + 1
                    yield (part[:KEPT_OF_LONG_LINE] if size > max_bytes else part + b"\n"), size
                    skipped = 0
                number += len(parts)
                pieces, held = [tail], len(tail)
            elif skipped:
                skipped += len(chunk)
            else:
                pieces.append(chunk)
                held += len(chunk)
            if held + skipped > max_bytes and not skipped:
                kept = b"".join(pieces)[:KEPT_OF_LONG_LINE]
                pieces, skipped, held = [kept], held - len(kept), len(kept)
    except SourceError as broken:
        if rest := b"".join(pieces).strip():
            broken.rest = (number + 1, rest)
        raise
    if held:
        yield b"".join(pieces), held + skipped


def plain(value: object) -> Any:
    """A cell's value as Python has it. What cannot be decoded stays as it was written: a number outside every range,
    or what is nested too deep.
    """
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return value


def too_long(size: int) -> Rejection:
    """The rejection of a row of so many bytes."""
    return Rejection("size", f"a row of {size:,} bytes; allowed: at most {MAX_LINE_BYTES:,}")
