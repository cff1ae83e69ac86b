"""The archiver's batch: everything of it is kept, or all of it comes again."""

from typing import Any

import pytest

from consumers.archiving import UnreadableBatchError, archive, read_entries
from consumers.batch import read_batch
from consumers.ports import DefectError, TransientError
from glue.archive import PackedObject
from glue.kpl.aggregation import UserRecord, encode
from tests.fakes.kinesis_events import kinesis_event

PAYLOADS = [
    b"{}",
    b"",
    b"\xff\x00\n",
    encode([UserRecord("k", None, b"one"), UserRecord("k", None, b"two")]),
    encode([UserRecord("k", None, b"x")])[:-2],
]


class Bucket:
    def __init__(self, *failures: Exception | None) -> None:
        self.kept: dict[str, bytes] = {}
        self.failures = list(failures)

    def put(self, one: PackedObject) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        assert self.kept.setdefault(one.key, one.body) == one.body


def test_it_finds_the_records_that_moderation_finds_where_it_finds_them() -> None:
    event = kinesis_event(PAYLOADS)
    batch = read_batch(event)
    seen = [*batch.records, *(record for record, _ in batch.refused)]
    assert {
        (one.data, one.shard_id, one.sequence_number, one.sub_sequence_number, one.arrived_at)
        for one in read_entries(event)
    } == {(one.payload, one.shard_id, one.sequence_number, one.sub_sequence_number, one.arrived_at) for one in seen}


def test_a_batch_is_answered_when_all_of_it_is_durable() -> None:
    bucket = Bucket()
    assert archive(kinesis_event(PAYLOADS), bucket.put) == {"batchItemFailures": []}
    assert archive(kinesis_event([]), bucket.put) == {"batchItemFailures": []}
    assert len(bucket.kept) == 1


def test_what_may_pass_brings_the_whole_batch_again_and_gives_the_same_object() -> None:
    bucket = Bucket(TransientError("SlowDown"))
    event = kinesis_event(PAYLOADS)
    first = event["Records"][0]["kinesis"]["sequenceNumber"]
    assert archive(event, bucket.put) == {"batchItemFailures": [{"itemIdentifier": first}]}
    archive(event, bucket.put)
    archive(event, bucket.put)
    assert len(bucket.kept) == 1


def test_what_does_not_pass_fails_the_invocation() -> None:
    with pytest.raises(DefectError):
        archive(kinesis_event(PAYLOADS), Bucket(DefectError("no right")).put)


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"Records": None},
        {"Records": [{}]},
        {"Records": [{"kinesis": {}, "eventID": "shardId-000000000000:1"}]},
        {"Records": [{"kinesis": {"sequenceNumber": "2", "data": ""}, "eventID": "shardId-000000000000:1"}]},
    ],
)
def test_what_is_no_batch_is_refused_without_a_word_of_it(event: Any) -> None:
    with pytest.raises(UnreadableBatchError, match="record 0 is not as Lambda sends it"):
        archive(event, Bucket().put)


def test_base64_that_is_none_is_refused() -> None:
    event = kinesis_event([b"secret"])
    event["Records"][0]["kinesis"]["data"] = "se cret!"
    with pytest.raises(UnreadableBatchError) as refused:
        archive(event, Bucket().put)
    assert "cret" not in str(refused.value)
