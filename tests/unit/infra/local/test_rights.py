"""Calls at the door of the runtime, judged by the policies that roles, buckets and queues have at that moment."""

import json
import threading
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from infra.local.moto_backend import MotoBackend
from infra.local.rights import GuardedDoor, Rights, Used
from infra.rights.keys import key_of
from infra.rights.needs import Need, Where

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"


def policy(effect: str, action: str, resource: str, **more: Any) -> str:
    return json.dumps({"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]})


class Backends:
    """What the services keep, without the services."""

    def __init__(self) -> None:
        self.role = SimpleNamespace(
            arn=ROLE, policies={}, managed_policies={}, permissions_boundary_arn=None, assume_role_policy_document="{}"
        )
        self.kept: dict[str, Any] = {
            "iam": SimpleNamespace(roles={"id": self.role}, managed_policies={}),
            "sts": SimpleNamespace(assumed_roles=[]),
            "s3": SimpleNamespace(buckets={"lake": SimpleNamespace(policy=None, encryption=None)}),
            "sqs": SimpleNamespace(queues={"q": SimpleNamespace(policy=None, kms_master_key_id=None)}),
            "kms": SimpleNamespace(keys={}),
        }

    def backend(self, service: str) -> Any:
        return self.kept[service]

    def lock(self, service: str) -> threading.RLock:
        return threading.RLock()


class World:
    """A door with rights before an application that answers everything with "done"."""

    def __init__(self, *, enforced: bool = True) -> None:
        self.backends = Backends()
        where = Where(ACCOUNT, "eu-west-1")
        self.rights = Rights(cast("MotoBackend", self.backends), where, enforced=enforced, roles=lambda: [ROLE])
        self.door = GuardedDoor(self._answer, self.rights)
        self.reached = 0
        self.body = b""

    def _answer(self, environ: Any, start_response: Any) -> list[bytes]:
        self.reached += 1
        self.body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [b"done"]

    def grants(self, effect: str, action: str, resource: str) -> None:
        self.backends.role.policies[f"p{len(self.backends.role.policies)}"] = policy(effect, action, resource)
        self.rights.forget("iam:PutRolePolicy")

    def asks(
        self,
        service: str,
        *,
        target: str = "",
        path: str = "/",
        body: bytes = b"",
        key: str = key_of(ROLE),
        method: str = "POST",
    ) -> tuple[str, bytes]:
        said: list[str] = []
        scope = f"AWS4-HMAC-SHA256 Credential={key}/20261130/eu-west-1/{service}/aws4_request, SignedHeaders=host"
        environ = {
            "HTTP_AUTHORIZATION": scope,
            "HTTP_X_AMZ_TARGET": target,
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "RAW_URI": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
        answer = b"".join(self.door(cast("Any", environ), cast("Any", lambda line, headers: said.append(line))))
        return said[0], answer

    def puts(self) -> tuple[str, bytes]:
        return self.asks("kinesis", target="Kinesis_20131202.PutRecords", body=b'{"StreamName": "s", "Records": []}')


def test_a_call_without_the_right_is_refused_as_aws_refuses_it() -> None:
    world = World()
    status, answer = world.puts()
    assert status == "400 Bad Request"
    assert msgspec.json.decode(answer) == {
        "__type": "AccessDeniedException",
        "message": f"User: arn:aws:sts::{ACCOUNT}:assumed-role/reader/session is not authorized to perform: "
        f"kinesis:PutRecords on resource: arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s "
        "because no identity-based policy allows the kinesis:PutRecords action",
    }
    assert world.reached == 0


def test_a_call_with_the_right_reaches_the_service_with_its_body() -> None:
    world = World()
    world.grants("Allow", "kinesis:Put*", "*")
    assert world.puts() == ("200 OK", b"done")
    assert world.body == b'{"StreamName": "s", "Records": []}'
    world.grants("Deny", "kinesis:*", "*")
    assert b"with an explicit deny in an identity-based policy" in world.puts()[1]


@pytest.mark.parametrize(
    ("service", "path", "status", "form"),
    [("s3", "/lake/a", "403 Forbidden", b"<Error><Code>AccessDenied</Code>"),
     ("lambda", "/2015-03-31/functions/f/invocations", "403 Forbidden", b'"AccessDeniedException"')],
)  # fmt: skip
def test_each_service_refuses_in_its_own_form(service: str, path: str, status: str, form: bytes) -> None:
    said, answer = World().asks(service, path=path, method="GET" if service == "s3" else "POST")
    assert said == status
    assert form in answer


def test_whoever_has_no_role_is_the_administrator() -> None:
    world = World()
    assert world.asks("s3", path="/lake/a", method="GET", key="test")[0] == "200 OK"
    assert world.rights.used == {}


def test_who_assumed_a_role_calls_as_the_role() -> None:
    world = World()
    world.backends.kept["sts"].assumed_roles.append(SimpleNamespace(access_key_id="ASIAOTHER", role_arn=ROLE))
    assert world.asks("s3", path="/lake/a", method="GET", key="ASIAOTHER")[0] == "403 Forbidden"


def test_what_is_only_recorded_is_not_refused() -> None:
    world = World(enforced=False)
    world.grants("Allow", "s3:GetObject", "arn:aws:s3:::lake/*")
    assert world.puts()[0] == "200 OK"
    assert world.asks("s3", path="/lake/a", method="GET")[0] == "200 OK"
    stream = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s"
    assert world.rights.used == {
        Used(ROLE, "kinesis:PutRecords", stream): False,
        Used(ROLE, "s3:GetObject", "arn:aws:s3:::lake/a"): True,
    }


def test_policies_of_buckets_and_queues_have_their_say() -> None:
    world = World()
    world.grants("Allow", "*", "*")
    world.backends.kept["s3"].buckets["lake"].policy = policy(
        "Deny", "s3:GetObject", "arn:aws:s3:::lake/secret/*", Principal="*"
    )
    tls = policy("Deny", "sqs:*", QUEUE, Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    world.backends.kept["sqs"].queues["q"].policy = tls
    assert world.rights.uses(ROLE, Need("s3:GetObject", "arn:aws:s3:::lake/a")).allowed
    assert not world.rights.uses(ROLE, Need("s3:GetObject", "arn:aws:s3:::lake/secret/a")).allowed
    assert world.rights.uses(ROLE, Need("sqs:SendMessage", QUEUE)).allowed


def test_a_boundary_and_managed_policies_count() -> None:
    world = World()
    world.backends.role.managed_policies["m"] = SimpleNamespace(document=policy("Allow", "s3:*", "*"))
    read = Need("s3:GetObject", "arn:aws:s3:::lake/a")
    assert world.rights.uses(ROLE, read).allowed
    world.backends.kept["iam"].managed_policies["b"] = SimpleNamespace(document=policy("Allow", "sqs:*", "*"))
    world.backends.role.permissions_boundary_arn = "b"
    world.rights.forget("iam:PutRolePermissionsBoundary")
    assert not world.rights.uses(ROLE, read).allowed


def test_everybody_may_ask_who_they_are() -> None:
    assert World().asks("sts", body=b"Action=GetCallerIdentity&Version=2011-06-15")[0] == "200 OK"
    assert World().asks("sts", body=b"Action=AssumeRole&RoleArn=" + ROLE.encode())[0] == "403 Forbidden"


def test_what_is_noted_has_a_bound() -> None:
    world = World()
    for number in range(10_050):
        world.rights.uses(ROLE, Need("s3:GetObject", f"arn:aws:s3:::lake/{number}"))
    assert len(world.rights.used) == 10_000
