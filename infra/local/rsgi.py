"""A WSGI application as granian calls one: the body read whole, the answer made in a thread."""

import asyncio
import contextlib
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope  # type: ignore[attr-defined]

from infra.local.eventstream import EventStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# One S3 PUT of a laptop's file; larger ones go in parts.
MAX_BODY: Final = 1 << 30
MAX_HEADERS: Final = 200
# A call may wait for others that come in later (a function's own calls, a message that is not there yet).
MAX_THREADS: Final = 512
_IDLE_SECONDS: Final = 30.0
_BODILESS: Final = frozenset({204, 304})

_logger = logging.getLogger(__name__)


class _RefusedError(Exception):
    """What came over the line is no request that can be served."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Workers:
    """Threads that are there as long as they are needed, for calls that may block.

    Daemons, unlike ``concurrent.futures``: a call that never ends must not keep the process from ending.
    """

    def __init__(self, most: int = MAX_THREADS) -> None:
        self._most = most
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, call: Callable[[], None]) -> None:
        """Has a thread call this soon; the call itself must not raise."""
        self._waiting.put(call)
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if self._closed or len(self._threads) >= self._most:
                return
            thread = threading.Thread(target=self._work, name="twin-http", daemon=True)
            self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            try:
                call = self._waiting.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                # Only a thread that nobody counts on may go.
                if self._idle.acquire(blocking=False):
                    break
                continue
            if call is None:
                break
            call()
            self._idle.release()
        with self._lock:
            self._threads.discard(threading.current_thread())

    def close(self, seconds: float) -> None:
        """Ends the threads that are idle, and waits a little for the others."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        for _ in threads:
            self._waiting.put(None)
        for thread in threads:
            thread.join(seconds / len(threads))


class WsgiAdapter:
    """What granian calls for each request.

    Args:
        application: called in threads, several at once.
        workers: the threads.
    """

    def __init__(self, application: "WSGIApplication", workers: Workers) -> None:
        self._application = application
        self._workers = workers
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._tasks.add(task)
        try:
            await self._serve(scope, protocol)
        except _RefusedError as error:
            _refuse(protocol, error.status, str(error))
        except asyncio.CancelledError:
            _refuse(protocol, 503, "the runtime is stopping")
        finally:
            self._tasks.discard(task)

    async def _serve(self, scope: Scope, protocol: HTTPProtocol) -> None:
        environ = _environ(scope)
        body = await _read(scope, protocol)
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def call() -> None:
            try:
                self._answer(environ, protocol, loop)
            finally:
                with contextlib.suppress(RuntimeError):  # the server was stopped meanwhile
                    loop.call_soon_threadsafe(_set, done)

        self._workers.run(call)
        await done

    def break_off(self) -> None:
        """Answers what is still open with 503; called in the loop."""
        for task in list(self._tasks):
            task.cancel()

    def _answer(self, environ: dict[str, Any], protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop) -> None:
        answer: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
            answer[:] = [(status, headers)]

        try:
            chunks = self._application(environ, start_response)
            if isinstance(chunks, EventStream):
                _send_events(protocol, answer[0][1], chunks, loop)
                return
            try:
                body = b"".join(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
        except Exception as error:
            # Where it broke, without the error's own text: that may quote what a user wrote.
            frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
            name = type(error).__name__
            _logger.error("%s %s failed: %s\n%s", environ["REQUEST_METHOD"], environ["PATH_INFO"], name, frames)  # noqa: TRY400
            answer[:] = [("500 Internal Server Error", [("Content-Type", "text/plain")])]
            body = f"the service failed with {name}; the twin's log says where\n".encode()
        status, headers = answer[0]
        _send(protocol, int(status.partition(" ")[0]), headers, body, head=environ["REQUEST_METHOD"] == "HEAD")


def _send_events(
    protocol: HTTPProtocol, headers: Iterable[tuple[str, str]], events: EventStream, loop: asyncio.AbstractEventLoop
) -> None:
    """Sends events as they come, from this thread, until they or the client end."""

    async def send(chunk: bytes) -> None:
        await transport.send_bytes(chunk)

    try:
        transport = protocol.response_stream(200, [(name.lower(), value) for name, value in headers])
        for chunk in events:
            asyncio.run_coroutine_threadsafe(send(chunk), loop).result()
    except (ProtocolClosed, ProtocolError, RuntimeError, asyncio.CancelledError):
        pass  # the client went away, or the server was stopped
    finally:
        events.close()


def _refuse(protocol: HTTPProtocol, status: int, message: str) -> None:
    with contextlib.suppress(ProtocolClosed):  # the client went away, or was answered
        protocol.response_bytes(status, [("content-type", "text/plain")], f"{message}\n".encode())


def _set(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)


def _environ(scope: Scope) -> dict[str, Any]:
    # The path comes decoded. It is encoded again in one way, so that a slash, a colon or a space in a name is itself.
    target = quote(scope.path, safe="/~")
    if scope.query_string:
        target = f"{target}?{scope.query_string}"
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    fields = scope.headers.items()
    if len(fields) > MAX_HEADERS:
        raise _RefusedError(431, f"over {MAX_HEADERS} headers")
    kept: dict[str, str] = {}
    for name, value in fields:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
            if "_" in name:
                # WSGI cannot tell a_b from a-b; only S3 metadata may have it, and moto wants its spelling.
                if not name.startswith("x-amz-meta-"):
                    continue
                kept[key] = name
            if key in environ and key != "HTTP_HOST":
                value = f"{environ[key]},{value}"
        environ[key] = value
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    if kept:
        from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = kept
    return environ


async def _read(scope: Scope, protocol: HTTPProtocol) -> bytes:
    """The request's body, whole. Read piece by piece, granian gives one that was cut short as if it had ended."""
    headers = scope.headers
    if scope.http_version.startswith("1") and not ("content-length" in headers or "transfer-encoding" in headers):
        return b""  # not worth the way to granian and back
    for name in ("content-length", "x-amz-decoded-content-length"):
        length = headers.get(name, "")
        if length.isdigit() and int(length) > MAX_BODY:
            raise _RefusedError(413, f"body of {length} bytes; at most {MAX_BODY}: upload in parts")
    try:
        body = await protocol()
    except (ProtocolClosed, ProtocolError) as error:
        raise _RefusedError(400, "the body is malformed or was cut short") from error
    if len(body) > MAX_BODY:
        raise _RefusedError(413, f"body over {MAX_BODY} bytes: upload in parts")
    return body


def _send(protocol: HTTPProtocol, status: int, headers: Iterable[tuple[str, str]], body: bytes, *, head: bool) -> None:
    fields: list[tuple[str, str]] = []
    for name, value in headers:
        lower = name.lower()
        if lower in ("transfer-encoding", "connection"):
            continue  # the line's own business
        if lower == "content-length" and not head:
            continue  # the body's own length is the true one
        fields.append((lower, value))
    with contextlib.suppress(ProtocolClosed):  # the client went away
        if head or status in _BODILESS:
            protocol.response_empty(status, fields)
        else:
            protocol.response_bytes(status, fields, body)
