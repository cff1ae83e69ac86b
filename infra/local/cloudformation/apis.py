"""REST APIs, their stages and usage plans, made by API Gateway's API; and the firewall, which has no effect here."""

import json
from collections.abc import Mapping
from typing import Any, Final

from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.kinds import Kind, Made, Maker, Properties, only


def _rest_api(maker: Maker, logical: str, properties: Properties) -> Made:
    document = dict(properties["Body"])
    if "Name" in properties:
        document["info"] = {**document.get("info", {}), "title": properties["Name"]}
    if properties.get("EndpointConfiguration", {"Types": ["REGIONAL"]}).get("Types") not in (["REGIONAL"], ["EDGE"]):
        raise TemplateError(f"{logical}: a private endpoint is not handled by the laptop runtime")
    answer = maker.client("apigateway").import_rest_api(body=json.dumps(document).encode())
    return Made(answer["id"], {"RootResourceId": "root", "RestApiId": answer["id"]})


def _deployment(maker: Maker, logical: str, properties: Properties) -> Made:
    given = {"restApiId": properties["RestApiId"]}
    if "StageName" in properties:
        given["stageName"] = properties["StageName"]
    answer = maker.client("apigateway").create_deployment(**given)
    return Made(answer["id"], {"DeploymentId": answer["id"]})


def _stage(maker: Maker, logical: str, properties: Properties) -> Made:
    client = maker.client("apigateway")
    api, name = properties["RestApiId"], properties["StageName"]
    client.create_stage(
        restApiId=api,
        stageName=name,
        deploymentId=properties["DeploymentId"],
        variables={key: str(value) for key, value in properties.get("Variables", {}).items()},
    )
    patches = []
    if "AccessLogSetting" in properties:
        given = properties["AccessLogSetting"]
        only(f"{logical}.AccessLogSetting", given, {"DestinationArn", "Format"})
        patches += [
            ("/accessLogSettings/destinationArn", given["DestinationArn"]),
            ("/accessLogSettings/format", given["Format"]),
        ]
    for setting in properties.get("MethodSettings", []):
        only(f"{logical}.MethodSettings", setting, _SETTING)
        if (setting.get("HttpMethod"), setting.get("ResourcePath")) != ("*", "/*"):
            raise TemplateError(f"{logical}: settings of single methods are not handled by the laptop runtime")
        if setting.get("CachingEnabled"):
            raise TemplateError(f"{logical}: a cache is not handled by the laptop runtime")
        patches += [
            (f"/*/*/throttling/{kind}Limit", setting[f"Throttling{kind.capitalize()}Limit"])
            for kind in ("rate", "burst")
            if f"Throttling{kind.capitalize()}Limit" in setting
        ]
    if patches:
        client.update_stage(
            restApiId=api,
            stageName=name,
            patchOperations=[{"op": "replace", "path": path, "value": str(value)} for path, value in patches],
        )
    return Made(name)


_SETTING: Final = {
    *("CachingEnabled", "DataTraceEnabled", "HttpMethod", "LoggingLevel", "MetricsEnabled", "ResourcePath"),
    *("ThrottlingBurstLimit", "ThrottlingRateLimit"),
}


def _plan(maker: Maker, logical: str, properties: Properties) -> Made:
    client = maker.client("apigateway")
    stages = []
    for one in properties.get("ApiStages", []):
        only(f"{logical}.ApiStages", one, {"ApiId", "Stage"})
        stages.append({"apiId": one["ApiId"], "stage": one["Stage"]})
    given: dict[str, Any] = {"name": properties.get("UsagePlanName") or maker.name(logical), "apiStages": stages}
    if "Throttle" in properties:
        given["throttle"] = {
            "rateLimit": float(properties["Throttle"].get("RateLimit", 0)),
            "burstLimit": int(properties["Throttle"].get("BurstLimit", 0)),
        }
    if "Quota" in properties:
        only(f"{logical}.Quota", properties["Quota"], {"Limit", "Period"})
        given["quota"] = {"limit": int(properties["Quota"]["Limit"]), "period": properties["Quota"]["Period"]}
    answer = client.create_usage_plan(**given)
    return Made(answer["id"], {"Id": answer["id"]})


def _nothing(maker: Maker, logical: str, properties: Properties) -> Made:
    return Made(maker.name(logical), {"Arn": maker.arn("wafv2", f"regional/webacl/{maker.name(logical)}")})


_FIREWALL: Final = "callers of a laptop are this machine's own; rules are evaluated on AWS only"

KINDS: Final[Mapping[str, Kind]] = {
    "AWS::ApiGateway::Deployment": Kind(
        make=_deployment,
        carried=frozenset({"RestApiId", "StageName"}),
        without_effect={"Description": "a text for readers, which the service only shows"},
    ),
    "AWS::ApiGateway::RestApi": Kind(
        make=_rest_api,
        carried=frozenset({"Body", "EndpointConfiguration", "Name"}),
        without_effect={
            "Description": "a text for readers, which the service only shows",
            "DisableExecuteApiEndpoint": "there is one address, on the loopback port",
            "FailOnWarnings": "what is not understood fails",
            "Parameters": "they say where an API is reached from; there is one address",
        },
    ),
    "AWS::ApiGateway::Stage": Kind(
        make=_stage,
        carried=frozenset(
            {"AccessLogSetting", "DeploymentId", "MethodSettings", "RestApiId", "StageName", "Variables"}
        ),
        without_effect={
            "Description": "a text for readers, which the service only shows",
            "TracingEnabled": "nothing is traced here",
        },
    ),
    "AWS::ApiGateway::UsagePlan": Kind(
        make=_plan,
        carried=frozenset({"ApiStages", "Quota", "Throttle", "UsagePlanName"}),
        without_effect={"Description": "a text for readers, which the service only shows"},
    ),
    "AWS::WAFv2::WebACL": Kind(
        make=_nothing,
        carried=frozenset(),
        without_effect=dict.fromkeys(
            ("DefaultAction", "Description", "Name", "Rules", "Scope", "VisibilityConfig"), _FIREWALL
        ),
    ),
    "AWS::WAFv2::WebACLAssociation": Kind(
        make=_nothing, carried=frozenset(), without_effect=dict.fromkeys(("ResourceArn", "WebACLArn"), _FIREWALL)
    ),
}
