"""The deferred lane's transform under every kind of trouble: each id answered once, nothing dropped without its row."""

import base64
import json
import logging
import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.aws.application import Application, Parts
from consumers.batch import (
    MAX_ANSWER_BYTES,
    MalformedEventError,
    check_transform_answer,
    read_transform_batch,
)
from consumers.deferred import DeferredConsumer
from consumers.effects import Effects
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.ports import DefectError
from consumers.report import Report
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness
from tests.fakes.firehose_events import STREAM, record_id, transform_event
from tests.fakes.kinesis_events import NOW, kinesis_event, payload
from tests.fakes.policies import FixedPolicy
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

POLICY = Policy.load("""
id = "example"
[labels.spam]
flag = 0.3
[[terms]]
rule = "phrases"
label = "spam"
score = 0.5
terms = ["free money"]
""")
FAR = NOW.timestamp() + 60
LAMBDA_LIMIT = 6 * 1024 * 1024


class Faulty:
    policy_id, policy_version = "p", "v"
    managed = ()
    velocity = None
    handling: Mapping[str, str] = MappingProxyType({})

    def judge_all(self, contents: Sequence[Any]) -> list[object]:
        return [self.judge(one.text, surface=one.surface, language=one.language) for one in contents]

    def judge(self, text: str, *, surface: str, language: str | None = None, author_id: str | None = None) -> object:
        raise ValueError(text)


def parts(world: FakeWorld, *, moderator: object = None, attempts: int = 3) -> tuple[RowMaker, Effects, VirtualClock]:
    clock = VirtualClock(NOW.timestamp() + 5)
    effects = effects_on(world, clock, retry=Retry(attempts=attempts))
    return RowMaker(moderator or Moderator(POLICY), Lateness(), code_version="1.2.3"), effects, clock  # type: ignore[arg-type]


def process(
    world: FakeWorld, payloads: list[bytes], *, limit: int = MAX_ANSWER_BYTES, deadline: float = FAR, **options: Any
) -> Report:
    rows, effects, clock = parts(world, **options)
    consumer = DeferredConsumer(rows, effects, clock=clock, max_answer_bytes=limit)
    return consumer.process(transform_event(payloads), deadline=deadline)


def results(report: Report) -> list[str]:
    """What became of each record, in order; makes sure that the answer names each of them once."""
    check_transform_answer(report.answer, report.ids)
    assert [entry["recordId"] for entry in report.answer["records"]] == [record_id(n) for n in range(report.records)]
    return [entry["result"] for entry in report.answer["records"]]


def row(entry: dict[str, Any]) -> dict[str, Any]:
    """The row that an Ok hands to Firehose."""
    data = base64.b64decode(entry["data"], validate=True)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    decoded: dict[str, Any] = json.loads(data)
    return decoded


def as_lambda_writes_it(report: Report) -> int:
    return len(json.dumps(report.answer).encode())


def test_a_verdict_that_nobody_is_told_of_is_handed_to_firehose_with_its_partition() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "hello")])
    [entry] = report.answer["records"]
    assert results(report) == ["Ok"]
    assert row(entry)["event_id"] == "00000000-0000-7000-8000-000000000000"
    assert entry["metadata"] == {"partitionKeys": {"dt": "2026-11-20"}}
    assert world.effects == []


def test_a_record_that_is_no_event_is_dropped_only_with_its_row_in_the_quarantine() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "hello"), b"garbage"])
    assert results(report) == ["Ok", "Dropped"]
    [bad] = world.rows("quarantine")
    assert (bad["reason"], bad["shard_id"], bad["sequence_number"]) == ("json", f"firehose/{STREAM}", record_id(1))
    assert bad["arrived_at"] == "2026-11-20 12:00:00.001000"
    assert base64.b64decode(str(bad["payload"])) == b"garbage"


def test_the_line_feed_behind_a_record_is_no_part_of_it() -> None:
    world = FakeWorld()
    process(world, [b"garbage\n", b"two\n\n"])
    kept = [base64.b64decode(str(bad["payload"])) for bad in world.rows("quarantine")]
    assert kept == [b"garbage", b"two\n"]


def test_a_record_whose_quarantine_row_never_lands_fails_alone() -> None:
    world = FakeWorld(rows_fail=lambda call, item: True)
    report = process(world, [payload(0, "hello"), b"garbage", payload(2, "hello")])
    assert results(report) == ["Ok", "ProcessingFailed", "Ok"]
    assert (report.verdicts, report.bad, report.to_retry) == (2, 0, 1)


def test_a_verdict_that_is_told_lands_first_and_is_then_dropped() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "free money"), payload(1, "hello"), payload(2, "hello", hold=True)])
    assert results(report) == ["Dropped", "Ok", "Dropped"]
    assert world.effects == ["rows", "notices", "statuses"]
    assert [one["event_id"][-1] for one in world.rows("verdicts")] == ["0", "2"]  # type: ignore[index]
    assert [one.action for one in world.notices] == ["flag"]
    assert set(world.statuses) == {"c0", "c2"}


@pytest.mark.parametrize("port", ["notices_fail", "statuses_fail"])
def test_a_verdict_that_cannot_be_told_or_kept_fails_so_that_it_can_be_told_later(port: str) -> None:
    world = FakeWorld(**{port: lambda call, item: True})  # type: ignore[arg-type]
    report = process(world, [payload(0, "free money"), payload(1, "hello")])
    assert results(report) == ["ProcessingFailed", "Ok"]


def test_a_verdict_that_does_not_land_is_told_to_nobody() -> None:
    world = FakeWorld(rows_fail=lambda call, item: True)
    report = process(world, [payload(0, "free money"), payload(1, "hello")])
    assert results(report) == ["ProcessingFailed", "Ok"]
    assert (world.notices, world.writes) == ([], [])


def test_copies_of_one_held_content_all_fail_when_its_status_is_not_kept() -> None:
    world = FakeWorld(statuses_fail=lambda call, item: True)
    held = [payload(0, "hello", hold=True), payload(1, "hello", hold=True, content_id="c0"), payload(2, "hello")]
    assert results(process(world, held)) == ["ProcessingFailed", "ProcessingFailed", "Ok"]


def test_the_retries_last_until_the_time_is_up() -> None:
    world = FakeWorld(rows_fail=lambda call, item: call < 9)
    report = process(world, [b"garbage"], attempts=1000)
    assert results(report) == ["Dropped"]
    assert len(world.rows("quarantine")) == 1
    late = process(FakeWorld(rows_fail=lambda call, item: True), [b"garbage"], attempts=1000)
    assert results(late) == ["ProcessingFailed"]


def test_without_time_what_must_land_fails_and_the_rest_is_handed_over() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "hello"), b"garbage", payload(1, "free money")], deadline=0)
    assert results(report) == ["Ok", "ProcessingFailed", "ProcessingFailed"]
    assert world.effects == []


def test_what_does_not_fit_into_the_answer_lands_ahead_and_nothing_is_lost() -> None:
    world = FakeWorld()
    report = process(world, [payload(n, "hello") for n in range(10)], limit=6_000)
    answered = results(report)
    assert set(answered) == {"Ok", "Dropped"}
    assert as_lambda_writes_it(report) <= 6_000
    handed = {row(entry)["event_id"] for entry in report.answer["records"] if entry["result"] == "Ok"}
    landed = {one["event_id"] for one in world.rows("verdicts")}
    assert len(handed) + len(landed) == len(handed | landed) == 10
    assert world.notices == []


def smallest(number: int) -> bytes:
    """About the smallest document that is an event: rows are largest beside it."""
    return (
        b'{"schema_version":1,"event_id":"00000000-0000-7000-8000-%012d","content_id":"c","author_id":"a",'
        b'"surface":"s","created_at":"2026-11-20T12:00:00Z","text":"x"}' % number
    )


@pytest.mark.parametrize(
    "payloads",
    [
        # 3 MB is the most that Firehose gathers for a function; an event is 6 MB at most.
        [smallest(number) for number in range(3_000_000 // len(smallest(0)))],
        [payload(number, "x", note='"\\' * 120_000) for number in range(6)],
        [payload(number, "é" * 280, note="\\" * 400_000) for number in range(7)],
        [b"" for _ in range(40_000)],
        [payload(0, "x", note="\x01" * 160_000), *[b"{" for _ in range(25_000)]],
    ],
    ids=["smallest events", "quotes", "backslashes", "empty records", "a large one among garbage"],
)
def test_the_answer_stays_under_lambdas_limit_at_the_extremes(payloads: list[bytes]) -> None:
    world = FakeWorld()
    report = process(world, payloads)
    answered = results(report)
    assert as_lambda_writes_it(report) < LAMBDA_LIMIT
    handed = answered.count("Ok")
    assert handed + len(world.rows("verdicts")) + len(world.rows("quarantine")) == len(payloads)
    assert answered.count("ProcessingFailed") == 0


@given(
    kinds=st.lists(st.sampled_from(["good", "flagged", "held", "bad", "large"]), min_size=1, max_size=30),
    limit=st.integers(0, 40_000),
    seed=st.integers(0, 1000),
    failing=st.sampled_from([0.0, 0.3, 0.8]),
)
def test_every_record_is_in_one_place_whatever_fails(kinds: list[str], limit: int, seed: int, failing: float) -> None:
    chance = random.Random(seed)

    def fails(call: int, item: int) -> bool:
        return chance.random() < failing

    world = FakeWorld(rows_fail=fails, notices_fail=fails, statuses_fail=fails)
    make = {
        "good": lambda n: payload(n, "hello"),
        "flagged": lambda n: payload(n, "free money"),
        "held": lambda n: payload(n, "hello", hold=True),
        "bad": lambda n: b"garbage %d" % n,
        "large": lambda n: payload(n, "hello", note="x" * 5_000),
    }
    payloads = [make[kind](number) for number, kind in enumerate(kinds)]
    report = process(world, payloads, limit=limit, attempts=2)

    answered = results(report)
    size = as_lambda_writes_it(report)
    compact_event = json.dumps(transform_event(payloads), separators=(",", ":")).encode()
    assert size <= max(limit, len(compact_event))
    landed = {str(one["sequence_number"]) for name in ("verdicts", "quarantine") for one in world.rows(name)}
    told = {one.event_id for one in world.notices}
    for number, (kind, result) in enumerate(zip(kinds, answered, strict=True)):
        event_id = f"00000000-0000-7000-8000-{number:012d}"
        if result == "Dropped":
            assert record_id(number) in landed
        if result == "Ok":
            assert kind in ("good", "large")
            assert record_id(number) not in landed
        if kind == "flagged" and result != "ProcessingFailed":
            assert event_id in told
        if event_id in told:
            assert record_id(number) in landed
    failed = answered.count("ProcessingFailed")
    assert report.to_retry == failed
    assert report.verdicts + report.bad + failed == len(payloads)


def test_both_lanes_make_the_same_row_of_an_event_but_for_where_it_came_in() -> None:
    one, other = FakeWorld(), FakeWorld()
    rows, effects, clock = parts(other)
    Consumer(rows, effects, clock=clock).process(kinesis_event([payload(7, "free money")]), deadline=FAR)
    process(one, [payload(7, "free money") + b"\n"])
    [deferred], [live] = one.rows("verdicts"), other.rows("verdicts")
    assert {name for name in live if live[name] != deferred[name]} == {"shard_id", "sequence_number"}


def test_a_row_too_large_for_a_firehose_record_is_quarantined_and_never_told() -> None:
    world = FakeWorld()
    assert results(process(world, [payload(0, "free money", note='"' * 500_000)])) == ["Dropped"]
    assert [one["reason"] for one in world.rows("quarantine")] == ["size"]
    assert (world.rows("verdicts"), world.notices) == ([], [])


def test_code_that_fails_on_every_record_fails_the_invocation_so_that_firehose_keeps_them() -> None:
    with pytest.raises(DefectError, match="all 2 records"):
        process(FakeWorld(), [payload(0, "a"), payload(1, "b")], moderator=Faulty())


def test_a_record_that_alone_makes_the_code_fail_is_quarantined_as_poison() -> None:
    world = FakeWorld()
    assert results(process(world, [payload(0, "a"), b"garbage"], moderator=Faulty())) == ["Dropped", "Dropped"]
    assert sorted(str(one["reason"]) for one in world.rows("quarantine")) == ["json", "poison"]


def test_an_event_without_records_is_answered_with_none() -> None:
    assert process(FakeWorld(), []).answer == {"records": []}


@pytest.mark.parametrize(("told", "sub_sequence_number"), [({"subsequenceNumber": "3"}, 3), ({}, 0)])
def test_a_stream_that_reads_from_kinesis_tells_the_coordinate_there(
    told: dict[str, str], sub_sequence_number: int
) -> None:
    event = transform_event([b"x"])
    event["records"][0]["kinesisRecordMetadata"] = {  # type: ignore[index]
        "shardId": "shardId-000000000001",
        "partitionKey": "key",
        "approximateArrivalTimestamp": 1,
        "sequenceNumber": "4957",
        **told,
    }
    [record] = read_transform_batch(event).records
    assert (record.shard_id, record.sequence_number, record.sub_sequence_number, record.partition_key) == (
        *("shardId-000000000001", "4957", sub_sequence_number),
        "key",
    )


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"Records": []},
        {"records": None},
        {"deliveryStreamArn": "a", "records": [{}]},
        {"deliveryStreamArn": "a", "records": [{"recordId": "1", "approximateArrivalTimestamp": 1, "data": "%%"}]},
        {"deliveryStreamArn": "a", "records": [{"recordId": 1, "approximateArrivalTimestamp": 1, "data": ""}]},
        {"deliveryStreamArn": "a", "records": [{"recordId": "1", "approximateArrivalTimestamp": 1, "data": ""}] * 2},
    ],
)
def test_what_is_no_transform_event_is_a_typed_error(event: object) -> None:
    with pytest.raises(MalformedEventError):
        read_transform_batch(event)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"records": []},
        {"records": [{"recordId": "2", "result": "Dropped", "data": ""}]},
        {"records": [{"recordId": "1", "result": "ok", "data": ""}]},
        {"records": [{"recordId": "1", "result": "Ok", "data": "", "metadata": {"partitionKeys": {"dt": "d"}}}]},
        {"records": [{"recordId": "1", "result": "Ok", "data": "e30=", "metadata": {"partitionKeys": {"dt": ""}}}]},
    ],
)
def test_an_answer_that_would_not_mean_what_it_should_is_refused(answer: object) -> None:
    with pytest.raises(ValueError):
        check_transform_answer(answer, ["1"])


def test_nothing_of_the_content_is_in_logs_or_metrics(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "xyzzy-canary"
    rows, effects, clock = parts(FakeWorld(notices_fail=lambda call, item: True))
    policies = FixedPolicy(Moderator(POLICY))
    made_of = Parts(rows=rows, effects=effects, clock=clock, function="transform", policies=policies, to_log=True)
    application = Application(
        made_of, DeferredConsumer(rows, effects, clock=clock).process, check=check_transform_answer
    )
    application.handle(transform_event([payload(0, f"free money {canary}"), canary.encode()]), None)
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics["Records"], metrics["ToRetry"], metrics["Bad"]) == (2, 1, 1)
    assert canary not in json.dumps(metrics) + caplog.text


FLOODED = """
id = "flooded"
[labels.flood]
flag = 0.3
[[floods]]
rule = "fast"
label = "flood"
score = 0.5
events = 3
seconds = 10
"""


def test_a_flood_in_a_transform_batch_is_seen_as_in_a_kinesis_batch_with_the_same_verdicts() -> None:
    sent = [payload(number, f"text {number}", author_id="bob" if number == 1 else "ann") for number in range(4)]
    moderator = Moderator(Policy.load(FLOODED))
    streamed, put = FakeWorld(), FakeWorld()
    rows, effects, clock = parts(streamed, moderator=moderator)
    Consumer(rows, effects, clock=clock).process(kinesis_event(sent), deadline=FAR)
    rows, effects, clock = parts(put, moderator=moderator)
    report = DeferredConsumer(rows, effects, clock=clock).process(transform_event(sent), deadline=FAR)
    # Who is told of goes ahead and is dropped from the answer; the rest is handed to Firehose.
    assert [entry["result"] for entry in report.answer["records"]] == ["Dropped", "Ok", "Dropped", "Dropped"]
    answered = [json.loads(base64.b64decode(one["data"])) for one in report.answer["records"] if one["result"] == "Ok"]
    by_id = {row["verdict_id"]: row for row in [*answered, *put.rows("verdicts")]}
    for row in streamed.rows("verdicts"):
        same = by_id[row["verdict_id"]]
        assert (row["action"], row["signals"]) == (same["action"], same["signals"])
    assert [row["action"] for row in streamed.rows("verdicts")] == ["flag", "allow", "flag", "flag"]
    assert len(put.effects) >= 3
