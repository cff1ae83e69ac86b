"""The mapping templates by themselves: tenants, what travels in overrides, and what a service refuses."""

import json
from base64 import b64decode
from typing import Any

import pytest

from infra.content_api import reading, templates
from infra.local.apigateway.java_values import Input
from infra.local.apigateway.velocity import Members, context, render

EVENT: dict[str, Any] = {
    "schema_version": 1,
    "event_id": "0192f3a4-7c1e-7000-8000-000000000001",
    "content_id": "c:1",
    "author_id": "a-1",
    "surface": "comment",
    "created_at": "2026-11-20T11:59:00Z",
    "text": "hello",
    "parent_id": "c:0",
}


def made(template: str, body: object, *, tenant: str = "", callers: str = "iam", **params: str) -> tuple[str, Members]:
    """What a template makes, and the context that it leaves."""
    claims = {"authorizer": {"claims": {"custom:tenant": tenant}}} if tenant else {}
    about = context({"path": "/live/v1/content", "requestTimeEpoch": 1_795_000_000_123, **claims})
    variables = {"stream": "content", "statuses": "status", "authorizer": callers, "kept": "acted"}
    text = body if isinstance(body, str) else json.dumps(body)
    return render(template, given=Input(text, {"path": params}), about=about, stage_variables=variables), about


def sent(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(b64decode(json.loads(text)["Data"]))
    return document


def test_a_tenants_name_goes_before_its_ids_and_another_tenant_reads_another_key() -> None:
    asked, _ = made(templates.put_one(), EVENT, tenant="acme", callers="cognito")
    document = sent(asked)
    assert [document[name] for name in ("content_id", "author_id", "parent_id")] == ["acme:c:1", "acme:a-1", "acme:c:0"]
    keys = [
        json.loads(made(reading.ask_status(), "", tenant=tenant, callers="cognito", id="c:1")[0])[
            "ExpressionAttributeValues"
        ][":id"]["S"]
        for tenant in ("acme", "evil")
    ]
    assert keys == ["acme:c:1", "evil:c:1"]


@pytest.mark.parametrize("tenant", ["", "a:b", 'a"b', "x" * 65, "ä"])
@pytest.mark.parametrize("template", [templates.put_one(), templates.put_many(), reading.ask_status()])
def test_a_token_without_a_good_tenant_is_refused_and_asks_for_nothing(template: str, tenant: str) -> None:
    asked, about = made(template, {**EVENT, "events": [EVENT]}, tenant=tenant, callers="cognito", id="acme:c:1")
    assert json.loads(asked) == {}
    assert about["requestOverride"]["path"]["status"] == 403


def test_ids_that_a_tenants_name_makes_too_long_are_refused_by_name() -> None:
    for field in ("content_id", "author_id", "parent_id"):
        _, about = made(templates.put_one(), {**EVENT, field: "x" * 128}, tenant="acme", callers="cognito")
        assert about["requestOverride"]["path"]["pointer"] == f"#/{field}"


def test_a_status_whose_time_is_over_is_none() -> None:
    asked, _ = made(reading.ask_status(), "", id="c%3A1")
    document = json.loads(asked)
    assert document["FilterExpression"] == "expires_at > :now"
    assert document["ExpressionAttributeValues"] == {":id": {"S": "c:1"}, ":now": {"N": "1795000000"}}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ProvisionedThroughputExceededException", 503),
        ("KMSThrottlingException", 503),
        ("LimitExceededException", 503),
        ("AccessDeniedException", 502),
        ("ResourceNotFoundException", 502),
    ],
)
@pytest.mark.parametrize("template", [templates.PROBLEM, templates.PROBLEM_OF_MANY])
def test_what_a_service_refuses_is_told_without_its_words(template: str, code: str, status: int) -> None:
    answer, about = made(template, {"__type": code, "message": 'arn:aws:iam::1:role/"x'})
    document = json.loads(answer)
    assert (document["status"], about["responseOverride"]["status"]) == (status, status)
    assert "arn" not in answer


def test_a_record_of_many_that_the_stream_did_not_take_is_answered_for_alone() -> None:
    _, about = made(templates.put_many(), {"events": [EVENT, EVENT]})
    records = [{"SequenceNumber": "1", "ShardId": "s"}, {"ErrorCode": "ProvisionedThroughputExceededException"}]
    about = Members(about)
    answer = render(
        templates.TAKEN_MANY,
        given=Input(json.dumps({"FailedRecordCount": 1, "Records": records}), {}),
        about=about,
        stage_variables={},
    )
    assert [one["status"] for one in json.loads(answer)["results"]] == [202, 503]
    assert about["responseOverride"]["status"] == 207


def test_words_about_fields_hold_nothing_that_separates_them_or_that_a_template_reads() -> None:
    for words in templates.refused_words():
        assert not set(words) & set("~|'\"$#\\")
