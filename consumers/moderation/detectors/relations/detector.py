"""Turns relations into signals by a policy's rules. A text that names no group costs one pass of an automaton."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import cache, cached_property

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from consumers.lexicons import LANGUAGES
from consumers.moderation.detectors.characters import is_unspaced
from consumers.moderation.detectors.obfuscation import put_together
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.relations.analysis import Relations, is_letter
from consumers.moderation.detectors.relations.lexicon import entries, lexicon, swapped
from consumers.moderation.edges import EdgedWords
from consumers.moderation.kinds import RelationKind
from consumers.moderation.normalise import NormalText
from consumers.moderation.rules import RelationRule
from glue.contract import Signal

_SHORTEST_VARIANT = 5
"""Letters of the shortest name of a group that is also found misspelled."""
_OTHER_WORDS = frozenset({"backs", "niger", "cons", "refuge", "arbs", "coins", "trails"})
"""What a misspelled name of a group would be that is a word of its own."""
_MOST_BEFORE = 1_000
"""Characters before the first group of a long text that are looked at with it."""
_ANY = "emoji"
_KNOWN = frozenset(LANGUAGES)
_ENGLISH = frozenset({"en"})
_NO_LANGUAGES: frozenset[str] = frozenset()


class Groups:
    """The names of groups in all languages, found in one pass, to tell which texts are worth a closer look."""

    def __init__(self) -> None:
        languages: dict[str, set[str]] = {}
        open_ended: set[str] = set()
        for language in (*LANGUAGES, _ANY):
            for entry in entries(language):
                if entry.role != "group":
                    break  # groups come first
                languages.setdefault(entry.text, set()).add(language)
                if entry.open_end:
                    open_ended.add(entry.text)
                if (
                    language == "en"
                    and entry.weight == 1
                    and len(entry.text) >= _SHORTEST_VARIANT
                    and entry.text.isalpha()
                ):
                    for variant in _variants(entry.text):
                        languages.setdefault(variant, set()).add(language)
        self._languages = [frozenset(some) for some in languages.values()]
        # In a text of unknown language a word that is also English, such as "gay", is taken for English.
        self._unknown = [_ENGLISH if "en" in some else some for some in self._languages]
        # Most finds are pieces of longer words, and go by one look at either edge. A long name inside a word may be
        # one of several that are written together, such as "killallmuslims".
        self._unbound = bytes(_is_unbound(text) for text in languages)
        self._open_end = bytes(text in open_ended for text in languages)
        self._long = bytes(len(text) >= _SHORTEST_VARIANT for text in languages)
        self._names = list(languages)

    @cached_property
    def _find(self) -> Callable[..., list[tuple[int, int, int]]]:
        automaton = AhoCorasick(
            self._names,
            matchkind=MatchKind.Standard,
            implementation=Implementation.ContiguousNFA,
            store_patterns=False,
        )
        found: Callable[..., list[tuple[int, int, int]]] = automaton.find_matches_as_indexes
        return found

    @cached_property
    def _edged(self) -> EdgedWords:
        return EdgedWords(self._names, self._wanted(), Implementation.ContiguousNFA)

    def _wanted(self) -> Iterator[tuple[int, bool, bool]]:
        """Which edges each name must have; one that may have either stands there twice."""
        for number in range(len(self._names)):
            if self._unbound[number] or (self._long[number] and self._open_end[number]):
                yield number, False, False
            elif self._long[number]:
                yield number, True, False
                yield number, False, True
            else:
                yield number, True, not self._open_end[number]

    def languages(self, folded: str, language: str | None = None, edged: bytes | None = None) -> tuple[Set[str], int]:
        """The languages in which a text may name a group, and where the first name begins.

        Args:
            folded: the folded form of a text.
            language: the text's; None when nobody said.
            edged: its edged form, if it has one.

        >>> Groups().languages("two women and a dog")
        ({'en'}, 4)
        """
        return self.named(self._standing(folded) if edged is None else self._edged.find(edged, folded), language)

    def matches(self, texts: Sequence[NormalText]) -> Mapping[int, Sequence[tuple[int, int, int]] | None]:
        """What :meth:`named` needs to know of those of these texts that name one, by number; None: no edged form."""
        return self._edged.find_all(texts)

    def named(self, matches: Sequence[tuple[int, int, int]], language: str | None) -> tuple[Set[str], int]:
        """The same as :meth:`languages`.

        Args:
            matches: the names in the text: the number of each, where it begins and where it ends.
            language: the text's; None when nobody said.
        """
        if not matches:
            return _NO_LANGUAGES, 0
        by_pattern = self._unknown if language is None else self._languages
        found: set[str] = set()
        for index, _, _ in matches:
            found.update(by_pattern[index])
        return found, min([start for _, start, _ in matches])

    def _standing(self, folded: str) -> list[tuple[int, int, int]]:
        """The names in a text that stand as words, or may be one of several that are written together."""
        standing = []
        size = len(folded)
        for match in self._find(folded, overlapping=True):
            index, start, end = match
            if not self._unbound[index]:
                before = start > 0 and is_letter(folded[start - 1])
                after = end < size and not self._open_end[index] and is_letter(folded[end])
                if (before or after) and (not self._long[index] or (before and after)):
                    continue
            standing.append(match)
        return standing


def _is_unbound(text: str) -> bool:
    """Whether a word may be a part of what stands there: Chinese has no spaces, Arabic writes "the" and "and" to it."""
    return not text[0].isalpha() or is_unspaced(text[0]) or "\u0600" <= text[0] <= "\u06ff"


def _variants(word: str) -> Iterator[str]:
    """The word with two letters swapped, one left out, or a space in it."""
    for variant in swapped(word):
        if variant not in _OTHER_WORDS:
            yield variant
    for place in range(1, len(word) - 1):
        if len(word) > _SHORTEST_VARIANT and word[:place] + word[place + 1 :] not in _OTHER_WORDS:
            yield word[:place] + word[place + 1 :]
        if len(word) > _SHORTEST_VARIANT + 1:
            yield f"{word[:place]} {word[place:]}"


@cache
def _groups() -> Groups:
    # Made when the first text comes: a cold start does not pay for it.
    return Groups()


@cache
def _relations(language: str) -> Relations:
    return Relations(lexicon(language), language)


class RelationDetector:
    """Finds attacks on groups of people by how words stand together."""

    name = "relations"
    version = "1"

    def __init__(self, rules: Sequence[RelationRule], *, spaced: int = -1) -> None:
        """Takes a policy's relation rules.

        Args:
            rules: the rules.
            spaced: the position in the scan of ``SPACED``; -1: it is not scanned for.
        """
        self._rules = tuple(sorted(rules, key=lambda rule: rule.rule))
        self._spaced = spaced

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each rule that meets a kind of attack in the text, by rule."""
        return self._detect(subject, None)

    def detect_all(self, subjects: Sequence[Subject]) -> Iterator[tuple[int, Sequence[Signal]]]:
        """What :meth:`detect` says of those of which it may say something, each with its number; all at once."""
        every = _groups().matches([subject.text for subject in subjects])
        for number, subject in enumerate(subjects):
            if number in every or self._spaced in subject.hits:
                yield number, self._detect(subject, every.get(number))

    def _detect(self, subject: Subject, matches: Sequence[tuple[int, int, int]] | None) -> Sequence[Signal]:
        text, language = subject.text, subject.language
        folded = text.folded
        if self._spaced in subject.hits:
            folded = put_together(folded)
            languages, first = _groups().languages(folded, language)
        elif matches is None:
            languages, first = _groups().languages(folded, language, text.edged)
        else:
            languages, first = _groups().named(matches, language)
        if not languages:
            return ()
        for start, end in subject.allowed:
            folded = folded[:start] + " " * (end - start) + folded[end:]
        scores = self.scores(folded[max(0, first - _MOST_BEFORE) :], languages, subject.language)
        if not scores:
            return ()
        signals = []
        for rule in self._rules:
            score = max([scores.get(kind, 0.0) for kind in rule.kinds])
            if score >= rule.at_least:
                signals.append(Signal(self.name, rule.label, min(score, rule.at_most), rule.rule))
        return signals

    def scores(self, folded: str, languages: Set[str], language: str | None) -> dict[RelationKind, float]:
        """By kind, the strongest score in those languages of the text that count."""
        if _ANY in languages:
            languages = languages | {language or "en"}
        best: dict[RelationKind, float] = {}
        # English is written everywhere; a word of another language counts only where nothing says that it is a third.
        for one in sorted(_KNOWN & languages):
            if language is None or one in {language, "en"}:
                for kind, score in _relations(one).scores(folded).items():
                    best[kind] = max(score, best.get(kind, 0.0))
        return best
