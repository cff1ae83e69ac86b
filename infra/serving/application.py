"""The service behind an RSGI server: bytes in, bytes out, within limits of size and time.

Source: https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from consumers.scoring.errors import FormError
from consumers.scoring.messages import Request, Response
from consumers.scoring.ports import Keys
from consumers.scoring.problems import ProblemError
from consumers.scoring.service import Service, key_of
from glue.redaction import redacted
from infra.serving.access_log import AccessLog
from infra.serving.metrics import CONTENT_TYPE, Metrics

log = logging.getLogger("streamkeeper.serve")

_READ_IN_VAIN = 4
"""How many times the limit is read of a body that is too large."""
_NO_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class Limits(Struct, frozen=True):
    """What a request may take.

    Args:
        body_bytes: of its body.
        body_seconds: until its body is there.
    """

    body_bytes: int = 4 << 20
    body_seconds: float = 10.0


class _RefusedError(Exception):
    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.error = FormError(code, status, message)


class Application:
    """Answers what a server hands over.

    Args:
        service: the routes.
        keys: who may read metrics.
        metrics: counts.
        access_log: takes note; None: nobody does.
        limits: of one request.
        open_metrics: metrics need no key.
        behind_proxy: what a proxy says of the caller's origin is believed.
    """

    def __init__(
        self,
        service: Service,
        *,
        keys: Keys,
        metrics: Metrics,
        access_log: AccessLog | None = None,
        limits: Limits | None = None,
        open_metrics: bool = False,
        behind_proxy: bool = False,
    ) -> None:
        self._service = service
        self._keys = keys
        self._metrics = metrics
        self._access_log = access_log
        self._limits = limits or Limits()
        self._open_metrics = open_metrics
        self._behind_proxy = behind_proxy

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answers one request.

        Args:
            scope: its line and headers.
            protocol: gives its body and takes the answer.
        """
        headers = dict(scope.headers.items())
        request = Request(scope.method, scope.path, scope.query_string, headers)
        started = time.perf_counter()
        try:
            origin = self._origin(scope, headers)
            body = b"" if scope.method in _NO_BODY else await self._body(headers, protocol)
            started = time.perf_counter()
            request = Request(scope.method, scope.path, scope.query_string, headers, body, origin)
            response = await self._answer(request)
        except _RefusedError as refused:
            response = refused.error.response(route="refused", headers=(("connection", "close"),))
        except Exception as error:
            log.error("a request failed: %s", redacted(error))  # noqa: TRY400  traces can hold content
            response = FormError(500, "INTERNAL", "Internal error encountered.").response(route="failed")
        if scope.method == "HEAD":
            protocol.response_empty(response.status, list(response.headers))
        else:
            protocol.response_bytes(response.status, list(response.headers), response.body)
        seconds = time.perf_counter() - started
        self._metrics.answered(response.route, response.status, seconds, client=response.client, texts=response.texts)
        if self._access_log is not None:
            self._access_log.note(request, response, at=time.time(), seconds=seconds)

    async def _answer(self, request: Request) -> Response:
        if request.path == "/healthz":
            return Response(200, b"ok\n", (("content-type", "text/plain"),), "healthz")
        if request.path == "/metrics":
            return self._metrics_for(request)
        steps = self._service.steps(request)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                response: Response = stop.value
                return response
            await asyncio.sleep(0)

    def _metrics_for(self, request: Request) -> Response:
        key = key_of(request)
        if not self._open_metrics and not (key and self._keys.find(key)):
            detail = "metrics need a key; send one as Authorization: Bearer KEY, or serve with --open-metrics"
            return ProblemError(401, detail, headers=(("www-authenticate", "Bearer"),)).response(route="metrics")
        return Response(200, self._metrics.text(), (("content-type", CONTENT_TYPE),), "metrics")

    async def _body(self, headers: Mapping[str, str], protocol: Any) -> bytes:
        most = self._limits.body_bytes
        length = headers.get("content-length")
        if length is not None and not (length.isascii() and length.isdecimal()):
            raise _too_large(most)
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                if length is not None and int(length) <= most:
                    whole: bytes = await protocol()
                    return whole
                # Whoever sends a little too much would not read the answer before it is all sent.
                if length is not None and int(length) > _READ_IN_VAIN * most:
                    raise _too_large(most)
                chunks, size = [], 0
                async for chunk in protocol:
                    size += len(chunk)
                    if size > _READ_IN_VAIN * most:
                        break
                    if size <= most:
                        chunks.append(chunk)
                if size > most:
                    raise _too_large(most)
                return b"".join(chunks)
        except TimeoutError:
            raise _RefusedError(408, "DEADLINE_EXCEEDED", "The body did not come in time.") from None

    def _origin(self, scope: Any, headers: Mapping[str, str]) -> str:
        scheme, host = scope.scheme, scope.authority or headers.get("host", "")
        if self._behind_proxy:
            scheme = headers.get("x-forwarded-proto", scheme).partition(",")[0].strip()
            host = headers.get("x-forwarded-host", host).partition(",")[0].strip()
        if (
            scheme not in ("http", "https")
            or len(host) > 255
            or not all(one.isalnum() or one in ".-_:[]" for one in host)
        ):
            raise _RefusedError(400, "INVALID_ARGUMENT", "The request names no host.")
        return f"{scheme}://{host or 'localhost'}"


def _too_large(most: int) -> _RefusedError:
    return _RefusedError(413, "INVALID_ARGUMENT", f"Request payload size exceeds the limit: {most} bytes.")
