"""Lambda's Kinesis events for tests, in the shape that AWS sends."""

import base64
import json
from datetime import UTC, datetime, timedelta

from glue.kpl import aggregation

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def payload(number: int, text: str, **fields: object) -> bytes:
    """One event's JSON document; ``number`` names it."""
    created = NOW - timedelta(seconds=60) + timedelta(milliseconds=number)
    return json.dumps(
        {
            "schema_version": 1,
            "event_id": f"00000000-0000-7000-8000-{number:012d}",
            "content_id": f"c{number}",
            "author_id": "u1",
            "surface": "comment",
            "created_at": created.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "text": text,
            **fields,
        },
        ensure_ascii=False,
    ).encode()


def kinesis_event(payloads: list[bytes], *, first: int = 1000) -> dict[str, object]:
    """A batch with one Kinesis record a payload; sequence numbers count up from ``first``."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": f"key-{number}",
                    "sequenceNumber": str(first + number),
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": NOW.timestamp() + number / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{first + number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/moderate",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/content",
            }
            for number, data in enumerate(payloads)
        ]
    }


def aggregate(payloads: list[bytes]) -> bytes:
    """The payloads as one KPL aggregate."""
    return aggregation.encode([aggregation.UserRecord("key", None, data) for data in payloads])
