"""Tokens of a user pool: which are good, and what of a bad one is seen."""

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from infra.local.apigateway.tokens import claims_of

POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_a"
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a"
KEY = RSAKey.generate_key(2048, parameters={"kid": "k"})
PUBLIC = {"keys": [{**KEY.as_dict(private=False), "kid": "k"}]}
NOW = 1_790_000_000.0
GOOD = {"iss": ISSUER, "token_use": "id", "exp": NOW + 60, "custom:tenant": "acme"}


def signed(key: Any = KEY, kid: str = "k", **claims: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": kid}, {**GOOD, **claims}, key)


def read(token: str, *pools: str) -> dict[str, str] | None:
    return claims_of(token, pools=pools or (POOL,), keys=lambda arn: PUBLIC if arn == POOL else None, now=NOW)


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_a_good_token_tells_its_claims(prefix: str) -> None:
    claims = read(prefix + signed())
    assert claims is not None
    assert claims["custom:tenant"] == "acme"
    assert read(signed(), "arn:aws:cognito-idp:us-east-1:000000000000:userpool/other", POOL) == claims


def test_a_token_is_good_for_a_time_for_a_pool_and_as_an_identity_only() -> None:
    wrong: list[dict[str, Any]] = [
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"iss": ISSUER + "b"},
        {"iss": None},
        {"token_use": "access"},
        {"token_use": None},
    ]
    assert [one for one in wrong if read(signed(**one)) is not None] == []
    assert read(signed(), "arn:aws:cognito-idp:us-east-1:000000000000:userpool/other") is None


def test_a_token_that_the_pool_did_not_sign_is_none() -> None:
    head, body, signature = signed().split(".")
    other = base64.urlsafe_b64encode(json.dumps({**GOOD, "custom:tenant": "evil"}).encode()).decode().rstrip("=")
    nothing = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    keyed = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k"}').decode().rstrip("=")
    mac = hmac.new(KEY.as_pem(private=False), f"{keyed}.{body}".encode(), "sha256").digest()
    tokens = [
        "",
        "x",
        "a.b.c",
        f"{head}.{other}.{signature}",
        f"{nothing}.{body}.",
        f"{head}.{body}.",
        signed(RSAKey.generate_key(2048), "k"),
        signed(kid="another"),
        f"{keyed}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}",
    ]
    assert [token for token in tokens if read(token) is not None] == []
