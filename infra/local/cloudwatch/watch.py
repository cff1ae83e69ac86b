"""Watches the runtime: takes its gauges every minute, evaluates the alarms, and tells their topics."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from infra.local.clock import Clock
from infra.local.cloudwatch.alarms import Alarms, Change
from infra.local.cloudwatch.metrics import KEPT_SECONDS, MINUTE, Metrics

_logger = logging.getLogger(__name__)
_LATER_SECONDS: Final = 0.05
MOST_MINUTES: Final = 60
"""Of a clock that jumped, the last that are evaluated one by one."""


class Watch:
    """Evaluates every whole minute once.

    Args:
        clock: whose minutes.
        gauges: measure what has no event of its own, at the end of each minute.
        tell: takes a change of state, to hand it on.
    """

    def __init__(
        self,
        metrics: Metrics,
        alarms: Alarms,
        clock: Clock,
        *,
        gauges: Sequence[Callable[[], None]],
        tell: Callable[[Change], None],
    ) -> None:
        self._metrics, self._alarms, self._clock = metrics, alarms, clock
        self._gauges, self._tell = gauges, tell
        self._lock = threading.Lock()
        self._last = self._minute()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look, at the end of every minute, in a thread of its own."""
        self._last = self._minute()
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def look(self) -> None:
        """Evaluates the minutes that have passed since the last look."""
        with self._lock:
            now = self._minute()
            first = max(self._last + MINUTE, now - (MOST_MINUTES - 1) * MINUTE)
            if now < self._last:
                self._last = now
                return
            if first > now:
                return
            self._last = now
            for gauge in self._gauges:
                # One service's trouble must not keep the others' alarms from being evaluated.
                try:
                    gauge()
                except Exception as error:
                    _logger.error("a gauge failed: %s", type(error).__name__)  # noqa: TRY400
            changes: list[Change] = []
            for minute in range(first, now + MINUTE, MINUTE):
                changes += self._alarms.evaluate(self._metrics, float(minute))
            self._metrics.forget(now - KEPT_SECONDS)
        for change in changes:
            self._tell(change)

    def begin_anew(self) -> None:
        """Forgets metrics, states and minutes."""
        with self._lock:
            self._metrics.clear()
            self._alarms.begin_anew(self._clock.now())
            self._last = self._minute()

    def _minute(self) -> int:
        return int(self._clock.now() // MINUTE) * MINUTE

    def _run(self) -> None:
        while not self._stop.wait(MINUTE - self._clock.now() % MINUTE + _LATER_SECONDS):
            self.look()
