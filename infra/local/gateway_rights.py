"""The rights of REST APIs and their callers: what signed requests may call, and what an API does with its roles.

What an integration asks of a service comes in as a call that is signed with its role's key, and is judged like every
other one.
"""

from collections.abc import Callable

from infra.local.rights import Rights
from infra.rights.evaluation import Ask, Policies, Policy, Principal, decide
from infra.rights.needs import Need

_GATEWAY = "apigateway.amazonaws.com"


class GatewayRights:
    """Judges what a stage asks, by the policies of callers, roles and functions.

    Args:
        rights: of the runtime; where they are only recorded, nothing is refused.
        policy_of: a function's own policy by its ARN; None when it has none.
    """

    def __init__(self, rights: Rights, policy_of: Callable[[str], Policy | None]) -> None:
        self._rights = rights
        self._policy_of = policy_of

    def invokes(self, authorization: str, method: str) -> bool:
        """Whether who signed a request may call a method. Keys of no role are the account's administrator."""
        role = self._rights.principal(authorization.partition("Credential=")[2].partition("/")[0])
        if not role:
            return True
        decision = self._rights.uses(role, Need("execute-api:Invoke", method))
        return decision.allowed or not self._rights.enforced

    def assumes(self, role: str) -> bool:
        """Whether a role's trust policy lets API Gateway act as it."""
        return not self._rights.enforced or (
            bool(role) and self._lets_in("sts:AssumeRole", role, self._rights.of_resource(role), {})
        )

    def calls(self, function: str, method: str) -> bool:
        """Whether a function's policy lets a method call it."""
        if not self._rights.enforced:
            return True
        return self._lets_in("lambda:InvokeFunction", function, self._policy_of(function), {"aws:SourceArn": method})

    def _lets_in(self, action: str, resource: str, policy: Policy | None, context: dict[str, str]) -> bool:
        account = self._rights.where.account
        about = {"aws:SourceAccount": account, "aws:SecureTransport": "true", **context}
        ask = Ask(Principal(service=_GATEWAY, account=account), action, resource, account, about)
        return decide(ask, Policies(resource=policy)).allowed
