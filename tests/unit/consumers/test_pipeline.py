"""One batch from event to answer, under every kind of trouble: nothing is lost, nothing is answered too early."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.effects import MAX_NOTICES, MAX_PUT_BYTES, MAX_PUT_RECORDS
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.ports import DefectError
from consumers.report import Report
from consumers.resend import Retry
from consumers.rows import MAX_PACK_BYTES, RowMaker
from glue.codec import Lateness
from glue.contract import BadRow
from tests.fakes.kinesis_events import NOW, aggregate, kinesis_event, payload
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

POLICY = Policy.load("""
id = "example"
[labels.spam]
flag = 0.3
block = 0.9
[[terms]]
rule = "phrases"
label = "spam"
score = 0.5
terms = ["free money"]
[[terms]]
rule = "worse"
label = "spam"
score = 0.9
terms = ["cheap pills"]
""")
MODERATOR = Moderator(POLICY)
FAR = NOW.timestamp() + 1e6


def consumer(world: FakeWorld, *, attempts: int = 3, moderator: object = MODERATOR, now: float = 0) -> Consumer:
    clock = VirtualClock(now or NOW.timestamp() + 5)
    effects = effects_on(world, clock, retry=Retry(attempts=attempts))
    return Consumer(RowMaker(moderator, Lateness(), code_version="1.2.3"), effects, clock=clock)  # type: ignore[arg-type]


def process(world: FakeWorld, payloads: list[bytes], *, deadline: float = FAR, **options: object) -> Report:
    return consumer(world, **options).process(kinesis_event(payloads), deadline=deadline)  # type: ignore[arg-type]


def open_from(report: Report) -> int | None:
    """The position from which Lambda is to run again; None: nothing."""
    failures = report.answer["batchItemFailures"]
    return int(failures[0]["itemIdentifier"]) - 1000 if failures else None


def test_every_record_becomes_a_verdict_or_a_bad_row_and_the_batch_is_done() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "hello"), b"garbage", payload(1, "free money"), payload(2, "", media=[])])
    assert report.answer == {"batchItemFailures": []}
    assert [row["action"] for row in world.rows("verdicts")] == ["allow", "flag"]
    assert [row["reason"] for row in world.rows("quarantine")] == ["json", "text"]
    assert (report.events, report.verdicts, report.bad, report.to_retry) == (4, 2, 2, 0)
    assert report.actions == {"allow": 1, "flag": 1}


def test_a_batch_without_records_is_done_and_counts_nothing() -> None:
    world = FakeWorld()
    report = process(world, [])
    assert report == Report({"batchItemFailures": []})
    counts = [value for value in msgspec.structs.asdict(report).values() if isinstance(value, int)]
    assert set(counts) == {0}
    assert world.effects == []


def test_rows_land_before_anyone_is_told() -> None:
    world = FakeWorld()
    process(world, [payload(0, "free money"), b"garbage"])
    assert world.effects == ["rows", "rows", "notices", "statuses"]


def test_a_verdict_row_holds_what_the_contract_says() -> None:
    world = FakeWorld()
    process(world, [payload(7, "free money, jo@example.org", extra=1)])
    [row] = world.rows("verdicts")
    assert row["created_at"] == "2026-11-20 11:59:00.007000"
    assert row["arrived_at"] == "2026-11-20 12:00:00.000000"
    assert row["decided_at"] == "2026-11-20 12:00:05.000000"
    assert (row["mode"], row["run_id"]) == ("live", "")
    assert row["labels"] == ["spam"]
    assert row["signals"] == [{"detector": "terms", "label": "spam", "score": 0.5, "rule": "phrases"}]
    assert (row["policy_id"], row["policy_version"]) == ("example", POLICY.version)
    assert row["excerpt"] == "free money, [email]"
    assert (row["shard_id"], row["sequence_number"], row["sub_sequence_number"]) == ("shardId-000000000000", "1000", 0)
    assert row["extra_json"] == '{"extra":1}'
    assert row["text_length"] == 26


def test_the_same_event_gets_the_same_ids_whenever_and_wherever_it_comes_again() -> None:
    first, again = FakeWorld(), FakeWorld()
    process(first, [payload(1, "free money")])
    process(again, [b"garbage", payload(1, "free money")], now=NOW.timestamp() + 99)
    for name in ("verdict_id", "fingerprint", "text_fingerprint"):
        assert first.rows("verdicts")[0][name] == again.rows("verdicts")[0][name]


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


def test_a_part_of_a_batch_that_comes_again_gives_the_same_ids_and_at_most_what_the_whole_showed() -> None:
    whole, part, moderator = FakeWorld(), FakeWorld(), Moderator(Policy.load(FLOODED))
    payloads = [payload(number, f"text {number}") for number in range(4)]
    process(whole, payloads, moderator=moderator)
    process(part, payloads[2:], moderator=moderator, now=NOW.timestamp() + 99)
    first, again = whole.rows("verdicts"), part.rows("verdicts")
    assert [row["action"] for row in first] == ["flag"] * 4
    assert [row["action"] for row in again] == ["allow"] * 2
    assert [row["verdict_id"] for row in again] == [row["verdict_id"] for row in first[2:]]
    # Of copies of one verdict the one that was decided first counts: docs/decisions/0006-current-verdicts.md.
    assert all(one["decided_at"] < other["decided_at"] for one, other in zip(first[2:], again, strict=True))


def test_texts_that_differ_only_in_case_and_width_share_a_text_fingerprint() -> None:
    world = FakeWorld()
    process(world, [payload(1, "Free  Money"), payload(2, "ｆｒｅｅ money"), payload(3, "free monkey")])
    one, two, three = (row["text_fingerprint"] for row in world.rows("verdicts"))
    assert one == two != three


def test_a_bad_row_keeps_the_bytes_up_to_a_limit_and_its_id_is_the_records() -> None:
    first, again = FakeWorld(), FakeWorld()
    large = b"x" * (256 * 1024 + 1)
    for world in (first, again):
        process(world, [b"x" * (256 * 1024), large, b"x"])
    rows = msgspec.convert(first.rows("quarantine"), list[BadRow])
    assert [row.payload is not None for row in rows] == [True, False, True]
    assert [row.payload_bytes for row in rows] == [256 * 1024, 256 * 1024 + 1, 1]
    assert [row.bad_row_id for row in rows] == [row["bad_row_id"] for row in again.rows("quarantine")]
    assert len({row.bad_row_id for row in rows}) == 3
    assert {(row.stage, row.code_version, row.partition_key) for row in rows} >= {("decode", "1.2.3", "key-0")}


def test_an_aggregate_that_cannot_be_opened_is_quarantined_and_its_neighbours_are_not() -> None:
    world = FakeWorld()
    container = aggregate([payload(1, "a"), payload(2, "b")])
    report = process(world, [payload(0, "x"), container[:-1] + b"?", payload(3, "y"), container])
    assert len(world.rows("verdicts")) == 4
    [bad] = world.rows("quarantine")
    assert (bad["reason"], bad["stage"], bad["sequence_number"]) == ("aggregate_corrupt", "deaggregate", "1001")
    assert (report.records, report.events) == (4, 5)


class Poisoned:
    """A moderator with a fault: it fails on one word, and says it."""

    policy_id, policy_version = "p", "v"
    managed = ()
    velocity = None
    handling = MODERATOR.handling

    def judge_all(self, contents: Sequence[Any]) -> list[object]:
        return [self.judge(one.text, surface=one.surface, language=one.language) for one in contents]

    def judge(self, text: str, *, surface: str, language: str | None = None, author_id: str | None = None) -> object:
        if "poison" in text:
            raise KeyError(text)
        return MODERATOR.judge(text, surface=surface, language=language)


def test_a_record_that_alone_makes_the_code_fail_is_quarantined_without_its_content_in_the_detail() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "ok"), payload(1, "poison secret")], moderator=Poisoned())
    assert report.answer == {"batchItemFailures": []}
    [bad] = world.rows("quarantine")
    assert (bad["reason"], bad["detail"], bad["stage"]) == ("poison", "KeyError", "moderate")
    assert report.poison == 1


def test_code_that_fails_on_every_record_fails_the_invocation_and_lands_nothing() -> None:
    world = FakeWorld()
    with pytest.raises(DefectError, match="all 2 records of the batch failed with KeyError") as caught:
        process(world, [payload(0, "poison secret"), payload(1, "poison")], moderator=Poisoned())
    assert "secret" not in str(caught.value)
    assert world.effects == []


def test_only_what_failed_is_sent_again_and_then_all_is_well() -> None:
    world = FakeWorld(rows_fail=lambda call, item: call == 0 and item == 1)
    payloads = [payload(number, "hello") for number in range(1200)]
    report = process(world, payloads)
    assert [len(put) for put in world.puts] == [3, 1]
    assert world.puts[1] == [world.puts[0][1]]
    assert len(world.rows("verdicts")) == 1200
    assert (report.answer, report.resent) == ({"batchItemFailures": []}, 1)


def test_a_pack_that_never_lands_opens_everything_from_its_first_record() -> None:
    world = FakeWorld(rows_fail=lambda call, item: (call == 0 and item == 1) or 0 < call < 3)
    payloads = [payload(number, "free money" if number in (499, 500, 900) else "hello") for number in range(1200)]
    report = process(world, payloads)
    assert open_from(report) == 500
    assert [one.event_id[-3:] for one in world.notices] == ["499"]
    assert (report.verdicts, report.to_retry) == (500, 700)


def test_a_bad_row_that_never_lands_opens_its_record() -> None:
    world = FakeWorld(calls_fail=frozenset({1, 2, 3}))
    report = process(world, [payload(0, "free money"), payload(1, "free money"), b"garbage", payload(2, "free money")])
    assert open_from(report) == 2
    assert [one.event_id[-1] for one in world.notices] == ["0", "1"]
    assert (report.verdicts, report.bad, report.to_retry) == (2, 0, 2)


def test_notices_that_do_not_get_through_are_sent_again_alone_and_then_open_their_record() -> None:
    world = FakeWorld(notices_fail=lambda call, item: (call, item) in {(0, 3), (1, 0)})
    payloads = [payload(number, "free money") for number in range(8)]
    assert process(world, payloads).answer == {"batchItemFailures": []}
    assert len(world.notices) == 8
    stuck = FakeWorld(notices_fail=lambda call, item: item == (3 if call == 0 else 0))
    report = process(stuck, payloads)
    assert open_from(report) == 3
    # What lies behind it will be told when it comes again; its status waits until then.
    assert [one.content_id for one in stuck.writes] == ["c0", "c1", "c2"]


def test_a_status_that_is_not_kept_opens_its_record() -> None:
    world = FakeWorld(statuses_fail=lambda call, item: item == (2 if call == 0 else 0))
    report = process(world, [payload(number, "free money") for number in range(8)])
    assert open_from(report) == 2
    assert report.statuses == 7


def test_only_verdicts_other_than_allow_are_told_and_a_held_one_always_has_a_status() -> None:
    world = FakeWorld()
    process(world, [payload(0, "hello"), payload(1, "hello", hold=True), payload(2, "cheap pills")])
    assert [(one.content_id, one.action) for one in world.notices] == [("c2", "block")]
    assert {key: one.action for key, one in world.statuses.items()} == {"c1": "allow", "c2": "block"}
    assert world.statuses["c2"].expires_at == int(NOW.timestamp()) + 5 + 3600


def test_copies_of_one_event_in_a_batch_are_told_once_and_land_each() -> None:
    world = FakeWorld()
    process(world, [payload(1, "free money")] * 3)
    assert len(world.rows("verdicts")) == 3
    assert len(world.notices) == len(world.writes) == 1


def test_the_status_of_content_is_that_of_its_latest_event_in_whatever_order_they_come() -> None:
    older = payload(1, "cheap pills", content_id="c")
    newer = payload(2, "free money", content_id="c")
    for order in ([older, newer], [newer, older]):
        together, apart = FakeWorld(), FakeWorld()
        process(together, order)
        for one in order:
            process(apart, [one])
        assert together.statuses["c"].action == apart.statuses["c"].action == "flag"
        assert len(together.writes) == 1


def test_a_replayed_event_lands_under_its_run_and_first_arrival_and_tells_nobody() -> None:
    world = FakeWorld()
    first = (NOW - timedelta(days=50)).isoformat().replace("+00:00", "Z")
    mark = {"run_id": "run-1", "arrived_at": first}
    created = (NOW - timedelta(days=51)).isoformat().replace("+00:00", "Z")
    replayed = payload(1, "free money", replay=mark, created_at=created)
    held = payload(2, "free money", replay=mark, created_at=created, hold=True)
    process(world, [replayed, held])
    rows = world.rows("verdicts")
    assert rows[0]["arrived_at"] == "2026-10-01 12:00:00.000000"
    assert (rows[0]["mode"], rows[0]["run_id"], rows[0]["flags"]) == ("live", "run-1", ["late", "replayed"][::-1])
    assert world.notices == []
    # Somebody still waits for what was held.
    assert list(world.statuses) == ["c2"]
    live = FakeWorld()
    process(live, [payload(1, "free money")])
    assert live.rows("verdicts")[0]["verdict_id"] != rows[0]["verdict_id"]
    unmarked, marked = FakeWorld(), FakeWorld()
    process(unmarked, [payload(1, "free money")])
    process(marked, [payload(1, "free money", replay={"run_id": "r", "arrived_at": NOW.isoformat()})])
    assert unmarked.rows("verdicts")[0]["fingerprint"] == marked.rows("verdicts")[0]["fingerprint"]


def test_a_replay_that_asks_for_it_tells_and_keeps_the_status_under_its_own_verdict_id() -> None:
    world, live = FakeWorld(), FakeWorld()
    mark = {"run_id": "run-1", "arrived_at": NOW.isoformat(), "notify": True}
    process(world, [payload(1, "free money", replay=mark), payload(2, "a fine day", replay=mark)])
    process(live, [payload(1, "free money")])
    [told], [told_live] = world.notices, live.notices
    assert (told.event_id, told.action) == (told_live.event_id, told_live.action)
    assert told.verdict_id == world.rows("verdicts")[0]["verdict_id"] != told_live.verdict_id
    assert list(world.statuses) == ["c1"]


def test_a_row_too_large_for_any_firehose_record_is_quarantined_and_never_told() -> None:
    world = FakeWorld()
    huge = payload(1, "free money", note='"' * 500_000)
    report = process(world, [payload(0, "hello"), huge, payload(2, "free money")])
    assert [row["event_id"][-1] for row in world.rows("verdicts")] == ["0", "2"]
    [bad] = world.rows("quarantine")
    assert (bad["reason"], bad["sequence_number"]) == ("size", "1001")
    assert [one.content_id for one in world.notices] == ["c2"]
    assert (report.events, report.verdicts, report.bad, report.to_retry) == (3, 2, 1, 0)


def test_what_no_retry_mends_fails_the_invocation() -> None:
    world = FakeWorld(raises={"rows": DefectError("firehose:PutRecordBatch was refused: AccessDeniedException.")})
    with pytest.raises(DefectError, match="AccessDenied"):
        process(world, [payload(0, "hello")])
    assert world.effects == ["rows"]


def test_without_time_nothing_is_sent_and_everything_is_open() -> None:
    world = FakeWorld()
    report = process(world, [payload(0, "free money"), b"garbage"], deadline=NOW.timestamp())
    assert (open_from(report), world.effects) == (0, [])
    assert (report.events, report.to_retry) == (2, 2)


def test_retries_end_in_time() -> None:
    world = FakeWorld(rows_fail=lambda call, item: True)
    clock = VirtualClock(NOW.timestamp())
    effects = effects_on(world, clock, retry=Retry(attempts=100, base=1.0, cap=4.0), seconds=1)
    one = Consumer(RowMaker(MODERATOR, Lateness(), code_version="1"), effects, clock=clock)
    report = one.process(kinesis_event([payload(0, "hello")]), deadline=NOW.timestamp() + 10)
    assert open_from(report) == 0
    assert clock.slept == [0.5, 1.0, 2.0, 2.0, 2.0, 2.0]
    assert clock.time < NOW.timestamp() + 10


def test_an_empty_batch_is_done() -> None:
    world = FakeWorld()
    assert process(world, []).answer == {"batchItemFailures": []}
    assert world.effects == []


kinds: dict[str, Callable[[int], list[bytes]]] = {
    "allow": lambda number: [payload(number, "hello")],
    "flag": lambda number: [payload(number, "free money")],
    "hold": lambda number: [payload(number, "hello", hold=True)],
    "bad": lambda number: [b"garbage %d" % number],
    "aggregate": lambda number: [aggregate([payload(number * 1000 + sub, "free money") for sub in range(3)])],
    "corrupt": lambda number: [aggregate([payload(number, "x")])[:-1] + b"?"],
}


@given(
    st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    st.integers(1, 3),
)
def test_in_is_verdicts_and_bad_rows_and_what_comes_again_under_any_faults(
    chosen: list[str], chance: object, share: float, attempts: int
) -> None:
    def fails(call: int, item: int) -> bool:
        return chance.random() < share  # type: ignore[attr-defined, no-any-return]

    world = FakeWorld(rows_fail=fails, notices_fail=fails, statuses_fail=fails)
    payloads = [one for number, kind in enumerate(chosen) for one in kinds[kind](number)]
    report = process(world, payloads, attempts=attempts)
    assert report.events == report.verdicts + report.bad + report.to_retry
    limit = open_from(report)
    done = len(payloads) if limit is None else limit
    # Everything before the answer's record is durable and known; the answer names the lowest that is not.
    landed = {
        (row["sequence_number"], row["sub_sequence_number"])
        for stream in ("verdicts", "quarantine")
        for row in world.rows(stream)
    }
    told = {one.content_id for one in world.notices}
    for position, kind in enumerate(chosen[:done]):
        for sub in range(3 if kind == "aggregate" else 1):
            assert (str(1000 + position), sub) in landed
            name = f"c{position * 1000 + sub}" if kind == "aggregate" else f"c{position}"
            assert kind not in {"flag", "aggregate"} or name in told
            assert kind not in {"flag", "aggregate", "hold"} or name in world.statuses
    if share == 0:
        assert limit is None
    # A second run of what is open, without faults, completes the batch: nothing is lost.
    again = FakeWorld()
    consumer(again).process({"Records": kinesis_event(payloads)["Records"][done:]}, deadline=FAR)  # type: ignore[index]
    landed |= {
        (row["sequence_number"], row["sub_sequence_number"])
        for stream in ("verdicts", "quarantine")
        for row in again.rows(stream)
    }
    assert len(landed) == report.events


def test_calls_keep_to_the_limits_of_the_services() -> None:
    world = FakeWorld()
    report = process(world, [payload(number, "free money", note="z" * 40_000) for number in range(600)])
    assert report.answer == {"batchItemFailures": []}
    assert all(len(put) <= MAX_PUT_RECORDS and sum(map(len, put)) <= MAX_PUT_BYTES for put in world.puts)
    assert all(len(record) <= MAX_PACK_BYTES for put in world.puts for record in put)
    assert len(world.puts) > 1
    assert len(world.notices) == 600
    assert world.effects.count("notices") == 600 / MAX_NOTICES


def test_a_notice_says_how_what_was_found_is_to_be_met() -> None:
    world = FakeWorld()
    policy = Policy.load(
        'id = "p"\n[labels.self_harm]\nreview = 0.5\nhandling = "support"\n[labels.spam]\nflag = 0.5\n'
        '[[terms]]\nrule = "a"\nlabel = "self_harm"\nscore = 0.5\nterms = ["farewell"]\n'
        '[[terms]]\nrule = "b"\nlabel = "spam"\nscore = 0.5\nterms = ["free money"]\n'
    )
    process(world, [payload(0, "farewell, free money"), payload(1, "free money")], moderator=Moderator(policy))
    assert [notice.handling for notice in world.notices] == [("support",), ()]
