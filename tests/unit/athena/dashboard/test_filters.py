"""What a page is about, as its address has it: there and back, and what is turned away."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.dashboard.filters import NARROWING, FilterError, Filters, by_day, stamp
from athena.reports import TEXT_LIMIT
from glue.terminal.moments import Period

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC).timestamp()
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=TEXT_LIMIT)


@given(st.dictionaries(st.sampled_from(NARROWING), TEXTS), st.sampled_from(["24h", "7d", "2026-11-01"]))
def test_an_address_gives_back_the_filters_it_was_made_of(narrowed: dict[str, str], since: str) -> None:
    filters = Filters(since=since, **narrowed)
    query = filters.query()
    assert query.isascii()
    assert Filters.read(dict(parse_qsl(query, strict_parsing=bool(query)))) == filters
    assert filters.narrowed() == narrowed


def test_what_was_not_asked_for_is_not_in_the_address() -> None:
    assert Filters().query() == ""
    assert Filters.read({"since": "24h", "label": "", "until": " now "}).query() == ""
    assert Filters(label="spam").query(label="", surface="chat") == "surface=chat"


def test_blanks_around_a_moment_do_not_matter_and_around_a_name_they_do() -> None:
    read = Filters.read({"since": " 7d ", "author": " ann"})
    assert (read.since, read.author) == ("7d", " ann")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"lable": "spam"}, "'lable' is not a filter; allowed: since, until, surface, language, label"),
        ({"x" * 300: "1"}, "is not a filter"),
        (
            {"label": "x" * (TEXT_LIMIT + 1)},
            f"label is {TEXT_LIMIT + 1} characters long; allowed: at most {TEXT_LIMIT}",
        ),
        ({"label": "a\0"}, "no U+0000"),
    ],
)
def test_an_address_that_cannot_be_meant_says_what_is_allowed(asked: dict[str, str], said: str) -> None:
    with pytest.raises(FilterError) as caught:
        Filters.read(asked)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("yesterday", "now", "'yesterday' is not a time"),
        ("now", "24h", "the period is empty"),
        ("1990-01-01", "now", "outside 2000 to 2100"),
    ],
)
def test_a_period_that_cannot_be_meant_says_why(since: str, until: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        Filters(since=since, until=until).period(NOW)
    assert said in str(caught.value)


def test_the_period_is_counted_from_the_moment_given() -> None:
    period = Filters(since="24h").period(NOW)
    assert (period.since, period.until) == (
        datetime(2026, 11, 19, 9, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    )


def test_three_days_are_drawn_by_the_hour_and_more_by_the_day() -> None:
    until = datetime(2026, 11, 20, tzinfo=UTC)
    assert not by_day(Period(datetime(2026, 11, 17, tzinfo=UTC), until))
    assert by_day(Period(datetime(2026, 11, 16, 23, tzinfo=UTC), until))


def test_a_moment_in_an_address_is_read_as_the_same_moment() -> None:
    at = datetime(2026, 11, 20, 9, 30, 15, tzinfo=UTC)
    assert stamp(at) == "2026-11-20T09:30:15Z"
    assert Filters(since=stamp(at), until="2026-11-21").period(NOW).since == at
