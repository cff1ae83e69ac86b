"""Whether a call is allowed, by AWS's evaluation logic: what denies, what allows, and which policies have a say.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.rights.conditions import hold
from infra.rights.patterns import matches

Policy = Mapping[str, Any]
"""A policy document: ``Version`` and ``Statement``."""
Context = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Principal:
    """Who calls: a role or user by ``arn``, or a service by its name such as ``lambda.amazonaws.com``; one of the two.

    Args:
        account: 12 digits; of a service the account on whose behalf it calls.
    """

    arn: str = ""
    service: str = ""
    account: str = ""


@dataclass(frozen=True)
class Ask:
    """One action of one principal on one resource.

    Args:
        owner: the account of the resource, 12 digits.
        context: condition keys by name.
    """

    principal: Principal
    action: str
    resource: str
    owner: str
    context: Context = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Policies:
    """All policies that have a say in a call.

    Args:
        identity: of the principal, inline and attached.
        boundary: the principal's permissions boundary, if it has one.
        resource: the resource's own policy, if it has one: of a bucket, queue, key, function; of a role its trust.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    resource: Policy | None = None


@dataclass(frozen=True)
class Decision:
    """``allowed`` or not, and why in AWS's words."""

    allowed: bool
    why: str


_ONLY_BY_RESOURCE = ("kms:", "sts:AssumeRole")
"""A key and a role are closed to everyone, their own account as well, whom their policy does not let in."""


def decide(ask: Ask, policies: Policies) -> Decision:
    """Whether a call is allowed.

    Example::

        decide(Ask(role, "s3:GetObject", "arn:aws:s3:::b/k", "111122223333"), Policies(identity=[document])).allowed

    Raises:
        ConditionError: a condition that cannot be judged.
    """
    by_identity = [one for policy in policies.identity for one in _applying(policy, ask)]
    by_boundary = None if policies.boundary is None else list(_applying(policies.boundary, ask))
    by_resource, by_account = _of_resource(policies.resource, ask)
    for name, statements in (
        ("an identity-based policy", by_identity),
        ("a permissions boundary", by_boundary or []),
        ("a resource-based policy", by_resource + by_account),
    ):
        if any(one["Effect"] == "Deny" for one in statements):
            return Decision(False, f"with an explicit deny in {name}")
    named, through_account, identity = bool(by_resource), bool(by_account), bool(by_identity)
    if ask.principal.service:
        return Decision(named, "" if named else "because no resource-based policy allows the service")
    if by_boundary == []:
        # A policy of the resource that names the role is held by the boundary, too.
        return Decision(False, f"because no permissions boundary allows the {ask.action} action")
    if ask.principal.account != ask.owner:
        if identity and (named or through_account):
            return Decision(True, "")
        missing = "resource-based" if identity else "identity-based"
        return Decision(False, f"because no {missing} policy allows the {ask.action} action")
    if ask.action.startswith(_ONLY_BY_RESOURCE):
        allowed = named or (through_account and identity)
        return Decision(allowed, "" if allowed else f"because no resource-based policy allows the {ask.action} action")
    if identity or named:
        return Decision(True, "")
    return Decision(False, f"because no identity-based policy allows the {ask.action} action")


def _of_resource(policy: Policy | None, ask: Ask) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The statements that name the principal itself, and those that name its account only."""
    named: list[dict[str, Any]] = []
    account: list[dict[str, Any]] = []
    for one in _applying(policy, ask) if policy else ():
        how = _names(one, ask.principal)
        if how:
            (named if how == "itself" or one["Effect"] == "Deny" else account).append(one)
    return named, account


def _names(statement: Mapping[str, Any], principal: Principal) -> str:
    if "NotPrincipal" in statement:
        return "" if _listed_in(statement["NotPrincipal"], principal) else "itself"
    return _listed_in(statement.get("Principal", {}), principal)


def _listed_in(given: Any, principal: Principal) -> str:
    if given == "*":
        return "itself"
    if principal.service:
        return "itself" if principal.service in _listed(given.get("Service", [])) else ""
    accounts = {f"arn:aws:iam::{principal.account}:root", principal.account}
    found = _listed(given.get("AWS", []))
    if principal.arn in found or "*" in found:
        return "itself"
    return "account" if accounts & set(found) else ""


def _applying(policy: Policy, ask: Ask) -> Iterator[dict[str, Any]]:
    for one in _listed(policy.get("Statement", [])):
        if _concerns(one, ask):
            yield one


def _concerns(one: Mapping[str, Any], ask: Ask) -> bool:
    action = ask.action.lower()
    if "Action" in one:
        if not any(matches(str(pattern).lower(), action) for pattern in _listed(one["Action"])):
            return False
    elif any(matches(str(pattern).lower(), action) for pattern in _listed(one["NotAction"])):
        return False
    if "Resource" in one:
        if not any(matches(str(pattern), ask.resource) for pattern in _listed(one["Resource"])):
            return False
    elif "NotResource" in one and any(matches(str(pattern), ask.resource) for pattern in _listed(one["NotResource"])):
        return False
    return hold(one.get("Condition", {}), ask.context)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
