"""Game days of the content API: requests that are refused raise no alarm, and those that fail do."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.gamedays.conftest import SEEN
from tests.gamedays.day import Day

PARAMETERS = {"ContentApiCallers": "iam"}
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
    seen: list[int] = []

    def asked(minute: int) -> None:
        day.usual(minute)
        seen.extend([ask(day, "/v1/content/c-1"), ask(day, "/v1/content/a%20b"), ask(day, "/nowhere")])

    def read_from(name: str) -> None:
        patch = {"op": "replace", "path": "/variables/statuses", "value": name}
        gateway.update_stage(restApiId=api["id"], stageName="live", patchOperations=[patch])

    day.produces = asked
    day.calm()
    assert set(seen) == {202, 400, 403}
    # A deployment that names another table.
    read_from("no-such-table")
    try:
        minutes = day.trips("ContentApiAlarm")
    finally:
        read_from(table)
    assert 502 in seen
    SEEN.append(("the content API answers 5xx", f"{minutes:.0f} minutes"))
