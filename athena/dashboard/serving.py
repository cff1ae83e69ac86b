"""The pages served on this machine, until Ctrl-C."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server

from athena.dashboard.lake import Lake
from athena.dashboard.web import Web

HOST = "127.0.0.1"


class PortTakenError(OSError):
    """Another program listens on the port."""


class _Quiet(WSGIRequestHandler):
    """Says nothing of requests: addresses hold what people looked for."""

    # With it a page's pieces are shown as they come.
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  the overridden method's name
        logging.getLogger("streamkeeper.dashboard").debug(message, *args)


@contextmanager
def serving(lake: Lake, *, port: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address at which the pages are, and what serves them until it is interrupted.

    Args:
        port: 0 takes any free one.

    Raises:
        PortTakenError: it is not free.
    """
    web = Web(lake)
    try:
        server = make_server(HOST, port, web, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit) as error:
        raise PortTakenError(f"port {port} of {HOST} is taken") from error
    web.answer_for(f"{name}:{server.port}" for name in (HOST, "localhost"))
    begun = threading.Event()

    def serve() -> None:
        begun.set()
        server.serve_forever()

    try:
        yield f"http://{HOST}:{server.port}/", serve
    finally:
        # A thread that still serves a closed socket would find some other file under its number, and never rest.
        if begun.is_set():
            server.shutdown()
        server.server_close()
