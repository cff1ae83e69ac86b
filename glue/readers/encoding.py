"""Text of other encodings as UTF-8, a piece at a time; what cannot be decoded spoils its own line only."""

import codecs
from collections.abc import Iterator

from glue.readers.rows import SourceError

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
LONGEST_TEXT_MARK = 4
_LONE = "streamkeeper.lone"
_SAMPLE = 1_024
_SHARE_OF_ZEROS = 0.3

# A lone surrogate has no UTF-8: encoded all the same, its line is refused as not being UTF-8, and only that line.
codecs.register_error(_LONE, lambda error: ("\ud800", getattr(error, "end", 0)))


def checked_encoding(name: str) -> str:
    """The encoding's proper name.

    Raises:
        ValueError: there is none of this name, or it is none of text.

    >>> checked_encoding("latin1"), checked_encoding("UTF8")
    ('iso8859-1', 'utf-8')
    """
    try:
        found = codecs.lookup(name)
        "a".encode(found.name)
    except (LookupError, ValueError):
        raise ValueError(
            f"{name!r} is not an encoding of text; allowed: such as utf-8, utf-16, windows-1252, shift_jis"
        ) from None
    return found.name


def in_utf8(chunks: Iterator[bytes], head: bytes, encoding: str | None) -> Iterator[bytes]:
    """The text in UTF-8, without a byte order mark. UTF-8 itself is passed on as it is, broken bytes included.

    Args:
        chunks: the bytes, :data:`LONGEST_TEXT_MARK` of them in the first chunk if there are so many.
        head: the first of them.
        encoding: as :func:`checked_encoding` gives it; None goes by the mark, and else is UTF-8.

    Raises:
        SourceError: it looks like UTF-16 or UTF-32 and has no mark.
    """
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    encoding = encoding or marked
    if encoding is None:
        _refuse_wide(head[:_SAMPLE])
    if encoding in (None, "utf-8", "utf-8-sig", "ascii"):
        return _without_mark(chunks)
    return _transcoded(chunks, encoding or "utf-8")


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    is_first = True
    for chunk in chunks:
        # The first chunk has the whole mark: see LONGEST_TEXT_MARK.
        text = chunk.removeprefix(codecs.BOM_UTF8) if is_first else chunk
        is_first = False
        if text:
            yield text


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(_LONE)
    is_first = True
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            if is_first and text:
                # With the byte order said in the name, the mark stays a letter.
                text, is_first = text.removeprefix("\ufeff"), False
            if text:
                yield text.encode("utf-8", "surrogatepass")
        text = decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise SourceError(f"not {encoding}: {error.__class__.__name__}; say --encoding") from None
    if text:
        yield text.encode("utf-8", "surrogatepass")


def _refuse_wide(sample: bytes) -> None:
    if len(sample) < 8 or sample.count(0) < len(sample) * _SHARE_OF_ZEROS:
        return
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) > len(sample) * _SHARE_OF_ZEROS:
        order = "le" if odd > even else "be"
        width = 32 if min(even, odd) > len(sample) * 0.2 else 16
        raise SourceError(f"it looks like UTF-{width} without a byte order mark; say --encoding utf-{width}-{order}")
