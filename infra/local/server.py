"""The twin's HTTP server: HTTP/1.1 with connections kept open, on the loopback interface only.

werkzeug's own server closes the connection after every answer and waits 10 ms before it does; a client that makes
thousands of small calls pays for both. This one reads a request whole, calls the application, and keeps the line.
"""

import contextlib
import logging
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast
from urllib.parse import unquote_to_bytes

from werkzeug.serving import DechunkedInput

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
MAX_HEAD_LINE = 65_536
MAX_HEADERS = 200
# One S3 PUT of a laptop's file; larger ones go in parts.
MAX_BODY = 1 << 30
IDLE_SECONDS = 300.0

_logger = logging.getLogger(__name__)


class LoopbackServer:
    """Serves a WSGI application on 127.0.0.1 from a thread per connection; the port is its own from the beginning.

    Args:
        application: called from several threads at once; it may also be given to ``start``.
        port: 0 takes any free one; see ``url``.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, application: "WSGIApplication | None" = None, *, port: int = 0) -> None:
        self._server = _Server((HOST, port), _Connection, bind_and_activate=True)
        if application is not None:
            self._server.application = application
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="twin-http", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def start(self, application: "WSGIApplication | None" = None) -> Self:
        if application is not None:
            self._server.application = application
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops listening and closes the open connections. Calling it twice is fine."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    application: "WSGIApplication"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*args, **kwargs)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            _logger.error("connection ended by %s", type(error).__name__)


class _BadRequestError(Exception):
    """The bytes on the line are not a request; the connection is closed after the answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True  # otherwise a small answer waits 40 ms for the client's acknowledgement
    rbufsize = 1 << 16
    timeout = IDLE_SECONDS

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError):
            return
        except _BadRequestError as error:
            body = str(error).encode()
            self._send(f"{error.status.value} {error.status.phrase}", [("Connection", "close")], [body], head=False)

    def _one(self) -> bool:
        """Serves one request; False when the connection is to be closed."""
        line = self.rfile.readline(MAX_HEAD_LINE + 1)
        if line in (b"\r\n", b"\n"):
            line = self.rfile.readline(MAX_HEAD_LINE + 1)
        if not line:
            return False
        if len(line) > MAX_HEAD_LINE:
            raise _BadRequestError(HTTPStatus.REQUEST_URI_TOO_LONG, f"request line over {MAX_HEAD_LINE} bytes")
        parts = line.decode("latin-1").split()
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, "expected: METHOD target HTTP/1.1")
        method, target, protocol = parts
        environ = self._environ(method, target, protocol)
        environ["wsgi.input"] = self._body(environ)
        answer: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
            answer[:] = [(status, headers)]
            return None

        body: list[bytes] = []
        try:
            chunks = self.server.application(environ, start_response)
            try:
                body = list(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
        except Exception as error:
            # Where it broke, without the error's own text: that may quote what a user wrote.
            frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
            _logger.error("%s %s failed: %s\n%s", method, environ["PATH_INFO"], type(error).__name__, frames)  # noqa: TRY400
            answer[:] = [("500 Internal Server Error", [("Content-Type", "text/plain")])]
            body = [f"the service failed with {type(error).__name__}; the twin's log says where\n".encode()]
        status, headers = answer[0]
        keep = protocol == "HTTP/1.1" and environ.get("HTTP_CONNECTION", "").lower() != "close"
        if not keep:
            headers = [*headers, ("Connection", "close")]
        self._send(status, headers, body, head=method == "HEAD")
        return keep

    def _environ(self, method: str, target: str, protocol: str) -> dict[str, Any]:
        path, _, query = target.partition("?")
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        port = str(self.server.server_address[1])
        environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": target,
            "RAW_URI": target,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": HOST,
            "SERVER_PORT": port,
            "SERVER_PROTOCOL": protocol,
        }
        kept: dict[str, str] = {}
        for _ in range(MAX_HEADERS + 1):
            line = self.rfile.readline(MAX_HEAD_LINE + 1)
            if line in (b"\r\n", b"\n", b""):
                break
            if len(line) > MAX_HEAD_LINE:
                raise _BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"header over {MAX_HEAD_LINE} bytes")
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or name != name.strip():
                raise _BadRequestError(HTTPStatus.BAD_REQUEST, "expected a header as: Name: value")
            value = value.strip()
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
                if "_" in name:
                    # WSGI cannot tell a_b from a-b; only S3 metadata may have it, and moto wants its spelling.
                    if not name.lower().startswith("x-amz-meta-"):
                        continue
                    kept[key] = name
                if key in environ:
                    value = f"{environ[key]},{value}"
            environ[key] = value
        else:
            raise _BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"over {MAX_HEADERS} headers")
        if kept:
            from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

            environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = kept
        return environ

    def _body(self, environ: dict[str, Any]) -> BinaryIO:
        """The request's body, read whole, so that the next request starts where it should."""
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            body = _dechunk(cast(BinaryIO, self.rfile))
            environ["CONTENT_LENGTH"] = str(len(body))
            del environ["HTTP_TRANSFER_ENCODING"]
        else:
            length = environ.get("CONTENT_LENGTH") or "0"
            if not length.isdigit():
                raise _BadRequestError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
            if int(length) > MAX_BODY:
                raise _BadRequestError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"body of {length} bytes; at most {MAX_BODY}: upload in parts",
                )
            body = self.rfile.read(int(length)) if length != "0" else b""
            if len(body) < int(length):
                raise ConnectionResetError
        return BytesIO(body)

    def _send(self, status: str, headers: Iterable[tuple[str, str]], body: list[bytes], *, head: bool) -> None:
        lines = [f"HTTP/1.1 {status}\r\n"]
        has_length = False
        for name, value in headers:
            lower = name.lower()
            if lower == "transfer-encoding":
                continue
            if lower == "content-length":
                if not head:
                    continue  # the body's own length is the true one
                has_length = True
            lines.append(f"{name}: {value}\r\n")
        code = int(status.split(None, 1)[0])
        bodiless = head or code in (204, 304)
        if not has_length and code != 204:
            lines.append(f"Content-Length: {sum(map(len, body))}\r\n")
        lines.append("\r\n")
        head_bytes = "".join(lines).encode("latin-1", "replace")
        if bodiless:
            self.wfile.write(head_bytes)
        elif sum(map(len, body)) < 65_536:
            self.wfile.write(b"".join((head_bytes, *body)))
        else:
            self.wfile.write(head_bytes)
            for chunk in body:
                self.wfile.write(chunk)


def _dechunk(line: BinaryIO) -> bytes:
    source = DechunkedInput(line)
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := source.read(1 << 16):
            size += len(piece)
            if size > MAX_BODY:
                raise _BadRequestError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body over {MAX_BODY} bytes: upload in parts"
                )
            pieces.append(piece)
    except OSError as error:
        raise _BadRequestError(HTTPStatus.BAD_REQUEST, "chunked body is malformed") from error
    return b"".join(pieces)
