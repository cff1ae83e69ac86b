"""A function's published versions, and the aliases that point to them, with weights.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html,
https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html,
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html (read 2026-11-30).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Generic, Protocol, TypeVar

from infra.local.awslambda.refusals import refused
from infra.local.errors import ApiError

LATEST: Final = "$LATEST"
_ALIAS: Final = re.compile(r"(?![0-9]+$)[a-zA-Z0-9_-]{1,128}")
_ARN: Final = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?")


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A name for a version, and what share of invocations another version gets.

    Args:
        version: the version that gets the rest.
        weights: by the other version, its share, from 0 to 1; none or one.
    """

    name: str
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)
    description: str = ""
    modified_at: float = 0.0

    def chosen(self, chance: float) -> str:
        """The version that an invocation goes to.

        Args:
            chance: from 0 up to 1, another one for each invocation.

        >>> alias = Alias(name="live", version="1", weights={"2": 0.1})
        >>> alias.chosen(0.05), alias.chosen(0.1)
        ('2', '1')
        """
        for other, weight in self.weights.items():
            if chance < weight:
                return other
        return self.version


class HasRole(Protocol):
    """What of a version's settings matters to an alias."""

    @property
    def role(self) -> str:
        """The execution role."""
        ...


class IsVersion(Protocol):
    """One version of a function, ready to be invoked."""

    @property
    def settings(self) -> HasRole:
        """As configured."""
        ...

    def close(self) -> None:
        """Ends its processes."""
        ...


V = TypeVar("V", bound=IsVersion)


class Versions(Generic[V]):
    """The versions and aliases of one function."""

    def __init__(self) -> None:
        self.published: dict[str, V] = {}
        self.aliases: dict[str, Alias] = {}
        self._last = 0

    def publish(self, make: Callable[[str], V], same: Callable[[V], bool]) -> V:
        """The function as it is now, as a new version; the last one when nothing has changed since.

        Args:
            make: makes the version of a number.
            same: whether a version is what would be published.
        """
        newest = self.published.get(str(self._last))
        if newest is not None and same(newest):
            return newest
        self._last += 1
        version = make(str(self._last))
        self.published[str(self._last)] = version
        return version

    def forget(self, version: str) -> V:
        """Removes a version.

        Raises:
            ApiError: ResourceNotFoundException; ResourceConflictException when an alias points to it.
        """
        if version not in self.published:
            raise ApiError("ResourceNotFoundException", f"Function not found: version {version}", 404)
        users = [one.name for one in self.aliases.values() if version in (one.version, *one.weights)]
        if users:
            message = f"Version {version} cannot be deleted: aliases point to it: {', '.join(users)}"
            raise ApiError("ResourceConflictException", message, 409)
        return self.published.pop(version)

    def put(self, alias: Alias, *, new: bool) -> Alias:
        """Keeps an alias.

        Args:
            new: whether it is to be made, or to be changed.

        Raises:
            ApiError: what Lambda refuses of an alias.
        """
        if not _ALIAS.fullmatch(alias.name):
            raise refused(f"Alias name {alias.name!r}: 1 to 128 letters, digits, - and _ are allowed, and no number.")
        if new and alias.name in self.aliases:
            raise ApiError("ResourceConflictException", f"Alias already exists: {alias.name}", 409)
        for version in (alias.version, *alias.weights):
            if version not in self.published and version != LATEST:
                raise ApiError("ResourceNotFoundException", f"Function not found: version {version}", 404)
        self._check_weights(alias)
        self.aliases[alias.name] = alias
        return alias

    def _check_weights(self, alias: Alias) -> None:
        if not alias.weights:
            return
        if len(alias.weights) > 1:
            raise refused(f"RoutingConfig: an alias has at most one other version; received {len(alias.weights)}.")
        [(other, weight)] = alias.weights.items()
        if LATEST in (alias.version, other):
            raise refused(f"RoutingConfig: an alias with weights cannot point to {LATEST}.")
        if other == alias.version:
            raise refused(f"RoutingConfig: version {other} is the one that the alias points to; name another.")
        if not 0.0 <= weight <= 1.0:
            raise refused(f"RoutingConfig: a weight is from 0.0 to 1.0; received {weight}.")
        if self.published[other].settings.role != self.published[alias.version].settings.role:
            raise refused("RoutingConfig: both versions must have the same execution role.")

    def alias(self, name: str) -> Alias:
        """The alias of that name.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        found = self.aliases.get(name)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Cannot find alias: {name}", 404)
        return found

    def kept(self) -> tuple[frozenset[str], dict[str, Alias]]:
        """What there is now, for ``restore``."""
        return frozenset(self.published), dict(self.aliases)

    def restore(self, kept: tuple[frozenset[str], dict[str, Alias]]) -> None:
        """Has the aliases of then, and no version that was published since."""
        versions, self.aliases = kept[0], dict(kept[1])
        for number in self.published.keys() - versions:
            self.published.pop(number).close()

    def close(self) -> None:
        """Ends every version."""
        for version in self.published.values():
            version.close()


def changed_alias(
    alias: Alias,
    *,
    version: object = None,
    description: object = None,
    routing: object = None,
    now: float,
) -> Alias:
    """An alias as a request changes it; what the request does not name stays.

    Args:
        routing: ``RoutingConfig`` of the request; one without weights takes them away.
        now: epoch seconds.

    Raises:
        ApiError: InvalidParameterValueException.
    """
    changes: dict[str, object] = {"modified_at": now}
    if version is not None:
        changes["version"] = str(version)
    if description is not None:
        changes["description"] = str(description)
    if routing is not None:
        weights = routing.get("AdditionalVersionWeights") if isinstance(routing, Mapping) else None
        if not isinstance(weights, Mapping | None) or any(
            isinstance(one, bool) or not isinstance(one, int | float) for one in (weights or {}).values()
        ):
            raise refused(f"RoutingConfig {routing!r}: AdditionalVersionWeights with a number for a version is needed.")
        changes["weights"] = {str(one): float(weight) for one, weight in (weights or {}).items()}
    return replace(alias, **changes)  # type: ignore[arg-type]


def split(name_or_arn: str) -> tuple[str, str]:
    """A function's name, and the version or alias that goes with it, from any form that Lambda takes.

    >>> split("moderate"), split("moderate:live")
    (('moderate', ''), ('moderate', 'live'))
    >>> split("arn:aws:lambda:us-east-1:000000000000:function:moderate:7")
    ('moderate', '7')
    >>> split("000000000000:function:moderate")
    ('moderate', '')
    """
    found = _ARN.fullmatch(name_or_arn)
    if found:
        return found["name"], found["qualifier"] or ""
    name, _, qualifier = name_or_arn.rpartition(":function:")[2].partition(":")
    return name, qualifier


def function_name(name_or_arn: str) -> str:
    """A function's name alone.

    >>> function_name("arn:aws:lambda:us-east-1:000000000000:function:moderate:live")
    'moderate'
    """
    return split(name_or_arn)[0]
