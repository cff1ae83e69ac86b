"""The reports' answers, counted by hand; that they read only the days they need; and every way to ask for them."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from athena import reports
from athena.aws.dataframe import read_frame
from athena.engine import Answer, QueryFailed
from athena.values import text_literal
from infra.commands.query import query
from infra.commands.report import report as report_command
from tests.sql.golden import FIRST, SECOND, verdict

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 3, tzinfo=UTC)


def ask(lake: Any, name: str, *, since: datetime = SINCE, until: datetime = UNTIL, **values: int) -> Answer:
    report = reports.load(name)
    given = {"since": since, "until": until, **values}
    answer = reports.run(report, given, lake.engine, database=lake.database, workgroup=lake.workgroup)
    assert [column.name for column in answer.columns] == [column.name for column in report.columns]
    return answer


def test_volume_and_action_by_hour(golden: Any) -> None:
    assert ask(golden, "actions_by_hour").rows == [
        (datetime(2026, 11, 1, 10), 3, 1, 1, 0, 1, 0.6667),  # e01 allow, e02 block, e03 flag
        (datetime(2026, 11, 1, 11), 2, 1, 0, 1, 0, 0.5),  # e04 review, e05 allow
        (datetime(2026, 11, 1, 23), 1, 0, 0, 0, 1, 1.0),  # e06 block
        (datetime(2026, 11, 2, 0), 2, 1, 0, 0, 1, 0.5),  # e07 block, e08 allow
        (datetime(2026, 11, 2, 12), 3, 0, 1, 1, 1, 1.0),  # e09 block, e10 flag, e11 review
    ]


def test_volume_and_action_by_label(golden: Any) -> None:
    # label, events, share of 11, decided, authors, allow, flag, review, block
    assert ask(golden, "actions_by_label").rows == [
        ("spam", 7, 0.6364, 6, 5, 1, 2, 1, 3),  # e02 e03 e06 e07 e08 e10 e11, of which insult decided e02
        ("insult", 3, 0.2727, 2, 2, 0, 1, 0, 2),  # e02 e09 e10, of which spam decided e10
        ("threat", 1, 0.0909, 1, 1, 0, 0, 1, 0),  # e04
    ]


def test_volume_and_action_by_surface(golden: Any) -> None:
    # surface, events, authors, allow, flag, review, block, acted on
    assert ask(golden, "actions_by_surface").rows == [
        ("comments", 5, 3, 2, 0, 1, 2, 0.6),  # e01 e02 e08 e09 e11
        ("chat", 4, 3, 1, 2, 1, 0, 0.75),  # e03 e04 e05 e10
        ("reviews", 2, 1, 0, 0, 0, 2, 1.0),  # e06 e07
    ]


AUTHORS = [
    (1, "bob", 3, 3, 1, 0, 2, 1.0, datetime(2026, 11, 2, 12)),
    (2, "dan", 2, 2, 0, 0, 2, 1.0, datetime(2026, 11, 2)),
    (3, "cid", 2, 2, 1, 1, 0, 1.0, datetime(2026, 11, 2, 12, 10)),
    (4, "ann", 3, 1, 0, 1, 0, 0.3333, datetime(2026, 11, 2, 12, 20)),
]


@pytest.mark.parametrize("limit", [1, 2, 20])
def test_top_authors_acted_on(golden: Any, limit: int) -> None:
    # eve's one event was allowed, and mal's payloads came second: neither is listed.
    assert ask(golden, "top_authors", limit=limit).rows == AUTHORS[:limit]


def test_latency_by_hop(golden: Any) -> None:
    # given: nine events decided live; e09 and e11 are a backfill's
    arrived = [-0.5, 2, 3, 4, 5, 6, 7, 8, 9]
    decided = [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2, 9]
    both = [0, 2.25, 3.5, 5.5, 6.5, 7.5, 8.5, 11, 13]
    # when
    rows = ask(golden, "latency").rows
    # then
    assert [row[:2] for row in rows] == [
        ("created_to_arrived", 9),
        ("arrived_to_decided", 9),
        ("created_to_decided", 9),
    ]
    for (_, _, p50, p90, p99, longest), seconds in zip(rows, (arrived, decided, both), strict=True):
        assert longest == seconds[8]
        # Percentiles are approximate: within a rank of the exact one.
        assert seconds[3] <= p50 <= seconds[5]
        assert seconds[7] <= p90 <= p99 <= seconds[8]


@pytest.mark.parametrize("name", reports.names())
def test_a_period_without_events_has_no_rows(golden: Any, name: str) -> None:
    since = datetime(2026, 10, 1, tzinfo=UTC)
    assert ask(golden, name, since=since, until=since + timedelta(days=2)).rows == []


def test_a_period_is_half_open_to_the_millisecond(golden: Any) -> None:
    last = datetime(2026, 11, 1, 23, 59, 59, 999_000, tzinfo=UTC)
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    assert [row[1] for row in ask(golden, "actions_by_hour", since=last, until=midnight).rows] == [1]
    assert [row[1] for row in ask(golden, "actions_by_hour", since=midnight, until=UNTIL).rows] == [2, 3]
    assert ask(golden, "actions_by_hour", since=midnight - timedelta(minutes=1), until=last).rows == []


def test_days_add_up_to_their_month(golden: Any) -> None:
    whole = ask(golden, "actions_by_surface", until=datetime(2026, 12, 1, tzinfo=UTC)).rows
    days = [
        ask(golden, "actions_by_surface", since=day, until=day + timedelta(days=1)).rows
        for day in (SINCE, SINCE + timedelta(days=1), SINCE + timedelta(days=2))
    ]
    assert sum(row[1] for row in whole) == sum(row[1] for rows in days for row in rows) == 12


@pytest.fixture(scope="module")
def year(lake: Any) -> Iterator[Any]:
    """A lake with a file in each of 365 days, all alike."""
    first = datetime(2025, 11, 20)
    days = [(first + timedelta(days=number)).isoformat(sep=" ") for number in range(365)]
    lake.fill(
        [[verdict(f"e{number:03d}{n}", day, labels=["spam"]) for n in range(4)] for number, day in enumerate(days)]
    )
    return lake


@pytest.mark.parametrize("name", reports.names())
def test_a_report_reads_only_the_days_it_is_asked_for(year: Any, name: str) -> None:
    # when: a day, and the year around it
    day = datetime(2026, 5, 1, tzinfo=UTC)
    one = ask(year, name, since=day, until=day + timedelta(days=1))
    all_days = ask(year, name, since=datetime(2025, 11, 20, tzinfo=UTC), until=datetime(2026, 11, 20, tzinfo=UTC))
    # then
    assert one.bytes_scanned > 0
    assert 360 * one.bytes_scanned < all_days.bytes_scanned < 370 * one.bytes_scanned


def test_untrusted_text_as_a_parameter_finds_nothing_but_itself(golden: Any) -> None:
    sql = f"SELECT count(*) FROM current_verdicts WHERE dt = '{FIRST}' AND author_id = ?"
    for text in ("x' OR '1'='1", "'; DROP TABLE verdicts", "\\'", ":other;", "%s", "ann' --"):
        assert golden.ask(sql, [text_literal(text)]).rows == [(0,)]
    assert golden.ask(sql, [text_literal("ann")]).rows == [(2,)]


def test_a_statement_that_is_wrong_fails_with_a_reason_and_a_hint(golden: Any) -> None:
    with pytest.raises(QueryFailed) as caught:
        golden.ask("SELECT nothing FROM current_verdicts")
    assert "nothing" in caught.value.reason
    assert caught.value.hint


@pytest.fixture
def environment(golden: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `streamkeeper up` tells people to paste."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", golden.twin.endpoint_url)
    monkeypatch.setenv("AWS_REGION", golden.twin.region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return golden


def test_the_commands_find_the_stack_by_its_outputs(environment: Any) -> None:
    arguments = ["actions_by_surface", "--since", FIRST, "--until", "2026-11-03"]
    table = CliRunner().invoke(report_command, arguments)
    assert table.exit_code == 0, table.stderr
    assert ["comments", "5", "3"] in [line.split()[:3] for line in table.stdout.splitlines()]
    rows = csv.DictReader(io.StringIO(CliRunner().invoke(report_command, [*arguments, "--csv"]).stdout))
    assert [(row["surface"], row["events"]) for row in rows] == [("comments", "5"), ("chat", "4"), ("reviews", "2")]
    sql = "SELECT action, count(*) AS events FROM current_verdicts WHERE dt = ? GROUP BY action ORDER BY 1"
    answer = CliRunner().invoke(query, [sql, "--param", SECOND, "--json"])
    assert json.loads(answer.stdout) == [
        {"action": "allow", "events": 1},
        {"action": "block", "events": 2},
        {"action": "flag", "events": 1},
        {"action": "review", "events": 1},
    ]
    assert "scanned" in answer.stderr


def test_a_stack_that_is_not_there_is_named_with_what_to_do(environment: Any) -> None:
    result = CliRunner().invoke(query, ["SELECT 1", "--stack", "elsewhere"])
    assert result.exit_code == 3
    assert "stack 'elsewhere' in us-east-1 does not exist" in result.stderr
    assert result.stderr.count("\n") == 1


# awswrangler 3.17 passes pandas an argument that pandas 3 no longer needs.
@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated:DeprecationWarning")
def test_a_report_is_read_into_a_data_frame(environment: Any) -> None:
    report = reports.load("top_authors")
    frame = read_frame(
        report.sql,
        report.literals({"since": SINCE, "until": UNTIL, "limit": 2}),
        database=environment.database,
        workgroup=environment.workgroup,
    )
    assert list(frame["author_id"]) == ["bob", "dan"]
    assert list(frame["events"]) == [3, 2]
    assert str(frame["last_acted_on"].dtype).startswith("datetime64")
