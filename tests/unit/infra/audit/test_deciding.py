"""The audit of verdicts in which managed AI took part: its word is taken as it stands, all that follows is compared."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from consumers.escalation import Escalation
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.ports import DefectError
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.catalog.tables import VERDICTS
from glue.codec import Lateness
from infra.audit.deciding import Again, decide_again
from tests.fakes.audited_lake import AuditedLake
from tests.fakes.kinesis_events import NOW, kinesis_event, payload
from tests.fakes.managed import FakeManagedServices
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

MODERATOR = Moderator(
    Policy.load("""
id = "example"
[labels.insult]
flag = 0.3
review = 0.6
block = 0.9
[[terms]]
rule = "mild"
label = "insult"
score = 0.4
terms = ["fool"]
[[managed]]
rule = "guard"
service = "bedrock"
guardrail = "abc"
guardrail_version = "1"
labels = { INSULTS = "insult" }
borderline.insult = { low = 0.3, high = 0.7 }
""")
)
TEXTS = ["hello", "you fool", "you awful fool", "a fool that nobody answers for"]
KEY = "verdicts/dt=2026-11-20/part.parquet"


def again(change: Callable[[list[dict[str, Any]]], None]) -> Again:
    """What deciding again says of the rows of four events, after a change to them."""
    clock = VirtualClock(NOW.timestamp() + 5)
    world = FakeWorld()
    effects = effects_on(world, clock, retry=Retry(attempts=1), seconds=60)
    services = FakeManagedServices(lambda call, asked: DefectError("down") if "nobody" in asked.parts[0] else None)
    payloads = [payload(number, text) for number, text in enumerate(TEXTS)]
    Consumer(
        RowMaker(MODERATOR, Lateness(), code_version="1"),
        effects,
        clock=clock,
        escalation=Escalation(services, clock=clock),
    ).process(kinesis_event(payloads), deadline=clock.time + 60)
    lake = AuditedLake(10)
    lake.store.stored.clear()
    lake.lake.write(
        "archive/dt=2026-11-20/streamkeeper-archive-1-2026-11-20-12-00-00-00000001.gz",
        gzip.compress(b"".join(one + b"\n" for one in payloads), mtime=0),
    )
    rows: list[dict[str, Any]] = world.rows("verdicts")
    assert [row["action"] for row in rows] == ["allow", "flag", "block", "flag"]
    change(rows)
    lake.put_rows(VERDICTS, KEY, rows)
    return decide_again(
        lake.lake,
        archive=lake.lake.objects("archive/"),
        verdicts=lake.lake.objects("verdicts/"),
        moderators=lambda policy_id, version: MODERATOR,
    )


def test_what_managed_ai_decided_and_what_it_did_not_is_sound_and_counted() -> None:
    result = again(lambda rows: None)
    assert result.findings == []
    assert result.compared == 4
    assert result.unjudged == {"what managed AI said, or did not say, was taken as it stands": 2}


def managed(row: dict[str, Any], **other: object) -> None:
    signal = {"detector": "bedrock", "label": "insult", "score": 0.95, "rule": "guard", **other}
    row.update(signals=[*row["signals"], signal], action="block", top_score=signal["score"])
    row.update(labels=["insult"], top_label="insult")


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda rows: rows[2].update(action="review"), "action"),
        (lambda rows: rows[2].update(excerpt="another"), "excerpt"),
        (lambda rows: rows[2]["signals"].pop(0), "signals"),
        (lambda rows: rows[3].update(action="block"), "action"),
        (lambda rows: rows[0].update(flags=["degraded"]), "flags"),
        (lambda rows: managed(rows[0]), "signals"),
        (lambda rows: managed(rows[1], rule="nobody"), "signals"),
        (lambda rows: managed(rows[1], detector="comprehend"), "signals"),
        (lambda rows: managed(rows[1], score=0.45), "signals"),
    ],
    ids=["action", "excerpt", "local signal", "degraded", "flag", "unasked", "no such rule", "service", "score"],
)
def test_managed_ai_is_no_excuse_for_a_row_that_says_something_else(
    change: Callable[[list[dict[str, Any]]], None], differs: str
) -> None:
    [finding] = again(change).findings
    assert finding.kind == "altered"
    assert differs in finding.detail
