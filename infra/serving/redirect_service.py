"""The redirector with what it leads to: a process that speaks TLS with a certificate for the host."""

import asyncio
import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from infra.certificate import Certificate, certificate_for
from infra.serving.redirect import HOST, Redirector
from infra.serving.server import STOP_SECONDS, ServeSettings, free_port, serve, wait_until_listening


class Redirected(Struct, frozen=True):
    """What clients need to know.

    Args:
        proxy: the address for ``HTTPS_PROXY``.
        tls_port: where TLS is spoken.
        certificate: whose authority they have to trust.
    """

    proxy: str
    tls_port: int
    certificate: Certificate


@contextmanager
def redirecting(
    settings: ServeSettings, *, address: str, port: int, tls_port: int, folder: Path
) -> Iterator[Redirected]:
    """Leads the host here while the block runs.

    Args:
        settings: what is served.
        address, port: where the proxy listens; 0 takes any free port.
        tls_port: where TLS is spoken; 0 takes any free port.
        folder: where the certificate lies, and is made where there is none.

    Raises:
        OSError: the folder cannot be written, or the port is taken.
    """
    certificate = certificate_for(HOST, folder, now=datetime.now(UTC))
    tls_port = tls_port or free_port(address)
    behind_tls = msgspec.structs.replace(
        settings,
        host=address,
        port=tls_port,
        processes=1,
        tls_chain=certificate.chain.absolute(),
        tls_key=certificate.key.absolute(),
    )
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(behind_tls,), name="redirect")
    process.start()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="redirector", daemon=True)
    thread.start()
    try:
        wait_until_listening(address, tls_port)
        listening = asyncio.run_coroutine_threadsafe(Redirector(HOST, tls_port).listen(address, port), loop).result()
        taken = listening.sockets[0].getsockname()[1]
        yield Redirected(f"http://{address}:{taken}", tls_port, certificate)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        process.terminate()
        process.join(STOP_SECONDS)
        process.kill()
