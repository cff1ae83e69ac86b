"""Version 2 of API Gateway's own API for what the runtime models of HTTP APIs, and the door to those that were made.

Modelled are routes without authorizers, functions behind them by payload version 2.0, and stages that deploy
themselves. Everything else is refused by name.

Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/operations.html
"""

import re
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from infra.local.apigateway.gateway import PREFIX, Ports, Request, Response
from infra.local.apigateway.http_routes import DEFAULT, HttpRoute, check
from infra.local.apigateway.http_stage import HttpStage, StageSettings
from infra.local.errors import ApiError

_API: Final = frozenset({"name", "protocolType", "description", "disableExecuteApiEndpoint", "tags", "ipAddressType"})
_INTEGRATION: Final = frozenset(
    {"integrationType", "integrationUri", "integrationMethod", "payloadFormatVersion", "timeoutInMillis", "description"}
)
_ROUTE: Final = frozenset({"routeKey", "target", "authorizationType", "apiKeyRequired"})
_STAGE: Final = frozenset(
    {"stageName", "autoDeploy", "stageVariables", "defaultRouteSettings", "accessLogSettings", "description", "tags"}
)
_SETTINGS: Final = frozenset({"throttlingRateLimit", "throttlingBurstLimit", "detailedMetricsEnabled"})
_FUNCTION: Final = re.compile(
    r"(?:arn:aws[a-z-]*:apigateway:[^:]+:lambda:path/2015-03-31/functions/)?"
    r"(arn:aws[a-z-]*:lambda:[^/]+)(?:/invocations)?"
)


class _Http(msgspec.Struct):
    id: str
    name: str
    integrations: dict[str, str]
    routes: dict[str, HttpRoute]
    serving: list[HttpRoute]
    stages: dict[str, HttpStage]
    made: int = 0

    def new(self) -> str:
        """An id of this API alone, the same when the same calls are made again."""
        self.made += 1
        return f"{self.made:07x}"


class HttpApis:
    """HTTP APIs, their routes and stages.

    Args:
        account, region: of the runtime.
        ports: what stages need of the runtime, by the ARN where an access log goes.
    """

    def __init__(self, *, account: str, region: str, ports: Callable[[str], Ports]) -> None:
        self._account, self._region, self._ports = account, region, ports
        self._apis: dict[str, _Http] = {}
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Nothing is there any more."""
        with self._lock:
            self._apis.clear()

    def __contains__(self, api: str) -> bool:
        return api in self._apis

    def serve(self, api: str, path: str, request: Request) -> Response:
        """The answer to a request at ``/execute-api/API`` and ``path``, or at ``/execute-api/API/STAGE`` and so on."""
        stages = self._apis[api].stages
        name, slash, rest = path.removeprefix("/").partition("/")
        if name in stages and name != DEFAULT:
            return stages[name].handle(msgspec.structs.replace(request, path=slash + rest or "/"))
        if DEFAULT not in stages:
            return Response(404, {"Content-Type": "application/json"}, b'{"message":"Not Found"}')
        return stages[DEFAULT].handle(msgspec.structs.replace(request, path=path or "/"))

    def handle(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
        """The answer to one call, as status and document.

        Raises:
            ApiError: with AWS's code; UnknownOperationException for what is not modelled.
        """
        for allowed, pattern, call in _CALLS:
            match = re.fullmatch(pattern, path)
            if match and method == allowed:
                with self._lock:
                    status, answer = call(self, *map(unquote, match.groups()), body)
                return status, answer
        raise ApiError(
            "UnknownOperationException",
            f"{method} {path[:200]} of API Gateway's version 2 is not modelled by the laptop runtime; HTTP APIs, their "
            "integrations, routes and stages are made, listed and deleted",
            404,
        )

    def _create(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        _known("an HTTP API", body, _API)
        if body.get("protocolType") != "HTTP":
            raise _bad(f"a protocol {body.get('protocolType')!r} is not modelled by the laptop runtime; HTTP is")
        # The same name gives the same address at every start.
        unique = sha256(f"http/{self._account}/{self._region}/{body['name']}".encode()).hexdigest()
        made = next(name for name in (unique[at : at + 10] for at in range(50)) if name not in self._apis)
        self._apis[made] = _Http(made, str(body["name"]), {}, {}, [], {})
        return 201, self._of(self._apis[made])

    def _list(self, _: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"items": [self._of(one) for one in self._apis.values()]}

    def _get(self, api: str, _: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, self._of(self._api(api))

    def _delete(self, api: str, _: Mapping[str, Any]) -> tuple[int, None]:
        del self._apis[self._api(api).id]
        return 204, None

    def _integrate(self, api: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        _known("an integration", body, _INTEGRATION)
        function = _FUNCTION.fullmatch(str(body.get("integrationUri", "")))
        if body.get("integrationType") != "AWS_PROXY" or function is None:
            raise _bad("an integration other than AWS_PROXY with a function's ARN is not modelled by the runtime")
        if body.get("payloadFormatVersion") != "2.0":
            raise _bad(
                f"a payload format {body.get('payloadFormatVersion')!r} is not modelled by the laptop runtime; 2.0 is"
            )
        name = found.new()
        found.integrations[name] = function[1]
        return 201, {"integrationId": name, **body}

    def _integrations(self, api: str, _: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        every = self._api(api).integrations.items()
        return 200, {"items": [{"integrationId": name, "integrationUri": function} for name, function in every]}

    def _delete_integration(self, api: str, name: str, _: Mapping[str, Any]) -> tuple[int, None]:
        _taken(self._api(api).integrations, name, "integration")
        return 204, None

    def _route(self, api: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        _known("a route", body, _ROUTE)
        key = check(str(body.get("routeKey", "")))
        if body.get("authorizationType", "NONE") != "NONE" or body.get("apiKeyRequired"):
            raise _bad(f"{key}: an authorizer of an HTTP API's route is not modelled by the laptop runtime")
        target = str(body.get("target", "")).removeprefix("integrations/")
        if target not in found.integrations:
            raise _bad(f"{key}: there is no integration {target[:100]!r}; received target {body.get('target')!r}")
        if any(one.key == key for one in found.routes.values()):
            raise ApiError("ConflictException", f"Route with key {key} already exists for this API", 409)
        name = found.new()
        found.routes[name] = HttpRoute(key, found.integrations[target])
        found.serving[:] = found.routes.values()
        return 201, {"routeId": name, **body}

    def _routes(self, api: str, _: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        every = self._api(api).routes.items()
        return 200, {"items": [{"routeId": name, "routeKey": one.key} for name, one in every]}

    def _delete_route(self, api: str, name: str, _: Mapping[str, Any]) -> tuple[int, None]:
        found = self._api(api)
        _taken(found.routes, name, "route")
        found.serving[:] = found.routes.values()
        return 204, None

    def _stage(self, api: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        _known("a stage", body, _STAGE)
        name = str(body["stageName"])
        if name in found.stages:
            raise ApiError("ConflictException", "Stage already exists", 409)
        if not body.get("autoDeploy"):
            raise _bad("a stage of an HTTP API that does not deploy itself is not modelled: set autoDeploy")
        limits, log = body.get("defaultRouteSettings") or {}, body.get("accessLogSettings") or {}
        _known("settings of routes", limits, _SETTINGS)
        settings = StageSettings(
            name,
            variables=dict(body.get("stageVariables") or {}),
            rate=float(limits.get("throttlingRateLimit") or 0),
            burst=int(limits.get("throttlingBurstLimit") or 0),
            log_format=str(log.get("format") or "") if log.get("destinationArn") else "",
        )
        found.stages[name] = HttpStage(
            found.serving,
            self._ports(str(log.get("destinationArn") or "")),
            settings,
            api=found.id,
            account=self._account,
            region=self._region,
        )
        return 201, dict(body)

    def _stages(self, api: str, _: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"items": [{"stageName": name, "autoDeploy": True} for name in self._api(api).stages]}

    def _delete_stage(self, api: str, name: str, _: Mapping[str, Any]) -> tuple[int, None]:
        _taken(self._api(api).stages, name, "stage")
        return 204, None

    def _api(self, api: str) -> _Http:
        if api not in self._apis:
            raise ApiError("NotFoundException", f"Invalid API identifier specified {self._account}:{api[:50]}", 404)
        return self._apis[api]

    def _of(self, found: _Http) -> dict[str, Any]:
        endpoint = f"https://{found.id}.execute-api.{self._region}.amazonaws.com"
        return {"apiId": found.id, "name": found.name, "protocolType": "HTTP", "apiEndpoint": endpoint}


def _known(where: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise _bad(f"{where}: {', '.join(unknown)} is not modelled by the laptop runtime")


def _taken(held: dict[str, Any], name: str, kind: str) -> None:
    if held.pop(name, None) is None:
        raise ApiError("NotFoundException", f"Invalid {kind} identifier specified {name[:50]}", 404)


def _bad(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def api_of(raw_path: str) -> tuple[str, str]:
    """The API's id in a path of the loopback port, and what stands behind it.

    >>> api_of("/execute-api/a1/v1/moderate")
    ('a1', '/v1/moderate')
    """
    api, slash, path = raw_path.removeprefix(PREFIX).partition("/")
    return unquote(api), slash + path


_Call = Callable[..., tuple[int, Any]]
_CALLS: Final[tuple[tuple[str, str, _Call], ...]] = (
    ("POST", "/v2/apis", HttpApis._create),
    ("GET", "/v2/apis", HttpApis._list),
    ("GET", "/v2/apis/([^/]+)", HttpApis._get),
    ("DELETE", "/v2/apis/([^/]+)", HttpApis._delete),
    ("POST", "/v2/apis/([^/]+)/integrations", HttpApis._integrate),
    ("GET", "/v2/apis/([^/]+)/integrations", HttpApis._integrations),
    ("DELETE", "/v2/apis/([^/]+)/integrations/([^/]+)", HttpApis._delete_integration),
    ("POST", "/v2/apis/([^/]+)/routes", HttpApis._route),
    ("GET", "/v2/apis/([^/]+)/routes", HttpApis._routes),
    ("DELETE", "/v2/apis/([^/]+)/routes/([^/]+)", HttpApis._delete_route),
    ("POST", "/v2/apis/([^/]+)/stages", HttpApis._stage),
    ("GET", "/v2/apis/([^/]+)/stages", HttpApis._stages),
    ("DELETE", "/v2/apis/([^/]+)/stages/([^/]+)", HttpApis._delete_stage),
)
