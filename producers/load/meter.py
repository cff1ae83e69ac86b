"""Counts what a load offers and what becomes of it, from several threads."""

import threading
from collections.abc import Sequence

from msgspec.structs import replace

from glue.ports import Clock
from glue.units import KIB
from producers.delivery.report import DeliveryReport
from producers.load.histogram import Histogram
from producers.load.snapshot import Second, Snapshot
from producers.ports import OutRecord, PutResult, Sharded, ShardRange, Stream

PUT_UNIT_BYTES = 25 * KIB


class Meter:
    """The numbers of one process's part of a load.

    Latency is measured twice: of each call, and of each event from when it was due. The second does not look better
    when a slow stream keeps the sender from sending: events that wait their turn were due all the same.

    Args:
        clock: time.
        start: epoch seconds at which the schedule begins.
        planned: events in this part of the schedule.
    """

    def __init__(self, *, clock: Clock, start: float, planned: int) -> None:
        self._clock = clock
        self._start = start
        self._lock = threading.Lock()
        self._sums = Snapshot(planned=planned)
        self._put, self._response = Histogram(), Histogram()
        self._due: dict[str, list[float]] = {}
        self._changed: dict[int, Second] = {}
        self._seconds: dict[int, Second] = {}

    def offered(self, record: OutRecord, *, due: float) -> None:
        """An event is handed over now that was due at ``due`` (epoch seconds)."""
        behind = max(0.0, self._clock.now() - due)
        with self._lock:
            sums = self._sums
            sums.offered += 1
            sums.behind = behind
            if behind > sums.most_behind:
                sums.most_behind = behind
            second = self._second(due)
            second.events += 1
            second.bytes += len(record.data)
            # A list: a duplicate has its original's id.
            self._due.setdefault(record.event_id, []).append(due)

    def accepted(self, taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        """What to hand to delivery as ``on_accepted``."""
        now = self._clock.now()
        with self._lock:
            sums = self._sums
            sums.records += len(taken)
            second = self._second(now)
            for record, _ in taken:
                size = record.size
                sums.bytes += size
                sums.put_units += -(-size // PUT_UNIT_BYTES)
                sums.kilobytes += -(-size // KIB)
                sums.accepted += len(record.event_ids)
                second.accepted += len(record.event_ids)
                for event_id in record.event_ids:
                    dues = self._due.get(event_id)
                    if dues is None:
                        continue
                    self._response.add(now - dues.pop(0))
                    if not dues:
                        del self._due[event_id]

    def called(self, seconds: float, *, is_answered: bool) -> None:
        """A call of PutRecords took so long."""
        with self._lock:
            self._sums.calls += 1
            self._put.add(seconds)
            self._sums.failed_calls += not is_answered

    def snapshot(self, report: DeliveryReport, *, is_done: bool = False, is_interrupted: bool = False) -> Snapshot:
        """The numbers now. ``seconds`` are those that changed since the last snapshot, all of them when it is done."""
        with self._lock:
            sums = self._sums
            sums.elapsed = max(0.0, self._clock.now() - self._start)
            sums.put, sums.response = dict(self._put.counts), dict(self._response.counts)
            sums.seconds = dict(self._seconds if is_done else self._changed)
            self._changed = {}
            sums.resent, sums.throttled, sums.spooled = report.resent, report.throttled, report.spooled
            sums.failures = {}
            for group in list(report.failed):
                sums.failures[group.reason] = sums.failures.get(group.reason, 0) + len(group.event_ids)
                if group.next_step not in sums.next_steps:
                    sums.next_steps = [*sums.next_steps, group.next_step]
            sums.failed = sum(sums.failures.values())
            sums.stopped = None if report.stopped is None else str(report.stopped)
            sums.is_done, sums.is_interrupted = is_done, is_interrupted
            return replace(sums)

    def _second(self, moment: float) -> Second:
        number = max(0, int(moment - self._start))
        second = self._seconds.get(number)
        if second is None:
            second = self._seconds[number] = Second()
        self._changed[number] = second
        return second


class Timed:
    """A stream whose calls are measured."""

    def __init__(self, stream: Stream, meter: Meter, *, clock: Clock) -> None:
        self._stream = stream
        self._meter = meter
        self._clock = clock

    def put(self, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        """One call; see :class:`producers.ports.Stream`."""
        began = self._clock.now()
        is_answered = False
        try:
            results = self._stream.put(records)
            is_answered = True
        finally:
            self._meter.called(self._clock.now() - began, is_answered=is_answered)
        return results

    def shards(self) -> Sequence[ShardRange]:
        """The stream's open shards; empty when it cannot tell."""
        return self._stream.shards() if isinstance(self._stream, Sharded) else ()
