"""Whose call a call is, which rights it uses, and whether the stack grants them: IAM, as far as calls come in here.

Functions sign with a key of their role; whoever assumes a role by STS signs with the keys that it gave. Other keys are
the account's own administrator, as on a fresh account. What delivery streams and mappings do with their roles does not
come in as a call; they say it themselves.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from infra.local.calls import Call, call_of
from infra.local.errors import XML_SERVICES, error_body
from infra.local.keys import Keys
from infra.local.moto_backend import MotoBackend
from infra.rights.evaluation import Ask, Decision, Policies, Policy, Principal, decide
from infra.rights.keys import key_of
from infra.rights.needs import Need, Where, needs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEPT = 10_000
"""Rights and decisions that are kept: keys of objects are without end, and memory is not."""
_NO_RIGHTS = frozenset({"sts:GetCallerIdentity"})
"""Allowed to everybody. Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
_CHANGES_RIGHTS = ("iam:", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "sqs:SetQueueAttributes", "kms:PutKeyPolicy")


class Used(NamedTuple):
    """A right that was used, or asked for in vain: the role's ARN, the action, the resource; of a key, through what."""

    principal: str
    action: str
    resource: str
    via: str = ""


class AccessDeniedError(Exception):
    """A role may not do what a part of the runtime does for it."""


class Rights:
    """The rights that calls use, and those that the stack grants.

    Args:
        moto: where roles, buckets, queues and keys keep their policies.
        where: this account and region.
        enforced: whether a call without a right is refused.
        roles: the ARNs of the roles that functions run as, at this moment.
    """

    def __init__(
        self, moto: MotoBackend, where: Where, *, enforced: bool, roles: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._moto = moto
        self.where = where
        self.roles = roles
        self.keys = Keys(moto, where)
        self.enforced = enforced
        self.used: dict[Used, bool] = {}
        """What was used first, up to 10,000 rights, and whether the stack grants it."""
        self.made: Callable[[str, Mapping[str, Any]], None] = lambda name, given: None
        """Told of each delivery stream that is made: its name, and the call's parameters."""
        self._decisions: dict[Any, Decision] = {}
        self._lock = threading.Lock()

    def principal(self, access_key: str) -> str:
        """The ARN of the role that a key belongs to; empty for the account's administrator."""
        if access_key.startswith("ASIA"):
            for role in self.roles():
                if key_of(role) == access_key:
                    return role
            for assumed in self._moto.backend("sts").assumed_roles:
                if assumed.access_key_id == access_key:
                    return str(assumed.role_arn)
        return ""

    def uses(self, role: str, need: Need) -> Decision:
        """Notes that a role uses a right, and says whether it is granted."""
        asked = (role, need.action, need.resource, tuple(sorted(need.context.items())))
        with self._lock:
            decision = self._decisions.get(asked)
        if decision is None:
            decision = self._decide(role, need)
            with self._lock:
                if len(self._decisions) >= KEPT:
                    self._decisions.clear()
                self._decisions[asked] = decision
        used = Used(role, need.action, need.resource, str(need.context.get("kms:ViaService", "")))
        with self._lock:
            if used in self.used or len(self.used) < KEPT:
                self.used[used] = decision.allowed
        return decision

    def require(self, role: str, need: Need) -> None:
        """Notes that a role uses a right, and the key of what it is on.

        Raises:
            AccessDeniedError: rights are enforced, and it has not got this one.
        """
        for one in self.with_keys(need):
            decision = self.uses(role, one)
            if self.enforced and not decision.allowed:
                raise AccessDeniedError(refusal(role, one, decision))

    def with_keys(self, need: Need) -> list[Need]:
        """A right, and those on the customer key that its resource is encrypted with."""
        return [need, *self.keys.needs(need)]

    def forget(self, action: str) -> None:
        """Judges anew after an action that may have changed who may do what."""
        if action.startswith(_CHANGES_RIGHTS):
            with self._lock:
                self._decisions.clear()

    def of_call(self, call: Call) -> list[Need]:
        """The rights that a call needs."""
        found = needs(call.service, call.operation, call.given, self.where)
        return [all_of for one in found if one.action not in _NO_RIGHTS for all_of in self.with_keys(one)]

    def _decide(self, role: str, need: Need) -> Decision:
        account = self.where.account
        context = {"aws:SecureTransport": "true", "aws:PrincipalArn": role, "aws:PrincipalAccount": account}
        context["kms:CallerAccount"] = account
        ask = Ask(
            Principal(arn=role, account=(role.split(":") + [""] * 5)[4] or account),
            need.action,
            need.resource,
            account,
            {**context, **need.context},
        )
        return decide(ask, self._policies(role, need.resource))

    def _policies(self, role: str, resource: str) -> Policies:
        iam = self._moto.backend("iam")
        with self._moto.lock("iam"):
            found = next((one for one in iam.roles.values() if one.arn == role), None)
            if found is None:
                return Policies(resource=self.of_resource(resource))
            identity = [_document(one) for one in found.policies.values()]
            identity += [_document(one.document) for one in found.managed_policies.values()]
            boundary = found.permissions_boundary_arn
            limit = _document(iam.managed_policies[boundary].document) if boundary in iam.managed_policies else None
        return Policies(identity, limit, self.of_resource(resource))

    def of_resource(self, resource: str) -> Policy | None:
        """The policy of a bucket, queue or key, or the trust policy of a role, by its ARN; None when it has none."""
        service, name = resource.split(":")[2] if resource.startswith("arn:") else "", resource.rpartition(":")[2]
        found: Any = None
        if service == "s3":
            bucket = self._moto.backend("s3").buckets.get(name.partition("/")[0])
            found = bucket.policy if bucket else None
        elif service == "sqs":
            queue = self._moto.backend("sqs").queues.get(name)
            found = queue.policy if queue else None
        elif service == "kms":
            key = self._moto.backend("kms").keys.get(name.rpartition("/")[2])
            found = key.policy if key else None
        elif service == "iam" and name.startswith("role/"):
            roles = self._moto.backend("iam").roles.values()
            found = next((one.assume_role_policy_document for one in roles if one.arn == resource), None)
        return _document(found) if found else None


class GuardedDoor:
    """A WSGI application whose calls are noted with the rights that they use and, when that is so, refused.

    Args:
        application: answers the calls.
        rights: judges them.
    """

    def __init__(self, application: "WSGIApplication", rights: Rights) -> None:
        self._application = application
        self._rights = rights

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if str(environ.get("PATH_INFO", "")).startswith("/_twin/"):
            return self._application(environ, start_response)
        call = _call(environ)
        if call is None:
            return self._application(environ, start_response)
        role = self._rights.principal(_access_key(environ))
        for need in self._rights.of_call(call) if role else ():
            decision = self._rights.uses(role, need)
            if self._rights.enforced and not decision.allowed:
                return _refuse(start_response, call.service, refusal(role, need, decision))
        if call.operation == "CreateDeliveryStream":
            # Before it is made: it may begin to read at once.
            self._rights.made(str(call.given.get("DeliveryStreamName")), call.given)
        answer = self._application(environ, start_response)
        self._rights.forget(f"{call.service}:{call.operation}")
        return answer


def refusal(role: str, need: Need, decision: Decision) -> str:
    """What AWS says when it refuses.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

    >>> refusal("arn:aws:iam::1:role/r", Need("s3:GetObject", "arn:aws:s3:::b/k"), Decision(False, "because of this"))
    'User: arn:aws:sts::1:assumed-role/r/session is not authorized to perform: s3:GetObject on resource: \
arn:aws:s3:::b/k because of this'
    """
    name = role.rpartition("/")[2]
    who = f"arn:aws:sts::{role.split(':')[4]}:assumed-role/{name}/session"
    return (
        f"User: {who} is not authorized to perform: {need.action} on resource: {need.resource} {decision.why}".strip()
    )


def _call(environ: "WSGIEnvironment") -> Call | None:
    _, _, rest = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")
    scope = rest.partition(",")[0].split("/")
    signed_for = scope[-2].lower() if len(scope) >= 5 else ""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    path, _, query = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")
    body = b""
    # The body of an object is no parameter, and may be large.
    if target or environ.get("REQUEST_METHOD") == "POST":
        length = str(environ.get("CONTENT_LENGTH") or "0")
        body = bytes(environ["wsgi.input"].read(int(length))) if length.isdigit() else b""
        environ["wsgi.input"] = BytesIO(body)
    return call_of(
        method=str(environ.get("REQUEST_METHOD", "GET")),
        target=target,
        path=path,
        query=query or str(environ.get("QUERY_STRING", "")),
        headers={
            name[5:].lower().replace("_", "-"): str(value) for name, value in environ.items() if name[:5] == "HTTP_"
        },
        body=body,
        signed_for=signed_for,
    )


def _access_key(environ: Mapping[str, Any]) -> str:
    _, found, rest = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")
    return rest.partition("/")[0] if found else ""


def _refuse(start_response: "StartResponse", service: str, message: str) -> Iterable[bytes]:
    code, status = (
        ("AccessDenied", 403) if service in XML_SERVICES or service == "sqs" else ("AccessDeniedException", 400)
    )
    if service == "lambda":
        status = 403
    kind, body = error_body(service, code, message)
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", str(uuid4()))]
    start_response(
        f"{status} {'Forbidden' if status == 403 else 'Bad Request'}", [*headers, ("x-amzn-ErrorType", code)]
    )
    return [body]


def _document(text: Any) -> Policy:
    found: Policy = json.loads(text) if isinstance(text, str | bytes) else text
    return found
