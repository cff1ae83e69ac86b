"""The Lambda function that scores texts, as an HTTP API calls it."""

import base64
import json
from typing import Any

import pytest

from consumers.aws.score_handler import ScoreApplication
from consumers.aws.settings import SettingsError
from consumers.ports import DefectError
from consumers.scoring.keys import hashed
from consumers.scoring.service import ANALYZE, DISCOVERY, MODERATE
from tests.fakes.stream import VirtualClock

KEY = "a-good-key-of-tests"
ENVIRONMENT = {"SCORE_KEYS": f"web:{hashed(KEY)}:3,forum:{hashed('another key of tests')}:0"}
TEXT = "You hidden idiot. 🙂"


@pytest.fixture
def application() -> ScoreApplication:
    return ScoreApplication(ENVIRONMENT, clock=VirtualClock())


def request(path: str, body: Any = None, *, method: str = "POST", query: str = "", encoded: bool = False) -> Any:
    """An event in the form of version 2.0."""
    text = "" if body is None else json.dumps(body)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "x-api-key": KEY},
        "requestContext": {
            "domainName": "abc123.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
        },
        "body": base64.b64encode(text.encode()).decode() if encoded else text,
        "isBase64Encoded": encoded,
    }


ASKED = {"comment": {"text": TEXT}, "requestedAttributes": {"INSULT": {}}}


@pytest.mark.parametrize("encoded", [False, True])
def test_a_request_is_answered_as_by_the_server(application: ScoreApplication, encoded: bool) -> None:
    answer = application.handle(request(ANALYZE, ASKED, encoded=encoded))
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json; charset=UTF-8"
    (span,) = json.loads(answer["body"])["attributeScores"]["INSULT"]["spanScores"]
    assert span["end"] == len(TEXT) + 1
    assert json.loads(application.handle(request(MODERATE, {"text": TEXT}))["body"])["action"] == "flag"


def test_the_document_leads_back_to_the_api(application: ScoreApplication) -> None:
    answer = application.handle(request(DISCOVERY, method="GET", query="version=v1alpha1"))
    assert json.loads(answer["body"])["rootUrl"] == "https://abc123.execute-api.eu-west-1.amazonaws.com/"


def test_a_quota_is_refilled_with_the_next_minute() -> None:
    clock = VirtualClock(now=60.0)
    application = ScoreApplication(ENVIRONMENT, clock=clock)
    statuses = [application.handle(request(ANALYZE, ASKED))["statusCode"] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    clock.time = 120.0
    assert application.handle(request(ANALYZE, ASKED))["statusCode"] == 200


@pytest.mark.parametrize(("body", "status"), [("%%%", 400), (base64.b64encode(b"x" * (5 << 20)).decode(), 413)])
def test_a_body_that_cannot_be_taken_is_refused(application: ScoreApplication, body: str, status: int) -> None:
    event = {**request(ANALYZE), "body": body, "isBase64Encoded": True}
    assert application.handle(event)["statusCode"] == status


@pytest.mark.parametrize("keys", ["web", "web:abc:3", f"web:{hashed(KEY)}:many", f":{hashed(KEY)}:1"])
def test_keys_that_are_not_of_their_form_are_refused_at_the_start(keys: str) -> None:
    with pytest.raises(SettingsError, match="SCORE_KEYS: key 1 is not of its form"):
        ScoreApplication({"SCORE_KEYS": keys})


def test_a_policy_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="POLICY"):
        ScoreApplication({**ENVIRONMENT, "POLICY": "nowhere"})


def test_a_defect_is_told_without_content(application: ScoreApplication) -> None:
    event = request(ANALYZE, ASKED)
    del event["requestContext"]
    with pytest.raises(DefectError, match="KeyError at") as raised:
        application.handle(event)
    assert "hidden" not in str(raised.value)
