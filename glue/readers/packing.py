"""Packed data by its first bytes: gzip, bzip2, xz and zstandard are unpacked a piece at a time, the rest is named.

Members that follow one another are one content, as their own tools read them.
"""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from glue.readers.beginning import beginning
from glue.readers.rows import SourceError
from glue.units import KIB, MIB

MAX_RATIO = 200
"""Bytes out for each byte in. Text comes to 5 to 20, repeated log lines to 100, a bomb to 1,000 and more."""
RATIO_FROM = 8 * MIB
"""Bytes out before the ratio is judged: a short file of repeated lines is no bomb."""
MAX_WINDOW_LOG = 27
"""zstandard may refer back by 2^27 bytes (128 MiB), as its own tool allows without an option."""
MAX_XZ_MEMORY = 96 * MIB
"""What xz may take to unpack: level 9 takes 65 MiB."""

_SLICE = 16 * KIB
_PIECE = 256 * KIB
LONGEST_MARK = 265

_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    *((bytes((low, 0x2A, 0x4D, 0x18)), "zstandard") for low in range(0x50, 0x60)),
)
_UNREADABLE: tuple[tuple[bytes, str, str], ...] = (
    (
        b"PK\x03\x04",
        "a zip archive (or an Excel or OpenDocument file)",
        "unzip it and give the folder, or save it as CSV",
    ),
    (b"PK\x05\x06", "an empty zip archive", "give the files that belong into it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the folder"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it and give the folder"),
    (b"\x04\x22\x4d\x18", "packed with lz4", "unpack it first: lz4 -dc FILE | … --from -"),
    (b"\x1f\x9d", "packed with compress (.Z)", "unpack it first: zcat FILE | … --from -"),
    (b"\xff\x06\x00\x00sNaPpY", "packed with snappy", "unpack it first"),
    (b"\x89LZO\x00", "packed with lzop", "unpack it first: lzop -dc FILE | … --from -"),
    (b"LZIP", "packed with lzip", "unpack it first: lzip -dc FILE | … --from -"),
    (b"Obj\x01", "an Avro file", "convert it to Parquet or JSON lines"),
    (b"ORC", "an ORC file", "convert it to Parquet"),
    (b"ARROW1\x00\x00", "an Arrow file", "convert it to Parquet"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", "save it as CSV"),
    (b"%PDF-", "a PDF", "give the data it was made from"),
)
_TAR_AT = 257


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """zlib behind the names that the other three share."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # A full piece may have more behind it, even when all the input was taken.
        self.needs_input = not self._inner.unconsumed_tail and len(piece) < max_length
        return piece


def packing_of(head: bytes) -> str | None:
    """What the data that begins with these bytes is packed with; None when it is not packed.

    Args:
        head: the first bytes, :data:`LONGEST_MARK` of them if there are so many.

    Raises:
        SourceError: it is something that cannot be read here; the text names it and says what to do.

    >>> packing_of(b"BZh91AY&SY"), packing_of(b'{"text":"hi"}')
    ('bzip2', None)
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for mark, name, advice in _UNREADABLE:
        if head.startswith(mark):
            raise SourceError(f"it is {name}, which is not read; {advice}")
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        raise SourceError("it is a tar archive, which is not read; unpack it and give the folder")
    return None


def unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of the data, unpacked when it is packed, and again when what comes out is packed once more.

    Raises:
        SourceError: it is damaged, cut off, a bomb, or something that cannot be read; rows before that were given.
    """
    for _ in range(3):
        head, chunks = peek(chunks)
        name = packing_of(head)
        if name is None:
            return chunks
        chunks = unpack(chunks, name)
    raise SourceError("it is packed three times over; unpack it first")


def peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """As much of the beginning as says what the data is packed with, and all chunks again."""
    return beginning(chunks, lambda head: len(head) >= LONGEST_MARK or (head != b"" and not _may_be_packed(head)))


def _may_be_packed(head: bytes) -> bool:
    """Whether so few bytes could still be the beginning of a mark."""
    marks = [*(mark for mark, _ in _MARKS), *(mark for mark, *_ in _UNREADABLE)]
    return any(mark.startswith(head) for mark in marks)


def unpack(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The content of packed data, one or more members, a piece at a time.

    Args:
        chunks: the packed bytes.
        name: what :func:`packing_of` says.

    Raises:
        SourceError: the data is damaged or cut off, or grows so much that it is a bomb; it then stops before 10 MiB.
    """
    new, errors = _unpacker(name)
    unpacker = new()
    is_open = False
    taken = made = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            rest = chunk[start : start + _SLICE]
            taken += len(rest)
            while True:
                if unpacker.eof:
                    # Padding with zeros behind the last member is usual on tapes and in some tools.
                    rest = rest.lstrip(b"\0")
                    if not rest:
                        break
                    unpacker = new()
                is_open = True
                try:
                    piece = unpacker.decompress(rest, _PIECE)
                except errors as error:
                    raise SourceError(_damaged(name, made, error)) from None
                made += len(piece)
                if made > RATIO_FROM and made > taken * MAX_RATIO:
                    raise SourceError(
                        f"the {name} data unpacks to over {MAX_RATIO} times its size ({taken} bytes gave {made}); it "
                        "was not read on. If it is no bomb, unpack it first"
                    )
                if piece:
                    yield piece
                if unpacker.eof:
                    is_open = False
                    rest = unpacker.unused_data
                elif unpacker.needs_input:
                    break
                else:
                    rest = b""
    if is_open:
        raise SourceError(f"the {name} data is cut off after {made} unpacked bytes; rows up to there were read")


def _unpacker(name: str) -> tuple[Callable[[], _Unpacker], tuple[type[Exception], ...]]:
    if name == "gzip":
        return _Gunzip, (zlib.error,)
    if name == "bzip2":
        return bz2.BZ2Decompressor, (OSError, EOFError, ValueError)
    if name == "xz":
        return lambda: lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY), (lzma.LZMAError, EOFError)
    zstd = _zstd()
    options = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError, EOFError)


def _zstd() -> Any:
    """The zstandard module: Python's own from 3.14 on, before that its backport."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise SourceError("reading zstandard needs a package; install streamkeeper[cli]") from None
    return zstd


def _damaged(name: str, made: int, error: Exception) -> str:
    words = str(error).lower()
    if name == "xz" and "memory" in words:
        return f"the xz data needs over {MAX_XZ_MEMORY // MIB} MiB to unpack; unpack it first: xz -dc FILE | … --from -"
    if name == "zstandard" and ("too much memory" in words or "window" in words):
        return (
            f"the zstandard data refers back by over {2**MAX_WINDOW_LOG // MIB} MiB; unpack it first: "
            "zstd -dc --long=31 FILE | … --from -"
        )
    return f"the {name} data is damaged after {made} unpacked bytes; rows up to there were read"
