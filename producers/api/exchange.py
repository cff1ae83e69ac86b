"""One request to the API and its answer, sent again for as long as that may help.

Sources: https://www.rfc-editor.org/rfc/rfc9457 (problem documents),
https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (Retry-After)
"""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from glue.ports import Clock

PASSING = frozenset({429, 502, 503, 504})
LONGEST_WAIT = 60.0
_BASE, _CAP = 0.2, 10.0
_TIMEOUT = 30.0


class FieldProblem(Struct, frozen=True):
    """What is wrong with one field.

    Args:
        pointer: a JSON Pointer into what was sent, such as ``#/text``.
        detail: what was received and what is allowed.
    """

    pointer: str
    detail: str


class ApiError(Exception):
    """The API did not do what it was asked to."""


class RefusedError(ApiError):
    """What was sent is refused, and would be again.

    Args:
        status: of HTTP.
        detail: why.
        problems: the fields that are wrong, if the API names them.
    """

    def __init__(self, status: int, detail: str, problems: tuple[FieldProblem, ...] = ()) -> None:
        named = "; ".join(f"{one.pointer}: {one.detail}" for one in problems)
        super().__init__(f"{status}: {named or detail}")
        self.status = status
        self.detail = detail
        self.problems = problems


class UnavailableError(ApiError):
    """The API gave no answer, or none but to come again, as often as it was asked."""


class Answer(Struct, frozen=True):
    """An answer that is none to come again.

    Args:
        status: of HTTP.
        document: its JSON; None when it is none.
        retry_after: seconds, 0 when it does not say.
    """

    status: int
    document: Any
    retry_after: float = 0.0


class _Problem(Struct, frozen=True):
    detail: str = ""
    title: str = ""
    errors: tuple[FieldProblem, ...] = ()


class Exchange(Protocol):
    """Sends one request."""

    def __call__(self, method: str, path: str, document: Any = None, /) -> Answer:
        """The answer.

        Raises:
            UnavailableError: there is none.
        """


class HttpExchange:
    """Requests to one API; may be used from several threads.

    Args:
        url: where it is, with its stage: ``https://….amazonaws.com/live``.
        headers: of every request, such as a key.
        clock: time and jitter.
        attempts: requests in all, at least 1.
        connections: at the same time.

    Raises:
        ValueError: the url is none of HTTP.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str], clock: Clock, attempts: int = 6, connections: int = 4
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"url: received {url!r}; allowed: http:// or https:// and a host")
        self._url = url.rstrip("/")
        self._headers = {"content-type": "application/json", "accept": "application/json", **headers}
        self._clock = clock
        self._attempts = attempts
        # Imported here: who only verifies webhooks needs no client.
        import urllib3

        self._errors = urllib3.exceptions.HTTPError
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, timeout=urllib3.Timeout(_TIMEOUT))

    def __call__(self, method: str, path: str, document: Any = None, /) -> Answer:
        """The answer; see :class:`Exchange`. What is sent twice must count once."""
        body = None if document is None else msgspec.json.encode(document)
        why, asked = "", 0.0
        for attempt in range(self._attempts):
            if attempt:
                backoff = min(_CAP, _BASE * 2**attempt) * self._clock.random()
                self._clock.sleep(max(backoff, asked))
            asked = 0.0
            try:
                response = self._pool.request(
                    method, self._url + path, body=body, headers=self._headers, redirect=False
                )
            except self._errors as error:
                why = type(error).__name__
                continue
            asked = seconds_of(response.headers.get("retry-after", ""))
            if response.status in PASSING:
                why = f"status {response.status}"
                continue
            try:
                found = msgspec.json.decode(response.data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                found = None
            return Answer(response.status, found, asked)
        raise UnavailableError(f"{self._url}{path} did not answer {self._attempts} requests; the last: {why}")


def seconds_of(retry_after: str) -> float:
    """The seconds that a Retry-After header asks for, at most a minute; 0 where it is a date or nothing.

    >>> seconds_of("3"), seconds_of("900"), seconds_of("Wed, 21 Oct 2026 07:28:00 GMT")
    (3.0, 60.0, 0.0)
    """
    return min(float(retry_after), LONGEST_WAIT) if retry_after.isascii() and retry_after.isdigit() else 0.0


def refusal(status: int, document: Any) -> RefusedError:
    """The error that a problem document describes.

    >>> str(refusal(400, {"detail": "no", "errors": [{"pointer": "#/text", "detail": "missing"}]}))
    '400: #/text: missing'
    """
    try:
        problem = msgspec.convert(document, _Problem)
    except msgspec.ValidationError:
        problem = _Problem()
    return RefusedError(status, problem.detail or problem.title or "no reason was given", problem.errors)
