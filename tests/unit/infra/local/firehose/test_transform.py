"""The contract with a transform function: the event, the answer, and what a failing function costs."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.firehose.config import StreamConfig, read_destination
from infra.local.firehose.records import KinesisCoordinate, Origin, SourceRecord
from infra.local.firehose.stream import DeliveryStream
from infra.local.firehose.transform import (
    MAX_PAYLOAD,
    TransformBatch,
    TransformOutcome,
    batches,
    event_of,
    invoke,
    read_answer,
)

T0 = 1_800_000_000.0
ARN = "arn:aws:lambda:us-east-1:000000000000:function:transform"


def config(
    *, retries: str = "3", prefix: str = "", partitioned: bool = False, source: str | None = None
) -> StreamConfig:
    parameters = {"LambdaArn": ARN, "NumberOfRetries": retries, "BufferSizeInMBs": "1"}
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    body: dict[str, Any] = {
        "RoleARN": "arn:role",
        "BucketARN": "arn:aws:s3:::lake",
        "Prefix": prefix,
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]},
        "DynamicPartitioningConfiguration": {"Enabled": partitioned},
    }
    return read_destination(body, name="s", arn="arn:s", region="us-east-1", account="000000000000", source_arn=source)


def records(*data: bytes) -> list[SourceRecord]:
    return [SourceRecord(item, Origin(f"id{at}", T0)) for at, item in enumerate(data)]


def answer(*results: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"records": list(results)})


def ok(record_id: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"recordId": record_id, "result": "Ok", "data": base64.b64encode(data).decode(), **more}


def read(batch: list[SourceRecord], body: bytes) -> TransformOutcome:
    return read_answer(TransformBatch(batch), body, function=ARN, attempts=1, ended=T0 + 1)


def test_the_event_is_the_one_that_firehose_sends() -> None:
    coordinate = KinesisCoordinate("shardId-000000000000", "key", "495", 2)
    batch = TransformBatch([SourceRecord(b"hi", Origin("id0", T0, coordinate))])

    event = json.loads(event_of(batch, config(source="arn:stream"), invocation_id="i-1"))

    assert event == {
        "invocationId": "i-1",
        "deliveryStreamArn": "arn:s",
        "region": "us-east-1",
        "sourceKinesisStreamArn": "arn:stream",
        "records": [
            {
                "recordId": "id0",
                "approximateArrivalTimestamp": 1_800_000_000_000,
                "data": "aGk=",
                "kinesisRecordMetadata": {
                    "shardId": "shardId-000000000000",
                    "partitionKey": "key",
                    "approximateArrivalTimestamp": 1_800_000_000_000,
                    "sequenceNumber": "495",
                    "subsequenceNumber": 2,
                },
            }
        ],
    }


def test_direct_put_records_have_no_kinesis_metadata() -> None:
    event = json.loads(event_of(TransformBatch(records(b"hi")), config(), invocation_id="i-1"))

    assert "sourceKinesisStreamArn" not in event
    assert set(event["records"][0]) == {"recordId", "approximateArrivalTimestamp", "data"}


def test_each_record_is_delivered_dropped_or_failed_as_the_answer_says() -> None:
    outcome = read(
        records(b"a", b"b", b"c"),
        answer(
            ok("id2", b"C"), {"recordId": "id0", "result": "Dropped"}, {"recordId": "id1", "result": "ProcessingFailed"}
        ),
    )

    assert [(item.data, item.original.data) for item in outcome.good] == [(b"C", b"c")]
    assert outcome.dropped == 1
    assert [(item.data, item.code) for item in outcome.failed] == [(b"b", "Lambda.ProcessingFailedStatus")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (answer(), "Lambda.MissingRecordId"),
        (answer(ok("other", b"x")), "Lambda.MissingRecordId"),
        (answer(ok("id0", b"x"), ok("id0", b"y")), "Lambda.DuplicatedRecordId"),
        (answer({"recordId": "id0", "result": "OK", "data": "eA=="}), "Lambda.InvalidReturnFormat"),
        (answer({"recordId": "id0", "result": "Ok"}), "Lambda.InvalidReturnFormat"),
        (answer({"recordId": "id0", "result": "Ok", "data": "not base64"}), "Lambda.InvalidReturnFormat"),
        (answer({"recordId": "id0"}), "Lambda.InvalidReturnFormat"),
        (b"null", "Lambda.MissingRecordId"),
        (b"", "Lambda.MissingRecordId"),
        (b'{"records":{}}', "Lambda.MissingRecordId"),
        (b'{"records":[1,{"recordId":5}]}', "Lambda.MissingRecordId"),
        (b"[" * 50_000, "Lambda.MissingRecordId"),
    ],
)
def test_an_answer_of_the_wrong_shape_fails_the_record(body: bytes, code: str) -> None:
    outcome = read(records(b"x"), body)

    assert [(item.code, item.data) for item in outcome.failed] == [(code, b"x")]


def test_one_wrong_answer_leaves_the_others_alone() -> None:
    outcome = read(records(b"a", b"b"), answer({"recordId": "id0", "result": "?"}, ok("id1", b"B")))

    assert [item.data for item in outcome.good] == [b"B"]
    assert len(outcome.failed) == 1


class Function:
    """A function that fails some number of times before it answers."""

    def __init__(self, *, failures: int, body: bytes = b"") -> None:
        self.failures, self.body, self.calls = failures, body, 0

    def __call__(self, arn: str, event: bytes) -> bytes:
        self.calls += 1
        if self.calls <= self.failures:
            raise TimeoutError
        return self.body


def run(function: Function, settings: StreamConfig, *data: bytes) -> TransformOutcome:
    transform = settings.processing.transform
    assert transform is not None
    return invoke(
        TransformBatch(records(*data)), settings, transform, function, invocation_id="i", ended=lambda: T0 + 9
    )


def test_a_failing_function_is_called_again_three_times() -> None:
    function = Function(failures=3, body=answer(ok("id0", b"A")))

    outcome = run(function, config(), b"a")

    assert function.calls == 4
    assert [item.data for item in outcome.good] == [b"A"]


def test_after_the_last_retry_the_whole_batch_is_processing_failed() -> None:
    function = Function(failures=99)

    outcome = run(function, config(retries="1"), b"a", b"b")

    assert function.calls == 2
    assert [(item.code, item.attempts, item.lambda_arn) for item in outcome.failed] == [
        ("Lambda.FunctionError", 2, ARN),
        ("Lambda.FunctionError", 2, ARN),
    ]


def test_an_answer_of_the_wrong_shape_is_not_asked_for_again() -> None:
    function = Function(failures=0, body=b"{}")

    assert len(run(function, config(), b"a").failed) == 1
    assert function.calls == 1


def test_an_answer_over_six_megabytes_counts_as_a_failure() -> None:
    function = Function(failures=0, body=b" " * (MAX_PAYLOAD + 1))

    assert [item.code for item in run(function, config(), b"a").failed] == ["Lambda.FunctionError"]
    assert function.calls == 4


def test_records_wait_for_the_functions_own_hints() -> None:
    stream = DeliveryStream(config())
    stream.accept(records(b"a"), T0)

    assert stream.transforms(T0 + 59) == []
    assert [len(batch.records) for batch in stream.transforms(T0 + 60)] == [1]
    assert stream.transforms(T0 + 60) == []
    assert not stream.empty


def test_a_full_batch_does_not_wait() -> None:
    stream = DeliveryStream(config())
    stream.accept(records(*[b"x" * 300_000] * 4), T0)

    assert [len(batch.records) for batch in stream.transforms(T0)] == [3, 1]


def test_partition_keys_of_the_function_choose_the_partition() -> None:
    stream = DeliveryStream(config(prefix="v/!{partitionKeyFromLambda:dt}/", partitioned=True))
    stream.accept(records(b"a", b"b", b"c"), T0)
    (batch,) = stream.transforms(T0, force=True)
    keys = {"metadata": {"partitionKeys": {"dt": "2027-01-15"}}}

    stream.transformed(read(list(batch.records), answer(ok("id0", b"A", **keys), ok("id1", b"B"), ok("id2", b""))), T0)

    found = stream.deliveries(T0, force=True)
    assert [(delivery.keys.function, len(delivery.failures)) for delivery in found] == [
        ((("dt", "2027-01-15"),), 0),
        ((), 2),
    ]


def test_sub_records_have_ids_of_their_own() -> None:
    made = config()
    split = {
        "Type": "RecordDeAggregation",
        "Parameters": [{"ParameterName": "SubRecordType", "ParameterValue": "JSON"}],
    }
    both = read_destination(
        {
            "RoleARN": "arn:role",
            "BucketARN": "arn:aws:s3:::lake",
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [
                    split,
                    {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": ARN}]},
                ],
            },
        },
        name=made.name,
        arn=made.arn,
        region=made.region,
        account="000000000000",
        source_arn=None,
    )
    stream = DeliveryStream(both)
    stream.accept(records(b'{"a":1}{"a":2}'), T0)

    (batch,) = stream.transforms(T0, force=True)

    assert [record.data for record in batch.records] == [b'{"a":1}', b'{"a":2}']
    assert len({record.origin.record_id for record in batch.records}) == 2


@given(st.lists(st.integers(0, 400_000), max_size=30), st.integers(200_000, 3_000_000))
def test_batches_hold_every_record_once_within_size_and_payload(sizes: list[int], limit: int) -> None:
    sent = records(*[b"x" * size for size in sizes])

    found = batches(sent, size=limit)

    assert [record for batch in found for record in batch.records] == sent
    for batch in found:
        assert len(batch.records) == 1 or sum(len(record.data) for record in batch.records) <= limit
        assert len(event_of(batch, config(), invocation_id="i")) <= MAX_PAYLOAD


def test_many_tiny_records_are_split_before_the_event_is_too_large() -> None:
    sent = records(*[b"x"] * 30_000)

    found = batches(sent, size=1 << 20)

    assert len(found) > 1
    assert max(len(event_of(batch, config(), invocation_id="i")) for batch in found) <= MAX_PAYLOAD


ANSWERS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "recordId": st.sampled_from(["id0", "id1", "id2", "other"]) | st.integers(),
            "result": st.sampled_from(["Ok", "Dropped", "ProcessingFailed", "ok", None]),
            "data": st.sampled_from(["eA==", "", "??", None, 5]),
            "metadata": st.sampled_from([None, {}, {"partitionKeys": {"a": None}}, {"partitionKeys": []}, "x"]),
        },
    )
    | st.none(),
    max_size=5,
)


@given(ANSWERS)
def test_every_record_of_a_batch_has_one_fate_whatever_is_answered(listed: list[Any]) -> None:
    sent = records(b"a", b"b", b"c")

    outcome = read(sent, msgspec.json.encode({"records": listed}))

    known = [item.original for item in outcome.good] + [
        record for record in sent if any(item.origin == record.origin for item in outcome.failed)
    ]
    assert len(outcome.good) + len(outcome.failed) + outcome.dropped == 3
    assert len({record.origin.record_id for record in known}) == len(outcome.good) + len(outcome.failed)
