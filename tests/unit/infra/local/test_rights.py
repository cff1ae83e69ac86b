"""Calls at the door of the runtime, judged by the policies that roles, buckets and queues have at that moment."""

import json
import threading
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from infra.local.gateway_rights import GatewayRights
from infra.local.moto_backend import MotoBackend
from infra.local.rights import AccessDeniedError, GuardedDoor, Rights, Used
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


KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
LAKE = "arn:aws:s3:::lake/a"


def encrypted(key: str = KEY, *, bucket_key: bool = True) -> World:
    """A bucket, a queue, a table and a stream with a customer key, whose policy leaves it to IAM."""
    world = World()
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    world.backends.kept["kms"].keys["k"] = SimpleNamespace(
        arn=KEY, aliases={}, policy=policy("Allow", "kms:*", "*", Principal=root)
    )
    given = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": given, "BucketKeyEnabled": str(bucket_key).lower()}
    world.backends.kept["s3"].buckets["lake"].encryption = {"Rule": rule}
    world.backends.kept["sqs"].queues["q"].kms_master_key_id = key
    world.backends.kept["dynamodb"] = SimpleNamespace(
        tables={"t": SimpleNamespace(sse_specification={"KMSMasterKeyId": key})}
    )
    world.rights.keys.of_stream = lambda name: key if name == "s" else ""
    for action in ("kinesis:*", "s3:*", "sqs:*", "dynamodb:*"):
        world.grants("Allow", action, "*")
    return world


def through(world: World, service: str, *actions: str) -> None:
    """Grants the role the key through one service."""
    condition = {"StringEquals": {"kms:ViaService": f"{service}.eu-west-1.amazonaws.com"}}
    for action in actions:
        world.backends.role.policies[f"{service}-{action}"] = policy("Allow", action, KEY, Condition=condition)
    world.rights.forget("iam:PutRolePolicy")


@pytest.mark.parametrize(
    ("action", "resource", "service", "needed"),
    [("kinesis:PutRecords", f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s", "kinesis", ["kms:GenerateDataKey"]),
     ("kinesis:GetRecords", f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s", "kinesis", ["kms:Decrypt"]),
     ("s3:GetObject", LAKE, "s3", ["kms:Decrypt"]),
     ("s3:PutObject", LAKE, "s3", ["kms:Decrypt", "kms:GenerateDataKey"]),
     ("sqs:SendMessage", QUEUE, "sqs", ["kms:Decrypt", "kms:GenerateDataKey"]),
     ("sqs:ReceiveMessage", QUEUE, "sqs", ["kms:Decrypt"]),
     ("dynamodb:GetItem", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/t", "dynamodb", ["kms:Decrypt"])],
)  # fmt: skip
def test_what_is_encrypted_with_a_customer_key_needs_the_key_through_its_own_service(
    action: str, resource: str, service: str, needed: list[str]
) -> None:
    world = encrypted()
    need = Need(action, resource)
    other = "s3" if service != "s3" else "sqs"
    through(world, other, *needed)
    with pytest.raises(AccessDeniedError, match="kms:"):
        world.rights.require(ROLE, need)
    through(world, service, *needed)
    world.rights.require(ROLE, need)
    via = f"{service}.eu-west-1.amazonaws.com"
    assert {one for one in world.rights.used if one.via == via} == {Used(ROLE, one, KEY, via) for one in needed}
    for one in needed:  # each of them is needed
        del world.backends.role.policies[f"{service}-{one}"]
        world.rights.forget("iam:DeleteRolePolicy")
        with pytest.raises(AccessDeniedError, match=one):
            world.rights.require(ROLE, need)
        through(world, service, one)


def test_a_refusal_of_the_key_is_told_at_the_door() -> None:
    status, answer = encrypted().puts()
    assert status == "400 Bad Request"
    assert b"not authorized to perform: kms:GenerateDataKey on resource: " + KEY.encode() in answer


@pytest.mark.parametrize("given", ["k", KEY, "alias/mine"])
def test_a_key_is_known_by_its_id_its_arn_and_its_alias(given: str) -> None:
    world = encrypted(given)
    world.backends.kept["kms"].keys["k"].aliases["alias/mine"] = object()
    assert [one.resource for one in world.rights.keys.needs(Need("s3:GetObject", LAKE))] == [KEY]


def test_a_key_of_aws_needs_no_right() -> None:
    world = encrypted("alias/aws/kinesis")
    world.rights.require(ROLE, Need("s3:GetObject", LAKE))
    world = encrypted()
    world.backends.kept["kms"].keys["k"].aliases["alias/aws/dynamodb"] = object()
    world.rights.require(ROLE, Need("s3:PutObject", LAKE))
    assert {one.action for one in world.rights.used} == {"s3:PutObject"}


def test_what_does_not_see_data_needs_no_key() -> None:
    for need in (Need("s3:ListBucket", "arn:aws:s3:::lake"), Need("sqs:DeleteMessage", QUEUE)):
        assert encrypted().rights.keys.needs(need) == []


def test_a_key_that_is_not_there_lets_nobody_in() -> None:
    world = encrypted()
    through(world, "s3", "kms:Decrypt")
    world.backends.kept["kms"].keys.clear()
    with pytest.raises(AccessDeniedError, match="no resource-based policy allows the kms:Decrypt"):
        world.rights.require(ROLE, Need("s3:GetObject", LAKE))


@pytest.mark.parametrize(("whole", "about"), [(True, "arn:aws:s3:::lake"), (False, LAKE)])
def test_the_context_of_an_object_is_its_bucket_when_that_has_a_key(whole: bool, about: str) -> None:
    [need] = encrypted(bucket_key=whole).rights.keys.needs(Need("s3:GetObject", LAKE))
    assert need.context["kms:EncryptionContext:aws:s3:arn"] == about


def trust(service: str, **condition: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps(
        {"Statement": [{**statement, **({"Condition": {"StringEquals": condition}} if condition else {})}]}
    )


def test_api_gateway_acts_as_a_role_that_trusts_it_and_as_no_other() -> None:
    world = World()
    gateway = GatewayRights(world.rights, lambda arn: None)
    assert not gateway.assumes("")
    for document, allowed in (
        (trust("lambda.amazonaws.com"), False),
        (trust("apigateway.amazonaws.com"), True),
        (trust("apigateway.amazonaws.com", **{"aws:SourceAccount": ACCOUNT}), True),
        (trust("apigateway.amazonaws.com", **{"aws:SourceAccount": "999999999999"}), False),
    ):
        world.backends.role.assume_role_policy_document = document
        assert gateway.assumes(ROLE) is allowed
    assert GatewayRights(World(enforced=False).rights, lambda arn: None).assumes(ROLE)


def test_who_signed_a_request_calls_the_methods_that_its_role_names() -> None:
    world = World()
    gateway = GatewayRights(world.rights, lambda arn: None)
    api = f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:a1/live"
    world.grants("Allow", "execute-api:Invoke", f"{api}/GET/*")

    def signed(key: str) -> str:
        return f"AWS4-HMAC-SHA256 Credential={key}/20261130/eu-west-1/execute-api/aws4_request, SignedHeaders=host"

    assert gateway.invokes(signed(key_of(ROLE)), f"{api}/GET/v1/content/5")
    assert not gateway.invokes(signed(key_of(ROLE)), f"{api}/POST/v1/content")
    assert gateway.invokes(signed("test"), f"{api}/POST/v1/content")
    assert world.rights.used[Used(ROLE, "execute-api:Invoke", f"{api}/POST/v1/content")] is False


def test_a_function_is_called_by_the_methods_that_its_own_policy_names() -> None:
    function, api = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f", f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:a1"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": function,
        "Condition": {"ArnLike": {"AWS:SourceArn": f"{api}/live/GET/v1/content/*/decision"}},
    }
    policies: dict[str, dict[str, Any]] = {}
    gateway = GatewayRights(World().rights, policies.get)
    method = f"{api}/live/GET/v1/content/{{id}}/decision"
    assert not gateway.calls(function, method)
    policies[function] = {"Statement": [statement]}
    assert gateway.calls(function, method)
    assert not gateway.calls(function, f"{api}/live/POST/v1/content")
