"""CloudFormation's answers about the stack that the twin was started with, and about those made by change sets.

Everything that reads a stack's outputs runs unchanged on AWS and here. What is asked otherwise is moto's to answer.
"""

from collections.abc import Mapping
from typing import Final

from infra.local.cloudformation.change_sets import CHANGES, ChangeSets
from infra.local.cloudformation.documents import described, document, error_document, resource, summary
from infra.local.cloudformation.model import Stack, StackEvent, StackResource
from infra.local.errors import ApiError

__all__ = ["ANSWERED", "Stack", "StackApi", "StackEvent", "StackResource", "error_document"]

ANSWERED: Final = frozenset({"DescribeStacks", "ListStacks", "DescribeStackResources", "ListStackResources"})


class StackApi:
    """CloudFormation's Query protocol.

    Args:
        others: the stacks that change sets made.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """

    def __init__(self, others: ChangeSets | None = None) -> None:
        self._stack: Stack | None = None
        self._others = others

    def stand(self, stack: Stack) -> None:
        """From now on this stack is answered for."""
        self._stack = stack

    def answers(self, form: Mapping[str, str]) -> bool:
        """Whether a call is about our stacks (or about all stacks) and not one for moto."""
        action = form.get("Action")
        if self._stack is None or action not in ANSWERED | CHANGES:
            return False
        if self._others is not None:
            return True
        return action in ANSWERED and form.get("StackName", "") in ("", self._stack.name, self._stack.arn)

    def call(self, form: Mapping[str, str]) -> str:
        """The XML document that answers a Query-protocol form.

        Raises:
            ApiError: an action that is not answered, a stack or a resource that there is not.
        """
        if self._stack is None:
            raise ApiError("ValidationError", "no stack stands yet")
        action, name = form.get("Action"), form.get("StackName", "")
        if action in CHANGES and self._others is not None:
            if name in (self._stack.name, self._stack.arn):
                return self._change(str(action), self._stack)
            return self._others.call(form)
        listed = [self._stack, *(self._others.stacks() if self._others else [])]
        match action:
            case "DescribeStacks":
                found = [self._named(name)] if name else [one for one in listed if one.status != "DELETE_COMPLETE"]
                return document("DescribeStacks", {"Stacks": [described(one) for one in found]})
            case "ListStacks":
                return document("ListStacks", {"StackSummaries": [summary(one) for one in listed]})
            case "DescribeStackResources":
                stack, wanted = self._named(name), form.get("LogicalResourceId", "")
                resources = [one for one in stack.resources if wanted in ("", one.logical_id)]
                if wanted and not resources:
                    raise ApiError("ValidationError", f"Resource {wanted} does not exist for stack {stack.name}")
                members = [resource(stack, one, "Timestamp") for one in resources]
                return document("DescribeStackResources", {"StackResources": members})
            case "ListStackResources":
                stack = self._named(name)
                members = [resource(stack, one, "LastUpdatedTimestamp") for one in stack.resources]
                return document("ListStackResources", {"StackResourceSummaries": members})
            case other:
                raise ApiError("InvalidAction", f"{other} is not answered; there are {', '.join(sorted(ANSWERED))}")

    @staticmethod
    def _change(action: str, stack: Stack) -> str:
        """What a change of the stack itself is answered with; SAM asks for its parameters before it asks for one."""
        if action == "DescribeStackEvents":
            return document(action, {"StackEvents": []})
        if action == "GetTemplateSummary":
            return document(action, {"Parameters": [{"ParameterKey": name} for name in stack.parameters]})
        raise ApiError(
            "ValidationError",
            f"{stack.name} is the stack that the laptop runtime was started with: start it anew with other parameters, "
            "or give another stack name",
        )

    def _named(self, name: str) -> Stack:
        if self._stack and name in ("", self._stack.name, self._stack.arn):
            return self._stack
        if self._others is None:
            raise ApiError("ValidationError", f"Stack with id {name} does not exist")
        return self._others.stack(name)
