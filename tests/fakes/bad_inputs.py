"""Hostile inputs and what a consumer quarantines each for; for tests at every door of the pipeline."""

import json
from typing import Any

EVENT: dict[str, Any] = {
    "schema_version": 1,
    "event_id": "0192f3a4-0000-7000-8000-000000000001",
    "content_id": "comment:1",
    "author_id": "author-1",
    "surface": "chat",
    "created_at": "2026-11-20T11:59:00.123456Z",
    "text": "hello there",
}
ABSENT = object()


def payload(**changes: object) -> bytes:
    """The event with some fields changed, or left out when ABSENT, as JSON."""
    return json.dumps({name: value for name, value in {**EVENT, **changes}.items() if value is not ABSENT}).encode()


def raw(fragment: str) -> bytes:
    """The event with one more piece of JSON text in it, which json.dumps would not write."""
    return payload()[:-1] + b"," + fragment.encode() + b"}"


BYTES: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b" \r\n\t", "empty"),
    (payload()[:-9], "json"),
    (payload() + payload(), "json"),
    (payload() + b" x", "json"),
    (b"[1]", "not_object"),
    (b'"text"', "not_object"),
    (b"3", "not_object"),
    (b"null", "not_object"),
    (b"[" * 100_000, "depth"),
    (b'{"a":' * 33 + b"1" + b"}" * 33, "depth"),
    (raw('"more":' + "[" * 40 + "]" * 40), "depth"),
    (json.dumps({str(n): n for n in range(10_000)}).encode(), "keys"),
    (payload(**{f"extra{n}": n for n in range(300)}), "keys"),
    (raw('"more":NaN'), "number"),
    (raw('"more":-Infinity'), "number"),
    (raw('"more":1e400'), "number"),
    (raw('"more":' + "7" * 5000), "number"),
    (b"\xef\xbb\xbf" + payload(), "encoding"),
    (payload().replace(b"hello", b"he\xc0\xaf"), "encoding"),
    (payload().decode().encode("utf-16"), "encoding"),
    (payload().replace(b"hello", b"he\x01o"), "json"),
    (raw("// a comment"), "json"),
    (b"{'schema_version':1}", "json"),
    (b"x" * (1024 * 1024 + 1), "size"),
]
"""Bytes that are no JSON object of the contract's size and shape."""

FIELDS: list[tuple[dict[str, Any], str]] = [
    *(({field: ABSENT}, f"missing:{field}") for field in EVENT),
    *(({field: None}, "type") for field in EVENT if field != "surface"),
    ({"schema_version": "1"}, "type"),
    ({"schema_version": 1.0}, "type"),
    ({"schema_version": True}, "type"),
    ({"schema_version": 2}, "schema_future"),
    ({"schema_version": 2, "text": ABSENT}, "schema_future"),
    ({"schema_version": 0}, "schema_version"),
    ({"schema_version": -1}, "schema_version"),
    ({"text": 3}, "type"),
    ({"hold": 1}, "type"),
    ({"hold": "true"}, "type"),
    ({"surface": 3}, "type"),
    ({"event_id": ""}, "id"),
    ({"event_id": EVENT["event_id"].upper()}, "id"),
    ({"event_id": EVENT["event_id"] + "\n"}, "id"),
    ({"content_id": ""}, "id"),
    ({"content_id": "a b"}, "id"),
    ({"content_id": "a/b"}, "id"),
    ({"author_id": "a\0"}, "id"),
    ({"author_id": "a\n"}, "id"),
    ({"author_id": "a" * 129}, "id"),
    ({"parent_id": "x" * 10_000}, "id"),
    ({"text": ""}, "text"),
    ({"text": "é" * 40_000}, "text_size"),
    ({"language": "not a tag"}, "language"),
    ({"media": [{"uri": "s3://a"}]}, "media"),
    ({"media": [{"uri": "s3://a", "mime_type": "image/png"}] * 17}, "media"),
    ({"media": "s3://a"}, "media"),
    ({"context": {str(n): "" for n in range(33)}}, "context"),
    ({"context": {"a": 1}}, "context"),
    ({"replay": {"run_id": "r"}}, "replay"),
    ({"replay": {"run_id": "r", "arrived_at": "2026-11-21T12:00:00Z"}}, "replay"),
    ({"replay": {"run_id": "r", "arrived_at": "2025-01-01T12:00:00Z"}}, "replay"),
    ({"replay": {"run_id": "r", "arrived_at": "2026-11-20T11:00:00Z", "tell": True}}, "replay"),
]
"""Changes to a good event that make a field of it not fit."""

TIMES: list[tuple[object, str]] = [
    (-5, "time_range"),
    (0, "time_range"),
    (1_763_000_000, "type"),
    (1_763_000_000_000, "time_unit"),
    ("1970-01-01T00:00:00Z", "time_range"),
    ("1969-12-31T23:59:59Z", "time_range"),
    ("9999-12-31T23:59:59Z", "time_range"),
    ("9999-12-31T23:59:59-12:00", "time_range"),
    ("0001-01-01T00:00:00+14:00", "time_range"),
    ("0000-01-01T00:00:00Z", "time_range"),
    ("57857-03-01T00:00:00Z", "time_unit"),
    ("+57857-03-01T00:00:00Z", "time_unit"),
    ("2026-11-20T12:00:00", "tz"),
    ("2026-11-20 12:00:00", "tz"),
    ("2026-11-20T23:59:60Z", "time"),
    ("2026-11-20T24:00:00Z", "time"),
    ("2026-02-29T00:00:00Z", "time"),
    ("2026-11-20T12:00:00+24:00", "time"),
    ("2026-W47-5T12:00:00Z", "time"),
    ("20261120T120000Z", "time"),
    ("２０２６-11-20T12:00:00Z", "time"),
    ("yesterday", "time"),
    ("", "time"),
    ("2026-11-20T12:00:00.1234567Z", "time_precision"),
    ("2026-11-21T13:00:00Z", "time_range"),
    ("2026-10-20T11:59:00Z", "time_range"),
]
"""Values of created_at; the last two are out of range for an arrival at noon of 2026-11-20 alone."""
