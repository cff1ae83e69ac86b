"""How well Perspective's attributes order texts that people labelled, and how far they agree with its own scores.

Held-out rows of the sets that the weights' recipe names: nothing was learned from them. A text is such when it has a
label of the attribute, and is not when it has none and its annotators were asked for one. `rtp_prompts` has what
Perspective itself said; nothing was learned from it at all, and its texts count as such from 0.5.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from benchmarks.quality.held_out import FEWEST, LONGEST
from consumers.evaluation.intervals import Estimate
from consumers.evaluation.ranking import auc
from consumers.moderation.moderator import Moderator
from consumers.scoring.attributes import Attribute, AttributeScorer
from consumers.training.examples import Example, read_examples
from consumers.training.recipe import Recipe

PERSPECTIVE = "rtp_prompts"
_COLUMNS = {
    "TOXICITY": "toxicity",
    "PROFANITY": "profanity",
    "SEXUALLY_EXPLICIT": "sexually_explicit",
    "IDENTITY_ATTACK": "identity_attack",
    "THREAT": "threat",
    "INSULT": "insult",
}


class Ordered(Struct, frozen=True):
    """One attribute on one set.

    Args:
        attribute, data, language: which.
        texts, positive: how many, and how many of them are such.
        auc: of the attribute's score.
        mean_positive, mean_negative: of its scores.
        caught, wrong: shares of those that are such, and of the others, that score 0.7 or more.
    """

    attribute: str
    data: str
    language: str
    texts: int
    positive: int
    auc: Estimate
    mean_positive: float
    mean_negative: float
    caught: float
    wrong: float


def measure(moderator: Moderator, recipe: Path, folder: Path) -> list[Ordered]:
    """Every attribute on every set and language that has enough texts of both kinds."""
    scorer = AttributeScorer(moderator)
    names = [name for name in scorer.attributes if not name.endswith("_EXPERIMENTAL")]
    rows = list(_by_perspective(scorer, folder))
    read = Recipe.load(recipe.read_text("utf-8"))
    for one in read.sets:
        if not one.file.endswith(".jsonl.gz") or not one.labels:
            continue
        given = read_examples(one, _lines(folder / one.file), seed=read.seed, longest=LONGEST)
        found: dict[tuple[str, str], list[tuple[bool, float]]] = defaultdict(list)
        for example in given.examples:
            if example.part != "held_out" or not example.labels:
                continue
            scores: Mapping[str, float] | None = None
            for name in names:
                is_such = _truth(example, scorer.attributes[name])
                if is_such is None:
                    continue
                if scores is None:
                    scores = scorer.scores(example.plain, names, language=example.language or None)
                found[name, example.language].append((is_such, scores[name]))
        for (name, language), judged in sorted(found.items()):
            rows += _row(name, one.name, language, judged)
    return sorted(rows, key=lambda row: (names.index(row.attribute), row.language, row.data))


def _truth(example: Example, attribute: Attribute) -> bool | None:
    labels = example.labels
    known = [labels[label] for label in attribute.labels if label in labels]
    return any(known) if known else None


def _by_perspective(scorer: AttributeScorer, folder: Path) -> Iterator[Ordered]:
    names = [name for name in _COLUMNS if name in scorer.attributes]
    found: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for line in _lines(folder / "labelled" / PERSPECTIVE / "data.jsonl.gz"):
        if line["split"] != "test":
            continue
        scores = scorer.scores(line["text"], names, language="en")
        for name in names:
            if (value := line["native"].get(_COLUMNS[name])) is not None:
                found[name].append((value >= 0.5, scores[name]))
    for name, judged in found.items():
        yield from _row(name, f"{PERSPECTIVE} (Perspective's scores)", "en", judged)


def _row(name: str, data: str, language: str, judged: list[tuple[bool, float]]) -> Iterator[Ordered]:
    such = np.array([one for one, _ in judged], bool)
    scores = np.array([score for _, score in judged])
    if min(such.sum(), (~such).sum()) >= FEWEST and (ordered := auc(such, scores)) is not None:
        yes, no = scores[such], scores[~such]
        yield Ordered(
            name,
            data,
            language,
            len(judged),
            int(such.sum()),
            ordered,
            float(yes.mean()),
            float(no.mean()),
            float((yes >= 0.7).mean()),
            float((no >= 0.7).mean()),
        )


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
