"""The linear model: how much a text's words are like those of texts that people called insulting, hateful, spam, …"""

import math
from collections.abc import Iterator, Mapping, Sequence

from consumers.moderation.detectors.obfuscation import put_together
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.native_scorer import make_scorer
from consumers.moderation.rules import ModelRule
from consumers.moderation.scorer import Part, probability, shortened
from consumers.moderation.weights import Weights, WeightsError
from glue.contract import Signal


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
        self.version = f"{weights.version}.3"
        self.labels = {name: head.label for name, head in rule.heads.items()}
        self._spaced = spaced
        self._scorer = make_scorer(weights)
        self._strongest = self._scorer.strongest
        self._rules = []
        least = [math.inf] * len(names)
        for position, head in enumerate(weights.header.heads):
            if (wanted := rule.heads.get(head.name)) is not None:
                self._rules.append((position, head, wanted, f"model_{head.name}"))
                least[position] = (_logit(wanted.at_least) - head.bias) / head.scale
        # Raw sums are compared before scores are worked out: most texts are calm.
        self._reached = self._scorer.reached(least)
        self._reaching = self._scorer.reaching(least)

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """A signal for each head that reaches its ``at_least``."""
        if not subject.allowed and self._spaced not in subject.hits:
            found = self._reached(subject.text.plain)
        else:
            found = {}
            for form in self._forms(subject):
                for position, raw in self._reached(form).items():
                    found[position] = max(raw, found.get(position, raw))
        if not found:
            return []
        signals = []
        for position, head, wanted, name in self._rules:
            if position in found:
                score = probability(found[position] * head.scale + head.bias)
                signals.append(Signal(self.name, wanted.label, round(wanted.counts_as(score), 4), name))
        return signals

    def detect_all(self, subjects: Sequence[Subject]) -> Iterator[tuple[int, Sequence[Signal]]]:
        """What :meth:`detect` says of those of which it may say something, each with its number; all at once."""
        spaced = self._spaced
        plain: list[int] = []
        for number, subject in enumerate(subjects):
            if subject.hits and (subject.allowed or spaced in subject.hits):
                yield number, self.detect(subject)
            else:
                plain.append(number)
        for place in self._reaching([subjects[number].text for number in plain]):
            yield plain[place], self.detect(subjects[plain[place]])

    def scores(self, subject: Subject) -> Mapping[str, float]:
        """By label, what a signal would say, also where the score is less than the policy asks for; what evaluation
        needs."""
        found = self._of(subject)
        by_label: dict[str, float] = {}
        for position, head, wanted, _ in self._rules:
            score = wanted.counts_as(probability(found[position] * head.scale + head.bias))
            by_label[wanted.label] = max(score, by_label.get(wanted.label, 0.0))
        return by_label

    def probabilities(self, subject: Subject) -> Mapping[str, float]:
        """By label, how surely, when one text in a hundred is such, whatever the policy makes of it."""
        found = self._of(subject)
        by_label: dict[str, float] = {}
        for position, head, wanted, _ in self._rules:
            score = probability(found[position] * head.scale + head.bias)
            by_label[wanted.label] = max(score, by_label.get(wanted.label, 0.0))
        return by_label

    def parts(self, subject: Subject, head: str) -> list[Part]:
        """What each token adds to a head's score, the strongest first; what explanations need.

        Args:
            head: the name of one of the policy's heads.
        """
        forms = self._forms(subject)
        place = next(place for place, one in enumerate(self._scorer.heads) if one.name == head)
        return self._scorer.parts(max(forms, key=lambda form: self._strongest(form)[place]), head)

    def _of(self, subject: Subject) -> list[float]:
        """For each head the strongest raw score of the text, also with the letters of its words put together."""
        if not subject.allowed and self._spaced not in subject.hits:
            return self._strongest(subject.text.plain)
        found = [self._strongest(form) for form in self._forms(subject)]
        return found[0] if len(found) == 1 else [max(values) for values in zip(*found, strict=True)]

    def _forms(self, subject: Subject) -> list[str]:
        text = _not_allowed(subject)
        if self._spaced not in subject.hits:
            return [text]
        text = shortened(text)
        return [text, put_together(text)]


def _not_allowed(subject: Subject) -> str:
    plain = subject.text.plain
    for start, end in subject.allowed:
        plain = plain[:start] + " " * (end - start) + plain[end:]
    return plain


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
