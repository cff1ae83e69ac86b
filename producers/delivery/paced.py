"""Sends from lanes, with several calls at a time: each shard at its own rate, out of memory or out of a spool."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from glue.ports import Clock
from producers.delivery.call import Answer, call
from producers.delivery.lanes import Lanes, Waiting
from producers.delivery.report import INTERRUPTED, Accepted, DeliveryReport, DeliverySettings
from producers.delivery.shard_rates import RateSettings
from producers.ports import (
    CallFailedError,
    CallRefusedError,
    OutRecord,
    PutResult,
    Sharded,
    ShardRange,
    Stream,
    StreamRefusedError,
)
from producers.spool.spool import Spool, Spooled

_HELD_BYTES = 32 * 1024 * 1024
_LANE_BYTES = 4 * 1024 * 1024
_MOST_WAITING = 200_000
_NAP = 0.05
_SHORTEST_NAP = 0.001
_IDLE = 0.1
_ASK_AGAIN = 5.0

Outcome = tuple[Waiting, OutRecord, PutResult]


class Paced:
    """Workers that put what waits in lanes.

    Args:
        stream: where to.
        clock: time and chance.
        settings: how hard to try. With a spool nothing is given up but what the stream refuses for its content.
        report: gets what happens.
        on_accepted: called with what a call brought through.
        spool: where records are read from and acknowledged; None: they are held in memory, see :meth:`hold`.
        rates: None: no pacing, for comparison.
        shards: the open ones as far as they are known; the workers ask for them and learn them.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        clock: Clock,
        settings: DeliverySettings,
        report: DeliveryReport,
        on_accepted: Accepted | None = None,
        spool: Spool | None = None,
        rates: RateSettings | None = None,
        shards: Sequence[ShardRange] = (),
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._settings = settings
        self._report = report
        self._on_accepted = on_accepted
        self._spool = spool
        self._lanes = Lanes(rates, linger=settings.linger if settings.linger is not None else _IDLE)
        self._lanes.tell(shards)
        self._state = threading.Condition()
        self._suspects: deque[list[Waiting]] = deque()
        self._under_way = 0
        self._fruitless = 0
        self._pause_until = 0.0
        self._asked_at: float | None = None
        self._abandoned = False
        self._closing = False
        self._deadline: float | None = None
        self._own = spool.durable if spool is not None else 0
        self._own_sent = 0
        self._old_sent = 0
        self._workers: list[threading.Thread] = []
        self.defect: BaseException | None = None

    def start(self) -> None:
        """Lets the workers begin."""
        self._workers = [
            threading.Thread(target=self._work, name=f"put-records-{number}", daemon=True)
            for number in range(self._settings.in_flight)
        ]
        for worker in self._workers:
            worker.start()

    def hold(self, record: OutRecord) -> None:
        """Takes a record into memory; waits while too much is held."""
        with self._state:
            while self._lanes.held_bytes >= _HELD_BYTES and not self._is_stopped:
                self._state.wait(_IDLE)
            self._lanes.add([Lanes.waiting(record)])
            self._state.notify()

    def wake(self) -> None:
        """There is something new in the spool."""
        with self._state:
            self._state.notify()

    def abandon(self) -> None:
        """No more retries."""
        self._abandoned = True

    def flush(self) -> None:
        """Comes back when nothing waits and nothing is under way, or when no more is sent."""
        with self._state:
            self._refill()
            while (self._lanes.count or self._under_way or self._suspects) and not self._is_stopped:
                self._state.wait(_NAP)
                self._refill()

    def close(self, timeout: float | None) -> None:
        """Sends the rest and ends the workers; after ``timeout`` seconds (None: no limit) what is left stays."""
        self._deadline = None if timeout is None else self._clock.now() + timeout
        self._closing = True
        self.wake()
        for worker in self._workers:
            while worker.is_alive():
                worker.join(_NAP)
                if self._deadline is not None and self._clock.now() > self._deadline + _IDLE:
                    # It hangs in a call. Its answer may still be acknowledged, or the records are sent once more.
                    break
        with self._state:
            rest = [item for batch in self._suspects for item in batch] + self._lanes.clear()
            self._suspects.clear()
            if self._spool is None and rest:
                stopped = self._report.stopped
                self._fail([self._record(item) for item in rest], stopped.code if stopped else INTERRUPTED, 0)

    def spooled(self, accepted: int) -> int:
        """Events of ``accepted`` that are still in the spool, and records left over from before that are."""
        if self._spool is None:
            return 0
        return accepted - self._own_sent + self._spool.opened.records - self._old_sent

    def shares(self) -> dict[str, float]:
        """The share of its limits that each shard is used with now."""
        with self._state:
            return self._lanes.shares()

    # ------------------------------------------------------------------------------------------------ workers

    def step(self) -> float | None:
        """One call if one is due. Gives the seconds to wait before the next step; None: there is nothing more to do."""
        with self._state:
            batch, nap = self._next()
        if batch:
            try:
                self._call(batch)
            finally:
                with self._state:
                    self._under_way -= 1
                    self._state.notify_all()
            return 0.0
        return nap

    def _work(self) -> None:
        try:
            while True:
                self._ask_for_shards()
                nap = self.step()
                if nap is None:
                    return
                if nap > 0:
                    self._clock.sleep(min(max(nap, _SHORTEST_NAP), _NAP))
        except BaseException as error:
            with self._state:
                self.defect = error
                self._state.notify_all()

    @property
    def _is_stopped(self) -> bool:
        return self._report.stopped is not None or self.defect is not None or self._is_late

    @property
    def _is_late(self) -> bool:
        if self._closing and self._abandoned:
            return True
        return self._deadline is not None and self._clock.now() >= self._deadline

    def _next(self) -> tuple[list[Waiting], float | None]:
        if self._is_stopped:
            return [], None
        now = self._clock.now()
        if now < self._pause_until:
            return [], self._pause_until - now
        if self._suspects:
            self._under_way += 1
            return self._suspects.popleft(), 0.0
        self._refill()
        batch = self._lanes.take(now)
        if batch:
            self._under_way += 1
            return batch, 0.0
        wait = self._lanes.wait(now)
        if wait is None:
            if self._closing and not self._under_way:
                return [], None
            self._state.wait(_IDLE if self._workers else 0)
            return [], 0.0
        return [], max(wait, _SHORTEST_NAP)

    def _refill(self) -> None:
        if self._spool is None or self._lanes.held_bytes >= _HELD_BYTES or self._lanes.count >= _MOST_WAITING:
            return
        items: list[Waiting] = []
        for one in self._spool.read():
            item = Lanes.waiting(one.record, one)
            if self._lanes.lane_bytes(item.key) > _LANE_BYTES:
                # A shard that is far behind: its records wait on disk, so that there is room for the others'.
                item.ticket = Spooled(one.number, one.at, one.place, _NOWHERE)
                item.record = None
            items.append(item)
        self._lanes.add(items)

    def _record(self, item: Waiting) -> OutRecord:
        if item.record is not None:
            return item.record
        assert self._spool is not None  # noqa: S101
        assert isinstance(item.ticket, Spooled)  # noqa: S101
        return self._spool.fetch(item.ticket.place)

    def _ask_for_shards(self) -> None:
        with self._state:
            if self._asked_at is not None or not isinstance(self._stream, Sharded):
                return
            self._asked_at = self._clock.now()
        try:
            ranges = self._stream.shards()
        except (CallFailedError, CallRefusedError, StreamRefusedError):
            return
        with self._state:
            if ranges:
                self._lanes.tell(ranges)

    # ------------------------------------------------------------------------------------------------ a call

    def _call(self, batch: list[Waiting]) -> None:
        records = [self._record(item) for item in batch]
        try:
            answer = call(self._stream, records, self._clock)
        except CallRefusedError as error:
            self._suspect(batch, records, error.code)
            return
        except StreamRefusedError as error:
            self._report.stopped = error
            with self._state:
                self._lanes.put_back(batch)
            return
        except BaseException as error:
            self._fail(records, type(error).__name__, batch[0].attempts)
            raise
        now = self._clock.now()
        taken: list[Outcome] = [(batch[place], records[place], result) for place, result in answer.taken]
        throttled = [(batch[place], shard) for place, shard in answer.throttled]
        left = [batch[place] for place in answer.left]
        self._count(batch, taken, answer)
        with self._state:
            self._fruitless = 0 if taken else self._fruitless + 1
            # With a spool there is no last attempt, and two to the thousandth is no number of seconds.
            doubled = 2.0 ** min(self._fruitless, 32)
            longest = min(self._settings.max_delay, self._settings.base_delay * doubled)
            pause = self._clock.random() * longest
            if self._lanes.went([(item, result.shard_id) for item, _, result in taken]):
                self._ask_again(now)
            if left:
                self._pause_until = now + pause
            keep = self._keep(now)
            self._lanes.put_back([item for item in left if keep(item)])
            self._lanes.throttled([one for one in throttled if keep(one[0])], now, pause=pause)
            given_up = [item for item in [*(item for item, _ in throttled), *left] if not keep(item)]
        if given_up:
            why = INTERRUPTED if self._abandoned else answer.reason
            self._fail([self._record(item) for item in given_up], why, given_up[0].attempts)

    def _keep(self, now: float) -> Callable[[Waiting], bool]:
        if self._spool is not None:
            return lambda item: True
        if self._abandoned or self._fruitless >= self._settings.max_attempts:
            return lambda item: False
        return lambda item: now - item.first_call < self._settings.max_seconds

    def _ask_again(self, now: float) -> None:
        if self._asked_at is not None and now - self._asked_at >= _ASK_AGAIN:
            self._asked_at = None

    def _suspect(self, batch: list[Waiting], records: list[OutRecord], code: str) -> None:
        """One record may be at fault: halves find it, and the others pass."""
        if len(batch) == 1:
            # In a spool it stays, not acknowledged: nothing that was accepted is dropped.
            self._fail(records, code, batch[0].attempts)
            return
        with self._state:
            middle = len(batch) // 2
            self._suspects += [batch[:middle], batch[middle:]]

    def _count(self, batch: list[Waiting], taken: list[Outcome], answer: Answer) -> None:
        sent = [(record, result) for _, record, result in taken]
        records = [record for record, _ in sent]
        resent = sum(item.attempts > 1 for item in batch)
        with self._state:
            self._report.count_call(answer.seconds, records, resent=resent, throttled=answer.turned_away)
            if self._spool is None:
                self._report.accept(records, keep_ids=self._settings.keep_ids)
            if sent and self._on_accepted is not None:
                self._on_accepted(sent)
        if self._spool is not None and taken:
            tickets = [item.ticket for item, _, _ in taken if isinstance(item.ticket, Spooled)]
            self._spool.acknowledge([(one.number, one.place) for one in tickets])
            old = sum(one.number < self._own for one in tickets)
            own = sum(
                len(record.inside) or 1
                for item, record, _ in taken
                if isinstance(item.ticket, Spooled) and item.ticket.number >= self._own
            )
            with self._state:
                self._old_sent += old
                self._own_sent += own

    def _fail(self, records: Sequence[OutRecord], reason: str, attempts: int) -> None:
        self._report.fail(records, reason, attempts)


_NOWHERE = OutRecord("", "", b"")
