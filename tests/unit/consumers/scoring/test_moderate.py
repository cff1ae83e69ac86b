"""The plain form: text in, verdict out; problems that name the field."""

import json
from typing import Any

import pytest

from consumers.scoring.service import MODERATE
from tests.fakes.scoring import KEY, Scoring, moderator

AUTHORIZED = {"authorization": f"Bearer {KEY}"}


def moderate(body: Any, scoring: Scoring | None = None, *, expected: int = 200) -> Any:
    response = (scoring or Scoring()).send(MODERATE, body, key=None, headers=AUTHORIZED)
    assert response.status == expected, response.body
    return json.loads(response.body)


def test_a_verdict_says_what_the_policy_says_on_the_stream() -> None:
    text = "You idiot, write to somebody@example.com"
    answer = moderate({"text": text, "id": "c-1", "surface": "chat", "language": "en"})
    finding = moderator().judge(text, surface="chat", language="en")
    assert (answer["id"], answer["action"]) == ("c-1", finding.decision.action)
    assert [one["label"] for one in answer["labels"]] == list(finding.decision.labels)
    assert {one["rule"] for one in answer["signals"]} == {one.rule for one in finding.signals}
    assert all(one["reason"] and 0 <= one["score"] <= 1 for one in answer["signals"])
    assert "somebody" not in json.dumps(answer)
    assert answer["policy"] == {"id": moderator().policy_id, "version": moderator().policy_version}


def test_a_batch_has_an_answer_for_each_item_also_for_those_that_are_refused() -> None:
    items = [{"text": "Thanks"}, {"txt": "x"}, {"text": 5}, {"text": "You idiot.", "id": "last"}]
    results = moderate({"items": items})["results"]
    assert results[0]["action"] == "allow"
    assert [one["problem"]["errors"][0]["pointer"] for one in results[1:3]] == ["#/items/1/txt", "#/items/2/text"]
    assert (results[3]["id"], results[3]["action"]) == ("last", "flag")


def test_what_helps_an_author_comes_with_the_verdict() -> None:
    answer = moderate({"text": "I want to kill myself tonight", "language": "en"})
    assert (answer["action"], answer["handling"]) == ("review", ["support"])


def test_five_hundred_texts_are_taken_and_one_more_is_not() -> None:
    scoring = Scoring()
    assert len(moderate({"items": [{"text": "hi"}] * 500}, scoring)["results"]) == 500
    assert scoring.quota.left == 1_000_000 - 500
    problem = moderate({"items": [{"text": "hi"}] * 501}, scoring, expected=400)
    assert problem["errors"][0]["pointer"] == "#/items"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", "#"),
        (b"[]", "#"),
        (b"\xff", "#"),
        (b"{" * 9000, "#"),
        ({}, "#/text"),
        ({"text": None}, "#/text"),
        ({"text": "x", "colour": 1}, "#/colour"),
        ({"text": "x", "surface": "A B"}, "#/surface"),
        ({"text": "x", "language": "english please"}, "#/language"),
        ({"text": "x", "author_id": "a b"}, "#/author_id"),
        ({"text": "ö" * 33_000}, "#/text"),
        ({"items": []}, "#/items"),
        ({"items": "x"}, "#/items"),
        ({"items": [{"text": "x"}], "text": "y"}, "#/text"),
    ],
)
def test_a_problem_names_the_field(body: Any, pointer: str) -> None:
    problem = moderate(body, expected=400)
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("key", "method", "status"), [(None, "POST", 401), ("nobodys", "POST", 401), (KEY, "GET", 405)]
)
def test_who_may_not_ask_is_told_so_as_a_problem(key: str | None, method: str, status: int) -> None:
    response = Scoring().send(MODERATE, {"text": "x"}, key=key, method=method)
    assert response.status == status
    assert dict(response.headers)["content-type"] == "application/problem+json"


def test_a_quota_that_is_used_up_takes_nothing() -> None:
    scoring = Scoring(left=2)
    moderate({"items": [{"text": "hi"}] * 3}, scoring, expected=429)
    assert scoring.submissions.taken == []
    assert scoring.quota.left == 2


def test_texts_go_to_the_stream_unless_they_shall_not_be_stored() -> None:
    scoring = Scoring()
    items = [{"text": "one", "author_id": "a1", "id": "c1"}, {"text": "two", "do_not_store": True}, {"text": 3}]
    moderate({"items": items}, scoring)
    (one,) = scoring.submissions.taken
    assert (one.text, one.author_id, one.content_id, one.surface) == ("one", "a1", "c1", "comment")


def test_an_unknown_route_of_the_plain_form_is_a_problem() -> None:
    response = Scoring().send("/v1/moderat", {"text": "x"})
    assert (response.status, json.loads(response.body)["status"]) == (404, 404)
