"""Two tenants of one user pool on the running content API: what each sees is its own."""

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from infra.local.twin import Twin
from tests.pipeline.hostile_requests import EVENT

POOL = {
    "PoolName": "platform",
    "Schema": [{"Name": "tenant", "AttributeDataType": "String", "Mutable": False}],
}


def pool_arn() -> str:
    """The pool's ARN in every run of the runtime: its id is made of its name and settings."""
    from moto.cognitoidp import models

    before = models.get_cognito_idp_user_pool_id_strategy
    models.get_cognito_idp_user_pool_id_strategy = lambda: "HASH"
    try:
        with mock_aws():
            made = boto3.client(
                "cognito-idp", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
            ).create_user_pool(**POOL)["UserPool"]["Id"]
    finally:
        models.get_cognito_idp_user_pool_id_strategy = before
    return f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{made}"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    given = {
        "ContentApiCallers": "cognito",
        "ContentUserPoolArn": pool_arn(),
        "ContentRequestsPerSecond": 10_000,
        "ShardCount": 1,
        "ContentWaiters": 2,
        "ContentChanges": "on",
    }
    with Twin(parameters=given, rights="enforced") as running:
        made = running.client("cognito-idp").create_user_pool(**POOL)["UserPool"]
        assert made["Arn"] == given["ContentUserPoolArn"]
        yield running


def token(twin: Twin, tenant: str | None, kind: str = "IdToken") -> str:
    cognito = twin.client("cognito-idp")
    pool = cognito.list_user_pools(MaxResults=1)["UserPools"][0]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    app = cognito.create_user_pool_client(UserPoolId=pool, ClientName="web", ExplicitAuthFlows=flows)["UserPoolClient"]
    name, attributes = tenant or "nobody", [{"Name": "custom:tenant", "Value": tenant}] if tenant else []
    if name not in [one["Username"] for one in cognito.list_users(UserPoolId=pool)["Users"]]:
        cognito.admin_create_user(UserPoolId=pool, Username=name, UserAttributes=attributes)
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password="Pass-word-1", Permanent=True)
    found: dict[str, str] = cognito.initiate_auth(
        ClientId=app["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": "Pass-word-1"},
    )["AuthenticationResult"]
    return found[kind]


def ask(twin: Twin, method: str, path: str, body: Any = None, authorization: str = "") -> tuple[int, Any]:
    at = urlsplit(twin.outputs["ContentApiUrl"])
    line = http.client.HTTPConnection(str(at.hostname), at.port, timeout=60)
    headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
    line.request(method, f"{at.path}{path}", json.dumps(body).encode() if body else b"", headers)
    answer = line.getresponse()
    status, document = answer.status, json.loads(answer.read())
    line.close()
    return status, document


def event(number: int, content_id: str) -> dict[str, Any]:
    ids = {"event_id": f"0192f3a4-7c1e-7000-8000-{number:012x}", "content_id": content_id}
    return {
        **EVENT,
        **ids,
        "created_at": datetime.now(UTC).isoformat(),
        "text": "You are a complete idiot.",
        "hold": True,
    }


def test_what_a_tenant_sends_in_no_other_tenant_reads_by_any_name_or_route(twin: Twin) -> None:
    acme, evil = token(twin, "acme"), token(twin, "evil")
    assert ask(twin, "POST", "/v1/content", event(1, "c:1"), acme)[0] == 202
    assert ask(twin, "POST", "/v1/content:batch", {"events": [event(2, "c:2")]}, acme)[0] == 202
    assert ask(twin, "POST", "/v1/content", event(3, "c:3"), evil)[0] == 202
    assert twin.drain(60)["drained"]
    for one in ("c:1", "c:2"):
        status, document = ask(twin, "GET", f"/v1/content/{one}", authorization=acme)
        assert (status, document["content_id"], document["action"]) == (200, one, "flag")
        for name in (one, f"acme:{one}", f"acme%3A{one}", f"evil:../acme:{one}", f"%2e%2e%2facme:{one}"):
            for route in ("", "/decision?wait=0"):
                status, document = ask(twin, "GET", f"/v1/content/{name}{route}", authorization=evil)
                assert status in (202, 400, 403)
                assert "action" not in document
    assert ask(twin, "GET", "/v1/content/c:1/decision?wait=0", authorization=acme)[1]["action"] == "flag"
    table, dynamodb = twin.outputs["StatusTableName"], twin.client("dynamodb")
    rows = {one["content_id"]["S"]: one for one in dynamodb.scan(TableName=table)["Items"]}
    assert {name: one["feed"]["S"] for name, one in rows.items()} == {
        "acme:c:1": "acme",
        "acme:c:2": "acme",
        "evil:c:3": "evil",
    }
    for number, row in enumerate(rows.values()):
        place = {"S": f"{1_000_000_000_000 + number:013d}-{number:032x}"}
        dynamodb.put_item(TableName=table, Item={**row, "changed": place})
    told = {name: ask(twin, "GET", "/v1/changes", authorization=given)[1] for name, given in (("a", acme), ("e", evil))}
    assert sorted(one["content_id"] for one in told["a"]["changes"]) == ["c:1", "c:2"]
    assert [one["content_id"] for one in told["e"]["changes"]] == ["c:3"]


def test_a_token_that_is_none_or_has_no_tenant_is_refused_on_every_route(twin: Twin) -> None:
    routes = [("POST", "/v1/content", event(9, "c:9")), ("GET", "/v1/content/c:1", None), ("GET", "/v1/changes", None)]
    routes.append(("GET", "/v1/content/c:1/decision?wait=0", None))
    good = token(twin, "acme")
    head, body, signature = good.split(".")
    for bad in ("", "x", f"{head}.{body}.{signature[::-1]}", f"{head}.{body}.", token(twin, "acme", "AccessToken")):
        assert {ask(twin, *route, authorization=bad)[0] for route in routes} == {401}
    assert {ask(twin, *route, authorization=token(twin, None))[0] for route in routes} == {403}
