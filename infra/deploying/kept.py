"""What outlived a stack, found by its tags, and taken into the next stack of that name by a resource import.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from infra.deploying.looking import Finding
from infra.local.cloudformation.intrinsics import Template, references

STACK_TAG: Final = "streamkeeper:stack"
PART_TAG: Final = "streamkeeper:part"
_IDENTIFIERS: Final = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::DynamoDB::Table": "TableName",
}
_ARN_TYPES: Final = ("s3", "kinesis:stream", "dynamodb:table")


class Kept(Struct, frozen=True, order=True):
    """Something that holds data and belongs to no stack: its logical name, its type, its name in the world."""

    part: str
    type: str
    name: str


def parts(template: Template) -> dict[str, str]:
    """What of a template outlives its stack: the resources' types by their logical names."""
    return {
        logical: resource["Type"]
        for logical, resource in template["Resources"].items()
        if str(resource.get("DeletionPolicy", "")).startswith("Retain")
    }


def find_kept(client: Any, stack: str, template: Template) -> list[Kept]:
    """What outlived the stack of that name.

    Args:
        client: of the Resource Groups Tagging API.
    """
    known = parts(template)
    pages = client.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": STACK_TAG, "Values": [stack]}], ResourceTypeFilters=list(_ARN_TYPES)
    )
    found = []
    for page in pages:
        for one in page["ResourceTagMappingList"]:
            part = next((tag["Value"] for tag in one["Tags"] if tag["Key"] == PART_TAG), "")
            if part in known:
                found.append(Kept(part, known[part], one["ResourceARN"].rpartition(":")[2].rpartition("/")[2]))
    return sorted(found)


def of_the_kept(found: list[Kept]) -> list[Finding]:
    """Parts of which there are several, so that nobody can know which one is meant."""
    findings = []
    for part in sorted({one.part for one in found}):
        names = [one.name for one in found if one.part == part]
        if len(names) > 1:
            findings.append(
                Finding(
                    "stop",
                    "lake",
                    f"{len(names)} things are tagged as {part} of this stack: {', '.join(names)}",
                    f"take the tag {STACK_TAG} off those that are not meant",
                )
            )
    return findings


def import_request(template: Template, found: list[Kept], parameters: Mapping[str, str]) -> dict[str, Any]:
    """What CreateChangeSet is to be given, beside names, to import what was found.

    An import into a new stack has just these resources in its template, no outputs, and what they refer to.
    """
    resources = {one.part: template["Resources"][one.part] for one in found}
    conditions = template.get("Conditions", {})
    used = set(references([resources, conditions])) & set(template.get("Parameters", {}))
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {name: template["Parameters"][name] for name in sorted(used)},
        "Conditions": conditions,
        "Resources": resources,
    }
    return {
        "TemplateBody": json.dumps(body),
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": parameters[name]} for name in sorted(used) if name in parameters
        ],
        "ResourcesToImport": [
            {
                "ResourceType": one.type,
                "LogicalResourceId": one.part,
                "ResourceIdentifier": {_IDENTIFIERS[one.type]: one.name},
            }
            for one in found
        ],
    }


def how_to_remove(one: Kept) -> str:
    """The command that removes it, with all that it holds, for good."""
    if one.type == "AWS::S3::Bucket":
        lines = f"b=boto3.resource('s3').Bucket('{one.name}');b.object_versions.delete();b.delete()"
        return f'python -c "import boto3;{lines}"'
    if one.type == "AWS::Kinesis::Stream":
        return f"aws kinesis delete-stream --enforce-consumer-deletion --stream-name {one.name}"
    return f"aws dynamodb delete-table --table-name {one.name}"
