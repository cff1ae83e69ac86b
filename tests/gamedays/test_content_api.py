"""Game days of the content API: requests that are refused raise no alarm, and those that fail do."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.gamedays.conftest import seen
from tests.gamedays.day import Day

PARAMETERS = {"ContentApiCallers": "iam", "ContentWaiters": 5}
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0"


def ask(day: Day, path: str) -> int:
    """The status of the answer to a signed request."""
    at = urlsplit(day.outputs["ContentApiUrl"])
    line = http.client.HTTPConnection(str(at.hostname), at.port, timeout=60)
    line.request("GET", f"{at.path}{path}", headers={"Authorization": SIGNED})
    status = line.getresponse().status
    line.close()
    return status


def test_the_content_api_cannot_read_its_table(day: Day, request: pytest.FixtureRequest) -> None:
    gateway = day.twin.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    table = day.outputs["StatusTableName"]
    answers: list[int] = []

    def asked(minute: int) -> None:
        day.usual(minute)
        answers.extend([ask(day, "/v1/content/c-1"), ask(day, "/v1/content/a%20b"), ask(day, "/nowhere")])

    def read_from(name: str) -> None:
        patch = {"op": "replace", "path": "/variables/statuses", "value": name}
        gateway.update_stage(restApiId=api["id"], stageName="live", patchOperations=[patch])

    day.produces = asked
    day.calm()
    assert set(answers) == {202, 400, 403}
    # A deployment that names another table.
    read_from("no-such-table")
    try:
        minutes = day.trips("ContentApiAlarm")
    finally:
        read_from(table)
    assert 502 in answers
    seen(request, minutes)


def waits(day: Day) -> None:
    """Every minute somebody waits for a decision."""

    def asked(minute: int) -> None:
        day.usual(minute)
        ask(day, "/v1/content/c-1/decision?wait=0")

    day.produces = asked
    day.calm()


def test_who_waits_for_a_decision_meets_an_error(day: Day, request: pytest.FixtureRequest) -> None:
    waits(day)
    day.fault(kind="function_error", function=f"{day.twin.stack.name}-wait")
    seen(request, day.trips("WaitErrorAlarm", "ContentApiAlarm"))


def test_more_want_to_wait_than_may(day: Day, request: pytest.FixtureRequest) -> None:
    waits(day)
    day.fault(kind="function_throttle", function=f"{day.twin.stack.name}-wait")
    seen(request, day.trips("WaitThrottleAlarm", "ContentApiAlarm"))


def test_the_access_log_does_not_land(day: Day, request: pytest.FixtureRequest) -> None:
    waits(day)
    waiting = day.produces

    def another_writer(minute: int) -> None:
        waiting(minute)
        day.defer([b'{"at":"2026-03-02 08:00:00.000","status":"many"}'], stream=log(day))

    day.produces = another_writer
    day.trips("AccessConversionAlarm")
    day.produces = waiting
    day.fault(kind="denied", call="s3.PutObject", where="access/")
    seen(request, day.trips("AccessDeliveryAlarm", also=("AccessConversionAlarm",)))


def test_the_access_log_is_throttled(day: Day, request: pytest.FixtureRequest) -> None:
    waits(day)
    day.puts.names.add(log(day))
    seen(request, day.trips("AccessThrottleAlarm"))


def log(day: Day) -> str:
    """The delivery stream of the access log."""
    names = day.twin.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    return next(str(one) for one in names if one.startswith("amazon-apigateway-"))
