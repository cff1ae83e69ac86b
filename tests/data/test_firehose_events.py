"""The event a transform function gets has the members of the samples that AWS's own tools publish."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from infra.local.firehose.config import read_destination
from infra.local.firehose.records import KinesisCoordinate, Origin, SourceRecord
from infra.local.firehose.transform import TransformBatch, event_of

EVENTS = Path(os.environ["STREAMKEEPER_DATA"]) / "vectors" / "aws_events"
SAMPLES = [
    ("powertools/kinesisFirehosePutEvent.json", False),
    ("powertools/kinesisFirehoseKinesisEvent.json", True),
    ("lambda_go/kinesis-firehose-event.json", True),
]


def ours(sample: dict[str, Any], *, from_stream: bool) -> dict[str, Any]:
    """The event that the twin sends for a sample's records."""
    config = read_destination(
        {"RoleARN": "arn:role", "BucketARN": "arn:aws:s3:::lake"},
        name="s",
        arn=sample["deliveryStreamArn"],
        region=sample["region"],
        account="000000000000",
        source_arn=sample["sourceKinesisStreamArn"] if from_stream else None,
    )
    records = []
    for record in sample["records"]:
        coordinate = None
        if from_stream:
            told = record["kinesisRecordMetadata"]
            coordinate = KinesisCoordinate(
                told["shardId"], told["partitionKey"], told["sequenceNumber"], told["subsequenceNumber"]
            )
        origin = Origin(record["recordId"], record["approximateArrivalTimestamp"] / 1000, coordinate)
        records.append(SourceRecord(base64.b64decode(record["data"]), origin))
    made: dict[str, Any] = json.loads(event_of(TransformBatch(records), config, invocation_id=sample["invocationId"]))
    return made


@pytest.mark.parametrize(("name", "from_stream"), SAMPLES)
def test_our_event_is_the_sample(name: str, from_stream: bool) -> None:
    sample = json.loads((EVENTS / name).read_text())

    assert ours(sample, from_stream=from_stream) == sample
