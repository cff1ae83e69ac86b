"""What a record is called in an audit: the same in SQL and here, and never a piece of its content."""

import re
from hashlib import md5

import msgspec

_EVENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_LINE_END = re.compile(rb"\r\n|\r|\n")


def is_event_id(name: str) -> bool:
    """Whether it names an event, not a hash or a row.

    >>> is_event_id("0190b9c2-aaaa-7000-8000-000000000001"), is_event_id("md5:9e107d9d372bb6826bd81d3542a419d6")
    (True, False)
    """
    return _EVENT_ID.match(name) is not None


def record_id(data: bytes) -> str:
    """The event id in a record's bytes; where there is none, the hash of the bytes.

    >>> record_id(b'{"event_id":"0190b9c2-aaaa-7000-8000-000000000001"}')
    '0190b9c2-aaaa-7000-8000-000000000001'
    >>> record_id(b"The quick brown fox jumps over the lazy dog")
    'md5:9e107d9d372bb6826bd81d3542a419d6'
    """
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        named = document.get("event_id")
        if isinstance(named, str) and is_event_id(named):
            return named
    return f"md5:{md5(data, usedforsecurity=False).hexdigest()}"


def lines_of(data: bytes) -> list[bytes]:
    r"""The lines that Hive reads a record as.

    >>> lines_of(b"a\r\nb\n")
    [b'a', b'b', b'']
    """
    return _LINE_END.split(data)


def line_id(line: bytes) -> str:
    r"""What SQL calls a line of the archive, which it reads as text: bytes that are none become U+FFFD.

    >>> line_id(b'{"event_id":"0190b9c2-aaaa-7000-8000-000000000001","text":"\xff"}')
    '0190b9c2-aaaa-7000-8000-000000000001'
    """
    return record_id(line.partition(b"\x01")[0].decode("utf-8", "replace").encode())
