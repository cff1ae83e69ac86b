"""What the gateway itself answers, as problem documents (RFC 9457).

These templates know no functions, only ``$context``; ``messageString`` is a JSON string with its quotes, escaped by the
gateway. Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

import json
from http import HTTPStatus
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """One answer of the gateway's own.

    Args:
        status: of HTTP.
        detail: what was wrong and what to do; empty: the gateway's own words.
        pointer: the part of the request.
        retry: seconds after which to come again; 0: not at all.
    """

    status: int
    detail: str = ""
    pointer: str = ""
    retry: int = 0


ANSWERS = {
    "DEFAULT_4XX": Answer(400),
    "DEFAULT_5XX": Answer(500, "The gateway could not do it; nothing is known to be taken. Send it again.", retry=5),
    "BAD_REQUEST_BODY": Answer(400, "the body is no JSON object; send one in UTF-8", "#"),
    "BAD_REQUEST_PARAMETERS": Answer(400),
    "ACCESS_DENIED": Answer(403, "whoever signed the request may not ask for this"),
    "INVALID_API_KEY": Answer(403, "the header x-api-key holds no key that is allowed here", "/x-api-key"),
    "MISSING_AUTHENTICATION_TOKEN": Answer(
        403, "there is no such route, or the request is not signed", "/authorization"
    ),
    "UNAUTHORIZED": Answer(401, "the header Authorization holds no token that is allowed here", "/authorization"),
    "EXPIRED_TOKEN": Answer(403, "the token in the header Authorization has run out", "/authorization"),
    "INVALID_SIGNATURE": Answer(
        403, "the signature in the header Authorization is not that of this request", "/authorization"
    ),
    "WAF_FILTERED": Answer(403, "too many requests from one address, or an address that is known for abuse"),
    "RESOURCE_NOT_FOUND": Answer(404, "there is no such route"),
    "REQUEST_TOO_LARGE": Answer(413, "the request is over 10 MB; send less at once", "#"),
    "UNSUPPORTED_MEDIA_TYPE": Answer(415, "the header Content-Type must be application/json", "/content-type"),
    "THROTTLED": Answer(429, "too many requests a second; come again later", retry=1),
    "QUOTA_EXCEEDED": Answer(429, "the key has no requests left for today; come again tomorrow", retry=3600),
    "INTEGRATION_FAILURE": Answer(504, "The service behind this address does not answer; send it again.", retry=5),
    "INTEGRATION_TIMEOUT": Answer(504, "The service behind this address took too long; send it again.", retry=5),
}
"""By the gateway's name of what went wrong. A pointer into the body is a fragment, ``/name`` is a header's."""

TYPE = "application/problem+json"


def gateway_responses() -> dict[str, Any]:
    """``x-amazon-apigateway-gateway-responses``.

    >>> gateway_responses()["THROTTLED"]["responseParameters"]["gatewayresponse.header.Retry-After"]
    "'1'"
    """
    return {name: _response(answer) for name, answer in ANSWERS.items()}


def _response(answer: Answer) -> dict[str, Any]:
    headers = {"gatewayresponse.header.Content-Type": f"'{TYPE}'"}
    if answer.retry:
        headers["gatewayresponse.header.Retry-After"] = f"'{answer.retry}'"
    return {
        "statusCode": answer.status,
        "responseParameters": headers,
        "responseTemplates": {"application/json": _document(answer)},
    }


def _document(answer: Answer) -> str:
    detail = json.dumps(answer.detail) if answer.detail else "$context.error.messageString"
    errors = f', "errors": [{{"detail": {detail}, "pointer": {json.dumps(answer.pointer)}}}]' if answer.pointer else ""
    title = HTTPStatus(answer.status).phrase
    return f'{{"type": "about:blank", "title": "{title}", "status": {answer.status}, "detail": {detail}{errors}}}'
