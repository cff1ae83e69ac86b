"""Logistic regression over words and their n-grams, with an L2 penalty, by accelerated gradient steps over all texts.

The optimum is one, so that the way there does not matter; the same texts make the same weights. Nothing here depends on
the machine's own way of adding up: sums go in one order, and a probability is rounded before it is used, so that the
last bits of ``exp``, which differ between processors, are gone.
"""

import math
from collections.abc import Callable

import numpy as np
from msgspec import Struct

from consumers.training.matrix import Flags, Floats, Grams, Matrix, Whole, totals

NATURAL_LOGIT = -3.0
"""Where natural texts start from: one in twenty."""

_GRID = 1 << 20
_STARTS_RIDGE = 1e-3


class Task(Struct, frozen=True):
    """What one head learns from.

    Args:
        matrix: the texts' words.
        grams: the words' n-grams.
        known: which words get a weight of their own.
        chances: how surely each text is such.
        weights: how much each counts.
        groups: which start it has in common with others; 0: that of natural texts.
        given: a logit that each text has before anything is learned.
    """

    matrix: Matrix
    grams: Grams
    known: Flags
    chances: Floats
    weights: Floats
    groups: Whole
    given: Floats


class Fitted(Struct, frozen=True):
    """What was learned.

    Args:
        words: by word; 0 for those that are not known.
        grams: by n-gram.
    """

    words: Floats
    grams: Floats


def fit(task: Task, *, ridge: float, passes: int, progress: Callable[[str], None] = lambda _: None) -> Fitted:
    """The weights that say best what the texts are, and are small.

    Args:
        ridge: the strength of the L2 penalty.
        passes: how often all texts are gone through.
        progress: gets a line now and then.
    """
    # Words of other heads' texts only cost time.
    of = task.grams.of
    used = np.unique(task.matrix.words)
    task = Task(
        task.matrix.renumbered(used, task.grams.of),
        task.grams.some(used),
        task.known[used],
        task.chances,
        task.weights,
        task.groups,
        task.given,
    )
    known = task.known.astype(np.float64)
    steps = _steps(task, known, ridge)
    starts = np.zeros(int(task.groups.max(initial=0)) + 1)
    here = _Point(np.zeros(len(known)), np.zeros(task.grams.count), starts)
    here.starts[0] = NATURAL_LOGIT
    ahead, speed = here, 1.0
    for turn in range(1, passes + 1):
        slope, miss = _slope(task, known, ahead, ridge)
        there = _Point(
            ahead.words - slope.words * steps.words,
            ahead.grams - slope.grams * steps.grams,
            ahead.starts - slope.starts * steps.starts,
        )
        if (
            float(((ahead.words - there.words) * (there.words - here.words)).sum())
            + float(((ahead.grams - there.grams) * (there.grams - here.grams)).sum())
            > 0
        ):
            # It overshot: begin to gather speed again.
            speed = 1.0
        faster = (1 + math.sqrt(1 + 4 * speed * speed)) / 2
        push = (speed - 1) / faster
        ahead = _Point(*(new + push * (new - old) for new, old in zip(there.all(), here.all(), strict=True)))
        here, speed = there, faster
        if turn % 10 == 0 or turn == passes:
            progress(f"pass {turn} of {passes}: mean miss {miss:.4f}")
    words = np.zeros(of)
    words[used] = here.words * known
    return Fitted(words, here.grams)


def sigmoid(logits: Floats) -> Floats:
    """The probability that belongs to each logit."""
    result: Floats = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    return result


class _Point(Struct, frozen=True):
    words: Floats
    grams: Floats
    starts: Floats

    def all(self) -> tuple[Floats, Floats, Floats]:
        return self.words, self.grams, self.starts


def _of_texts(task: Task, known: Floats, words: Floats, grams: Floats) -> Floats:
    return task.matrix.sums(words * known + task.grams.sums(grams))


def _back(task: Task, known: Floats, of_texts: Floats) -> tuple[Floats, Floats]:
    """What each word's and each n-gram's weight gets of a number for each text."""
    matrix = task.matrix
    words = totals(matrix.words, (of_texts * matrix.norms)[matrix.texts], len(known))
    return words * known, task.grams.back(words)


def _slope(task: Task, known: Floats, at: _Point, ridge: float) -> tuple[_Point, float]:
    logits = _of_texts(task, known, at.words, at.grams) + at.starts[task.groups] + task.given
    chances = np.rint(sigmoid(logits) * _GRID) / _GRID
    miss = (chances - task.chances) * task.weights
    words, grams = _back(task, known, miss)
    starts = totals(task.groups, miss, len(at.starts))
    starts[0] = 0.0
    mean = float(np.abs(miss).sum() / max(1.0, float(task.weights.sum())))
    return _Point(words + ridge * at.words, grams + ridge * at.grams, starts), mean


def _steps(task: Task, known: Floats, ridge: float) -> _Point:
    """Steps that never go too far: over the sums of the rows of what the loss bends by at most."""
    ones = _of_texts(task, known, np.ones(len(known)), np.ones(task.grams.count))
    bend = 0.25 * task.weights * (ones + 1)
    words, grams = _back(task, known, bend)
    starts = totals(task.groups, bend, int(task.groups.max(initial=0)) + 1)
    return _Point(1 / (words + ridge), 1 / (grams + ridge), 1 / (starts + _STARTS_RIDGE))
