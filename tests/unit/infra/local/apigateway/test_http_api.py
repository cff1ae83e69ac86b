"""HTTP APIs: how they are made, which route a request takes, what a function is given and what it answers."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from consumers.aws.score_handler import ScoreApplication
from consumers.scoring.keys import hashed
from infra.local.apigateway.api import ApiGatewayApi
from infra.local.apigateway.gateway import Request, Response
from infra.local.errors import ApiError
from tests.fakes.stream import VirtualClock
from tests.unit.infra.local.apigateway.test_gateway import NoRights

FUNCTION = "arn:aws:lambda:eu-west-1:1:function:f"
LOGS = "arn:aws:logs:eu-west-1:1:log-group:/aws/apigateway/f:*"
KEY = "a-good-key-of-tests"
TEXT = "You hidden idiot. 🙂"
ENCODED = {"statusCode": 200, "headers": {"content-type": "a/b"}, "body": "eA==", "isBase64Encoded": True}
FAILED = b'{"message":"Internal Server Error"}'


class Here:
    """An API over one function, which says what it was given."""

    def __init__(self, *keys: str, guard: NoRights | None = None, **stage: Any) -> None:
        self.clock = VirtualClock(now=1_000.0)
        self.events: list[dict[str, Any]] = []
        self.logged: list[tuple[str, str]] = []
        self.answer: Any = {"statusCode": 200}
        self.api = ApiGatewayApi(
            account="1",
            region="eu-west-1",
            clock=self.clock,
            ask=lambda *_: (500, b""),
            invoke=self._invoke,
            log=lambda destination, line: self.logged.append((destination, line)),
            guard=guard,
        )
        self.id = self.make("", {"name": "scores", "protocolType": "HTTP"})["apiId"]
        of_function = {"integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "payloadFormatVersion": "2.0"}
        made = self.make(f"/{self.id}/integrations", of_function)["integrationId"]
        for key in keys or ("$default",):
            self.make(f"/{self.id}/routes", {"routeKey": key, "target": f"integrations/{made}"})
        self.make(f"/{self.id}/stages", {"stageName": "$default", "autoDeploy": True, **stage})

    def _invoke(self, arn: str, event: Mapping[str, Any]) -> Any:
        assert arn == FUNCTION
        self.events.append(json.loads(json.dumps(event)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(event) if callable(self.answer) else self.answer

    def make(self, path: str, body: Mapping[str, Any], method: str = "POST") -> Any:
        status, _, answer = self.api.handle(method, f"/v2/apis{path}", {}, json.dumps(body).encode())
        assert status in (200, 201, 204)
        return json.loads(answer) if answer else None

    def ask(self, path: str, body: bytes = b"", *, method: str = "POST", query: str = "", **headers: str) -> Response:
        fields = {"host": "127.0.0.1:4566"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.serve(Request(method, f"/execute-api/{self.id}{path}", {}, fields, body, query))


def message(answer: Response) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["message"]


def test_a_function_is_given_an_event_of_version_2() -> None:
    here = Here("POST /pets/{id}", stageVariables={"colour": "red"})
    here.ask("/pets/a%20b", b"{}", query="x=1&x=2&y=", content_type="application/json", cookie="a=1; b=2")
    (event,) = here.events
    context = event.pop("requestContext")
    assert event.pop("headers") == {
        "host": "127.0.0.1:4566",
        "content-type": "application/json",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": "4566",
        "x-forwarded-proto": "http",
    }
    assert event == {
        "version": "2.0",
        "routeKey": "POST /pets/{id}",
        "rawPath": "/pets/a%20b",
        "rawQueryString": "x=1&x=2&y=",
        "cookies": ["a=1", "b=2"],
        "queryStringParameters": {"x": "1,2", "y": ""},
        "pathParameters": {"id": "a b"},
        "stageVariables": {"colour": "red"},
        "body": "{}",
        "isBase64Encoded": False,
    }
    assert context["http"]["method"] == "POST"
    assert (context["stage"], context["timeEpoch"]) == ("$default", 1_000_000)


@pytest.mark.parametrize(
    ("kind", "body", "is_encoded"),
    [
        *(("text/plain", "ä".encode(), False), ("application/json; charset=utf-8", b"{}", False)),
        *(("application/x-www-form-urlencoded", b"a=1", True), ("", b"{}", True), ("text/plain", b"\xff", True)),
    ],
)
def test_bodies_that_are_no_text_come_as_base64(kind: str, body: bytes, is_encoded: bool) -> None:
    here = Here()
    here.ask("/", body, content_type=kind)
    (event,) = here.events
    assert event["isBase64Encoded"] is is_encoded
    assert (base64.b64decode(event["body"]) if is_encoded else event["body"].encode()) == body


@pytest.mark.parametrize(
    ("answer", "status", "kind", "body"),
    [
        ({"statusCode": 201, "body": "x"}, 201, "text/plain;charset=UTF-8", b"x"),
        (ENCODED, 200, "a/b", b"x"),
        ({"told": 1}, 200, "application/json", b'{"told":1}'),
        ("told", 200, "application/json", b"told"),
        ({"statusCode": "many"}, 500, "application/json", FAILED),
        ({**ENCODED, "body": "%"}, 500, "application/json", FAILED),
        (RuntimeError("it failed"), 500, "application/json", FAILED),
    ],
)
def test_what_a_function_gives_is_answered(answer: Any, status: int, kind: str, body: bytes) -> None:
    here = Here()
    here.answer = answer
    found = here.ask("/")
    assert (found.status, found.headers["Content-Type"], found.body) == (status, kind, body)


def test_what_no_route_takes_is_not_found() -> None:
    here = Here("GET /pets")
    assert message(here.ask("/pets")) == (404, "Not Found")
    assert message(here.ask("/pets/1", method="GET")) == (404, "Not Found")
    assert here.ask("/pets", method="GET").status == 200
    assert len(here.events) == 1


def test_a_named_stage_is_served_below_its_name() -> None:
    here = Here("GET /pets")
    here.make(f"/{here.id}/stages/$default", {}, "DELETE")
    assert message(here.ask("/pets", method="GET")) == (404, "Not Found")
    here.make(f"/{here.id}/stages", {"stageName": "live", "autoDeploy": True})
    assert here.ask("/live/pets", method="GET").status == 200
    assert here.events[0]["rawPath"] == "/live/pets"


def test_what_is_over_the_rate_is_refused_until_time_has_passed() -> None:
    here = Here(defaultRouteSettings={"throttlingRateLimit": 2, "throttlingBurstLimit": 1})
    assert [here.ask("/").status for _ in range(2)] == [200, 429]
    here.clock.time += 0.5
    assert [here.ask("/").status, message(here.ask("/"))] == [200, (429, "Too Many Requests")]


def test_a_body_over_the_limit_of_the_gateway_never_reaches_the_function() -> None:
    here = Here()
    assert message(here.ask("/", b"x" * (10 * 1024 * 1024 + 1))) == (413, "Request Entity Too Large")
    assert here.events == []


def test_a_function_whose_policy_does_not_let_the_route_in_is_not_called() -> None:
    guard = NoRights()
    here = Here(guard=guard)
    assert message(here.ask("/x")) == (500, "Internal Server Error")
    assert guard.judged == [("calls", FUNCTION, f"arn:aws:execute-api:eu-west-1:1:{here.id}/$default/$default")]
    guard.allowed.add("calls")
    assert here.ask("/x").status == 200


def test_the_access_log_has_what_its_format_names() -> None:
    form = '{"method": "$context.httpMethod", "status": "$context.status", "at": "$context.requestTimeEpoch"}'
    here = Here(
        accessLogSettings={"destinationArn": LOGS, "format": form + " $context.nothing $context.identity.sourceIp"}
    )
    here.ask("/secret", query="key=secret")
    assert here.logged == [(LOGS, '{"method": "POST", "status": "200", "at": "1000000"} - 127.0.0.1')]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("", {"name": "x", "protocolType": "WEBSOCKET"}, "WEBSOCKET"),
        ("", {"name": "x", "protocolType": "HTTP", "corsConfiguration": {}}, "corsConfiguration"),
        ("/API/integrations", {"integrationType": "HTTP_PROXY"}, "AWS_PROXY"),
        ("/API/integrations", {"integrationType": "AWS_PROXY", "integrationUri": FUNCTION}, "payload format None"),
        ("/API/routes", {"routeKey": "fetch /pets"}, "fetch /pets"),
        ("/API/routes", {"routeKey": "GET /{all+}/pets"}, "all"),
        ("/API/routes", {"routeKey": "GET /pets", "authorizationType": "JWT"}, "authorizer"),
        ("/API/routes", {"routeKey": "GET /pets", "target": "integrations/none"}, "none"),
        ("/API/stages", {"stageName": "live"}, "autoDeploy"),
        ("/API/stages", {"stageName": "live", "autoDeploy": True, "routeSettings": {}}, "routeSettings"),
        ("/API/authorizers", {}, "authorizers"),
        ("/nothing/routes", {"routeKey": "GET /pets"}, "nothing"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(path: str, body: dict[str, Any], named: str) -> None:
    here = Here()
    with pytest.raises(ApiError, match=named.replace("$", ".")):
        here.make(path.replace("API", here.id), body)


def test_what_is_deleted_is_there_no_more() -> None:
    here = Here()
    (route,) = here.make(f"/{here.id}/routes", {}, "GET")["items"]
    here.make(f"/{here.id}/routes/{route['routeId']}", {}, "DELETE")
    assert here.ask("/").status == 404
    here.make(f"/{here.id}", {}, "DELETE")
    assert here.make("", {}, "GET") == {"items": []}
    assert here.ask("/").status == 403


@pytest.fixture(scope="module")
def scores() -> Here:
    here = Here()
    here.answer = ScoreApplication({"SCORE_KEYS": f"web:{hashed(KEY)}:0"}, clock=here.clock).handle
    return here


ASKED = {"comment": {"text": TEXT}, "languages": ["en"], "requestedAttributes": {"INSULT": {}}, "spanAnnotations": True}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_scores_come_through_whatever_the_body_is_called(scores: Here, kind: str) -> None:
    body = json.dumps(ASKED, ensure_ascii=False).encode()
    answer = scores.ask("/v1alpha1/comments:analyze", body, query=f"key={KEY}", content_type=kind)
    spans = json.loads(answer.body)["attributeScores"]["INSULT"]["spanScores"]
    assert [(one["begin"], one["end"]) for one in spans][-1][1] == len(TEXT) + 1
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    verdict = scores.ask("/v1/moderate", json.dumps({"text": TEXT}).encode(), authorization=f"Bearer {KEY}")
    assert json.loads(verdict.body)["action"] == "flag"


@pytest.mark.parametrize(("query", "status"), [("", 403), ("key=", 403), (f"key={KEY}x", 400), (f"key={KEY}", 400)])
def test_keys_and_bodies_are_refused_in_perspectives_form(scores: Here, query: str, status: int) -> None:
    answer = scores.ask("/v1alpha1/comments:analyze", query=query)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (status, status)


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566"])
def test_the_discovery_document_and_batches_lead_back_to_where_the_api_lies(scores: Here, host: str) -> None:
    discovery = scores.ask("/$discovery/rest", method="GET", query="version=v1alpha1", host=host)
    root = json.loads(discovery.body)["rootUrl"]
    assert root == f"http://{host}/execute-api/{scores.id}/"
    # As Google's clients write the parts: with the whole path of the document's root.
    path = f"/execute-api/{scores.id}/v1alpha1/comments:analyze?key={KEY}"
    part = f"--x\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\nPOST {path} HTTP/1.1\r\n\r\n"
    body = f"{part}{json.dumps(ASKED)}\r\n--x--\r\n".encode()
    answer = scores.ask("/batch", body, content_type="multipart/mixed; boundary=x", host=host)
    assert answer.headers["Content-Type"].startswith("multipart/mixed")
    assert b"HTTP/1.1 200 OK" in answer.body
    assert b'"INSULT"' in answer.body
