"""How the runtime's services emit their metrics: a port, what counts nothing, and what keeps them in CloudWatch."""

from collections.abc import Mapping
from typing import Protocol

from infra.local.clock import Clock
from infra.local.cloudwatch.metrics import Metric, Metrics


class Meter(Protocol):
    """Takes a service's metrics."""

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str = "Count") -> None:
        """One value, measured now."""
        ...


class NoMeter:
    """Keeps nothing."""

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str = "Count") -> None:
        """Does nothing."""


class ClockedMeter:
    """Keeps each value in the minute that a clock shows."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str = "Count") -> None:
        """One value, measured now."""
        self._metrics.add(Metric.of(namespace, name, dimensions), value, at=self._clock.now(), unit=unit)
