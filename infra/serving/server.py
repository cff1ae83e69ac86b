"""Several processes that answer on one port. A process listens only once it has warmed up.

Source: https://github.com/emmett-framework/granian
"""

import asyncio
import gc
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from msgspec import Struct

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.scoring.service import Service, Settings
from glue.aws.settings import AwsSettings, using
from glue.system_clock import SystemClock
from infra.serving.access_log import open_log
from infra.serving.application import Application, Limits
from infra.serving.keys_file import KeysFile
from infra.serving.metrics import Metrics
from infra.serving.quota import SharedQuota

HEADER_SECONDS = 10
STOP_SECONDS = 15
_LOOK_SECONDS = 0.02


class ServeSettings(Struct, frozen=True, kw_only=True):
    """What is served, and how.

    Args:
        host, port: where it listens.
        processes: that answer.
        policy: the policy's text.
        policy_files: by name, the texts that the policy names.
        keys: the file of keys.
        run: a folder for what the processes share while they run.
        service: how the routes answer.
        limits: of one request.
        access_log: a file; ``-`` is standard error; empty: none.
        stream: where scored texts go; empty: nowhere.
        aws: which AWS the stream is on.
        open_metrics: metrics need no key.
        behind_proxy: what a proxy says of the caller's origin is believed.
        tls_chain, tls_key: files of a certificate and its key; None: no TLS.
    """

    host: str
    port: int
    processes: int
    policy: str
    policy_files: Mapping[str, str] = {}
    keys: Path
    run: Path
    service: Settings = Settings()
    limits: Limits = Limits()
    access_log: str = "-"
    stream: str = ""
    aws: AwsSettings = AwsSettings()
    open_metrics: bool = False
    behind_proxy: bool = False
    tls_chain: Path | None = None
    tls_key: Path | None = None


class Served:
    """The application as the server calls it, with what begins and ends with its process.

    Args:
        settings: what is served.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._ending = ExitStack()
        metrics = Metrics(settings.run)
        keys = KeysFile(settings.keys)
        submissions = None
        if settings.stream:
            # Imported here: most servers have no stream.
            from infra.serving.stream import StreamSubmissions
            from producers.aws.kinesis import KinesisStream

            self._ending.enter_context(using(settings.aws))
            stream = KinesisStream(settings.stream)
            submissions = StreamSubmissions(stream, clock=SystemClock(), outcome=metrics.submitted)
            self._ending.callback(submissions.close)
        service = Service(
            Moderator(Policy.load(settings.policy, files=settings.policy_files.__getitem__)),
            keys=keys,
            quota=SharedQuota(settings.run / "quotas"),
            submissions=submissions,
            settings=settings.service,
        )
        service.warm_up(wholly=True)
        self._application = Application(
            service,
            keys=keys,
            metrics=metrics,
            access_log=open_log(settings.access_log),
            limits=settings.limits,
            open_metrics=settings.open_metrics,
            behind_proxy=settings.behind_proxy,
        )
        # What is here now stays; to look through it again and again would only make some answers late.
        gc.collect()
        gc.freeze()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answers one request."""
        await self._application(scope, protocol)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sends what waits for the stream."""
        self._ending.close()


def serve(settings: ServeSettings, ready: Callable[[], None] | None = None) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        settings: what is served, and how.
        ready: called once a process listens.
    """
    logging.getLogger("_granian").setLevel(logging.WARNING)
    server = Server(
        "streamkeeper",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=settings.processes,
        http=HTTPModes.auto,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        websockets=False,
        ssl_cert=settings.tls_chain,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    if ready is not None:
        threading.Thread(target=_tell, args=(settings, ready), daemon=True).start()
    # A loader may also give an object with the method __rsgi__, which the library's types do not say.
    loader: Callable[..., Any] = partial(Served, settings)
    server.serve(target_loader=loader, wrap_loader=False)


def _tell(settings: ServeSettings, ready: Callable[[], None]) -> None:
    wait_until_listening(settings.host, settings.port)
    ready()


def wait_until_listening(host: str, port: int) -> None:
    """Comes back once somebody listens on a port."""
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(_LOOK_SECONDS)
            continue
        return


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind((host, 0))
        port: int = asked.getsockname()[1]
        return port


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens on a port already."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((host, port))
        except OSError:
            return True
        return False
