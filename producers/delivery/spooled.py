"""Delivery through lanes: events into a spool first, or held in memory, and sent from there shard by shard."""

import threading
from collections import deque

from glue.ports import Clock
from producers.delivery.batching import UnsendableError, check_sendable
from producers.delivery.paced import Paced
from producers.delivery.report import INTERRUPTED, Accepted, DeliveryReport, DeliverySettings
from producers.delivery.shard_rates import RateSettings
from producers.ports import OutRecord, Stream
from producers.spool.errors import SpoolFullError
from producers.spool.spool import Spool

_LOOK = 0.1
_GATHER = 0.005


class LaneDelivery:
    """A delivery that keeps a rate for each shard, out of a spool or out of memory.

    Arguments as for :func:`producers.delivery.sending.open_delivery`.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        clock: Clock,
        settings: DeliverySettings,
        on_accepted: Accepted | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self.report = DeliveryReport()
        self._spool = spool
        self._paced = Paced(
            stream,
            clock=clock,
            settings=settings,
            report=self.report,
            on_accepted=on_accepted,
            spool=spool,
            rates=RateSettings(),
        )
        self._reporting = threading.Lock()
        self._sorting = threading.Lock()
        self._abandoned = False
        self._closed = False
        self._unsure: deque[tuple[int, OutRecord]] = deque()
        self._defect: BaseException | None = None
        self._appended = threading.Event()
        self._syncing: threading.Thread | None = None
        if spool is not None:
            self.report.left_over = spool.opened.records
            if not settings.durable_put:
                self._syncing = threading.Thread(target=self._sync, name="spool-sync", daemon=True)
                self._syncing.start()
        self._paced.start()

    def put(self, record: OutRecord, *, timeout: float | None = None) -> None:
        """Takes the record over: with a spool, onto the disk."""
        try:
            check_sendable(record)
        except UnsendableError as error:
            self._fail(record, f"unsendable: {error}")
            return
        self._check(record)
        if self._spool is None:
            self._paced.hold(record)
            self._check(None)
            return
        number = self._append(self._spool, record, timeout)
        if number is None:
            return
        if self._settings.durable_put:
            self._spool.sync(number)
            self._accept([record])
            self._paced.wake()
        else:
            self._unsure.append((number, record))
            if not self._appended.is_set():
                self._appended.set()

    def flush(self) -> None:
        """Comes back when everything was sent, or nothing more is."""
        if self._spool is not None:
            self._sync_now(self._spool)
        self._paced.flush()

    def abandon(self) -> None:
        """No more retries."""
        self._abandoned = True
        self._paced.abandon()

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Sends the rest for as long as there is time. What is left then is in the spool, or failed without one."""
        if self._closed:
            return self.report
        self._closed = True
        if self._spool is not None:
            self._appended.set()
            if self._syncing is not None:
                self._syncing.join()
            self._sync_now(self._spool)
            if timeout is None:
                timeout = self._settings.max_seconds
        self._paced.close(timeout)
        self.report.spooled = self._paced.spooled(self.report.accepted)
        defect = self._defect or self._paced.defect
        if defect is not None:
            raise defect
        return self.report

    def _check(self, record: OutRecord | None) -> None:
        error = self._defect or self._paced.defect or self.report.stopped
        if error is None:
            return
        if record is not None:
            self._fail(record, getattr(error, "code", type(error).__name__))
        raise error

    def _append(self, spool: Spool, record: OutRecord, timeout: float | None) -> int | None:
        """The number to sync; None: the record was not taken, and is reported."""
        started = self._clock.now()
        while True:
            try:
                return spool.append([record], now=self._clock.now(), timeout=0 if timeout == 0 else _LOOK)
            except SpoolFullError:
                if timeout is not None and self._clock.now() - started >= timeout:
                    raise
            self._check(record)
            if self._abandoned:
                self._fail(record, INTERRUPTED)
                return None

    def _sync(self) -> None:
        """What was appended is on disk within milliseconds; many records share a sync."""
        assert self._spool is not None  # noqa: S101
        try:
            while not self._closed:
                self._appended.wait(_LOOK)
                self._appended.clear()
                self._clock.sleep(_GATHER)
                self._sync_now(self._spool)
        except BaseException as error:
            self._defect = error

    def _sync_now(self, spool: Spool) -> None:
        spool.sync()
        accepted: list[OutRecord] = []
        with self._sorting:
            while self._unsure and self._unsure[0][0] <= spool.durable:
                accepted.append(self._unsure.popleft()[1])
        if accepted:
            self._accept(accepted)
            self._paced.wake()

    def _accept(self, records: list[OutRecord]) -> None:
        with self._reporting:
            self.report.accept(records, keep_ids=self._settings.keep_ids)

    def _fail(self, record: OutRecord, reason: str) -> None:
        with self._reporting:
            self.report.fail([record], reason, 0)
