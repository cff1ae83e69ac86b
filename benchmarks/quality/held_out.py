"""The rows that nothing was learned from and no threshold saw, as the weights' own recipe deals them: by label and by
language."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from consumers.evaluation.intervals import Estimate, wilson
from consumers.evaluation.ranking import auc
from consumers.moderation.moderator import Moderator
from consumers.training.examples import Example, read_examples
from consumers.training.recipe import Recipe, TextSet
from glue.contract import Signal

FEWEST = 20
"""Texts of each kind that a figure needs."""

LONGEST = 8000
_SURFACE = {"sms_spam": "direct_message", "thai_sms": "direct_message", "ubuntu_irc_chat": "chat"}


class ByLabel(Struct, frozen=True):
    """One label on one set.

    Args:
        label, data, languages: which.
        texts, positive: how many are judged, and how many of them are such.
        auc: of the label's score.
        recall, false_positive_rate: of the policy's label.
    """

    label: str
    data: str
    languages: str
    texts: int
    positive: int
    auc: Estimate | None
    recall: Estimate
    false_positive_rate: Estimate | None


class Calm(Struct, frozen=True):
    """Ordinary texts of one set in one language, and what flagged some of them.

    Args:
        language, data, texts: which, and how many.
        flagged: the share that leads to an action.
        otherwise: the share that does so for anything but a listed swear word or insult.
        by_rule: the rules that found something in what is flagged.
    """

    language: str
    data: str
    texts: int
    flagged: Estimate
    otherwise: Estimate
    by_rule: dict[str, int]


def measure(moderator: Moderator, recipe: Path, folder: Path) -> tuple[list[ByLabel], list[Calm]]:
    """Each label on each set that says something of it; ordinary texts by language."""
    read = Recipe.load(recipe.read_text("utf-8"))
    by_label: list[ByLabel] = []
    calm: list[Calm] = []
    for one in read.sets:
        if not one.file.endswith(".jsonl.gz"):
            continue
        given = read_examples(one, _rows(folder / one.file), seed=read.seed, longest=LONGEST)
        examples = [example for example in given.examples if example.part == "held_out" and example.labels]
        if one.labels:
            by_label += _by_label(moderator, one, examples)
        else:
            calm += _calm(moderator, one, examples)
    return sorted(by_label, key=lambda row: (row.label, row.data)), sorted(
        calm, key=lambda row: (row.language, row.data)
    )


def _by_label(moderator: Moderator, one: TextSet, examples: list[Example]) -> Iterator[ByLabel]:
    surface = _SURFACE.get(one.name, "comment")
    judged = []
    for example in examples:
        finding = moderator.judge(example.plain, surface=surface, language=example.language or None)
        scores = dict(moderator.model_scores(example.plain))
        for signal in finding.signals:
            scores[signal.label] = max(signal.score, scores.get(signal.label, 0.0))
        judged.append((example, frozenset(finding.decision.labels), scores))
    for label in moderator.policy.labels:
        those = [(each.labels[label], label in found, scores) for each, found, scores in judged if label in each.labels]
        yes = [row for row in those if row[0]]
        no = [row for row in those if not row[0]]
        if len(yes) < FEWEST:
            continue
        ordered = None
        if len(no) >= FEWEST:
            ordered = auc(
                np.array([row[0] for row in those], bool), np.array([row[2].get(label, 0.0) for row in those])
            )
        yield ByLabel(
            label,
            one.name,
            ", ".join(sorted({example.language for example in examples if example.language})),
            len(those),
            len(yes),
            ordered,
            wilson(sum(row[1] for row in yes), len(yes)),
            wilson(sum(row[1] for row in no), len(no)) if no else None,
        )


def _calm(moderator: Moderator, one: TextSet, examples: list[Example]) -> Iterator[Calm]:
    surface = _SURFACE.get(one.name, "comment")
    texts: Counter[str] = Counter()
    flagged: Counter[str] = Counter()
    otherwise: Counter[str] = Counter()
    rules: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        finding = moderator.judge(example.plain, surface=surface, language=example.language or None)
        texts[example.language] += 1
        if finding.decision.action != "allow":
            flagged[example.language] += 1
            otherwise[example.language] += not any(_swears(signal) for signal in finding.signals)
            rules[example.language].update({signal.rule for signal in finding.signals})
    for language in sorted(texts):
        by_rule = dict(sorted(rules[language].items(), key=lambda each: (-each[1], each[0])))
        share = wilson(flagged[language], texts[language])
        but_words = wilson(otherwise[language], texts[language])
        yield Calm(language or "not given", one.name, texts[language], share, but_words, by_rule)


def _swears(signal: Signal) -> bool:
    """Whether it is a listed word of at least medium severity that swears or insults."""
    return signal.rule.startswith("words_") and signal.label in {"profanity", "insult"}


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
