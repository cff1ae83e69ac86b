"""A rule, and what it found. Pure."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from msgspec import Struct

from infra.checking.view import View

Severity = Literal["low", "medium", "high"]
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high")


class Hit(Struct, frozen=True):
    """Where a rule was broken.

    Args:
        resource: the logical id; with the name of the event for one of SAM's.
        message: what is set, and what that does here.
        owner: the logical id whose Metadata may suppress it.
    """

    resource: str
    message: str
    owner: str


class Rule(Struct, frozen=True):
    """One rule.

    Args:
        id: stays the same for ever.
        title: what is wrong, in a line.
        why: what it leads to.
        fix: what to write instead.
        source: the page of AWS that says it.
        find: gives what breaks it.
    """

    id: str
    severity: Severity
    title: str
    why: str
    fix: str
    source: str
    find: Callable[[View], Iterator[Hit]]


class Finding(Struct, frozen=True):
    """What a rule found, and why it does not count when that was written down.

    Args:
        suppressed: the written reason.
    """

    rule: str
    severity: Severity
    resource: str
    message: str
    title: str
    why: str
    fix: str
    source: str
    suppressed: str | None = None
