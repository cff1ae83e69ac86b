"""The beginning of a stream of bytes, looked at without being lost."""

from collections.abc import Callable, Iterator

from glue.readers.rows import KEPT_OF_LONG_LINE, SourceError


def beginning(chunks: Iterator[bytes], is_enough: Callable[[bytes], bool]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, as many as are enough or as there are, and all chunks again.

    It waits for no more than that: somebody may be typing. An error comes again behind the bytes before it.

    >>> head, chunks = beginning(iter([b"ab", b"cd", b"ef"]), lambda head: len(head) >= 3)
    >>> head, list(chunks)
    (b'abcd', [b'abcd', b'ef'])
    """
    head = b""
    error: SourceError | None = None
    try:
        while not is_enough(head) and (chunk := next(chunks, b"")):
            head += chunk
    except SourceError as broken:
        error = broken
    return head, _again(head, chunks, error)


def at_least(chunks: Iterator[bytes], wanted: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, as many as wanted when there are so many, and all chunks again."""
    return beginning(chunks, lambda head: len(head) >= wanted)


def with_line_feeds(chunks: Iterator[bytes]) -> Iterator[bytes]:
    r"""The text with line feeds, where its lines end in carriage returns alone, as on old Macs.

    >>> list(with_line_feeds(iter([b"a\rb", b"\r"]))), list(with_line_feeds(iter([b"a\r\nb"])))
    ([b'a\nb', b'\n'], [b'a\r\nb'])
    """
    head, chunks = beginning(chunks, lambda head: b"\n" in head or b"\r" in head[:-1] or len(head) > KEPT_OF_LONG_LINE)
    if b"\n" in head or b"\r" not in head[:-1]:
        return chunks
    return (chunk.replace(b"\r", b"\n") for chunk in chunks)


def _again(head: bytes, rest: Iterator[bytes], error: SourceError | None) -> Iterator[bytes]:
    if head:
        yield head
    if error is not None:
        raise error
    yield from rest
