"""A stream and a clock in memory, for delivery: it throttles, fails, loses answers and refuses as told."""

from collections.abc import Callable, Sequence

from producers.delivery.report import DeliveryReport
from producers.delivery.sending import Delivery
from producers.ports import OutRecord, PutResult

Behaviour = Callable[[int, Sequence[OutRecord]], Sequence[PutResult] | None]


class VirtualClock:
    """Time that passes only when someone sleeps; chance that is always the same."""

    def __init__(self, now: float = 1_000.0, chance: float = 0.5) -> None:
        self.time = now
        self.chance = chance
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def random(self) -> float:
        return self.chance


class FakeStream:
    """Keeps what was put. ``behaviour(call_number, records)`` may answer instead, or raise; None takes all."""

    def __init__(self, behaviour: Behaviour | None = None, *, clock: VirtualClock | None = None) -> None:
        self.behaviour = behaviour
        self.clock = clock
        self.calls: list[list[str]] = []
        self.taken: list[OutRecord] = []

    def put(self, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        number = len(self.calls)
        self.calls.append([record.event_id for record in records])
        if self.clock is not None:
            self.clock.time += 0.01
        answer = self.behaviour(number, records) if self.behaviour is not None else None
        if answer is None:
            answer = [self.take(record) for record in records]
        return answer

    def take(self, record: OutRecord) -> PutResult:
        """Stores the record and gives where it lies."""
        self.taken.append(record)
        return PutResult(str(len(self.taken)), "shardId-000000000000")


THROTTLE = PutResult(None, None, "ProvisionedThroughputExceededException")


class WatchedDelivery:
    """A delivery that knows how it was ended, and may refuse a record.

    Args:
        inner: does the work.
        before_put: called with each record before it is put.
    """

    def __init__(self, inner: Delivery, *, before_put: Callable[[OutRecord], None] = lambda record: None) -> None:
        self._inner = inner
        self._before_put = before_put
        self.ended: list[str] = []

    @property
    def report(self) -> DeliveryReport:
        return self._inner.report

    def put(self, record: OutRecord, *, timeout: float | None = None) -> None:
        self._before_put(record)
        self._inner.put(record, timeout=timeout)

    def flush(self) -> None:
        self._inner.flush()

    def abandon(self) -> None:
        self.ended.append("abandon")
        self._inner.abandon()

    def close(self, timeout: float | None = None) -> DeliveryReport:
        self.ended.append("close")
        return self._inner.close(timeout)
