"""The driver: sources are read, S3's failures are tried again, nothing is lost, and flush empties everything."""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from glue.catalog.lake import read_table
from glue.kpl.aggregation import UserRecord, encode
from infra.local.awslambda.functions import Invoked
from infra.local.errors import ApiError
from infra.local.firehose.api import FirehoseApi
from infra.local.firehose.driver import DeliveryStreamDriver, Ports, calling
from infra.local.firehose.source import KinesisSource
from infra.local.kinesis.streams import PutEntry, Streams

T0 = 1_800_000_000.0


class VirtualClock:
    def __init__(self) -> None:
        self.moment = T0

    def now(self) -> float:
        return self.moment


class Shelf:
    """An object store that can be told to fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failures = 0

    def put(self, bucket: str, key: str, body: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.objects[f"{bucket}/{key}"] = body

    def under(self, prefix: str) -> list[bytes]:
        return [body for key, body in self.objects.items() if key.startswith(prefix)]


class Tables:
    def __init__(self) -> None:
        self.broken = False

    def get_table(self, database: str, name: str) -> Mapping[str, Any]:
        if self.broken:
            raise ApiError("InternalServiceException", "try again", 500)
        return {"StorageDescriptor": {"Columns": [{"Name": "n", "Type": "int"}]}}


class Upper:
    """A function that answers with its records in capitals."""

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        event = json.loads(payload)
        results = [
            {
                "recordId": record["recordId"],
                "result": "Ok",
                "data": base64.b64encode(base64.b64decode(record["data"]).upper()).decode(),
            }
            for record in event["records"]
        ]
        return Invoked(request_id="r", payload=json.dumps({"records": results}).encode())


class Broken:
    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        return Invoked(request_id="r", payload=b"{}", error="Unhandled")


class Twin:
    """A driver, its API, and the fakes around them."""

    def __init__(self, functions: Any = None, **settings: Any) -> None:
        self.clock, self.shelf, self.tables = VirtualClock(), Shelf(), Tables()
        self.streams = Streams()
        self.driver = DeliveryStreamDriver(
            Ports(self.shelf, self.tables, calling(functions or Upper())), self.clock, **settings
        )
        self.api = FirehoseApi(
            self.driver, open_source=lambda name, arn, started: KinesisSource(self.streams, arn, started=started)
        )

    def create(self, **members: Any) -> None:
        source = members.pop("source", None)
        body: dict[str, Any] = {
            "DeliveryStreamName": "s",
            "ExtendedS3DestinationConfiguration": {
                "RoleARN": "arn:role",
                "BucketARN": "arn:aws:s3:::lake",
                "Prefix": "good/",
                "ErrorOutputPrefix": "errors/",
                **members,
            },
        }
        if source:
            body["DeliveryStreamType"] = "KinesisStreamAsSource"
            body["KinesisStreamSourceConfiguration"] = {"KinesisStreamARN": source, "RoleARN": "arn:role"}
        self.api.call("CreateDeliveryStream", body)

    def put(self, *data: bytes) -> None:
        entries = [{"Data": base64.b64encode(item).decode()} for item in data]
        self.api.call("PutRecordBatch", {"DeliveryStreamName": "s", "Records": entries})

    def state(self) -> dict[str, Any]:
        return self.driver.state()["s"]


CONVERSION = {
    "SchemaConfiguration": {"RoleARN": "arn:role", "DatabaseName": "db", "TableName": "t"},
    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
}
FUNCTION = {
    "Enabled": True,
    "Processors": [{"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": "arn:f"}]}],
}


def test_a_step_writes_what_is_due_and_only_that() -> None:
    twin = Twin()
    twin.create()
    twin.put(b"a")

    twin.driver.step()
    assert twin.shelf.objects == {}
    assert not twin.driver.idle()

    twin.clock.moment += 300
    twin.driver.step()
    assert twin.shelf.under("lake/good/") == [b"a"]
    assert twin.driver.idle()


def test_flush_writes_everything_at_once() -> None:
    twin = Twin()
    twin.create(DataFormatConversionConfiguration=CONVERSION)
    twin.put(b'{"n":1}', b"oops", b'{"n":2}')

    twin.driver.flush()

    (parquet,) = twin.shelf.under("lake/good/")
    assert read_table(parquet).to_pylist() == [{"n": 1}, {"n": 2}]
    assert len(twin.shelf.under("lake/errors/format-conversion-failed/")) == 1
    state = twin.state()
    assert (state["records_in"], state["rows_out"], state["error_records"], state["buffered_records"]) == (3, 2, 1, 0)
    assert state["error_records_by_type"] == {"format-conversion-failed": 1}
    assert twin.driver.idle()


def test_a_write_that_fails_is_tried_again_later_and_nothing_is_lost() -> None:
    twin = Twin()
    twin.create()
    twin.put(b"a")
    twin.shelf.failures = 2
    twin.clock.moment += 300

    twin.driver.step()
    assert (twin.state()["write_failures"], twin.state()["last_write_failure"]) == (1, "ConnectionError")
    twin.driver.step()
    assert twin.state()["write_failures"] == 1, "not before the pause is over"
    twin.clock.moment += 1
    twin.driver.step()
    twin.clock.moment += 2
    twin.driver.step()

    assert twin.shelf.under("lake/good/") == [b"a"]
    assert twin.state()["write_failures"] == 2
    assert twin.state()["last_write_failure"] is None
    assert twin.driver.idle()


def test_a_failing_write_blocks_later_ones_so_that_order_is_kept() -> None:
    twin = Twin()
    twin.create()
    twin.put(b"a")
    twin.shelf.failures = 1
    twin.driver.flush()
    twin.put(b"b")

    twin.driver.flush()

    assert list(twin.shelf.objects.values()) == [b"a", b"b"]


def test_a_catalog_that_does_not_answer_delays_and_never_fails_records() -> None:
    twin = Twin()
    twin.create(DataFormatConversionConfiguration=CONVERSION)
    twin.put(b'{"n":1}')
    twin.tables.broken = True
    twin.driver.flush()
    assert twin.state()["buffered_records"] == 1
    assert not twin.driver.idle()

    twin.tables.broken = False
    twin.driver.flush()

    assert twin.state()["rows_out"] == 1
    assert twin.shelf.under("lake/errors/") == []


def test_a_column_added_to_the_table_is_taken_up() -> None:
    twin = Twin()
    twin.create(DataFormatConversionConfiguration=CONVERSION)
    twin.put(b'{"n":1}')
    twin.driver.flush()
    columns = [{"Name": "n", "Type": "int"}, {"Name": "m", "Type": "string"}]
    twin.tables.get_table = lambda database, name: {"StorageDescriptor": {"Columns": columns}}  # type: ignore[method-assign]
    twin.put(b'{"n":2,"m":"x"}')

    twin.driver.flush()

    assert [read_table(body).to_pylist() for body in twin.shelf.under("lake/good/")] == [
        [{"n": 1}],
        [{"n": 2, "m": "x"}],
    ]


def test_records_go_through_the_function() -> None:
    twin = Twin()
    twin.create(ProcessingConfiguration=FUNCTION)
    twin.put(b"a", b"b")

    twin.driver.flush()

    assert twin.shelf.under("lake/good/") == [b"AB"]


def test_a_broken_function_sends_its_batch_to_processing_failed() -> None:
    twin = Twin(Broken())
    twin.create(ProcessingConfiguration=FUNCTION)
    twin.put(b"a")

    twin.driver.flush()

    (body,) = twin.shelf.under("lake/errors/processing-failed/")
    assert body == (
        b'{"rawData":"YQ==","errorCode":"Lambda.FunctionError",'
        b'"errorMessage":"The Lambda function was successfully invoked but it returned an error result.",'
        b'"attemptsMade":4,"arrivalTimestamp":1800000000000,"attemptEndingTimestamp":1800000000000,'
        b'"lambdaARN":"arn:f"}\n'
    )
    assert twin.driver.idle()


def put_to_stream(twin: Twin, *entries: tuple[str, bytes]) -> None:
    stream = twin.streams.get("content")
    twin.streams.put(stream, [PutEntry(data, key) for key, data in entries], now=twin.clock.now())


def with_stream(twin: Twin, *, shards: int = 2) -> str:
    twin.streams.create("content", shard_count=shards, now=twin.clock.now())
    return twin.streams.arn("content")


def test_a_kinesis_source_is_read_from_the_streams_creation_on_and_aggregates_are_opened() -> None:
    twin = Twin()
    arn = with_stream(twin)
    twin.clock.moment += 60
    put_to_stream(twin, ("k", b"before"))
    twin.clock.moment += 60
    twin.create(source=arn, BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 60})
    container = encode([UserRecord(f"key{n}", None, f"user{n}".encode()) for n in range(3)])
    put_to_stream(twin, ("a", b"plain"), ("b", container), ("c", container[:-1]))

    twin.driver.flush()

    (body,) = twin.shelf.under("lake/good/")
    for expected in (b"plain", b"user0user1user2", container[:-1]):
        assert expected in body
    assert b"before" not in body
    assert twin.state()["records_in"] == 5
    twin.driver.flush()
    assert len(twin.shelf.objects) == 1, "a record is read once"


def test_flush_reads_a_source_to_its_end() -> None:
    twin = Twin()
    twin.create(source=with_stream(twin, shards=1))
    for second in range(15):
        twin.clock.moment = T0 + second
        put_to_stream(twin, *[("k", b"%d;" % number) for number in range(second * 1000, second * 1000 + 1000)])

    twin.driver.flush()

    found = b"".join(twin.shelf.objects.values()).split(b";")[:-1]
    assert Counter(found) == Counter(b"%d" % number for number in range(15_000))


def test_a_stream_with_a_source_takes_no_puts() -> None:
    twin = Twin()
    twin.create(source=with_stream(twin))

    with pytest.raises(ApiError, match="not permitted on KinesisStreamAsSource"):
        twin.put(b"a")


def test_removing_a_stream_writes_what_it_holds() -> None:
    twin = Twin()
    twin.create()
    twin.put(b"a")

    twin.api.call("DeleteDeliveryStream", {"DeliveryStreamName": "s"})

    assert twin.shelf.under("lake/good/") == [b"a"]
    assert twin.driver.state() == {}


def test_the_thread_starts_stops_and_leaves_nothing_behind() -> None:
    twin = Twin()
    twin.create()
    twin.driver.start()
    twin.put(b"a")

    twin.driver.stop()

    assert twin.shelf.under("lake/good/") == [b"a"]


def test_a_stream_that_cannot_write_takes_no_more_until_it_can() -> None:
    twin = Twin(backlog_limit=1_000_000)
    twin.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    twin.shelf.failures = 99
    twin.put(b"x" * 1_000_000, b"x" * 48_576)
    twin.driver.step()

    answer = twin.api.call("PutRecordBatch", {"DeliveryStreamName": "s", "Records": [{"Data": "YQ=="}]})
    assert answer["FailedPutCount"] == 1

    twin.shelf.failures = 0
    twin.driver.flush()
    twin.put(b"a")
    twin.driver.flush()
    assert sorted(map(len, twin.shelf.objects.values())) == [1, 1_048_576]


def test_a_source_with_unread_records_is_not_idle() -> None:
    twin = Twin()
    twin.create(source=with_stream(twin))
    assert twin.driver.idle()

    put_to_stream(twin, ("k", b"a"))

    assert not twin.driver.idle()
    twin.driver.flush()
    assert twin.driver.idle()


def test_a_source_is_read_in_parts_when_all_of_it_would_not_fit() -> None:
    twin = Twin(backlog_limit=1_500_000)
    twin.create(source=with_stream(twin, shards=1), BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    for second in range(6):
        twin.clock.moment = T0 + second
        put_to_stream(twin, *[("k", b"x" * 900_000)])

    twin.driver.flush()

    assert sum(map(len, twin.shelf.objects.values())) == 6 * 900_000
    assert twin.driver.idle()
