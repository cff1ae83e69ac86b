"""Reports: their headers, their parameters, and that no value ever becomes SQL."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena import reports
from athena.engine import Answer
from athena.values import text_literal
from glue.terminal.moments import EARLIEST, LATEST, Period

SINCE = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
UNTIL = datetime(2026, 11, 3, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC).timestamp()


class FakeEngine:
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str], str, str]] = []

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        self.calls.append((sql, list(parameters), database, workgroup))
        return Answer(columns=(), rows=[], bytes_scanned=0, engine_ms=0, query_id="q")


def test_there_are_the_reports_that_people_ask_for() -> None:
    assert set(reports.names()) == {
        "actions_by",
        "actions_by_hour",
        "actions_by_label",
        "actions_by_surface",
        "completeness",
        "decided_and_done",
        "duplicates_and_late",
        "labels_by",
        "latency",
        "quarantine_by_reason",
        "repeat_offenders",
        "repeated_texts",
        "review_load",
        "rules",
        "spikes",
        "summary",
        "top_authors",
        "verdicts",
        "volume_by_day",
    }


@pytest.mark.parametrize("name", reports.names())
def test_every_report_reads_one_table_by_day_and_nothing_else(name: str) -> None:
    report = reports.load(name)
    assert report.reads in {"current_verdicts", "verdicts", "quarantine", "audits"}
    named = re.findall(r"FROM ([a-z_]+)", report.sql)
    # What was decided is set beside what was done about it, which lies in the same day.
    assert set(named) - ({"current_receipts"} if name == "decided_and_done" else set()) == {report.reads}
    assert report.sql.count("WHERE dt BETWEEN ? AND ?") == len(named)
    first, last, *_ = report.bindings
    assert (first.name, first.day) == ("since", "first_day")
    assert last == reports.Binding("until", day="last_day")
    assert report.title
    assert report.question.endswith("?")
    assert report.columns


@pytest.mark.parametrize("name", reports.names())
def test_parameters_stand_in_where_clauses_only_as_athena_wants_it(name: str) -> None:
    where = False
    for line in reports.load(name).sql.splitlines():
        word = line.split()[0] if line.split() else ""
        where = word in ("WHERE", "AND") if word.isupper() and word.isalpha() else where
        assert where or "?" not in line, line


def test_values_reach_athena_as_literals_in_the_order_of_the_question_marks() -> None:
    engine = FakeEngine()
    values: dict[str, Any] = {"since": SINCE, "until": UNTIL, "limit": 5}
    reports.run(reports.load("top_authors"), values, engine, database="lake", workgroup="people")
    [(sql, parameters, database, workgroup)] = engine.calls
    assert parameters[:4] == ["'2026-11-01'", "'2026-11-02'", "'2026-11-01 09:30:00.000'", "'2026-11-03 00:00:00.000'"]
    assert parameters[4:] == ["''"] * 6 + ["5"]
    assert (database, workgroup) == ("lake", "people")
    assert "2026" not in sql


def test_a_period_that_ends_within_a_day_reads_that_day_too() -> None:
    until = datetime(2026, 11, 3, 0, 0, 0, 1000, tzinfo=UTC)
    assert reports.load("latency").literals({"since": SINCE, "until": until})[:2] == ["'2026-11-01'", "'2026-11-03'"]


def test_days_are_those_of_utc_whatever_zone_the_moment_has() -> None:
    since = datetime.fromisoformat("2026-11-02T00:30:00+01:00")
    assert reports.load("latency").literals({"since": since, "until": UNTIL})[0] == "'2026-11-01'"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"since": SINCE}, "needs until"),
        ({"since": UNTIL, "until": SINCE}, "the period is empty"),
        ({"since": SINCE, "until": SINCE}, "the period is empty"),
        ({"since": SINCE, "until": UNTIL, "limit": 0}, "allowed: 1 to 1000"),
        ({"since": SINCE, "until": UNTIL, "limit": 1001}, "allowed: 1 to 1000"),
        ({"since": SINCE, "until": UNTIL, "order": 1}, "it takes since, until, limit"),
        ({"since": SINCE.replace(tzinfo=None), "until": UNTIL.replace(tzinfo=None)}, "no zone"),
        ({"since": SINCE.replace(microsecond=1), "until": UNTIL}, "finer than a millisecond"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(values: dict[str, datetime | int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        reports.load("top_authors").literals(values)


@pytest.mark.parametrize("by", ["surface; DROP TABLE verdicts", "", "Surface", "surface, day", "created_at"])
def test_only_a_listed_choice_is_ever_written_into_a_statement(by: str) -> None:
    with pytest.raises(ValueError, match="allowed: hour, day, surface, language, policy"):
        reports.load("labels_by").statement({"since": SINCE, "until": UNTIL, "by": by})
    assert "{" not in reports.load("labels_by").statement({"since": SINCE, "until": UNTIL})


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=256))
def test_a_text_parameter_reaches_athena_as_a_literal_and_leaves_the_statement_alone(text: str) -> None:
    report = reports.load("verdicts")
    values: dict[str, Any] = {"since": SINCE, "until": UNTIL, "author": text}
    assert report.statement(values) == report.sql
    assert [one for one in report.literals(values) if one == text_literal(text)][:2] == [text_literal(text)] * 2


def test_filters_stand_in_every_part_that_reads_the_view() -> None:
    summary = reports.load("summary")
    assert [one.name for one in summary.parameters[2:]] == ["surface", "language", "label"]
    assert summary.sql.count("(? = '' OR surface = ?)") == summary.sql.count("FROM current_verdicts") == 2
    literals = summary.literals({"since": SINCE, "until": UNTIL, "surface": "chat"})
    assert literals[4:10] == ["'chat'", "'chat'", "''", "''", "''", "''"]
    assert literals[-6:] == literals[4:10]


def test_a_text_parameter_has_a_limit() -> None:
    with pytest.raises(ValueError, match="at most 256 characters"):
        reports.load("verdicts").literals({"since": SINCE, "until": UNTIL, "author": "a" * 257})


def test_a_period_before_and_days_before_are_bound_as_moments() -> None:
    values = {"since": datetime(2026, 11, 8, tzinfo=UTC), "until": datetime(2026, 11, 10, 12, tzinfo=UTC)}
    assert reports.load("rules").literals(values) == [
        "'2026-11-08'",
        "'2026-11-10'",
        "'2026-11-08 00:00:00.000'",
        "'2026-11-10 12:00:00.000'",
        *["''"] * 4,
        "'2026-11-05'",
        "'2026-11-07'",
        "'2026-11-05 12:00:00.000'",
        "'2026-11-08 00:00:00.000'",
        *["''"] * 4,
    ]
    assert reports.load("spikes").literals(values)[:3] == ["'2026-10-11'", "'2026-11-10'", "'2026-10-11 00:00:00.000'"]


@pytest.mark.parametrize("value", ["1 OR 1=1", True, 1.0])
def test_a_limit_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="limit takes integer"):
        reports.load("top_authors").literals({"since": SINCE, "until": UNTIL, "limit": value})  # type: ignore[dict-item]


@pytest.mark.parametrize("text", ["5; DROP TABLE x", "1e3", "", " 5", "٥", "5.0", "0x5", "--1"])
def test_a_limit_that_is_no_plain_number_is_refused(text: str) -> None:
    limit = reports.load("top_authors").parameters[2]
    with pytest.raises(ValueError, match="limit"):
        limit.read(text)


def test_an_unknown_report_is_refused_with_the_likeliest_one() -> None:
    with pytest.raises(ValueError, match="did you mean latency"):
        reports.load("latencies")
    with pytest.raises(ValueError, match="there are"):
        reports.load("../views/current_verdicts")


HEADER = "-- title: T\n-- question: Q?\n-- parameter: since | timestamp | required | x\n-- bind: since\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + "SELECT 1 WHERE a = ? AND b = ?", "2 question marks in the statement, 1 values"),
        (HEADER + "SELECT '?'", "0 question marks"),
        (HEADER.replace("bind: since", "bind: until") + "SELECT 1 WHERE a = ?", "bind 'until'"),
        (HEADER.replace("timestamp", "date") + "SELECT 1 WHERE a = ?", "allowed: timestamp, integer LOW to HIGH"),
        (HEADER + "-- filters: colour\nSELECT 1 WHERE a = ?", "filters colour; allowed: surface"),
        (HEADER + "SELECT {by} WHERE a = ?", "['by'] in the statement, [] to choose"),
        (HEADER.replace("bind: since", "bind: since - 5w") + "SELECT 1 WHERE a = ?", "bind 'since - 5w'"),
        (HEADER.replace("-- title: T\n", "") + "SELECT 1 WHERE a = ?", "one title"),
        (HEADER + "-- colour: red\nSELECT 1 WHERE a = ?", "line 5"),
        (HEADER + "SELECT 1\n-- note: late\nWHERE a = ?", "line 6"),
        (HEADER.replace(" | x", "") + "SELECT 1 WHERE a = ?", "3 parts between"),
    ],
)
def test_a_header_that_does_not_fit_its_statement_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        reports.parse("some", text)


@given(st.lists(st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)), min_size=2, max_size=2))
def test_a_period_holds_its_days_and_no_more(pair: list[datetime]) -> None:
    since, until = sorted(at.replace(tzinfo=UTC, microsecond=0) for at in pair)
    if since == until:
        return
    Period(since, until)
    first, last, *_ = reports.load("latency").literals({"since": since, "until": until})
    assert first == f"'{since:%Y-%m-%d}'"
    assert all(earlier <= later for earlier, later in pairwise([first, last, f"'{until:%Y-%m-%d}'"]))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=300))
def test_a_text_literal_reads_back_as_the_text(text: str) -> None:
    literal = text_literal(text)
    assert literal[0] == literal[-1] == "'"
    assert "'" not in literal[1:-1].replace("''", "")
    assert literal[1:-1].replace("''", "'") == text


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 1023])
def test_what_no_parameter_can_hold_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="parameter") as caught:
        text_literal(text)
    assert text not in str(caught.value)


FOLDER = Path(reports.__file__).parent / "reports"
HEADERS = [line for path in sorted(FOLDER.glob("*.sql")) for line in path.read_text("utf-8").splitlines()]


def test_one_malformed_file_leaves_the_other_reports_alone(tmp_path: Path) -> None:
    (tmp_path / "good.sql").write_text((FOLDER / "latency.sql").read_text("utf-8"), "utf-8")
    (tmp_path / "header.sql").write_text("-- colour: blue\nSELECT 1", "utf-8")
    (tmp_path / "bytes.sql").write_bytes(b"\xff\xfe")
    (tmp_path / "empty.sql").write_text("", "utf-8")
    (tmp_path / "folder.sql").mkdir()
    found, unreadable = reports.every(tmp_path)
    assert [one.name for one in found] == ["good"]
    assert sorted(unreadable) == ["bytes", "empty", "folder", "header"]
    assert all(unreadable.values())


@given(st.text(max_size=200) | st.lists(st.sampled_from(HEADERS), max_size=12).map("\n".join))
def test_whatever_a_report_file_holds_it_is_a_report_or_says_why_not(text: str) -> None:
    try:
        found = reports.parse("made_up", text)
    except ValueError:
        return
    assert found.name == "made_up"
