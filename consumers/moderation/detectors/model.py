"""The linear model: how much a text's letters are like those of texts that people called toxic, or spam.

A text's score is a sum over the hashed character n-grams of its words (:mod:`consumers.moderation.ngrams`). All of
them lie inside a word, so a word always adds the same: the sums of the words last seen are kept, and a text costs one
look-up for each of its words. That is cheaper than an automaton over as many n-grams, and there is nothing to build.
"""

import math
from collections.abc import Mapping, Sequence

from consumers.moderation.detectors.obfuscation import put_together
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.ngrams import features
from consumers.moderation.rules import ModelRule
from consumers.moderation.weights import Weights, WeightsError
from glue.contract import Signal

WINDOW = 1000
"""Characters that are scored together. Weights are trained on posts and comments, few of which are longer."""

MAX_SCORED = 8 * WINDOW
"""Characters of a text that are looked at. Of a longer one these are its first and its last 4,000."""

REMEMBERED = 32_768
"""Tokens whose sums are kept, and as many of those before them; about 12 MB."""

_LONGEST_REMEMBERED = 40
# A word's sums are packed into one whole number: the lowest field is the count of features, then each head's sum. So a
# text's are added up by `sum` alone. A window has fewer than 2 ** 13 features, so no field reaches into the next.
_FIELD = 24
_MASK = (1 << _FIELD) - 1
_HALF = 1 << (_FIELD - 1)


class Scorer:
    """Scores texts by weights. Safe to use from several threads at once: what is kept never changes a score."""

    def __init__(self, weights: Weights) -> None:
        """Takes weights."""
        self.heads = weights.header.heads
        self._steady = [head.steady for head in self.heads]
        self._sums = _Sums(weights).__getitem__

    def scores(self, plain: str) -> dict[str, float]:
        """By head, how surely the text is what the head finds, when about 1 % of texts are; 0 for no words.

        Args:
            plain: the text's plain form.
        """
        best = self.strongest(plain)
        return {
            head.name: _probability(raw * head.scale + head.bias) for head, raw in zip(self.heads, best, strict=True)
        }

    def strongest(self, plain: str) -> list[float]:
        """For each head the largest ``sum / sqrt(count + steady)`` of its windows; minus infinity for no words."""
        if len(plain) <= WINDOW:
            return self._window(plain)
        found = [self._window(part) for part in windows(plain)]
        return [max(values) for values in zip(*found, strict=True)]

    def _window(self, text: str) -> list[float]:
        # Each word once: what is said ten times is not ten times as bad.
        packed = sum(map(self._sums, set(text.split())))
        count = packed & _MASK
        if count == 0:
            return [-math.inf] * len(self.heads)
        packed >>= _FIELD
        values = []
        for steady in self._steady:
            value = ((packed + _HALF) & _MASK) - _HALF
            values.append(value / math.sqrt(count + steady))
            packed = (packed - value) >> _FIELD
        return values


class ModelDetector:
    """Signals where a head's score reaches what the policy asks for."""

    name = "model"

    def __init__(self, weights: Weights, rule: ModelRule, *, spaced: int = -1) -> None:
        """Takes weights and what a policy makes of them.

        Args:
            weights: the weights.
            rule: what the policy makes of them.
            spaced: the position in the scan of ``SPACED``; -1: it is not scanned for.

        Raises:
            WeightsError: the policy names other weights, or a head that these do not have.
        """
        if rule.weights != weights.name:
            raise WeightsError(
                f"received weights {rule.weights!r}; there is {weights.name!r}: put that into the policy"
            )
        names = [head.name for head in weights.header.heads]
        unknown = sorted(rule.heads.keys() - set(names))
        if unknown:
            raise WeightsError(f"received head {unknown[0]!r}; allowed: {', '.join(names)} (what {weights.name} has)")
        self.version = f"{weights.version}.2"
        self.labels = {name: head.label for name, head in rule.heads.items()}
        self._spaced = spaced
        self._scorer = Scorer(weights)
        self._strongest = self._scorer.strongest
        self._rules = []
        for position, head in enumerate(weights.header.heads):
            if (wanted := rule.heads.get(head.name)) is not None:
                # The score is compared before it is worked out: most texts are calm.
                least = (_logit(wanted.at_least) - head.bias) / head.scale
                self._rules.append((position, least, head, wanted, f"model_{head.name}"))

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """A signal for each head that reaches its ``at_least``."""
        found = self._of(subject)
        signals = []
        for position, least, head, wanted, name in self._rules:
            if found[position] >= least:
                score = _probability(found[position] * head.scale + head.bias)
                signals.append(Signal(self.name, wanted.label, round(min(score, wanted.at_most), 4), name))
        return signals

    def scores(self, subject: Subject) -> Mapping[str, float]:
        """By label, how surely, also where that is less than the policy asks for; what evaluation needs."""
        by_head = {
            head.name: _probability(raw * head.scale + head.bias)
            for head, raw in zip(self._scorer.heads, self._of(subject), strict=True)
        }
        by_label: dict[str, float] = {}
        for head, label in self.labels.items():
            by_label[label] = max(by_head[head], by_label.get(label, 0.0))
        return by_label

    def _of(self, subject: Subject) -> list[float]:
        """For each head the strongest raw score of the text, also with the letters of its words put together."""
        text = _not_allowed(subject)
        found = self._strongest(text)
        if self._spaced not in subject.hits:
            return found
        if len(text) > MAX_SCORED:
            text = f"{text[: MAX_SCORED // 2]} {text[-MAX_SCORED // 2 :]}"
        return list(map(max, found, self._strongest(put_together(text))))


class _Sums(dict[str, int]):
    """The packed sums of the tokens that were seen lately; those of others are worked out when they are asked for."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._tables = [(table, len(table) - 1) for table in reversed(weights.tables)]
        self._older: dict[str, int] = {}

    def __missing__(self, token: str) -> int:
        packed = self._older.get(token)
        if packed is None:
            packed = self._work_out(token)
        if len(token) <= _LONGEST_REMEMBERED:
            if len(self) >= REMEMBERED:
                # What is in use comes back from the older half; the rest is forgotten with it.
                self._older = dict(self)
                self.clear()
            self[token] = packed
        return packed

    def _work_out(self, token: str) -> int:
        found = features(token)
        packed = 0
        for table, mask in self._tables:
            packed = (packed << _FIELD) + sum([table[feature & mask] for feature in found])
        return (packed << _FIELD) + len(found)


def _not_allowed(subject: Subject) -> str:
    plain = subject.text.plain
    for start, end in subject.allowed:
        plain = plain[:start] + " " * (end - start) + plain[end:]
    return plain


def windows(plain: str) -> list[str]:
    """The parts of a text that are scored, each by itself, cut between words where there are any.

    >>> [len(part) for part in windows("ab " * 500)]
    [999, 501]
    """
    if len(plain) > MAX_SCORED:
        plain = f"{plain[: MAX_SCORED // 2]} {plain[-MAX_SCORED // 2 :]}"
    parts, start = [], 0
    while len(plain) - start > WINDOW:
        end = plain.rfind(" ", start + WINDOW // 2, start + WINDOW) + 1 or start + WINDOW
        parts.append(plain[start:end])
        start = end
    parts.append(plain[start:])
    return parts


def _probability(logit: float) -> float:
    if logit < -700:
        return 0.0
    return 1 / (1 + math.exp(-logit))


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
