"""AWS's event stream: an answer that goes on, one framed message after the other.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html (2026-12-01)
"""

import struct
from collections.abc import Callable, Generator, Iterator, Mapping
from zlib import crc32

import msgspec

from infra.local.errors import ApiError

CONTENT_TYPE = "application/vnd.amazon.eventstream"
JSON = "application/x-amz-json-1.1"
_TEXT = 7
Document = dict[str, object]
Events = Generator[tuple[str, Document], None, None]


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message.

    Args:
        headers: names and texts.
        payload: the event.

    >>> frame({}, b"").hex()
    '000000100000000005c248eb7d98c8ff'
    """
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", crc32(prelude)) + head + payload
    return message + struct.pack("!I", crc32(message))


class EventStream:
    """A body that is made while it is sent: iterating waits for the next event.

    Args:
        events: each event's type and document; an ApiError ends the stream with an exception message.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._content_type = JSON
        self._encode: Callable[[Document], bytes] = msgspec.json.encode

    def encoded(self, content_type: str, encode: Callable[[Document], bytes]) -> "EventStream":
        """The same with its documents in another encoding."""
        self._content_type, self._encode = content_type, encode
        return self

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield self._message("event", "initial-response", {})
            for kind, document in self._events:
                yield self._message("event", kind, document)
        except ApiError as error:
            yield self._message("exception", error.code, {"message": error.message})
        finally:
            self.close()

    def _message(self, kind: str, name: str, document: Document) -> bytes:
        headers = {f":{kind}-type": name, ":content-type": self._content_type, ":message-type": kind}
        return frame(headers, self._encode(document))

    def close(self) -> None:
        """Ends the events, wherever they are."""
        self._events.close()
