"""The webhook's contract: what a receiver is sent, how it is signed, and what it may answer.

The signature is that of Standard Webhooks, so that a library for it in any language can check one. Beside it, a header
names the keys that were used, so that a receiver can say which of two keys it still needs.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from glue.contract import Identifier, Notice
from glue.vocabulary import Done

WEBHOOK_VERSION = 1
ID, TIMESTAMP, SIGNATURE, KEY_ID = "webhook-id", "webhook-timestamp", "webhook-signature", "webhook-key-id"
"""The headers that are signed with; a key id and a signature for each key, in the same order, with spaces between."""
TOLERANCE_SECONDS = 300
"""How far the time stamp may be from the receiver's clock: what was recorded on the way is worth nothing later."""
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
MAX_ANSWER_BYTES = 16 * 1024


class VerdictMessage(Struct, frozen=True):
    """The body of a request: one verdict that the receiver has to act on. Ids and labels only, never the text.

    A later version may add fields, which a receiver leaves aside; it takes none away and changes the meaning of none.
    """

    type: Literal["content.verdict"]
    schema_version: Annotated[int, Meta(ge=1, description="of this message; it grows when a field is added")]
    id: Annotated[str, Meta(description="of this delivery, the same in every retry: leave out what you have had")]
    timestamp: Annotated[str, Meta(description="when the verdict was made, RFC 3339, in UTC")]
    data: Notice


class Answer(Struct, frozen=True):
    """What a receiver may answer with status 200: what it did. Other fields are left aside."""

    done: Annotated[Done, Meta(description="what became of the content")]
    reference: Annotated[Identifier | None, Meta(description="the receiver's own id of what it did")] = None


class SignatureError(ValueError):
    """A request that must not be believed; the message says why, and holds nothing of the secret or the body."""


def secret_bytes(secret: str) -> bytes:
    """The bytes of a secret in its written form.

    Args:
        secret: ``whsec_`` and base64 of 24 to 64 bytes.

    Raises:
        ValueError: it is of another form; the message does not repeat it.

    >>> len(secret_bytes("whsec_" + "A" * 32))
    24
    """
    try:
        raw = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not secret.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(raw) <= MAX_SECRET_BYTES:
        raise ValueError(
            f"a secret of another form; allowed: {SECRET_PREFIX} and base64 of {MIN_SECRET_BYTES} to "
            f"{MAX_SECRET_BYTES} bytes"
        )
    return raw


def sign(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """The signature of one request under one secret.

    Args:
        message_id: value of the header ``webhook-id``.
        timestamp: value of ``webhook-timestamp``, seconds since 1970.
        body: the bytes as they are sent.
        secret: see :func:`secret_bytes`.

    >>> sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}',
    ...      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(message_id: str, timestamp: int, body: bytes, keys: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request, signed with every key.

    Args:
        keys: secrets by key id, at least one.
    """
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp),
        KEY_ID: " ".join(keys),
        SIGNATURE: " ".join(sign(message_id, timestamp, body, secret) for secret in keys.values()),
    }


def verify(
    headers: Mapping[str, str],
    body: bytes,
    keys: Mapping[str, str],
    now: float,
    *,
    tolerance: float = TOLERANCE_SECONDS,
) -> VerdictMessage:
    """The message in a request, once it is certain who sent it, and that it is new and unaltered.

    Args:
        headers: of the request; upper and lower case are the same.
        body: the bytes as they came, not decoded and encoded again.
        keys: secrets by key id; one of them has to match.
        now: seconds since 1970.
        tolerance: how many seconds the time stamp may be off.

    Raises:
        SignatureError: answer with 401 and do nothing. A message may come twice all the same, with one id.

    >>> verify({}, b"", {}, 0.0)
    Traceback (most recent call last):
    glue.webhooks.SignatureError: the header webhook-id is missing
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, KEY_ID, SIGNATURE):
        if not given.get(name):
            raise SignatureError(f"the header {name} is missing")
    written = given[TIMESTAMP]
    if not (written.isascii() and written.isdigit() and len(written) <= 12):
        raise SignatureError(f"{TIMESTAMP} is not a whole number of seconds since 1970")
    timestamp = int(written)
    if abs(now - timestamp) > tolerance:
        raise SignatureError(f"{TIMESTAMP} is {abs(now - timestamp):.0f} seconds off; allowed: {tolerance:.0f}")
    pairs = list(zip(given[KEY_ID].split(), given[SIGNATURE].split(), strict=False))
    known = [(key, signature) for key, signature in pairs if key in keys]
    if not known:
        raise SignatureError(f"signed with {', '.join(key for key, _ in pairs) or 'no key'}; known: {', '.join(keys)}")
    matches = [
        hmac.compare_digest(sign(given[ID], timestamp, body, keys[key]).encode(), signature.encode())
        for key, signature in known
    ]
    if not any(matches):
        raise SignatureError("the signature does not match: another secret, or a body that was altered on the way")
    try:
        message = msgspec.json.decode(body, type=VerdictMessage)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        raise SignatureError("signed, and no message of this contract; is the receiver too old?") from None
    if message.id != given[ID]:
        raise SignatureError(f"{ID} is not the id in the body")
    return message
