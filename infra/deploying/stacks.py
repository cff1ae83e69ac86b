"""CloudFormation asked and watched: what stands, what a change set would do, how an operation goes."""

from collections.abc import Callable, Collection
from typing import Any, Final

from msgspec import Struct

from infra.deploying.looking import Existing, Finding

_STEP_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 3600.0
"""How long an operation may take before a command no longer watches it."""


class Change(Struct, frozen=True):
    """What a change set would do to one resource; ``replacement`` is True, False, Conditional or empty."""

    action: str
    logical_id: str
    type: str
    replacement: str = ""


class Ended(Struct, frozen=True):
    """How an operation ended: the stack's state, and why resources failed, by logical name, the first cause first."""

    status: str
    failures: dict[str, str]

    @property
    def good(self) -> bool:
        return self.status.endswith("_COMPLETE") and "ROLLBACK" not in self.status


def find(client: Any, name: str) -> Existing | None:
    """A stack; None when there is none of that name."""
    from botocore.exceptions import ClientError

    try:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    held = [
        one for one in resources(client, stack["StackId"]) if not one["ResourceStatus"].startswith("DELETE_COMPLETE")
    ]
    return Existing(
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in stack.get("Parameters", [])},
        outputs={one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
        resources=len(held),
        arn=stack["StackId"],
    )


def resources(client: Any, name: str) -> list[dict[str, Any]]:
    """The resources of a stack, as ListStackResources gives them."""
    pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
    return [one for page in pages for one in page["StackResourceSummaries"]]


def changes_of(client: Any, change_set: str, stack: str) -> list[Change]:
    """What a change set would do."""
    pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set, StackName=stack)
    found = [one["ResourceChange"] for page in pages for one in page.get("Changes", []) if "ResourceChange" in one]
    return [
        Change(
            action=one["Action"],
            logical_id=one["LogicalResourceId"],
            type=one["ResourceType"],
            replacement=one.get("Replacement", ""),
        )
        for one in found
    ]


def of_the_changes(changes: list[Change], kept: Collection[str]) -> list[Finding]:
    """The changes that would replace or take away what holds data.

    Args:
        kept: logical names of what holds data.

    >>> change = Change("Modify", "LakeBucket", "AWS::S3::Bucket", "True")
    >>> [one.says for one in of_the_changes([change], ["LakeBucket"])]
    ['LakeBucket (AWS::S3::Bucket) would be replaced by an empty one']
    """
    found = []
    for one in changes:
        if one.logical_id not in kept:
            continue
        if one.action == "Remove":
            says = f"{one.logical_id} ({one.type}) would no longer be part of the stack"
        elif one.action == "Modify" and one.replacement in ("True", "Conditional"):
            says = f"{one.logical_id} ({one.type}) would be replaced by an empty one"
        else:
            continue
        found.append(
            Finding("stop", "changes", says, "nothing was changed; deploy as another stack and replay into it")
        )
    return found


def watch(
    client: Any,
    stack: str,
    *,
    sleep: Callable[[float], object],
    on_event: Callable[[dict[str, Any]], object] = lambda _: None,
) -> Ended:
    """Waits until nothing is in progress.

    Args:
        stack: its ID, by which it can be asked for after it is deleted, too.
        on_event: called with each event of this operation, in their order.

    Raises:
        TimeoutError: it goes on for too long.
    """
    seen: set[str] = set()
    failures: dict[str, str] = {}
    waited = 0.0
    while True:
        status = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        for event in _events_of_the_operation(client, stack):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
                failures.setdefault(event["LogicalResourceId"], reason)
            on_event(event)
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return Ended(status, failures)
        if waited >= LONGEST_SECONDS:
            raise TimeoutError(f"{status} after {waited / 60:.0f} minutes")
        sleep(_STEP_SECONDS)
        waited += _STEP_SECONDS


def _events_of_the_operation(client: Any, stack: str) -> list[dict[str, Any]]:
    """The events since the operation was begun, the oldest first."""
    found: list[dict[str, Any]] = []
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            found.append(event)
            whole = event["ResourceType"] == "AWS::CloudFormation::Stack" and event["PhysicalResourceId"] == stack
            if whole and event.get("ResourceStatusReason", "").startswith("User Initiated"):
                return found[::-1]
    return found[::-1]
