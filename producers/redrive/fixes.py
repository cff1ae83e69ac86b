"""A person's fix for what was set aside, run in a process of its own and under a time limit.

Two forms. A Python file with ``fix(payload: bytes, reason: str) -> bytes | None``: loaded once, asked for each payload.
Any other executable: started for each payload, which it reads from standard input; what it writes to standard output
is the fixed one, the reason is in ``STREAMKEEPER_REASON``. None, or nothing written, leaves the record where it is.
"""

import base64
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

SECONDS = 10.0
_WORKER = Path(__file__).with_name("fix_worker.py")


class FixFailedError(Exception):
    """The fix did not come to an end with this payload; the message holds nothing of it."""


class UnusableFixError(Exception):
    """The fix can be used for no payload at all; the message says why."""


class Fix(Protocol):
    """Makes good bytes out of bad ones."""

    def __call__(self, payload: bytes, reason: str) -> bytes | None:
        """The fixed bytes; None leaves the record where it is.

        Raises:
            FixFailedError: it failed, or took too long.
            UnusableFixError: it can be used for nothing.
        """
        ...


class Timer(Protocol):
    """Calls something later, unless it is cancelled first."""

    def start(self) -> None: ...
    def cancel(self) -> None: ...


class StartsTimer(Protocol):
    """Makes a timer: :class:`threading.Timer`, or a test's own."""

    def __call__(self, interval: float, function: Callable[[], None], /) -> Timer: ...


class PythonFix:
    """A Python file's ``fix``, in a process that lives until one call takes too long.

    Args:
        script: the file.
        seconds: for one call.
        timer: starts what ends a call that takes longer.
    """

    def __init__(self, script: Path, *, seconds: float = SECONDS, timer: StartsTimer = threading.Timer) -> None:
        self._script = script
        self._seconds = seconds
        self._timer = timer
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, payload: bytes, reason: str) -> bytes | None:
        """See :class:`Fix`."""
        process = self._started()
        asked = {"payload": base64.b64encode(payload).decode(), "reason": reason}
        answer = self._ask(process, msgspec.json.encode(asked) + b"\n")
        if "error" in answer:
            raise FixFailedError(str(answer["error"]))
        fixed = answer["payload"]
        return None if fixed is None else base64.b64decode(fixed)

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            # What the process has not read stays in the pipe.
            with contextlib.suppress(BrokenPipeError), process:
                process.kill()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            # -I: the script sees neither our folder nor the user's site.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", str(_WORKER), str(self._script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            hello = self._ask(self._process, b"")
            if hello["fatal"]:
                self.close()
                raise UnusableFixError(f"{self._script}: {hello['fatal']}")
        return self._process

    def _ask(self, process: "subprocess.Popen[bytes]", line: bytes) -> dict[str, Any]:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        limit = self._timer(self._seconds, process.kill)
        limit.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            limit.cancel()
        if answer:
            return dict(msgspec.json.decode(answer))
        self.close()
        if not line:
            raise UnusableFixError(f"{self._script}: not loaded within {self._seconds:g} s, or its process ended")
        raise FixFailedError(f"no answer within {self._seconds:g} s, or its process ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ExecutableFix:
    """A program that reads a payload and writes the fixed one.

    Args:
        script: the program.
        seconds: for one payload.
    """

    def __init__(self, script: Path, *, seconds: float = SECONDS) -> None:
        self._script = script.absolute()
        self._seconds = seconds

    def __call__(self, payload: bytes, reason: str) -> bytes | None:
        """See :class:`Fix`."""
        try:
            done = subprocess.run(  # noqa: S603
                [str(self._script)],
                input=payload,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._seconds,
                env={**os.environ, "STREAMKEEPER_REASON": reason},
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise FixFailedError(f"no answer within {self._seconds:g} s") from None
        except subprocess.CalledProcessError as error:
            raise FixFailedError(f"exit code {error.returncode}") from None
        except OSError as error:
            raise UnusableFixError(f"{self._script}: {type(error).__name__}; allowed: a program that runs") from None
        return done.stdout or None

    def close(self) -> None:
        """Nothing is left to end."""


def open_fix(script: Path, *, seconds: float = SECONDS) -> PythonFix | ExecutableFix:
    """The fix in a file, by its form.

    Raises:
        UnusableFixError: it is neither a Python file nor a program that may be run.
    """
    if script.suffix == ".py":
        return PythonFix(script, seconds=seconds)
    if os.access(script, os.X_OK) and script.is_file():
        return ExecutableFix(script, seconds=seconds)
    raise UnusableFixError(f"{script}: allowed: a Python file (.py) with fix(payload, reason), or an executable")
