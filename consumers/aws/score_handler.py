"""The Lambda function that scores texts behind an HTTP API: ``consumers.aws.score_handler.handle``.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from consumers.aws.application import keep_policy
from consumers.aws.handler import Handler
from consumers.aws.settings import SettingsError
from consumers.ports import DefectError
from consumers.scoring.errors import FormError
from consumers.scoring.keys import KeyList, MinuteQuota
from consumers.scoring.messages import Request, Response
from consumers.scoring.service import Service, Settings
from glue.ports import Clock
from glue.redaction import redacted
from glue.system_clock import SystemClock

MAX_BODY_BYTES = 4 << 20


class _FromEnvironment:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.policy = environment.get("POLICY", "default")
        self.policy_refresh_seconds = int(environment.get("POLICY_REFRESH_SECONDS", "60"))


class ScoreApplication:
    """The service inside a Lambda function: its policy followed, events in, answers out.

    Args:
        environment: ``SCORE_KEYS``, ``POLICY``, ``POLICY_REFRESH_SECONDS``, ``CORS_ORIGINS``.
        clock: time.

    Raises:
        SettingsError: the environment is not as it must be.
    """

    def __init__(self, environment: Mapping[str, str], *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        try:
            self._keys = KeyList(environment.get("SCORE_KEYS", ""))
        except ValueError as error:
            raise SettingsError(f"SCORE_KEYS: {error}") from None
        self._quota = MinuteQuota(self._clock.now)
        origins = tuple(filter(None, environment.get("CORS_ORIGINS", "").split(",")))
        self._settings = Settings(cors_origins=origins)
        self._policies = keep_policy(_FromEnvironment(environment), now=self._clock.now())
        self._service = self._made()

    def handle(self, event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        """Answers one request, in the form of version 2.0.

        Raises:
            DefectError: the code is at fault; the message holds no content.
        """
        if self._policies.refresh(self._clock.now()):
            self._service = self._made()
        try:
            response = self._answer(event)
        except Exception as error:
            # Lambda logs an exception with its text, and texts can be content.
            raise DefectError(redacted(error)) from None
        return {
            "statusCode": response.status,
            "headers": dict(response.headers),
            "body": response.body.decode("utf-8", "replace"),
            "isBase64Encoded": False,
        }

    def _made(self) -> Service:
        service = Service(self._policies.moderator, keys=self._keys, quota=self._quota, settings=self._settings)
        service.warm_up()
        return service

    def _answer(self, event: Mapping[str, Any]) -> Response:
        context = event["requestContext"]
        try:
            body = _body(event)
        except binascii.Error:
            return FormError(400, "INVALID_ARGUMENT", "The body is not base64.").response(route="refused")
        if len(body) > MAX_BODY_BYTES:
            message = f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes."
            return FormError(413, "INVALID_ARGUMENT", message).response(route="refused")
        if event["rawPath"] == "/healthz":
            return Response(200, b"ok\n", (("content-type", "text/plain"),), "healthz")
        headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
        return self._service.answer(
            Request(
                context["http"]["method"],
                event["rawPath"],
                event.get("rawQueryString", ""),
                headers,
                body,
                # Only the laptop runtime serves an API without TLS, and one below a path.
                f"{headers.get('x-forwarded-proto', 'https')}://{context['domainName']}",
            )
        )


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    return base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode("utf-8")


handle: Handler[dict[str, Any]] = Handler(ScoreApplication)
