"""No change of a parameter replaces or removes what holds data, by the create-only properties of AWS's own schemas."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from infra.local.cloudformation.intrinsics import Resolver, Template
from infra.local.cloudformation.provision import read_template
from tests.house.template_rules import KEY, Stack

TEMPLATE = read_template()
TEXTS = {
    "Policy": "strict",
    "GuardrailArns": "arn:aws:bedrock:eu-west-1:111122223333:guardrail/abc",
    "MediaBucketName": "media",
    "DatabaseName": "another",
    "ContentUserPoolArn": "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_abc",
    **{f"{who}Principals": "111122223333" for who in ("Producer", "Analyst", "Operator")},
    "ScoreKeys": f"team:{'0' * 64}:5",
    "Release": "ab" * 32,
    "ScoreCorsOrigins": "https://example.org",
    "ContentCorsOrigins": "https://example.org",
    "KeyArn": KEY,
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms",
}
"""Another value of each parameter that is free text."""
SAM_KINDS = {"AWS::Serverless::Function": "AWS::Lambda::Function", "AWS::Serverless::Api": "AWS::ApiGateway::RestApi"}
"""What SAM makes of its own resource types."""


def others(name: str, rule: dict[str, Any]) -> list[object]:
    """Values that a parameter may take and that are not its default."""
    if "AllowedValues" in rule:
        found = list(rule["AllowedValues"])
    elif rule["Type"] == "Number":
        found = [rule["MinValue"], rule.get("MaxValue", rule["Default"] * 2)]
    else:
        assert name in TEXTS, f"give another value of parameter {name} in TEXTS"
        found = [TEXTS[name]]
    return [value for value in found if str(value) != str(rule["Default"])]


Deployed = dict[str, tuple[str, dict[str, Any]]]
"""Type and properties of each resource that a stack has, by its logical name."""


def deployed(template: Template, **parameters: object) -> Deployed:
    """What is made with these parameters."""
    changed = deepcopy(template)
    for name, value in parameters.items():
        changed["Parameters"][name]["Default"] = value
    stack = Stack(changed)
    conditions = Resolver(
        changed,
        parameters=stack.parameters,
        pseudo={"AWS::StackName": "streamkeeper"},
        attribute=lambda name, attribute: f"<{name}.{attribute}>",
    )
    return {
        name: (resource["Type"], stack.resources[name])
        for name, resource in stack.raw.items()
        if "Condition" not in resource or conditions.condition(resource["Condition"])
    }


@cache
def by_default() -> Deployed:
    return deployed(TEMPLATE)


@cache
def with_value(name: str, value: object) -> Deployed:
    """The same for the template with one parameter of another value."""
    return deployed(TEMPLATE, **{name: value})


@cache
def schema_of(kind: str) -> dict[str, Any]:
    """CloudFormation's schema of a resource type, as cfn-lint carries it."""
    name = SAM_KINDS.get(kind, kind)
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
    return found


@cache
def fixed_when_made(kind: str) -> list[tuple[str, ...]]:
    """The paths of a resource type's properties that a change of which makes another resource."""
    schema = schema_of(kind)
    names = ("createOnlyProperties", "conditionalCreateOnlyProperties")
    return [tuple(path.split("/")[2:]) for key in names for path in schema.get(key) or []]


def at(properties: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        properties = properties.get(step) if isinstance(properties, dict) else None
    return properties


def replaced(before: Deployed, after: Deployed) -> Iterator[str]:
    """The resources that go, or make way for others, when a stack changes."""
    for logical, (kind, properties) in before.items():
        then = after[logical][1] if logical in after else None
        if then is None or any(at(properties, path) != at(then, path) for path in fixed_when_made(kind)):
            yield logical


def holders(template: Template) -> set[str]:
    return {n for n, one in template["Resources"].items() if str(one.get("DeletionPolicy", "")).startswith("Retain")}


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_no_parameter_replaces_what_holds_data(name: str) -> None:
    values = others(name, TEMPLATE["Parameters"][name])
    assert values
    for value in values:
        assert holders(TEMPLATE) & set(replaced(by_default(), with_value(name, value))) == set()


@pytest.mark.parametrize("name", sorted(set(TEMPLATE["Parameters"]) - {"DatabaseName"}))
def test_no_parameter_replaces_what_has_a_name_of_ours(name: str) -> None:
    """CloudFormation makes the new one before it removes the old one, whose name is taken: the update would fail."""
    for value in others(name, TEMPLATE["Parameters"][name]):
        after = with_value(name, value)
        assert [one for one in replaced(by_default(), after) if one in after] == []


def test_a_name_made_of_a_parameter_is_found() -> None:
    template = deepcopy(TEMPLATE)
    template["Resources"]["LakeBucket"]["Properties"]["BucketName"] = {"Fn::Sub": "lake-${ShardCount}"}
    assert "LakeBucket" in set(replaced(deployed(template), deployed(template, ShardCount=3)))
    template["Resources"]["StatusTable"]["Condition"] = "Consumes"
    assert "StatusTable" in set(replaced(deployed(template), deployed(template, Consumer="off")))
    assert {"ContentStream", "LakeBucket", "DeadLetterBucket", "ResultBucket", "StatusTable"} == holders(template)
