"""The transform events that AWS's own tools publish are read as they are, and answered as AWS asks."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from consumers.batch import MalformedEventError, check_transform_answer, read_transform_batch
from consumers.deferred import DeferredConsumer
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

EVENTS = Path(os.environ["STREAMKEEPER_DATA"]) / "vectors" / "aws_events"
SAMPLES = [
    "powertools/kinesisFirehosePutEvent.json",
    "powertools/kinesisFirehoseKinesisEvent.json",
    "powertools/kinesisFirehoseSQSEvent.json",
    "lambda_go/kinesis-firehose-event.json",
    "sam_cli/kinesis-firehose.json",
    "sam_cli/streams-as-source.json",
    "sam_cli/cloudwatch-logs-processor.json",
]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_answered_id_by_id_with_its_records_in_the_quarantine(name: str) -> None:
    sample: dict[str, Any] = json.loads((EVENTS / name).read_text())
    world, clock = FakeWorld(), VirtualClock(1_700_000_000.0)
    effects = effects_on(world, clock, retry=Retry())
    rows = RowMaker(Moderator(Policy.load(read_policy("default"))), Lateness(), code_version="1")

    report = DeferredConsumer(rows, effects, clock=clock).process(sample, deadline=clock.time + 60)

    check_transform_answer(report.answer, [record["recordId"] for record in sample["records"]])
    # None of them holds one of our events.
    assert {entry["result"] for entry in report.answer["records"]} == {"Dropped"}
    assert len(world.rows("quarantine")) == len(sample["records"])
    expected = [record.get("kinesisRecordMetadata", {}).get("shardId") for record in sample["records"]]
    got = [record.shard_id for record in read_transform_batch(sample).records]
    assert [one if one.startswith("shardId") else None for one in got] == expected


@pytest.mark.parametrize("name", ["sam_cli/syslog.json", "sam_cli/apachelog.json"])
def test_a_sample_with_an_id_twice_or_broken_base64_is_no_event_of_firehose(name: str) -> None:
    with pytest.raises(MalformedEventError):
        read_transform_batch(json.loads((EVENTS / name).read_text()))
