"""The Lambda function that holds a request until its content is decided: ``consumers.aws.wait_handler.handle``.

API Gateway reads the status table by itself, but cannot wait for a row of it. The function may read that table's items
by their key, and nothing else.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import msgspec
import re2

from consumers.aws.handler import Handler
from consumers.aws.settings import SettingsError
from consumers.aws.sinks import call, make_client
from consumers.ports import DefectError, TransientError
from consumers.waiting import decided, waited
from glue.ports import Clock
from glue.redaction import redacted
from glue.system_clock import SystemClock

MAX_SECONDS = 25
"""API Gateway ends a request after 29 seconds."""
USUAL_SECONDS = 20
RESERVE_SECONDS = 1.5
RETRY_SECONDS = 1
_ID = re2.compile(r"[A-Za-z0-9._:@-]{1,128}")
_TENANT = re2.compile(r"[A-Za-z0-9_-]{1,64}")
_PENDING = "No decision is kept of this content: it is still to come, or none is kept of what is allowed."

Answer = dict[str, Any]


class WaitApplication:
    """The waiting inside a Lambda function.

    Args:
        environment: ``STATUS_TO_READ``, ``STATUS_OF``, ``CORS_ORIGINS``, and ``CALLERS``, which is cognito where tokens
            tell of tenants.
        table: DynamoDB's client; left out, that of AWS.
        clock: time; left out, the machine's.

    Raises:
        SettingsError: the environment is not as it must be.
    """

    def __init__(self, environment: Mapping[str, str], *, table: Any = None, clock: Clock | None = None) -> None:
        if not (name := environment.get("STATUS_TO_READ", "")):
            raise SettingsError("STATUS_TO_READ: not set; allowed: a name")
        self._name = name
        self._kept = environment.get("STATUS_OF", "acted")
        self._tenants = environment.get("CALLERS") == "cognito"
        self._origins = frozenset(filter(None, environment.get("CORS_ORIGINS", "").split(",")))
        self._table = table or make_client("dynamodb")
        self._clock = clock or SystemClock()

    def handle(self, event: Mapping[str, Any], context: Any) -> Answer:
        """The answer to one request.

        Raises:
            DefectError: the code or the role is at fault; the message holds no content.
        """
        seconds = MAX_SECONDS if context is None else context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        try:
            answer = self._answer(event, max(0.0, seconds))
        except DefectError:
            raise
        except Exception as error:
            raise DefectError(redacted(error)) from None
        answer["headers"] |= self._opened(event)
        return answer

    def _answer(self, event: Mapping[str, Any], most: float) -> Answer:
        claims = ((event.get("requestContext") or {}).get("authorizer") or {}).get("claims") or {}
        tenant = str(claims.get("custom:tenant", ""))
        if self._tenants and not _TENANT.fullmatch(tenant):
            detail = "the token has no claim custom:tenant of 1 to 64 of A-Z a-z 0-9 _ -"
            return _problem(403, detail, pointer="/id")
        content_id = unquote(str((event.get("pathParameters") or {}).get("id", "")))
        key = f"{tenant}:{content_id}" if tenant else content_id
        if not _ID.fullmatch(content_id) or len(key) > 128:
            return _problem(400, "the id in the path must be 1 to 128 of A-Z a-z 0-9 . _ : @ -", pointer="/id")
        asked = str((event.get("queryStringParameters") or {}).get("wait", USUAL_SECONDS))
        if not (asked.isascii() and asked.isdigit() and len(asked) < 3 and int(asked) <= MAX_SECONDS):
            return _problem(400, f"wait must be a whole number of seconds from 0 to {MAX_SECONDS}", pointer="/wait")
        try:
            item = waited(lambda: self._find(key), clock=self._clock, seconds=min(int(asked), most))
        except TransientError:
            detail = "The service behind this address takes no more at the moment. Ask again."
            return _problem(503, detail, retry=RETRY_SECONDS)
        if item is not None:
            return _answer(200, decided(item, content_id))
        pending = {"content_id": content_id, "status": "pending", "kept_for": self._kept, "detail": _PENDING}
        return _answer(202, pending, retry=RETRY_SECONDS)

    def _opened(self, event: Mapping[str, Any]) -> dict[str, str]:
        """What lets a page of an origin that the stack names read the answer."""
        origin = next((one for name, one in (event.get("headers") or {}).items() if name.lower() == "origin"), "")
        if origin not in self._origins:
            return {}
        exposed = {"Access-Control-Expose-Headers": "Location,Retry-After", "Vary": "Origin"}
        return {"Access-Control-Allow-Origin": origin, **exposed}

    def _find(self, key: str) -> Mapping[str, Any] | None:
        answer = call("dynamodb:GetItem", self._table.get_item, TableName=self._name, Key={"content_id": {"S": key}})
        item: Mapping[str, Any] | None = answer.get("Item")
        # What has run out lies there until DynamoDB gets to it.
        return item if item and int(item["expires_at"]["N"]) > self._clock.now() else None


def _answer(status: int, document: Mapping[str, Any], *, kind: str = "application/json", retry: int = 0) -> Answer:
    headers = {"Content-Type": kind, **({"Retry-After": str(retry)} if retry else {})}
    return {"statusCode": status, "headers": headers, "body": msgspec.json.encode(document).decode()}


def _problem(status: int, detail: str, *, pointer: str = "", retry: int = 0) -> Answer:
    title = HTTPStatus(status).phrase if status >= 500 else "The request is refused"
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if pointer:
        document["errors"] = [{"detail": detail, "pointer": pointer}]
    return _answer(status, document, kind="application/problem+json", retry=retry)


handle: Handler[Answer] = Handler(WaitApplication)
