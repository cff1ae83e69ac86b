"""Metrics by the minute, as CloudWatch keeps them at standard resolution. Pure: the time is an argument.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

import math
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

MINUTE: Final = 60
KEPT_SECONDS: Final = 3 * 86_400
"""AWS keeps minutes for 15 days; a laptop that runs for weeks must not fill its memory."""
MOST_VALUES: Final = 500
"""Different values of one minute that percentiles are read from; further ones count in everything else."""

_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
STATISTICS: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Metric(Struct, frozen=True, order=True):
    """A metric's identity: each combination of dimensions is one of its own.

    Args:
        dimensions: pairs of name and value, sorted.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "Metric":
        """The metric with these dimensions, in whatever order they come."""
        return cls(namespace, name, tuple(sorted(dimensions.items())))


class Sample(Struct):
    """What was measured in a span of time: a statistic set, and the values that percentiles need."""

    count: float = 0.0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    values: dict[float, float] = {}

    def add(self, value: float, times: float = 1.0) -> None:
        """Takes a value in that was measured so many times."""
        self.count += times
        self.total += value * times
        self.least, self.most = min(self.least, value), max(self.most, value)
        if value in self.values or len(self.values) < MOST_VALUES:
            self.values[value] = self.values.get(value, 0.0) + times

    def merge(self, other: "Sample") -> None:
        """Takes another span's measurements in."""
        self.count += other.count
        self.total += other.total
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        for value, times in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + times

    def value(self, statistic: str) -> float:
        """One statistic; a percentile is the smallest value that as many lie at or below.

        Raises:
            ValueError: a statistic that is not modelled.

        >>> sample = Sample()
        >>> for value in (1.0, 2.0, 9.0):
        ...     sample.add(value)
        >>> [sample.value(one) for one in ("Sum", "Average", "Maximum", "p50", "SampleCount")]
        [12.0, 4.0, 9.0, 2.0, 3.0]
        """
        match statistic:
            case "SampleCount":
                return self.count
            case "Sum":
                return self.total
            case "Average":
                return self.total / self.count
            case "Minimum":
                return self.least
            case "Maximum":
                return self.most
        share = percentile(statistic) / 100
        wanted, seen = share * sum(self.values.values()), 0.0
        for value in sorted(self.values):
            seen += self.values[value]
            if seen >= wanted:
                return value
        return self.most


def percentile(statistic: str) -> float:
    """The percentile that a statistic such as ``p99.9`` asks for.

    Raises:
        ValueError: it is none.
    """
    found = _PERCENTILE.fullmatch(statistic)
    if found is None:
        raise ValueError(f"statistic {statistic[:40]!r} is not modelled; modelled: {', '.join(STATISTICS)}, p0 to p100")
    return float(found[1])


class Metrics:
    """Every metric's minutes. Safe to use from several threads."""

    def __init__(self) -> None:
        self._minutes: dict[Metric, dict[int, Sample]] = {}
        self._units: dict[Metric, str] = {}
        self._lock = threading.Lock()

    def add(self, metric: Metric, value: float, *, at: float, unit: str = "None", times: float = 1.0) -> None:
        """Takes a value in.

        Args:
            at: epoch seconds.
            times: how often it was measured.
        """
        minute = int(at // MINUTE) * MINUTE
        with self._lock:
            self._units[metric] = unit
            self._minutes.setdefault(metric, {}).setdefault(minute, Sample(values={})).add(value, times)

    def put(self, metric: Metric, sample: Sample, *, at: float, unit: str = "None") -> None:
        """Takes a whole statistic set in."""
        minute = int(at // MINUTE) * MINUTE
        with self._lock:
            self._units[metric] = unit
            self._minutes.setdefault(metric, {}).setdefault(minute, Sample(values={})).merge(sample)

    def window(self, metric: Metric, start: int, end: int) -> Sample | None:
        """What was measured from one minute up to another; None when nothing was."""
        with self._lock:
            minutes = self._minutes.get(metric)
            if not minutes:
                return None
            found: Sample | None = None
            for minute in range(start, end, MINUTE):
                sample = minutes.get(minute)
                if sample is not None:
                    found = found or Sample(values={})
                    found.merge(sample)
            return found

    def unit(self, metric: Metric) -> str:
        """The unit it came with last."""
        return self._units.get(metric, "None")

    def known(self, *, since: float = 0.0) -> Iterator[Metric]:
        """The metrics that have anything since a moment, in order."""
        with self._lock:
            found = sorted(one for one, minutes in self._minutes.items() if max(minutes, default=0) >= since)
        yield from found

    def forget(self, before: float) -> None:
        """Drops the minutes before a moment, and metrics that have none left."""
        with self._lock:
            for metric, minutes in list(self._minutes.items()):
                for minute in [one for one in minutes if one < before]:
                    del minutes[minute]
                if not minutes:
                    del self._minutes[metric]

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._minutes.clear()
            self._units.clear()
