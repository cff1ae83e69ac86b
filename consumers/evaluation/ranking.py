"""How well scores put positives before negatives, whatever threshold is chosen later."""

import math

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from consumers.evaluation.intervals import Estimate, by_logit, two_sided

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class PairedAreas(Struct, frozen=True):
    """The areas of two scores of the same texts, and how likely such a difference is when neither is better."""

    first: float
    second: float
    p: float


def auc(labels: Flags, scores: Floats) -> Estimate | None:
    """The chance that a positive scores above a negative, ties counted half; None when there is only one kind.

    The interval is DeLong's, on the logit's scale.

    Source: DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988).

    >>> auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1])).value
    0.75
    """
    parts = _placements(labels, scores)
    if parts is None:
        return None
    positives, negatives = parts
    fewer = min(len(positives), len(negatives))
    # One text of a kind says nothing of how such texts differ.
    error = math.sqrt(_variance(positives) + _variance(negatives)) if fewer > 1 else 0.0
    return by_logit(float(positives.mean()), error, fallback=fewer)


def average_precision(labels: Flags, scores: Floats) -> Estimate | None:
    """Precision, averaged over all recalls; None with only one kind of text. Chance gives the share of positives.

    The interval is the logit interval of Boyd, Eng and Page, whose coverage is better than a bootstrap's.

    Source: Boyd, Eng, Page, ECML PKDD 2013, "Area under the Precision-Recall Curve".

    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.5, 0.1])).value
    0.8333333333333333
    """
    total = int(labels.sum())
    if total in (0, len(labels)):
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, flags = scores[order], labels[order]
    # Texts of one score are taken together: no order among them is better than another.
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    found = np.cumsum(flags)[last]
    steps = np.diff(found, prepend=0) / total
    value = float((steps * found / (last + 1)).sum())
    # A sum of steps may miss 1 by its last bits.
    value = 1.0 if value > 1 - 1e-12 else value
    return by_logit(value, math.sqrt(value * (1 - value) / total), fallback=total)


def compare(labels: Flags, first: Floats, second: Floats) -> PairedAreas | None:
    """Whether two scores of the same texts differ in their areas by more than chance (DeLong, two-sided)."""
    one, other = _placements(labels, first), _placements(labels, second)
    if one is None or other is None:
        return None
    error = math.sqrt(sum(_variance(a - b) for a, b in zip(one, other, strict=True)))
    areas = float(one[0].mean()), float(other[0].mean())
    distance = areas[0] - areas[1]
    p = two_sided(distance / error) if error > 0 else float(distance == 0)
    return PairedAreas(*areas, p)


def recall_at(labels: Flags, scores: Floats, false_positive_rate: float) -> tuple[float, float] | None:
    """The best recall with at most that share of negatives found, and the lowest score that counts as found then.

    None when there is only one kind, or no threshold finds a positive so purely.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, flags = scores[order], labels[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    found = np.cumsum(flags)[last]
    allowed = np.flatnonzero((last + 1 - found) / negatives <= false_positive_rate)
    if not len(allowed) or not found[allowed[-1]]:
        return None
    return float(found[allowed[-1]] / positives), float(ranked[last[allowed[-1]]])


def _placements(labels: Flags, scores: Floats) -> tuple[Floats, Floats] | None:
    """For each positive the share of negatives below it; for each negative the share of positives above it."""
    positive, negative = np.sort(scores[labels]), np.sort(scores[~labels])
    if not len(positive) or not len(negative):
        return None
    return _below(scores[labels], negative), 1 - _below(scores[~labels], positive)


def _below(values: Floats, others: Floats) -> Floats:
    left, right = np.searchsorted(others, values, "left"), np.searchsorted(others, values, "right")
    shares: Floats = (left + right) / (2 * len(others))
    return shares


def _variance(placements: Floats) -> float:
    return float(placements.var(ddof=1)) / len(placements) if len(placements) > 1 else 0.0
