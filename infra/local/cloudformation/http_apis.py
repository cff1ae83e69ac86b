"""HTTP APIs, their integrations, routes and stages, made by version 2 of API Gateway's API."""

from collections.abc import Mapping
from typing import Any, Final

from infra.local.cloudformation.kinds import Kind, Made, Maker, Properties, only

_FOR_READERS: Final = "a text for readers, which the service only shows"


def _api(maker: Maker, logical: str, properties: Properties) -> Made:
    answer = maker.client("apigatewayv2").create_api(
        Name=properties["Name"], ProtocolType=properties.get("ProtocolType", "")
    )
    return Made(answer["ApiId"], {"ApiId": answer["ApiId"], "ApiEndpoint": answer["ApiEndpoint"]})


def _integration(maker: Maker, logical: str, properties: Properties) -> Made:
    made = maker.client("apigatewayv2").create_integration(**properties)["IntegrationId"]
    return Made(made, {"IntegrationId": made})


def _route(maker: Maker, logical: str, properties: Properties) -> Made:
    made = maker.client("apigatewayv2").create_route(**properties)["RouteId"]
    return Made(made, {"RouteId": made})


def _stage(maker: Maker, logical: str, properties: Properties) -> Made:
    given: dict[str, Any] = {"ApiId": properties["ApiId"], "StageName": properties["StageName"]}
    given["AutoDeploy"] = str(properties.get("AutoDeploy", False)).lower() == "true"
    if "StageVariables" in properties:
        given["StageVariables"] = {name: str(value) for name, value in properties["StageVariables"].items()}
    if "AccessLogSettings" in properties:
        only(f"{logical}.AccessLogSettings", properties["AccessLogSettings"], {"DestinationArn", "Format"})
        given["AccessLogSettings"] = properties["AccessLogSettings"]
    if "DefaultRouteSettings" in properties:
        limits = properties["DefaultRouteSettings"]
        only(f"{logical}.DefaultRouteSettings", limits, {*_LIMITS, "DetailedMetricsEnabled"})
        given["DefaultRouteSettings"] = {name: kind(limits[name]) for name, kind in _LIMITS.items() if name in limits}
    maker.client("apigatewayv2").create_stage(**given)
    return Made(properties["StageName"])


_LIMITS: Final = {"ThrottlingRateLimit": float, "ThrottlingBurstLimit": int}

KINDS: Final[Mapping[str, Kind]] = {
    "AWS::ApiGatewayV2::Api": Kind(
        make=_api,
        carried=frozenset({"Name", "ProtocolType"}),
        without_effect={
            "Description": _FOR_READERS,
            "DisableExecuteApiEndpoint": "there is one address, on the loopback port",
        },
    ),
    "AWS::ApiGatewayV2::Integration": Kind(
        make=_integration,
        carried=frozenset({"ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion"}),
        without_effect={
            "Description": _FOR_READERS,
            "IntegrationMethod": "a function is always called alike",
            "TimeoutInMillis": "the function's own time-out ends a request",
        },
    ),
    "AWS::ApiGatewayV2::Route": Kind(
        make=_route,
        carried=frozenset({"ApiId", "ApiKeyRequired", "AuthorizationType", "RouteKey", "Target"}),
    ),
    "AWS::ApiGatewayV2::Stage": Kind(
        make=_stage,
        carried=frozenset(
            {"AccessLogSettings", "ApiId", "AutoDeploy", "DefaultRouteSettings", "StageName", "StageVariables"}
        ),
        without_effect={"Description": _FOR_READERS},
    ),
}
