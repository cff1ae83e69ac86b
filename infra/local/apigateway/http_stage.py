"""A stage of an HTTP API at work: a request becomes an event of version 2.0, what the function gives the answer.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

import base64
import binascii
import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from msgspec import Struct

from infra.local.apigateway.gateway import MAX_BODY, PREFIX, Ports, Request, Response, filled
from infra.local.apigateway.http_routes import DEFAULT, HttpRoute, choose
from infra.local.apigateway.plans import Bucket
from infra.local.errors import ApiError

_logger = logging.getLogger(__name__)

_TEXTS: Final = ("application/json", "application/javascript", "application/xml")
"""Types of bodies that come as they are, with all of ``text/``; others come as base64."""
_NOT_PASSED_ON: Final = frozenset({"cookie", "connection", "transfer-encoding"})
_WORDS: Final = {
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class StageSettings(Struct, frozen=True):
    """How a stage serves.

    Args:
        name: ``$default`` is served at the API's own address, others below their name.
        variables: stage variables.
        rate, burst: of all callers together; 0: no limit.
        log_format: of the access log; empty: none.
    """

    name: str
    variables: Mapping[str, str] = {}
    rate: float = 0.0
    burst: int = 0
    log_format: str = ""


class _RefusedError(Exception):
    """The gateway answers by itself, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class HttpStage:
    """A stage that is deployed.

    Args:
        routes: of its API; what is added to them later counts at once, as with automatic deployments.
        ports: what it needs of the runtime.
        settings: how it serves.
        api: the API's id.
        account, region: of the runtime.
    """

    def __init__(
        self, routes: Sequence[HttpRoute], ports: Ports, settings: StageSettings, *, api: str, account: str, region: str
    ) -> None:
        self.settings = settings
        self._routes = routes
        self._ports = ports
        self._api, self._account = api, account
        self._arn = f"arn:aws:execute-api:{region}:{account}:{api}/{settings.name}"
        self._bucket = Bucket(settings.rate, settings.burst)
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        """The answer to a request, whose path is that below the stage."""
        now = self._ports.now()
        about: dict[str, Any] = {}
        try:
            answer = self._answer(request, about, now)
        except _RefusedError as refused:
            body = msgspec.json.encode({"message": _WORDS[refused.status]})
            answer = Response(refused.status, {"Content-Type": "application/json"}, body)
        seconds = self._ports.now() - now
        if self.settings.log_format:
            known = {"httpMethod": request.method, "path": request.path, **_flat(about, request)}
            known |= {"status": answer.status, "responseLength": len(answer.body)}
            self._ports.log(filled(self.settings.log_format, {**known, "responseLatency": round(seconds * 1000)}))
        self._measure(answer.status, seconds)
        return answer

    def _answer(self, request: Request, about: dict[str, Any], now: float) -> Response:
        found = choose(self._routes, request.method, request.path)
        about |= self._context(request, found[0].key if found else "", now)
        if found is None:
            raise _RefusedError(404)
        with self._lock:
            if not self._bucket.take(now):
                raise _RefusedError(429)
        if len(request.body) > MAX_BODY:
            raise _RefusedError(413)
        route, parameters = found
        if not self._ports.guard.calls(route.function, self._arn + route.place):
            raise _RefusedError(500)
        try:
            answer = self._ports.invoke(route.function, self._event(request, route, parameters, about))
            return _response(answer)
        except (ApiError, RuntimeError, ValueError, TypeError) as error:
            # It failed, was not run, or answered with what is no answer.
            _logger.warning("API %s: a function did not answer: %s", self._api, type(error).__name__)
            raise _RefusedError(500) from error

    def _event(
        self, request: Request, route: HttpRoute, parameters: Mapping[str, str], about: Mapping[str, Any]
    ) -> dict[str, Any]:
        fields = {name: value for name, value in request.headers.items() if value and name not in _NOT_PASSED_ON}
        host = request.headers.get("host", "127.0.0.1")
        fields |= {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": request.scheme}
        fields |= {"x-forwarded-port": host.rpartition(":")[2] if ":" in host else "80"}
        body, is_encoded = _body(request)
        cookies = [one.strip() for one in request.headers.get("cookie", "").split(";") if one.strip()]
        query: dict[str, str] = {}
        for name, value in parse_qsl(request.raw_query, keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        optional = {
            "cookies": cookies,
            "queryStringParameters": query,
            "pathParameters": dict(parameters),
            "stageVariables": dict(self.settings.variables),
            "body": body,
        }
        return {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": about["http"]["path"],
            "rawQueryString": request.raw_query,
            "headers": fields,
            "requestContext": about,
            "isBase64Encoded": is_encoded,
            **{name: value for name, value in optional.items() if value},
        }

    def _context(self, request: Request, key: str, now: float) -> dict[str, Any]:
        host = request.headers.get("host", "127.0.0.1")
        below = "" if self.settings.name == DEFAULT else f"/{self.settings.name}"
        return {
            "accountId": self._account,
            "apiId": self._api,
            # So that an address made of it leads here: on AWS each API has a name of its own, here a path.
            "domainName": f"{host}{PREFIX}{self._api}",
            "domainPrefix": self._api,
            "http": {
                "method": request.method,
                "path": below + request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": str(uuid4()),
            "routeKey": key,
            "stage": self.settings.name,
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        }

    def _measure(self, status: int, seconds: float) -> None:
        values = (("Count", 1), ("4xx", 400 <= status < 500), ("5xx", status >= 500))
        for more in ({}, {"Stage": self.settings.name}):
            dimensions = {"ApiId": self._api, **more}
            for name, value in values:
                self._ports.meter.add("AWS/ApiGateway", name, dimensions, value)
            self._ports.meter.add("AWS/ApiGateway", "Latency", dimensions, seconds * 1000, "Milliseconds")


def _flat(about: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """What access logs call by other names than events do."""
    identity = {"sourceIp": "127.0.0.1", "userAgent": request.headers.get("user-agent", "")}
    kept = {name: value for name, value in about.items() if name not in ("http", "time", "timeEpoch")}
    return {
        **kept,
        "identity": identity,
        "protocol": "HTTP/1.1",
        "requestTime": about["time"],
        "requestTimeEpoch": about["timeEpoch"],
    }


def _body(request: Request) -> tuple[str, bool]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in _TEXTS:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), bool(request.body)


def _response(answer: Any) -> Response:
    """What a function gave as an answer.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        body = answer.encode() if isinstance(answer, str) else msgspec.json.encode(answer)
        return Response(200, {"Content-Type": "application/json"}, body)
    headers = {"Content-Type": "text/plain;charset=UTF-8"}
    for name, value in (answer.get("headers") or {}).items():
        headers["Content-Type" if name.lower() == "content-type" else str(name)] = str(value)
    if cookies := answer.get("cookies"):
        if len(cookies) > 1:
            raise ValueError("more than one cookie in an answer is not modelled by the laptop runtime")
        headers["Set-Cookie"] = str(cookies[0])
    text = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        try:
            return Response(int(answer["statusCode"]), headers, base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise ValueError("the body is not base64") from error
    return Response(int(answer["statusCode"]), headers, str(text).encode())
