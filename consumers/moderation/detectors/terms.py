"""A policy's words and phrases, all found in one pass by one automaton (Aho-Corasick)."""

import unicodedata
from collections.abc import Sequence
from functools import cached_property

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind
from msgspec import Struct

from consumers.moderation.detectors.obfuscation import STRETCHED, DisguisedTerms
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import TermRule
from glue.contract import Signal

_DFA_LIMIT = 200_000
"""Characters of terms up to which the fastest automaton is built; beyond that it takes too much memory."""

_ASCII_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "HALFWIDTH")


class _Entry(Struct, frozen=True):
    plain: str
    rule: TermRule
    signal: Signal
    bound_before: bool
    bound_after: bool


class TermDetector:
    """Finds a policy's terms as whole words, also when written with look-alike letters, digits or accents, with the
    letters pulled apart, or held long.

    A find that is not letter by letter the term counts only when at least one of its letters is the term's own: "1diot"
    is found, the number 455 is not read as a word, and neither is a word wholly in another script.
    """

    name = "terms"
    version = "2"

    def __init__(self, rules: Sequence[TermRule], *, spaced: int = -1) -> None:
        """Takes a policy's term rules.

        Args:
            rules: the rules.
            spaced: the position in the scan of ``SPACED``; -1: it is not scanned for.

        Raises:
            ValueError: a term that has no visible character.
        """
        entries: dict[str, list[_Entry]] = {}
        for rule in rules:
            signal = Signal(self.name, rule.label, rule.score, rule.rule)
            for term in rule.terms:
                plain = normalise(term).plain.strip()
                folded = normalise(plain).folded
                if not plain:
                    raise ValueError(f"rule {rule.rule!r}: received a term without a visible character")
                bounds = rule.whole_words
                entry = _Entry(plain, rule, signal, bounds and _bounded(plain[0]), bounds and _bounded(plain[-1]))
                entries.setdefault(folded, []).append(entry)
        self._entries = list(entries.values())
        # Most finds are pieces of longer words, the more terms the more. They go by one look at either edge.
        self._bound_before = bytes(all(entry.bound_before for entry in some) for some in self._entries)
        self._bound_after = bytes(all(entry.bound_after for entry in some) for some in self._entries)
        self._folded = list(entries)
        self._spaced = spaced
        size = sum(map(len, entries))
        self._find = AhoCorasick(
            [*self._folded, *STRETCHED] if entries else [],
            matchkind=MatchKind.Standard,
            implementation=Implementation.DFA if size <= _DFA_LIMIT else Implementation.ContiguousNFA,
            store_patterns=False,
        ).find_matches_as_indexes

    @cached_property
    def _disguised(self) -> DisguisedTerms:
        # Made when the first text asks for it, which most processes never see.
        return DisguisedTerms(self._folded)

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each rule that has a term in the text, by rule."""
        # Overlapping: a longer term must not hide behind a shorter one that turns out to be part of a word.
        matches = self._find(subject.text.folded, overlapping=True)
        disguised = self._spaced in subject.hits
        if not matches and not disguised:
            return ()
        plain, language, entries = subject.text.plain, subject.language, self._entries
        found: dict[str, Signal] = {}
        bound_before, bound_after, length = self._bound_before, self._bound_after, len(plain)
        is_allowed = subject.is_allowed if subject.allowed else None
        for index, start, end in matches:
            if index >= len(entries):
                # The same letter three times, and not the zeros of a number.
                disguised = disguised or any(map(str.isalpha, plain[max(start - 1, 0) : end + 1]))
                continue
            if (start and bound_before[index] and plain[start - 1] in _ASCII_WORD) or (
                end < length and bound_after[index] and plain[end] in _ASCII_WORD
            ):
                continue
            if is_allowed is not None and is_allowed(start, end):
                continue
            for entry in entries[index]:
                if entry.rule.rule not in found and _stands(entry, plain, start, end, language):
                    found[entry.rule.rule] = entry.signal
        if disguised and entries:
            for index, places in self._disguised.find(subject.text.folded, plain):
                if is_allowed is not None and is_allowed(places[0], places[-1] + 1):
                    continue
                for entry in entries[index]:
                    if entry.rule.rule not in found and _is_meant(entry, plain, places, language):
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


def _is_meant(entry: _Entry, plain: str, places: Sequence[int], language: str | None) -> bool:
    """Whether a term whose letters stand in these places of the plain text counts."""
    rule = entry.rule
    if rule.exact or (rule.language is not None and language is not None and rule.language != language):
        return False
    return any(plain[place].isalpha() and plain[place] in entry.plain for place in places)


def _bounded(edge: str) -> bool:
    """Whether this character is part of a word that has bounds: not in scripts written without spaces, nor a sign."""
    return edge.isalnum() and (edge.isascii() or not unicodedata.name(edge, "").startswith(_UNSPACED))
