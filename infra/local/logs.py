"""What functions write, in CloudWatch Logs: moto keeps the groups and answers the calls, this bounds what they hold."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from infra.local.clock import Clock
from infra.local.moto_backend import MotoBackend

GROUP_BYTES: Final = 16 << 20
"""Bytes of output that are kept of each log group; older output is gone."""
MESSAGE_BYTES: Final = 1 << 20
"""Of one event; the rest of a longer line is cut off. Source: API_PutLogEvents.html"""


class LogLine(Struct, frozen=True):
    """A line that a function wrote.

    Args:
        at: epoch seconds.
        stream: of its process.
    """

    at: float
    stream: str
    message: str


class FunctionLogs:
    """Writes functions' output to CloudWatch Logs, and reads it. Safe to use from several threads.

    Args:
        moto: whose CloudWatch Logs it is.
        clock: where the time is read.
        written: takes the lines, too: CloudWatch makes metrics of those in its embedded metric format.
    """

    def __init__(
        self, moto: MotoBackend, clock: Clock, *, written: Callable[[Sequence[str]], None] = lambda lines: None
    ) -> None:
        self._moto = moto
        self._clock = clock
        self._lock = moto.lock("logs")
        self._take = written
        self._written: dict[str, deque[tuple[str, int, int]]] = {}
        self._sizes: dict[str, int] = {}

    def write(self, group: str, stream: str, lines: Sequence[str]) -> None:
        """Adds lines to a stream; group and stream are made when they are not there, as Lambda makes them."""
        now = int(self._clock.now() * 1000)
        messages = [line[:MESSAGE_BYTES] for line in lines if line]
        if not messages:
            return
        self._take(messages)
        events = [{"timestamp": now, "message": message} for message in messages]
        size = sum(map(len, messages))
        with self._lock:
            backend = self._moto.backend("logs")
            if group not in backend.groups:
                backend.create_log_group(group, {})
            kept = backend.groups[group]
            if stream not in kept.streams:
                kept.create_log_stream(stream)
            kept.put_log_events(stream, events)
            self._written.setdefault(group, deque()).append((stream, len(events), size))
            self._sizes[group] = self._sizes.get(group, 0) + size
            self._trim(group, kept, newest=stream)

    def clear(self) -> None:
        """Forgets everything that was written; the groups stay."""
        with self._lock:
            for group in self._moto.backend("logs").groups.values():
                group.streams.clear()
            self._written.clear()
            self._sizes.clear()

    def read(self, group: str, *, since: float = 0.0) -> list[LogLine]:
        """The lines of a group from a moment on, in their order; none when there is no such group.

        Args:
            since: epoch seconds.
        """
        with self._lock:
            found = self._moto.backend("logs").groups.get(group)
            streams = list(found.streams.items()) if found is not None else []
            lines = [
                (event.timestamp, event.event_id, name, event.message)
                for name, stream in streams
                for event in stream.events
                if event.timestamp >= since * 1000
            ]
        return [LogLine(at / 1000, name, message) for at, _, name, message in sorted(lines)]

    def _trim(self, group: str, kept: Any, *, newest: str) -> None:
        written = self._written[group]
        while self._sizes[group] > GROUP_BYTES and len(written) > 1:
            stream, count, size = written.popleft()
            self._sizes[group] -= size
            if (held := kept.streams.get(stream)) is None:
                continue
            del held.events[:count]
            if not held.events and stream != newest:
                del kept.streams[stream]
