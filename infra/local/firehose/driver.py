"""Runs the delivery streams: reads sources, calls functions, writes objects. All the effects and none of the rules."""

import contextlib
import functools
import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Protocol

from infra.local import heap
from infra.local.clock import Clock, SystemClock
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.firehose.config import StreamConfig
from infra.local.firehose.counting import Counting
from infra.local.firehose.journal import DeliveryJournal
from infra.local.firehose.names import SystemNames
from infra.local.firehose.newest import Newest
from infra.local.firehose.objects import Catalog, Conversions, Names, S3Object, objects
from infra.local.firehose.records import SourceRecord
from infra.local.firehose.source import Source
from infra.local.firehose.stream import Delivery, DeliveryStream
from infra.local.firehose.transform import Invoke, invoke

_logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
_REST_SECONDS = 5.0
"""Between two looks while nothing is held: what comes in wakes the driver, this is for what does not."""
BACKLOG_BYTES = 256 << 20
"""Bytes that may wait to be written before a stream takes no more: puts are throttled, sources are not read."""

_FIRST_BACKOFF, _LONGEST_BACKOFF = 1.0, 30.0


class ObjectStore(Protocol):
    """S3, as far as deliveries need it."""

    def put(self, bucket: str, key: str, body: bytes) -> object:
        """Stores an object; raises when it is not stored."""
        ...


class Invocable(Protocol):
    """A registry of functions: what an invocation gives back has ``payload`` and ``error``."""

    def invoke(self, name_or_arn: str, payload: bytes) -> Any: ...


def calling(functions: Invocable) -> Invoke:
    """A call to a function that raises when the function fails, over a registry of functions."""

    def call(arn: str, event: bytes) -> bytes:
        done = functions.invoke(arn, event)
        if done.error is not None:
            raise RuntimeError(f"the function answered with an error: {done.error}")
        payload: bytes = done.payload
        return payload

    return call


def _no_functions(arn: str, event: bytes) -> bytes:
    raise RuntimeError(f"no functions are connected, {arn} was not called")


@dataclass(frozen=True)
class Ports:
    """What the driver's streams reach outside by.

    Args:
        objects: where objects are written.
        catalog: where conversions find their tables.
        call: calls a function by ARN with an event; see :func:`calling`.
        names: the random parts of keys.
        meter: takes what CloudWatch counts.
        guard: called with call, stream and key before each write; raises when it is not allowed.
    """

    objects: ObjectStore
    catalog: Catalog
    call: Invoke = _no_functions
    names: Names = field(default_factory=SystemNames)
    meter: Meter = field(default_factory=NoMeter)
    guard: Callable[[str, str, str], None] = lambda call, by, where: None

    def of(self, stream: str) -> "Ports":
        """The ports of one delivery stream, by its name."""
        return self


class RunningStream:
    """One stream with what it has in flight. Safe to use from several threads.

    Args:
        core: its state.
        source: where it reads from, None for Direct PUT.
        backlog_limit: bytes that may wait to be written before it takes no more.
        journal: where what it holds is kept over restarts; what an earlier run held is taken in at once.
        on_accepted: called whenever records were taken in.
    """

    def __init__(
        self,
        core: DeliveryStream,
        ports: Ports,
        clock: Clock,
        source: Source | None,
        *,
        backlog_limit: int,
        journal: DeliveryJournal | None = None,
        on_accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self.core = core
        self._on_accepted = on_accepted
        self._journal = journal
        self._ports = ports
        self.counting = Counting(ports.meter, core.config.name)
        self._clock = clock
        self._source = source
        self._backlog_limit = backlog_limit
        self._conversions = Conversions(ports.catalog)
        self._state = threading.Lock()
        self._work = threading.RLock()
        self._deliveries: deque[Delivery] = deque()
        self._outbox: deque[S3Object] = deque()
        self._newest = Newest()
        self._reset()
        if journal is not None:
            self.core.accept(journal.records(), clock.now())
            self._note_held()

    def accept(self, records: Sequence[SourceRecord]) -> None:
        """Takes records in; they are durable as long as the process lives, and beyond it with a journal."""
        with self._state:
            if self._journal is not None:
                self._journal.accepted(records)
            self.core.accept(records, self._clock.now())
            self._newest.add(record.data for record in records)
        self._on_accepted()

    def newest(self, after: int) -> Sequence[tuple[int, bytes]]:
        """The newest records after that number, with their numbers, whether they have landed or not."""
        with self._state:
            return self._newest.after(after)

    def forget(self) -> None:
        """Removes what the journal keeps of it."""
        if self._journal is not None:
            self._journal.forget()

    def clear(self, open_source: Callable[[str], Source]) -> None:
        """Forgets everything that is held and counted, and reads its source anew.

        Args:
            open_source: opens the source of an ARN.
        """
        with self._work, self._state:
            self.core.clear()
            self._deliveries.clear()
            self._outbox.clear()
            self._newest = Newest()
            self._reset()
            if self._source is not None:
                self._source = open_source(self._source.arn)

    def _reset(self) -> None:
        self._retry_at = 0.0
        self._backoff = _FIRST_BACKOFF
        self._objects_out = self._rows_out = self._bytes_out = self._backup_rows = self._write_failures = 0
        self._errors: dict[str, int] = {}
        self._last_failure: str | None = None

    def reconfigure(self, config: StreamConfig) -> str:
        """Another configuration from now on; gives its version."""
        with self._state:
            return self.core.reconfigure(config)

    def step(self, *, force: bool = False) -> None:
        """Does what is due: reads the source, calls the function, writes the objects.

        Args:
            force: what is buffered is due now, whatever the hints say.
        """
        with self._work:
            while not self.overloaded() and self._read() and force:
                if self.overloaded():
                    self._write(force=False)
            self._transform(force=force)
            self._write(force=force)

    def overloaded(self) -> bool:
        """True when so much waits to be written that no more should be taken in."""
        with self._state:
            waiting = sum(delivery.size for delivery in self._deliveries)
            return self.core.ready_bytes + waiting + sum(len(item.body) for item in self._outbox) > self._backlog_limit

    @property
    def idle(self) -> bool:
        """True when nothing is unread, buffered or waits to be written."""
        if self._source is not None and self._source.behind(self._clock.now()):
            return False
        with self._state:
            return self.core.empty and not self._deliveries and not self._outbox

    def state(self) -> dict[str, Any]:
        """Counters for people: what came in, what is held, what went out."""
        now = self._clock.now()
        with self._state:
            progress = self.core.progress(now)
            waiting = list(self._deliveries)
            hints = self.core.config.destination.hints
            arrivals = [piece.origin.arrival for delivery in waiting for piece in delivery.pieces]
            held = sum(sum(len(piece.records) for piece in d.pieces) + len(d.failures) for d in waiting if not d.backup)
            return {
                "version": self.core.version,
                "records_in": progress.records_in,
                "buffered_records": progress.buffered_records + held,
                "buffered_bytes": progress.buffered_bytes
                + sum(piece.size for delivery in waiting if not delivery.backup for piece in delivery.pieces),
                "buffer_bytes": hints.size,
                "buffer_seconds": hints.interval,
                "objects_waiting": len(self._outbox),
                "objects_out": self._objects_out,
                "rows_out": self._rows_out,
                "bytes_out": self._bytes_out,
                "backup_records_out": self._backup_rows,
                "dropped_records": progress.dropped,
                "error_records": sum(self._errors.values()),
                "error_records_by_type": dict(self._errors),
                "oldest_age_seconds": max([progress.oldest_age, *(now - arrival for arrival in arrivals)]),
                "write_failures": self._write_failures,
                "last_write_failure": self._last_failure,
                "tried_again_in_seconds": round(max(0.0, self._retry_at - now), 3) if self._last_failure else None,
            }

    def count(self) -> None:
        """Emits what is so now, as at the end of a minute."""
        with self._state:
            self.counting.gauges(self.core, self._deliveries, self._outbox, self._clock.now())

    def _write(self, *, force: bool) -> None:
        with self._state:
            self._deliveries.extend(self.core.deliveries(self._clock.now(), force=force))
        if force or self._clock.now() >= self._retry_at:
            self._deliver()

    def _read(self) -> bool:
        if self._source is None:
            return False
        records = self._source.read(self._clock.now())
        self.counting.read(records, self._source.behind_ms)
        if records:
            self.accept(records)
        return bool(records)

    def _transform(self, *, force: bool) -> None:
        with self._state:
            settings = self.core.config.processing.transform
            due = self.core.transforms(self._clock.now(), force=force)
        if settings is None:
            return
        for batch in due:
            outcome = invoke(
                batch,
                self.core.config,
                settings,
                self._ports.call,
                invocation_id=self._ports.names.unique(),
                ended=self._clock.now,
            )
            self.counting.processed(outcome.invoked)
            with self._state:
                self.core.transformed(outcome, self._clock.now())

    def _deliver(self) -> None:
        """Writes in order, and stops at the first object that cannot be written: it is tried again, never left out.

        Source: record-format-conversion-error-handling.html (a failed write is retried for ever and blocks delivery).
        """
        written = self._objects_out
        try:
            while self._outbox or self._deliveries:
                while self._outbox:
                    self._put(self._outbox[0])
                if self._deliveries:
                    made = objects(self._deliveries[0], self._conversions, self._ports.names, now=self._clock.now())
                    oldest = min(origin.arrival for origin in self._deliveries[0].origins)
                    with self._state:
                        self._outbox.extend(replace(item, oldest=oldest) for item in made)
                        self._deliveries.popleft()
        except Exception as error:
            self.counting.not_written(self._outbox[0] if self._outbox else None)
            self._write_failures += 1
            self._last_failure = type(error).__name__
            self._retry_at = self._clock.now() + self._backoff
            self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)
            _logger.warning(
                "delivery stream %s: %s while delivering, at %s; tried again in %.0f s",
                self.core.config.name,
                type(error).__name__,
                _place(error),
                self._retry_at - self._clock.now(),
            )
        else:
            self._backoff, self._retry_at, self._last_failure = _FIRST_BACKOFF, 0.0, None
        if self._objects_out != written:
            heap.give_back()
        if self._objects_out != written and not self._outbox:
            self._note_held()

    def _note_held(self) -> None:
        """Lets the journal forget what has been written. What is in the outbox has left its delivery: not then."""
        if self._journal is None:
            return
        now = self._clock.now()
        read_to = self._source.read_to(now) if self._source is not None else {}
        with self._state:
            waiting = (origin for delivery in self._deliveries for origin in delivery.origins)
            self._journal.held(chain(self.core.held(), waiting), read_to=read_to, now=now)

    def _put(self, item: S3Object) -> None:
        self._ports.guard("s3.PutObject", self.core.config.name, item.key)
        self._ports.objects.put(item.bucket, item.key, item.body)
        self.counting.wrote(item)
        with self._state:
            self._outbox.popleft()
            self._objects_out += 1
            self._bytes_out += len(item.body)
            if item.error is not None:
                self._errors[item.error] = self._errors.get(item.error, 0) + item.rows
            elif item.backup:
                self._backup_rows += item.rows
            else:
                self._rows_out += item.rows


class DeliveryStreamDriver:
    """Every delivery stream of the twin, run by one thread.

    Args:
        ports: what the streams reach outside by.
        clock: where the time is read.
        tick_seconds: how often streams are looked at.
        backlog_limit: bytes that may wait to be written before a stream takes no more.
        journal: gives the journal of a stream by its name, None when nothing outlives the process.
    """

    def __init__(
        self,
        ports: Ports,
        clock: Clock | None = None,
        *,
        tick_seconds: float = TICK_SECONDS,
        backlog_limit: int = BACKLOG_BYTES,
        journal: Callable[[str], DeliveryJournal] | None = None,
    ) -> None:
        self._journal = journal
        self._ports = ports
        self.clock: Clock = clock or SystemClock()
        self._tick_seconds = tick_seconds
        self._backlog_limit = backlog_limit
        self._streams: dict[str, RunningStream] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, config: StreamConfig, *, source: Source | None = None) -> RunningStream:
        """Begins to run a stream."""
        running = RunningStream(
            DeliveryStream(config),
            self._ports.of(config.name),
            self.clock,
            source,
            backlog_limit=self._backlog_limit,
            journal=self._journal(config.name) if self._journal else None,
            on_accepted=self.wake,
        )
        with self._lock:
            self._streams[config.name] = running
        return running

    def remove(self, name: str) -> None:
        """Writes what a stream holds, and runs it no longer."""
        with self._lock:
            running = self._streams.pop(name)
        running.step(force=True)
        running.forget()

    def newest(self, name: str, after: int) -> Sequence[tuple[int, bytes]]:
        """The newest records of a stream after that number, with their numbers.

        Raises:
            LookupError: there is no such stream; the message names those that there are.
        """
        with self._lock:
            running = self._streams.get(name)
            there = ", ".join(sorted(self._streams)) or "none"
        if running is None:
            raise LookupError(f"no delivery stream {name[:64]!r}; there are: {there}")
        return running.newest(after)

    def clear(self, open_source: Callable[[str, str], Source]) -> None:
        """Forgets everything that every stream holds, and reads each source anew.

        Args:
            open_source: opens a source, by the names of the delivery stream and of the source.
        """
        with self._lock:
            streams = list(self._streams.items())
        for name, running in streams:
            running.clear(functools.partial(open_source, name))

    def start(self) -> None:
        """Begins to look at the streams, every tick, in a thread of its own."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="delivery-streams", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Writes what is buffered and ends the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()
        for running in self._running():
            if not running.idle:
                held = running.state()["buffered_records"]
                _logger.error("delivery stream %s: stopped with %d records unwritten", running.core.config.name, held)

    def wake(self) -> None:
        """Takes note that there is something new to read or to buffer."""
        self._wake.set()

    def step(self) -> None:
        """Does what is due in every stream now; what the thread does every tick."""
        for running in self._running():
            # One stream's trouble is not another's: what failed is still there and is tried again.
            with self._guarded(running):
                running.step()

    def flush(self) -> None:
        """Writes all that is buffered, now; what S3 does not take stays, and :meth:`idle` says so."""
        for running in self._running():
            with self._guarded(running):
                running.step(force=True)

    def idle(self) -> bool:
        """True when no stream holds anything."""
        return all(running.idle for running in self._running())

    def state(self) -> dict[str, dict[str, Any]]:
        """Each stream's counters, by its name."""
        with self._lock:
            items = sorted(self._streams.items())
        return {name: running.state() for name, running in items}

    def count(self) -> None:
        """Emits what is so of every stream now."""
        for running in self._running():
            running.count()

    def _running(self) -> Iterable[RunningStream]:
        with self._lock:
            return list(self._streams.values())

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()
            if self.idle():
                self._wake.wait(_REST_SECONDS)
            else:
                self._stop.wait(self._tick_seconds)
            self._wake.clear()

    @contextlib.contextmanager
    def _guarded(self, running: RunningStream) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            _logger.error("delivery stream %s: %s at %s", running.core.config.name, type(error).__name__, _place(error))  # noqa: TRY400


def _place(error: Exception) -> str:
    """Where an error was raised, and not what it says: its text may hold a record."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
