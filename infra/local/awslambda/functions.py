"""The functions of the laptop runtime: each in processes of its own, as many as it has invocations under way.

Code is either a package (a zip archive, as Lambda takes it) or this checkout: what the runtime itself can import, so
that a change is live in the next process. A published version keeps its package and settings; of a checkout's function
the settings only, since there is one checkout. Not modelled: other runtimes than Python.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import msgspec

from infra.local.awslambda.invocations import (
    PAYLOAD_LIMIT,
    FunctionSettings,
    Invoked,
    outcome,
    story,
    too_large,
    trace_id,
)
from infra.local.awslambda.versions import LATEST, Versions, split
from infra.local.awslambda.workers import Launch, Worker
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError
from infra.rights.keys import key_of

__all__ = ["PAYLOAD_LIMIT", "THROTTLED", "Function", "FunctionSettings", "Functions", "Invoked", "check_json"]

THROTTLED = "TooManyRequestsException"


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
            raise too_large(len(payload))
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
                    trace=trace_id() if settings.traced else None,
                )
                kept = ended.alive
            finally:
                self._put_back(worker, settings, kept=kept)
        done = outcome(request_id, ended)
        lines = story(request_id, settings, ended, done)
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
            "AWS_LAMBDA_FUNCTION_VERSION": settings.version,
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
            version=settings.version,
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
        chance: from 0 up to 1, another one for each invocation of an alias with weights; None: the machine's.
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
        chance: Callable[[], float] | None = None,
    ) -> None:
        self.account = account
        self.region = region
        self.copies = copies or max(2, os.cpu_count() or 1)
        self._log = log or _NoLog()
        self._meter: Meter = meter or NoMeter()
        self._under_way: Counter[str] = Counter()
        self._functions: dict[str, Function] = {}
        self._versions: dict[str, Versions[Function]] = {}
        self.chance = chance or secrets.SystemRandom().random
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
        function = self._made(settings, self.arn(settings.name))
        self._functions[settings.name] = function
        self._versions[settings.name] = Versions()
        return function

    def _made(self, settings: FunctionSettings, arn: str) -> Function:
        return Function(settings, arn=arn, base_environment=self._environment, copies=self.copies, log=self._log)

    def get(self, name_or_arn: str) -> Function:
        """The function, or the version, of that name, partial ARN or ARN; of an alias the version that it points to.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        name, qualifier = split(name_or_arn)
        function = self._functions.get(name)
        if function is None or (name_or_arn.startswith("arn:") and not name_or_arn.startswith(function.arn)):
            raise ApiError("ResourceNotFoundException", f"Function not found: {self.arn(name)}", 404)
        if qualifier in ("", LATEST):
            return function
        versions = self._versions[name]
        if qualifier in versions.aliases:
            qualifier = versions.aliases[qualifier].version
            if qualifier == LATEST:
                return function
        if qualifier not in versions.published:
            raise ApiError("ResourceNotFoundException", f"Function not found: {self.arn(name)}:{qualifier}", 404)
        return versions.published[qualifier]

    def qualified_arn(self, name_or_arn: str) -> str:
        """The ARN, with the version or alias that was named, but for ``$LATEST``.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        self.get(name_or_arn)
        name, qualifier = split(name_or_arn)
        return self.arn(name) if qualifier in ("", LATEST) else f"{self.arn(name)}:{qualifier}"

    def versions(self, name_or_arn: str) -> Versions[Function]:
        """The versions and aliases of a function.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        return self._versions[self.get(split(name_or_arn)[0]).settings.name]

    def publish(self, name_or_arn: str, *, description: str = "") -> Function:
        """The function as it is now, as a version that never changes; the last one when nothing has changed since.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        latest = self.get(split(name_or_arn)[0])
        settings = latest.settings
        if description:
            settings = replace(settings, description=description)

        def same(version: Function) -> bool:
            return replace(version.settings, version=LATEST, modified_at=0.0) == replace(settings, modified_at=0.0)

        return self._versions[settings.name].publish(
            lambda number: self._made(replace(settings, version=number), f"{latest.arn}:{number}"), same
        )

    def delete(self, name_or_arn: str) -> None:
        """Forgets a function with its versions and aliases, or one version.

        Raises:
            ApiError: ResourceNotFoundException, or ResourceConflictException for a version that an alias points to.
        """
        name, qualifier = split(name_or_arn)
        function = self.get(name)
        if qualifier not in ("", LATEST):
            self._versions[name].forget(qualifier).close()
            return
        self._functions.pop(function.settings.name).close()
        self._versions.pop(function.settings.name).close()

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        """Runs a function with a JSON payload of up to 6 MB; of an alias with weights, one of its two versions.

        Raises:
            ApiError: ResourceNotFoundException; RequestTooLargeException (413) for a larger payload.
        """
        name, qualifier = split(name_or_arn)
        chosen = self.get(name_or_arn)
        versions = self._versions[chosen.settings.name]
        alias = versions.aliases.get(qualifier)
        if alias is not None and alias.weights:
            chosen = self.get(f"{name}:{alias.chosen(self.chance())}")
        where = list(_counted(name, qualifier, chosen.settings.version if alias and alias.weights else None))
        self._under_way[name] += 1
        try:
            done = self.run(chosen.arn, payload)
        except ApiError as error:
            if error.code == THROTTLED:
                self._count(where, "Throttles", 1)
            raise
        finally:
            at_once = self._under_way[name]
            self._under_way[name] -= 1
        self._count(where, "Invocations", 1)
        self._count(where, "Errors", done.error is not None)
        self._count(where, "Throttles", 0)
        self._count(where, "Duration", round(done.seconds * 1000, 3), "Milliseconds")
        self._count(where, "ConcurrentExecutions", at_once)
        return replace(done, version=chosen.settings.version)

    def run(self, name_or_arn: str, payload: bytes) -> Invoked:
        """What ``invoke`` does, uncounted, for a function or a version."""
        return self.get(name_or_arn).invoke(payload)

    def _count(self, where: Sequence[Mapping[str, str]], metric: str, value: float, unit: str = "Count") -> None:
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        for dimensions in where:
            self._meter.add("AWS/Lambda", metric, dimensions, value, unit)

    def close(self) -> None:
        """Ends every process."""
        for function in self._functions.values():
            function.close()
        for versions in self._versions.values():
            versions.close()


def _counted(name: str, qualifier: str, executed: str | None) -> Iterator[Mapping[str, str]]:
    """The dimensions that an invocation is counted under.

    Args:
        qualifier: the version or alias that was asked for, or nothing.
        executed: of an alias with weights, the version that ran.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
    """
    yield {"FunctionName": name}
    if qualifier:
        yield {"FunctionName": name, "Resource": f"{name}:{qualifier}"}
    if executed is not None:
        yield {"FunctionName": name, "Resource": f"{name}:{qualifier}", "ExecutedVersion": executed}


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
