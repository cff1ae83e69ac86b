"""All figures of one question on one group of texts."""

from msgspec import Struct

from consumers.evaluation.intervals import Estimate, f1, precision_at, share
from consumers.evaluation.ranking import Flags, Floats, auc, average_precision

BASE_RATES = (0.001, 0.01, 0.1)
"""Shares of positives for which precision is told: one text in a thousand, a hundred, ten."""


class Measures(Struct, frozen=True):
    """What was found, and how right that is. A figure that the texts do not give is None.

    Args:
        texts: how many were judged.
        positive: how many are what is looked for.
        true_positives, false_positives, false_negatives, true_negatives: found or not, rightly or not.
        precision: the share of the found that is positive, in these texts; of texts of one kind alone it says nothing,
            nor does F1.
        recall: the share of the positive that is found.
        f1: the harmonic mean of both.
        false_positive_rate: the share of the negative that is found.
        auc: the chance that a positive scores above a negative.
        average_precision: precision averaged over all thresholds.
        precision_at: precision where so large a share is positive, as text: ``0.01``.
    """

    texts: int
    positive: int
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    false_positive_rate: Estimate | None
    auc: Estimate | None
    average_precision: Estimate | None
    precision_at: dict[str, Estimate]


def measure(labels: Flags, found: Flags, scores: Floats | None = None) -> Measures:
    """The figures of these answers.

    Args:
        labels: which texts are positive.
        found: which were found.
        scores: how surely; None when there are no scores.

    >>> import numpy as np
    >>> answers = measure(np.array([True, True, False, False]), np.array([True, False, False, False]))
    >>> answers.precision.value, answers.recall.value, answers.false_positive_rate.value
    (1.0, 0.5, 0.0)
    """
    both = int((labels & found).sum())
    positive, flagged = int(labels.sum()), int(found.sum())
    negative = len(labels) - positive
    recall, rate = share(both, positive), share(flagged - both, negative)
    at = {} if recall is None or rate is None else {str(one): precision_at(one, recall, rate) for one in BASE_RATES}
    return Measures(
        texts=len(labels),
        positive=positive,
        true_positives=both,
        false_positives=flagged - both,
        false_negatives=positive - both,
        true_negatives=negative - flagged + both,
        precision=share(both, flagged) if positive and negative else None,
        recall=recall,
        f1=f1(both, flagged - both, positive - both) if positive and negative else None,
        false_positive_rate=rate,
        auc=None if scores is None else auc(labels, scores),
        average_precision=None if scores is None else average_precision(labels, scores),
        precision_at={rate: estimate for rate, estimate in at.items() if estimate is not None},
    )


def of_spans(found: int, wrong: int, missed: int) -> Measures:
    """The figures of spans in texts: those that were found, found where there is none, and not found.

    >>> of_spans(3, 0, 1).recall.value
    0.75
    """
    return Measures(
        texts=found + wrong + missed,
        positive=found + missed,
        true_positives=found,
        false_positives=wrong,
        false_negatives=missed,
        true_negatives=0,
        precision=share(found, found + wrong),
        recall=share(found, found + missed),
        f1=f1(found, wrong, missed),
        false_positive_rate=None,
        auc=None,
        average_precision=None,
        precision_at={},
    )
