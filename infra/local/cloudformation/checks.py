"""What can be known to be wrong before anything is made: parameters, rules, and names that AWS would refuse."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.local.cloudformation.intrinsics import Resolver, Template, TemplateError, parameter_values, references

_STACK: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# The template is for every region, and a name may carry it: the longest one there is.
_LONGEST_REGION: Final = "ap-southeast-1"
_NAMES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("AWS::S3::Bucket", "BucketName"): (
        r"(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)",
        "a bucket's name has 3 to 63 of a-z 0-9 . -",
    ),
    ("AWS::Kinesis::Stream", "Name"): (r"[a-zA-Z0-9_.-]{1,128}", "a stream's name has 1 to 128 of A-Z a-z 0-9 _ . -"),
    ("AWS::Serverless::Function", "FunctionName"): (
        r"[a-zA-Z0-9_-]{1,64}",
        "a function's name has 1 to 64 of A-Z a-z 0-9 _ -",
    ),
    ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName"): (
        r"[a-zA-Z0-9_.-]{1,64}",
        "a delivery stream's name has 1 to 64 of A-Z a-z 0-9 _ . -",
    ),
    ("AWS::DynamoDB::Table", "TableName"): (
        r"[a-zA-Z0-9_.-]{3,255}",
        "a table's name has 3 to 255 of A-Z a-z 0-9 _ . -",
    ),
    ("AWS::SQS::Queue", "QueueName"): (
        r"[a-zA-Z0-9_-]{1,80}(\.fifo)?",
        "a queue's name has 1 to 80 of A-Z a-z 0-9 _ -",
    ),
    ("AWS::Athena::WorkGroup", "Name"): (
        r"(?!primary\Z)[a-zA-Z0-9._-]{1,128}",
        "a workgroup's name has 1 to 128 of A-Z a-z 0-9 . _ - and is not primary, which every account has",
    ),
    ("AWS::Events::EventBus", "Name"): (
        r"(?!default\Z)(?!aws\.)[a-zA-Z0-9/._-]{1,256}",
        "an event bus's name has 1 to 256 of A-Z a-z 0-9 / . _ - and is not default, which every account has",
    ),
    ("AWS::Events::Rule", "Name"): (r"[a-zA-Z0-9._-]{1,64}", "a rule's name has 1 to 64 of A-Z a-z 0-9 . _ -"),
    ("AWS::Logs::LogGroup", "LogGroupName"): (
        r"(?!aws/)[a-zA-Z0-9_/.#-]{1,512}",
        "a log group's name has 1 to 512 of A-Z a-z 0-9 _ / . # -",
    ),
    # Glue keeps names in small letters, so that two that differ in nothing else would be one.
    ("AWS::Glue::Database", "DatabaseInput.Name"): (
        r"[a-z0-9_]{1,255}",
        "a database's name has 1 to 255 of a-z 0-9 _, as Athena wants it",
    ),
}
"""By resource type and property: the names that the service takes, and its rule in words.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and each service's API reference
(CreateStream, CreateFunction, CreateDeliveryStream, CreateTable, CreateQueue, CreateWorkGroup, CreateEventBus, PutRule,
CreateLogGroup), https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
"""


def check_stack(
    template: Template, *, stack_name: str, parameters: Mapping[str, object], account_id: str
) -> dict[str, Any]:
    """The parameters' values, when a stack of that name can be made of the template in every region.

    Args:
        template: from ``load_template``.
        parameters: values by parameter name; the others take their defaults.
        account_id: twelve digits.

    Raises:
        TemplateError: what was given, and what is allowed.

    >>> check_stack({"Resources": {}}, stack_name="my stack", parameters={}, account_id="0" * 12)
    Traceback (most recent call last):
    infra.local.cloudformation.intrinsics.TemplateError: a stack's name begins with a letter and has 1 to 128 of A-Z \
a-z 0-9 -; received 'my stack'
    """
    if not _STACK.fullmatch(stack_name):
        raise TemplateError(
            f"a stack's name begins with a letter and has 1 to 128 of A-Z a-z 0-9 -; received {stack_name[:140]!r}"
        )
    values = parameter_values(template, parameters)
    pseudo = {
        "AWS::StackName": stack_name,
        "AWS::AccountId": account_id,
        "AWS::Region": _LONGEST_REGION,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    resolver = Resolver(template, parameters=values, pseudo=pseudo, attribute=_unknown)
    check_rules(template, resolver)
    named = list(_names(template, resolver))
    for kind, value in named:
        pattern, rule = _NAMES[kind]
        if not re.fullmatch(pattern, value):
            if stack_name not in value and stack_name.replace("-", "_") not in value:
                raise TemplateError(f"{rule}; received {value[:200]!r}")
            raise TemplateError(
                f"the stack name {stack_name[:140]!r} cannot be used: {rule}, and one would be {value[:200]!r}; "
                f"use at most {_longest(stack_name, named)} of a-z 0-9 -"
            )
    return values


def check_rules(template: Template, resolver: Resolver) -> None:
    """Passes when the template's rules hold for the parameters.

    Raises:
        TemplateError: with the description of the assertion that does not hold.
    """
    for name, rule in template.get("Rules", {}).items():
        where = f"Rules.{name}"
        if "RuleCondition" in rule and not resolver.resolve(rule["RuleCondition"], where):
            continue
        for assertion in rule.get("Assertions", []):
            if not resolver.resolve(assertion["Assert"], where):
                raise TemplateError(f"{name}: {assertion.get('AssertDescription', 'the assertion does not hold')}")


def _longest(stack_name: str, named: list[tuple[tuple[str, str], str]]) -> int:
    """How long the stack's name may be, by the names that are made of it."""
    room = [128]
    for kind, value in named:
        limits = re.findall(r"\{\d+,(\d+)\}", _NAMES[kind][0])
        # A bucket's pattern counts its first and last character apart.
        limit = 63 if kind[0] == "AWS::S3::Bucket" else int(limits[0])
        if stack_name in value or stack_name.replace("-", "_") in value:
            room.append(limit - len(value) + len(stack_name))
    return min(room)


def _names(template: Template, resolver: Resolver) -> Iterator[tuple[tuple[str, str], str]]:
    """Type and property, and the name, of each resource that is named without any other resource."""
    for logical, resource in template["Resources"].items():
        for kind in _NAMES:
            if resource.get("Type") != kind[0]:
                continue
            given: Any = resource.get("Properties") or {}
            for member in kind[1].split("."):
                given = given.get(member) if isinstance(given, dict) else None
            # Made of parameters only, and of no other resource's name.
            if given is not None and not set(references(given)) & set(template["Resources"]):
                yield kind, str(resolver.resolve(given, logical))


def _unknown(logical: str, name: str | None) -> Any:
    raise TemplateError(f"{logical} is no parameter")
