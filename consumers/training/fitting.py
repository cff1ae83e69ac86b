"""Logistic regression over hashed features: weights by Adagrad, one pass after the other, the same for the same seed.

Nothing here depends on the machine's own way of adding up: sums go in one order, and a probability is rounded before it
is used, so that the last bits of ``exp``, which differ between processors, are gone.
"""

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from consumers.training.matrix import Floats, Matrix, Whole

BATCH = 256
NATURAL_LOGIT = -3.0
"""Where natural texts start from: one in twenty. Other sets get a start of their own, which is learned and thrown away:
how many of a set's texts are positive says how it was collected, and not what its words mean."""

_DECAY = 1e-6
_STEADY = 1e-6
_GRID = 65536.0


class Task(Struct, frozen=True):
    """What one head learns from.

    Args:
        matrix: all texts.
        texts: which of them.
        labels: 0 or 1 for each of these.
        weights: how much each counts.
        groups: which set each is of; 0: natural.
    """

    matrix: Matrix
    texts: Whole
    labels: Floats
    weights: Floats
    groups: Whole


def fit(
    task: Task,
    *,
    bits: int,
    steady: float,
    rate: float,
    epochs: int,
    seed: int,
    told: Callable[[str], None] = lambda _: None,
) -> Floats:
    """2 ** bits weights.

    Args:
        steady: added to a text's count of features.
        rate: how far a step goes.
        epochs: how often all texts are gone through.
        seed: of the order.
        told: gets a line after each pass.
    """
    size = 1 << bits
    weights, squares = np.zeros(size), np.full(size, _STEADY)
    starts = np.zeros(int(task.groups.max(initial=0)) + 1)
    start_squares = np.full(len(starts), 1e-2)
    starts[0] = NATURAL_LOGIT
    mean, steps = np.zeros(size), 0
    # RandomState's numbers are promised to stay the same; the newer generators' are not.
    order_of = np.random.RandomState(seed)
    for epoch in range(1, epochs + 1):
        order = order_of.permutation(len(task.texts))
        loss = 0.0
        for first in range(0, len(order), BATCH):
            some = order[first : first + BATCH]
            columns, texts, norm = task.matrix.rows(task.texts[some], size - 1, steady)
            logits = (
                np.bincount(texts, weights=weights[columns], minlength=len(some)) * norm + starts[task.groups[some]]
            )
            chance = np.rint(sigmoid(logits) * _GRID) / _GRID
            labels = task.labels[some]
            miss = (chance - labels) * task.weights[some]
            loss += float(np.abs(miss).sum())
            slope = np.bincount(columns, weights=(miss * norm)[texts], minlength=size) / len(some) + _DECAY * weights
            squares += slope * slope
            weights -= rate * slope / np.sqrt(squares)
            start_slope = np.bincount(task.groups[some], weights=miss, minlength=len(starts)) / len(some)
            start_slope[0] = 0.0
            start_squares += start_slope * start_slope
            starts -= 0.05 * start_slope / np.sqrt(start_squares)
            if epoch == epochs:
                # The mean over the last pass is steadier than where it happens to end.
                mean += weights
                steps += 1
        told(f"pass {epoch} of {epochs}: mean miss {loss / max(1.0, float(task.weights.sum())):.4f}")
    return mean / steps


def sigmoid(logits: Floats) -> Floats:
    """The probability that belongs to each logit."""
    result: Floats = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    return result
