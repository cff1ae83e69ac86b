"""A policy's expressions."""

from collections.abc import Sequence

import re2

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.rules import PatternRule
from consumers.moderation.scan import compile_expression
from glue.contract import Signal


class PatternDetector:
    """Turns the scan's hits into signals; the expressions themselves are matched by the scan, once for all."""

    name = "patterns"
    version = "1"

    def __init__(self, rules: Sequence[PatternRule], *, first: int) -> None:
        """Takes a policy's pattern rules.

        Args:
            rules: the rules, in the order in which their expressions were given to the scan.
            first: the position of the first of them in the scan.
        """
        self._expressions = {first + offset: rule.pattern for offset, rule in enumerate(rules)}
        self._compiled: dict[int, re2._Regexp] = {}
        self._signals = {
            first + offset: (rule.language, Signal(self.name, rule.label, rule.score, rule.rule))
            for offset, rule in enumerate(rules)
        }

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each pattern that matches, by position."""
        if not subject.hits:
            return ()
        found = []
        for hit in sorted(subject.hits & self._signals.keys()):
            language, signal = self._signals[hit]
            if language is not None and subject.language is not None and language != subject.language:
                continue
            if not subject.allowed or self._counts(hit, subject):
                found.append(signal)
        return found

    def _counts(self, hit: int, subject: Subject) -> bool:
        """Whether a pattern matches anywhere outside what is allowed."""
        if hit not in self._compiled:
            self._compiled[hit] = compile_expression(self._expressions[hit])
        matches = self._compiled[hit].finditer(subject.text.plain)
        return any(not subject.is_allowed(*match.span()) for match in matches)
