"""The pages over HTTP: whom they answer, what they turn away, and what every answer carries."""

import csv
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from athena.dashboard.lake import Lake
from athena.dashboard.pages import PAGES
from athena.dashboard.web import Web
from athena.engine import QueryFailed
from tests.fakes.report_answers import AtOnce, Reports

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = "127.0.0.1:8600"
HOSTILE = '"><script>window.ran=1</script>'


class World:
    def __init__(self, **rows: Any) -> None:
        self.engine = Reports(rows)
        lake = Lake(self.engine, database="d", workgroup="w", pool=AtOnce(), now=NOW.timestamp)
        self.client = Client(Web(lake, hosts=[HERE, "localhost:8600"]))

    def get(self, path: str, *, host: str = HERE, method: str = "GET") -> TestResponse:
        return self.client.open(path, method=method, headers={"Host": host})


@pytest.fixture
def world() -> World:
    return World(summary=[{"events": 1, "before_events": 0}], actions_by_label=[{"label": HOSTILE, "events": 1}])


@pytest.mark.parametrize("path", ["/", *(f"/{page.name}" for page in PAGES)])
def test_each_page_is_there(world: World, path: str) -> None:
    answer = world.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")
    assert answer.text.rstrip().endswith("</html>")


@pytest.mark.parametrize("host", ["localhost:8600", HERE])
def test_it_answers_for_its_own_names(world: World, host: str) -> None:
    assert world.get("/", host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8600", "evil.example", "localhost:80", "127.0.0.1", "localhost:8600.evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/style.css", "/csv/verdicts.csv", "/nothing"])
def test_another_sites_name_for_this_machine_is_turned_away(world: World, host: str, path: str) -> None:
    answer = world.get(path, host=host)
    assert answer.status_code == 421
    assert "answers for 127.0.0.1:8600, localhost:8600 only" in answer.text
    assert world.engine.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_looking_is_answered(world: World, method: str) -> None:
    answer = world.get("/", method=method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert world.engine.asked == []


def test_a_head_has_no_body(world: World) -> None:
    answer = world.get("/", method="HEAD")
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/", "/style.css", "/icon.svg", "/nothing", "/?nothing=1", "/csv/verdicts.csv", "/csv/nothing.csv"],
)
def test_every_answer_carries_what_keeps_others_out(world: World, path: str) -> None:
    headers = world.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Cache-Control"] == "no-store" or path in ("/style.css", "/icon.svg")


@pytest.mark.parametrize(
    "path", ["/nothing", "/overview/more", "/../etc/passwd", f"/{HOSTILE}", "/csv/nothing.csv", "/csv/../x.csv"]
)
def test_what_is_not_there_says_what_is(world: World, path: str) -> None:
    answer = world.get(path)
    assert answer.status_code == 404
    assert "there are overview, rules" in answer.text or "there are actions_by, " in answer.text
    assert "<script" not in answer.text
    assert "/etc/passwd" not in answer.text or "That cannot be shown" in answer.text


def test_a_refusal_stays_on_the_page_that_it_is_about(world: World) -> None:
    answer = world.get("/verdicts?author_id=ann")
    assert "<h1>Verdicts</h1>" in answer.text
    assert 'href="/verdicts">Start again</a>' in answer.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/?since=soon", "is not a time"),
        ("/?lable=spam", "is not a filter"),
        ("/rules?since=now", "the period is empty"),
        ("/csv/verdicts.csv?limit=many", "is not a whole number"),
        ("/csv/verdicts.csv?limit=5000", "out of bounds"),
        ("/csv/actions_by.csv?by=colour", "none of its choices"),
        ("/csv/verdicts.csv?since=soon", "is not a time"),
        (f"/?{'x' * 50}=1", "is not a filter"),
        ("/?label=" + "x" * 300, "label is 300 characters long"),
    ],
)
def test_an_address_that_cannot_be_meant_says_what_is_allowed(world: World, path: str, said: str) -> None:
    answer = world.get(path)
    assert answer.status_code == 400
    assert said in answer.text
    assert "That cannot be shown" in answer.text
    assert world.engine.asked == []


def test_hostile_text_is_text_in_rows_and_in_addresses(world: World) -> None:
    for path in ("/", "/?label=%22%3E%3Cscript%3Ewindow.ran=1%3C/script%3E"):
        answer = world.get(path)
        assert "<script" not in answer.text
        assert "&#34;&gt;&lt;script&gt;" in answer.text


def test_csv_is_a_download_that_no_spreadsheet_runs() -> None:
    world = World(verdicts=[{"excerpt": "=1+1", "author_id": HOSTILE, "labels": "a,b"}])
    answer = world.get("/csv/verdicts.csv?limit=5&label=spam")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="verdicts.csv"'
    (row,) = csv.DictReader(answer.text.splitlines())
    assert (row["excerpt"], row["author_id"], row["labels"]) == ("'=1+1", HOSTILE, "a,b")
    ((_, asked),) = world.engine.asked
    assert {"5", "'spam'"} <= set(asked)


def test_what_turns_text_is_escaped_in_failures_and_refusals_too() -> None:
    world = World()
    for name in ("summary", "verdicts"):
        world.engine.failures[name] = QueryFailed("no column \u202etxt.exe")
    for path in ("/verdicts", "/?since=%E2%80%AEtxt.exe", "/%E2%80%AEtxt.exe"):
        text = world.get(path).text
        assert "\u202e" not in text
        assert r"\u202etxt.exe" in text


def test_a_query_that_fails_is_said_on_the_page_and_instead_of_csv() -> None:
    world = World()
    world.engine.failures["verdicts"] = QueryFailed("EXHAUSTED <b>RESOURCES</b>", hint="ask for fewer days")
    page = world.get("/verdicts")
    assert page.status_code == 200
    assert "EXHAUSTED &lt;b&gt;RESOURCES&lt;/b&gt; (ask for fewer days)" in page.text
    answer = world.get("/csv/verdicts.csv")
    assert (answer.status_code, answer.content_type) == (502, "text/plain; charset=utf-8")
    assert "ask for fewer days" in answer.text


def test_the_csv_link_of_a_table_gives_the_rows_of_that_table() -> None:
    world = World(review_load=[{"day": "2026-11-20"}], verdicts=[{"event_id": "e1", "action": "review"}])
    assert "/csv/verdicts.csv?action=review&amp;limit=100" in world.get("/review").text
    on_page = [asked for name, asked in world.engine.asked if name == "verdicts"]
    world.get("/csv/verdicts.csv?action=review&limit=100")
    # The answer is the page's own, kept: nothing was asked again.
    assert [asked for name, asked in world.engine.asked if name == "verdicts"] == on_page


def test_a_page_is_sent_as_far_as_it_is_known() -> None:
    world = World(summary=[{"events": 1, "before_events": 0}])
    pieces = world.client.open("/", headers={"Host": HERE}, buffered=False).iter_encoded()
    first = next(iter(pieces)).decode()
    assert '<main id="content"' in first
    assert "</main>" not in first
