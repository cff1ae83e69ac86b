"""Latencies as counts in steps of two per cent: small, mergeable, and right to one step at any quantile."""

import math
from collections.abc import Mapping

_FIRST = 1e-6
_GROWTH = math.log(1.02)


class Histogram:
    """How many values fell into each step.

    Args:
        counts: of another one, by step.

    >>> histogram = Histogram()
    >>> for milliseconds in range(1, 101):
    ...     histogram.add(milliseconds / 1000)
    >>> [round(histogram.quantile(share), 2) for share in (0.5, 0.95, 1.0)]
    [0.05, 0.1, 0.1]
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    @property
    def total(self) -> int:
        """How many values there are."""
        return sum(self.counts.values())

    def add(self, seconds: float, times: int = 1) -> None:
        """Counts a value; anything up to a microsecond is in the first step."""
        step = 0 if seconds <= _FIRST else math.ceil(math.log(seconds / _FIRST) / _GROWTH)
        self.counts[step] = self.counts.get(step, 0) + times

    def merge(self, other: Mapping[int, int]) -> None:
        """Counts all values of another one."""
        for step, times in other.items():
            self.counts[step] = self.counts.get(step, 0) + times

    def quantile(self, share: float) -> float | None:
        """Seconds that this share (0 to 1) of the values stayed within, at most two per cent high; None without any."""
        wanted = max(1, math.ceil(self.total * share - 1e-9))
        reached = 0
        for step in sorted(self.counts):
            reached += self.counts[step]
            if reached >= wanted:
                return _FIRST * math.exp(step * _GROWTH)
        return None
