"""The functions of the laptop runtime: handlers from this checkout, run in this process the way Lambda runs them.

Each function gets its own fresh copy of the handler's module, imported with the function's environment variables, and
as many copies as it has invocations under way, since Lambda never runs two invocations in one execution environment.
What the handler's module imports is shared. The environment is in place while the module is imported, not afterwards: a
handler must read its settings at import, as ``consumers.aws`` does.

Not modelled: the memory limit, killing a handler at its timeout (it runs on, and the invocation then counts as timed
out), layers, versions and aliases.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import ModuleType
from typing import Any
from uuid import uuid4

import msgspec

from infra.local.errors import ApiError

PAYLOAD_LIMIT = 6 * 1024 * 1024
_IMPORTING = threading.RLock()
_COPIES = count(1)


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """A function as configured: what Lambda's FunctionConfiguration holds of it."""

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


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """An invocation's outcome: the JSON answer, and ``error`` ("Unhandled") when the function failed."""

    request_id: str
    payload: bytes
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a handler gets as its second argument."""

    function_name: str
    invoked_function_arn: str
    aws_request_id: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    deadline: float
    monotonic: Callable[[], float] = time.monotonic
    function_version: str = "$LATEST"
    identity: object = None
    client_context: object = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout, never negative."""
        return max(0, int((self.deadline - self.monotonic()) * 1000))


class _LoadError(Exception):
    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


Handler = Callable[[Any, Context], Any]


class Function:
    """A registered function and its warm copies."""

    def __init__(
        self,
        settings: FunctionSettings,
        *,
        arn: str,
        base_environment: Mapping[str, str],
        copies: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.arn = arn
        self._base = dict(base_environment)
        self._monotonic = monotonic
        self._idle: list[Handler] = []
        self._slots = threading.BoundedSemaphore(copies)
        self._lock = threading.Lock()

    def invoke(self, payload: bytes) -> Invoked:
        """Runs the handler with a JSON payload; waits while all copies are busy. The handler's faults are answers.

        Raises:
            ApiError: InvalidRequestContentException when the payload is not JSON.
        """
        request_id = str(uuid4())
        settings = self.settings
        try:
            event = msgspec.json.decode(payload) if payload else {}
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            raise ApiError("InvalidRequestContentException", message) from None
        with self._slots:
            with self._lock:
                handler = self._idle.pop() if self._idle else None
            try:
                handler = handler or self._load(settings)
            except _LoadError as error:
                return _failed(request_id, error.error_type, str(error), [])
            started = self._monotonic()
            context = Context(
                function_name=settings.name,
                invoked_function_arn=self.arn,
                aws_request_id=request_id,
                memory_limit_in_mb=str(settings.memory_mb),
                log_group_name=f"/aws/lambda/{settings.name}",
                log_stream_name="laptop",
                deadline=started + settings.timeout_seconds,
                monotonic=self._monotonic,
            )
            try:
                outcome = _run(handler, event, context)
            except SystemExit:
                message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
                return _failed(request_id, "Runtime.ExitError", message)
            if self._monotonic() - started > settings.timeout_seconds:
                # Lambda kills the environment at the timeout, so this copy's state must not be met again.
                message = f"RequestId: {request_id} Error: Task timed out after {settings.timeout_seconds:.2f} seconds"
                return _failed(request_id, "Sandbox.Timedout", message)
            with self._lock:
                if settings is self.settings:
                    self._idle.append(handler)
            return outcome

    def configure(self, settings: FunctionSettings) -> None:
        """Takes new settings; the next invocations start from fresh copies."""
        with self._lock:
            self.settings = settings
            self._idle.clear()

    def _load(self, settings: FunctionSettings) -> Handler:
        module_name, _, attribute = settings.handler.rpartition(".")
        with _IMPORTING:
            saved = dict(os.environ)
            try:
                for name in [name for name in os.environ if name.startswith("AWS_")]:
                    del os.environ[name]
                os.environ.update(self._base)
                os.environ.update(
                    {
                        "AWS_LAMBDA_FUNCTION_NAME": settings.name,
                        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
                        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                        "_HANDLER": settings.handler,
                        **settings.environment,
                    }
                )
                module = _fresh_copy(module_name)
            finally:
                os.environ.clear()
                os.environ.update(saved)
        handler = getattr(module, attribute, None)
        if not callable(handler):
            raise _LoadError("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
        return handler  # type: ignore[no-any-return]


class Functions:
    """The functions of one account and region.

    Args:
        account: twelve digits.
        region: e.g. ``us-east-1``.
        endpoint_url: where the handlers' SDK clients go; None leaves them at AWS's own addresses.
        copies: how many invocations of one function may run at once.
        monotonic: the clock of the timeouts, in seconds.
    """

    def __init__(
        self,
        *,
        account: str = "000000000000",
        region: str = "us-east-1",
        endpoint_url: str | None = None,
        copies: int = 4,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self.account = account
        self.region = region
        self.copies = copies
        self._functions: dict[str, Function] = {}
        self._environment = {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}),
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
            monotonic=self._monotonic,
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
        del self._functions[self.get(name_or_arn).settings.name]

    def invoke(self, name_or_arn: str, payload: bytes) -> Invoked:
        """Runs a function with a JSON payload of up to 6 MB.

        Raises:
            ApiError: ResourceNotFoundException; RequestTooLargeException (413) for a larger payload.
        """
        function = self.get(name_or_arn)
        if len(payload) > PAYLOAD_LIMIT:
            raise ApiError(
                "RequestTooLargeException",
                f"Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation; "
                f"got {len(payload)}.",
                413,
            )
        return function.invoke(payload)


def _fresh_copy(name: str) -> ModuleType:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None:
        raise _LoadError("Runtime.ImportModuleError", f"Unable to import module '{name}': No module named '{name}'")
    # The copy keeps its package, so that relative imports work, and stays findable by name, which dataclasses need.
    copy_name = f"{name}__{next(_COPIES)}"
    spec = importlib.util.spec_from_file_location(copy_name, found.origin)
    if spec is None or spec.loader is None:
        raise _LoadError("Runtime.ImportModuleError", f"Unable to import module '{name}': not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[copy_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[copy_name]
        kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
        raise _LoadError(kind, f"Unable to import module '{name}': {error}") from error
    return module


def _run(handler: Handler, event: object, context: Context) -> Invoked:
    try:
        answer = handler(event, context)
    except Exception as error:
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        return _failed(context.aws_request_id, type(error).__name__, str(error), frames)
    try:
        payload = json.dumps(answer, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return _failed(context.aws_request_id, "Runtime.MarshalError", f"Unable to marshal response: {error}", [])
    if len(payload) > PAYLOAD_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        return _failed(context.aws_request_id, "Function.ResponseSizeTooLarge", message)
    return Invoked(request_id=context.aws_request_id, payload=payload)


def _failed(request_id: str, error_type: str, message: str, stack: list[str] | None = None) -> Invoked:
    document: dict[str, object] = {"errorMessage": message, "errorType": error_type}
    if stack is not None:
        document |= {"requestId": request_id, "stackTrace": stack}
    return Invoked(request_id=request_id, payload=json.dumps(document).encode(), error="Unhandled")
