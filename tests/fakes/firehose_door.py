"""Firehose's API with fakes behind it: a clock that stands, a shelf for a bucket, no tables."""

import base64
from typing import Any

import pytest

from infra.local.errors import ApiError
from infra.local.firehose.api import FirehoseApi
from infra.local.firehose.driver import DeliveryStreamDriver, Ports
from infra.local.firehose.records import SourceRecord

T0 = 1_800_000_000.0
ERRORS = "errors/!{firehose:error-output-type}/"
DESTINATION = {"RoleARN": "arn:aws:iam::000000000000:role/firehose", "BucketARN": "arn:aws:s3:::lake"}


class VirtualClock:
    def __init__(self) -> None:
        self.moment = T0

    def now(self) -> float:
        return self.moment


class Shelf:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.objects[f"{bucket}/{key}"] = body


class NoTables:
    def get_table(self, database: str, name: str) -> dict[str, Any]:
        raise ApiError("EntityNotFoundException", name)


class NoRecords:
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/none"
    behind_ms = 0

    def read(self, now: float) -> list[SourceRecord]:
        return []

    def behind(self, now: float) -> bool:
        return False

    def read_to(self, now: float) -> dict[str, int]:
        return {}


class Door:
    """The API with what is behind it."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.shelf = VirtualClock(), Shelf()
        self.driver = DeliveryStreamDriver(Ports(self.shelf, NoTables()), self.clock)
        self.api = FirehoseApi(self.driver, open_source=lambda name, arn, started: NoRecords(), **settings)

    def create(self, name: str = "s", **body: Any) -> dict[str, Any]:
        given = {"ExtendedS3DestinationConfiguration": DESTINATION, **body}
        return self.api.call("CreateDeliveryStream", {"DeliveryStreamName": name, **given})

    def put(self, *data: bytes, name: str = "s") -> dict[str, Any]:
        entries = [{"Data": base64.b64encode(item).decode()} for item in data]
        return self.api.call("PutRecordBatch", {"DeliveryStreamName": name, "Records": entries})

    def refusal(self, action: str, **body: Any) -> ApiError:
        with pytest.raises(ApiError) as caught:
            self.api.call(action, body)
        return caught.value


def processors(*listed: tuple[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "Enabled": True,
        "Processors": [
            {
                "Type": kind,
                "Parameters": [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()],
            }
            for kind, parameters in listed
        ],
    }


QUERY = processors(("MetadataExtraction", {"MetadataExtractionQuery": "{dt: .dt}", "JsonParsingEngine": "JQ-1.6"}))
BY_DAY = {
    "Prefix": "v/dt=!{partitionKeyFromQuery:dt}/",
    "ErrorOutputPrefix": ERRORS,
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": QUERY,
}
