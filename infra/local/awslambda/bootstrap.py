"""One execution environment of a function: a process that imports the handler and runs one invocation after another.

It is started as a file, not as a module, and imports the standard library only: what a function finds is what lies in
its own code, its layers and the interpreter's packages, and nothing of ours comes first. The runtime is at the other
end of a socket; when that closes, this process and all that it started end.
"""

import importlib
import json
import logging
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any

FRAME = struct.Struct("!cII")
"""To the runtime: what it is (see below), the most memory used so far in KiB, the length of what follows."""
ASK = struct.Struct("!II")
"""From the runtime: lengths of the invocation's description and of the event, which follow."""
READY, ANSWER, FAILED, UNUSABLE = b"R", b"A", b"F", b"U"
OUT_OF_MEMORY = 137
"""Exit status of a process whose handler asked for more memory than the function has."""

Handler = Callable[[Any, Any], Any]
current: dict[str, str] = {"request_id": ""}


class Context:
    """What a handler gets as its second argument.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html (read 2026-11-30).
    """

    client_context = None
    identity = None

    def __init__(self, request_id: str, arn: str, deadline_ms: int) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's time-out, never negative."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


class _FaultError(Exception):
    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace or []


def main() -> None:
    """Serves until the runtime hangs up."""
    line = socket.socket(fileno=int(sys.argv[1]))
    _end_with(line)
    _bound_memory(int(sys.argv[2]))
    _log(sys.argv[3])
    sys.argv = [""]
    try:
        handler = _load(os.environ["_HANDLER"])
    except _FaultError as error:
        document = {"errorMessage": str(error), "errorType": error.kind, "requestId": "", "stackTrace": error.trace}
        _say_failed(document)
        _send(line, UNUSABLE, _encoded(document))
        os._exit(1)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    _send(line, READY, b"")
    while True:
        head = _receive(line, ASK.size)
        description_length, event_length = ASK.unpack(head)
        description = json.loads(_receive(line, description_length))
        event = _receive(line, event_length)
        kind, answer = _invoke(handler, description, event)
        _flush()
        _send(line, kind, answer)


def _invoke(handler: Handler, description: dict[str, Any], event: bytearray) -> tuple[bytes, bytes]:
    request_id = current["request_id"] = description["request_id"]
    if trace := description.get("trace"):
        os.environ["_X_AMZN_TRACE_ID"] = trace
    context = Context(request_id, description["arn"], description["deadline_ms"])
    try:
        answer = handler(json.loads(event) if event else {}, context)
        try:
            return ANSWER, _encoded(answer)
        except (TypeError, ValueError, RecursionError) as error:
            raise _FaultError("Runtime.MarshalError", f"Unable to marshal response: {error}") from None
    except MemoryError:
        _flush()
        os._exit(OUT_OF_MEMORY)
    except _FaultError as error:
        document = {"errorMessage": str(error), "errorType": error.kind, "requestId": request_id, "stackTrace": []}
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        trace_lines = traceback.format_list([frame for frame in frames if frame.filename != __file__])
        document = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": request_id,
            "stackTrace": trace_lines,
        }
    _say_failed(document)
    return FAILED, _encoded(document)


def _load(name: str) -> Handler:
    module_name, dot, attribute = name.rpartition(".")
    if not dot:
        raise _FaultError("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise _FaultError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{module_name}': {error}"
        raise _FaultError("Runtime.UserCodeSyntaxError", message, [place]) from None
    except MemoryError:
        raise
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
        raise _FaultError(type(error).__name__, str(error), traceback.format_list(frames[1:])) from None
    handler = getattr(module, attribute, None)
    if not callable(handler):
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        raise _FaultError("Runtime.HandlerNotFound", message)
    return handler  # type: ignore[no-any-return]


def _encoded(answer: object) -> bytes:
    return json.dumps(answer, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


# ------------------------------------------------------------------------------------------------ the process


def _end_with(line: socket.socket) -> None:
    """Ends this process and its children when the runtime is gone, whatever the handler does."""
    watched = select.poll()
    watched.register(line.fileno(), 0)

    def watch() -> None:
        watched.poll()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="runtime-watch", daemon=True).start()


def _bound_memory(limit_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _log(log_format: str) -> None:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if log_format == "JSON" else _TextLines())
    logging.getLogger().addHandler(handler)


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"[{record.levelname}]\t{_moment(record)}\t{current['request_id']}\t{super().format(record)}"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        document = {
            "timestamp": _moment(record),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": current["request_id"],
        }
        if record.exc_info:
            document["stackTrace"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


def _moment(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _say_failed(document: dict[str, Any]) -> None:
    lines = [f"[ERROR] {document['errorType']}: {document['errorMessage']}"]
    if document["stackTrace"]:
        lines += ["Traceback (most recent call last):", *(piece.rstrip("\n") for piece in document["stackTrace"])]
    # One event of the log: a line feed would begin another.
    sys.stderr.write("\r".join(lines).replace("\n", "\r") + "\n")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue


def _send(line: socket.socket, kind: bytes, body: bytes) -> None:
    head = FRAME.pack(kind, _most_memory(), len(body))
    line.sendall(head + body if len(body) < 65_536 else head)
    if len(body) >= 65_536:
        line.sendall(body)


def _most_memory() -> int:
    """The most memory that this process has used so far, in KiB."""
    try:
        with open("/proc/self/status", "rb") as status:
            text = status.read()
        return int(text.partition(b"VmHWM:")[2].split(None, 1)[0])
    except (OSError, ValueError, IndexError):
        # Where there is no such file. Linux would count here what the runtime had when it started this process.
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used >> 10 if sys.platform == "darwin" else used


def _receive(line: socket.socket, length: int) -> bytearray:
    found = bytearray(length)
    view, at = memoryview(found), 0
    while at < length:
        got = line.recv_into(view[at:])
        if not got:
            os.killpg(0, signal.SIGKILL)
        at += got
    return found


if __name__ == "__main__":
    main()
