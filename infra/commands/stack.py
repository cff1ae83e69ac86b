"""Where a deployed stack keeps its parts, asked of CloudFormation: the same on AWS and on the laptop runtime."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import click

from athena.engine import Engine, EngineError, EngineUnreachable
from glue.terminal.errors import CommandError, UnreachableError

STACK = "streamkeeper"
_ONLY_WITH = {"WebhookQueueUrl": "Webhook=on", "WebhookDeadLetterQueueUrl": "Webhook=on"}
"""Outputs that a stack has only with some parameter."""


def outputs(stack: str = STACK) -> dict[str, str]:
    """The outputs of a stack by name, such as ``LakeBucketName``.

    Raises:
        UnreachableError: no such stack, or nobody to ask.
    """
    return described(stack).outputs


@dataclass(frozen=True)
class Described:
    """What a stack says of itself, by name."""

    outputs: dict[str, str]
    parameters: dict[str, str]


def described(stack: str) -> Described:
    """A stack's outputs and parameters.

    Raises:
        UnreachableError: no such stack, or nobody to ask; it names stack and region and says what to do.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """
    # Imported here: boto3 takes longer to load than all that commands do without it.
    from athena.aws.engine import WHERE_TO_LOOK, failure_of
    from glue.aws.clients import FIRST_CONTACT, make_client
    from glue.aws.errors import AWS_ERRORS

    client = make_client("cloudformation", attempts=FIRST_CONTACT)
    at = f"stack {stack!r} in {client.meta.region_name}"
    try:
        stacks = client.describe_stacks(StackName=stack)["Stacks"]
    except AWS_ERRORS as error:
        if "does not exist" in str(error):
            raise UnreachableError(f"{at} does not exist: name another with --stack, or {WHERE_TO_LOOK}") from error
        raise UnreachableError(f"{at}: {failure_of(error)}") from error
    made, given = stacks[0].get("Outputs", []), stacks[0].get("Parameters", [])
    return Described(
        {str(one["OutputKey"]): str(one["OutputValue"]) for one in made},
        {str(one["ParameterKey"]): str(one.get("ParameterValue", "")) for one in given},
    )


def output(found: dict[str, str], name: str, *, stack: str, instead: str = "") -> str:
    """One output of those a stack has.

    Args:
        instead: what a user may do about a stack that is not made of infra/aws/template.yaml.

    Raises:
        UnreachableError: it has none of that name.
    """
    if name not in found and (needed := _ONLY_WITH.get(name)):
        raise UnreachableError(f"stack {stack!r} was deployed without {needed}; deploy it with that parameter")
    if name not in found and instead:
        raise UnreachableError(f"stack {stack!r} has no output {name}; {instead}")
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        raise UnreachableError(
            f"stack {stack!r} has no output {name}, only {there}; deploy infra/aws/template.yaml anew"
        )
    return found[name]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom a command asks, and where. Given as click's context object, it is used as it is."""

    engine: Engine
    database: str
    workgroup: str
    now: Callable[[], float] = time.time


def target(context: click.Context, *, stack: str, database: str | None, workgroup: str | None) -> Target:
    """The Athena to ask: of the context, else of the options, and what they leave open of the stack's outputs.

    Raises:
        CommandError: the stack cannot be asked.
    """
    given = context.find_object(Target)
    if given is not None:
        return given
    if database is None or workgroup is None:
        found = outputs(stack)
        database = database or output(found, "DatabaseName", stack=stack)
        workgroup = workgroup or output(found, "WorkGroupName", stack=stack)
    from athena.aws.engine import connect

    try:
        return Target(engine=connect(), database=database, workgroup=workgroup)
    except EngineError as error:
        raise failed(error) from error


def failed(error: EngineError) -> CommandError:
    """What a command says when the engine gave no answer."""
    return UnreachableError(str(error)) if isinstance(error, EngineUnreachable) else CommandError(str(error))
