"""Answers as tables: what numbers say, where they lead, and what stands below every figure."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.dashboard import pages
from athena.dashboard.filters import Filters
from athena.dashboard.lake import Figure
from athena.dashboard.pages import PAGES, Section, TableView
from athena.engine import Answer, Column
from athena.reports import load
from glue.terminal.moments import Period

ASKED = datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)
DAY = Period(datetime(2026, 11, 19, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC))


def figure(name: str, *records: dict[str, Any], failure: str = "", **values: Any) -> Figure:
    report = load(name)
    columns = tuple(Column(column.name, "varchar") for column in report.columns)
    rows = [tuple(record.get(column.name) for column in columns) for record in records]
    answer = Answer(columns=columns, rows=rows, bytes_scanned=21_600, engine_ms=1, query_id="q")
    return Figure(report, values, None if failure else answer, failure, ASKED, 0.25)


def href(page: str, filters: Filters) -> str:
    return f"{page}?{filters.query()}"


def table(section: Section, found: Figure, filters: Filters | None = None) -> TableView:
    return pages.table(section, found, filters or Filters(), href, csv="/csv/x.csv", landed="landed")


SECTIONS = [(page, section) for page in PAGES for section in page.sections]


@pytest.mark.parametrize(("page", "section"), SECTIONS, ids=[f"{page.name}-{one.report}" for page, one in SECTIONS])
def test_every_section_shows_columns_its_report_has_and_leads_where_filters_are(page: Any, section: Section) -> None:
    report = load(section.report)
    there = {column.name for column in report.columns}
    shown = set(section.columns or there)
    assert shown <= there
    assert {section.bar} - {""} <= shown
    assert section.links.keys() <= shown
    for leads in section.links.values():
        assert leads.keys() <= set(Filters.__struct_fields__)
        assert {text[1:-1] for text in leads.values() if text.startswith("{")} <= there
    # What the page gives besides is a parameter, within its bounds.
    report.statement({"since": DAY.since, "until": DAY.until, **section.values})


def test_a_number_leads_to_its_verdicts_with_the_pages_filters_and_none_leads_nowhere() -> None:
    section = Section(
        "actions_by_label",
        columns=("label", "flag", "block", "share"),
        links={
            "label": {"label": "{label}"},
            **{one: {"label": "{label}", "action": one} for one in ("flag", "block")},
        },
    )
    found = figure("actions_by_label", {"label": "spam", "flag": 0, "block": 1234, "share": 0.5})
    ((label, flag, block, share),) = table(section, found, Filters(surface="chat")).rows
    assert (label.text, label.href) == ("spam", "verdicts?surface=chat&label=spam")
    assert (flag.text, flag.href) == ("0", "")
    assert (block.text, block.href) == ("1,234", "verdicts?surface=chat&label=spam&action=block")
    assert (share.text, share.href) == ("50 %", "")
    assert (label.number, block.number) == (False, True)


@pytest.mark.parametrize("language", ["", None])
def test_what_was_not_given_leads_nowhere(language: str | None) -> None:
    section = Section("actions_by", columns=("part", "events"), links={"events": {"language": "{part}"}})
    ((part, events),) = table(section, figure("actions_by", {"part": language, "events": 3}, by="language")).rows
    assert part.text in ("(none)", "–")
    assert events.href == ""


def test_texts_are_inert_and_long_ones_may_break() -> None:
    section = Section("verdicts", columns=("excerpt", "action", "author_id"))
    ((excerpt, action, author),) = table(
        section, figure("verdicts", {"excerpt": "\u202e" + "w" * 100, "action": "block", "author_id": "a\x1b[0m"})
    ).rows
    assert excerpt.text == r"\u202e" + "w" * 100
    assert excerpt.kind == "long"
    assert action.kind == "block"
    assert author.text == r"a\x1b[0m"


def test_an_actions_name_is_a_class_and_no_other_text_is() -> None:
    section = Section("verdicts", columns=("action",))
    ((action,),) = table(section, figure("verdicts", {"action": "block evil"})).rows
    assert action.kind == ""


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0, 2, "0 %"),
        (0.000001, 2, "< 0.01 %"),
        (0.000001, 3, "< 0.001 %"),
        (0.1, 2, "10 %"),
        (0.12345, 2, "12.35 %"),
        (0.99994, 2, "99.99 %"),
        (0.99999999, 2, "99.99 %"),
        (0.99999999, 3, "99.999 %"),
        (1, 2, "100 %"),
        (1.5, 2, "150 %"),
        (-0.25, 2, "-25 %"),
    ],
)
def test_a_share_is_a_percentage(share: float, digits: int, text: str) -> None:
    assert pages._percent(share, digits) == text


@given(st.floats(0, 1), st.integers(1, 4))
def test_only_all_of_it_reads_as_all_and_only_none_as_none(share: float, digits: int) -> None:
    text = pages._percent(share, digits)
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)
    assert text.endswith(" %")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "", "–"),
        (True, "", "yes"),
        (1234567, "events", "1,234,567"),
        (1234.5, "seconds", "1,234.50"),
        (0.9, "0 to 1", "90 %"),
        (datetime(2026, 11, 20, 9, 30, 5, 999), "UTC", "2026-11-20 09:30:05"),
        (date(2026, 11, 20), "", "2026-11-20"),
        (["spam", "a\nb"], "", r"spam, a\nb"),
        ("", "", "(none)"),
    ],
)
def test_a_value_reads_as_people_write_it(value: object, unit: str, text: str) -> None:
    assert pages._text(value, unit, "x") == text


def test_a_score_is_no_percentage_and_completeness_has_four_digits() -> None:
    assert pages._text(0.9, "0 to 1", "top_score") == "0.90"
    assert pages._text(0.9999994, "0 to 1", "completeness") == "99.9999 %"


def test_a_failure_is_shown_inert_instead_of_rows() -> None:
    view = table(Section("verdicts"), figure("verdicts", failure="gone\u202e (do this)"))
    assert view.rows == []
    assert view.failure == r"gone\u202e (do this)"
    assert view.footing == "as of 12:00:01 UTC · landed"


def test_below_every_figure_stands_as_of_when_how_complete_and_at_what_cost() -> None:
    view = table(Section("verdicts"), figure("verdicts"))
    assert view.footing == "as of 12:00:01 UTC · landed · 21.6 kB scanned in 0.2 s"


def test_a_table_that_ends_at_its_limit_says_so() -> None:
    section = Section("verdicts", values={"limit": 2})
    assert table(section, figure("verdicts", {"event_id": "a"}, limit=2)).note == "Which verdicts are behind a number?"
    cut = table(section, figure("verdicts", {"event_id": "a"}, {"event_id": "b"}, limit=2))
    assert cut.note == "Which verdicts are behind a number? The first 2 are shown; there may be more."


def audit(day: str, archived: int, missing: int) -> dict[str, Any]:
    return {"day": day, "archived": archived, "missing": missing}


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([], "not audited"),
        ([audit("2026-11-18", 10, 0)], "not audited"),
        ([audit("2026-11-20", 1000, 1)], "99.9 % complete on the 1 of 2 days audited"),
        ([audit("2026-11-19", 10**7, 0), audit("2026-11-20", 10**7, 1)], "99.999 % complete"),
        ([audit("2026-11-19", 5, 0), audit("2026-11-20", 5, 0)], "100 % complete"),
        ([audit("2026-11-19", 0, 0), audit("2026-11-20", 0, 0)], "100 % complete"),
    ],
)
def test_completeness_is_that_of_the_days_audited_and_says_when_not_all_were(days: list[Any], said: str) -> None:
    summary = figure("summary", {"events": 1, "newest_decided": datetime(2026, 11, 20, 11, 59, 58)})
    words = pages.landed_words(summary, figure("completeness", *days), DAY)
    assert words == f"newest verdict 2026-11-20 11:59:58 · {said}"


def test_nothing_landed_and_nothing_known_are_said() -> None:
    assert pages.landed_words(figure("summary"), figure("completeness"), DAY) == "no verdict yet · not audited"


def test_what_could_not_be_asked_is_not_said_to_be_missing() -> None:
    summary, audits = figure("summary", failure="gone"), figure("completeness", failure="gone")
    assert pages.landed_words(summary, audits, DAY) == "newest verdict unknown · completeness unknown"


def test_a_period_that_ends_at_midnight_does_not_want_the_next_days_audit() -> None:
    whole = Period(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    words = pages.landed_words(figure("summary"), figure("completeness", audit("2026-11-19", 5, 0)), whole)
    assert words == "no verdict yet · 100 % complete"


def test_tiles_say_what_the_summary_says_and_lead_to_it() -> None:
    row = {"events": 1500, "before_events": 0, "acted_on_share": 0.08, "flag": 3, "review": 2, "block": 1}
    tiles = pages.tiles(
        figure("summary", {**row, "decided_within": 2.25}),
        figure("quarantine_by_reason", {"records": 4}, {"records": 5}),
        figure("completeness", audit("2026-11-20", 10, 2)),
        Filters(surface="chat"),
        href,
    )
    said = {tile.name: (tile.value, tile.below) for tile in tiles}
    assert said["Events"] == ("1,500", "0 in the period before")
    assert said["Acted on"] == ("8 %", "")
    assert said["Decided within"] == ("2.2 s", "99 % of what was live")
    assert said["Not readable"] == ("9", "in quarantine")
    assert said["Missing"] == ("2", "by the last audit")
    assert {tile.href for tile in tiles if tile.name == "Blocked"} == {"verdicts?surface=chat&action=block"}


def test_tiles_do_not_say_zero_of_what_nobody_knows() -> None:
    row = {"events": 0, "before_events": 0, "flag": 0, "review": 0, "block": 0}
    unknown = figure("quarantine_by_reason", failure="gone")
    tiles = pages.tiles(figure("summary", row), unknown, figure("completeness"), Filters(), href)
    said = {tile.name: (tile.value, tile.below) for tile in tiles}
    assert said["Acted on"][0] == "–"
    assert said["Decided within"][0] == "–"
    assert said["Missing"] == ("–", "not audited")
    assert said["Not readable"] == ("–", "no answer")
    assert pages.tiles(figure("summary", failure="gone"), unknown, unknown, Filters(), href) == []


def test_hours_and_days_without_events_are_slots_too() -> None:
    found = figure(
        "actions_by_hour", {"hour": datetime(2026, 11, 20, 9), "events": 4, "flag": 1, "review": 1, "block": 1}
    )
    made, step = pages.slots(found, Filters(label="spam"), DAY, href)
    assert step == timedelta(hours=1)
    assert [slot.at for slot in made] == [DAY.since + step * number for number in range(24)]
    (full,) = [slot for slot in made if slot.events]
    assert (full.at.hour, full.parts) == (9, (1, 1, 1))
    assert full.href == "verdicts?since=2026-11-20T09%3A00%3A00Z&until=2026-11-20T10%3A00%3A00Z&label=spam"
    assert {slot.href for slot in made if not slot.events} == {""}


def test_the_first_and_last_hour_lead_to_the_part_that_is_in_the_period() -> None:
    period = Period(datetime(2026, 11, 20, 9, 20, tzinfo=UTC), datetime(2026, 11, 20, 10, 40, tzinfo=UTC))
    rows = [{"hour": datetime(2026, 11, 20, hour), "events": 1, "flag": 0, "review": 0, "block": 0} for hour in (9, 10)]
    made, _ = pages.slots(figure("actions_by_hour", *rows), Filters(), period, href)
    assert [slot.href.replace("%3A", ":") for slot in made] == [
        "verdicts?since=2026-11-20T09:20:00Z&until=2026-11-20T10:00:00Z",
        "verdicts?since=2026-11-20T10:00:00Z&until=2026-11-20T10:40:00Z",
    ]


def test_a_year_is_drawn_by_the_day_and_its_table_leads_where_the_bars_do() -> None:
    year = Period(datetime(2025, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC))
    rows = [{"part": part, "events": 2, "flag": 0, "review": 0, "block": 1} for part in ("2026-01-01", "2026-11-20")]
    found = figure("actions_by", *rows, by="day")
    made, step = pages.slots(found, Filters(), year, href)
    assert (len(made), step) == (366, timedelta(days=1))
    assert sum(slot.events for slot in made) == 4
    view = pages.leading(table(Section("actions_by"), found), found, made)
    assert [row[0].href.replace("%3A", ":") for row in view.rows] == [
        "verdicts?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z",
        "verdicts?since=2026-11-20T00:00:00Z&until=2026-11-20T12:00:00Z",
    ]
