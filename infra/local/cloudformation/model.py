"""A stack, its resources and what happened to them, as CloudFormation answers of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5


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
    """A stack.

    Args:
        created_at: epoch seconds.
        parameters: the values used, defaults included.
        stack_id: its ARN; empty makes one of name and time.
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
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stack_id: str = ""

    @property
    def arn(self) -> str:
        if self.stack_id:
            return self.stack_id
        unique = uuid5(NAMESPACE_URL, f"{self.account_id}/{self.region}/{self.name}/{self.created_at}")
        return f"arn:aws:cloudformation:{self.region}:{self.account_id}:stack/{self.name}/{unique}"
