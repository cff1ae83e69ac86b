"""Rows out of JSON lines, and out of the JSON that a server-sent stream carries."""

from collections.abc import Iterable, Iterator

import msgspec

from glue.readers.rejection import Rejection
from glue.readers.rows import KEPT_OF_LONG_LINE, MAX_LINE_BYTES, Row, SourceError, lines, too_long

_OTHER_FIELDS = (b"", b"event", b"id", b"retry")
"""What a line of a server-sent stream may begin with beside data; nothing before the colon makes a comment."""

_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_json_lines(chunks: Iterable[bytes]) -> Iterator[Row]:
    """A row for each line that is not blank; values stay as they were written."""
    for number, (line, size) in enumerate(lines(chunks), start=1):
        raw = line.rstrip(b"\r\n")
        if size > MAX_LINE_BYTES:
            yield Row(number, {}, raw, too_long(size), is_cut=True)
        elif raw.strip():
            yield object_row(number, raw)


def object_row(number: int, raw: bytes) -> Row:
    """The row that these bytes hold as one JSON object, or why they hold none."""
    try:
        if not raw.isascii():
            raw.decode()
        cells = _object_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Row(number, {}, raw, _not_an_object(raw, error))
    return Row(number, cells, raw)  # type: ignore[arg-type]


def _not_an_object(raw: bytes, error: Exception) -> Rejection:
    try:
        raw.decode()
    except UnicodeDecodeError as broken:
        return Rejection("encoding", f"not UTF-8 at byte {broken.start} of the row; allowed: UTF-8, or say --encoding")
    if isinstance(error, msgspec.ValidationError):
        return Rejection("not_object", "it is JSON but not an object; allowed: one object for each row")
    return Rejection(
        "json", f"not one JSON document: {error}" if isinstance(error, msgspec.DecodeError) else "not JSON"
    )


def read_server_sent(chunks: Iterable[bytes]) -> Iterator[Row]:
    r"""A row for each event of a server-sent stream as ``curl`` saves it: the JSON behind ``data:``.

    Lines of data are joined up to the blank line that ends an event; one that ends with the stream counts as well.

    Raises:
        SourceError: it has lines, and none of them is of a server-sent stream's events; or the source breaks off.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

    >>> [row.raw for row in read_server_sent([b'event: message\ndata: {"a":\ndata: 1}\n\n'])]
    [b'{"a":\n1}']
    """
    data: list[bytes] = []
    first = size = other = 0
    has_data = False
    try:
        for number, (line, length) in enumerate(lines(_with_line_feeds_only(chunks)), start=1):
            text = line.rstrip(b"\n")
            if not text:
                yield from _event(first, data, size)
                data, size = [], 0
                continue
            name, colon, value = text.partition(b":")
            if name != b"data":
                # Comments, names and ids of events.
                if name not in _OTHER_FIELDS:
                    other = other or number
                continue
            has_data = True
            if not data:
                first = number
            # Of an event that is too long the beginning is enough.
            if size <= MAX_LINE_BYTES:
                data.append(value.removeprefix(b" ") if colon else b"")
            size += length
    except SourceError as broken:
        if data:
            more = broken.rest[1] if broken.rest else b""
            broken.rest = (first, b"\n".join((*data, more))[:KEPT_OF_LONG_LINE])
        raise
    if other and not has_data:
        raise SourceError(
            f"no server-sent event in it, line {other} is none of its fields; allowed: lines of data: with JSON behind "
            "it. If the file holds something else, say what with --format"
        )
    yield from _event(first, data, size)


def _event(number: int, data: list[bytes], size: int) -> Iterator[Row]:
    raw = b"\n".join(data)
    if size > MAX_LINE_BYTES:
        yield Row(number, {}, raw[:KEPT_OF_LONG_LINE], too_long(size), is_cut=True)
    elif raw.strip():
        yield object_row(number, raw)


def _with_line_feeds_only(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines may end in CR LF, LF or CR."""
    held = b""
    for chunk in chunks:
        text = held + chunk
        held = b"\r" if text.endswith(b"\r") else b""
        yield text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if held:
        yield b"\n"
