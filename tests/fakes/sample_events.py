"""Events that differ by a number alone, for tests of what happens to records and not of what is in them."""

from typing import Any

import msgspec


def event_id(number: int) -> str:
    """The id of the event that a number names."""
    return f"00000000-0000-7000-8000-{number:012x}"


def number_of(of_event: str) -> int:
    """The number that an id was made of."""
    return int(of_event[-12:], 16)


def document(number: int, **fields: object) -> dict[str, Any]:
    """The event that a number names, created on 2026-03-01 at noon, with some fields changed."""
    return {
        "schema_version": 1,
        "event_id": event_id(number),
        "content_id": f"c{number}",
        "author_id": "a",
        "surface": "chat",
        "created_at": "2026-03-01T12:00:00Z",
        "text": "x",
        **fields,
    }


def payload(number: int, **fields: object) -> bytes:
    """That event's JSON."""
    return msgspec.json.encode(document(number, **fields))
