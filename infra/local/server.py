"""The twin's HTTP server, on the loopback interface only: HTTP/1.1 and HTTP/2 on one port, TLS on another.

granian carries the protocols. SDKs ask for them all: Java's and JavaScript's speak HTTP/2 without TLS to Kinesis, the
Producer Library TLS only, boto3 HTTP/1.1.
"""

import asyncio
import contextlib
import os
import socket
import stat
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server

from infra.certificate import Certificate
from infra.local.native_threads import native_threads, wait_for_new_ones
from infra.local.rsgi import Workers, WsgiAdapter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 1024
# What calls that are on their way get to end by themselves when the server stops, and then to be broken off.
_GRACE_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 5.0
# Nothing but levels is set: the configuration of whoever runs the twin stays as it is.
_LOGGING: Final[dict[str, Any]] = {"incremental": True, "handlers": {}, "loggers": {}}


class LoopbackServer:
    """Serves a WSGI application on 127.0.0.1 from threads; the ports are its own from the beginning.

    Args:
        application: called from several threads at once; it may also be given to ``start``.
        port: 0 takes any free one; see ``url``.
        certificate: with it, a second port speaks TLS.
        tls_port: 0 takes any free one; see ``tls_url``.

    Raises:
        OSError: a port is taken.
    """

    def __init__(
        self,
        application: "WSGIApplication | None" = None,
        *,
        port: int = 0,
        certificate: Certificate | None = None,
        tls_port: int = 0,
    ) -> None:
        self._application = application
        self._certificate = certificate
        self._sockets = [_listen(port)]
        self.port: int = self._sockets[0].getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        """``http://127.0.0.1:PORT``, without a slash at the end."""
        self.tls_url: str | None = None
        if certificate is not None:
            try:
                self._sockets.append(_listen(tls_port))
            except OSError:
                self._sockets[0].close()
                raise
            self.tls_url = f"https://{HOST}:{self._sockets[1].getsockname()[1]}"
        self._ports = {line.getsockname()[1] for line in self._sockets}
        self._loop = asyncio.new_event_loop()
        self._servers: list[Server] = []
        self._thread: threading.Thread | None = None

    def start(self, application: "WSGIApplication | None" = None) -> Self:
        """Answers from now on; what came in before waits in line.

        Raises:
            RuntimeError: no application was given.
        """
        served = application or self._application
        if served is None:
            raise RuntimeError("give the server an application")
        self._before = set(native_threads())
        self._workers = Workers()
        self._adapter = WsgiAdapter(served, self._workers)
        certificates = [None, self._certificate]
        sockets = zip(self._sockets, certificates, strict=False)
        self._servers = [_Server(self._adapter, line, certificate) for line, certificate in sockets]
        self._sockets = []
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started.set,), name="twin-http-loop", daemon=True)
        self._thread.start()
        started.wait()
        return self

    def _serve(self, started: Callable[[], None]) -> None:
        asyncio.set_event_loop(self._loop)

        async def serve() -> None:
            served = [asyncio.ensure_future(server.serve()) for server in self._servers]
            started()
            await asyncio.gather(*served, return_exceptions=True)

        try:
            self._loop.run_until_complete(serve())
        finally:
            self._loop.close()

    def stop(self) -> None:
        """Stops listening and closes the open connections. Calling it twice is fine."""
        for line in self._sockets:
            line.close()
        self._sockets = []
        if self._thread is None:
            if not self._loop.is_closed():
                self._loop.close()
            return
        if self._thread.is_alive():
            for server in self._servers:
                self._loop.call_soon_threadsafe(server.stop)
            self._thread.join(_GRACE_SECONDS)
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._adapter.break_off)
            self._thread.join(_GRACE_SECONDS / 2)
            if self._thread.is_alive():
                _hang_up(self._ports)
            self._thread.join(_STOP_SECONDS)
        self._workers.close(1.0)
        wait_for_new_ones(self._before, seconds=_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(Server):
    """granian's, on a socket that is bound already."""

    def __init__(self, adapter: WsgiAdapter, line: socket.socket, certificate: Certificate | None) -> None:
        super().__init__(
            adapter,
            interface=Interfaces.RSGI,
            http=HTTPModes.auto,
            websockets=False,
            backlog=_BACKLOG,
            # As many connections as there may be; each waits for its turn here, not at the door.
            backpressure=1 << 14,
            http1_settings=HTTP1Settings(header_read_timeout=300_000, max_buffer_size=1 << 20),
            http2_settings=HTTP2Settings(max_concurrent_streams=1000, initial_connection_window_size=8 << 20),
            log_enabled=False,
            log_dictconfig=_LOGGING,
            ssl_cert=certificate.chain if certificate else None,
            ssl_key=certificate.key if certificate else None,
            # The Kinesis Producer Library speaks no newer one.
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._line = line

    def _init_shared_socket(self) -> None:
        # granian's own would let another process listen on the same port (SO_REUSEPORT), and forget which port 0 gave.
        self._shd = SocketHolder(self._line.detach(), False, _BACKLOG)  # type: ignore[assignment, call-arg]


def _listen(port: int) -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((HOST, port))
        line.listen(_BACKLOG)
        line.setblocking(False)
    except OSError:
        line.close()
        raise
    return line


def _hang_up(ports: set[int]) -> None:
    """Ends the connections of clients that do not: half a request, or an HTTP/2 session that is never closed.

    granian has no means for it, so they are found among the files that this process has open.
    """
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if not stat.S_ISSOCK(os.stat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as line:
                if line.family == socket.AF_INET and line.getsockname()[1] in ports:
                    line.shutdown(socket.SHUT_RDWR)
