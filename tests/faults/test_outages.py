"""A destination that does not answer for hours: sound records wait for it, and are not given up on."""

from collections import Counter
from pathlib import Path

import pytest

from infra.local.cloudformation.intrinsics import load_template, parameter_values
from tests.faults.account import NOTHING_WRONG, account
from tests.faults.pipeline import START, Pipeline, landed
from tests.faults.scenario import MODERATOR, events, produce
from tests.faults.trouble import Kind, Port, Trouble

MINUTE, HOUR = 60.0, 3_600.0
TEMPLATE = Path("infra/aws/template.yaml")


class Outage(Trouble):
    """One port fails from one virtual moment to another, whoever calls it and however often."""

    def __init__(self, port: Port, kind: Kind, *, begin: float, seconds: float) -> None:
        super().__init__()
        self.port, self.kind, self.begin, self.end = port, kind, begin, begin + seconds
        self.during = 0
        self.pipeline: Pipeline

    def of(self, port: Port) -> Kind | None:
        self.calls[port] += 1
        if port != self.port or not self.begin <= self.pipeline.clock.time < self.end:
            return None
        self.during += 1
        return self.kind


def settings() -> dict[str, int]:
    """What the template gives the mapping unless it is told otherwise."""
    given = parameter_values(load_template(TEMPLATE.read_text()), {})
    return {
        "max_retries": int(given["MaximumRetryAttempts"]),
        "max_age_seconds": int(given["MaximumRecordAgeSeconds"]),
    }


@pytest.mark.parametrize("seconds", [10 * MINUTE, HOUR, 6 * HOUR], ids=["ten minutes", "an hour", "six hours"])
@pytest.mark.parametrize("port", ["PutRecordBatch", "PutEvents", "PutStatuses"])
@pytest.mark.parametrize("bisect", [True, False], ids=["bisect", "whole"])
def test_sound_records_outlast_an_outage_and_are_hardly_landed_again(port: Port, seconds: float, bisect: bool) -> None:
    outage = Outage(port, "whole", begin=START + 5, seconds=seconds)
    outage.pipeline = pipeline = Pipeline(MODERATOR, outage, bisect=bisect, **settings())
    sent = events(90)
    accepted: set[str] = set()
    for part in range(3):
        accepted |= set(produce(pipeline, sent[part * 30 : part * 30 + 30]).accepted_ids)
        pipeline.run(30.0)
    pipeline.settle()

    assert outage.during > 3, "an outage that no call meets proves nothing"
    assert account(pipeline, accepted, {one.event_id: one.data for one in sent}) == NOTHING_WRONG
    assert pipeline.dead == []
    copies = Counter(row["event_id"] for row in landed(pipeline, "verdicts"))
    again = copies.total() - len(copies)
    # Whoever tries the destination again lands once more, and nobody else does.
    assert again <= outage.during + 10
    # Each of two shards, with two batches at a time, tries it once in half a minute at most.
    assert outage.during <= 4 * 2 * (seconds / 30 + 4)
    # When it is over, nothing waits longer than the mapping's longest wait and the breaker's together.
    assert pipeline.clock.time <= max(outage.end, START + 90) + 4 * 90


@pytest.mark.parametrize("seconds", [10 * MINUTE, HOUR, 6 * HOUR], ids=["ten minutes", "an hour", "six hours"])
@pytest.mark.parametrize("kind", ["whole", "part", "lost"])
def test_an_archive_that_takes_nothing_for_hours_loses_nothing_and_moderation_goes_on(
    kind: Kind, seconds: float
) -> None:
    outage = Outage("PutArchive", kind, begin=START + 5, seconds=seconds)
    outage.pipeline = pipeline = Pipeline(MODERATOR, outage, **settings())
    sent = events(90)
    accepted: set[str] = set()
    for part in range(3):
        accepted |= set(produce(pipeline, sent[part * 30 : part * 30 + 30]).accepted_ids)
        pipeline.run(30.0)
    before_it_ended = len(landed(pipeline, "verdicts"))
    pipeline.settle()
    assert outage.during > 3, "an outage that no call meets proves nothing"
    assert before_it_ended > 0
    assert account(pipeline, accepted, {one.event_id: one.data for one in sent}) == NOTHING_WRONG
