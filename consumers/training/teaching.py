"""What teachers say of texts, as chances: how surely each text is what a head finds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from consumers.training.calibration import platt
from consumers.training.examples import FEWEST
from consumers.training.fitting import sigmoid
from consumers.training.matrix import Flags, Floats
from consumers.training.recipe import HeadRecipe, Teachers, TrainingError

KEY = "key"


class Scores(Struct, frozen=True):
    """What teachers say.

    Args:
        names: the scores.
        by_key: what each text's are.
        only_in: by score, the languages that it says anything of.
    """

    names: tuple[str, ...] = ()
    by_key: dict[str, tuple[float, ...]] = {}
    only_in: Mapping[str, Sequence[str]] = {}

    def of(self, texts: Iterable[tuple[str, str]]) -> Floats:
        """A row for each text, given by key and language; not a number where nothing is said."""
        nothing = (math.nan,) * len(self.names)
        limits = [self.only_in.get(name) for name in self.names]
        found = [
            tuple(
                value if limit is None or language in limit else math.nan
                for value, limit in zip(self.by_key.get(key, nothing), limits, strict=True)
            )
            for key, language in texts
        ]
        return np.array(found, np.float64).reshape(len(found), len(self.names))


def read_scores(teachers: Teachers, rows: Iterable[Mapping[str, Any]], wanted: Iterable[str]) -> Scores:
    """The scores in these rows.

    Args:
        wanted: which scores.

    Raises:
        TrainingError: a row has no key, or a score is no number.
    """
    names = tuple(sorted(set(wanted)))
    by_key: dict[str, tuple[float, ...]] = {}
    for number, cells in enumerate(rows, start=1):
        try:
            key = str(cells[KEY])
            by_key[key] = tuple(float(cells.get(name) or math.nan) for name in names)
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{teachers.file}: row {number:,}: {error!r}; allowed: {KEY} and numbers") from None
    return Scores(names, by_key, teachers.only_in)


def taught(head: HeadRecipe, scores: Scores, said: Floats, labels: Floats) -> Floats:
    """How surely each text is such, as the head's teachers have it; not a number where they say nothing.

    Args:
        head: which scores count how much.
        scores: names the columns of ``said``.
        said: what the teachers say of each text.
        labels: 1, 0, or not a number.
    """
    columns = [scores.names.index(name) for name in head.teacher]
    values = said[:, columns] * np.array(list(head.teacher.values()))
    chances = np.full(len(labels), np.nan)
    if head.shift is not None:
        whole = ~np.isnan(values).any(axis=1)
        chances[whole] = sigmoid(values[whole].sum(axis=1) + head.shift)
        return chances
    spreads = np.array([_spread(said[:, column]) for column in columns])
    heard = ~np.isnan(values)
    # Texts of which the same teachers say something are alike.
    kinds = heard @ (1 << np.arange(len(columns)))
    for kind in np.unique(kinds[kinds > 0]):
        those = kinds == kind
        blend = np.nansum(values[those] / spreads, axis=1)
        fitted = _fitted(blend, labels[those])
        if fitted is not None:
            chances[those] = sigmoid(fitted[0] * blend + fitted[1])
    return chances


def _fitted(blend: Floats, labels: Floats) -> tuple[float, float] | None:
    labelled: Flags = ~np.isnan(labels)
    yes, no = blend[labelled & (labels == 1)], blend[labelled & (labels == 0)]
    if min(len(yes), len(no)) < FEWEST:
        return None
    scale, bias = platt(yes, no, np.ones(len(yes)), np.ones(len(no)))
    return (scale, bias) if scale > 0 else None


def _spread(column: Floats) -> float:
    return float(np.nanstd(column)) or 1.0
