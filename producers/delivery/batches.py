"""Delivery in batches out of memory: full calls, several at a time, each batch with its own retries."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from glue.ports import Clock
from producers.delivery.batching import Batcher, UnsendableError
from producers.delivery.call import call
from producers.delivery.report import INTERRUPTED, Accepted, DeliveryReport, DeliverySettings
from producers.ports import CallRefusedError, OutRecord, Stream, StreamRefusedError


class BatchDelivery:
    """Sends records in batches from several threads; ``put`` blocks when too much is under way.

    Args:
        stream: where to.
        clock: time and chance.
        settings: limits of the retries.
        on_accepted: called with the records of a call that were taken and where they lie, one call at a time.
        batcher: what one call can carry; None: PutRecords.

    ``put`` and ``flush`` belong to one thread. After ``close`` every record is accounted for in the report.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        clock: Clock,
        settings: DeliverySettings,
        on_accepted: Accepted | None = None,
        batcher: Batcher | None = None,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._settings = settings
        self.report = DeliveryReport()
        self._on_accepted = on_accepted
        self._batcher = batcher or Batcher()
        self._batching = threading.Lock()
        self._reporting = threading.Lock()
        self._free = threading.BoundedSemaphore(settings.in_flight)
        self._pool = ThreadPoolExecutor(settings.in_flight, thread_name_prefix="put-records")
        self._calls: set[Future[None]] = set()
        self._abandoned = False
        self._defect: BaseException | None = None
        self._closed = threading.Event()
        self._lingering: threading.Thread | None = None
        if settings.linger is not None:
            self._lingering = threading.Thread(target=self._send_lingering, args=(settings.linger,), daemon=True)
            self._lingering.start()

    def put(self, record: OutRecord, *, timeout: float | None = None) -> None:
        """Takes the record over; it is sent when its batch is full.

        Args:
            record: what to send.
            timeout: without meaning here: nothing but a spool can be full.

        Raises:
            StreamRefusedError: the stream can take nothing now; this record is in the report as failed, and so are all
                that are not yet sent.
        """
        del timeout
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
        for future in list(self._calls):
            future.exception()

    def abandon(self) -> None:
        """No more retries: what the stream has not taken by its current call is reported as failed."""
        self._abandoned = True

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Sends the rest, waits for every answer and gives the account of all records.

        Args:
            timeout: without meaning here: nothing could stay behind, and each batch has its own limit.
        """
        del timeout
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
        future = self._pool.submit(self._deliver, batch)
        self._calls.add(future)
        future.add_done_callback(self._done)

    def _done(self, future: "Future[None]") -> None:
        self._calls.discard(future)
        self._free.release()
        if (error := future.exception()) is not None:
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
        answer = call(self._stream, records, self._clock)
        taken = [(records[position], result) for position, result in answer.taken]
        with self._reporting:
            sent = [record for record, _ in taken]
            resent = len(records) if is_resend else 0
            self.report.count_call(answer.seconds, sent, resent=resent, throttled=answer.turned_away)
            self.report.accept(sent, keep_ids=self._settings.keep_ids)
            if taken and self._on_accepted is not None:
                self._on_accepted(taken)
        left = sorted([*answer.left, *(position for position, _ in answer.throttled)])
        return [records[position] for position in left], answer.reason

    def _fail(self, records: Sequence[OutRecord], reason: str, attempts: int) -> None:
        with self._reporting:
            self.report.fail(records, reason, attempts)
