"""CloudFormation's answers as the Query protocol's XML."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

from infra.local.cloudformation.model import Stack, StackEvent, StackResource
from infra.local.errors import ApiError

_NAMESPACE: Final = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

Members = Mapping[str, Any]
"""What a structure has: text, a number, another structure, or a sequence of structures or texts. None is left out."""


def document(action: str, result: Members) -> str:
    """The whole answer to an action."""
    inside = _inside(result)
    return (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{inside}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid5(NAMESPACE_URL, inside)}</RequestId></ResponseMetadata></{action}Response>"
    )


def error_document(error: ApiError, request_id: str) -> str:
    """The Query protocol's error answer."""
    kind = "Sender" if error.status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _inside(value: Any) -> str:
    """
    >>> _inside({"A": [{"B": 1}, "x"], "C": None})
    '<A><member><B>1</B></member><member>x</member></A>'
    """
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_inside(one)}</{name}>" for name, one in value.items() if one is not None)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(f"<member>{_inside(one)}</member>" for one in value)
    return escape(str(value))


def moment(at: float) -> str:
    """A time as the protocol writes it."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def summary(stack: Stack) -> Members:
    """A member of ListStacks."""
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "TemplateDescription": stack.description,
        "CreationTime": moment(stack.created_at),
        "StackStatus": stack.status,
    }


def described(stack: Stack) -> Members:
    """A member of DescribeStacks."""
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()]
    outputs = [
        {"OutputKey": key, "OutputValue": value, "Description": stack.output_descriptions.get(key, "")}
        for key, value in stack.outputs.items()
    ]
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "Description": stack.description,
        "Parameters": parameters,
        "Outputs": outputs,
        "CreationTime": moment(stack.created_at),
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": False,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
    }


def resource(stack: Stack, one: StackResource, time_field: str) -> Members:
    """A member of DescribeStackResources or ListStackResources, which call the time differently."""
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "LogicalResourceId": one.logical_id,
        "PhysicalResourceId": one.physical_id,
        "ResourceType": one.type,
        time_field: moment(stack.created_at),
        "ResourceStatus": one.status,
        "ResourceStatusReason": one.reason or None,
    }


def event(stack: Stack, one: StackEvent, number: int) -> Members:
    """A member of DescribeStackEvents."""
    return {
        "StackId": stack.arn,
        "EventId": f"{one.logical_id}-{number}",
        "StackName": stack.name,
        "LogicalResourceId": one.logical_id,
        "PhysicalResourceId": one.physical_id,
        "ResourceType": one.type,
        "Timestamp": moment(one.at),
        "ResourceStatus": one.status,
        "ResourceStatusReason": one.reason or None,
    }
