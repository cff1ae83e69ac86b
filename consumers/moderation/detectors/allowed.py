"""What a policy's allow rules take out: spans of a text in which nothing counts.

Their expressions are part of the one scan over all expressions, so a text with nothing allowed in it costs nothing.
"""

from collections.abc import Callable, Sequence

import re2

from consumers.moderation.normalise import normalise
from consumers.moderation.rules import AllowRule
from consumers.moderation.scan import compile_expression

Span = tuple[int, int]


class AllowedSpans:
    """Finds the spans of a text that a policy allows."""

    def __init__(self, rules: Sequence[AllowRule], *, first: int) -> None:
        """Takes a policy's allow rules.

        Args:
            rules: the rules.
            first: the position in the scan of the first of ``expressions``; the scan refuses what re2 does not take.
        """
        self.expressions: list[str] = []
        self._find: dict[int, tuple[str, Callable[[str, int, int], bool]]] = {}
        self._compiled: dict[int, re2._Regexp] = {}
        for rule in rules:
            terms = [normalise(term).plain.strip() for term in rule.terms]
            if terms := [term for term in terms if term]:
                self._add("|".join(map(_literal, _longest_first(terms))), _is_whole, first)
            for pattern in rule.patterns:
                self._add(pattern, _always, first)
            if rule.links:
                domains = "|".join(map(_literal, _longest_first(rule.links)))
                self._add(rf"(?:https?://)?(?:[\pL\pN-]+\.)*(?:{domains})(?::\d+)?(?:[/?#]\S*)?", _is_link, first)

    def in_text(self, plain: str, hits: frozenset[int]) -> tuple[Span, ...]:
        """Where in the normal form something allowed stands, given what the scan has hit."""
        found = []
        for hit in sorted(hits & self._find.keys()):
            expression, counts = self._find[hit]
            if hit not in self._compiled:
                # Compiled when the first text may have it: most are of no use to most processes.
                self._compiled[hit] = compile_expression(expression)
            matches = self._compiled[hit].finditer(plain)
            found += [match.span() for match in matches if counts(plain, *match.span())]
        return tuple(found)

    def _add(self, expression: str, counts: Callable[[str, int, int], bool], first: int) -> None:
        self._find[first + len(self.expressions)] = (expression, counts)
        self.expressions.append(expression)


def _longest_first(texts: Sequence[str]) -> list[str]:
    # Of alternatives the first that matches is taken: "class action" must not be found as "class".
    return sorted(set(texts), key=lambda text: (-len(text), text))


def _literal(text: str) -> str:
    return str(re2.escape(text))


def _always(plain: str, start: int, end: int) -> bool:
    return start < end


def _is_whole(plain: str, start: int, end: int) -> bool:
    return not (
        (plain[start].isalnum() and plain[start - 1 : start].isalnum())
        or (plain[end - 1].isalnum() and plain[end : end + 1].isalnum())
    )


def _is_link(plain: str, start: int, end: int) -> bool:
    before, after = plain[start - 1 : start] if start else "", plain[end : end + 2]
    # Not jo@example.org, not example.org.evil.test, not myexample.org.
    if before.isalnum() or (before and before in ".-@_/"):
        return False
    return not (after[:1].isalnum() or after[:1] in {"-", "_", "@"} or (after[:1] == "." and after[1:].isalnum()))
