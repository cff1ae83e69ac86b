"""Rows: what their ids name, how they are packed."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.batch import Batch, Record, read_batch
from consumers.escalation import Opinion, Tally
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.rows import JUDGED_AT_ONCE, MAX_PACK_BYTES, MAX_PACK_ROWS, Refused, RowMaker, lines, pack, status
from glue.codec import Lateness
from glue.contract import BadInput, Signal
from tests.fakes.kinesis_events import NOW, aggregate, kinesis_event, payload

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
MILD = """
id = "mild"
[labels.spam]
flag = 0.7
[[terms]]
rule = "phrases"
label = "spam"
score = 0.5
terms = ["free money"]
"""
MAKER = RowMaker(Moderator(POLICY), Lateness(), code_version="1")


def record(data: bytes, number: int = 7) -> Record:
    return Record(number, data, NOW, "", "shard", str(number), 0, "key")


def test_a_verdict_id_names_the_event_the_policy_its_version_and_the_run() -> None:
    def verdict_id(data: bytes, policy: Policy = POLICY) -> str:
        maker = RowMaker(Moderator(policy), Lateness(), code_version="1")
        return maker.make(Batch([record(data)], [], []), NOW).verdicts[0].verdict_id

    one = payload(1, "free money")
    other = msgspec.structs.replace(POLICY, id="other")
    stricter = msgspec.structs.replace(
        POLICY, labels={"spam": msgspec.structs.replace(POLICY.labels["spam"], flag=0.2)}
    )
    assert stricter.version != POLICY.version
    replayed = payload(1, "free money", replay={"run_id": "run-1", "arrived_at": NOW.isoformat()})
    ids = [
        verdict_id(one),
        verdict_id(payload(2, "free money")),
        verdict_id(one, other),
        verdict_id(one, stricter),
        verdict_id(replayed),
    ]
    assert len(set(ids)) == len(ids)
    assert verdict_id(one) == ids[0]


@pytest.mark.parametrize(
    "change", [{"shard_id": "other"}, {"sequence_number": "8"}, {"sub_sequence_number": 1}, {"payload": b"y"}]
)
def test_a_bad_row_id_names_the_whole_coordinate_and_the_payload(change: dict[str, Any]) -> None:

    def bad_row_id(of: Record) -> str:
        return MAKER.bad_row(of, BadInput("json", ""), "decode", "").bad_row_id

    assert bad_row_id(record(b"x")) == bad_row_id(msgspec.structs.replace(record(b"x"), position=9, partition_key="z"))
    assert bad_row_id(record(b"x")) != bad_row_id(msgspec.structs.replace(record(b"x"), **change))


def test_records_of_one_aggregate_with_the_same_bytes_are_two_bad_rows() -> None:
    rows = MAKER.make(read_batch(kinesis_event([aggregate([b"x", b"x"])])), NOW)
    assert len({row.bad_row_id for row in rows.bad}) == 2


LOWERED = """
[[authors]]
rule = "repeaters"
authors = ["repeats"]
lower_by = 0.3
"""


def test_a_verdict_depends_on_the_events_own_author() -> None:
    maker = RowMaker(Moderator(Policy.load(MILD + LOWERED)), Lateness(), code_version="1")
    records = [record(payload(number, "free money", author_id=name)) for number, name in enumerate(("repeats", "b"))]
    assert [row.action for row in maker.make(Batch(records, [], []), NOW).verdicts] == ["flag", "allow"]


def test_a_verdict_depends_on_the_events_own_surface_and_language() -> None:
    there = "[surfaces.ads.labels.spam]\nflag = 0.4\n[surfaces.ads.languages.de.labels.spam]\nflag = 0.6\n"
    maker = RowMaker(Moderator(Policy.load(MILD + there)), Lateness(), code_version="1")
    made = [("chat", "en"), ("ads", "en"), ("ads", "de")]
    records = [
        record(payload(number, "free money", surface=surface, language=language))
        for number, (surface, language) in enumerate(made)
    ]
    assert [row.action for row in maker.make(Batch(records, [], []), NOW).verdicts] == ["allow", "flag", "allow"]


@pytest.mark.parametrize("later", [{"created_at": "2"}, {"event_id": "2"}, {"decided_at": "2"}])
def test_the_order_of_statuses_goes_by_the_events_time_then_its_id_then_the_decision(later: dict[str, str]) -> None:
    row = MAKER.make(Batch([record(payload(1, "free money"))], [], []), NOW).verdicts[0]
    row = msgspec.structs.replace(row, created_at="1", event_id="1", decided_at="1")
    # What comes after in the order does not matter when what comes before differs.
    fields = ["created_at", "event_id", "decided_at"]
    earlier_rest = dict.fromkeys(fields[fields.index(next(iter(later))) + 1 :], "0")
    assert status(row, 0).order_key < status(msgspec.structs.replace(row, **later, **earlier_rest), 0).order_key
    assert status(row, 0).order_key == status(msgspec.structs.replace(row, verdict_id="9"), 0).order_key


@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(1500, 6000))
def test_packs_never_exceed_their_limit_and_hold_every_row_that_fits_in_order(sizes: list[int], limit: int) -> None:
    records = [record(b"", number) for number in range(len(sizes))]
    refused = [
        Refused(one, MAKER.bad_row(one, BadInput("json", "d" * size), "decode", "t"))
        for one, size in zip(records, sizes, strict=True)
    ]
    packs, too_large = pack(refused, limit=limit)
    assert all(len(one.data) <= limit and one.rows <= MAX_PACK_ROWS for one in packs)
    lines = [line for one in packs for line in one.data.splitlines()]
    fitting = [one.row for index, one in enumerate(refused) if index not in too_large]
    assert lines == [msgspec.json.encode(row) for row in fitting]
    assert all(size > limit for size in too_large.values())
    places = iter(fitting)
    for one in packs:
        assert one.position == min(int(next(places).sequence_number) for _ in range(one.rows))


class _Failing:
    """A moderator whose parts fail as they are told to."""

    def __init__(self, error: Exception | MemoryError, *, at: str) -> None:
        self._whole, self._error, self._at = Moderator(POLICY), error, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def judge(self, *given: Any, **named: Any) -> Any:
        if self._at == "judge":
            raise self._error
        return self._whole.judge(*given, **named)

    def judge_all(self, contents: Sequence[Any]) -> Any:
        if self._at == "judge_all":
            raise self._error
        return [self.judge(one.text, surface=one.surface, language=one.language) for one in contents]

    @property
    def velocity(self) -> Any:
        return self

    def detect(self, rows: Any, normals: Any) -> Any:
        if self._at == "detect":
            raise self._error
        return {}


def make(moderator: Any, *payloads: bytes) -> Any:
    maker = RowMaker(moderator, Lateness(), code_version="1")
    return maker.make(Batch([record(data, number) for number, data in enumerate(payloads)], [], []), NOW)


def test_more_signals_decide_anew_and_change_everything_but_the_id() -> None:
    [before] = make(Moderator(POLICY), payload(1, "hello")).verdicts
    signal = Signal("managed", "spam", 0.9, "asked")
    after = MAKER.with_signals(before, [signal])
    assert (before.action, before.labels, before.top_label, before.top_score) == ("allow", (), None, 0.0)
    assert (after.action, after.labels, after.top_label, after.top_score) == ("flag", ("spam",), "spam", 0.9)
    assert (after.signals, after.verdict_id) == ((signal,), before.verdict_id)


def test_a_record_that_cannot_even_be_decoded_costs_none_of_those_behind_it() -> None:
    records = [record(payload(number, "hello"), number) for number in range(4)]
    timeless: Any = None
    records[1] = Record(1, records[1].payload, timeless, "", "shard", "1", 0, "key")
    rows = RowMaker(Moderator(POLICY), Lateness(), code_version="1").make(Batch(records, [], []), NOW)
    assert [row.sequence_number for row in rows.verdicts] == ["0", "2", "3"]
    assert [(row.sequence_number, row.reason) for row in rows.bad] == [("1", "poison")]


def test_a_batch_that_cannot_be_looked_at_as_a_whole_lands_degraded_and_is_counted() -> None:
    rows = make(_Failing(ValueError("no"), at="detect"), payload(1, "hello"), payload(2, "free money"))
    assert [row.flags for row in rows.verdicts] == [("degraded",), ("degraded",)]
    assert rows.asked.degraded == 2


@pytest.mark.parametrize("at", ["judge_all", "judge", "detect"])
def test_memory_that_has_run_out_is_no_fault_of_a_record(at: str) -> None:
    with pytest.raises(MemoryError):
        make(_Failing(MemoryError(), at=at), payload(1, "hello"))


class _TooLarge(bytes):
    """A payload that there is no memory to look at."""

    def __len__(self) -> int:
        raise MemoryError


class _FailingAlone(_Failing):
    """A moderator that fails on a batch, and has no memory for its records one by one."""

    def judge_all(self, contents: Sequence[Any]) -> Any:
        raise ValueError("no")


def test_memory_that_runs_out_for_a_single_record_is_no_fault_of_it_either() -> None:
    with pytest.raises(MemoryError):
        make(Moderator(POLICY), _TooLarge(payload(1, "hello")))
    with pytest.raises(MemoryError):
        make(_FailingAlone(MemoryError(), at="judge"), payload(1, "hello"))


def test_the_ids_and_fingerprints_of_a_verdict_stay_what_they_are() -> None:
    # Rows that landed long ago are compared with those of a replay by these.
    [row] = make(Moderator(POLICY), payload(1, "hello")).verdicts
    assert (row.verdict_id, row.fingerprint, row.text_fingerprint) == (
        "e1e45bb1f7238d1480797fa709c8d9c0",
        "702d11e3e40231d8ba31b4789593075e",
        "2cf24dba5fb0a30e26e83b2ac5b9e29e",
    )


class _FailsOn:
    """A moderator that fails on some texts, and says how it was asked."""

    def __init__(self, *texts: str) -> None:
        self._whole, self._texts = Moderator(POLICY), texts
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def judge(self, text: str, **named: Any) -> Any:
        self.asked.append(1)
        if text in self._texts:
            raise KeyError(text)
        return self._whole.judge(text, **named)

    def judge_all(self, contents: Sequence[Any]) -> Any:
        self.asked.append(len(contents))
        if any(one.text in self._texts for one in contents):
            raise KeyError("one of them")
        return self._whole.judge_all(contents)


def test_of_records_that_are_judged_together_one_that_fails_fails_alone() -> None:
    payloads = [payload(number, f"free money {number}") for number in range(2 * JUDGED_AT_ONCE)]
    moderator = _FailsOn("free money 3", f"free money {JUDGED_AT_ONCE - 1}")
    rows = make(moderator, *payloads, b"{")
    whole = make(Moderator(POLICY), *payloads)
    assert [row.detail for row in rows.bad if row.reason == "poison"] == ["KeyError", "KeyError"]
    failed = {row.sequence_number for row in rows.bad}
    assert rows.verdicts == [row for row in whole.verdicts if row.sequence_number not in failed]
    assert moderator.asked == [JUDGED_AT_ONCE, *[1] * JUDGED_AT_ONCE, JUDGED_AT_ONCE, 0]


def test_a_line_of_exactly_the_limit_fits() -> None:
    judged = make(Moderator(POLICY), payload(1, "hello")).judged
    [line], _ = lines(judged)
    assert lines(judged, limit=len(line))[1] == {}
    assert lines(judged, limit=len(line) - 1)[1] == {0: len(line)}


def asked_about(rows: Any, *, times: int) -> Any:
    """The rows as if managed AI had been asked about each of them and had not answered."""
    judged = [msgspec.structs.replace(one, asks=(object(),)) for one in rows.judged]
    opinions = [Opinion((), degraded=True)] * len(judged)
    return MAKER.with_opinions(msgspec.structs.replace(rows, judged=judged), opinions, Tally(degraded=times))


def test_a_verdict_that_lacks_an_answer_is_degraded_once_whatever_else_it_lacks() -> None:
    whole = asked_about(make(Moderator(POLICY), payload(1, "hello")), times=1)
    assert ([row.flags for row in whole.verdicts], whole.asked.degraded) == ([("degraded",)], 1)
    failing = _Failing(ValueError("no"), at="detect")
    both = asked_about(make(failing, payload(1, "hello"), payload(2, "hello")), times=1)
    assert ([row.flags for row in both.verdicts], both.asked.degraded) == ([("degraded",)] * 2, 2)
    assert whole.open == both.open == []


def test_a_maker_judges_by_the_policy_that_it_was_last_told_to_use() -> None:
    maker = RowMaker(Moderator(POLICY), Lateness(), code_version="1")
    batch = Batch([record(payload(1, "free money"))], [], [])
    maker.use(Moderator(Policy.load(MILD)))
    [row] = maker.make(batch, NOW).verdicts
    assert (row.policy_id, row.action) == ("mild", "allow")


def test_a_pack_is_no_larger_than_what_firehose_takes_of_a_record() -> None:
    assert MAX_PACK_BYTES == 1_024_000


def test_a_row_that_no_record_can_hold_is_quarantined_in_its_place_with_both_sizes() -> None:
    rows = make(Moderator(POLICY), payload(1, "hello"), b"no event", payload(3, "free money"))
    assert MAKER.without(rows, {}, NOW) is rows
    left = MAKER.without(rows, {1: 2_000_000}, NOW)
    assert [one.record.position for one in left.judged] == [0]
    assert [one.record.position for one in left.refused] == [1, 2]
    row = left.refused[1].row
    assert (row.reason, row.stage) == ("size", "moderate")
    assert row.detail == "a row of 2000000 bytes; allowed: at most 1024000"


def test_more_rows_than_a_pack_holds_stay_in_their_order() -> None:
    refused = [
        Refused(record(b"", number), MAKER.bad_row(record(b"", number), BadInput("json", str(number)), "decode", "t"))
        for number in range(2 * MAX_PACK_ROWS + 1)
    ]
    packs, _ = pack(refused)
    assert [one.rows for one in packs] == [500, 500, 1]
    assert [at for one in packs for at in one.positions] == list(range(1_001))


def test_the_id_of_a_bad_row_is_the_same_in_every_version() -> None:
    # It is what the quarantine, a redrive and its ledger know a record by.
    bad = MAKER.bad_row(record(b"x"), BadInput("json", ""), "decode", "")
    assert bad.bad_row_id == hashlib.sha256(b"shard\n7\n0\nx").hexdigest()[:32]
