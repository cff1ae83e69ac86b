"""A policy's words and phrases, all found in one pass by one automaton (Aho-Corasick)."""

import unicodedata
from collections.abc import Sequence

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind
from msgspec import Struct

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import TermRule
from glue.contract import Signal

_DFA_LIMIT = 200_000
"""Characters of terms up to which the fastest automaton is built; beyond that it takes too much memory."""

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "HALFWIDTH")


class _Entry(Struct, frozen=True):
    plain: str
    rule: TermRule
    signal: Signal
    bound_before: bool
    bound_after: bool


class TermDetector:
    """Finds a policy's terms as whole words, also when written with look-alike letters, digits or accents.

    A find that is not letter by letter the term counts only when at least one of its letters is the term's own: "1diot"
    is found, the number 455 is not read as a word, and neither is a word wholly in another script.
    """

    name = "terms"
    version = "1"

    def __init__(self, rules: Sequence[TermRule]) -> None:
        """Takes a policy's term rules.

        Raises:
            ValueError: a term that has no visible character.
        """
        entries: dict[str, list[_Entry]] = {}
        for rule in rules:
            signal = Signal(self.name, rule.label, rule.score, rule.rule)
            for term in rule.terms:
                text = normalise(term)
                plain, folded = text.plain.strip(), text.folded.strip()
                if not folded:
                    raise ValueError(f"rule {rule.rule!r}: received a term without a visible character")
                bounds = rule.whole_words
                entry = _Entry(plain, rule, signal, bounds and _bounded(plain[0]), bounds and _bounded(plain[-1]))
                entries.setdefault(folded, []).append(entry)
        self._entries = list(entries.values())
        size = sum(map(len, entries))
        self._find = AhoCorasick(
            list(entries),
            matchkind=MatchKind.Standard,
            implementation=Implementation.DFA if size <= _DFA_LIMIT else Implementation.ContiguousNFA,
            store_patterns=False,
        ).find_matches_as_indexes

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each rule that has a term in the text, by rule."""
        # Overlapping: a longer term must not hide behind a shorter one that turns out to be part of a word.
        matches = self._find(subject.text.folded, overlapping=True)
        if not matches:
            return ()
        plain, language = subject.text.plain, subject.language
        found: dict[str, Signal] = {}
        is_allowed = subject.is_allowed if subject.allowed else None
        for index, start, end in matches:
            if is_allowed is not None and is_allowed(start, end):
                continue
            for entry in self._entries[index]:
                if entry.rule.rule not in found and _stands(entry, plain, start, end, language):
                    found[entry.rule.rule] = entry.signal
        return [found[rule] for rule in sorted(found)] if found else ()


def _stands(entry: _Entry, plain: str, start: int, end: int, language: str | None) -> bool:
    """Whether what was found in the folded text is the term, given what the plain text has in its place."""
    if entry.bound_before and start and _bounded(plain[start - 1]):
        return False
    if entry.bound_after and end < len(plain) and _bounded(plain[end]):
        return False
    rule = entry.rule
    if rule.language is not None and language is not None and rule.language != language:
        return False
    written = plain[start:end]
    if written == entry.plain:
        return True
    if rule.exact:
        return False
    return any(one == other and one.isalpha() for one, other in zip(written, entry.plain, strict=True))


def _bounded(edge: str) -> bool:
    """Whether this character is part of a word that has bounds: not in scripts written without spaces, nor a sign."""
    return edge.isalnum() and (edge.isascii() or not unicodedata.name(edge, "").startswith(_UNSPACED))
