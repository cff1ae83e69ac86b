"""A policy's expressions."""

from collections.abc import Sequence

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.policy import PatternRule
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
            if language is None or subject.language is None or language == subject.language:
                found.append(signal)
        return found
