"""Weights out of sets of texts: learned, calibrated, cut to one byte each, measured as the detector will use them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from consumers.moderation.detectors.model import Scorer
from consumers.moderation.weights import Head, Weights, encode
from consumers.training.calibration import calibrate
from consumers.training.examples import FEWEST, Example, Examples, Part
from consumers.training.fitting import Task, fit, sigmoid
from consumers.training.matrix import Floats, Matrix, select
from consumers.training.measures import auc, f1
from consumers.training.recipe import HeadRecipe, Recipe, TrainingError

KEPT_PART, CUT_PART = 0.5, 0.15
"""How much a marked text's two parts count beside it: what is left of it, and what was marked."""

POINTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Scores at which held-out texts are counted."""

_FEWEST_NATURAL = 200

Told = Callable[[str], None]


class Trained(Struct, frozen=True):
    """What came out.

    Args:
        data: the weights file.
        weights: the same, read.
        summary: sets, heads and measures; what the file's header holds, and more.
    """

    data: bytes
    weights: Weights
    summary: dict[str, Any]


class _Pool(Struct, frozen=True):
    """All texts that one training uses, as rows of a matrix, with what each is.

    Args:
        sets: the position of the set that it is of.
        shares: how much it counts.
        groups: which start it has in common with others; 0: that of natural texts.
    """

    matrix: Matrix
    examples: list[Example]
    sets: list[int]
    shares: list[float]
    groups: list[int]


def train(recipe: Recipe, sets: Sequence[Examples], *, told: Told = lambda _: None) -> Trained:
    """The weights that a recipe makes of its sets; the same of the same.

    Args:
        recipe: what to make.
        sets: what was read for the recipe's sets, in its order.
        told: gets lines on how far it is.

    Raises:
        TrainingError: a head has too few texts of a kind.
    """
    for head in recipe.heads:
        _require(head, sets)
    told("features of all texts")
    pool = _pool(sets)
    heads, notes = [], []
    for position, head in enumerate(recipe.heads):
        made, table, note = _head(recipe, head, sets, pool, seed=recipe.seed + position, told=told)
        heads.append((made, table))
        notes.append(note)
    described = {
        "base_rate": recipe.base_rate,
        "heads": notes,
        "seed": recipe.seed,
        "sets": [_described(one) for one in sets],
    }
    data = encode(recipe.name, heads, training=described)
    weights = Weights.read(data)
    told("held-out texts, scored as the detector scores them")
    summary = {
        "weights": weights.name,
        "bytes": len(data),
        **described,
        "held_out": [one for head in recipe.heads for one in measured(weights, head.name, sets)],
    }
    return Trained(data, weights, summary)


def measured(weights: Weights, head: str, sets: Sequence[Examples]) -> Iterator[dict[str, Any]]:
    """What one head says of each set's held-out texts, by the weights as they ship."""
    scorer = Scorer(weights)
    for one in sets:
        held_out = [example for example in one.examples if example.part == "held_out"]
        if one.of.head not in (head, None) or not held_out:
            continue
        scores = np.array([scorer.scores(example.plain)[head] for example in held_out])
        labels = np.array([example.label for example in held_out])
        area, at_half = auc(labels, scores), f1(labels, scores >= 0.5)
        yield {
            "head": head,
            "set": one.of.name,
            "texts": len(held_out),
            "positive": int(labels.sum()),
            "auc": None if area is None else round(area, 4),
            "f1_at_half": None if area is None or at_half is None else round(at_half, 4),
            "found_of_positive": _reached(scores[labels]),
            "found_of_negative": _reached(scores[~labels]),
        }


def _head(
    recipe: Recipe, head: HeadRecipe, sets: Sequence[Examples], pool: _Pool, *, seed: int, told: Told
) -> tuple[Head, bytes, dict[str, Any]]:
    natural = np.array([sets[place].of.head is None for place in pool.sets])
    of_head = [sets[place].of.head in (head.name, None) for place in pool.sets]
    learned = select([ours and one.part == "learn" for ours, one in zip(of_head, pool.examples, strict=True)])
    task = Task(
        pool.matrix,
        learned,
        np.array([float(pool.examples[place].label) for place in learned]),
        np.array([pool.shares[place] for place in learned]) * np.where(natural[learned], head.natural, 1.0),
        np.array([pool.groups[place] for place in learned]),
    )
    weights = fit(
        task,
        bits=head.bits,
        steady=head.steady,
        rate=head.rate,
        epochs=head.epochs,
        seed=seed,
        told=lambda line: told(f"{head.name}: {line}"),
    )
    step = float(np.abs(weights).max()) / 127 or 1.0
    cut = np.rint(weights / step)
    aside = select([ours and one.part == "calibrate" for ours, one in zip(of_head, pool.examples, strict=True)])
    labels = np.array([pool.examples[place].label for place in aside])
    raw = pool.matrix.raw(cut, aside, head.steady)
    on_natural = int(natural[aside].sum()) >= _FEWEST_NATURAL
    negatives = raw[natural[aside] if on_natural else ~labels]
    scale, bias = calibrate(raw[labels], negatives, base_rate=recipe.base_rate)
    if scale <= 0:
        raise TrainingError(
            f"head {head.name!r}: texts with the label score no higher than those without: nothing to learn from here"
        )
    made = Head(head.name, head.bits, head.steady, float(f"{scale:.6g}"), float(f"{bias:.6g}"))
    whole = pool.matrix.raw(weights, aside, head.steady) / step
    note = {
        "head": head.name,
        "weights": 1 << head.bits,
        "not_zero": int(np.count_nonzero(cut)),
        "learned_from": len(learned),
        "calibrated_on": {
            "positive": int(labels.sum()),
            "negative": len(negatives),
            "natural": on_natural,
        },
        "cut_to_bytes": {
            "largest_change_of_score": round(float(np.abs(_chances(made, whole) - _chances(made, raw)).max()), 4),
            "auc_before": _rounded(auc(labels, whole)),
            "auc_after": _rounded(auc(labels, raw)),
        },
    }
    return made, cut.astype(np.int8).tobytes(), note


def _pool(sets: Sequence[Examples]) -> _Pool:
    examples: list[Example] = []
    places: list[int] = []
    shares: list[float] = []
    groups: list[int] = []
    for place, one in enumerate(sets):
        usable = [example for example in one.examples if example.part != "held_out"]
        examples += usable
        shares += [one.of.weight] * len(usable)
        examples += one.marked
        shares += [one.of.weight * (CUT_PART if example.label else KEPT_PART) for example in one.marked]
        places += [place] * (len(usable) + len(one.marked))
        # Parts of a text say nothing of how its set was collected: they start where natural texts do.
        groups += [0 if one.of.head is None else place + 1] * len(usable) + [0] * len(one.marked)
    return _Pool(Matrix(example.plain for example in examples), examples, places, shares, groups)


def _require(head: HeadRecipe, sets: Sequence[Examples]) -> None:
    words: dict[Part, str] = {"learn": "to learn from", "calibrate": "to calibrate on"}
    for part, word in words.items():
        yes = sum(one.count(part, label=True) for one in sets if one.of.head == head.name)
        no = sum(one.count(part, label=False) for one in sets if one.of.head in (head.name, None))
        for count, kind in ((yes, "with the label"), (no, "without it")):
            if count < FEWEST:
                raise TrainingError(
                    f"head {head.name!r}: {count:,} texts {kind} {word}; needed: {FEWEST} and more. "
                    "Give more texts, or say which labels mean yes (--positive, or positive in the recipe)"
                )


def _described(one: Examples) -> dict[str, Any]:
    return {
        "name": one.of.name,
        "licence": one.of.licence,
        "head": one.of.head,
        "learn": one.count("learn"),
        "calibrate": one.count("calibrate"),
        "held_out": one.count("held_out"),
        "positive": one.count("learn", label=True) + one.count("calibrate", label=True),
        "passed_over": one.passed_over + one.unlabelled + one.empty,
    }


def _chances(head: Head, raw: Floats) -> Floats:
    return sigmoid(head.scale * raw + head.bias)


def _reached(scores: Floats) -> dict[str, float]:
    return {str(point): round(float((scores >= point).mean()), 4) for point in POINTS} if len(scores) else {}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
