"""From a raw score to a probability: Platt's two numbers, for texts of which a known share is positive."""

import numpy as np

from consumers.training.fitting import sigmoid
from consumers.training.matrix import Floats

_STEPS = 100


def calibrate(positives: Floats, negatives: Floats, *, base_rate: float) -> tuple[float, float]:
    """Scale and bias such that ``1 / (1 + exp(-(scale * raw + bias)))`` is how often texts of that score are positive.

    Args:
        positives, negatives: raw scores of texts that were not learned from. However many there are of either,
            positives count as ``base_rate`` of all.
        base_rate: 0 to 1.
    """
    return platt(
        positives,
        negatives,
        np.full(len(positives), base_rate / len(positives)),
        np.full(len(negatives), (1 - base_rate) / len(negatives)),
    )


def platt(positives: Floats, negatives: Floats, of_positives: Floats, of_negatives: Floats) -> tuple[float, float]:
    """Scale and bias for raw scores of texts of both kinds, each with what it counts."""
    raw = np.concatenate([positives, negatives])
    # Platt's targets: nobody who has seen n texts is surer than n texts make them, also where no score is out of place.
    yes, no = (len(positives) + 1) / (len(positives) + 2), 1 / (len(negatives) + 2)
    labels = np.concatenate([np.full(len(positives), yes), np.full(len(negatives), no)])
    each = np.concatenate([of_positives, of_negatives])
    each = each / each.sum()
    rate = float(of_positives.sum() / (of_positives.sum() + of_negatives.sum()))
    spread = float(raw.std()) or 1.0
    scaled = raw / spread
    scale, bias = 1.0, float(np.log(rate / (1 - rate)))
    best = _loss(scaled, labels, each, scale, bias)
    for _ in range(_STEPS):
        chance = sigmoid(scale * scaled + bias)
        miss = (chance - labels) * each
        slope = np.array([(miss * scaled).sum(), miss.sum()])
        curve = chance * (1 - chance) * each
        matrix = np.array([[(curve * scaled**2).sum(), (curve * scaled).sum()], [(curve * scaled).sum(), curve.sum()]])
        step = np.linalg.solve(matrix + np.eye(2) * 1e-9, slope)
        size = 1.0
        while size > 1e-6:
            tried = _loss(scaled, labels, each, scale - size * step[0], bias - size * step[1])
            if tried < best:
                break
            size /= 2
        else:
            break
        scale, bias, best = scale - size * float(step[0]), bias - size * float(step[1]), tried
    return scale / spread, bias


def _loss(raw: Floats, labels: Floats, each: Floats, scale: float, bias: float) -> float:
    logits = scale * raw + bias
    return float((each * (np.logaddexp(0, logits) - labels * logits)).sum())
