"""Execution environments: the processes that functions run in, each for one invocation at a time.

Lambda's contract for what a handler may observe: its environment variables at import and afterwards, state that stays
between invocations, a process that is killed at the time-out and a fresh one after it, output that goes to the log.
"""

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from infra.local.awslambda.bootstrap import ANSWER, ASK, FAILED, FRAME, OUT_OF_MEMORY, READY, UNUSABLE

INIT_SECONDS: Final = 130.0
"""How long a module may take to be imported. Lambda gives ten seconds and then a second try inside of the invocation;
a busy laptop is slower than that."""
OWN_MEMORY: Final = 128 << 20
"""Bytes beyond the function's memory for the interpreter, thread stacks and the allocator's reserves: the limit is on
what a process has mapped for data, which is more than it uses."""
LOG_TAIL: Final = 4096
"""Bytes of the log that an answer may carry. Source: API_Invoke, LogResult."""
_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")
_LONGEST_WAIT: Final = 1.0
_CHUNK: Final = 65_536


class Launch(Struct, frozen=True, kw_only=True):
    """How a process of a function is started.

    Args:
        environment: all of its environment variables.
        folder: where it is started; None for the runtime's own.
        memory_mb: what the function may use.
        log_format: ``Text`` or ``JSON``.
        today: for the name of the log stream, YYYY/MM/DD.
        version: of the function, for the same.
    """

    environment: Mapping[str, str]
    folder: Path | None
    memory_mb: int
    log_format: str
    today: str
    version: str = "$LATEST"


class Ended(Struct, frozen=True, kw_only=True):
    """How an invocation ended.

    Args:
        payload: the answer, or the document of the error.
        failed: whether it is an error.
        output: what was written to standard output and error meanwhile.
        seconds: how long it took, and how long the import before it.
        memory_mb: the most that the process has used so far.
        alive: whether the process can take another.
    """

    payload: bytes
    failed: bool
    output: bytes
    seconds: float
    init_seconds: float | None
    memory_mb: int
    alive: bool


class _GoneError(Exception):
    """The process has closed its line."""


class _LateError(Exception):
    """The time is over."""


class Worker:
    """One process of a function. Used by one thread at a time.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, launch: Launch) -> None:
        self.log_stream = f"{launch.today}/[{launch.version}]{secrets.token_hex(16)}"
        ours, theirs = socket.socketpair()
        self._log, log_in = os.pipe()
        limit = (launch.memory_mb << 20) + OWN_MEMORY
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own file
                    [sys.executable, "-P", str(_BOOTSTRAP), str(theirs.fileno()), str(limit), launch.log_format],
                    stdin=subprocess.DEVNULL,
                    stdout=log_in,
                    stderr=log_in,
                    pass_fds=(theirs.fileno(),),
                    env={**launch.environment, "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream},
                    cwd=launch.folder,
                    # Ctrl-C is for the runtime; and whatever the handler starts ends with it.
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            os.close(self._log)
            raise
        finally:
            os.close(log_in)
        os.set_blocking(self._log, False)
        self._line = ours
        self._poll = select.poll()
        self._poll.register(ours, select.POLLIN)
        self._poll.register(self._log, select.POLLIN)
        self._log_is_open = True
        self._output = bytearray()
        self._memory_kb = 0
        self._started = time.monotonic()
        self._is_ready = False

    def invoke(
        self, event: bytes, *, request_id: str, arn: str, timeout_seconds: float, trace: str | None = None
    ) -> Ended:
        """Runs the handler with an event, after its module was imported."""
        init_seconds = None
        if not self._is_ready:
            try:
                kind, body = self._next(self._started + INIT_SECONDS)
            except (_GoneError, _LateError) as error:
                return self._dead(request_id, error, INIT_SECONDS, 0.0)
            init_seconds = time.monotonic() - self._started
            if kind == UNUSABLE:
                return self._ended(body, failed=True, seconds=0.0, init_seconds=init_seconds, alive=False)
            self._is_ready = kind == READY
        started = time.monotonic()
        deadline = started + timeout_seconds
        description = {"request_id": request_id, "arn": arn, "deadline_ms": int((time.time() + timeout_seconds) * 1000)}
        if trace is not None:
            description["trace"] = trace
        try:
            self._ask(json.dumps(description).encode(), event, deadline)
            kind, body = self._next(deadline)
        except (_GoneError, _LateError) as error:
            return self._dead(request_id, error, timeout_seconds, time.monotonic() - started, init_seconds)
        seconds = time.monotonic() - started
        return self._ended(body, failed=kind != ANSWER, seconds=seconds, init_seconds=init_seconds, alive=True)

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kills the process and what it started; from any thread, and more than once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kills the process and lets go of it. Calling it twice is fine."""
        if self._log < 0:
            return
        self.kill()
        self._line.close()
        os.close(self._log)
        self._log = -1

    def _ask(self, description: bytes, event: bytes, deadline: float) -> None:
        self._line.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self._line.sendall(ASK.pack(len(description), len(event)) + description)
            self._line.sendall(event)
        except TimeoutError:
            raise _LateError from None
        except OSError:
            raise _GoneError from None

    def _next(self, deadline: float) -> tuple[bytes, bytes]:
        """What the process says next, while its output is read so that it never waits for that."""
        head = self._read(FRAME.size, deadline)
        kind, memory_kb, length = FRAME.unpack(head)
        self._memory_kb = max(self._memory_kb, memory_kb)
        body = self._read(length, deadline)
        self._drain()
        if kind not in (READY, ANSWER, FAILED, UNUSABLE):
            raise _GoneError
        return kind, bytes(body)

    def _read(self, length: int, deadline: float) -> bytearray:
        found = bytearray()
        self._line.setblocking(False)
        while len(found) < length:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _LateError
            for descriptor, _ in self._poll.poll(min(left, _LONGEST_WAIT) * 1000):
                if descriptor == self._log:
                    self._drain()
                    continue
                try:
                    piece = self._line.recv(min(length - len(found), 1 << 20))
                except BlockingIOError:
                    continue
                except OSError:
                    raise _GoneError from None
                if not piece:
                    raise _GoneError
                found += piece
            if len(found) < length and self._process.poll() is not None and not self._line_has_more():
                raise _GoneError
        return found

    def _line_has_more(self) -> bool:
        return bool(select.select([self._line], [], [], 0)[0])

    def _drain(self) -> None:
        while self._log_is_open:
            try:
                piece = os.read(self._log, _CHUNK)
            except BlockingIOError:
                return
            if not piece:
                self._log_is_open = False
                self._poll.unregister(self._log)
            self._output += piece

    def _dead(
        self, request_id: str, error: Exception, limit: float, seconds: float, init_seconds: float | None = None
    ) -> Ended:
        late = isinstance(error, _LateError)
        if not late:
            # It is on its way out, and its exit status is wanted.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        status = self._process.poll()
        self.kill()
        self._drain()
        if late:
            kind, message = "Sandbox.Timedout", f"Task timed out after {limit:.2f} seconds"
        else:
            kind, message = _death(status)
        document = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
        body = json.dumps(document).encode()
        return self._ended(body, failed=True, seconds=seconds, init_seconds=init_seconds, alive=False)

    def _ended(self, payload: bytes, *, failed: bool, seconds: float, init_seconds: float | None, alive: bool) -> Ended:
        output, self._output = bytes(self._output), bytearray()
        return Ended(
            payload=payload,
            failed=failed,
            output=output,
            seconds=seconds,
            init_seconds=init_seconds,
            memory_mb=-(-self._memory_kb // 1024),
            alive=alive,
        )


def _death(status: int | None) -> tuple[str, str]:
    """The type and message of the error that Lambda gives when a process ends by itself.

    >>> _death(3)
    ('Runtime.ExitError', 'Runtime exited with error: exit status 3')
    >>> _death(-11)
    ('Runtime.ExitError', 'Runtime exited with error: signal: segmentation fault')
    """
    if status is None or status == 0:
        return "Runtime.ExitError", "Runtime exited without providing a reason"
    if status in (OUT_OF_MEMORY, -signal.SIGKILL):
        return "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
    if status < 0:
        names = {signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "aborted", signal.SIGTERM: "terminated"}
        number = signal.Signals(-status)
        return "Runtime.ExitError", f"Runtime exited with error: signal: {names.get(number, number.name)}"
    return "Runtime.ExitError", f"Runtime exited with error: exit status {status}"


def log_lines(output: bytes) -> Sequence[str]:
    """The events of a log that standard output and error make: a line each.

    >>> log_lines(b"one\\ntwo\\n")
    ['one', 'two']
    """
    text = output.decode("utf-8", "replace")
    return text.removesuffix("\n").split("\n") if text else []
