"""CloudFormation's answers about the one stack the twin was provisioned with.

Everything that reads the stack's outputs runs unchanged on AWS and here. Other stacks are moto's.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

from infra.local.errors import ApiError

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
ANSWERED = frozenset({"DescribeStacks", "ListStacks", "DescribeStackResources", "ListStackResources"})


@dataclass(frozen=True, kw_only=True)
class StackResource:
    """One resource of the stack: its name in the template, its name in the world, its type."""

    logical_id: str
    physical_id: str
    type: str
    status: str = "CREATE_COMPLETE"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class StackEvent:
    """What happened to one resource, or to the stack itself; ``at`` in epoch seconds."""

    at: float
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack that stands.

    Args:
        created_at: epoch seconds.
        parameters: the values used, defaults included.
    """

    name: str
    region: str
    account_id: str
    created_at: float
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    output_descriptions: Mapping[str, str] = field(default_factory=dict)
    resources: Sequence[StackResource] = ()

    @property
    def arn(self) -> str:
        unique = uuid5(NAMESPACE_URL, f"{self.account_id}/{self.region}/{self.name}/{self.created_at}")
        return f"arn:aws:cloudformation:{self.region}:{self.account_id}:stack/{self.name}/{unique}"


class StackApi:
    """CloudFormation's Query protocol for one stack.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """

    def __init__(self) -> None:
        self._stack: Stack | None = None

    def stand(self, stack: Stack) -> None:
        """From now on this stack is answered for."""
        self._stack = stack

    def answers(self, form: Mapping[str, str]) -> bool:
        """Whether a call is about our stack (or about all stacks) and not one for moto."""
        if self._stack is None or form.get("Action") not in ANSWERED:
            return False
        name = form.get("StackName")
        return not name or name in (self._stack.name, self._stack.arn)

    def call(self, form: Mapping[str, str]) -> str:
        """The XML document that answers a Query-protocol form.

        Raises:
            ApiError: an action that is not one of ``ANSWERED``, or a resource that the stack has not.
        """
        stack = self._stack
        if stack is None:
            raise ApiError("ValidationError", "no stack stands yet")
        match form.get("Action"):
            case "DescribeStacks":
                return _document("DescribeStacks", f"<Stacks>{_describe(stack)}</Stacks>")
            case "ListStacks":
                return _document("ListStacks", f"<StackSummaries>{_summary(stack)}</StackSummaries>")
            case "DescribeStackResources":
                wanted = form.get("LogicalResourceId")
                found = [r for r in stack.resources if wanted in (None, "", r.logical_id)]
                if wanted and not found:
                    raise ApiError("ValidationError", f"Resource {wanted} does not exist for stack {stack.name}")
                members = "".join(_resource(stack, r, "Timestamp") for r in found)
                return _document("DescribeStackResources", f"<StackResources>{members}</StackResources>")
            case "ListStackResources":
                members = "".join(_resource(stack, r, "LastUpdatedTimestamp") for r in stack.resources)
                return _document("ListStackResources", f"<StackResourceSummaries>{members}</StackResourceSummaries>")
            case other:
                raise ApiError("InvalidAction", f"{other} is not answered; there are {', '.join(sorted(ANSWERED))}")


def error_document(error: ApiError, request_id: str) -> str:
    """The Query protocol's error answer."""
    kind = "Sender" if error.status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _document(action: str, result: str) -> str:
    return (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid5(NAMESPACE_URL, result)}</RequestId></ResponseMetadata></{action}Response>"
    )


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _summary(stack: Stack) -> str:
    return (
        f"<member><StackId>{escape(stack.arn)}</StackId><StackName>{escape(stack.name)}</StackName>"
        f"<TemplateDescription>{escape(stack.description)}</TemplateDescription>"
        f"<CreationTime>{_time(stack.created_at)}</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus></member>"
    )


def _describe(stack: Stack) -> str:
    parameters = "".join(
        f"<member><ParameterKey>{escape(key)}</ParameterKey><ParameterValue>{escape(value)}</ParameterValue></member>"
        for key, value in stack.parameters.items()
    )
    outputs = "".join(
        f"<member><OutputKey>{escape(key)}</OutputKey><OutputValue>{escape(value)}</OutputValue>"
        f"<Description>{escape(stack.output_descriptions.get(key, ''))}</Description></member>"
        for key, value in stack.outputs.items()
    )
    return (
        f"<member><StackId>{escape(stack.arn)}</StackId><StackName>{escape(stack.name)}</StackName>"
        f"<Description>{escape(stack.description)}</Description>"
        f"<Parameters>{parameters}</Parameters><Outputs>{outputs}</Outputs>"
        f"<CreationTime>{_time(stack.created_at)}</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>"
        "<DisableRollback>false</DisableRollback>"
        "<Capabilities><member>CAPABILITY_IAM</member><member>CAPABILITY_AUTO_EXPAND</member></Capabilities></member>"
    )


def _resource(stack: Stack, resource: StackResource, time_field: str) -> str:
    return (
        f"<member><StackId>{escape(stack.arn)}</StackId><StackName>{escape(stack.name)}</StackName>"
        f"<LogicalResourceId>{escape(resource.logical_id)}</LogicalResourceId>"
        f"<PhysicalResourceId>{escape(resource.physical_id)}</PhysicalResourceId>"
        f"<ResourceType>{escape(resource.type)}</ResourceType>"
        f"<{time_field}>{_time(stack.created_at)}</{time_field}>"
        "<ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
    )
