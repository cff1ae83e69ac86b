"""Whether scores mean what they say: of texts that score 0.7, are seven in ten positive?"""

import numpy as np
from msgspec import Struct

from consumers.evaluation.intervals import Estimate, wilson
from consumers.evaluation.ranking import Flags, Floats

BINS = 10


class Bin(Struct, frozen=True):
    """Texts with about the same score.

    Args:
        low, high: from which score, and below which (the last holds 1, too).
        texts: how many there are.
        score: their mean score.
        positive: the share that is positive.
    """

    low: float
    high: float
    texts: int
    score: float
    positive: Estimate


class Reliability(Struct, frozen=True):
    """How far scores are from shares.

    Args:
        base_rate: the share of positives that this is for.
        bins: ten steps of the score, those with texts.
        brier: the mean squared distance of score and truth; 0 is best.
        error: the expected calibration error: the mean distance of score and share over the bins.
    """

    base_rate: float
    bins: tuple[Bin, ...]
    brier: float
    error: float


def reliability(labels: Flags, scores: Floats, *, base_rate: float | None = None) -> Reliability | None:
    """How far scores are from shares; None without both kinds of text.

    Args:
        labels, scores: one each for every text; scores from 0 to 1.
        base_rate: texts are weighed so that positives are this share of all; None takes them as they are.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    rate = positives / len(labels) if base_rate is None else base_rate
    yes, no = rate / positives, (1 - rate) / negatives
    weights = np.where(labels, yes, no)
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    found, error = [], 0.0
    for place in range(BINS):
        inside = places == place
        texts = int(inside.sum())
        if not texts:
            continue
        share = wilson(int(labels[inside].sum()), texts)
        positive = Estimate(*(_weighed(end, yes / no) for end in (share.value, share.low, share.high)))
        weight = weights[inside]
        score = float((scores[inside] * weight).sum() / weight.sum())
        found.append(Bin(place / BINS, (place + 1) / BINS, texts, score, positive))
        error += float(weight.sum()) * abs(score - positive.value)
    brier = float((weights * (scores - labels) ** 2).sum())
    return Reliability(rate, tuple(found), brier, error)


def _weighed(share: float, odds: float) -> float:
    return share * odds / (share * odds + 1 - share)
