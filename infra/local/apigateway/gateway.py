"""A stage of a REST API at work: a request comes in, a service is asked, an answer goes out.

The order is the gateway's: the route, who calls, how often, the parameters, the body by the request's template, the
service, the answer by its template, the access log.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from msgspec import Struct

from infra.local.apigateway.definition import Definition, GatewayResponse, Integration, Outcome, Route
from infra.local.apigateway.guard import Guard, Unguarded
from infra.local.apigateway.java_values import Input
from infra.local.apigateway.json_values import NotJsonError, NotModelledError
from infra.local.apigateway.plans import Bucket, Plans
from infra.local.apigateway.tokens import Keys, claims_of
from infra.local.apigateway.velocity import Members, context, render
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError

_logger = logging.getLogger(__name__)

PREFIX: Final = "/execute-api/"
"""Where stages are served on the loopback port: ``/execute-api/API/STAGE/...``."""
MAX_BODY: Final = 10 * 1024 * 1024
"""Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (payload size)"""

_VARIABLE: Final = re.compile(r"\$context\.([A-Za-z0-9_.]+)")
_SIGNATURE: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/\s]+/\d{8}/[a-z0-9-]+/execute-api/aws4_request,.*")
_USUAL: Final = {
    **dict.fromkeys(("BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX"), 400),
    **dict.fromkeys(("MISSING_AUTHENTICATION_TOKEN", "INVALID_API_KEY", "ACCESS_DENIED"), 403),
    "UNAUTHORIZED": 401,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    **dict.fromkeys(("THROTTLED", "QUOTA_EXCEEDED"), 429),
    "DEFAULT_5XX": 500,
    "API_CONFIGURATION_ERROR": 500,
    "INTEGRATION_FAILURE": 504,
}
_WORDS: Final = {
    "BAD_REQUEST_BODY": "Invalid request body",
    "BAD_REQUEST_PARAMETERS": "Missing required request parameters",
    "MISSING_AUTHENTICATION_TOKEN": "Missing Authentication Token",
    "INVALID_API_KEY": "Forbidden",
    "UNAUTHORIZED": "Unauthorized",
    "REQUEST_TOO_LARGE": "Request Too Long",
    "UNSUPPORTED_MEDIA_TYPE": "Unsupported Media Type",
    "THROTTLED": "Too Many Requests",
    "QUOTA_EXCEEDED": "Limit Exceeded",
    "INTEGRATION_FAILURE": "Internal server error",
}

Ask = Callable[[str, str, bytes], tuple[int, bytes]]
"""Asks a service: as which role (empty: none), X-Amz-Target and body, to the status and the body of its answer."""
Invoke = Callable[[str, Mapping[str, Any]], Any]
"""Calls a function by its ARN with an event, to what it gives back."""


class Request(Struct, frozen=True):
    """A request.

    Args:
        path: below the stage, decoded; of an HTTP API as sent.
        headers: by name in small letters.
        raw_query: the query as sent.
        scheme: http or https.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw_query: str = ""
    scheme: str = "http"


class Response(Struct, frozen=True):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Ports(Struct, frozen=True):
    """What a stage needs of the runtime.

    Args:
        ask: a service.
        invoke: a function.
        log: takes a line of the access log.
        now: epoch seconds.
        keys: of a user pool.
        meter: takes the API's metrics.
        guard: judges rights.
    """

    ask: Ask
    invoke: Invoke
    log: Callable[[str], None]
    now: Callable[[], float]
    keys: Keys = lambda _: None
    meter: Meter = NoMeter()
    guard: Guard = Unguarded()


class _RefusedError(Exception):
    """The gateway answers by itself; the name is of its own answers."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.words = words or _WORDS.get(name, "Internal server error")


class Stage:
    """A stage that is deployed.

    Args:
        definition: the API.
        api, name: the API's id, and the stage's name.
        variables: stage variables.
        rate, burst: of all callers together; 0: no limit.
        log_format: of the access log; empty: none.
        account, region: of the runtime.
    """

    def __init__(
        self,
        definition: Definition,
        plans: Plans,
        ports: Ports,
        *,
        api: str,
        name: str,
        variables: Mapping[str, str],
        rate: float,
        burst: int,
        log_format: str,
        account: str,
        region: str,
    ) -> None:
        self.api, self.name = api, name
        self.definition = definition
        self.variables = dict(variables)
        self._plans = plans
        self._ports = ports
        self._bucket = Bucket(rate, burst)
        self._lock = threading.Lock()
        self._log_format = log_format
        self._account = account
        self._arn = f"arn:aws:execute-api:{region}:{account}:{api}/{name}"

    def handle(self, request: Request) -> Response:
        """The answer to a request."""
        now = self._ports.now()
        about = self._about(request, now)
        try:
            answer = self._answer(request, about, now)
        except _RefusedError as refused:
            answer = self._refusal(refused, about)
        except NotModelledError:
            _logger.exception("a template of API %s asks for what is not modelled", self.api)
            answer = self._refusal(_RefusedError("DEFAULT_5XX"), about)
        if self._log_format:
            self._log(about, answer, now)
        self._measure(answer.status, self._ports.now() - now)
        return answer

    def _measure(self, status: int, seconds: float) -> None:
        """Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
        values = (("Count", 1), ("4XXError", 400 <= status < 500), ("5XXError", status >= 500))
        for more in ({}, {"Stage": self.name}):
            dimensions = {"ApiName": self.definition.name, **more}
            for name, value in values:
                self._ports.meter.add("AWS/ApiGateway", name, dimensions, value)
            self._ports.meter.add("AWS/ApiGateway", "Latency", dimensions, seconds * 1000, "Milliseconds")

    def _answer(self, request: Request, about: Members, now: float) -> Response:
        found = self.definition.route(request.method, request.path)
        if found is None:
            raise _RefusedError("MISSING_AUTHENTICATION_TOKEN")
        route, path = found
        about["resourcePath"] = route.path
        self._know_caller(route, request, about, now)
        self._count(route, request, about, now)
        if len(request.body) > MAX_BODY:
            raise _RefusedError("REQUEST_TOO_LARGE")
        for place, name in route.required:
            if name not in (request.query if place == "query" else request.headers):
                raise _RefusedError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{name}]")
        params = {
            "path": path,
            "querystring": request.query,
            "header": request.headers,
        }
        if route.integration.kind == "aws_proxy":
            return self._by_function(route, request, params, about)
        return self._by_templates(route.integration, request, params, about)

    def _know_caller(self, route: Route, request: Request, about: Members, now: float) -> None:
        authorization = request.headers.get("authorization", "")
        if route.caller == "signature":
            # Nothing here knows anybody's secret: as with every service of the runtime, a signature is enough.
            if not _SIGNATURE.fullmatch(authorization):
                raise _RefusedError("MISSING_AUTHENTICATION_TOKEN")
            if not self._ports.guard.invokes(authorization, f"{self._arn}/{request.method}{request.path}"):
                raise _RefusedError("ACCESS_DENIED", "User is not authorized to access this resource")
            about["identity"]["accountId"] = self._account
        elif route.caller == "cognito":
            claims = claims_of(authorization, pools=route.pools, keys=self._ports.keys, now=now)
            if claims is None:
                raise _RefusedError("UNAUTHORIZED")
            about["authorizer"] = Members(claims=Members(claims))

    def _count(self, route: Route, request: Request, about: Members, now: float) -> None:
        if route.caller == "key":
            found = self._plans.key_of(request.headers.get("x-api-key", ""), self.api, self.name)
            if found is None:
                raise _RefusedError("INVALID_API_KEY")
            about["identity"]["apiKeyId"] = found[0].id
            if refused := self._plans.refused(*found, now):
                raise _RefusedError(refused)
        with self._lock:
            if not self._bucket.take(now):
                raise _RefusedError("THROTTLED")

    def _by_templates(
        self, integration: Integration, request: Request, params: Mapping[str, Mapping[str, str]], about: Members
    ) -> Response:
        try:
            body = request.body.decode()
        except UnicodeDecodeError:
            raise _RefusedError("BAD_REQUEST_BODY") from None
        template = self._template(integration, request)
        try:
            asked = body if template is None else self._render(template, body, params, about)
        except NotJsonError:
            raise _RefusedError("BAD_REQUEST_BODY") from None
        if integration.kind == "mock":
            status, told = int(json.loads(asked or "{}").get("statusCode", 200)), b""
        else:
            if not self._ports.guard.assumes(integration.role):
                raise _RefusedError("API_CONFIGURATION_ERROR")
            status, told = self._ports.ask(integration.role, integration.target, asked.encode())
        outcome = _outcome(integration.outcomes, str(status))
        if outcome is None:
            raise _RefusedError("DEFAULT_5XX")
        about["integration"] = Members(status=status)
        text = told.decode()
        answer = text if outcome.template is None else self._render(outcome.template, text, params, about)
        overridden = about["responseOverride"]
        headers = {"Content-Type": "application/json", **outcome.headers}
        headers |= {name: str(value) for name, value in overridden["header"].items()}
        return Response(int(overridden["status"] or outcome.status), headers, answer.strip().encode())

    def _template(self, integration: Integration, request: Request) -> str | None:
        """The request's template by its type of content; None passes the body as it is."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower() or "application/json"
        found = integration.templates.get(kind)
        if found is not None:
            return found
        if integration.passthrough == "never" or (
            integration.passthrough == "when_no_templates" and integration.templates
        ):
            raise _RefusedError("UNSUPPORTED_MEDIA_TYPE")
        return None

    def _render(self, template: str, body: str, params: Mapping[str, Mapping[str, str]], about: Members) -> str:
        return render(template, given=Input(body, params), about=about, stage_variables=self.variables)

    def _by_function(
        self, route: Route, request: Request, params: Mapping[str, Mapping[str, str]], about: Members
    ) -> Response:
        """Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""
        event = {
            "resource": route.path,
            "path": request.path,
            "httpMethod": request.method,
            "headers": dict(request.headers),
            "queryStringParameters": dict(request.query) or None,
            "pathParameters": params["path"] or None,
            "stageVariables": self.variables or None,
            "requestContext": {key: value for key, value in about.items() if not key.endswith("Override")},
            "body": request.body.decode("utf-8", "replace") or None,
            "isBase64Encoded": False,
        }
        function = route.integration.target
        if not self._ports.guard.calls(function, f"{self._arn}/{request.method}{route.path}"):
            raise _RefusedError("API_CONFIGURATION_ERROR")
        try:
            answer = self._ports.invoke(function, event)
        except (ApiError, RuntimeError, ValueError) as error:
            # It failed, was not run, or answered with what is no JSON.
            _logger.warning("API %s: a function did not answer: %s", self.api, type(error).__name__)
            raise _RefusedError("DEFAULT_5XX") from error
        if not isinstance(answer, Mapping) or not isinstance(answer.get("statusCode"), int):
            raise _RefusedError("DEFAULT_5XX")
        headers = {str(name): str(value) for name, value in (answer.get("headers") or {}).items()}
        return Response(answer["statusCode"], headers, str(answer.get("body") or "").encode())

    def _about(self, request: Request, now: float) -> Members:
        at = datetime.fromtimestamp(now, UTC)
        return context(
            {
                "accountId": self._account,
                "apiId": self.api,
                "stage": self.name,
                "requestId": str(uuid4()),
                "requestTime": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "requestTimeEpoch": int(now * 1000),
                "httpMethod": request.method,
                # As it was asked for, so that an address made of it leads here.
                "path": f"{PREFIX}{self.api}/{self.name}{request.path}",
                "protocol": "HTTP/1.1",
                "resourcePath": "",
                "identity": {"sourceIp": "127.0.0.1", "userAgent": request.headers.get("user-agent", "")},
                "authorizer": {},
                "error": {},
            }
        )

    def _refusal(self, refused: _RefusedError, about: Members) -> Response:
        responses = self.definition.gateway_responses
        usual = _USUAL.get(refused.name, 500)
        general = responses.get("DEFAULT_4XX" if usual < 500 else "DEFAULT_5XX")
        given = (
            responses.get(refused.name) or general or GatewayResponse(0, {}, '{"message":$context.error.messageString}')
        )
        about["error"] = Members(
            message=refused.words, messageString=json.dumps(refused.words), responseType=refused.name
        )
        body = filled(given.template, about)
        return Response(given.status or usual, {"Content-Type": "application/json", **given.headers}, body.encode())

    def _log(self, about: Members, answer: Response, now: float) -> None:
        about["status"] = answer.status
        about["responseLength"] = len(answer.body)
        about["responseLatency"] = round((self._ports.now() - now) * 1000)
        self._ports.log(filled(self._log_format, about))


def _outcome(outcomes: tuple[Outcome, ...], status: str) -> Outcome | None:
    for one in outcomes:
        if one.pattern and re.fullmatch(one.pattern, status):
            return one
    return next((one for one in outcomes if not one.pattern), None)


def filled(template: str, about: Mapping[str, Any]) -> str:
    """A text with variables of ``$context`` and nothing else in it; what is not there is a hyphen, as AWS has it."""

    def value(match: re.Match[str]) -> str:
        found: Any = about
        for name in match[1].split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return "-" if found is None or found == "" or isinstance(found, dict) else str(found)

    return _VARIABLE.sub(value, template)
