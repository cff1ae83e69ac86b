"""Rows: what their ids name, how they are packed."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.batch import Batch, Record, read_batch
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.rows import MAX_PACK_ROWS, Refused, RowMaker, pack, status
from glue.codec import Lateness
from glue.contract import BadInput
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
@settings(max_examples=60)
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
