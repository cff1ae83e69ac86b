"""Which events a replay sends: each condition, and where its range begins and ends."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from glue.contract import ContentEvent
from producers.replay.selecting import Selection

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENT = ContentEvent("e1", "c1", "ann", "comment", AT, "hello")
SECOND = timedelta(seconds=1)


def wants(**conditions: object) -> bool:
    return msgspec.structs.replace(Selection(since=0.0, until=1.0), **conditions).wants(EVENT)


def test_a_range_of_arrivals_begins_with_its_first_second_and_ends_before_its_last() -> None:
    selection = Selection(since=100.0, until=200.0)
    assert [selection.covers(at) for at in (99.9, 100.0, 199.9, 200.0)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("conditions", "is_wanted"),
    [
        ({}, True),
        ({"authors": frozenset({"ann", "bob"})}, True),
        ({"authors": frozenset({"bob"})}, False),
        ({"surfaces": frozenset({"comment"})}, True),
        ({"surfaces": frozenset({"chat"})}, False),
        ({"event_ids": frozenset({"e1"})}, True),
        ({"event_ids": frozenset({"e2"})}, False),
        ({"created_since": AT}, True),
        ({"created_since": AT + SECOND}, False),
        ({"created_until": AT + SECOND}, True),
        ({"created_until": AT}, False),
        ({"authors": frozenset({"ann"}), "surfaces": frozenset({"chat"})}, False),
        ({"created_since": AT, "created_until": AT + SECOND, "event_ids": frozenset({"e1"})}, True),
    ],
)
def test_an_event_is_wanted_when_every_condition_that_is_given_holds(
    conditions: dict[str, object], *, is_wanted: bool
) -> None:
    assert wants(**conditions) is is_wanted
