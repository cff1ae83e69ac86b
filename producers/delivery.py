"""Puts records on a stream until each is taken or given up: resends only what failed, and says which ids failed.

At least once: when the answer to a call is lost, its records are sent again and may be there twice; readers keep one
row per event id. PutRecords keeps no order, and a resend even less.

Source: https://docs.aws.amazon.com/streams/latest/dev/developing-producers-with-sdk.html (failures in PutRecords)
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from producers.batching import Batcher, UnsendableError
from producers.ports import (
    CallFailedError,
    CallRefusedError,
    Clock,
    OutRecord,
    PutResult,
    Stream,
    StreamRefusedError,
)

THROTTLED = "ProvisionedThroughputExceededException"
INTERRUPTED = "interrupted"

Accepted = Callable[[Sequence[tuple[OutRecord, PutResult]]], None]


class DeliverySettings(Struct, frozen=True, kw_only=True):
    """How hard delivery tries.

    Args:
        in_flight: calls at the same time, 1 to 64; ``put`` waits when all are busy.
        max_attempts: calls in a row that brought none of a batch's records through before the rest is given up.
        max_seconds: the longest one batch may take from its first call to its last.
        base_delay: seconds; the n-th wait is a random part of ``base_delay * 2**n`` (full jitter).
        max_delay: seconds; the longest wait between two calls.
        linger: seconds after which a batch that is not full is sent; None: only when it is full or flushed.
        keep_ids: whether the report lists the accepted ids, or only counts them.
    """

    in_flight: int = 4
    max_attempts: int = 10
    max_seconds: float = 120.0
    base_delay: float = 0.1
    max_delay: float = 5.0
    linger: float | None = None
    keep_ids: bool = True


class NotDeliverable(Struct, frozen=True):
    """Events that were not taken, why, and what to do next."""

    event_ids: tuple[str, ...]
    reason: str
    attempts: int
    next_step: str


@dataclass(kw_only=True)
class DeliveryReport:
    """What became of every record that was put: each id is in ``accepted_ids`` or in one of ``failed``.

    Events are counted, also those inside an aggregate; ``resent`` and ``throttled`` count Kinesis records.
    """

    accepted: int = 0
    accepted_ids: list[str] = field(default_factory=list)
    failed: list[NotDeliverable] = field(default_factory=list)
    calls: int = 0
    resent: int = 0
    throttled: int = 0
    bytes_sent: int = 0
    latencies: list[float] = field(default_factory=list)
    stopped: StreamRefusedError | None = None

    @property
    def failed_ids(self) -> list[str]:
        """The ids that are not in the stream as far as its answers say."""
        return [event_id for group in self.failed for event_id in group.event_ids]

    def latency(self, share: float) -> float | None:
        """Seconds that this share (0 to 1) of the calls stayed under, None before the first call.

        >>> DeliveryReport(latencies=[0.1, 0.2, 0.3, 0.4]).latency(0.5)
        0.2
        """
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


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

    ``put`` and ``flush`` belong to one thread. After ``close`` every record is accounted for in the report.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        clock: Clock,
        settings: DeliverySettings | None = None,
        on_accepted: Accepted | None = None,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._settings = settings or DeliverySettings()
        self._on_accepted = on_accepted
        self._batcher = Batcher()
        self._batching = threading.Lock()
        self._reporting = threading.Lock()
        self._free = threading.BoundedSemaphore(self._settings.in_flight)
        self._pool = ThreadPoolExecutor(self._settings.in_flight, thread_name_prefix="put-records")
        self._calls: set[Future[None]] = set()
        self._abandoned = False
        self._defect: BaseException | None = None
        self._closed = threading.Event()
        self.report = DeliveryReport()
        self._lingering: threading.Thread | None = None
        if self._settings.linger is not None:
            self._lingering = threading.Thread(target=self._send_lingering, args=(self._settings.linger,), daemon=True)
            self._lingering.start()

    def put(self, record: OutRecord) -> None:
        """Takes the record over; it is sent when its batch is full.

        Raises:
            StreamRefusedError: the stream can take nothing now; this record and all that are not yet sent are in the
                report as failed.
        """
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
        self._send_batched()
        for call in list(self._calls):
            call.exception()

    def abandon(self) -> None:
        """No more retries: what the stream has not taken by its current call is reported as failed."""
        self._abandoned = True

    def close(self) -> DeliveryReport:
        """Sends the rest, waits for every answer and gives the account of all records."""
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
        throttled = len(records) if reason == THROTTLED else 0
        for position, record in enumerate(records):
            result = results[position] if position < len(results) else None
            if result is not None and result.sequence_number:
                taken.append((record, result))
                continue
            left.append(record)
            if result is not None:
                reason = result.error_code or "no sequence number"
                throttled += reason == THROTTLED
        with self._reporting:
            report = self.report
            report.calls += 1
            report.latencies.append(latency)
            report.resent += len(records) if is_resend else 0
            report.throttled += throttled
            report.accepted += sum(len(record.inside) or 1 for record, _ in taken)
            report.bytes_sent += sum(record.size for record, _ in taken)
            if self._settings.keep_ids:
                report.accepted_ids += [event_id for record, _ in taken for event_id in record.event_ids]
            if taken and self._on_accepted is not None:
                self._on_accepted(taken)
        return left, reason

    def _fail(self, records: Sequence[OutRecord], reason: str, attempts: int) -> None:
        event_ids = tuple(event_id for record in records for event_id in record.event_ids)
        group = NotDeliverable(event_ids, reason, attempts, _next_step(reason))
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


def _next_step(reason: str) -> str:
    if reason == THROTTLED:
        return "Lower the rate or add shards, then send these ids again"
    if reason.startswith("unsendable"):
        return "Make the record smaller or its key shorter; it can never be sent as it is"
    if reason == INTERRUPTED:
        return "Send these ids again; an id that was taken after all is kept once"
    return "Send these ids again when the cause is gone; an id that was taken after all is kept once"
