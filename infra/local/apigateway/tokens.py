"""Tokens of a user pool: their signature, their issuer and their time, as the gateway's authorizer looks at them.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from collections.abc import Callable, Mapping
from typing import Any

Keys = Callable[[str], Mapping[str, Any] | None]
"""The public keys (JWKS) of a user pool by its ARN; None where there is no such pool."""
_ALGORITHM = "RS256"
"""The only one that Cognito signs with; a token that names another, or none, is not read."""


def claims_of(token: str, *, pools: tuple[str, ...], keys: Keys, now: float) -> dict[str, str] | None:
    """The claims of an identity token as texts; None when it is not good.

    Args:
        token: as the header Authorization holds it, with or without ``Bearer``.
        pools: ARNs of the pools that may have made it.
        keys: of a pool.
        now: epoch seconds.
    """
    # Imported here: it takes a second, which only a stack with a user pool has to pay.
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    for pool in pools:
        found = keys(pool)
        if found is None:
            continue
        try:
            keyed = KeySet.import_key_set({"keys": found["keys"]})
            claims = jwt.decode(token.removeprefix("Bearer ").strip(), keyed, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError):
            continue
        region, name = pool.split(":")[3], pool.rpartition("/")[2]
        expires = claims.get("exp")
        if (
            claims.get("iss") == f"https://cognito-idp.{region}.amazonaws.com/{name}"
            and claims.get("token_use") == "id"
            and isinstance(expires, int | float)
            and expires > now
        ):
            return {str(key): value if isinstance(value, str) else str(value) for key, value in claims.items()}
    return None
