"""The functions of the laptop runtime: each in processes of its own, as many as it has invocations under way.

Code is either a package (a zip archive, as Lambda takes it) or this checkout: what the runtime itself can import, so
that a change is live in the next process. Not modelled: versions and aliases, other runtimes than Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import msgspec

from infra.local.awslambda.packages import Package
from infra.local.awslambda.workers import LOG_TAIL, Ended, Launch, Worker, log_lines
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError
from infra.rights.keys import key_of

PAYLOAD_LIMIT = 6 * 1024 * 1024
THROTTLED = "TooManyRequestsException"


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """A function as configured: what Lambda's FunctionConfiguration holds of it.

    Args:
        package: its code; None for this checkout's.
        layers: the ARNs and packages of its layers, in their order.
        log_group: None for ``/aws/lambda/NAME``.
        traced: whether an invocation carries a trace id.
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
    """

    request_id: str
    payload: bytes
    error: str | None = None
    log: bytes = b""
    seconds: float = 0.0

    @property
    def log_result(self) -> str:
        """The end of the log in base64, as ``LogResult`` has it."""
        return b64encode(self.log[-LOG_TAIL:]).decode()


class Log(Protocol):
    """Where functions' output goes: CloudWatch Logs."""

    def write(self, group: str, stream: str, lines: Sequence[str]) -> None: ...


class _NoLog:
    def write(self, group: str, stream: str, lines: Sequence[str]) -> None:
        return


class Function:
    """A registered function and its processes.

    Args:
        settings: as configured.
        base_environment: variables that every function has.
        copies: how many invocations may run at once; others wait.
        log: where its output goes.
    """

    def __init__(
        self,
        settings: FunctionSettings,
        *,
        arn: str,
        base_environment: Mapping[str, str],
        copies: int,
        log: Log,
    ) -> None:
        self.settings = settings
        self.arn = arn
        self._base = dict(base_environment)
        self._log = log
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._slots = threading.BoundedSemaphore(copies)
        self._lock = threading.Lock()
        self._closed = False

    def invoke(self, payload: bytes) -> Invoked:
        """Runs the handler with a JSON payload; waits while all processes are busy. The handler's faults are answers.

        Raises:
            ApiError: RequestTooLargeException (413) for a payload of more than 6 MB.
        """
        if len(payload) > PAYLOAD_LIMIT:
            raise _too_large(len(payload))
        request_id = str(uuid4())
        with self._slots:
            settings, worker = self._worker()
            kept = False
            try:
                ended = worker.invoke(
                    payload,
                    request_id=request_id,
                    arn=self.arn,
                    timeout_seconds=settings.timeout_seconds,
                    trace=_trace_id() if settings.traced else None,
                )
                kept = ended.alive
            finally:
                self._put_back(worker, settings, kept=kept)
        done = _outcome(request_id, ended)
        lines = _story(request_id, settings, ended, done)
        self._log.write(settings.log_group_name, worker.log_stream, lines)
        return Invoked(
            request_id=request_id,
            payload=done.payload,
            error=done.error,
            log=b"".join(f"{line}\n".encode() for line in lines[-200:]),
            seconds=ended.seconds,
        )

    def configure(self, settings: FunctionSettings) -> None:
        """Takes new settings; the next invocations start in fresh processes."""
        with self._lock:
            self.settings = settings
            idle, self._idle = self._idle, []
            self._workers -= set(idle)
        for worker in idle:
            worker.end()

    def close(self) -> None:
        """Ends its processes, those that are busy too."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = self._workers - set(idle)
        for worker in idle:
            worker.end()
        for worker in busy:
            # The thread that waits for its answer lets go of it.
            worker.kill()

    def _worker(self) -> tuple[FunctionSettings, Worker]:
        with self._lock:
            settings = self.settings
            if self._is_closed():
                raise ApiError("ResourceNotFoundException", f"Function not found: {self.arn}", 404)
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return settings, worker
                self._workers.discard(worker)
                worker.end()
        worker = Worker(self._launch(settings))
        with self._lock:
            self._workers.add(worker)
            if self._is_closed():
                worker.kill()
        return settings, worker

    def _put_back(self, worker: Worker, settings: FunctionSettings, *, kept: bool) -> None:
        with self._lock:
            if kept and settings is self.settings and not self._closed:
                self._idle.append(worker)
                return
            self._workers.discard(worker)
        worker.end()

    def _is_closed(self) -> bool:
        return self._closed

    def _launch(self, settings: FunctionSettings) -> Launch:
        package = settings.package
        root = str(package.folder if package else Path.cwd())
        layers = [str(layer.folder) for _, layer in reversed(settings.layers)]
        # The interpreter's own folders come after these anyway; a checkout is whatever the runtime itself imports.
        own = [] if package else [entry for entry in sys.path if entry]
        path = [root, *(f"{layer}/python" for layer in layers), *own]
        environment = {
            **self._base,
            "AWS_ACCESS_KEY_ID": key_of(settings.role),
            "AWS_LAMBDA_FUNCTION_NAME": settings.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": settings.log_group_name,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings.runtime}",
            "LAMBDA_TASK_ROOT": root,
            "LAMBDA_RUNTIME_DIR": str(Path(__file__).parent),
            "PYTHONPATH": os.pathsep.join(path),
            "PATH": os.pathsep.join([*(f"{layer}/bin" for layer in layers), os.environ.get("PATH", os.defpath)]),
            "_HANDLER": settings.handler,
            **settings.environment,
        }
        return Launch(
            environment=environment,
            folder=package.folder if package else None,
            memory_mb=settings.memory_mb,
            log_format=settings.log_format,
            today=time.strftime("%Y/%m/%d", time.gmtime()),
        )


class Functions:
    """The functions of one account and region.

    Args:
        account: twelve digits.
        region: e.g. ``us-east-1``.
        endpoint_url: where the handlers' SDK clients go; None leaves them at AWS's own addresses.
        copies: how many invocations of one function may run at once; None: one for each core, two at least.
        log: where the functions' output goes.
        meter: takes what CloudWatch counts of a function.
    """

    def __init__(
        self,
        *,
        account: str = "000000000000",
        region: str = "us-east-1",
        endpoint_url: str | None = None,
        copies: int | None = None,
        log: Log | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.account = account
        self.region = region
        self.copies = copies or max(2, os.cpu_count() or 1)
        self._log = log or _NoLog()
        self._meter: Meter = meter or NoMeter()
        self._under_way: Counter[str] = Counter()
        self._functions: dict[str, Function] = {}
        self._environment = {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LANG": "en_US.UTF-8",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
            "TZ": ":UTC",
            **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}),
            **{name: os.environ[name] for name in ("HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ},
        }

    def arn(self, name: str) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._functions)

    def create(self, settings: FunctionSettings) -> Function:
        """Registers a function.

        Raises:
            ApiError: ResourceConflictException when the name is taken.
        """
        if settings.name in self._functions:
            raise ApiError("ResourceConflictException", f"Function already exist: {settings.name}", 409)
        function = Function(
            settings,
            arn=self.arn(settings.name),
            base_environment=self._environment,
            copies=self.copies,
            log=self._log,
        )
        self._functions[settings.name] = function
        return function

    def get(self, name_or_arn: str) -> Function:
        """The function of that name, partial ARN or ARN, with or without ``:$LATEST``.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        name = name_or_arn.removesuffix(":$LATEST").rpartition(":")[2]
        function = self._functions.get(name)
        if function is None or (
            name_or_arn.startswith("arn:") and name_or_arn.removesuffix(":$LATEST") != function.arn
        ):
            raise ApiError("ResourceNotFoundException", f"Function not found: {self.arn(name)}", 404)
        return function

    def delete(self, name_or_arn: str) -> None:
        """Forgets a function.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        self._functions.pop(self.get(name_or_arn).settings.name).close()

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        """Runs a function with a JSON payload of up to 6 MB.

        Raises:
            ApiError: ResourceNotFoundException; RequestTooLargeException (413) for a larger payload.
        """
        name = self.get(name_or_arn).settings.name
        self._under_way[name] += 1
        try:
            done = self.run(name_or_arn, payload)
        except ApiError as error:
            if error.code == THROTTLED:
                self._count(name, "Throttles", 1)
            raise
        finally:
            at_once = self._under_way[name]
            self._under_way[name] -= 1
        self._count(name, "Invocations", 1)
        self._count(name, "Errors", done.error is not None)
        self._count(name, "Throttles", 0)
        self._count(name, "Duration", round(done.seconds * 1000, 3), "Milliseconds")
        self._count(name, "ConcurrentExecutions", at_once)
        return done

    def run(self, name_or_arn: str, payload: bytes) -> Invoked:
        """What ``invoke`` does, uncounted."""
        return self.get(name_or_arn).invoke(payload)

    def _count(self, name: str, metric: str, value: float, unit: str = "Count") -> None:
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        self._meter.add("AWS/Lambda", metric, {"FunctionName": name}, value, unit)

    def close(self) -> None:
        """Ends every process."""
        for function in self._functions.values():
            function.close()


def check_json(payload: bytes) -> None:
    """Passes when a payload of a user's is a JSON document, or empty.

    Raises:
        ApiError: InvalidRequestContentException.
    """
    try:
        if payload:
            msgspec.json.decode(payload)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message) from None


def _too_large(size: int) -> ApiError:
    return ApiError(
        "RequestTooLargeException",
        f"Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation; got {size}.",
        413,
    )


def _outcome(request_id: str, ended: Ended) -> Invoked:
    if ended.failed:
        return Invoked(request_id=request_id, payload=ended.payload, error="Unhandled")
    if len(ended.payload) > PAYLOAD_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        document = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
        return Invoked(request_id=request_id, payload=json.dumps(document).encode(), error="Unhandled")
    return Invoked(request_id=request_id, payload=ended.payload)


def _story(request_id: str, settings: FunctionSettings, ended: Ended, done: Invoked) -> list[str]:
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
            json.dumps({"type": "platform.start", "record": {"requestId": request_id, "version": "$LATEST"}}),
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
        f"START RequestId: {request_id} Version: $LATEST",
        *output,
        *([reason] if reason else []),
        f"END RequestId: {request_id}",
        report,
    ]


def _trace_id() -> str:
    unique = uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{unique[:24]};Parent={unique[16:]};Sampled=0"
