"""One invocation of a function: what it was configured as, how it ended, and what the log says of it."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from infra.local.awslambda.packages import Package
from infra.local.awslambda.versions import LATEST
from infra.local.awslambda.workers import LOG_TAIL, Ended, log_lines
from infra.local.errors import ApiError

PAYLOAD_LIMIT = 6 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """A function as configured: what Lambda's FunctionConfiguration holds of it.

    Args:
        package: its code; None for this checkout's.
        layers: the ARNs and packages of its layers, in their order.
        log_group: None for ``/aws/lambda/NAME``.
        traced: whether an invocation carries a trace id.
        version: a number, or ``$LATEST``.
    """

    name: str
    handler: str
    role: str
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 3
    memory_mb: int = 128
    runtime: str = "python3.12"
    architecture: str = "x86_64"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    modified_at: float = 0.0
    package: Package | None = None
    layers: Sequence[tuple[str, Package]] = ()
    log_group: str | None = None
    log_format: str = "Text"
    traced: bool = False
    version: str = LATEST

    @property
    def log_group_name(self) -> str:
        """Where the output goes."""
        return self.log_group or f"/aws/lambda/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """An invocation's outcome: the JSON answer, and ``error`` ("Unhandled") when the function failed.

    Args:
        log: the invocation's log, each line with its line feed.
        seconds: how long it took, or how long it was allowed to take.
        version: the version that ran.
    """

    request_id: str
    payload: bytes
    error: str | None = None
    log: bytes = b""
    seconds: float = 0.0
    version: str = LATEST

    @property
    def log_result(self) -> str:
        """The end of the log in base64, as ``LogResult`` has it."""
        return b64encode(self.log[-LOG_TAIL:]).decode()


def too_large(size: int) -> ApiError:
    """The refusal of a payload of so many bytes."""
    return ApiError(
        "RequestTooLargeException",
        f"Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation; got {size}.",
        413,
    )


def outcome(request_id: str, ended: Ended) -> Invoked:
    """What Lambda makes of how a process ended."""
    if ended.failed:
        return Invoked(request_id=request_id, payload=ended.payload, error="Unhandled")
    if len(ended.payload) > PAYLOAD_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        document = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
        return Invoked(request_id=request_id, payload=json.dumps(document).encode(), error="Unhandled")
    return Invoked(request_id=request_id, payload=ended.payload)


def story(request_id: str, settings: FunctionSettings, ended: Ended, done: Invoked) -> list[str]:
    """The log of an invocation: what the function wrote, between what Lambda writes.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html (read 2026-11-30).
    """
    milliseconds = ended.seconds * 1000
    output = list(log_lines(ended.output))
    reason = ""
    if ended.failed and not ended.alive:
        with contextlib.suppress(ValueError):
            reason = str(json.loads(done.payload)["errorMessage"])
    if settings.log_format == "JSON":
        metrics: dict[str, object] = {
            "durationMs": round(milliseconds, 3),
            "billedDurationMs": -(-int(milliseconds * 1000) // 1000),
            "memorySizeMB": settings.memory_mb,
            "maxMemoryUsedMB": ended.memory_mb,
        }
        if ended.init_seconds is not None:
            metrics["initDurationMs"] = round(ended.init_seconds * 1000, 3)
        record = {"requestId": request_id, "metrics": metrics, "status": "error" if done.error else "success"}
        if reason:
            record["errorType"] = reason
        return [
            json.dumps({"type": "platform.start", "record": {"requestId": request_id, "version": settings.version}}),
            *output,
            json.dumps({"type": "platform.report", "record": record}),
        ]
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {-(-int(milliseconds * 1000) // 1000)} ms\tMemory Size: {settings.memory_mb} MB\t"
        f"Max Memory Used: {ended.memory_mb} MB\t"
    )
    if ended.init_seconds is not None:
        report += f"Init Duration: {ended.init_seconds * 1000:.2f} ms\t"
    return [
        f"START RequestId: {request_id} Version: {settings.version}",
        *output,
        *([reason] if reason else []),
        f"END RequestId: {request_id}",
        report,
    ]


def trace_id() -> str:
    """A new id for X-Ray."""
    unique = uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{unique[:24]};Parent={unique[16:]};Sampled=0"
