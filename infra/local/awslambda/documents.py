"""What a mapping sends: the event a function gets, and the record of a batch that Lambda gave up on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from pybase64 import b64encode

from infra.local.kinesis.records import Record

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
AGE_EXCEEDED = "RecordAgeExceeded"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the records of an event come from and who reads them."""

    stream_arn: str
    shard_id: str
    region: str
    role_arn: str


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """A batch given up on: why, after how many invocations, and how the last one ended (None: none was made)."""

    origin: Origin
    records: Sequence[Record]
    condition: str
    invoke_count: int
    request_id: str
    function_arn: str
    function_error: str | None
    at: float


def event(records: Sequence[Record], origin: Origin) -> dict[str, object]:
    """The event a function is invoked with, in the shape recorded on AWS."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record.partition_key,
                    "sequenceNumber": str(record.sequence),
                    "data": b64encode(record.data).decode("ascii"),
                    "approximateArrivalTimestamp": round(record.arrived, 3),
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{origin.shard_id}:{record.sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": origin.role_arn,
                "awsRegion": origin.region,
                "eventSourceARN": origin.stream_arn,
            }
            for record in records
        ]
    }


def event_json(records: Sequence[Record], origin: Origin, beside: Mapping[str, object] | None = None) -> bytes:
    """The event as JSON: what ``event`` gives, without a dictionary for each record.

    Args:
        beside: members beside ``Records``.

    >>> origin = Origin(stream_arn="s", shard_id="h", region="r", role_arn="o")
    >>> records = [Record(7, 1.5, 'a"b', b"data"), Record(8, 2.0, "c", b"")]
    >>> msgspec.json.decode(event_json(records, origin)) == event(records, origin)
    True
    """
    text = msgspec.json.encode
    tail = b'"eventSource":"aws:kinesis","eventVersion":"1.0","eventName":"aws:kinesis:record",'
    tail += b'"invokeIdentityArn":%s,"awsRegion":%s,"eventSourceARN":%s}' % (
        text(origin.role_arn),
        text(origin.region),
        text(origin.stream_arn),
    )
    middle, end = b'},"eventID":"%s:' % text(origin.shard_id)[1:-1], b'",' + tail
    pieces: list[bytes] = []
    arrived, moment = -1.0, b""
    beginning = b'{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":'
    for record in records:
        if record.arrived != arrived:
            # Records of one put arrived at the same moment.
            arrived = record.arrived
            moment = text(round(arrived, 3))
        number = b"%d" % record.sequence
        pieces += (
            b"," + beginning if pieces else beginning,
            text(record.partition_key),
            b',"sequenceNumber":"',
            number,
            b'","data":"',
            b64encode(record.data),
            b'","approximateArrivalTimestamp":',
            moment,
            middle,
            number,
            end,
        )
    more = b"," + msgspec.json.encode(beside)[1:-1] if beside else b""
    return b'{"Records":[%s]%s}' % (b"".join(pieces), more)


def record_overhead(origin: Origin) -> int:
    """Bytes a record adds to an event beyond its data and partition key, at most."""
    sample = Record(10**55, 9_999_999_999.999, "", b"")
    return len(msgspec.json.encode(event([sample], origin)))


def event_bytes(record: Record, overhead: int) -> int:
    """An upper bound of what a record adds to the JSON event.

    >>> event_bytes(Record(1, 0.0, "key", b"abcd"), 400)
    413
    """
    key = record.partition_key
    # Plain keys are the rule; others are encoded to learn what their escapes cost.
    key_bytes = len(key) if key.isascii() and key.isalnum() else len(msgspec.json.encode(key))
    if key_bytes == len(key):
        key_bytes += 2
    return overhead + key_bytes + (len(record.data) + 2) // 3 * 4


def invocation_record(discarded: Discarded) -> dict[str, object]:
    """The document a queue or topic gets about a discarded batch: metadata only.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html (read 2026-11-20).
    """
    first, last = discarded.records[0], discarded.records[-1]
    document: dict[str, object] = {
        "requestContext": {
            "requestId": discarded.request_id,
            "functionArn": discarded.function_arn,
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.invoke_count,
        }
    }
    if discarded.condition == RETRIES_EXHAUSTED:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": discarded.function_error,
        }
    document |= {
        "version": "1.0",
        "timestamp": _timestamp(discarded.at),
        "KinesisBatchInfo": {
            "shardId": discarded.origin.shard_id,
            "startSequenceNumber": str(first.sequence),
            "endSequenceNumber": str(last.sequence),
            "approximateArrivalOfFirstRecord": _timestamp(first.arrived),
            "approximateArrivalOfLastRecord": _timestamp(last.arrived),
            "batchSize": len(discarded.records),
            "streamArn": discarded.origin.stream_arn,
        },
    }
    return document


def full_invocation_record(discarded: Discarded) -> dict[str, object]:
    """The document a bucket gets: the metadata and the whole event."""
    return {**invocation_record(discarded), "payload": event(discarded.records, discarded.origin)}


def object_key(discarded: Discarded, *, mapping_uuid: str, unique: str) -> str:
    """The key of the object in the failure bucket, in AWS's layout.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html (read 2026-11-20).
    """
    moment = datetime.fromtimestamp(discarded.at, UTC)
    return f"aws/lambda/{mapping_uuid}/{discarded.origin.shard_id}/{moment:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{unique}"


def _timestamp(moment: float) -> str:
    return datetime.fromtimestamp(round(moment, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
