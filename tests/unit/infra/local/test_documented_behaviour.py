"""Behaviours of AWS that no other test holds by itself; docs/conformance.md says where each is documented."""

import base64
import io
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from glue.catalog.lake import read_table
from glue.kpl.aggregation import UserRecord, encode
from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.destinations import FailureDestinations
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions, Invoked
from infra.local.awslambda.functions_api import LambdaApi
from infra.local.errors import ApiError
from infra.local.firehose.api import FirehoseApi
from infra.local.firehose.driver import DeliveryStreamDriver, Ports, calling
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.shards import MIB, UNLIMITED
from infra.local.kinesis.streams import PutEntry, Streams
from tests.fakes.firehose_door import BY_DAY, DESTINATION, Door, Shelf, processors

NOW = 1_700_000_000.0
SHARD = "shardId-000000000000"
NAMED = {"StreamName": "content"}

CODE = {"S3Bucket": "this-checkout", "S3Key": "lambda"}


class ManualClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def api(clock: ManualClock) -> KinesisApi:
    api = KinesisApi(Streams(limits=UNLIMITED), clock)
    api.call("CreateStream", {**NAMED, "ShardCount": 1})
    return api


def refused(api: KinesisApi, action: str, **body: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        api.call(action, {**NAMED, **body})
    return caught.value


def from_the_start(api: KinesisApi) -> str:
    asked: dict[str, object] = {**NAMED, "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}
    return str(api.call("GetShardIterator", asked)["ShardIterator"])


# ------------------------------------------------------------------------------------------------ Kinesis Data Streams


def test_a_raised_record_size_takes_a_larger_record(api: KinesisApi) -> None:
    record = {"Data": base64.b64encode(b"x" * (2 * MIB - 1)).decode(), "PartitionKey": "k"}
    assert "1024 KiB" in refused(api, "PutRecord", **record).message
    api.call("UpdateMaxRecordSize", {**NAMED, "MaxRecordSizeInKiB": 2048})
    assert api.call("PutRecord", {**NAMED, **record})["ShardId"] == SHARD
    assert refused(api, "UpdateMaxRecordSize", MaxRecordSizeInKiB=10_241).code == "ValidationException"


def test_an_answer_holds_at_most_ten_thousand_records(api: KinesisApi, clock: ManualClock) -> None:
    stream = api.streams.get("content")
    api.streams.put(stream, [PutEntry(b"x", "k")] * 10_001, now=clock.time)
    first: Any = api.call("GetRecords", {"ShardIterator": from_the_start(api)})
    rest: Any = api.call("GetRecords", {"ShardIterator": first["NextShardIterator"]})
    assert (len(first["Records"]), len(rest["Records"])) == (10_000, 1)
    with pytest.raises(ApiError):
        api.call("GetRecords", {"ShardIterator": from_the_start(api), "Limit": 10_001})


def test_an_answer_says_how_far_it_is_behind(api: KinesisApi, clock: ManualClock) -> None:
    entry = {"Data": "aGk=", "PartitionKey": "k"}
    api.call("PutRecords", {**NAMED, "Records": [entry, entry]})
    clock.time += 7
    first: Any = api.call("GetRecords", {"ShardIterator": from_the_start(api), "Limit": 1})
    rest: Any = api.call("GetRecords", {"ShardIterator": first["NextShardIterator"]})
    assert (first["MillisBehindLatest"], rest["MillisBehindLatest"]) == (7000, 0)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"Type": "AFTER_SHARD_ID", "ShardId": SHARD}, "12"),
        ({"Type": "FROM_TRIM_HORIZON"}, "012"),
        ({"Type": "AT_TRIM_HORIZON"}, "0"),
        ({"Type": "AT_TIMESTAMP", "Timestamp": NOW + 10}, "012"),
        ({"Type": "FROM_TIMESTAMP", "Timestamp": NOW + 10}, "012"),
        ({"Type": "FROM_TIMESTAMP", "Timestamp": NOW + 10.001}, "12"),
    ],
)
def test_a_filter_chooses_shards_by_place_and_time_with_both_ends(
    api: KinesisApi, clock: ManualClock, chosen: dict[str, Any], expected: str
) -> None:
    clock.time += 10
    api.call("SplitShard", {**NAMED, "ShardToSplit": SHARD, "NewStartingHashKey": "9"})
    listed: Any = api.call("ListShards", {**NAMED, "ShardFilter": chosen})["Shards"]
    assert "".join(shard["ShardId"][-1] for shard in listed) == expected


def test_a_token_of_list_shards_stands_alone(api: KinesisApi) -> None:
    api.call("SplitShard", {**NAMED, "ShardToSplit": SHARD, "NewStartingHashKey": "9"})
    token = api.call("ListShards", {**NAMED, "MaxResults": 1})["NextToken"]
    assert refused(api, "ListShards", NextToken=token).code == "InvalidArgumentException"


def test_pages_of_the_control_plane_have_a_ceiling(clock: ManualClock) -> None:
    api = KinesisApi(Streams(), clock)
    api.call("CreateStream", {**NAMED, "ShardCount": 1001})
    for number in range(100):
        api.call("CreateStream", {"StreamName": f"other{number}", "ShardCount": 1})
    named: Any = api.call("ListStreams", {"Limit": 10_000})
    described: Any = api.call("DescribeStream", {**NAMED, "Limit": 10_000})["StreamDescription"]
    listed: Any = api.call("ListShards", {**NAMED, "MaxResults": 10_000})
    assert (len(named["StreamNames"]), named["HasMoreStreams"]) == (100, True)
    assert (len(described["Shards"]), described["HasMoreShards"]) == (100, True)
    assert len(listed["Shards"]) == 1000
    assert len(api.call("ListShards", {"NextToken": listed["NextToken"]})["Shards"]) == 1  # type: ignore[arg-type]


def test_a_stream_that_is_updating_takes_records_and_no_second_change(clock: ManualClock) -> None:
    api = KinesisApi(Streams(settle_seconds=5.0), clock)
    api.call("CreateStream", {**NAMED, "ShardCount": 2})
    clock.time += 5
    change = {"TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"}
    api.call("UpdateShardCount", {**NAMED, **change})
    assert refused(api, "UpdateShardCount", **change).code == "ResourceInUseException"
    assert refused(api, "IncreaseStreamRetentionPeriod", RetentionPeriodHours=48).code == "ResourceInUseException"
    api.call("PutRecord", {**NAMED, "Data": "aGk=", "PartitionKey": "k"})


def test_a_distribution_that_ignores_partition_keys_is_refused_by_name(api: KinesisApi) -> None:
    error = refused(
        api,
        "CreateStream",
        StreamName="auto",
        RecordDistributionStrategy="AUTO",
        StreamModeDetails={"StreamMode": "ON_DEMAND"},
    )
    assert "RecordDistributionStrategy AUTO" in error.message


# --------------------------------------------------------------------------------------------- Lambda and its mappings


class Scripted(Functions):
    """Answers each invocation by a rule, and keeps the events."""

    def __init__(self, rule: Callable[[Any], object]) -> None:
        super().__init__()
        self.rule = rule
        self.events: list[Any] = []

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        self.events.append(json.loads(payload))
        return Invoked(request_id="r", payload=json.dumps(self.rule(self.events[-1])).encode())


class Nowhere(FailureDestinations):
    def write(self, discarded: Any, *, destination: str, mapping_uuid: str) -> None:
        raise AssertionError("nothing is to be written")


def mapped(rule: Callable[[Any], object], *records: bytes, **options: Any) -> Scripted:
    """What a function saw of these records through a mapping with these options, within a minute."""
    clock, functions, streams = ManualClock(), Scripted(rule), Streams()
    stream = streams.create("content", shard_count=1, now=clock.time)
    driver = EventSourceDriver(streams=streams, functions=functions, destinations=Nowhere(), clock=clock)
    mappings = EventSourceApi(driver, functions, streams)
    lambda_api = LambdaApi(functions, mappings, clock)
    body = json.dumps({"FunctionName": "f", "Handler": "a.b", "Role": "arn:role", "Code": CODE}).encode()
    assert lambda_api.handle("POST", "/2015-03-31/functions", {}, body)[0] == 201
    asked = {"FunctionName": "f", "EventSourceArn": stream.arn, "StartingPosition": "TRIM_HORIZON", **options}
    mappings.create(asked)
    streams.put(stream, [PutEntry(data, "k") for data in records], now=clock.time)
    for _ in range(60):
        while driver.run_once():
            pass
        clock.time += 1
    assert driver.idle()
    return functions


def report_all(event: Any) -> object:
    return {"batchItemFailures": [{"itemIdentifier": r["kinesis"]["sequenceNumber"]} for r in event["Records"]]}


def test_reported_failures_are_ignored_without_the_response_type() -> None:
    assert len(mapped(report_all, b"a").events) == 1
    reports = {"FunctionResponseTypes": ["ReportBatchItemFailures"], "MaximumRetryAttempts": 2}
    assert len(mapped(report_all, b"a", **reports).events) == 3


def test_an_aggregate_reaches_the_function_as_one_record_and_unopened() -> None:
    container = encode([UserRecord("k", None, data) for data in (b"one", b"two")])
    [event] = mapped(lambda event: None, container, b"plain").events
    assert [base64.b64decode(r["kinesis"]["data"]) for r in event["Records"]] == [container, b"plain"]


class Failing(Functions):
    """Fails every invocation, and says when the third has come."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.third = 0, threading.Event()

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        self.calls += 1
        if self.calls == 3:
            self.third.set()
        return Invoked(request_id="r", payload=b"{}", error="Unhandled")


def test_an_event_that_fails_is_tried_twice_more_and_a_dry_run_never(clock: ManualClock) -> None:
    functions = Failing()
    driver = EventSourceDriver(streams=Streams(), functions=functions, destinations=Nowhere(), clock=clock)
    lambda_api = LambdaApi(functions, EventSourceApi(driver, functions, Streams()), clock)
    body = json.dumps({"FunctionName": "f", "Handler": "a.b", "Role": "arn:role", "Code": CODE}).encode()
    lambda_api.handle("POST", "/2015-03-31/functions", {}, body)

    def invoke(kind: str) -> int:
        path = "/2015-03-31/functions/f/invocations"
        return lambda_api.handle("POST", path, {}, b"{}", {"x-amz-invocation-type": kind})[0]

    assert invoke("DryRun") == 204
    assert functions.calls == 0
    assert invoke("Event") == 202
    assert functions.third.wait(600)
    assert functions.calls == 3


# ------------------------------------------------------------------------------------------------------------ Firehose

CONVERSION = {
    "SchemaConfiguration": {"RoleARN": "arn:role", "DatabaseName": "db", "TableName": "t"},
    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
}


@pytest.mark.parametrize(("members", "size"), [({}, 5), ({"DataFormatConversionConfiguration": CONVERSION}, 128)])
def test_hints_have_the_defaults_of_firehose(members: dict[str, Any], size: int) -> None:
    door = Door()
    door.create(ExtendedS3DestinationConfiguration={**DESTINATION, **members})
    described: Any = door.api.call("DescribeDeliveryStream", {"DeliveryStreamName": "s"})
    [shown] = described["DeliveryStreamDescription"]["Destinations"]
    hints = shown["ExtendedS3DestinationDescription"]["BufferingHints"]
    assert hints == {"SizeInMBs": size, "IntervalInSeconds": 300}


class Adding:
    """A function that gives every document a day, and one of its own to each."""

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        numbers, answers = itertools.count(1), []
        for record in json.loads(payload)["records"]:
            document = {**json.loads(base64.b64decode(record["data"])), "dt": f"2027-01-0{next(numbers)}"}
            data = base64.b64encode(json.dumps(document).encode()).decode()
            answers.append({"recordId": record["recordId"], "result": "Ok", "data": data})
        return Invoked(request_id="r", payload=json.dumps({"records": answers}).encode())


class OneTable:
    def get_table(self, database: str, name: str) -> dict[str, Any]:
        return {"StorageDescriptor": {"Columns": [{"Name": "n", "Type": "int"}]}}


def transformed(**members: Any) -> dict[str, bytes]:
    """The objects that two documents in one record become, by folder."""
    shelf = Shelf()
    driver = DeliveryStreamDriver(Ports(shelf, OneTable(), calling(Adding())), ManualClock())
    api = FirehoseApi(driver)
    steps = (
        ("RecordDeAggregation", {"SubRecordType": "JSON"}),
        ("Lambda", {"LambdaArn": "arn:f"}),
        ("MetadataExtraction", {"MetadataExtractionQuery": "{dt: .dt}", "JsonParsingEngine": "JQ-1.6"}),
        ("AppendDelimiterToRecord", {"Delimiter": "\\n"}),
    )
    given = {**DESTINATION, **BY_DAY, "ProcessingConfiguration": processors(*steps), **members}
    api.call("CreateDeliveryStream", {"DeliveryStreamName": "s", "ExtendedS3DestinationConfiguration": given})
    data = base64.b64encode(b'{"n":1}{"n":2}').decode()
    api.call("PutRecordBatch", {"DeliveryStreamName": "s", "Records": [{"Data": data}]})
    driver.flush()
    return {key.rpartition("/")[0]: body for key, body in shelf.objects.items()}


def test_steps_run_in_their_order_split_function_query_delimiter() -> None:
    assert transformed() == {
        "lake/v/dt=2027-01-01": b'{"n": 1, "dt": "2027-01-01"}\n',
        "lake/v/dt=2027-01-02": b'{"n": 2, "dt": "2027-01-02"}\n',
    }


def test_parquet_is_snappy_unless_said_otherwise() -> None:
    gzipped = {**CONVERSION, "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "GZIP"}}}}
    for conversion, expected in ((CONVERSION, "SNAPPY"), (gzipped, "GZIP")):
        body = transformed(DataFormatConversionConfiguration=conversion)["lake/v/dt=2027-01-01"]
        assert read_table(body).to_pylist() == [{"n": 1}]
        assert pq.ParquetFile(io.BytesIO(body)).metadata.row_group(0).column(0).compression == expected
