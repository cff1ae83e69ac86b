"""Two things that say more together: what other detectors found, and words in the same text."""

from collections.abc import Sequence
from functools import cached_property

import re2
from msgspec import Struct

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.terms import TermDetector
from consumers.moderation.rules import BesideRule, TermRule
from consumers.moderation.scan import compile_expression
from glue.contract import Signal


class BesideDetector:
    """Looks for a rule's words only where its first thing was found, so that other texts cost nothing."""

    name = "beside"
    version = "1"

    def __init__(self, rules: Sequence[BesideRule]) -> None:
        """Takes a policy's rules."""
        self._rules = [_Prepared(rule) for rule in rules]
        self._labels = frozenset(label for rule in rules for label in rule.labels)

    def detect(self, subject: Subject, signals: Sequence[Signal]) -> list[Signal]:
        """One signal for each rule whose words stand in a text in which this was found."""
        if self._labels.isdisjoint([signal.label for signal in signals]):
            return []
        return [
            Signal(self.name, one.rule.label, one.rule.score, one.rule.rule)
            for one in self._rules
            if one.is_meant(signals) and one.stands_in(subject)
        ]


class _Prepared(Struct, frozen=True, dict=True):
    rule: BesideRule

    def is_meant(self, signals: Sequence[Signal]) -> bool:
        """Whether the first of the two was found."""
        rule = self.rule
        return any(one.label in rule.labels and one.score >= rule.at_least for one in signals)

    def stands_in(self, subject: Subject) -> bool:
        """Whether the second is there."""
        if self.rule.terms and self._terms.detect(subject):
            return True
        return any(one.search(subject.text.plain) for one in self._patterns)

    # Made when the first text asks for them, which most processes never see.

    @cached_property
    def _terms(self) -> TermDetector:
        rule = self.rule
        return TermDetector([TermRule(rule.rule, rule.label, rule.score, rule.terms)])

    @cached_property
    def _patterns(self) -> list[re2._Regexp]:
        return [compile_expression(pattern) for pattern in self.rule.patterns]
