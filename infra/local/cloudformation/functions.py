"""Functions, their versions and aliases, layers, permissions and event sources, made by Lambda's API."""

from collections.abc import Mapping
from typing import Any, Final

from infra.local.awslambda.packages import inline
from infra.local.cloudformation.intrinsics import TemplateError
from infra.local.cloudformation.kinds import Change, Kind, Made, Maker, Properties, tags_of

LOCAL_CODE: Final = "streamkeeper-code-beside-the-template"
"""The bucket that code is named with which lies beside the template; see ``Maker.archives``."""


def _function(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.pop("FunctionName", None) or maker.name(logical, 64)
    tags = tags_of(properties)
    _with_texts(properties)
    properties["Code"] = _code(maker, logical, properties.get("Code"))
    answer = maker.client("lambda").create_function(FunctionName=name, Tags=tags, **properties)
    return Made(name, {"Arn": answer["FunctionArn"]})


def _changed_function(maker: Maker, logical: str, change: Change) -> Made:
    """Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html"""
    functions, names = maker.client("lambda"), change.names()
    if "Tags" in names:
        raise TemplateError(f"{logical}: a change of its Tags is not handled by the laptop runtime")
    if names & {"Code", "Architectures"}:
        code = _code(maker, logical, change.after.get("Code"))
        functions.update_function_code(FunctionName=change.physical, **code)
    if names - {"Code", "Architectures"}:
        given = {
            key: one
            for key, one in change.after.items()
            if key not in ("Code", "Architectures", "FunctionName", "Tags")
        }
        given.pop("PackageType", None)
        # What is no longer said is as if it had never been said.
        given = {"Environment": {}, "Layers": [], "Description": "", **given}
        functions.update_function_configuration(FunctionName=change.physical, **_with_texts(given))
    return change.made


def _with_texts(properties: Properties) -> Properties:
    """The properties, with the variables as Lambda takes them."""
    variables = properties.get("Environment", {}).get("Variables", {})
    if variables:
        # CloudFormation makes strings of them; Lambda takes nothing else.
        properties["Environment"] = {"Variables": {key: _text(value) for key, value in variables.items()}}
    return properties


def _version(maker: Maker, logical: str, properties: Properties) -> Made:
    functions = maker.client("lambda")
    there = {
        one["Version"]
        for one in functions.list_versions_by_function(FunctionName=properties["FunctionName"])["Versions"]
    }
    answer = functions.publish_version(**properties)
    if answer["Version"] in there:
        # CloudFormation knows each version as one resource. Lambda publishes no second one of the same.
        raise TemplateError(
            f"A version for this Lambda function exists ( {answer['Version']} ). "
            "Modify the function to create a new version."
        )
    return Made(answer["FunctionArn"], {"Version": answer["Version"], "FunctionArn": answer["FunctionArn"]})


def _layer(maker: Maker, logical: str, properties: Properties) -> Made:
    name = properties.pop("LayerName", None) or maker.name(logical)
    properties["Content"] = _code(maker, logical, properties.get("Content"))
    answer = maker.client("lambda").publish_layer_version(LayerName=name, **properties)
    return Made(answer["LayerVersionArn"], {"LayerVersionArn": answer["LayerVersionArn"]})


def _code(maker: Maker, logical: str, code: Any) -> dict[str, Any]:
    if not isinstance(code, Mapping):
        raise TemplateError(f"{logical}: its code must be a folder beside the template, inline, or in S3; got {code!r}")
    if code.get("S3Bucket") == LOCAL_CODE:
        return {"ZipFile": maker.archives[str(code["S3Key"])]}
    if isinstance(code.get("ZipFile"), str):
        return {"ZipFile": inline(code["ZipFile"])}
    return dict(code)


def _mapping(maker: Maker, logical: str, properties: Properties) -> Made:
    answer = maker.client("lambda").create_event_source_mapping(**properties)
    return Made(answer["UUID"], {"Id": answer["UUID"]})


def _changed_mapping(maker: Maker, logical: str, change: Change) -> Made:
    names = change.names()
    given = {name: one for name, one in change.after.items() if name in names}
    maker.client("lambda").update_event_source_mapping(UUID=change.physical, **given)
    return change.made


def _permission(maker: Maker, logical: str, properties: Properties) -> Made:
    name = maker.name(logical)
    given = {key: value for key, value in properties.items() if key in ("Action", "Principal", "SourceArn")}
    maker.client("lambda").add_permission(FunctionName=properties["FunctionName"], StatementId=name[:100], **given)
    return Made(name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


KINDS: Final[Mapping[str, Kind]] = {
    "AWS::Lambda::EventSourceMapping": Kind(
        make=_mapping,
        carried=frozenset(
            {
                *("BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "Enabled", "EventSourceArn"),
                *("FilterCriteria", "FunctionName", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds"),
                *("MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "MetricsConfig", "ParallelizationFactor"),
                "ScalingConfig",
                *("StartingPosition", "StartingPositionTimestamp", "TumblingWindowInSeconds"),
            }
        ),
        change=_changed_mapping,
        fixed=frozenset({"EventSourceArn", "StartingPosition", "StartingPositionTimestamp"}),
        without_effect={
            "Tags": "nothing here is searched, billed or allowed by tags",
        },
    ),
    "AWS::Lambda::Function": Kind(
        make=_function,
        carried=frozenset(
            {
                *("Architectures", "Code", "Description", "Environment", "EphemeralStorage", "FunctionName"),
                *("Handler", "Layers", "LoggingConfig", "MemorySize", "PackageType", "Role", "Runtime", "Tags"),
                *("Timeout", "TracingConfig"),
            }
        ),
        change=_changed_function,
        fixed=frozenset({"FunctionName", "PackageType"}),
        without_effect={
            "ReservedConcurrentExecutions": "nothing else on a laptop competes for the concurrency",
            "KmsKeyArn": "environment variables are not encrypted in this process",
            "RuntimeManagementConfig": "there is one interpreter: the one that the runtime runs on",
            "SnapStart": "a process starts in a moment here",
        },
    ),
    "AWS::Lambda::Version": Kind(make=_version, carried=frozenset({"CodeSha256", "Description", "FunctionName"})),
    "AWS::Lambda::LayerVersion": Kind(
        make=_layer,
        carried=frozenset({"CompatibleRuntimes", "Content", "Description", "LayerName"}),
        without_effect={
            "CompatibleArchitectures": "every function runs on this machine",
            "LicenseInfo": "nothing here shows or checks licences",
        },
    ),
    "AWS::Lambda::Permission": Kind(
        make=_permission,
        carried=frozenset({"Action", "FunctionName", "Principal", "SourceArn"}),
        without_effect={"SourceAccount": "there is one account, and it may call everything"},
    ),
}
