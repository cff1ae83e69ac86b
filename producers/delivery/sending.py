"""Puts records on a stream until each is taken or given up: resends only what failed, and says which ids failed.

At least once: when the answer to a call is lost, its records are sent again and may be there twice; readers keep one
row per event id. PutRecords keeps no order, and a resend even less.

Source: https://docs.aws.amazon.com/streams/latest/dev/developing-producers-with-sdk.html (failures in PutRecords)
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from producers.delivery.batching import Batcher, UnsendableError
from producers.delivery.report import (
    INTERRUPTED,
    THROTTLED,
    THROTTLES,
    Accepted,
    DeliveryReport,
    DeliverySettings,
    NotDeliverable,
    next_step,
)
from producers.delivery.spooled import LaneDelivery
from producers.ports import (
    CallFailedError,
    CallRefusedError,
    Clock,
    OutRecord,
    PutResult,
    Stream,
    StreamRefusedError,
)
from producers.spool.spool import Spool

__all__ = [
    "INTERRUPTED",
    "THROTTLED",
    "Accepted",
    "Delivering",
    "Delivery",
    "DeliveryReport",
    "DeliverySettings",
    "NotDeliverable",
    "deliver",
]


class Delivering(Protocol):
    """What takes records and answers for them: delivery itself, or what stands before it."""

    @property
    def report(self) -> DeliveryReport: ...

    def put(self, record: OutRecord) -> None: ...

    def flush(self) -> None: ...

    def abandon(self) -> None: ...

    def close(self) -> DeliveryReport: ...


class Delivery:
    """Sends records in batches from several threads; ``put`` blocks when too much is under way.

    Args:
        stream: where to.
        clock: time and chance.
        settings: limits of the retries.
        on_accepted: called with the records of a call that were taken and where they lie, one call at a time.
        batcher: what one call can carry; None: PutRecords.
        spool: events go to disk first: ``put`` comes back once they are there, and whoever opens the spool next sends
            what was left. A full one makes ``put`` wait. Closed by whoever made it, after this.

    ``put`` and ``flush`` belong to one thread; with a spool, ``put`` to any, and they share its syncs. After ``close``
    every record is accounted for in the report.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        clock: Clock,
        settings: DeliverySettings | None = None,
        on_accepted: Accepted | None = None,
        batcher: Batcher | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._settings = settings or DeliverySettings()
        self.report = DeliveryReport()
        self._lanes: LaneDelivery | None = None
        if spool is not None or self._settings.paced:
            self._lanes = LaneDelivery(
                stream,
                clock=clock,
                settings=self._settings,
                report=self.report,
                on_accepted=on_accepted,
                spool=spool,
            )
            return
        self._on_accepted = on_accepted
        self._batcher = batcher or Batcher()
        self._batching = threading.Lock()
        self._reporting = threading.Lock()
        self._free = threading.BoundedSemaphore(self._settings.in_flight)
        self._pool = ThreadPoolExecutor(self._settings.in_flight, thread_name_prefix="put-records")
        self._calls: set[Future[None]] = set()
        self._abandoned = False
        self._defect: BaseException | None = None
        self._closed = threading.Event()
        self._lingering: threading.Thread | None = None
        if self._settings.linger is not None:
            self._lingering = threading.Thread(target=self._send_lingering, args=(self._settings.linger,), daemon=True)
            self._lingering.start()

    def put(self, record: OutRecord, *, timeout: float | None = None) -> None:
        """Takes the record over; it is sent when its batch is full. With a spool, it is durable on return.

        Args:
            record: what to send.
            timeout: seconds to wait for room in a spool; None: as long as it takes, 0: not at all.

        Raises:
            StreamRefusedError: the stream can take nothing now; this record is in the report as failed, and so are all
                that are not yet sent, but for those that are in a spool: they stay there.
            SpoolFullError: no room in that time; the record was not taken.
            SpoolBrokenError: the disk failed; whether the record is in the spool is not known.
        """
        if self._lanes is not None:
            self._lanes.put(record, timeout)
            return
        try:
            with self._batching:
                full = self._batcher.add(record)
                if full is not None:
                    self._start(full)
        except UnsendableError as error:
            self._fail([record], f"unsendable: {error}", 0)
            return
        if self._defect is not None:
            raise self._defect
        if self.report.stopped is not None:
            raise self.report.stopped

    def flush(self) -> None:
        """Sends what is batched and comes back when nothing is under way."""
        if self._lanes is not None:
            self._lanes.flush()
            return
        self._send_batched()
        for call in list(self._calls):
            call.exception()

    def abandon(self) -> None:
        """No more retries: what the stream has not taken by its current call is reported as failed or stays spooled."""
        if self._lanes is not None:
            self._lanes.abandon()
            return
        self._abandoned = True

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Sends the rest, waits for every answer and gives the account of all records.

        Args:
            timeout: with a spool, seconds after which what is not sent stays there; None: ``settings.max_seconds``.
                Without a spool nothing could stay, and each batch has its own limit.
        """
        if self._lanes is not None:
            return self._lanes.close(timeout)
        self._closed.set()
        if self._lingering is not None:
            self._lingering.join()
        self.flush()
        self._pool.shutdown()
        if self._defect is not None:
            raise self._defect
        return self.report

    def _send_lingering(self, linger: float) -> None:
        while not self._closed.wait(linger):
            self._send_batched()

    def _send_batched(self) -> None:
        with self._batching:
            rest = self._batcher.drain()
            if rest:
                self._start(rest)

    def _start(self, batch: list[OutRecord]) -> None:
        self._free.acquire()
        call = self._pool.submit(self._deliver, batch)
        self._calls.add(call)
        call.add_done_callback(self._done)

    def _done(self, call: "Future[None]") -> None:
        self._calls.discard(call)
        self._free.release()
        if (error := call.exception()) is not None:
            self._defect = error

    def _deliver(self, batch: list[OutRecord]) -> None:
        pending = batch
        started = self._clock.now()
        attempts = fruitless = 0
        reason = INTERRUPTED
        while pending:
            if self.report.stopped is not None:
                return self._fail(pending, self.report.stopped.code, attempts)
            if attempts and (
                self._abandoned
                or fruitless >= self._settings.max_attempts
                or self._clock.now() - started >= self._settings.max_seconds
            ):
                return self._fail(pending, INTERRUPTED if self._abandoned else reason, attempts)
            if attempts:
                self._wait(fruitless)
            attempts += 1
            before = len(pending)
            try:
                pending, reason = self._call(pending, is_resend=attempts > 1)
            except CallRefusedError as error:
                if before == 1:
                    return self._fail(pending, error.code, attempts)
                # One record may be at fault: halves find it, and the others pass.
                self._deliver(pending[: before // 2])
                return self._deliver(pending[before // 2 :])
            except StreamRefusedError as error:
                self.report.stopped = error
                continue
            except BaseException as error:
                self._fail(pending, type(error).__name__, attempts)
                raise
            fruitless = fruitless + 1 if len(pending) == before else 0
        return None

    def _wait(self, fruitless: int) -> None:
        longest = min(self._settings.max_delay, self._settings.base_delay * 2.0**fruitless)
        self._clock.sleep(self._clock.random() * longest)

    def _call(self, records: list[OutRecord], *, is_resend: bool) -> tuple[list[OutRecord], str]:
        """One call: what was not taken, and the last reason."""
        results: Sequence[PutResult] = ()
        called = self._clock.now()
        try:
            results = self._stream.put(records)
            reason = "no answer for the record"
        except CallFailedError as error:
            reason = error.code
        finally:
            latency = self._clock.now() - called
        taken: list[tuple[OutRecord, PutResult]] = []
        left: list[OutRecord] = []
        throttled = len(records) if reason in THROTTLES else 0
        for position, record in enumerate(records):
            result = results[position] if position < len(results) else None
            if result is not None and result.sequence_number:
                taken.append((record, result))
                continue
            left.append(record)
            if result is not None:
                reason = result.error_code or "no sequence number"
                throttled += reason in THROTTLES
        with self._reporting:
            report = self.report
            report.calls += 1
            report.called(latency)
            report.resent += len(records) if is_resend else 0
            report.throttled += throttled
            events = sum(len(record.inside) or 1 for record, _ in taken)
            report.accepted += events
            report.sent += events
            report.bytes_sent += sum(record.size for record, _ in taken)
            if self._settings.keep_ids:
                report.accepted_ids += [event_id for record, _ in taken for event_id in record.event_ids]
            if taken and self._on_accepted is not None:
                self._on_accepted(taken)
        return left, reason

    def _fail(self, records: Sequence[OutRecord], reason: str, attempts: int) -> None:
        event_ids = tuple(event_id for record in records for event_id in record.event_ids)
        group = NotDeliverable(event_ids, reason, attempts, next_step(reason))
        with self._reporting:
            self.report.failed.append(group)


def deliver(
    records: Iterable[OutRecord],
    stream: Stream,
    *,
    clock: Clock,
    settings: DeliverySettings | None = None,
    on_accepted: Accepted | None = None,
) -> DeliveryReport:
    """The account of all records after each was taken or given up.

    When the stream refuses everything, records not yet read from ``records`` are not in the report; ``report.stopped``
    says so.
    """
    delivery = Delivery(stream, clock=clock, settings=settings, on_accepted=on_accepted)
    try:
        for record in records:
            delivery.put(record)
    except StreamRefusedError:
        pass
    except BaseException:
        delivery.abandon()
        delivery.close()
        raise
    return delivery.close()
