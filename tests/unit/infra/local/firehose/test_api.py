"""Firehose's API: limits, faults, throttling, refusals by name, and answers that an unmodified boto3 takes."""

import base64
import itertools
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from infra.local.firehose.limits import DirectPutQuota, PutFaults
from tests.fakes.firehose_door import BY_DAY, DESTINATION, ERRORS, Door, processors


@pytest.fixture
def door() -> Door:
    door = Door()
    door.create()
    return door


def test_a_record_that_is_answered_with_an_id_is_written(door: Door) -> None:
    answer = door.put(b"a", b"b")

    door.driver.flush()

    assert answer["FailedPutCount"] == 0
    assert len({item["RecordId"] for item in answer["RequestResponses"]}) == 2
    assert list(door.shelf.objects.values()) == [b"ab"]


def test_put_record_takes_one(door: Door) -> None:
    answer = door.api.call("PutRecord", {"DeliveryStreamName": "s", "Record": {"Data": "YQ=="}})

    assert answer["RecordId"]
    assert answer["Encrypted"] is False


def test_a_batch_of_500_records_and_of_exactly_four_mebibytes_is_taken(door: Door) -> None:
    assert door.put(*[b"x"] * 500)["FailedPutCount"] == 0
    assert door.put(*[b"x" * 838_860] * 5, b"xxxx")["FailedPutCount"] == 0


@pytest.mark.parametrize(
    ("records", "code", "message"),
    [
        ([], "ValidationException", "greater than or equal to 1"),
        (None, "ValidationException", "must not be null"),
        ([{"Data": "YQ=="}] * 501, "ValidationException", "less than or equal to 500; got 501"),
        ([{}], "ValidationException", "records.1.member.data"),
        ([{"Data": 5}], "SerializationException", "base64"),
        ([{"Data": "?"}], "SerializationException", "base64"),
        (
            [{"Data": base64.b64encode(b"x" * 1_024_001).decode()}],
            "ValidationException",
            "less than or equal to 1024000; got 1024001",
        ),
        (
            [{"Data": base64.b64encode(b"x" * 838_861).decode()}] * 5,
            "InvalidArgumentException",
            "4194305 bytes of at most 4194304",
        ),
    ],
)
def test_a_batch_over_a_limit_is_refused_whole(door: Door, records: Any, code: str, message: str) -> None:
    error = door.refusal("PutRecordBatch", DeliveryStreamName="s", Records=records)

    assert error.code == code
    assert message in error.message
    assert door.driver.idle()


def test_a_record_of_exactly_1000_kib_is_taken(door: Door) -> None:
    assert door.put(b"x" * 1_024_000)["FailedPutCount"] == 0


class Every(PutFaults):
    """Fails every n-th record of a call."""

    def __init__(self, step: int) -> None:
        self.step = step

    def failing(self, stream: str, records: Sequence[bytes]) -> Collection[int]:
        return range(0, len(records), self.step)


def test_injected_faults_fail_their_records_alone_inside_a_200() -> None:
    door = Door(faults=Every(2))
    door.create()

    answer = door.put(b"a", b"b", b"c", b"d")
    door.driver.flush()

    assert answer["FailedPutCount"] == 2
    assert [item.get("ErrorCode") for item in answer["RequestResponses"]] == [
        "ServiceUnavailableException",
        None,
        "ServiceUnavailableException",
        None,
    ]
    assert list(door.shelf.objects.values()) == [b"bd"]


def test_a_single_record_that_faults_is_an_error_of_the_call() -> None:
    door = Door(faults=Every(1))
    door.create()

    error = door.refusal("PutRecord", DeliveryStreamName="s", Record={"Data": "YQ=="})

    assert (error.code, error.status) == ("ServiceUnavailableException", 503)


def test_puts_over_the_quota_are_throttled_and_pass_a_second_later() -> None:
    door = Door(quota=DirectPutQuota(requests=10, records=3, size=1000))
    door.create()

    assert door.put(b"a", b"b", b"c", b"d")["FailedPutCount"] == 1
    assert door.put(b"a")["FailedPutCount"] == 1
    door.clock.moment += 1
    assert door.put(b"a", b"b", b"c")["FailedPutCount"] == 0
    door.clock.moment += 1
    assert door.put(b"x" * 600, b"x" * 600)["FailedPutCount"] == 1


def test_an_unknown_action_is_refused(door: Door) -> None:
    assert door.refusal("DescribeNothing").code == "UnknownOperationException"


def test_a_stream_that_is_not_there_is_named(door: Door) -> None:
    for action in (
        "PutRecord",
        "PutRecordBatch",
        "DescribeDeliveryStream",
        "DeleteDeliveryStream",
        "UpdateDestination",
    ):
        error = door.refusal(action, DeliveryStreamName="nope")
        assert (error.code, "nope" in error.message) == ("ResourceNotFoundException", True)


def test_a_name_is_taken_once(door: Door) -> None:
    assert (
        door.refusal(
            "CreateDeliveryStream", DeliveryStreamName="s", ExtendedS3DestinationConfiguration=DESTINATION
        ).code
        == "ResourceInUseException"
    )


@pytest.mark.parametrize(
    "member",
    [
        "RedshiftDestinationConfiguration",
        "HttpEndpointDestinationConfiguration",
        "IcebergDestinationConfiguration",
        "SplunkDestinationConfiguration",
        "S3DestinationConfiguration",
        "MSKSourceConfiguration",
        "DatabaseSourceConfiguration",
        "SomethingNew",
    ],
)
def test_what_is_not_modelled_is_refused_by_name(member: str) -> None:
    body = {"DeliveryStreamName": "s", "ExtendedS3DestinationConfiguration": DESTINATION, member: {}}

    error = Door().refusal("CreateDeliveryStream", **body)

    assert (error.code, member in error.message) == ("InvalidArgumentException", True)


SCHEMA = {"RoleARN": "arn:role", "DatabaseName": "db", "TableName": "t"}
CONVERSION = {
    "SchemaConfiguration": SCHEMA,
    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
}


REFUSED: dict[str, dict[str, Any]] = {
    "a buffer over 128 MiB": {"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 60}},
    "an interval over 900 s": {"BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 901}},
    "half of the hints": {"BufferingHints": {"SizeInMBs": 5}},
    "a small buffer with conversion": {
        "DataFormatConversionConfiguration": CONVERSION,
        "BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60},
    },
    "a small buffer with partitions": {**BY_DAY, "BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}},
    "compression with conversion": {
        "DataFormatConversionConfiguration": CONVERSION,
        "CompressionFormat": "GZIP",
    },
    "zip": {"CompressionFormat": "ZIP"},
    "partition keys without partitioning": {**BY_DAY, "DynamicPartitioningConfiguration": {"Enabled": False}},
    "partitioning without keys": {**BY_DAY, "Prefix": "v/"},
    "a key without a query": {**BY_DAY, "ProcessingConfiguration": processors()},
    "a key without a function": {**BY_DAY, "Prefix": "!{partitionKeyFromQuery:dt}/!{partitionKeyFromLambda:x}/"},
    "expressions without an error prefix": {"Prefix": "!{timestamp:yyyy}/"},
    "an error prefix that does not name the error": {"ErrorOutputPrefix": "e/!{timestamp:yyyy}/"},
    "an unknown letter": {"Prefix": "!{timestamp:YYYY}/", "ErrorOutputPrefix": ERRORS},
    "an unknown zone": {"CustomTimeZone": "Mars/Olympus"},
    "a query that jq does not know": {
        **BY_DAY,
        "ProcessingConfiguration": processors(
            ("MetadataExtraction", {"MetadataExtractionQuery": "{dt: .a |", "JsonParsingEngine": "JQ-1.6"})
        ),
    },
    "decompression": {"ProcessingConfiguration": processors(("Decompression", {"CompressionFormat": "GZIP"}))},
    "a delimiter that is not base64": {
        "ProcessingConfiguration": processors(("RecordDeAggregation", {"SubRecordType": "DELIMITED", "Delimiter": "|"}))
    },
    "a large function buffer": {
        "ProcessingConfiguration": processors(("Lambda", {"LambdaArn": "arn:f", "BufferSizeInMBs": "3.1"}))
    },
    "conversion without a table": {
        "DataFormatConversionConfiguration": {**CONVERSION, "SchemaConfiguration": {"DatabaseName": "db"}}
    },
    "orc": {
        "DataFormatConversionConfiguration": {
            **CONVERSION,
            "OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {}}},
        }
    },
    "the hive reader": {
        "DataFormatConversionConfiguration": {
            **CONVERSION,
            "InputFormatConfiguration": {"Deserializer": {"HiveJsonSerDe": {}}},
        }
    },
    "an option of the parquet writer that is not modelled": {
        "DataFormatConversionConfiguration": {
            **CONVERSION,
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"BlockSizeBytes": 67_108_864}}},
        }
    },
    "an older version of the table": {
        "DataFormatConversionConfiguration": {**CONVERSION, "SchemaConfiguration": {**SCHEMA, "VersionId": "3"}}
    },
    "an extension without a dot": {"FileExtension": "json"},
    "an extension with a slash": {"FileExtension": ".a/b"},
    "a backup without its place": {"S3BackupMode": "Enabled"},
    "no bucket": {"BucketARN": ""},
    "a bucket that is none": {"BucketARN": "lake"},
    "an unknown member": {"Compression": "GZIP"},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_destination_that_aws_refuses_is_refused(reason: str) -> None:
    error = Door().refusal(
        "CreateDeliveryStream",
        DeliveryStreamName="s",
        ExtendedS3DestinationConfiguration={**DESTINATION, **REFUSED[reason]},
    )

    assert error.code in ("InvalidArgumentException", "ValidationException")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"CompressionFormat": "GZIP", "FileExtension": ".json.gz"},
        {"DataFormatConversionConfiguration": CONVERSION},
        {"DataFormatConversionConfiguration": {**CONVERSION, "Enabled": False}, "CompressionFormat": "GZIP"},
        {**BY_DAY, "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0}},
        {"S3BackupMode": "Enabled", "S3BackupConfiguration": DESTINATION},
        {"CustomTimeZone": "Asia/Tokyo"},
    ],
)
def test_a_destination_that_aws_takes_is_taken(members: dict[str, Any]) -> None:
    Door().create(ExtendedS3DestinationConfiguration={**DESTINATION, **members})


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ü"])
def test_a_name_outside_the_pattern_is_refused(name: str) -> None:
    error = Door().refusal(
        "CreateDeliveryStream", DeliveryStreamName=name, ExtendedS3DestinationConfiguration=DESTINATION
    )

    assert error.code == "ValidationException"


def test_a_source_and_its_type_belong_together() -> None:
    source = {"KinesisStreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/c", "RoleARN": "arn:role"}
    door = Door()

    for body in (
        {"KinesisStreamSourceConfiguration": source},
        {"DeliveryStreamType": "KinesisStreamAsSource"},
        {"DeliveryStreamType": "MSKAsSource"},
    ):
        error = door.refusal(
            "CreateDeliveryStream", DeliveryStreamName="s", ExtendedS3DestinationConfiguration=DESTINATION, **body
        )
        assert error.code == "InvalidArgumentException"
    door.create(DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source)


def test_an_update_changes_prefix_and_version_and_keeps_the_rest(door: Door) -> None:
    update: dict[str, object] = {
        "DeliveryStreamName": "s",
        "CurrentDeliveryStreamVersionId": "1",
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationUpdate": {"Prefix": "new/"},
    }
    door.api.call("UpdateDestination", update)
    door.put(b"a")
    door.driver.flush()

    assert next(iter(door.shelf.objects)).startswith("lake/new/2027/01/15/08/s-2-")
    assert door.refusal("UpdateDestination", **update).code == "ConcurrentModificationException"
    other = {**update, "CurrentDeliveryStreamVersionId": "2", "DestinationId": "other"}
    assert door.refusal("UpdateDestination", **other).code == "InvalidArgumentException"


def test_partitioning_cannot_be_switched_on_by_an_update(door: Door) -> None:
    error = door.refusal(
        "UpdateDestination",
        DeliveryStreamName="s",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={**BY_DAY, "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60}},
    )

    assert "only when the delivery stream is created" in error.message


def test_a_backup_cannot_be_switched_off() -> None:
    door = Door()
    backed = {**DESTINATION, "S3BackupMode": "Enabled", "S3BackupConfiguration": DESTINATION}
    door.create(ExtendedS3DestinationConfiguration=backed)

    error = door.refusal(
        "UpdateDestination",
        DeliveryStreamName="s",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"S3BackupMode": "Disabled"},
    )

    assert "S3BackupMode" in error.message


# An unmodified boto3 in front of the API, without a socket between them.


def test_record_ids_are_unique_across_calls(door: Door) -> None:
    answers = itertools.chain.from_iterable(door.put(b"a", b"b")["RequestResponses"] for _ in range(5))

    assert len({answer["RecordId"] for answer in answers}) == 10
