"""Records that are no events, made from one that is: what real streams bring now and then, each with its reason."""

import msgspec

from glue.kpl.aggregation import MAGIC, UserRecord
from glue.kpl.aggregation import encode as encode_aggregate

REASONS = (
    "json",
    "json",
    "encoding",
    "missing:author_id",
    "type",
    "id",
    "tz",
    "time_range",
    "schema_future",
    "empty",
    "not_object",
    "number",
    "time",
    "text",
    "text_size",
    "depth",
    "keys",
    "media",
    "schema_version",
    "aggregate_corrupt",
    "aggregate_empty",
)
"""The reasons that a consumer gives for what :func:`malformed` makes; the usual ones stand twice."""


def malformed(reason: str, payload: bytes, choice: int) -> bytes:
    """The event's bytes spoilt so that a consumer quarantines them for this reason.

    Args:
        reason: one of :data:`REASONS`.
        payload: an event's JSON.
        choice: any number; the same one makes the same bytes.

    >>> malformed("json", b'{"schema_version":1,"event_id":"x"}', 0)
    b'{"schema_version":1,"event_id'
    """
    if reason == "json":
        # Cut at a quotation mark: inside a letter of several bytes it would no longer be UTF-8 either.
        return (
            payload[: payload.rindex(b'"', 0, len(payload) * 6 // 7)],
            payload + payload,
            payload.replace(b'"', b"'"),
        )[choice % 3]
    if reason == "encoding":
        return (b"\xef\xbb\xbf" + payload, payload[:-2] + b"\xc0\xaf" + payload[-2:])[choice % 2]
    if reason == "empty":
        return (b" \n", b"\n")[choice % 2]
    if reason == "not_object":
        return (b"[" + payload + b"]", b'"ping"', b"null")[choice % 3]
    if reason == "number":
        return payload[:-1] + (b',"score":NaN}', b',"score":-Infinity}')[choice % 2]
    if reason == "depth":
        return payload[:-1] + b',"nested":' + b"[" * 40 + b"]" * 40 + b"}"
    if reason == "keys":
        return payload[:-1] + b"".join(b',"k%d":%d' % (number, number) for number in range(300)) + b"}"
    if reason == "aggregate_corrupt":
        aggregate = encode_aggregate([UserRecord("key", None, payload)] * 3)
        return (aggregate[:-5], aggregate[:-1] + bytes([aggregate[-1] ^ 1]))[choice % 2]
    if reason == "aggregate_empty":
        # The MD5 of nothing.
        return MAGIC + bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")
    return msgspec.json.encode(_changed(msgspec.json.decode(payload), reason, choice))


def _changed(event: dict[str, object], reason: str, choice: int) -> dict[str, object]:
    match reason:
        case "missing:author_id":
            del event["author_id"]
        case "type":
            event.update(({"text": 17}, {"hold": "yes"}, {"created_at": 1_700_000_000})[choice % 3])
        case "id":
            event.update(({"author_id": "two words"}, {"event_id": "42"}, {"content_id": ""})[choice % 3])
        case "tz":
            event["created_at"] = str(event["created_at"]).removesuffix("Z")
        case "time_range":
            event["created_at"] = ("1970-01-01T00:00:00Z", "2101-01-01T00:00:00Z")[choice % 2]
        case "time":
            event["created_at"] = ("2026-02-30T10:00:00Z", "2026-01-01T24:00:00Z", "yesterday")[choice % 3]
        case "schema_future":
            event["schema_version"] = 2
        case "schema_version":
            event["schema_version"] = (0, -1)[choice % 2]
        case "text":
            event["text"] = ""
            event.pop("media", None)
        case "text_size":
            event["text"] = "very long " * 7_000
        case "media":
            event["media"] = [{"uri": "s3://media/1", "mime_type": "image/png"}] * 17
        case _:
            raise ValueError(f"{reason} is not a reason that can be made; allowed: {', '.join(sorted(set(REASONS)))}")
    return event
