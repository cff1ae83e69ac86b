"""Everything of the runtime that outlives it, in one folder."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.awslambda.checkpoints import Checkpoints
from infra.local.durable.items import KeptItems
from infra.local.durable.messages import KeptMessages
from infra.local.durable.objects import KeptObjects
from infra.local.durable.requests import Requests
from infra.local.durable.store import Store
from infra.local.firehose.journal import DeliveryJournal
from infra.local.kinesis.log import StreamLog
from infra.local.kinesis.streams import Streams
from infra.local.moto_backend import MotoBackend

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_SWEEP_SECONDS: Final = 1.0


class Kept:
    """The store of a folder, and who keeps what in it.

    The order at a start: ``streams`` before the stack is made, so that a stream that is created goes on with its
    records; ``rest`` once it is made; then ``start``.

    Args:
        folder: an existing folder of one owner.
        moto: moto's backends.

    Raises:
        StoreError: the folder's store cannot be read.
    """

    def __init__(self, folder: Path, moto: MotoBackend) -> None:
        self.store = Store(folder)
        self.log = StreamLog(self.store)
        self.checkpoints = Checkpoints(self.store)
        items = KeptItems(self.store, moto)
        self.requests = Requests(self.store, items)
        self._items = items
        self._messages = KeptMessages(self.store, moto)
        self._objects = KeptObjects(self.store, moto)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def journal(self, name: str) -> DeliveryJournal:
        """The journal of a delivery stream."""
        return DeliveryJournal(self.store, name)

    def streams(self, streams: Streams, *, now: float) -> None:
        """Holds the kept streams ready."""
        streams.keep(self.log.restore(streams, now=now))

    def rest(self, streams: Streams, application: "WSGIApplication") -> list[str]:
        """Brings back all else; gives a line for each thing that was left out.

        Args:
            application: makes the kept calls again.
        """
        streams.take_up_kept()
        problems = self.requests.replay(application)
        steps: list[Callable[[], list[str]]] = [self._objects.load, self._items.load, self._messages.load]
        for step in steps:
            problems += step()
        return problems

    def start(self) -> None:
        """Writes from now on what nobody waits for."""
        self.store.start()
        self._thread = threading.Thread(target=self._sweep, name="kept-messages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what is left. Calling it twice is fine."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._messages.sweep()
        self.store.close()

    def _sweep(self) -> None:
        while not self._stopping.wait(_SWEEP_SECONDS):
            self._messages.sweep()
