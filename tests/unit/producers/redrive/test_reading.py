"""Where what is brought back lies: dead letters in buckets and messages, batches in the stream, large payloads."""

import base64
import gzip
import io
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from consumers.batch import Record
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.rows import RowMaker
from glue.archive import Entry, pack
from glue.codec import DEFAULT_LATENESS
from glue.contract import BadInput
from glue.kpl.aggregation import UserRecord, encode
from producers.aws.archive import S3Archive
from producers.aws.dead_letters import (
    BucketLetters,
    PointedLetters,
    UnreadableLetterError,
    read_letter,
    read_records,
    unwrapped,
)
from producers.aws.quarantine import Recovery, is_of
from producers.aws.reading import KinesisReader
from producers.redrive.items import Loaded
from producers.redrive.quarantined import QuarantinedRow
from tests.fakes.sample_events import payload
from tests.fakes.stream import VirtualClock

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ARRIVAL.timestamp()
ROWS = RowMaker(Moderator(Policy.load(read_policy("default"))), DEFAULT_LATENESS, code_version="1")


def letter(payload_of: object = None, **info: object) -> dict[str, Any]:
    document: dict[str, Any] = {
        "requestContext": {"condition": "RetryAttemptsExhausted", "requestId": "r"},
        "responseContext": {"functionError": "Unhandled"},
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": "10",
            "endSequenceNumber": "12",
            "approximateArrivalOfFirstRecord": "2026-03-01T12:00:00.000Z",
            "approximateArrivalOfLastRecord": "2026-03-01T12:00:02.000Z",
            "batchSize": 3,
            "streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/content",
            **info,
        },
    }
    if payload_of is not None:
        document["payload"] = payload_of
    return document


def batch(*payloads: bytes) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": f"shardId-000000000000:{10 + at}",
                "kinesis": {
                    "data": base64.b64encode(one).decode(),
                    "approximateArrivalTimestamp": NOW + at,
                    "partitionKey": "key",
                },
            }
            for at, one in enumerate(payloads)
        ]
    }


def test_the_payload_of_a_dead_letter_may_be_an_object_or_a_text() -> None:
    one = batch(payload(1), b"\xff")
    as_text = msgspec.json.encode(one).decode()
    assert read_records(letter(one)) == read_records(letter(as_text))
    assert [record.payload for record in read_records(letter(one))] == [payload(1), b"\xff"]
    for broken in (letter(), letter("{"), letter({"Records": [{}]}), letter({"Records": 5})):
        with pytest.raises(UnreadableLetterError):
            read_records(broken)


def test_a_message_may_come_bare_or_inside_what_sns_puts_around_it() -> None:
    bare = msgspec.json.encode(letter()).decode()
    wrapped = msgspec.json.encode({"Type": "Notification", "Message": bare}).decode()
    assert unwrapped(bare) == unwrapped(wrapped) == letter()
    assert read_letter(unwrapped(wrapped)).batch_size == 3
    for broken in ("", "[]", '{"Message":"{"}', '{"Message":5}'):
        with pytest.raises(UnreadableLetterError):
            read_letter(unwrapped(broken))


class FakeS3:
    """A bucket in memory."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, name: str) -> "FakeS3":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        keys = [key for key in self.objects if key.startswith(Prefix)]
        return [
            {"Contents": [{"Key": key, "Size": len(self.objects[key]), "LastModified": ARRIVAL} for key in keys]},
            {},
        ]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}


def test_dead_letters_of_a_bucket_are_listed_and_what_is_none_is_named() -> None:
    s3 = FakeS3(
        {
            "aws/lambda/m/s/1": msgspec.json.encode(letter(batch(payload(1)))),
            "aws/lambda/m/s/2": b"not json",
            "aws/lambda/m/s/3": msgspec.json.encode(letter()),
            "other/4": b"",
        }
    )
    place = BucketLetters("b", since=NOW - 10, until=NOW + 10, reasons=frozenset(), client=s3)
    [found] = place.items()
    assert (found.reason, found.count, found.detail) == ("RetryAttemptsExhausted", 1, "function error Unhandled")
    assert place.unreadable == ["aws/lambda/m/s/2", "aws/lambda/m/s/3"]
    others = BucketLetters("b", since=NOW - 10, until=NOW + 10, reasons=frozenset({"RecordAgeExceeded"}), client=s3)
    assert list(others.items()) == []


class FakeKinesis:
    """One shard: sequence numbers 10, 11, ..., of which the first may have gone."""

    def __init__(self, *payloads: bytes, first: int = 10) -> None:
        self.records = {first + at: one for at, one in enumerate(payloads)}

    def get_shard_iterator(self, **asked: Any) -> dict[str, str]:
        from botocore.exceptions import ClientError

        if asked["ShardIteratorType"] == "AT_SEQUENCE_NUMBER":
            start = int(asked["StartingSequenceNumber"])
            if start not in self.records:
                raise ClientError({"Error": {"Code": "InvalidArgumentException"}}, "GetShardIterator")
            return {"ShardIterator": str(start)}
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str, Limit: int) -> dict[str, Any]:
        some = [number for number in sorted(self.records) if number >= int(ShardIterator)][:2]
        records = [
            {
                "SequenceNumber": str(number),
                "ApproximateArrivalTimestamp": ARRIVAL,
                "PartitionKey": "key",
                "Data": self.records[number],
            }
            for number in some
        ]
        following = some[-1] + 1 if some else int(ShardIterator)
        behind = 1_000 if any(number >= following for number in self.records) else 0
        return {"Records": records, "NextShardIterator": str(following), "MillisBehindLatest": behind}


def reader(*payloads: bytes, first: int = 10) -> KinesisReader:
    return KinesisReader("content", clock=VirtualClock(NOW), client=FakeKinesis(*payloads, first=first))


def pointed(source: KinesisReader, **info: object) -> Loaded:
    texts = [(msgspec.json.encode(letter(**info)).decode(), None)]
    [found] = PointedLetters(texts, source, since=0, until=1e12, reasons=frozenset()).items()
    return found.load()


def test_a_batch_is_read_back_by_its_place_and_nothing_beside_it() -> None:
    loaded = pointed(reader(*(payload(number) for number in range(6))))
    assert [record.place for record in loaded.records] == [f"shardId-000000000000:{number}" for number in (10, 11, 12)]
    assert (loaded.missing, loaded.problem) == (0, "")


def test_what_the_stream_no_longer_keeps_is_said_to_be_too_late_with_where_it_may_still_be() -> None:
    loaded = pointed(reader(payload(2), payload(3), first=12))
    assert ([record.place for record in loaded.records], loaded.missing) == (["shardId-000000000000:12"], 2)
    assert "too late for 2 of 3 records" in loaded.problem
    assert "--since 2026-03-01T12:00:00.000Z --until 2026-03-01T12:00:03.000Z" in loaded.problem
    none = pointed(reader(payload(9), first=20))
    assert (none.records, none.missing) == ((), 3)
    other = pointed(reader(), streamArn="arn:aws:kinesis:us-east-1:000000000000:stream/elsewhere")
    assert "give --stream elsewhere" in other.problem


def quarantined(data: bytes, *, number: int = 11, sub: int = 0, bad_row_id: str = "") -> QuarantinedRow:
    return QuarantinedRow(
        bad_row_id=bad_row_id or made_by_the_consumer(data, number, sub),
        reason="type",
        detail="",
        stage="decode",
        payload="",
        payload_bytes=len(data),
        shard_id="shardId-000000000000",
        sequence_number=str(number),
        sub_sequence_number=sub,
        partition_key="key",
        arrived=NOW,
    )


def made_by_the_consumer(data: bytes, number: int, sub: int) -> str:
    record = Record(0, data, ARRIVAL, "", "shardId-000000000000", str(number), sub, "key")
    return ROWS.bad_row(record, BadInput("type", ""), "decode", "").bad_row_id


def test_a_large_payload_is_found_in_the_stream_or_in_the_archive_and_known_by_the_id_of_its_row() -> None:
    large = b"line one\nline two\n\n" + bytes(range(256)) * 4
    container = encode([UserRecord("key", None, b"first"), UserRecord("key", None, large)])
    key = "archive/dt=2026-03-01/sk-archive-1-2026-03-01-11-59-59-x.gz"
    archive = S3Archive("b", client=FakeS3({key: gzip.compress(b"x\n" * 3 + large + b"\n" + b"y\n")}))
    nothing = S3Archive("b", client=FakeS3({key: gzip.compress(b"x\n")}))
    [packed] = pack([Entry(one, "shardId-000000000000", "11", sub, ARRIVAL) for sub, one in enumerate([b"x", large])])
    assert is_of(quarantined(large), large)
    assert Recovery(reader(b"a", large), nothing)(quarantined(large)) == large
    assert Recovery(reader(b"a", container), nothing)(quarantined(large, sub=1)) == large
    assert Recovery(reader(b"later", first=90), archive)(quarantined(large)) == large
    assert Recovery(reader(b"later", first=90), nothing)(quarantined(large)) is None
    packed_too = Recovery(reader(b"later", first=90), S3Archive("b", client=FakeS3({packed.key: packed.body})))
    assert (packed_too(quarantined(large, sub=1)), packed_too(quarantined(large))) == (large, None)
    # What came by the deferred lane never was in the stream.
    deferred = msgspec.structs.replace(quarantined(large), shard_id="firehose/deferred", sequence_number="r-1")
    record = Record(0, large, ARRIVAL, "", "firehose/deferred", "r-1", 0, "key")
    bad_row_id = ROWS.bad_row(record, BadInput("type", ""), "decode", "").bad_row_id
    assert Recovery(reader(b"a"), archive)(msgspec.structs.replace(deferred, bad_row_id=bad_row_id)) == large
    # The same place and length are not enough.
    assert Recovery(reader(b"a", large), archive)(quarantined(large, bad_row_id="0" * 32)) is None
