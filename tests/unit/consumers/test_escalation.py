"""Asking managed AI under every kind of trouble: the verdict lands, always, and says when something is missing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.breaker import Breaker
from consumers.budget import HourlyBudget
from consumers.deferred import DeferredConsumer
from consumers.effects import Destinations, Effects
from consumers.escalation import CALL_SECONDS, Escalation, Tally
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.ports import DefectError, ManagedServices, Question, TransientError, UnanswerableError
from consumers.report import Report
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness
from tests.fakes.firehose_events import transform_event
from tests.fakes.kinesis_events import NOW, kinesis_event, payload
from tests.fakes.managed import FakeManagedServices
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld

POLICY = """
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
[[terms]]
rule = "strong"
label = "insult"
score = 0.8
terms = ["scoundrel"]
[[managed]]
rule = "second_look"
service = "comprehend"
labels = { INSULT = "insult" }
borderline.insult = { low = 0.3, high = 0.7 }
"""
IMAGES = """
[[managed]]
rule = "images"
service = "rekognition"
labels = { Violence = "insult" }
"""
GUARD = """
[[managed]]
rule = "guard"
service = "bedrock"
guardrail = "abc"
guardrail_version = "1"
labels = { HATE = "insult" }
borderline.insult = { low = 0.3, high = 0.7 }
"""
T = TypeVar("T")
R = TypeVar("R")
START = NOW.timestamp() + 5
FAR = START + 1e6


class Bench:
    """A consumer that lives through several batches."""

    def __init__(
        self, services: ManagedServices | None, *, policy: str = POLICY, clock: VirtualClock | None = None
    ) -> None:
        self.clock = clock or VirtualClock(START)
        self.world = FakeWorld()
        self.moderator = Moderator(Policy.load(policy))
        self.rows = RowMaker(self.moderator, Lateness(), code_version="1")
        self.effects = Effects(
            Destinations("verdicts", "quarantine", 3600),
            streams=self.world.streams,
            bus=self.world.bus,
            statuses=self.world.table,
            clock=self.clock,
            retry=Retry(attempts=1),
        )
        self.escalation = Escalation(services, clock=self.clock)

    def process(self, texts: Iterable[str], *, deadline: float = FAR, **more: object) -> Report:
        consumer = Consumer(self.rows, self.effects, clock=self.clock, escalation=self.escalation)
        records = [payload(number, text, **more) for number, text in enumerate(texts)]
        return consumer.process(kinesis_event(records), deadline=deadline)

    def landed(self, *names: str) -> list[tuple[object, ...]]:
        return [tuple(row[name] for name in names) for row in self.world.rows("verdicts")]


def test_only_the_borderline_is_asked_about_and_the_answer_counts() -> None:
    services = FakeManagedServices()
    bench = Bench(services)
    report = bench.process(["hello awful day", "you fool", "you awful fool", "you awful scoundrel"])
    assert [question.parts for question in services.questions] == [("you fool", "you awful fool")]
    assert bench.landed("action", "top_score", "flags") == [
        ("allow", 0.0, []),
        ("flag", 0.4, []),
        ("block", 0.95, []),
        ("review", 0.8, []),
    ]
    assert bench.world.rows("verdicts")[2]["signals"] == [
        {"detector": "terms", "label": "insult", "score": 0.4, "rule": "mild"},
        {"detector": "comprehend", "label": "insult", "score": 0.95, "rule": "second_look"},
    ]
    assert report.asked == Tally(calls=1)
    assert report.actions == {"flag": 1, "block": 1, "review": 1, "allow": 1}
    assert [notice.action for notice in bench.world.notices] == ["flag", "block", "review"]


def test_without_an_open_case_nobody_is_asked_and_nothing_is_counted() -> None:
    services = FakeManagedServices()
    bench = Bench(services)
    assert bench.process(["hello", "you scoundrel"]).asked is None
    assert services.questions == []


def test_a_flood_of_one_text_is_one_question_and_each_verdict_has_the_answer() -> None:
    services = FakeManagedServices()
    bench = Bench(services, policy=POLICY.split("[[managed]]", maxsplit=1)[0] + GUARD)
    report = bench.process(["hate fool", "fool"] * 20)
    assert report.asked == Tally(calls=2)
    assert bench.landed("action", "flags") == [("review", []), ("flag", [])] * 20
    services = FakeManagedServices(lambda call, question: DefectError("down"))
    bench = Bench(services, policy=POLICY)
    assert bench.process(["fool"] * 20).asked == Tally(calls=1, failures=1, opened=1, degraded=20)


def test_an_image_alone_can_lead_to_a_verdict_that_somebody_is_told_of() -> None:
    bench = Bench(FakeManagedServices(), policy=POLICY + IMAGES)
    bench.process([""], media=[{"uri": "s3://media/war.jpg", "mime_type": "image/jpeg"}])
    assert bench.landed("action", "labels", "flags") == [("block", ["insult"], [])]
    assert len(bench.world.notices) == len(bench.world.writes) == 1


def test_with_nobody_to_ask_the_verdict_is_degraded() -> None:
    bench = Bench(None)
    report = bench.process(["you awful fool", "hello"])
    assert bench.landed("action", "flags") == [("flag", ["degraded"]), ("allow", [])]
    assert report.asked == Tally(degraded=1)


ALWAYS: list[tuple[Exception, Tally]] = [
    (TransientError("ThrottlingException"), Tally(calls=3, failures=3, degraded=2)),
    (TransientError("ReadTimeoutError"), Tally(calls=3, failures=3, degraded=2)),
    (DefectError("comprehend:DetectToxicContent was refused: AccessDeniedException"), Tally(1, 1, 1, 2)),
    (KeyError("ResultList"), Tally(1, 1, 1, 2)),
    # Once together, then each apart.
    (UnanswerableError("InvalidRequestException"), Tally(calls=3, degraded=2)),
]


@pytest.mark.parametrize(("error", "tally"), ALWAYS, ids=lambda value: type(value).__name__)
def test_whatever_goes_wrong_the_verdict_lands_as_the_local_detectors_have_it(error: Exception, tally: Tally) -> None:
    bench = Bench(FakeManagedServices(lambda call, question: error))
    report = bench.process(["you awful fool", "hello", "fool"])
    assert report.answer == {"batchItemFailures": []}
    assert bench.landed("action", "flags") == [("flag", ["degraded"]), ("allow", []), ("flag", ["degraded"])]
    assert report.asked == tally
    assert bench.world.rows("quarantine") == []


def test_a_failure_that_passes_is_tried_again_after_a_wait() -> None:
    bench = Bench(FakeManagedServices(lambda call, question: TransientError("x") if call < 2 else None))
    report = bench.process(["you awful fool"])
    assert bench.landed("action", "flags") == [("block", [])]
    assert report.asked == Tally(calls=3, failures=2)
    assert bench.clock.slept == [0.1, 0.2], "half of at most 0.2 and 0.4 seconds"


def test_what_is_refused_for_its_content_does_not_answer_for_its_neighbours() -> None:
    def behaviour(call: int, question: Question) -> Exception | None:
        return UnanswerableError("x") if any("cursed" in part for part in question.parts) else None

    bench = Bench(FakeManagedServices(behaviour))
    bench.process(["you awful fool", "cursed fool", "fool"])
    assert bench.landed("action", "flags") == [("block", []), ("flag", ["degraded"]), ("flag", [])]


def test_an_answer_that_is_too_short_is_no_answer() -> None:
    class Short(FakeManagedServices):
        def ask(self, question: Question) -> list[dict[str, float]]:
            return [{"INSULT": 1.0}]

    bench = Bench(Short())
    report = bench.process(["you fool", "awful fool"])
    assert bench.landed("action", "flags") == [("flag", ["degraded"])] * 2
    assert report.asked == Tally(1, 1, 1, 2)


def test_the_breaker_opens_lets_one_call_through_later_and_closes() -> None:
    up = [False]
    services = FakeManagedServices(lambda call, question: None if up[0] else TransientError("x"))
    bench = Bench(services)
    batches = [bench.process(["awful fool"]).asked for _ in range(5)]
    assert batches[3] == Tally(calls=1, failures=1, opened=1, degraded=1), "the tenth failure in a row"
    assert batches[4] == Tally(degraded=1), "nobody is called any more"
    bench.clock.time += 61
    three_calls = [f"awful fool {number} " * 500 for number in range(3)]
    asked = bench.process(three_calls).asked
    assert asked == Tally(calls=1, failures=1, opened=1, degraded=3), "one call is tried, the others wait for it"
    bench.clock.time += 61
    up[0] = True
    assert bench.process(three_calls).asked == Tally(calls=3)
    assert bench.landed("flags")[-3:] == [(["truncated"],)] * 3


def test_a_service_that_is_down_does_not_keep_the_others_from_answering() -> None:
    def behaviour(call: int, question: Question) -> Exception | None:
        return DefectError("down") if question.service == "comprehend" else None

    bench = Bench(FakeManagedServices(behaviour), policy=POLICY + GUARD)
    bench.process(["hateful fool", "fool"])
    assert bench.landed("action", "flags") == [("review", ["degraded"]), ("flag", ["degraded"])]
    assert bench.process(["hateful fool"]).asked == Tally(calls=1, degraded=1)


def test_the_budget_ends_and_comes_back_with_the_hour() -> None:
    services = FakeManagedServices()
    bench = Bench(services, policy=POLICY + GUARD.replace("labels", "calls_per_hour = 3\nlabels"))
    report = bench.process([f"hate fool {number}" for number in range(5)])
    assert report.asked == Tally(calls=1 + 3, degraded=2, over_budget=2)
    assert bench.landed("action", "flags") == [("review", [])] * 3 + [("flag", ["degraded"])] * 2
    assert bench.process(["hate fool"]).asked == Tally(calls=1, degraded=1, over_budget=1)
    bench.clock.time += 3600
    assert bench.process(["hate fool"]).asked == Tally(calls=2)


def test_nothing_is_begun_that_could_keep_the_verdicts_from_landing() -> None:
    clock = VirtualClock(START)

    def slowly(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Each call takes as long as it may; those of a wave run at the same time."""
        done = [function(item) for item in items]
        clock.time += CALL_SECONDS if done else 0
        return done

    services = FakeManagedServices()
    bench = Bench(services, policy=POLICY.split("[[managed]]", maxsplit=1)[0] + GUARD, clock=clock)
    bench.escalation = Escalation(services, clock=clock, each=slowly)
    report = bench.process([f"hate fool {number}" for number in range(20)], deadline=START + 20)
    assert report.answer == {"batchItemFailures": []}
    assert clock.time == START + 2 * CALL_SECONDS, "of 20 seconds 10 are for asking: two waves of eight"
    assert bench.landed("action", "flags") == [("review", [])] * 16 + [("flag", ["degraded"])] * 4


@pytest.mark.parametrize("left", [0.0, 1.0, 2 * CALL_SECONDS - 0.01])
def test_with_too_little_time_nobody_is_asked(left: float) -> None:
    services = FakeManagedServices()
    Bench(services).process(["awful fool"], deadline=START + left)
    assert services.questions == []


def test_the_deferred_lane_asks_too() -> None:
    bench = Bench(FakeManagedServices())
    consumer = DeferredConsumer(bench.rows, bench.effects, clock=bench.clock, escalation=bench.escalation)
    report = consumer.process(transform_event([payload(0, "awful fool"), payload(1, "hello")]), deadline=FAR)
    assert [record["result"] for record in report.answer["records"]] == ["Dropped", "Ok"]
    assert bench.landed("action", "flags") == [("block", [])]
    assert report.asked == Tally(calls=1)


def test_a_held_event_keeps_its_status_whatever_the_answer_is() -> None:
    bench = Bench(FakeManagedServices(), policy=POLICY.replace("low = 0.3", "low = 0.0"))
    bench.process(["hello", "awful day"], hold=True)
    assert [status.action for status in bench.world.writes] == ["allow", "block"]


@given(
    texts=st.lists(st.sampled_from(["hello", "fool", "awful fool", "scoundrel", "fool " * 300]), max_size=25),
    faults=st.lists(st.sampled_from([None, TransientError("x"), DefectError("y"), UnanswerableError("z")]), max_size=9),
)
def test_every_verdict_lands_once_and_is_degraded_or_answered(texts: list[str], faults: list[Exception | None]) -> None:
    def behaviour(call: int, question: Question) -> Exception | None:
        return faults[call] if call < len(faults) else None

    bench = Bench(FakeManagedServices(behaviour), policy=POLICY + GUARD)
    report = bench.process(texts)
    assert report.answer == {"batchItemFailures": []}
    rows = bench.world.rows("verdicts")
    assert [row["text_length"] for row in rows] == [len(text) for text in texts]
    degraded = [row for row in rows if "degraded" in msgspec.convert(row["flags"], list[str])]
    for text, row in zip(texts, rows, strict=True):
        answered = row["action"] == "block"
        assert answered <= ("awful" in text)
        assert answered or row in degraded or text != "awful fool"
        assert row not in degraded or "fool" in text
    assert len(degraded) == (report.asked.degraded if report.asked else 0)
    assert len(bench.world.notices) == len(bench.world.statuses) == sum(row["action"] != "allow" for row in rows)


def test_a_late_failure_does_not_keep_an_open_breaker_open_for_longer() -> None:
    breaker = Breaker(failures=1, seconds=60)
    assert breaker.failed(0.0)
    assert not breaker.failed(30.0)
    assert breaker.state(60.0) == "half_open"


def test_what_no_retry_mends_opens_the_breaker_at_once() -> None:
    breaker = Breaker(failures=10)
    assert breaker.failed(0.0, for_good=True)
    assert breaker.state(1.0) == "open"


@given(moments=st.lists(st.floats(0, 4 * 3600), max_size=40), limit=st.integers(1, 5))
def test_a_budget_is_never_exceeded_within_an_hour_of_the_clock(moments: list[float], limit: int) -> None:
    budget = HourlyBudget()
    taken = [int(now // 3600) for now in sorted(moments) if budget.take(now, limit=limit)]
    for hour in range(5):
        asked = sum(int(now // 3600) == hour for now in moments)
        assert taken.count(hour) == min(asked, limit)
