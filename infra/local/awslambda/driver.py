"""Runs the event source mappings: polls the streams, invokes the functions, writes the failure records."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import msgspec

from infra.local.awslambda.checkpoints import Checkpoints
from infra.local.awslambda.counting import Counting
from infra.local.awslambda.destinations import FailureDestinations
from infra.local.awslambda.documents import Origin, event_json
from infra.local.awslambda.functions import Functions
from infra.local.awslambda.lane import (
    NOT_INVOKED,
    REPORTED,
    Discard,
    Failed,
    Invoke,
    NotInvoked,
    Outcome,
    Succeeded,
)
from infra.local.awslambda.mapping import EventSourceMapping, Task
from infra.local.awslambda.progress import progress
from infra.local.awslambda.settings import Backoff, MappingSettings, first_failed
from infra.local.awslambda.versions import function_name
from infra.local.clock import Clock
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError
from infra.local.kinesis.streams import ShardInfo, ShardRead, Stream, Streams

logger = logging.getLogger(__name__)

_REST_SECONDS = 5.0
"""Between two looks while there is nothing to do: what comes in wakes the driver, this is for what does not."""
_LEAST_SECONDS = 0.005


class Beside(Protocol):
    """What else invokes functions."""

    def idle(self) -> bool: ...
    def flush(self) -> None: ...


class StreamSource:
    """One stream as a mapping reads it.

    Args:
        guard: called before each read; raises when the mapping may not read.
    """

    def __init__(self, streams: Streams, stream: Stream, *, guard: Callable[[], None] = lambda: None) -> None:
        self._streams = streams
        self._stream = stream
        self._guard = guard

    def lineage(self, now: float) -> list[ShardInfo]:
        """Every listed shard; ApiError when the stream is gone, or another has taken its name."""
        if self._streams.get(self._stream.name) is not self._stream:
            raise ApiError("ResourceNotFoundException", f"Stream {self._stream.name} was deleted and made again.")
        return self._streams.lineage(self._stream, now=now)

    def tip(self, shard_id: str) -> int:
        """The position after the newest record."""
        return self._streams.tip(self._stream, shard_id)

    def at_timestamp(self, shard_id: str, moment: float) -> int:
        """The position before the first record at or after a moment."""
        return self._streams.at_timestamp(self._stream, shard_id, moment)

    def retention_seconds(self) -> float:
        """How long a record is kept."""
        return self._stream.retention_hours * 3600.0

    def read(self, shard_id: str, after: int, *, limit: int, now: float) -> ShardRead:
        """Records after a position.

        Raises:
            ApiError: the mapping may not read.
        """
        self._guard()
        read = self._streams.read(self._stream, shard_id, after, now=now, limit=limit)
        if read.records:
            self._streams.count_read(self._stream, read, now)
        return read


def invoke(functions: Functions, settings: MappingSettings, origin: Origin, action: Invoke) -> Outcome:
    """Invokes the function with a batch and reads its answer as the mapping's settings say."""
    try:
        done = functions.invoke(settings.function_arn, event_json(action.records, origin, action.beside))
    except ApiError as error:
        if error.code == "RequestTooLargeException":
            # One record that does not fit into an event never will: it counts as a failed attempt.
            return Failed(request_id=str(uuid4()), error=error.code)
        return NotInvoked()
    if done.error is not None:
        return Failed(request_id=done.request_id, error=done.error, cause=_error_type(done.payload))
    if not settings.report_failures and action.beside is None:
        return Succeeded()
    answer = msgspec.json.decode(done.payload) if done.payload else None
    state = answer.get("state") if isinstance(answer, dict) and action.beside is not None else None
    if action.beside is not None and action.records and not isinstance(state, dict):
        # "If the response does not contain the state property, Lambda considers this a failed invocation."
        return Failed(request_id=done.request_id, cause="no state in the answer")
    numbers = [str(record.sequence) for record in action.records]
    at = first_failed(answer, numbers) if settings.report_failures else None
    return Succeeded(state) if at is None else Failed(request_id=done.request_id, at=at, state=state)


def _error_type(payload: bytes) -> str | None:
    """The type that a function's error document names: its message may quote a record, and stays in the logs."""
    try:
        document = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return None
    found = document.get("errorType") if isinstance(document, dict) else None
    return found[:200] if isinstance(found, str) else None


@dataclass
class MappingEntry:
    """A mapping, its core and how it is doing."""

    settings: MappingSettings
    core: EventSourceMapping
    key: str
    enabled: bool
    modified_at: float
    counting: Counting
    state: str = "Creating"
    last_result: str = "No records processed"
    pending: MappingSettings | None = None
    last_failure: dict[str, object] | None = None


class EventSourceDriver:
    """Every mapping of the laptop runtime, run by one polling thread and a pool of workers.

    Args:
        streams: the streams read from.
        functions: the functions invoked.
        destinations: where discarded batches are written.
        clock: where the time is read.
        poll_seconds: how soon streams are looked at again at the earliest, and after a look that failed.
        workers: how many invocations and writes run at once.
        backoff_scale: stretches or shrinks the waits between retries; 1.0 is AWS-like, 0.05 suits a laptop.
        checkpoints: where progress is kept over restarts: a mapping of the same function and stream goes on there.
        meter: takes what CloudWatch counts of a mapping.
        guard: called with call and function before each read; raises when the function may not read.
    """

    def __init__(
        self,
        *,
        streams: Streams,
        functions: Functions,
        destinations: FailureDestinations,
        clock: Clock,
        poll_seconds: float = 0.05,
        workers: int = 8,
        backoff_scale: float = 1.0,
        checkpoints: Checkpoints | None = None,
        meter: Meter | None = None,
        guard: Callable[[str, str], None] = lambda call, by: None,
    ) -> None:
        self.streams = streams
        self.functions = functions
        self.entries: dict[str, MappingEntry] = {}
        self.beside: list[Beside] = []
        """What else invokes functions; what hands on to another stands before that one."""
        self.reads: Callable[[str, str], None] = lambda role, stream: None
        """Told of each batch that is read: the ARNs of the role and of the stream."""
        self.lock = threading.RLock()
        self._destinations = destinations
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._workers = workers
        self._backoff = Backoff(scale=backoff_scale)
        self._checkpoints = checkpoints
        self._meter: Meter = meter or NoMeter()
        self._guard = guard
        self._kept_at = 0.0
        self._hurry = False
        self._failed = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Starts polling."""
        if self._thread is None:
            self._stopping.clear()
            self._pool = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="event-source")
            self._thread = threading.Thread(target=self._run, name="event-source-poller", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stops polling and waits for what is under way."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
        self.keep_checkpoints()

    def keep_checkpoints(self) -> None:
        """Writes how far the mappings have come, when that is to be kept."""
        if self._checkpoints is not None:
            with self.lock:
                for entry in self.entries.values():
                    self._checkpoints.keep(entry.key, entry.core.checkpoints())

    def add(self, settings: MappingSettings, *, enabled: bool = True) -> None:
        """Takes up a mapping at its starting position, or where an earlier run of this runtime left it.

        Raises:
            ApiError: ResourceNotFoundException when the stream does not exist.
        """
        now = self._clock.now()
        stream = self.streams.by_arn(settings.stream_arn)
        by = function_name(settings.function_arn)
        source = StreamSource(self.streams, stream, guard=lambda: self._guard("kinesis.GetRecords", by))
        key = self._key(settings, stream.created_at)
        core = EventSourceMapping(
            settings,
            source,
            region=self.streams.region,
            role_arn=lambda: self._role(settings.function_arn),
            backoff=self._backoff,
            new_id=lambda: str(uuid4()),
        )
        core.enabled = enabled
        core.start(now, self._checkpoints.get(key) if self._checkpoints else None)
        with self.lock:
            self.entries[settings.uuid] = MappingEntry(settings, core, key, enabled, now, Counting(self._meter))
        # Where it began is kept from the beginning: after a kill, LATEST is not later.
        self.keep_checkpoints()
        self._wake.set()

    def _key(self, settings: MappingSettings, created_at: float) -> str:
        """What a mapping's progress is kept under: it stays when the mapping goes over to an alias of its function."""
        function = self.functions.arn(function_name(settings.function_arn))
        key = f"{function}|{settings.stream_arn}|{created_at}"
        taken = any(entry.key == key for entry in self.entries.values())
        return f"{settings.function_arn}|{settings.stream_arn}|{created_at}" if taken else key

    def update(self, settings: MappingSettings, *, enabled: bool) -> None:
        """Gives a mapping new settings once its invocations under way are done."""
        with self.lock:
            entry = self.entries[settings.uuid]
            entry.settings = settings
            entry.pending = settings
            if enabled != entry.enabled:
                entry.state = "Enabling" if enabled else "Disabling"
            else:
                entry.state = "Updating"
            entry.enabled = enabled
            entry.modified_at = self._clock.now()
            entry.core.enabled = False
        self._wake.set()

    def remove(self, uuid: str) -> None:
        """Forgets a mapping; invocations under way end without effect on any checkpoint."""
        with self.lock:
            entry = self.entries.pop(uuid)
            entry.core.enabled = False
            entry.core.reset()
            if self._checkpoints is not None:
                self._checkpoints.forget(entry.key)

    def wake(self) -> None:
        """Takes note that there is something new to read."""
        self._wake.set()

    def hold(self) -> None:
        """Begins no more invocations, until ``renew``."""
        with self.lock:
            for entry in self.entries.values():
                entry.core.enabled = False

    def busy(self) -> bool:
        """Whether an invocation or a write is under way."""
        with self.lock:
            return any(entry.core.busy() for entry in self.entries.values())

    def renew(self, wanted: Mapping[str, tuple[MappingSettings, bool]]) -> None:
        """Has these mappings and no others, each at its starting position.

        Args:
            wanted: by UUID, the settings and whether it is enabled.
        """
        with self.lock:
            generations = {uuid: entry.core.generation + 1 for uuid, entry in self.entries.items()}
            for uuid in list(self.entries):
                self.remove(uuid)
            for uuid, (settings, enabled) in wanted.items():
                self.add(settings, enabled=enabled)
                # What is still under way belongs to none of its batches.
                self.entries[uuid].core.generation = generations.get(uuid, 0)
            self._hurry = False

    def flush(self) -> None:
        """Ships incomplete batches without waiting for their windows, until the mappings are idle."""
        if not self._hurry:
            self._hurry = True
            self._wake.set()
        for other in self.beside:
            other.flush()

    def idle(self) -> bool:
        """Whether everything readable is checkpointed and nothing is under way."""
        now = self._clock.now()
        with self.lock:
            idle = all(self._entry_idle(entry, now) for entry in self.entries.values())
        idle = idle and all(other.idle() for other in self.beside)
        if idle:
            self._hurry = False
        return idle

    def _entry_idle(self, entry: MappingEntry, now: float) -> bool:
        try:
            return entry.pending is None and entry.core.idle(now)
        except ApiError:  # Its stream is gone, so there is nothing to read.
            return not entry.core.busy()

    def progress(self) -> dict[str, object]:
        """Per mapping: how far it is behind, what is under way and what it has done."""
        now = self._clock.now()
        with self.lock:
            return {
                uuid: {
                    **progress(entry.core, state=entry.state, last_result=entry.last_result, now=now),
                    "last_failure": entry.last_failure,
                }
                for uuid, entry in self.entries.items()
            }

    def run_once(self) -> int:
        """Polls once and does what is due in the calling thread; gives how many tasks that was. For tests."""
        done = 0
        for uuid, task in self._poll():
            self._do(uuid, task)
            done += 1
        return done

    def look(self) -> None:
        """Reads what there is, and begins what is due."""
        for uuid, task in self._poll():
            if self._pool is not None:
                self._pool.submit(self._do, uuid, task).add_done_callback(_log_defect)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.look()
            if self._clock.now() - self._kept_at >= 1.0:
                self._kept_at = self._clock.now()
                self.keep_checkpoints()
            self._wake.wait(self._seconds_to_wait())
            self._wake.clear()
            # Puts wake it, and many small ones need no look each.
            self._stopping.wait(_LEAST_SECONDS)

    def _seconds_to_wait(self) -> float:
        """How long to wait for something new. What ends, comes in or is asked for wakes it; here count waits alone."""
        now = self._clock.now()
        with self.lock:
            if self._failed or any(
                entry.pending is not None or entry.core.has_more() for entry in self.entries.values()
            ):
                return self._poll_seconds
            moments = [entry.core.next_due() for entry in self.entries.values()]
        soonest = min((moment for moment in moments if moment is not None), default=now + _REST_SECONDS)
        return min(_REST_SECONDS, max(self._poll_seconds, soonest - now))

    def _poll(self) -> list[tuple[str, Task]]:
        now = self._clock.now()
        tasks: list[tuple[str, Task]] = []
        with self.lock:
            self._failed = False
            for uuid, entry in self.entries.items():
                self._settle(entry)
                try:
                    tasks.extend((uuid, task) for task in entry.core.step(now, hurry=self._hurry))
                    entry.counting.progress(entry.settings, entry.core)
                except ApiError as error:
                    self._failed = True
                    entry.last_result = f"PROBLEM: {error.message}"
                except Exception:
                    self._failed = True
                    # One mapping's defect must not stop the others; it is shown and tried again.
                    logger.exception("mapping %s: polling failed", uuid)
                    entry.last_result = "PROBLEM: internal error"
        return tasks

    def _settle(self, entry: MappingEntry) -> None:
        if entry.pending is not None:
            if entry.core.busy():
                return
            entry.core.reset(entry.pending)
            entry.pending = None
            entry.core.enabled = entry.enabled
        entry.state = "Enabled" if entry.enabled else "Disabled"

    def _do(self, uuid: str, task: Task) -> None:
        """Carries out a task and hands its outcome to the core, whatever happens."""
        with self.lock:
            entry = self.entries.get(uuid)
        if entry is None:
            return
        if isinstance(task.action, Discard):
            self._write(entry, task, task.action)
            return
        settings = entry.core.settings
        origin = entry.core.readers[task.shard_id].origin
        sent = self._clock.now()
        self.reads(origin.role_arn, origin.stream_arn)
        try:
            outcome = invoke(self.functions, settings, origin, task.action)
        except Exception:
            logger.exception("mapping %s: invoking failed", uuid)
            outcome = NotInvoked()
        entry.counting.batch(settings, task.action, outcome, sent=sent)
        with self.lock:
            entry.last_result = _result(outcome)
            if not isinstance(outcome, Succeeded):
                entry.last_failure = {
                    "shard": task.shard_id,
                    "cause": NOT_INVOKED if isinstance(outcome, NotInvoked) else outcome.cause or REPORTED,
                    "at": round(self._clock.now(), 3),
                }
            follow_up = entry.core.finished(task, outcome, self._clock.now())
        if follow_up is not None and isinstance(follow_up.action, Discard):
            self._write(entry, follow_up, follow_up.action)
        self._wake.set()

    def _write(self, entry: MappingEntry, task: Task, action: Discard) -> None:
        destination = entry.core.settings.destination or ""
        ok = True
        try:
            self._destinations.write(action.discarded, destination=destination, mapping_uuid=entry.settings.uuid)
        except Exception as error:
            ok = False
            logger.warning(
                "mapping %s: writing to %s failed: %s", entry.settings.uuid, destination, type(error).__name__
            )
        if ok:
            entry.counting.delivered(entry.settings, action)
        with self.lock:
            entry.core.written(task, ok, self._clock.now())
        self._wake.set()

    def _role(self, function_arn: str) -> str:
        try:
            return self.functions.get(function_arn).settings.role
        except ApiError:
            return ""


def _log_defect(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        logger.error("a mapping's task failed", exc_info=error)


def _result(outcome: Outcome) -> str:
    if isinstance(outcome, Succeeded):
        return "OK"
    return "PROBLEM: Function call failed" if isinstance(outcome, Failed) else "PROBLEM: Function could not be invoked"
