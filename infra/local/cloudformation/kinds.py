"""What the makers of resources share: how a resource type is described, and what making one gives and needs."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.cloudformation.intrinsics import TemplateError


@dataclass(frozen=True)
class Made:
    """A resource that was made: what Ref gives, and what GetAtt gives by attribute."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What making a resource needs to know.

    Args:
        client: gives the boto3 client of a service name.
        archives: code that lies beside the template, by the key that the template names it with now.
        stack_id: what tells this stack from an earlier one of its name.
        begun: by logical name, what exists of a resource although the rest of making it may still fail.
        named: by logical name, names that were made up before and stay.
    """

    client: Callable[[str], Any]
    account_id: str
    region: str
    stack_name: str
    archives: Mapping[str, bytes] = field(default_factory=dict)
    stack_id: str = ""
    begun: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def name(self, logical: str, longest: int = 255) -> str:
        """A name for a resource that the template leaves unnamed; the same one every time in one stack.

        Args:
            longest: characters that the service takes; what is too long is cut before the part that makes it unique.
        """
        if logical in self.named:
            return self.named[logical]
        whose = f"{self.stack_name}/{logical}/{self.account_id}/{self.region}/{self.stack_id}"
        unique = hashlib.sha256(whose.encode()).hexdigest()[:12].upper()
        return f"{f'{self.stack_name}-{logical}'[: longest - 13]}-{unique}"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


Properties = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What changes of a resource that is made.

    Args:
        physical: its name in the world.
        made: what Ref and GetAtt gave of it.
        before, after: its properties; only those that reach the service.
        policy: its resolved UpdatePolicy.
        back: whether this takes back an update that failed.
    """

    physical: str
    made: "Made"
    before: Properties
    after: Properties
    policy: Properties = field(default_factory=dict)
    back: bool = False

    def names(self) -> set[str]:
        """The properties that differ."""
        return {name for name in {*self.before, *self.after} if self.before.get(name) != self.after.get(name)}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A resource type.

    Args:
        make: makes one from its carried properties.
        carried: properties that reach the service.
        without_effect: properties that change nothing on a laptop, each with the reason.
        change: changes one in place; None: the runtime makes none of its changes.
        fixed: properties of which a change would make another resource, which the runtime refuses.
    """

    make: Callable[[Maker, str, Properties], Made]
    carried: frozenset[str]
    without_effect: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[Maker, str, Change], Made] | None = None
    fixed: frozenset[str] = frozenset()


def tags_of(properties: Properties) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in properties.pop("Tags", [])}


def only(where: str, given: Mapping[str, Any], handled: set[str]) -> None:
    unhandled = sorted(set(given) - handled)
    if unhandled:
        raise TemplateError(f"{where}: {', '.join(unhandled)} is not handled by the laptop runtime")
