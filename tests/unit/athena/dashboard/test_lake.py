"""Figures: asked once a minute, failures asked again, all of a page about the same minute."""

from datetime import UTC, datetime

import pytest

from athena.dashboard.filters import FilterError, Filters
from athena.dashboard.lake import KEPT_ANSWERS, KEPT_SECONDS, Lake
from athena.engine import QueryFailed
from tests.fakes.report_answers import AtOnce, Reports

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


class World:
    """A lake whose clock the test turns."""

    def __init__(self) -> None:
        self.engine = Reports({"summary": [{"events": 3}]})
        self.now = NOON
        self.lake = Lake(self.engine, database="d", workgroup="w", pool=AtOnce(), now=lambda: self.now)


def test_an_answer_is_kept_for_a_minute_and_asked_again_after() -> None:
    world = World()
    first = world.lake.ask("summary", Filters()).result()
    assert first.records[0]["events"] == 3
    # The same period, since that is counted from the minute's beginning.
    world.now = NOON + KEPT_SECONDS - 0.5
    assert world.lake.ask("summary", Filters()).result() is first
    world.now = NOON + KEPT_SECONDS
    assert world.lake.ask("summary", Filters()).result() is not first
    assert world.engine.times("summary") == 2


def test_a_fixed_period_is_asked_again_after_a_minute_too() -> None:
    world = World()
    fixed = Filters(since="2026-11-01", until="2026-11-02")
    world.lake.ask("summary", fixed)
    world.now += KEPT_SECONDS - 1
    world.lake.ask("summary", fixed)
    assert world.engine.times("summary") == 1
    world.now += 1
    world.lake.ask("summary", fixed)
    assert world.engine.times("summary") == 2


def test_a_failure_is_not_kept() -> None:
    world = World()
    world.engine.failures["summary"] = QueryFailed("EXHAUSTED RESOURCES", hint="ask for fewer days")
    failed = world.lake.ask("summary", Filters()).result()
    assert failed.answer is None
    assert failed.records == []
    assert failed.failure == "EXHAUSTED RESOURCES (ask for fewer days)"
    del world.engine.failures["summary"]
    assert world.lake.ask("summary", Filters()).result().failure == ""


def test_relative_periods_are_counted_from_the_minute() -> None:
    world = World()
    world.now = NOON + 42.7
    world.lake.ask("actions_by_hour", Filters(since="1h"))
    ((_, asked),) = world.engine.asked
    assert "2026-11-20 11:00:00" in str(asked)
    assert "2026-11-20 12:00:00" in str(asked)
    assert ":42" not in str(asked)


def test_a_report_gets_the_filters_that_it_knows_and_no_others() -> None:
    world = World()
    world.lake.ask("summary", Filters(label="spam", author="ann", rule="r"))
    world.lake.ask("verdicts", Filters(label="spam", author="ann", rule="r"), limit=7)
    (_, summary), (_, verdicts) = world.engine.asked
    assert "'spam'" in summary
    assert "'ann'" not in summary
    assert {"'spam'", "'ann'", "'r'", "7"} <= set(verdicts)


def test_filters_that_differ_are_asked_apart() -> None:
    world = World()
    for label in ("spam", "insult", "spam"):
        world.lake.ask("summary", Filters(label=label))
    assert world.engine.times("summary") == 2


def test_what_is_kept_has_a_bound() -> None:
    world = World()
    for number in range(KEPT_ANSWERS + 1):
        world.lake.ask("summary", Filters(label=str(number)))
    world.lake.ask("summary", Filters(label="0"))
    assert world.engine.times("summary") == KEPT_ANSWERS + 2


def test_a_period_that_cannot_be_meant_is_not_asked_for() -> None:
    world = World()
    with pytest.raises(FilterError):
        world.lake.ask("summary", Filters(since="now"))
    assert world.engine.asked == []
