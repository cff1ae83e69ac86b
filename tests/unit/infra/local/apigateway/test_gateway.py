"""A stage at work: who is let in, how often, and what is logged."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra.local.apigateway.definition import read_definition
from infra.local.apigateway.gateway import Ports, Request, Response, Stage
from infra.local.apigateway.guard import Unguarded
from infra.local.apigateway.plans import Plans
from infra.local.errors import ApiError
from tests.unit.infra.local.apigateway.test_definition import DOCUMENT, KINESIS

ROLE = "arn:aws:iam::1:role/api"
FUNCTION = "arn:aws:lambda:us-east-1:1:function:f"
PROXY = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
BY_IAM = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
SIGNED = "AWS4-HMAC-SHA256 Credential=k/20261130/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0"


class NoRights:
    """Says of everything that it may not be, but for what is in ``allowed``."""

    def __init__(self) -> None:
        self.allowed: set[str] = set()
        self.judged: list[tuple[str, ...]] = []

    def invokes(self, authorization: str, method: str) -> bool:
        self.judged.append(("invokes", method))
        return "invokes" in self.allowed

    def assumes(self, role: str) -> bool:
        self.judged.append(("assumes", role))
        return "assumes" in self.allowed

    def calls(self, function: str, method: str) -> bool:
        self.judged.append(("calls", function, method))
        return "calls" in self.allowed


class Here:
    """A stage over a service that answers with what it was asked."""

    def __init__(self, security: dict[str, Any], **settings: Any) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.roles: list[str] = []
        self.invoked: list[str] = []
        self.guard = NoRights() if settings.pop("guarded", False) else Unguarded()
        self.logged: list[str] = []
        self.time = 1_000.0
        integration = {
            "type": "aws",
            "httpMethod": "POST",
            "uri": KINESIS,
            "credentials": ROLE,
            "passthroughBehavior": "never",
            "requestTemplates": {"application/json": '{"a": "$util.base64Encode($input.body)"}'},
            "responses": {"200": {"statusCode": "201"}, "default": {"statusCode": "400"}},
        }
        document = {
            **DOCUMENT,
            "components": {"securitySchemes": {"caller": security}},
            "paths": {
                "/things": {"post": {"security": [{"caller": []}], "x-amazon-apigateway-integration": integration}},
                "/calls/{id}": {"get": {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": PROXY}}},
            },
        }
        usual = {"rate": 0.0, "burst": 0, "log_format": ""}
        self.stage = Stage(
            read_definition(document),
            Plans(),
            Ports(
                ask=self._ask,
                invoke=self._invoke,
                log=self.logged.append,
                now=lambda: self.time,
                guard=self.guard,
            ),
            api="a1",
            name="live",
            variables={},
            account="1",
            region="us-east-1",
            **{**usual, **settings},
        )

    def _ask(self, role: str, target: str, body: bytes) -> tuple[int, bytes]:
        self.roles.append(role)
        self.asked.append((target, body))
        return 200, body

    def _invoke(self, arn: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self.invoked.append(arn)
        return {"statusCode": 200, "body": "done"}

    def get(self, path: str) -> Response:
        return self.stage.handle(Request("GET", path, {}, {}, b""))

    def post(self, body: bytes = b"{}", **headers: str) -> Response:
        fields = {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.stage.handle(Request("POST", "/things", {}, fields, body))


def test_an_unsigned_request_asks_for_nothing() -> None:
    here = Here({"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"})
    assert here.post().status == 403
    assert here.post(authorization="Bearer x").status == 403
    assert here.asked == []
    assert here.post(authorization=SIGNED).status == 201
    assert [target for target, _ in here.asked] == ["Kinesis_20131202.PutRecord"]


def test_a_token_that_nothing_here_can_check_is_refused() -> None:
    given = {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
    }
    here = Here(given)
    assert here.post(authorization="a.b.c").status == 401
    assert here.asked == []


def test_more_than_the_stage_lets_through_gets_429_until_a_second_has_passed() -> None:
    here = Here(
        {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"},
        rate=2.0,
        burst=2,
    )
    assert [here.post(authorization=SIGNED).status for _ in range(3)] == [201, 201, 429]
    here.time += 1
    assert here.post(authorization=SIGNED).status == 201


def test_a_line_of_the_log_has_what_its_format_names_and_a_hyphen_for_what_is_not_there() -> None:
    line = '{"route":"$context.resourcePath","status":$context.status,"why":"$context.error.responseType"}'
    here = Here(
        {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"},
        log_format=line,
    )
    here.post(authorization=SIGNED)
    here.post()
    assert [json.loads(one) for one in here.logged] == [
        {"route": "/things", "status": 201, "why": "-"},
        {"route": "/things", "status": 403, "why": "MISSING_AUTHENTICATION_TOKEN"},
    ]


class Counted:
    """Metrics, as they are added."""

    def __init__(self) -> None:
        self.added: list[tuple[str, float]] = []

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str = "Count") -> None:
        self.added.append((name, value))


@pytest.mark.parametrize(
    "error",
    [ApiError("TooManyRequestsException", "Rate Exceeded.", 429), RuntimeError("it failed"), ValueError("no JSON")],
)
def test_a_function_that_does_not_answer_is_an_error_of_the_api_and_counted(error: Exception) -> None:
    def fails(arn: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        raise error

    meter = Counted()
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": PROXY}
    stage = Stage(
        read_definition({**DOCUMENT, "paths": {"/things": {"post": {"x-amazon-apigateway-integration": integration}}}}),
        Plans(),
        Ports(ask=lambda role, target, body: (200, body), invoke=fails, log=print, now=lambda: 1_000.0, meter=meter),
        api="a1",
        name="live",
        variables={},
        rate=0.0,
        burst=0,
        log_format="",
        account="1",
        region="us-east-1",
    )
    assert stage.handle(Request("POST", "/things", {}, {}, b"")).status == 500
    assert ("5XXError", 1) in meter.added


def test_a_service_is_asked_as_the_role_that_the_integration_names() -> None:
    here = Here(BY_IAM)
    assert here.post(authorization=SIGNED).status == 201
    assert here.roles == [ROLE]


def test_a_caller_who_may_not_call_a_method_a_role_that_lets_nobody_in_and_a_function_without_leave_end_it() -> None:
    here = Here(BY_IAM, guarded=True)
    assert isinstance(here.guard, NoRights)
    assert here.post(authorization=SIGNED).status == 403
    here.guard.allowed = {"invokes"}
    assert here.post(authorization=SIGNED).status == 500
    assert here.get("/calls/5").status == 500
    assert (here.asked, here.invoked) == ([], [])
    here.guard.allowed = {"invokes", "assumes", "calls"}
    assert here.post(authorization=SIGNED).status == 201
    assert here.get("/calls/5").status == 200
    assert here.invoked == [FUNCTION]
    method = "arn:aws:execute-api:us-east-1:1:a1/live"
    assert set(here.guard.judged) == {
        ("invokes", f"{method}/POST/things"),
        ("assumes", ROLE),
        ("calls", FUNCTION, f"{method}/GET/calls/{{id}}"),
    }
