"""A REST API as its OpenAPI document says it: routes, who may call them, and what answers.

What is not modelled is refused by name when the API is made.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from infra.local.apigateway.json_values import NotModelledError
from infra.local.apigateway.velocity import check
from infra.local.errors import ApiError

_URI: Final = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:([a-z0-9-]+):(?:action/([A-Za-z]+)|path/(.+))")
_FUNCTION: Final = re.compile(r"2015-03-31/functions/(arn:aws[a-z-]*:lambda:[^/]+)/invocations")
_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")
_EXTENSIONS: Final = frozenset(
    {
        *("x-amazon-apigateway-gateway-responses", "x-amazon-apigateway-request-validator"),
        *("x-amazon-apigateway-request-validators", "x-amazon-apigateway-api-key-source"),
    }
)
_INTEGRATION: Final = frozenset(
    {
        *("type", "httpMethod", "uri", "credentials", "passthroughBehavior", "timeoutInMillis"),
        *("requestParameters", "requestTemplates", "responses"),
    }
)
_RESPONSE: Final = frozenset({"statusCode", "responseParameters", "responseTemplates"})
TARGETS: Final = {"kinesis": "Kinesis_20131202", "dynamodb": "DynamoDB_20120810"}
"""By service, the prefix of X-Amz-Target: what an ``aws`` integration may ask here."""


class Outcome(Struct, frozen=True):
    """What becomes of a service's answer.

    Args:
        pattern: of the service's status as text; empty: of every other one.
        status: the answer's.
        headers: by name, fixed values.
        template: of the answer's body; None leaves it as it is.
    """

    pattern: str
    status: int
    headers: Mapping[str, str]
    template: str | None


class Integration(Struct, frozen=True):
    """What answers a route.

    Args:
        kind: aws, aws_proxy or mock.
        target: of ``aws`` its X-Amz-Target, of ``aws_proxy`` the function's ARN.
        role: the ARN in its ``credentials``, as which the service is asked; empty when it names none.
        templates: of the request, by content type.
        passthrough: what becomes of a body of another type: never, when_no_match or when_no_templates.
    """

    kind: str
    target: str
    role: str
    templates: Mapping[str, str]
    passthrough: str
    outcomes: tuple[Outcome, ...]


class Route(Struct, frozen=True):
    """A method of a resource.

    Args:
        caller: how its caller must be known: key, signature, cognito, or empty.
        pools: of ``cognito`` the ARNs of the user pools whose tokens are taken.
        required: parameters that must be there, as (place, name).
    """

    method: str
    path: str
    caller: str
    pools: tuple[str, ...]
    required: tuple[tuple[str, str], ...]
    integration: Integration


class GatewayResponse(Struct, frozen=True):
    """An answer of the gateway's own."""

    status: int
    headers: Mapping[str, str]
    template: str


class Definition(Struct, frozen=True):
    """A REST API."""

    name: str
    routes: tuple[Route, ...]
    gateway_responses: Mapping[str, GatewayResponse]

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request, and the parameters in its path; fixed parts go before parameters."""
        parts = path.split("/")
        best: tuple[Route, dict[str, str]] | None = None
        for route in self.routes:
            found = _match(route.path.split("/"), parts) if route.method == method else None
            if found is not None and (best is None or len(found) < len(best[1])):
                best = (route, found)
        return best


def read_definition(document: Mapping[str, Any]) -> Definition:
    """A REST API of an OpenAPI 3.0 document.

    Raises:
        ApiError: BadRequestException, naming what is wrong or not modelled.
    """
    if not str(document.get("openapi", "")).startswith("3.0"):
        raise _bad("the document must be OpenAPI 3.0; other forms are not modelled by the laptop runtime")
    _known("the document", [key for key in document if key.startswith("x-amazon-")], _EXTENSIONS)
    responses = document.get("x-amazon-apigateway-gateway-responses", {})
    routes = tuple(_routes(document))
    return Definition(
        name=str(document.get("info", {}).get("title", "api")),
        routes=routes,
        gateway_responses={name: _gateway_response(given) for name, given in responses.items()},
    )


def _routes(document: Mapping[str, Any]) -> Iterator[Route]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for path, operations in document.get("paths", {}).items():
        _known(path, operations, frozenset(_METHODS) | {"parameters"})
        for method in _METHODS:
            if method not in operations:
                continue
            operation = operations[method]
            where = f"{method.upper()} {path}"
            _known(
                where,
                [key for key in operation if key.startswith("x-amazon-")],
                frozenset({"x-amazon-apigateway-integration", "x-amazon-apigateway-request-validator"}),
            )
            given = operation.get("x-amazon-apigateway-integration")
            if given is None:
                raise _bad(f"{where} has no x-amazon-apigateway-integration")
            required = tuple(
                (one["in"], one["name"])
                for one in operation.get("parameters", [])
                if one.get("required") and one["in"] in ("query", "header")
            )
            security = operation.get("security", document.get("security", []))
            caller, pools = _caller(where, security, schemes)
            yield Route(
                method=method.upper(),
                path=path,
                caller=caller,
                pools=pools,
                required=required,
                integration=_integration(where, given),
            )


def _caller(where: str, security: Any, schemes: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if not security:
        return "", ()
    if len(security) > 1 or len(security[0]) > 1:
        raise _bad(f"{where}: more than one way to know a caller is not modelled by the laptop runtime")
    scheme = schemes.get(next(iter(security[0])), {})
    kind = scheme.get("x-amazon-apigateway-authtype")
    if kind == "awsSigv4":
        return "signature", ()
    if kind == "cognito_user_pools":
        authorizer = scheme.get("x-amazon-apigateway-authorizer", {})
        _known(f"{where}: the authorizer", authorizer, frozenset({"type", "providerARNs"}))
        return "cognito", tuple(map(str, authorizer.get("providerARNs", ())))
    if kind is None and scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
        return "key", ()
    raise _bad(f"{where}: a caller known by {kind or scheme.get('type')} is not modelled by the laptop runtime")


def _integration(where: str, given: Mapping[str, Any]) -> Integration:
    _known(f"{where}: the integration", given, _INTEGRATION)
    kind = str(given.get("type", "")).lower()
    target = ""
    if kind in ("aws", "aws_proxy"):
        found = _URI.fullmatch(str(given.get("uri", "")))
        service, action, path = found.groups() if found else ("", "", "")
        function = _FUNCTION.fullmatch(path or "")
        if kind == "aws_proxy" and service == "lambda" and function:
            target = function[1]
        elif kind == "aws" and service in TARGETS and action:
            target = f"{TARGETS[service]}.{action}"
        else:
            raise _bad(
                f"{where}: an integration with {given.get('uri')!r} is not modelled by the laptop runtime; modelled "
                f"are actions of {' and '.join(TARGETS)}, and functions by aws_proxy"
            )
    elif kind != "mock":
        raise _bad(f"{where}: an integration of type {kind!r} is not modelled by the laptop runtime")
    templates = {name.lower(): str(text) for name, text in given.get("requestTemplates", {}).items()}
    outcomes = tuple(_outcome(where, pattern, one) for pattern, one in given.get("responses", {}).items())
    try:
        for text in [*templates.values(), *(one.template for one in outcomes if one.template)]:
            check(text)
        for one in outcomes:
            re.compile(one.pattern)
    except (NotModelledError, re.error) as error:
        raise _bad(f"{where}: {error}") from None
    passthrough = str(given.get("passthroughBehavior", "when_no_match")).lower()
    return Integration(kind, target, str(given.get("credentials") or ""), templates, passthrough, outcomes)


def _outcome(where: str, pattern: str, given: Mapping[str, Any]) -> Outcome:
    _known(f"{where}: response {pattern!r}", given, _RESPONSE)
    headers = {}
    for name, value in given.get("responseParameters", {}).items():
        headers[name.removeprefix("method.response.header.")] = _fixed(f"{where}: {name}", value)
    template = given.get("responseTemplates", {}).get("application/json")
    return Outcome("" if pattern == "default" else pattern, int(given["statusCode"]), headers, template)


def _gateway_response(given: Mapping[str, Any]) -> GatewayResponse:
    headers = {
        name.removeprefix("gatewayresponse.header."): _fixed(name, value)
        for name, value in given.get("responseParameters", {}).items()
    }
    template = given.get("responseTemplates", {}).get("application/json", '{"message":$context.error.messageString}')
    return GatewayResponse(int(given.get("statusCode", 0)), headers, template)


def _fixed(where: str, value: Any) -> str:
    text = str(value)
    if not (text.startswith("'") and text.endswith("'")):
        raise _bad(f"{where}: {text!r} is not modelled by the laptop runtime; fixed values in single quotes are")
    return text[1:-1]


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    found = {}
    for wanted, given in zip(pattern, parts, strict=True):
        if wanted.startswith("{") and wanted.endswith("}"):
            if not given:
                return None
            found[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return found


def _known(where: str, given: Any, known: frozenset[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise _bad(f"{where}: {', '.join(unknown)} is not modelled by the laptop runtime")


def _bad(message: str) -> ApiError:
    return ApiError("BadRequestException", message)
