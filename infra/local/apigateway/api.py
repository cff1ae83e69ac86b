"""API Gateway's own API for what the runtime models of it, and the door to the APIs that were made with it.

HTTP APIs are made by its version 2, in ``http_api``; both have one door.

Source: https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

import re
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from infra.local.apigateway.definition import Definition, read_definition
from infra.local.apigateway.gateway import Ask, Invoke, Ports, Request, Response, Stage
from infra.local.apigateway.guard import Guard, Unguarded
from infra.local.apigateway.http_api import HttpApis, api_of
from infra.local.apigateway.plans import Plan, Plans
from infra.local.apigateway.tokens import Keys
from infra.local.clock import Clock
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError

_STAGE_PATCHES: Final = (
    "/accessLogSettings/destinationArn",
    "/accessLogSettings/format",
    "/*/*/throttling/rateLimit",
    "/*/*/throttling/burstLimit",
)


class _Rest(msgspec.Struct):
    id: str
    definition: Definition
    document: dict[str, Any]
    stages: dict[str, Stage]
    settings: dict[str, dict[str, Any]]
    deployments: list[str]
    deployed: int = 0


class ApiGatewayApi:
    """REST APIs by their OpenAPI documents, their stages, and usage plans with keys.

    Args:
        account, region: of the runtime.
        clock: for throttling, and for what requests say of their time.
        ask: asks a service; see ``gateway.Ask``.
        invoke: calls a function by its ARN.
        log: takes a line of an access log for a destination's ARN.
        keys: the public keys of a user pool by its ARN.
        meter: takes the APIs' metrics.
        guard: judges the rights of callers and of the APIs.
    """

    def __init__(
        self,
        *,
        account: str,
        region: str,
        clock: Clock,
        ask: Ask,
        invoke: Invoke,
        log: Callable[[str, str], None],
        keys: Keys = lambda _: None,
        meter: Meter | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._account, self._region = account, region
        self._clock = clock
        self._ask, self._invoke, self._log_to, self._keys = ask, invoke, log, keys
        self._meter = meter or NoMeter()
        self._guard = guard or Unguarded()
        self._apis: dict[str, _Rest] = {}
        self._http = HttpApis(account=account, region=region, ports=self._ports)
        self._plans = Plans()
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Nothing is there any more."""
        with self._lock:
            self._apis.clear()
            self._http.forget()
            self._plans = Plans()

    # ------------------------------------------------------------------------------------------------ requests

    def serve(self, request: Request) -> Response:
        """The answer of a stage to a request, whose path is as sent: ``/execute-api/API/STAGE/...``."""
        api, below = api_of(request.path)
        if api in self._http:
            return self._http.serve(api, below, request)
        name, _, path = unquote(below).removeprefix("/").partition("/")
        found = self._apis.get(api)
        stage = found.stages.get(name) if found else None
        if stage is None:
            return Response(403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')
        return stage.handle(msgspec.structs.replace(request, path=f"/{path}"))

    # ------------------------------------------------------------------------------------------------ control

    def handle(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """The answer to one call, as status, headers and body.

        Raises:
            ApiError: with AWS's code; UnknownOperationException for what is not modelled.
        """
        if path.startswith("/v2/"):
            status, document = self._http.handle(method, path.rstrip("/"), _document(body, query))
            return status, {}, b"" if document is None else msgspec.json.encode(document)
        for allowed, pattern, call in _CALLS:
            match = re.fullmatch(pattern, path.rstrip("/"))
            if match and method == allowed:
                with self._lock:
                    status, answer = call(self, *map(unquote, match.groups()), _document(body, query))
                return status, {}, b"" if answer is None else msgspec.json.encode(answer)
        raise ApiError(
            "UnknownOperationException",
            f"{method} {path[:200]} of API Gateway is not modelled by the laptop runtime; an API is made of an OpenAPI "
            "document with its extensions (ImportRestApi)",
            404,
        )

    def _import(self, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        definition = read_definition(document)
        # The same name gives the same address at every start.
        unique = sha256(f"{self._account}/{self._region}/{definition.name}".encode()).hexdigest()
        made = next(name for name in (unique[at : at + 10] for at in range(50)) if name not in self._apis)
        self._apis[made] = _Rest(made, definition, document, {}, {}, [])
        return 201, _of_api(self._apis[made])

    def _put(self, api: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        found.definition, found.document = read_definition(document), document
        return 200, _of_api(found)

    def _list(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"item": [_of_api(one) for one in self._apis.values()]}

    def _get(self, api: str, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, _of_api(self._api(api))

    def _delete(self, api: str, _: dict[str, Any]) -> tuple[int, None]:
        del self._apis[self._api(api).id]
        return 202, None

    def _deploy(self, api: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        found.deployed += 1
        number = f"d{found.deployed}"
        found.deployments.append(number)
        if body.get("stageName"):
            name = str(body["stageName"])
            settings = found.settings.setdefault(name, {"variables": dict(body.get("variables") or {})})
            found.stages[name] = self._stage(found, name, settings)
        return 201, {"id": number}

    def _create_stage(self, api: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        name = str(body["stageName"])
        if name in found.stages:
            raise ApiError("ConflictException", "Stage already exists", 409)
        if body.get("deploymentId") not in found.deployments:
            raise ApiError("BadRequestException", "Deployment id does not exist")
        variables = dict(body.get("variables") or {})
        found.settings[name] = {"variables": variables, "deployment": body["deploymentId"]}
        found.stages[name] = self._stage(found, name, found.settings[name])
        return 201, _of_stage(found, name)

    def _update_stage(self, api: str, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        if name not in found.stages:
            raise ApiError("NotFoundException", "Invalid stage identifier specified", 404)
        for patch in body.get("patchOperations", []):
            path, value = str(patch.get("path")), patch.get("value")
            if patch.get("op") != "replace":
                raise ApiError("BadRequestException", f"op {patch.get('op')} of a stage is not modelled here")
            if path.startswith("/variables/"):
                found.settings[name]["variables"][path.removeprefix("/variables/")] = value
            elif path in _STAGE_PATCHES:
                found.settings[name][path] = value
            else:
                raise ApiError("BadRequestException", f"{path} of a stage is not modelled by the laptop runtime")
        found.stages[name] = self._stage(found, name, found.settings[name])
        return 200, _of_stage(found, name)

    def _stages(self, api: str, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._api(api)
        return 200, {"item": [_of_stage(found, name) for name in found.stages]}

    def _delete_stage(self, api: str, name: str, _: dict[str, Any]) -> tuple[int, None]:
        found = self._api(api)
        if found.stages.pop(name, None) is None:
            raise ApiError("NotFoundException", "Invalid stage identifier specified", 404)
        return 202, None

    def _delete_deployment(self, api: str, deployment: str, _: dict[str, Any]) -> tuple[int, None]:
        found = self._api(api)
        if deployment not in found.deployments:
            raise ApiError("NotFoundException", "Invalid Deployment identifier specified", 404)
        found.deployments.remove(deployment)
        return 202, None

    def _ports(self, destination: str) -> Ports:
        return Ports(
            ask=self._ask,
            invoke=self._invoke,
            log=lambda line: self._log_to(destination, line),
            now=self._clock.now,
            keys=self._keys,
            meter=self._meter,
            guard=self._guard,
        )

    def _stage(self, found: _Rest, name: str, settings: dict[str, Any]) -> Stage:
        destination = str(settings.get("/accessLogSettings/destinationArn") or "")
        return Stage(
            found.definition,
            self._plans,
            self._ports(destination),
            api=found.id,
            name=name,
            variables=settings["variables"],
            rate=float(settings.get("/*/*/throttling/rateLimit") or 0),
            burst=int(settings.get("/*/*/throttling/burstLimit") or 0),
            log_format=str(settings.get("/accessLogSettings/format") or "") if destination else "",
            account=self._account,
            region=self._region,
        )

    def roles(self) -> list[str]:
        """The ARNs of the roles as which services are asked."""
        every = [one.definition for one in list(self._apis.values())]
        return sorted({route.integration.role for one in every for route in one.routes if route.integration.role})

    def _api(self, api: str) -> _Rest:
        if api not in self._apis:
            raise ApiError("NotFoundException", "Invalid API identifier specified", 404)
        return self._apis[api]

    # ------------------------------------------------------------------------------------------------ plans

    def _create_plan(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        throttle, quota = body.get("throttle") or {}, body.get("quota") or {}
        name = str(body["name"])
        plan = Plan(
            id=sha256(f"plan/{name}/{len(self._plans.plans)}".encode()).hexdigest()[:6],
            name=name,
            stages=[(str(one["apiId"]), str(one["stage"])) for one in body.get("apiStages") or []],
            rate=float(throttle.get("rateLimit") or 0),
            burst=int(throttle.get("burstLimit") or 0),
            quota=int(quota.get("limit") or 0),
            period=str(quota.get("period") or "DAY"),
            keys=[],
        )
        self._plans.plans[plan.id] = plan
        return 201, _of_plan(plan)

    def _delete_plan(self, plan: str, _: dict[str, Any]) -> tuple[int, None]:
        if self._plans.plans.pop(plan, None) is None:
            raise ApiError("NotFoundException", "Invalid Usage Plan ID specified", 404)
        return 202, None

    def _list_plans(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"item": [_of_plan(plan) for plan in self._plans.plans.values()]}

    def _create_key(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key, value = self._plans.add_key(
            str(body.get("name") or ""), body.get("value"), enabled=bool(body.get("enabled", False))
        )
        return 201, {"id": key.id, "name": key.name, "enabled": key.enabled, "value": value}

    def _list_keys(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body.get("includeValues") == "true":
            raise ApiError(
                "BadRequestException", "the laptop runtime keeps keys as hashes: a value is shown once, when made"
            )
        keys = self._plans.keys.values()
        return 200, {"item": [{"id": key.id, "name": key.name, "enabled": key.enabled} for key in keys]}

    def _delete_key(self, key: str, _: dict[str, Any]) -> tuple[int, None]:
        if self._plans.keys.pop(key, None) is None:
            raise ApiError("NotFoundException", "Invalid API Key identifier specified", 404)
        return 202, None

    def _add_key(self, plan: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found, key = self._plans.plans.get(plan), self._plans.keys.get(str(body.get("keyId")))
        if found is None or key is None:
            raise ApiError("NotFoundException", "Invalid usage plan or API Key identifier specified", 404)
        if key.id not in found.keys:
            found.keys.append(key.id)
        return 201, {"id": key.id, "type": "API_KEY", "name": key.name}


def _document(body: bytes, query: dict[str, str]) -> dict[str, Any]:
    if not body:
        return dict(query)
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise ApiError("BadRequestException", "the body is not a JSON document; YAML is not modelled here") from None
    if not isinstance(document, dict):
        raise ApiError("BadRequestException", "the body is not a JSON object")
    return document


def _of_api(found: _Rest) -> dict[str, Any]:
    return {"id": found.id, "name": found.definition.name, "apiKeySource": "HEADER"}


def _of_stage(found: _Rest, name: str) -> dict[str, Any]:
    return {
        "stageName": name,
        "deploymentId": found.settings[name].get("deployment", ""),
        "variables": found.settings[name]["variables"],
    }


def _of_plan(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "name": plan.name,
        "apiStages": [{"apiId": api, "stage": stage} for api, stage in plan.stages],
        "throttle": {"rateLimit": plan.rate, "burstLimit": plan.burst},
        **({"quota": {"limit": plan.quota, "period": plan.period}} if plan.quota else {}),
    }


_Call = Callable[..., tuple[int, Any]]
_CALLS: Final[tuple[tuple[str, str, _Call], ...]] = (
    ("POST", "/restapis", ApiGatewayApi._import),
    ("GET", "/restapis", ApiGatewayApi._list),
    ("PUT", "/restapis/([^/]+)", ApiGatewayApi._put),
    ("GET", "/restapis/([^/]+)", ApiGatewayApi._get),
    ("DELETE", "/restapis/([^/]+)", ApiGatewayApi._delete),
    ("POST", "/restapis/([^/]+)/deployments", ApiGatewayApi._deploy),
    ("POST", "/restapis/([^/]+)/stages", ApiGatewayApi._create_stage),
    ("GET", "/restapis/([^/]+)/stages", ApiGatewayApi._stages),
    ("DELETE", "/restapis/([^/]+)/stages/([^/]+)", ApiGatewayApi._delete_stage),
    ("DELETE", "/restapis/([^/]+)/deployments/([^/]+)", ApiGatewayApi._delete_deployment),
    ("DELETE", "/usageplans/([^/]+)", ApiGatewayApi._delete_plan),
    ("PATCH", "/restapis/([^/]+)/stages/([^/]+)", ApiGatewayApi._update_stage),
    ("POST", "/usageplans", ApiGatewayApi._create_plan),
    ("GET", "/usageplans", ApiGatewayApi._list_plans),
    ("POST", "/usageplans/([^/]+)/keys", ApiGatewayApi._add_key),
    ("POST", "/apikeys", ApiGatewayApi._create_key),
    ("GET", "/apikeys", ApiGatewayApi._list_keys),
    ("DELETE", "/apikeys/([^/]+)", ApiGatewayApi._delete_key),
)
