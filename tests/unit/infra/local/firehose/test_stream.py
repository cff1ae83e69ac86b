"""A delivery stream's core on a virtual clock: buffers, partitions, order of the steps, and nothing lost."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.errors import ApiError
from infra.local.firehose.config import StreamConfig, read_destination
from infra.local.firehose.objects import Conversions, S3Object, objects
from infra.local.firehose.processing import Hints
from infra.local.firehose.records import KinesisCoordinate, Origin, SourceRecord
from infra.local.firehose.splitting import split_delimited, split_json
from infra.local.firehose.stream import Delivery, DeliveryStream

T0 = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


class Names:
    def __init__(self) -> None:
        self._numbers = count(1)

    def unique(self) -> str:
        return f"u{next(self._numbers)}"

    def random(self) -> str:
        return "ABCDEFGHIJK"


class OneTable:
    def __init__(self, *columns: tuple[str, str]) -> None:
        self.columns = columns

    def get_table(self, database: str, name: str) -> Mapping[str, Any]:
        if name == "missing":
            raise ApiError("EntityNotFoundException", f"Table {name} not found")
        return {"StorageDescriptor": {"Columns": [{"Name": n, "Type": t} for n, t in self.columns]}}


def processor(kind: str, **parameters: str) -> dict[str, Any]:
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Type": kind, "Parameters": listed}


JSON_SPLIT = processor("RecordDeAggregation", SubRecordType="JSON")
BY_DAY = processor("MetadataExtraction", MetadataExtractionQuery="{dt: .at[0:10]}", JsonParsingEngine="JQ-1.6")


def config(*processors: dict[str, Any], partitioned: bool = False, **members: Any) -> StreamConfig:
    body: dict[str, Any] = {
        "RoleARN": "arn:aws:iam::000000000000:role/firehose",
        "BucketARN": "arn:aws:s3:::lake",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "ProcessingConfiguration": {"Enabled": True, "Processors": list(processors)},
        **members,
    }
    if partitioned:
        body["DynamicPartitioningConfiguration"] = {"Enabled": True}
        body.setdefault("Prefix", "v/dt=!{partitionKeyFromQuery:dt}/")
    return read_destination(body, name="s", arn="arn:s", region="us-east-1", account="000000000000", source_arn=None)


def conversion_to(table: str = "events") -> dict[str, Any]:
    return {
        "SchemaConfiguration": {"RoleARN": "arn:role", "DatabaseName": "db", "TableName": table},
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
    }


def record(data: bytes, *, at: float = T0, number: str = "1") -> SourceRecord:
    return SourceRecord(data, Origin(number, at))


def rendered(deliveries: list[Delivery], *columns: tuple[str, str], now: float = T0) -> list[S3Object]:
    conversions, names = Conversions(OneTable(*columns)), Names()
    return [item for delivery in deliveries for item in objects(delivery, conversions, names, now=now)]


def test_records_are_joined_without_a_delimiter_under_the_default_folders() -> None:
    stream = DeliveryStream(config())
    stream.accept([record(b"a"), record(b"b")], T0)

    (item,) = rendered(stream.deliveries(T0 + 300))

    assert item.body == b"ab"
    assert item.key == "2027/01/15/08/s-1-2027-01-15-08-00-00-u1"


def test_a_delimiter_is_appended_to_every_record_when_asked_for() -> None:
    stream = DeliveryStream(config(processor("AppendDelimiterToRecord", Delimiter="\\n")))
    stream.accept([record(b"a"), record(b"b")], T0)

    assert rendered(stream.deliveries(T0, force=True))[0].body == b"a\nb\n"


def test_gzip_objects_are_gzip_and_say_so() -> None:
    stream = DeliveryStream(config(CompressionFormat="GZIP", Prefix="archive/dt=!{timestamp:yyyy-MM-dd}/"))
    stream.accept([record(b"a"), record(b"b")], T0)

    (item,) = rendered(stream.deliveries(T0, force=True))

    assert gzip.decompress(item.body) == b"ab"
    assert item.key == "archive/dt=2027-01-15/s-1-2027-01-15-08-00-00-u1.gz"


def test_nothing_is_due_before_its_interval_and_everything_is_at_it() -> None:
    stream = DeliveryStream(config(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60}))
    stream.accept([record(b"a")], T0)
    stream.accept([record(b"b")], T0 + 59)

    assert stream.deliveries(T0 + 59.9) == []
    assert len(stream.deliveries(T0 + 60)) == 1
    assert stream.empty


def test_a_buffer_is_due_as_soon_as_it_has_its_size() -> None:
    stream = DeliveryStream(config(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900}))
    stream.accept([record(b"x" * 1000) for _ in range(1049)], T0)

    (delivery,) = stream.deliveries(T0)

    assert sum(piece.size for piece in delivery.pieces) == 1_049_000
    assert stream.empty


def test_an_object_is_dated_by_its_oldest_record() -> None:
    stream = DeliveryStream(config(Prefix="!{timestamp:HH}/"))
    stream.accept([record(b"b", at=T0), record(b"a", at=T0 - 3600)], T0)

    assert rendered(stream.deliveries(T0, force=True))[0].key.startswith("07/s-1-2027-01-15-07-00-00")


def test_sub_records_go_to_the_partition_that_the_query_names() -> None:
    stream = DeliveryStream(config(JSON_SPLIT, BY_DAY, partitioned=True))
    days = ["2027-01-14", "2027-01-15", "2027-01-14"]
    stream.accept([record(b"\n".join(json.dumps({"at": f"{day} 00:00:00"}).encode() for day in days))], T0)

    found = {item.key.split("/s-1")[0]: item.rows for item in rendered(stream.deliveries(T0, force=True))}

    assert found == {"v/dt=2027-01-14": 2, "v/dt=2027-01-15": 1}


def test_a_record_without_a_partition_key_goes_to_the_error_output_alone() -> None:
    stream = DeliveryStream(config(JSON_SPLIT, BY_DAY, partitioned=True))
    stream.accept([record(b'{"at":"2027-01-15"}{"at":null}{"at":""}{"at":5}{}', number="7")], T0)

    good, bad = rendered(stream.deliveries(T0, force=True), now=T0 + 1)

    assert (good.rows, bad.rows, bad.error) == (1, 4, "metadata-extraction-failed")
    assert bad.key == "errors/metadata-extraction-failed/s-1-2027-01-15-08-00-00-u2"
    assert bad.body.decode().splitlines()[0] == (
        '{"attemptsMade":1,"arrivalTimestamp":1800000000000,'
        '"errorCode":"DynamicPartitioning.MetadataExtractionFailed",'
        '"errorMessage":"partitionKeys values must not be null or empty",'
        '"attemptEndingTimestamp":1800000000000,"rawData":"eyJhdCI6bnVsbH0="}'
    )


def test_more_than_500_sub_records_are_not_split_and_fail_whole_as_on_aws() -> None:
    stream = DeliveryStream(config(JSON_SPLIT, BY_DAY, partitioned=True))
    stream.accept([record(b'{"at":"2027-01-15"}' * 501)], T0)

    (item,) = rendered(stream.deliveries(T0, force=True))

    assert item.error == "metadata-extraction-failed"
    assert json.loads(item.body)["errorMessage"] == "Non JSON record provided"


def test_500_sub_records_are_split() -> None:
    stream = DeliveryStream(config(JSON_SPLIT, BY_DAY, partitioned=True))
    stream.accept([record(b'{"at":"2027-01-15"}\n' * 500)], T0)

    assert [item.rows for item in rendered(stream.deliveries(T0, force=True))] == [500]


def test_one_partition_over_the_limit_goes_to_the_error_output() -> None:
    stream = DeliveryStream(config(JSON_SPLIT, BY_DAY, partitioned=True), partition_limit=2)
    days = ("2027-01-01", "2027-01-02", "2027-01-03", "2027-01-01")
    stream.accept([record(json.dumps({"at": day}).encode()) for day in days], T0)

    found = rendered(stream.deliveries(T0, force=True))

    assert Counter(item.error for item in found for _ in range(item.rows)) == {None: 3, "partition-limit-exceeded": 1}
    stream.accept([record(b'{"at":"2027-01-03"}')], T0)
    assert [item.error for item in rendered(stream.deliveries(T0, force=True))] == [None]


def test_each_partition_has_a_buffer_and_an_interval_of_its_own() -> None:
    stream = DeliveryStream(
        config(JSON_SPLIT, BY_DAY, partitioned=True, BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60})
    )
    stream.accept([record(b'{"at":"2027-01-01"}')], T0)
    stream.accept([record(b'{"at":"2027-01-02"}')], T0 + 30)

    assert [d.keys.query for d in stream.deliveries(T0 + 60)] == [(("dt", "2027-01-01"),)]
    assert [d.keys.query for d in stream.deliveries(T0 + 90)] == [(("dt", "2027-01-02"),)]


def test_over_the_ceiling_the_largest_buffer_is_closed_early() -> None:
    stream = DeliveryStream(config(JSON_SPLIT, BY_DAY, partitioned=True), ceiling=300)
    for day, length in (("2027-01-01", 50), ("2027-01-02", 150), ("2027-01-03", 50)):
        stream.accept([record(json.dumps({"at": day, "x": "y" * length}).encode())], T0)

    found = stream.deliveries(T0)

    assert [delivery.keys.query for delivery in found] == [(("dt", "2027-01-02"),)]
    assert len(stream.deliveries(T0, force=True)) == 2


def test_source_records_are_backed_up_untouched_also_those_that_fail() -> None:
    stream = DeliveryStream(
        config(
            *(JSON_SPLIT, BY_DAY),
            partitioned=True,
            S3BackupMode="Enabled",
            S3BackupConfiguration={"RoleARN": "arn:role", "BucketARN": "arn:aws:s3:::backup", "Prefix": "raw/"},
        )
    )
    stream.accept([record(b'{"at":"2027-01-01"}{"at":"2027-01-02"}'), record(b"oops")], T0)

    found = rendered(stream.deliveries(T0, force=True))

    (backup,) = [item for item in found if item.backup]
    assert (backup.bucket, backup.body) == ("backup", b'{"at":"2027-01-01"}{"at":"2027-01-02"}oops')
    assert len(found) == 4


def test_rows_are_converted_and_what_does_not_fit_is_documented_as_aws_does() -> None:
    stream = DeliveryStream(config(DataFormatConversionConfiguration=conversion_to()))
    coordinate = KinesisCoordinate("shardId-000000000000", "k", "495", 3)
    stream.accept([record(b'{"n":1}\n'), SourceRecord(b'{"n":"oops"}', Origin("9", T0, coordinate))], T0)

    good, bad = rendered(stream.deliveries(T0, force=True), ("n", "int"), now=T0 + 2)

    assert good.key.endswith("-u1.parquet")
    assert (good.rows, bad.rows) == (1, 1)
    assert bad.body.decode() == (
        '{"attemptsMade":1,"arrivalTimestamp":1800000000000,'
        '"lastErrorCode":"DataFormatConversion.MalformedData",'
        '"lastErrorMessage":"Data does not match the schema. Column n of type int32 takes a whole number of at most '
        '19 digits, not a fraction or an exponent","attemptEndingTimestamp":1800000002000,'
        '"rawData":"eyJuIjoib29wcyJ9","sequenceNumber":"495","subSequenceNumber":3,'
        '"dataCatalogTable":{"catalogId":"000000000000","databaseName":"db","tableName":"events",'
        '"region":"us-east-1","versionId":"LATEST","roleArn":"arn:role"}}\n'
    )


@pytest.mark.parametrize(
    ("table", "hive", "code"),
    [
        ("missing", "int", "DataFormatConversion.EntityNotFound"),
        ("events", "uniontype<int>", "DataFormatConversion.InvalidSchema"),
    ],
)
def test_a_table_that_cannot_be_used_fails_every_record_and_loses_none(table: str, hive: str, code: str) -> None:
    stream = DeliveryStream(config(DataFormatConversionConfiguration=conversion_to(table)))
    stream.accept([record(b'{"n":1}'), record(b'{"n":2}')], T0)

    (item,) = rendered(stream.deliveries(T0, force=True), ("n", hive))

    assert [json.loads(line)["lastErrorCode"] for line in item.body.splitlines()] == [code, code]


def test_an_update_gives_a_new_version_and_new_names() -> None:
    stream = DeliveryStream(config())
    stream.accept([record(b"a")], T0)

    assert stream.reconfigure(config(Prefix="new/")) == "2"
    assert rendered(stream.deliveries(T0, force=True))[0].key == "new/2027/01/15/08/s-2-2027-01-15-08-00-00-u1"


def test_progress_says_what_is_held_and_how_old_it_is() -> None:
    stream = DeliveryStream(config())
    stream.accept([record(b"abc", at=T0 - 5), record(b"de")], T0)

    progress = stream.progress(T0 + 10)

    assert (progress.records_in, progress.buffered_records, progress.buffered_bytes) == (2, 2, 5)
    assert progress.oldest_age == 15


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"a":1}{"a":2}', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":\n1}\n\n {"a":"}{"}\r\n', [b'{"a":\n1}', b'{"a":"}{"}']),
        (b'{"a":{}\n,"b":{}}', [b'{"a":{}\n,"b":{}}']),
        (b'{"a":1} [2]', [b'{"a":1} [2]']),
        (b'{"a":1}{', [b'{"a":1}{']),
        (b"", [b""]),
        (b"plain", [b"plain"]),
        (rb'{"a":"\ud800"} {"b":1}', [rb'{"a":"\ud800"}', b'{"b":1}']),
        (b"[" * 100_000, [b"[" * 100_000]),
    ],
)
def test_json_records_are_split_or_left_whole(data: bytes, expected: list[bytes]) -> None:
    assert split_json(data) == expected


def test_delimited_records_are_split_at_the_delimiter_up_to_500() -> None:
    split = split_delimited(b"||")

    assert split(b"a||b||") == [b"a", b"b"]
    assert split(b"||") == [b"||"]
    assert split(b"a||" * 501) == [b"a||" * 501]


DOCUMENTS = st.lists(
    st.builds(
        lambda day, number: json.dumps({"at": day, "n": number}).encode(),
        st.sampled_from(["2027-01-01", "2027-01-02", "2027-01-03", None, "", 5]),
        st.integers(0, 3) | st.just("x"),
    ),
    max_size=5,
)
BLOBS = st.one_of(
    DOCUMENTS.map(b"\n".join),
    DOCUMENTS.map(b"".join),
    st.sampled_from([b"oops", b"", b'{"at":"2027-01-01"', b'{"at":"2027-01-01","n":"\xff"}', b"[1]"]),
)


@given(st.lists(st.tuples(BLOBS, st.integers(0, 100)), max_size=12), st.integers(1, 5))
def test_every_document_ends_in_a_row_or_in_an_error_record(sent: list[tuple[bytes, int]], limit: int) -> None:
    stream = DeliveryStream(
        config(
            *(JSON_SPLIT, BY_DAY),
            partitioned=True,
            DataFormatConversionConfiguration=conversion_to(),
            BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
        ),
        partition_limit=limit,
    )
    now, found = T0, []
    for blob, pause in sent:
        now += pause
        stream.accept([record(blob, at=now)], now)
        found += rendered(stream.deliveries(now), ("at", "string"), ("n", "int"), now=now)
    found += rendered(stream.deliveries(now, force=True), ("at", "string"), ("n", "int"), now=now)

    expected = Counter(part for blob, _ in sent for part in split_json(blob))
    failed = [msgspec.json.decode(line) for item in found if item.error for line in item.body.splitlines()]
    rows = sum(item.rows for item in found if item.error is None)
    assert stream.empty
    assert rows + len(failed) == expected.total()
    raw = Counter(base64.b64decode(document["rawData"]) for document in failed)
    assert raw <= expected
    assert all(fits(part) for part in (expected - raw).elements())


def fits(part: bytes) -> bool:
    document = json.loads(part)
    return isinstance(document["n"], int) and isinstance(document["at"], str) and document["at"] != ""


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 20)), max_size=60))
def test_buffers_keep_within_their_hints(arrivals: list[tuple[int, float]]) -> None:
    made = config()
    hints = Hints(size=1000, interval=30)
    stream = DeliveryStream(replace(made, destination=replace(made.destination, hints=hints)))
    now, sizes, total = T0, [], 0
    for size, pause in arrivals:
        now += pause
        for delivery in stream.deliveries(now):
            sizes.append(sum(piece.size for piece in delivery.pieces))
        stream.accept([record(b"x" * size, at=now)], now)
        total += size
        assert stream.progress(now).oldest_age < hints.interval
    sizes += [sum(piece.size for piece in delivery.pieces) for delivery in stream.deliveries(now, force=True)]

    assert sum(sizes) == total
    assert all(size < hints.size + 300 for size in sizes)
