"""The reports as saved queries: what the template deploys, asked as an analyst would ask it in the console."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from athena import reports
from athena.saved import saved_query
from glue.catalog.tables import AUDITS, QUARANTINE
from tests.sql.golden import audited, set_aside, verdict


@pytest.fixture(scope="module")
def recent(lake: Any) -> tuple[Any, datetime]:
    """A lake with content in each of the last 60 days, and the day it was made on."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = [(today - timedelta(days=number)).isoformat(sep=" ") for number in range(60)]
    lake.fill(
        [
            [verdict(f"e{number}-{n}", day, labels=["spam"], action="block", author_id="bob") for n in range(3)]
            for number, day in enumerate(days)
        ]
    )
    lake.fill([[set_aside(f"q{number}", day)] for number, day in enumerate(days)], QUARANTINE)
    lake.fill([[audited(day[:10], at=day, archived=3)] for day in days], AUDITS)
    return lake, today.replace(tzinfo=UTC)


def test_every_report_is_deployed_as_a_saved_query(lake: Any) -> None:
    athena = lake.twin.client("athena")
    ids = athena.list_named_queries(WorkGroup=lake.workgroup, MaxResults=50)["NamedQueryIds"]
    found = {one["Name"]: one for one in athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]}
    every = [reports.load(name) for name in reports.names()]
    assert {f"{one.name}: {one.title}" for one in every} == found.keys()
    for one in every:
        query = found[f"{one.name}: {one.title}"]
        assert query["QueryString"] == saved_query(one)
        assert query["Database"] == lake.database
        assert query["Description"] == one.question


@pytest.mark.parametrize("name", reports.names())
def test_a_saved_query_answers_what_its_report_answers_for_the_last_seven_days(recent: Any, name: str) -> None:
    lake, today = recent
    report = reports.load(name)
    values = {"since": today - timedelta(days=7), "until": today + timedelta(days=1)}
    asked = reports.run(report, values, lake.engine, database=lake.database, workgroup=lake.workgroup)
    saved = lake.ask(saved_query(report))
    assert saved.rows == asked.rows
    assert saved.rows or name == "review_load" or name == "spikes"
    # Days worked out from the present prune like days that are given.
    assert saved.bytes_scanned == asked.bytes_scanned


@pytest.mark.parametrize("name", reports.names())
def test_a_saved_query_has_nothing_left_to_fill_in(name: str) -> None:
    sql = saved_query(reports.load(name))
    assert "?" not in "".join(line for line in sql.splitlines() if not line.startswith("--"))
    assert "{" not in sql
    # Athena's limit on a statement, in bytes.
    assert len(sql.encode()) < 262_144
