"""Figures with what they may be off by: intervals that hold the true value in about 95 of 100 samples like this one.

All are closed formulas: the same counts give the same interval, with no random draws.
"""

import math

from msgspec import Struct

Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""

MOST_EXACT = 2_000
"""Pairs on which two differ, up to which McNemar's test is worked out exactly."""


class Estimate(Struct, frozen=True):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class Paired(Struct, frozen=True):
    """Two that answered the same questions.

    Args:
        only_first, only_second: how often only that one was right.
        p: how likely a difference this large is when both are equally good (McNemar, two-sided).
    """

    only_first: int
    only_second: int
    p: float


def share(hits: int, of: int) -> Estimate | None:
    """A share with its interval; None of nothing."""
    return wilson(hits, of) if of else None


def wilson(hits: int, of: int) -> Estimate:
    """A share of one or more with Wilson's score interval.

    Source: Wilson, Journal of the American Statistical Association 22 (1927).

    >>> found = wilson(9, 10)
    >>> round(found.low, 3), found.value, round(found.high, 3)
    (0.596, 0.9, 0.982)
    """
    part = hits / of
    slack = Z * Z / of
    middle = (part + slack / 2) / (1 + slack)
    half = Z * math.sqrt(part * (1 - part) / of + slack / (4 * of)) / (1 + slack)
    # At the ends the formula gives 0 and 1 but for the last bit.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == of else min(1.0, middle + half)
    return Estimate(part, low, high)


def f1(true_positives: int, false_positives: int, false_negatives: int) -> Estimate | None:
    """The harmonic mean of precision and recall; None when nothing is positive and nothing was found.

    Of the texts that are positive or were found, the share that is both is a share like any other, and F1 grows with
    it: ``2 s / (1 + s)``. So Wilson's interval of that share gives F1's.

    >>> f1(2, 1, 1).value
    0.6666666666666666
    """
    both = share(true_positives, true_positives + false_positives + false_negatives)
    if both is None:
        return None
    return Estimate(*(2 * end / (1 + end) for end in (both.value, both.low, both.high)))


def by_logit(value: float, error: float, *, fallback: int) -> Estimate:
    """An interval for a figure between 0 and 1, made on the logit's scale so that it stays there.

    Args:
        value: the figure.
        error: its standard error.
        fallback: at 0 and 1, and where no error is known (0), the interval is that of a share of so many.
    """
    if not 0 < value < 1 or error <= 0:
        like = wilson(round(value * fallback), fallback)
        return Estimate(value, min(like.low, value), max(like.high, value))
    middle, half = math.log(value / (1 - value)), Z * error / (value * (1 - value))
    return Estimate(value, _logistic(middle - half), _logistic(middle + half))


def precision_at(base_rate: float, recall: Estimate, false_positive_rate: Estimate) -> Estimate | None:
    """How many of the found are right where so many are positive; None when nothing is found.

    The interval takes the worse and the better ends of both: it is wider than it need be, never narrower.

    >>> some, few = Estimate(0.8, 0.8, 0.8), Estimate(0.01, 0.01, 0.01)
    >>> round(precision_at(0.01, some, few).value, 3)
    0.447
    """
    value = _precision(base_rate, recall.value, false_positive_rate.value)
    if value is None:
        return None
    low = _precision(base_rate, recall.low, false_positive_rate.high)
    high = _precision(base_rate, recall.high, false_positive_rate.low)
    return Estimate(value, value if low is None else low, value if high is None else high)


def mcnemar(only_first: int, only_second: int) -> Paired:
    """Whether two that judged the same texts differ by more than chance; what both got right or wrong says nothing.

    >>> round(mcnemar(1, 9).p, 4)
    0.0215
    """
    differing = only_first + only_second
    if differing == 0:
        return Paired(0, 0, 1.0)
    fewer = min(only_first, only_second)
    if differing <= MOST_EXACT:
        ways = term = 1
        for k in range(1, fewer + 1):
            term = term * (differing - k + 1) // k
            ways += term
        p = min(1.0, 2 * ways / 2**differing)
    else:
        distance = (abs(only_first - only_second) - 1) / math.sqrt(differing)
        p = two_sided(max(0.0, distance))
    return Paired(only_first, only_second, p)


def two_sided(z: float) -> float:
    """How likely a normal value is to be so far from the middle, or farther.

    >>> round(two_sided(1.96), 2)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2))


def _precision(base_rate: float, recall: float, false_positive_rate: float) -> float | None:
    found = base_rate * recall + (1 - base_rate) * false_positive_rate
    return base_rate * recall / found if found else None


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
