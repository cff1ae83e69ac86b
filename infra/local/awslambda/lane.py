"""A lane: the batches of one shard that run one after the other. Pure; the time is an argument.

A shard has as many lanes as its mapping's ParallelizationFactor; a partition key always goes through the same lane,
which is what keeps the order per key.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any

import msgspec

from infra.local.awslambda.documents import AGE_EXCEEDED, RETRIES_EXHAUSTED, Discarded, Origin, event_bytes
from infra.local.awslambda.functions import PAYLOAD_LIMIT
from infra.local.awslambda.settings import Backoff, MappingSettings
from infra.local.awslambda.windows import Window, window_of
from infra.local.kinesis.records import Record

ENVELOPE_BYTES = len('{"Records":[]}')
REPORTED = "reported as failed"
NOT_INVOKED = "could not be invoked"


class Succeeded(msgspec.Struct, frozen=True):
    """The function took the batch whole; with a tumbling window it returned a state."""

    state: dict[str, Any] | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The function failed from record ``at`` of the batch on (0: all of it); ``error`` is Lambda's, None for an answer
    that reported failures; ``cause`` is the type of the function's own error."""

    request_id: str
    error: str | None = None
    at: int = 0
    cause: str | None = None
    state: dict[str, Any] | None = None


class NotInvoked(msgspec.Struct, frozen=True):
    """The function could not be invoked at all; this uses up no attempt."""


Outcome = Succeeded | Failed | NotInvoked


class Batch(msgspec.Struct):
    """Records that are invoked together, and how often they have been."""

    records: list[Record]
    attempts: int = 0
    refusals: int = 0
    request_id: str | None = None
    error: str | None = None
    cause: str | None = None


class Invoke(msgspec.Struct, frozen=True):
    """What a lane asks for: invoke the function with these records, and with what a window adds to the event."""

    records: Sequence[Record]
    attempt: int
    beside: dict[str, object] | None = None


class Discard(msgspec.Struct, frozen=True):
    """What a lane asks for: write this to the failure destination."""

    discarded: Discarded


class State(Enum):
    """What a lane is doing."""

    READY = auto()
    INVOKING = auto()
    WRITING = auto()


class Lane:
    """One lane's queue and the batch in work.

    Args:
        origin: where its records come from.
        overhead: bytes a record adds to the event beyond data and key.
        backoff: the waits between retries.
        new_id: gives a request id when there was no invocation to take it from.
        done: called with every record that needs no further work: succeeded, or discarded and written down.
    """

    def __init__(
        self,
        *,
        origin: Origin,
        overhead: int,
        backoff: Backoff,
        new_id: Callable[[], str],
        done: Callable[[Sequence[Record], bool], None],
    ) -> None:
        self.origin = origin
        self.state = State.READY
        self.queue: deque[Record] = deque()
        self.work: deque[Batch] = deque()
        self.not_before = 0.0
        self._queued_bytes = 0
        self._waiting_since = 0.0
        self._overhead = overhead
        self._backoff = backoff
        self._new_id = new_id
        self._done = done
        self.window: Window | None = None
        self._discard: tuple[Batch, Discarded] | None = None
        self._write_failures = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is queued, in work or being written."""
        return not self.queue and not self.work and self.window is None and self.state is State.READY

    def push(self, record: Record, now: float) -> None:
        """Queues a record."""
        if not self.queue:
            self._waiting_since = now
        self.queue.append(record)
        self._queued_bytes += event_bytes(record, self._overhead)

    def due(
        self, settings: MappingSettings, *, now: float, expire_after: float, hurry: bool, at_tip: bool = True
    ) -> Invoke | Discard | None:
        """What is to be done now, if anything.

        Args:
            expire_after: seconds after arrival at which a record is too old.
            hurry: ship a batch without waiting for its window, because no more records are to come.
            at_tip: nothing that has arrived is unread, so that a tumbling window whose time is over is complete.
        """
        if self.state is not State.READY or now < self.not_before:
            return None
        if self._discard is not None:
            self.state = State.WRITING
            return Discard(self._discard[1])
        if not self.work:
            batch = self._form(settings, now=now, hurry=hurry)
            if batch is None and self._window_ends(settings, now=now, hurry=hurry, at_tip=at_tip):
                batch = Batch([])
            if batch is None:
                return None
            self.work.append(batch)
        batch = self.work[0]
        expired = sum(1 for record in batch.records if now - record.arrived >= expire_after)
        if expired:
            return self._give_up(batch, expired, condition=AGE_EXCEEDED, settings=settings, now=now)
        if self.window is not None and not batch.records and now - self.window.end >= expire_after:
            self._end_window()
            return None
        self.state = State.INVOKING
        beside = None
        if self.window is not None:
            is_final = not batch.records
            beside = self.window.members(
                shard_id=self.origin.shard_id, stream_arn=self.origin.stream_arn, is_final=is_final
            )
        return Invoke(batch.records, batch.attempts + 1, beside)

    def next_due(self, settings: MappingSettings) -> float | None:
        """When ``due`` may next have something to say, None when only an outcome or a new record can change that."""
        if self.state is not State.READY:
            return None
        if self.work or self._discard:
            return self.not_before
        if self.queue:
            return max(self.not_before, self._waiting_since + settings.window_seconds)
        return None if self.window is None else max(self.not_before, float(self.window.end))

    def finished(self, outcome: Outcome, settings: MappingSettings, *, now: float) -> Discard | None:
        """Takes an invocation's outcome; gives what is to be written if that was the batch's last attempt."""
        self.state = State.READY
        batch = self.work[0]
        if self.window is not None and not isinstance(outcome, NotInvoked) and outcome.state is not None:
            self.window.take(outcome.state)
        if isinstance(outcome, Succeeded):
            if not batch.records:
                self._end_window()
                return None
            self.work.popleft()
            self._done(batch.records, True)
            return None
        if isinstance(outcome, NotInvoked):
            batch.refusals += 1
            batch.cause = NOT_INVOKED
            self.not_before = now + self._backoff.seconds(batch.refusals)
            return None
        if outcome.at > 0:
            # The checkpoint moves to the first record not taken; what is left counts its attempts anew.
            self._done(batch.records[: outcome.at], True)
            self.work[0] = Batch(batch.records[outcome.at :], request_id=outcome.request_id, cause=REPORTED)
            self.not_before = now + self._backoff.seconds(1)
            return None
        batch.attempts += 1
        batch.request_id, batch.error = outcome.request_id, outcome.error
        batch.cause = outcome.cause or outcome.error or REPORTED
        if settings.bisect and len(batch.records) > 1:
            half = len(batch.records) // 2
            self.work.popleft()
            halves = (Batch(batch.records[half:], cause=batch.cause), Batch(batch.records[:half], cause=batch.cause))
            self.work.extendleft(halves)
            self.not_before = now + self._backoff.seconds(1)
            return None
        if 0 <= settings.max_retries < batch.attempts:
            if not batch.records:
                self._end_window()
                return None
            return self._give_up(batch, len(batch.records), condition=RETRIES_EXHAUSTED, settings=settings, now=now)
        self.not_before = now + self._backoff.seconds(batch.attempts)
        return None

    def batch(self) -> Batch | None:
        """The batch that is in work, or waits to be tried again."""
        return self.work[0] if self.work else None

    def written(self, ok: bool, *, now: float) -> None:
        """Takes the outcome of writing a discarded batch; a write that failed is tried again, for ever."""
        if self._discard is None:
            raise ValueError("written() answers a Discard, and none is under way")
        self.state = State.READY
        if not ok:
            self._write_failures += 1
            self.not_before = now + self._backoff.seconds(self._write_failures)
            return
        batch, discarded = self._discard
        self._discard, self._write_failures = None, 0
        self._drop(batch, len(discarded.records))

    def _form(self, settings: MappingSettings, *, now: float, hurry: bool) -> Batch | None:
        if not self.queue:
            return None
        full = len(self.queue) >= settings.batch_size or self._queued_bytes + ENVELOPE_BYTES >= PAYLOAD_LIMIT
        if not full and not hurry and now < self._waiting_since + settings.window_seconds:
            return None
        end = self._open_window(settings, self.queue[0])
        if end is None:
            return None
        records: list[Record] = []
        room = PAYLOAD_LIMIT - ENVELOPE_BYTES
        while self.queue and len(records) < settings.batch_size and self.queue[0].arrived < end:
            size = event_bytes(self.queue[0], self._overhead)
            if size > room and records:
                break
            room -= size
            self._queued_bytes -= size
            records.append(self.queue.popleft())
        self._waiting_since = now
        return Batch(records)

    def _open_window(self, settings: MappingSettings, record: Record) -> float | None:
        """Up to when records may be in a batch that begins with this one; None when another window ends first."""
        if not settings.tumbling_seconds:
            return math.inf
        wanted = window_of(record.arrived, settings.tumbling_seconds)
        if self.window is None:
            self.window = wanted
        if self.window.start != wanted.start or self.window.ends_early:
            return None
        return float(self.window.end)

    def _window_ends(self, settings: MappingSettings, *, now: float, hurry: bool, at_tip: bool) -> bool:
        """Whether the open window gets its last invocation now."""
        window = self.window
        if window is None:
            return False
        if self.queue:
            # What waits belongs to another window, or this one takes no more.
            return window.ends_early or self.queue[0].arrived >= window.end
        if hurry and now < window.end:
            window.ends_early = True
        return window.ends_early or (at_tip and now >= window.end)

    def _end_window(self) -> None:
        self.work.popleft()
        self.window = None
        self.not_before = 0.0

    def _give_up(
        self, batch: Batch, size: int, *, condition: str, settings: MappingSettings, now: float
    ) -> Discard | None:
        discarded = Discarded(
            origin=self.origin,
            records=batch.records[:size],
            condition=condition,
            # Recorded on AWS: a batch that expired before any invocation says 1, one that expired after n says n + 1.
            invoke_count=batch.attempts + (condition == AGE_EXCEEDED),
            request_id=batch.request_id or self._new_id(),
            function_arn=settings.function_arn,
            function_error=batch.error,
            at=now,
        )
        if settings.destination is None:
            self._drop(batch, size)
            return None
        self._discard = (batch, discarded)
        self.state = State.WRITING
        return Discard(discarded)

    def _drop(self, batch: Batch, size: int) -> None:
        self._done(batch.records[:size], False)
        if size == len(batch.records):
            self.work.popleft()
            self.not_before = 0.0
        else:
            self.work[0] = Batch(batch.records[size:])
