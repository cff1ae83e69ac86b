"""When an alarm changes its state: M out of N, and data that is missing. Pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: its two tables are
the cases of the tests. Of the range that is looked at beyond the evaluation periods they give one figure, 5 for 3; here
it is always two more.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT: Final = "INSUFFICIENT_DATA"
TREATMENTS: Final = ("missing", "notBreaching", "breaching", "ignore")
EXTRA_PERIODS: Final = 2

_COMPARISONS: Final = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
COMPARISONS: Final = tuple(_COMPARISONS)


class Rule(Struct, frozen=True, kw_only=True):
    """What makes an alarm go off.

    Args:
        periods: how many of the latest data points are judged (N).
        breaching: how many of them must breach (M).
        missing: one of ``TREATMENTS``.
    """

    comparison: str
    threshold: float
    periods: int
    breaching: int
    missing: str = "missing"

    @property
    def range(self) -> int:
        """How many data points are looked at."""
        return self.periods + EXTRA_PERIODS

    def is_breached(self, value: float) -> bool:
        """Whether a value lies on the wrong side."""
        return bool(_COMPARISONS[self.comparison](value, self.threshold))


def state(rule: Rule, points: Sequence[float | None], current: str) -> str:
    """The state that follows.

    Args:
        points: the latest data points, the newest last, as many as ``rule.range``; None is missing.
        current: the state so far, which stays when missing data is ignored.

    >>> rule = Rule(comparison="GreaterThanThreshold", threshold=0.0, periods=3, breaching=2, missing="breaching")
    >>> state(rule, [0.0, None, 1.0, None, None], OK)
    'ALARM'
    """
    there = [value for value in points[-rule.range :] if value is not None]
    missing = rule.periods - len(there)
    if missing <= 0:
        return ALARM if _count(rule, there[-rule.periods :]) >= rule.breaching else OK
    breached = _count(rule, there)
    if rule.missing == "breaching":
        return ALARM if breached + missing >= rule.breaching else OK
    if breached >= rule.breaching:
        return ALARM
    if rule.missing == "notBreaching" or breached < len(there):
        return OK
    if not there:
        return current if rule.missing == "ignore" else INSUFFICIENT
    # Nothing but breaching data, and too little of it. It goes off when the oldest is old enough all the same, unless
    # missing data is to change nothing.
    oldest = max(age for age, value in enumerate(reversed(points[-rule.range :]), start=1) if value is not None)
    return ALARM if rule.missing == "missing" and oldest >= rule.breaching else current


def _count(rule: Rule, values: Sequence[float]) -> int:
    return sum(rule.is_breached(value) for value in values)
