"""Faults that a test switches on: calls throttled, partly refused or without an answer, functions that fail."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import uuid4

import msgspec

from infra.local.errors import XML_SERVICES, ApiError, error_body
from infra.local.eventstream import EventStream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Kind = Literal[
    "throttle", "partial_failure", "lost_answer", "function_timeout", "function_error", "function_throttle", "denied"
]

TOOL_KEY: Final = "STREAMKEEPERTOOL"
"""The access key of a test's own tool, which meets no fault."""

_CALL: Final = re.compile(r"([a-z0-9-]+)(?:\.([A-Za-z0-9]+))?\Z")
_THROTTLED: Final = {
    "kinesis": ("ProvisionedThroughputExceededException", 400),
    "firehose": ("ServiceUnavailableException", 503),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "s3": ("SlowDown", 503),
    "lambda": ("TooManyRequestsException", 429),
    "sns": ("Throttled", 429),
}
"""How each service says that it is asked too much; others say ThrottlingException.

Source: the Errors section of each service's API reference, and https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
_S3_CALLS: Final = {
    ("PUT", True): "PutObject",
    ("GET", True): "GetObject",
    ("HEAD", True): "HeadObject",
    ("DELETE", True): "DeleteObject",
    ("GET", False): "ListObjectsV2",
}


class _Batch(msgspec.Struct, frozen=True):
    """How a call of many entries names them in its request and in its answer, and what a failed one looks like."""

    entries: str
    results: str
    failed: str
    code: str


_BATCHES: Final = {
    ("kinesis", "PutRecords"): _Batch(
        "Records", "Records", "FailedRecordCount", "ProvisionedThroughputExceededException"
    ),
    ("firehose", "PutRecordBatch"): _Batch(
        "Records", "RequestResponses", "FailedPutCount", "ServiceUnavailableException"
    ),
    ("events", "PutEvents"): _Batch("Entries", "Entries", "FailedEntryCount", "ThrottlingException"),
}


class Fault(msgspec.Struct, kw_only=True):
    """One fault.

    Args:
        kind: ``throttle``: a call is refused as its service throttles; ``partial_failure``: every ``every``-th entry of
            a call of many is; ``lost_answer``: a call has its effect and is answered with an error;
            ``function_timeout`` and ``function_error``: an invocation ends so; ``function_throttle``: none is begun;
            ``denied``: AWS's own readers and writers (mappings, delivery streams) are refused, as without the right.
        call: ``SERVICE.Operation`` or ``SERVICE``, such as ``firehose.PutRecordBatch``.
        function: a function's name; empty for every one.
        times: how often it strikes; None until it is switched off.
        every: for a partial failure, 1 fails all entries, 2 every second, beginning with the first.
        error: for a function's error, its type.
        after_effects: whether a function does its work before it fails.
        by: for ``denied``, the function or delivery stream that is refused; empty for every one.
        where: for ``denied``, how the key of the object begins; empty for all.
        struck: how often it has struck.
    """

    kind: Kind
    call: str = ""
    function: str = ""
    times: int | None = None
    every: int = 2
    error: str = "RuntimeError"
    after_effects: bool = False
    by: str = ""
    where: str = ""
    id: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is {self.times}; allowed: 1 or more, or nothing for until it is switched off")
        if self.every < 1:
            raise ValueError(f"every is {self.every}; allowed: 1 (all entries) or more")
        if self.kind.startswith("function_"):
            return
        found = _CALL.match(self.call)
        if found is None:
            raise ValueError(
                f"call is {self.call[:100]!r}; allowed: SERVICE or SERVICE.Operation, as kinesis.PutRecords"
            )
        if self.kind == "partial_failure" and (found[1], found[2]) not in _BATCHES:
            allowed = ", ".join(".".join(pair) for pair in _BATCHES)
            raise ValueError(f"{self.call} has no entries that could fail alone; allowed: {allowed}")

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.times is not None and self.struck >= self.times


class Faults:
    """The faults that are switched on. Safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._last = 0
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> int:
        """Switches one on; gives its number."""
        with self._lock:
            self._last += 1
            self._faults[self._last] = msgspec.structs.replace(fault, id=self._last, struck=0)
            return self._last

    def remove(self, number: int | None = None) -> None:
        """Switches one off, or all."""
        with self._lock:
            if number is None:
                self._faults.clear()
            else:
                self._faults.pop(number, None)

    def listed(self) -> list[Fault]:
        """All of them, also those that are spent."""
        with self._lock:
            return [msgspec.structs.replace(fault) for fault in self._faults.values()]

    def of_call(self, service: str, operation: str) -> Fault | None:
        """The fault that strikes this call, if one does."""
        return self._strike(
            lambda fault: (
                fault.kind in ("throttle", "partial_failure", "lost_answer")
                and fault.call in (service, f"{service}.{operation}")
            )
        )

    def refuse(self, call: str, by: str, where: str = "") -> None:
        """Passes when what AWS itself does for a function or a delivery stream meets no fault.

        Args:
            call: ``service.Operation``.
            by: the function's or the delivery stream's name.
            where: the key of an object.

        Raises:
            ApiError: ``AccessDeniedException``.
        """
        struck = self._faults and self._strike(
            lambda fault: (
                fault.kind == "denied"
                and fault.call in (call, call.partition(".")[0])
                and fault.by in ("", by)
                and where.startswith(fault.where)
            )
        )
        if struck:
            raise ApiError("AccessDeniedException", f"{by} is not authorized to perform {call}", 403)

    def of_function(self, name: str) -> Fault | None:
        """The fault that strikes an invocation of this function, if one does."""
        return self._strike(lambda fault: fault.kind.startswith("function_") and fault.function in ("", name))

    def __bool__(self) -> bool:
        return bool(self._faults)

    def _strike(self, meets: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for fault in self._faults.values():
                if not fault.is_spent and meets(fault):
                    fault.struck += 1
                    return fault
        return None


class FaultyDoor:
    """A WSGI application whose calls meet the faults first.

    Args:
        application: answers the calls.
        faults: those that are switched on.
        exempt: whether a call is the runtime's own, or the test's own tool: these never meet a fault.
    """

    def __init__(
        self, application: "WSGIApplication", faults: Faults, *, exempt: Callable[["WSGIEnvironment"], bool]
    ) -> None:
        self._application = application
        self._faults = faults
        self._exempt = exempt

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not self._faults or str(environ.get("PATH_INFO", "")).startswith("/_twin/") or self._exempt(environ):
            return self._application(environ, start_response)
        service, operation = named(environ)
        fault = self._faults.of_call(service, operation)
        if fault is None:
            return self._application(environ, start_response)
        if fault.kind == "throttle":
            code, status = _THROTTLED.get(service, ("ThrottlingException", 400))
            return _refuse(start_response, service, status, code, "Rate exceeded")
        if fault.kind == "partial_failure":
            return self._partly(environ, start_response, _BATCHES[service, operation], fault.every)
        answer = self._application(environ, lambda *_: lambda _: None)
        if isinstance(answer, EventStream):
            answer.close()
        else:
            for _ in answer:
                pass
        return _refuse(start_response, service, 500, "InternalFailure", "The answer was lost")

    def _partly(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", batch: _Batch, every: int
    ) -> Iterable[bytes]:
        """The call with every n-th entry left out, and answered as failed."""
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            body = msgspec.json.decode(raw)
            entries: Sequence[Any] = body[batch.entries]
        except (ValueError, KeyError, TypeError):
            entries = ()
        if not isinstance(entries, list) or not entries:
            return self._application(_with_body(environ, raw), start_response)
        failing = set(range(0, len(entries), every))
        kept = [entry for at, entry in enumerate(entries) if at not in failing]
        answers: list[Any] = []
        answer: dict[str, Any] = {}
        if kept:
            status: list[str] = []

            def started(line: str, *_: object) -> Callable[[bytes], object]:
                status.append(line)
                return lambda _: None

            sent = msgspec.json.encode({**body, batch.entries: kept})
            content = b"".join(self._application(_with_body(environ, sent), started))
            if not status[0].startswith("200"):
                return _json(start_response, int(status[0].split()[0]), content)
            answer = msgspec.json.decode(content)
            answers = list(answer[batch.results])
        failed = {"ErrorCode": batch.code, "ErrorMessage": "Rate exceeded"}
        results = [failed if at in failing else answers.pop(0) for at in range(len(entries))]
        document = {
            **answer,
            batch.results: results,
            batch.failed: len(failing) + int(answer.get(batch.failed, 0)),
        }
        return _json(start_response, 200, msgspec.json.encode(document))


def named(environ: Mapping[str, Any]) -> tuple[str, str]:
    """The service that a call was signed for, and its operation as far as the call names it.

    >>> named({"HTTP_X_AMZ_TARGET": "Kinesis_20131202.PutRecords",
    ...        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=k/20261120/us-east-1/kinesis/aws4_request, x=y"})
    ('kinesis', 'PutRecords')
    """
    _, found, rest = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")
    scope = rest.partition(",")[0].split("/")
    service = scope[-2].lower() if found and len(scope) >= 5 else ""
    operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
    if service == "s3":
        path = str(environ.get("PATH_INFO", "")).strip("/")
        operation = _S3_CALLS.get((str(environ.get("REQUEST_METHOD")), "/" in path), "")
    elif service == "lambda" and str(environ.get("PATH_INFO", "")).endswith("/invocations"):
        operation = "Invoke"
    return service, operation


def _with_body(environ: "WSGIEnvironment", body: bytes) -> "WSGIEnvironment":
    return {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def _refuse(start_response: "StartResponse", service: str, status: int, code: str, message: str) -> Iterable[bytes]:
    kind, body = error_body(service, code, message)
    if service not in XML_SERVICES:
        return _json(start_response, status, body, code)
    start_response(f"{status} Fault", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _json(start_response: "StartResponse", status: int, body: bytes, code: str | None = None) -> Iterable[bytes]:
    headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid4())),
    ]
    if code:
        headers.append(("x-amzn-ErrorType", code))
    start_response(f"{status} {'OK' if status == 200 else 'Fault'}", headers)
    return [body]
