"""How well scores tell positives from negatives."""

import numpy as np
import numpy.typing as npt

from consumers.training.matrix import Floats

Flags = npt.NDArray[np.bool_]


def auc(labels: Flags, scores: Floats) -> float | None:
    """The chance that a positive scores above a negative, ties counted half; None when there is only one kind.

    >>> auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
    0.75
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def f1(labels: Flags, found: Flags) -> float | None:
    """The harmonic mean of precision and recall; None when nothing is positive and nothing was found.

    >>> f1(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    sizes = int(labels.sum() + found.sum())
    return float(2 * (labels & found).sum() / sizes) if sizes else None
