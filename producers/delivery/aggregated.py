"""Delivery of aggregates: events in, one bucket's worth of them in each record, none waiting longer than the linger."""

import threading
from collections.abc import Sequence

from glue.ports import Clock
from producers.delivery.aggregating import Packer
from producers.delivery.report import DeliveryReport
from producers.delivery.sending import Delivery
from producers.ports import OutRecord, StreamRefusedError


class AggregatedDelivery:
    """A delivery that packs events first; the report counts events, and names them by id, as without aggregation.

    An event is accepted when the record that carries it is; until then it is in nobody's hands but this process's.

    Args:
        delivery: sends the records; closed with this one.
        packer: what packs them.
        clock: time.
    """

    def __init__(self, delivery: Delivery, packer: Packer, *, clock: Clock) -> None:
        self._delivery = delivery
        self._packer = packer
        self._clock = clock
        self._packing = threading.Lock()
        self._closed = threading.Event()
        self._lingering = threading.Thread(target=self._send_due, daemon=True)
        self._lingering.start()

    @property
    def report(self) -> DeliveryReport:
        """What became of the events so far."""
        return self._delivery.report

    def put(self, record: OutRecord, *, timeout: float | None = None) -> None:
        """Takes the event over.

        Args:
            record: one event.
            timeout: without meaning here: events wait in memory until their record is made.

        Raises:
            StreamRefusedError: the stream can take nothing now; events that wait are reported as failed on ``close``.
        """
        del timeout
        with self._packing:
            self._hand_on(self._packer.add(record, now=self._clock.now()))
        if self.report.stopped is not None:
            raise self.report.stopped

    def flush(self) -> None:
        """Sends what waits and comes back when nothing is under way."""
        with self._packing:
            self._hand_on(self._packer.drain())
        self._delivery.flush()

    def abandon(self) -> None:
        """No more retries."""
        self._delivery.abandon()

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Sends the rest, waits for every answer and gives the account of all events."""
        self._closed.set()
        self._lingering.join()
        with self._packing:
            self._hand_on(self._packer.drain())
        return self._delivery.close(timeout)

    def _hand_on(self, records: Sequence[OutRecord]) -> None:
        for record in records:
            try:
                self._delivery.put(record)
            except StreamRefusedError:
                # Delivery has it in its report, as it will have the others.
                continue

    def _send_due(self) -> None:
        while not self._closed.wait(self._packer.linger / 2):
            with self._packing:
                self._hand_on(self._packer.due(self._clock.now()))
