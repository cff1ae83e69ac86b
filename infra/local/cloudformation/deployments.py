"""Aliases of functions, and the deployments by which CloudFormation has them point to another version.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

import json
import threading
from collections.abc import Mapping
from typing import Any, Final

from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.kinds import Change, Kind, Made, Maker, Properties

_LOOK_SECONDS: Final = 0.05
_BY_DEPLOYMENT: Final = "CodeDeployLambdaAliasUpdate"


def _alias(maker: Maker, logical: str, properties: Properties) -> Made:
    """A new alias is made at once: there is no version that traffic could be shifted from."""
    answer = maker.client("lambda").create_alias(**_routed(properties))
    return Made(answer["AliasArn"], {"AliasArn": answer["AliasArn"]})


def _changed_alias(maker: Maker, logical: str, change: Change) -> Made:
    """Another version comes in by a deployment, when the template says so; what is taken back goes at once.

    Raises:
        TemplateError: the deployment failed, or was stopped; CodeDeploy has the alias back by then.
    """
    by = change.policy.get(_BY_DEPLOYMENT)
    before, after = change.before, change.after
    if by and not change.back and before["FunctionVersion"] != after["FunctionVersion"]:
        _deploy(maker, logical, by, before, after)
        return change.made
    given = {"RoutingConfig": {}, **_routed(after)}
    maker.client("lambda").update_alias(**given)
    return change.made


def _routed(properties: Properties) -> Properties:
    """The properties, with the weights in the shape of Lambda's own API."""
    given = dict(properties)
    if "RoutingConfig" in given:
        weights = given["RoutingConfig"].get("AdditionalVersionWeights", [])
        shares = {str(one["FunctionVersion"]): float(one["FunctionWeight"]) for one in weights}
        given["RoutingConfig"] = {"AdditionalVersionWeights": shares}
    return given


def _deploy(maker: Maker, logical: str, by: Mapping[str, Any], before: Properties, after: Properties) -> None:
    unknown = set(by) - {"ApplicationName", "DeploymentGroupName", "BeforeAllowTrafficHook", "AfterAllowTrafficHook"}
    if unknown:
        raise TemplateError(f"{logical}: {', '.join(sorted(unknown))} of {_BY_DEPLOYMENT} is not handled")
    named = {"BeforeAllowTraffic": "BeforeAllowTrafficHook", "AfterAllowTraffic": "AfterAllowTrafficHook"}
    spec = {
        "version": 0.0,
        "Resources": [
            {
                logical: {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Name": after["FunctionName"],
                        "Alias": after["Name"],
                        "CurrentVersion": before["FunctionVersion"],
                        "TargetVersion": after["FunctionVersion"],
                    },
                }
            }
        ],
        "Hooks": [{event: by[member]} for event, member in named.items() if by.get(member)],
    }
    codedeploy = maker.client("codedeploy")
    deployment = codedeploy.create_deployment(
        applicationName=by["ApplicationName"],
        deploymentGroupName=by["DeploymentGroupName"],
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}},
        description=f"{maker.stack_name}/{logical}",
    )["deploymentId"]
    pause = threading.Event()
    while True:
        info = codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
        if info["status"] == "Succeeded":
            return
        if info["status"] in ("Failed", "Stopped"):
            why = info.get("errorInformation", {})
            raise TemplateError(
                f"CodeDeploy deployment {deployment} {info['status'].lower()}: {why.get('code')}: {why.get('message')}"
            )
        pause.wait(_LOOK_SECONDS)


def _application(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.get("ApplicationName") or maker.name(logical, 100)
    maker.client("codedeploy").create_application(
        applicationName=name, computePlatform=properties.get("ComputePlatform", "Server")
    )
    return Made(name)


def _group(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.get("DeploymentGroupName") or maker.name(logical, 100)
    given = _group_call({**properties, "DeploymentGroupName": name})
    maker.client("codedeploy").create_deployment_group(**given)
    return Made(name)


def _changed_group(maker: Maker, logical: str, change: Change) -> Made:
    given = _group_call(change.after)
    given.pop("deploymentGroupName", None)
    maker.client("codedeploy").update_deployment_group(currentDeploymentGroupName=change.physical, **given)
    return change.made


def _group_call(properties: Properties) -> Properties:
    """CloudFormation begins names with a capital, and CodeDeploy does not."""
    return {_small(name): _smaller(one) for name, one in properties.items()}


def _smaller(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {_small(name): _smaller(one) for name, one in given.items()}
    return [_smaller(one) for one in given] if isinstance(given, list) else given


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


_TAGS: Final = {"Tags": "nothing here is searched, billed or allowed by tags"}

KINDS: Final[Mapping[str, Kind]] = {
    "AWS::Lambda::Alias": Kind(
        make=_alias,
        carried=frozenset({"Description", "FunctionName", "FunctionVersion", "Name", "RoutingConfig"}),
        change=_changed_alias,
        fixed=frozenset({"FunctionName", "Name"}),
    ),
    "AWS::CodeDeploy::Application": Kind(
        make=_application, carried=frozenset({"ApplicationName", "ComputePlatform"}), without_effect=_TAGS
    ),
    "AWS::CodeDeploy::DeploymentGroup": Kind(
        make=_group,
        carried=frozenset(
            {
                *("AlarmConfiguration", "ApplicationName", "AutoRollbackConfiguration", "DeploymentConfigName"),
                *("DeploymentGroupName", "DeploymentStyle", "ServiceRoleArn"),
            }
        ),
        without_effect=_TAGS,
        change=_changed_group,
        fixed=frozenset({"ApplicationName", "DeploymentGroupName"}),
    ),
}
