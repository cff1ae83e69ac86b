"""How the runtime is doing: whether it is ready, what is in flight, and a wait until nothing is."""

import threading
import time
from collections.abc import Callable
from typing import Any

from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions
from infra.local.clock import Clock
from infra.local.cloudformation.cloudformation import Stack
from infra.local.errors import ApiError
from infra.local.firehose.driver import DeliveryStreamDriver

_DRAIN_STEP_SECONDS = 0.02


class Status:
    """What ``/_twin/`` answers.

    Args:
        stack_name, region: as the runtime was started with.
        stack: gives the stack, None until it is made.
        mappings, deliveries: what records are in flight in.
        functions: whose aliases are shown.
        alarms: gives those that are not OK.
        failure: why nothing can be kept any more, None while it can.
    """

    def __init__(
        self,
        *,
        stack_name: str,
        region: str,
        stack: Callable[[], Stack | None],
        clock: Clock,
        mappings: EventSourceDriver,
        deliveries: DeliveryStreamDriver,
        functions: Functions,
        alarms: Callable[[], list[dict[str, Any]]] = list,
        failure: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._stack_name = stack_name
        self._region = region
        self._stack = stack
        self._clock = clock
        self._mappings = mappings
        self._deliveries = deliveries
        self._functions = functions
        self._alarms = alarms
        self._failure = failure
        self._started_at = clock.now()
        self._draining = threading.Lock()

    def health(self) -> dict[str, Any]:
        """Whether the stack stands, and since when."""
        return {
            "status": "ready" if self._stack() else "starting",
            "stack": self._stack_name,
            "region": self._region,
            "up_seconds": round(self._clock.now() - self._started_at, 3),
        }

    def state(self) -> dict[str, Any]:
        """What is in flight and what was done: by mapping, by delivery stream."""
        stack = self._stack()
        return {
            **self.health(),
            "outputs": dict(stack.outputs) if stack else {},
            "mappings": self._mappings.progress(),
            "aliases": self._aliases(),
            "delivery_streams": self._deliveries.state(),
            "alarms": self._alarms(),
            "failure": self._failure(),
        }

    def _aliases(self) -> dict[str, dict[str, Any]]:
        """By function and alias, the version that it points to, and the shares of others."""
        found: dict[str, dict[str, Any]] = {}
        for name in self._functions.names():
            try:
                aliases = list(self._functions.versions(name).aliases.values())
            except ApiError:
                continue  # it is deleted at this moment
            for alias in aliases:
                shown = {"version": alias.version, "shares": dict(alias.weights)}
                found.setdefault(name, {})[alias.name] = shown
        return found

    def idle(self) -> bool:
        """Whether nothing is in flight: every record is checkpointed and everything delivered is in S3."""
        return self._mappings.idle() and self._deliveries.idle()

    def drain(self, timeout: float = 60.0) -> dict[str, Any]:
        """Lands what is in flight, without waiting for windows and buffers.

        Args:
            timeout: seconds after which it gives up.

        Returns:
            ``drained`` (False when time ran out, or nothing can be kept any more), ``seconds``, and the ``state`` at
            the end.
        """
        started = time.monotonic()
        with self._draining:
            while True:
                self._mappings.flush()
                if self._mappings.idle():
                    # Only now: what a function puts while it runs must be in the buffers that are flushed.
                    self._deliveries.flush()
                    if self.idle():
                        break
                if time.monotonic() - started >= timeout or self._failure() is not None:
                    break
                time.sleep(_DRAIN_STEP_SECONDS)
            return {
                "drained": self.idle(),
                "seconds": round(time.monotonic() - started, 3),
                "state": self.state(),
            }
