"""One run: events through delivery onto the stream and through the pipeline, while something goes wrong."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from producers.delivery.aggregating import Packer
from producers.delivery.batching import Batcher
from producers.delivery.report import DeliveryReport, DeliverySettings
from producers.delivery.sending import open_delivery
from producers.partitioning import partition_key
from producers.ports import OutRecord
from tests.fakes.stream import VirtualClock
from tests.faults.account import CANARY, Account, account
from tests.faults.pipeline import START, Pipeline
from tests.faults.trouble import Fault, Trouble

_POLICY = """
id = "faults"
[labels.spam]
flag = 0.3
block = 0.9
[[terms]]
rule = "{rule}"
label = "spam"
score = {score}
terms = ["free money"]
"""
MODERATOR = Moderator(Policy.load(_POLICY.format(rule="phrases", score=0.5)))
OTHER_MODERATOR = Moderator(Policy.load(_POLICY.format(rule="stricter", score=0.95)))

CALL_RECORDS = 9
"""Records in one PutRecords call, so that a few events make several calls."""


def events(count: int, *, first: int = 0) -> list[OutRecord]:
    """Events, every third acted on, every eleventh one that no consumer can read."""
    made = []
    for number in range(first, first + count):
        text = f"free money {CANARY} {number}" if number % 3 == 0 else f"hello {CANARY} {number}"
        event = {
            "schema_version": 1,
            "event_id": f"00000000-0000-7000-8000-{number:012d}",
            "content_id": f"c{number}",
            "author_id": f"a{number % 5}",
            "surface": "comment",
            "created_at": "2026-11-18T08:00:00.000000Z",
            "text": number if number % 11 == 7 else text,
        }
        made.append(OutRecord(str(event["event_id"]), partition_key(f"c{number}"), msgspec.json.encode(event)))
    return made


def produce(
    pipeline: Pipeline, records: Sequence[OutRecord], *, on_call: Callable[[int], object] = lambda number: None
) -> DeliveryReport:
    """Sends the records, a call at a time.

    Args:
        pipeline: onto its stream.
        records: what to send.
        on_call: told the number of each call before it is made.
    """

    class Stream:
        calls = 0

        def put(self, batch: Sequence[OutRecord]) -> object:
            on_call(self.calls)
            self.calls += 1
            return pipeline.put(batch)

    delivery = open_delivery(
        Stream(),  # type: ignore[arg-type]
        clock=VirtualClock(START),
        settings=DeliverySettings(in_flight=1, max_attempts=6),
        batcher=Batcher(max_records=CALL_RECORDS),
    )
    for record in records:
        delivery.put(record)
    return delivery.close()


def aggregates(records: Sequence[OutRecord]) -> list[OutRecord]:
    """The same events, several in a record."""
    packer = Packer(buckets=4, max_records=5)
    made = [one for record in records for one in packer.add(record, now=START)]
    return made + packer.drain()


def run(
    *faults: Fault,
    count: int = 45,
    aggregate: bool = False,
    seed: int = 0,
    between: Sequence[Callable[[Pipeline], object]] = (),
    on_call: Callable[[Pipeline, int], object] = lambda pipeline, number: None,
    **options: Any,
) -> tuple[Account, Trouble]:
    """The account of one run, and what went wrong in it.

    The events come in three parts, with time for buffers to fill in between.

    Args:
        faults: what fails, and when.
        count: how many events.
        aggregate: whether several events are in one record.
        seed: changes which events these are, and so how they fall into calls and batches.
        between: what is done with the pipeline after each part.
        on_call: what is done before each PutRecords call.
        **options: of the event source mapping.
    """
    trouble = Trouble(*faults)
    pipeline = Pipeline(MODERATOR, trouble, **options)
    sent = events(count, first=seed * 1_000)
    accepted: set[str] = set()
    for part in range(3):
        records = sent[part::3]
        report = produce(
            pipeline,
            aggregates(records) if aggregate else records,
            on_call=lambda number: on_call(pipeline, number),
        )
        accepted |= set(report.accepted_ids)
        pipeline.run(61.0)
        if part < len(between):
            between[part](pipeline)
    pipeline.settle()
    RUNS.append((faults, result := account(pipeline, accepted, {one.event_id: one.data for one in sent})))
    return result, trouble


RUNS: list[tuple[tuple[Fault, ...], Account]] = []
"""Every run so far, for the table that is printed at the end."""
