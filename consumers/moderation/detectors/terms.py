"""A policy's words and phrases, and those of word lists, found by automata (Aho-Corasick), one for each language."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain, groupby

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind
from msgspec import Struct

from consumers.moderation.confusables import CONFUSABLES
from consumers.moderation.detectors.masked import MaskedTerms, has_masks
from consumers.moderation.detectors.obfuscation import STRETCHED, DisguisedTerms, Words, put_together, words_of
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.edges import EdgedWords
from consumers.moderation.language import likely_languages
from consumers.moderation.normalise import NormalText, fold, normalise
from consumers.moderation.rules import TermRule
from consumers.moderation.scan import compiled
from consumers.moderation.words import ALIASES, SEPARATOR, Word, WordLists
from glue.contract import Signal

_DFA_LIMIT = 200_000
"""Characters of terms up to which the fastest automaton is built; beyond that it takes too much memory."""
_LISTS_DFA_LIMIT = 40_000
"""The same for word lists: an automaton that is built when the first text asks for it must not let that text wait."""

_LISTS_KEPT = 64
"""Automata of word lists that a process keeps: every language's, and some of the policy before."""

MAX_ENDING = 8
"""Letters that may follow a term that is inflected."""

_LEET = r"[a-z][0134578@$][a-z]"
_MIXED = r"[a-z][\p{Cyrillic}\p{Greek}]|[\p{Cyrillic}\p{Greek}][a-z]"

_AS_LATIN = {
    ord(written): ord(letter) for written, letter in CONFUSABLES.items() if "LATIN" not in unicodedata.name(written, "")
}
"""Letters of other alphabets that look like a Latin one."""
_OTHER_ALPHABETS = frozenset({"ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg", "el", "hy"})
"""Languages with alphabets of which some letters look Latin."""
_SHORTEST_BORROWED = 4
"""Letters of a term that counts in a text of Latin letters when it is wholly written in another alphabet's."""
_MOST_GUESSED = 2000
"""Characters by which a language is guessed."""

_ASCII_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "HALFWIDTH")


class _Entry(Struct, frozen=True, gc=False):
    plain: str
    signal: Signal
    language: str | None
    bound_before: bool
    bound_after: bool
    exact: bool = False
    sure: bool = False
    ending: int = 0


_Matches = Sequence[tuple[int, int, int]]
"""Terms in a text: the number of each, and where it begins and ends."""


class TermDetector:
    """Finds terms as whole words, also when written with look-alike letters, digits or accents, with the letters pulled
    apart, held long, or masked.

    A find that is not letter by letter the term counts only when at least one of its letters is the term's own: "1diot"
    is found, the number 455 is not read as a word, and a word wholly in another script only where the language is known
    or guessed to be written in Latin letters. A term of a language counts in texts of that language. Where an event
    names none it is guessed; where even that is not possible the term counts, unless it is an ordinary word elsewhere
    or written with other accents.
    """

    name = "terms"
    version = "3"

    def __init__(self, rules: Sequence[TermRule], *, words: WordLists | None = None, spaced: int = -1) -> None:
        """Takes a policy's term rules and word lists.

        Args:
            rules: the rules.
            words: the word lists; each is read and made ready when the first text of its language comes.
            spaced: the position in the scan of ``SPACED``; -1: it is not scanned for.

        Raises:
            ValueError: a term that has no visible character.
        """
        self._spaced = spaced
        self._own = _Matcher(_of_rules(rules, self.name), limit=_DFA_LIMIT)
        self._words = words
        self._lists: dict[str | None, _Matcher] = {}

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each rule that has a term in the text, by rule; of a list's several, the strongest."""
        return self._detect(subject, None, self._list_of(subject.language), None)

    def detect_all(self, subjects: Sequence[Subject]) -> Iterator[tuple[int, Sequence[Signal]]]:
        """What :meth:`detect` says of those of which it may say something, each with its number; all at once."""
        spaced = self._spaced
        own = self._own.matches([subject.text for subject in subjects])
        listed: dict[int, _Matches | None] = {}
        by_language: dict[str | None, list[int]] = {}
        for number, subject in enumerate(subjects):
            by_language.setdefault(subject.language, []).append(number)
        for language, numbers in by_language.items():
            if (matcher := self._list_of(language)) is not None:
                found = matcher.matches([subjects[number].text for number in numbers])
                listed.update((numbers[place], matches) for place, matches in found.items())
        # Letters that are pulled apart or masked may be a term where none stands.
        wanted = [
            number
            for number, subject in enumerate(subjects)
            if number in listed or number in own or "*" in subject.text.plain or spaced in subject.hits
        ]
        for number in wanted:
            subject = subjects[number]
            yield (
                number,
                self._detect(subject, own.get(number, ()), self._list_of(subject.language), listed.get(number, ())),
            )

    def _detect(
        self, subject: Subject, own: "_Matches | None", matcher: "_Matcher | None", listed: "_Matches | None"
    ) -> Sequence[Signal]:
        spaced = self._spaced in subject.hits
        found: dict[str, Signal] = {}
        spoken = self._own.find(subject, spaced, found, None, own)
        if matcher is not None:
            matcher.find(subject, spaced, found, spoken, listed)
        return [found[rule] for rule in sorted(found)] if found else ()

    def _list_of(self, language: str | None) -> "_Matcher | None":
        if self._words is None:
            return None
        matcher = self._lists.get(language)
        return self._list_for(language) if matcher is None else matcher

    def _list_for(self, language: str | None) -> "_Matcher":
        assert self._words is not None  # noqa: S101
        known = None if language is None else ALIASES.get(language, language)
        if known is not None and known not in self._words.languages:
            known = ""
        matcher = self._lists.get(known)
        if matcher is None:
            matcher = self._lists[known] = _matcher_of(self._words, known)
        return matcher


class _Matcher:
    """Entries behind one automaton."""

    def __init__(self, entries: Iterable[tuple[str, _Entry]], limit: int, *, edged: bool = True) -> None:
        self._is_edged = edged
        by_form: dict[str, list[_Entry]] = {}
        for folded, entry in entries:
            by_form.setdefault(folded, []).append(entry)
        self._entries = list(by_form.values())
        self._folded = list(by_form)
        # Most finds are pieces of longer words, the more terms the more. They go by one look at either edge.
        self._bound_before = bytes(all(entry.bound_before for entry in some) for some in self._entries)
        self._bound_after = bytes(all(entry.bound_after for entry in some) for some in self._entries)
        size = sum(map(len, by_form))
        self._implementation = Implementation.DFA if size <= limit else Implementation.ContiguousNFA

    # Made when the first text asks for them, which most processes never see.

    @cached_property
    def _find(self) -> Callable[..., list[tuple[int, int, int]]]:
        automaton = AhoCorasick(
            [*self._folded, *STRETCHED] if self._folded else [],
            matchkind=MatchKind.Standard,
            implementation=self._implementation,
            store_patterns=False,
        )
        found: Callable[..., list[tuple[int, int, int]]] = automaton.find_matches_as_indexes
        return found

    @cached_property
    def _edged(self) -> EdgedWords:
        known = len(self._folded)
        wanted = zip(range(known), map(bool, self._bound_before), map(bool, self._bound_after), strict=True)
        stretched = ((known + place, False, False) for place in range(len(STRETCHED) if known else 0))
        return EdgedWords([*self._folded, *STRETCHED], chain(wanted, stretched), Implementation.ContiguousNFA)

    @cached_property
    def _disguised(self) -> DisguisedTerms:
        return DisguisedTerms(self._folded, self._bound_before, self._bound_after)

    @cached_property
    def _masked(self) -> MaskedTerms:
        endings = [0 if all(entry.bound_after for entry in some) else MAX_ENDING for some in self._entries]
        return MaskedTerms(self._folded, endings)

    def matches(self, texts: Sequence[NormalText]) -> "dict[int, _Matches | None]":
        """What :meth:`find` needs to know of those of these texts in which there is something, by number; None: it has
        to find it out."""
        if not self._entries:
            return {}
        return {**self._edged.find_all(texts)} if self._is_edged else dict.fromkeys(range(len(texts)))

    def find(
        self,
        subject: Subject,
        spaced: bool,
        found: dict[str, Signal],
        spoken: "_Spoken | None",
        matches: "_Matches | None" = None,
    ) -> "_Spoken | None":
        """Adds a signal for each rule that has a term in the text.

        Args:
            subject: the text.
            spaced: whether it has letters that stand by themselves.
            found: by rule, the strongest signal so far.
            spoken: what another matcher found out about the text.
            matches: what :meth:`matches` gave for the text.

        Returns:
            That, and what this one found out.
        """
        text = subject.text
        plain, entries = text.plain, self._entries
        # Overlapping: a longer term must not hide behind a shorter one that turns out to be part of a word.
        if matches is not None:
            pass
        elif text.edged is not None and self._is_edged:
            matches = self._edged.find(text.edged, text.folded)
        else:
            matches = self._find(text.folded, overlapping=True)
        masked = "*" in plain and has_masks(plain)
        if not (matches or spaced or masked) or not entries:
            return spoken
        disguised = spaced
        bound_before, bound_after, length = self._bound_before, self._bound_after, len(plain)
        is_allowed = subject.is_allowed if subject.allowed else None
        if spoken is None:
            spoken = _Spoken(subject, spaced)
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
                if _is_stronger(entry, found) and _stands(entry, plain, start, end, spoken):
                    found[entry.signal.rule] = entry.signal
        if disguised:
            for index, places in self._disguised.find(spoken.words, text.folded):
                if is_allowed is not None and is_allowed(places[0], places[-1] + 1):
                    continue
                for entry in entries[index]:
                    if _is_stronger(entry, found) and _is_meant(entry, plain, places, spoken, spaced):
                        found[entry.signal.rule] = entry.signal
        if masked:
            for index, start, end in self._likeliest(text.folded, plain):
                if is_allowed is not None and is_allowed(start, end):
                    continue
                for entry in entries[index]:
                    if _is_stronger(entry, found) and not entry.exact and spoken.counts(entry, same=True, hidden=True):
                        found[entry.signal.rule] = entry.signal
        return spoken

    def _likeliest(self, folded: str, plain: str) -> Iterable[tuple[int, int, int]]:
        """What masked words may be; where one may be a word that counts everywhere, that is what it is."""
        hits = list(self._masked.find(folded, plain))
        plainly = {hit[1:] for hit in hits if any(entry.language is None for entry in self._entries[hit[0]])}
        for index, start, end in hits:
            if (start, end) not in plainly or any(entry.language is None for entry in self._entries[index]):
                yield index, start, end


@lru_cache(maxsize=_LISTS_KEPT)
def _matcher_of(words: WordLists, language: str | None) -> _Matcher:
    """The matcher of the lists of a language, made once a process: an exchanged policy rarely changes it."""
    # For all languages at once, the first text would wait for two large automata.
    entries = _of_words(words.of(language), TermDetector.name)
    return _Matcher(entries, _LISTS_DFA_LIMIT, edged=language is not None)


class _Spoken:
    """The language of a text, guessed at most once, and its words where some are disguised."""

    def __init__(self, subject: Subject, spaced: bool) -> None:
        self._subject = subject
        self._spaced = spaced
        language = subject.language
        self._given = None if language is None else ALIASES.get(language, language)

    @cached_property
    def _guessed(self) -> frozenset[str]:
        plain, folded = self._subject.text.plain, self._subject.text.folded
        if self._spaced:
            # Letters by themselves are words of many languages.
            return likely_languages(put_together(folded))
        # Words that mix alphabets, or digits with letters, are written in one of them and disguised with the other.
        if compiled(_LEET).search(plain):
            return likely_languages(folded)
        if not plain.isascii() and compiled(_MIXED).search(plain):
            # What little such a text says in one alphabet may be of no language: nobody knows then.
            some = plain[:_MOST_GUESSED]
            return likely_languages(_in_one_alphabet(some)) | likely_languages(some.translate(_AS_LATIN))
        likely = likely_languages(plain)
        # Every letter once: words held long are words of no language.
        return likely or likely_languages("".join([letter for letter, _ in groupby(folded)]))

    @cached_property
    def words(self) -> Words:
        """Its words, as they are disguised."""
        text = self._subject.text
        return words_of(text.folded, text.plain)

    @cached_property
    def is_latin(self) -> bool:
        """Whether the language is known or guessed, and written in Latin letters."""
        spoken = self._guessed if self._given is None else {self._given}
        return bool(spoken) and not spoken & _OTHER_ALPHABETS

    def counts(self, entry: _Entry, *, same: bool, hidden: bool = False) -> bool:
        """Whether a term counts in a text of this language.

        Args:
            entry: the term.
            same: whether it is written with the accents that it has.
            hidden: whether it is masked or its letters are pulled apart, as no ordinary word of another language is.
        """
        if entry.language is None:
            return True
        if self._given is not None:
            return self._given == entry.language
        if not self._guessed:
            return same and (hidden or not entry.sure)
        return entry.language in self._guessed


def _in_one_alphabet(plain: str) -> str:
    """A text whose words of Latin and other letters are read as Latin ones; accents, which tell languages, stay.

    >>> _in_one_alphabet("ты рuttаnа, però")
    'ты puttana, però'
    """
    return " ".join([word.translate(_AS_LATIN) if compiled(_MIXED).search(word) else word for word in plain.split(" ")])


def _of_rules(rules: Sequence[TermRule], detector: str) -> Iterable[tuple[str, _Entry]]:
    for rule in rules:
        signal = Signal(detector, rule.label, rule.score, rule.rule)
        bounds = rule.whole_words
        for term in rule.terms:
            normal = normalise(term)
            plain = normal.plain.strip()
            if not plain:
                raise ValueError(f"rule {rule.rule!r}: received a term without a visible character")
            before, after = bounds and is_bounded(plain[0]), bounds and is_bounded(plain[-1])
            folded = normal.folded if plain == normal.plain else normalise(plain).folded
            yield folded, _Entry(plain, signal, rule.language, before, after, rule.exact)


def _of_words(words: Sequence[Word], detector: str) -> Iterable[tuple[str, _Entry]]:
    if not words:
        return
    # All at once: a list has thousands.
    folded = fold(SEPARATOR.join([word.term for word in words])).split(SEPARATOR)
    signals: dict[int, Signal] = {}
    for form, word in zip(folded, words, strict=True):
        rule, term = word.rule, word.term
        signal = signals.get(id(rule))
        if signal is None:
            signal = signals[id(rule)] = Signal(detector, rule.label, rule.score, rule.rule)
        before = not word.inside and is_bounded(term[0])
        after = not word.inflected and is_bounded(term[-1])
        ending = MAX_ENDING if word.inflected and not word.inside and is_bounded(term[-1]) else 0
        yield form, _Entry(term, signal, rule.language, before, after, rule.exact, word.sure, ending)


def _is_stronger(entry: _Entry, found: dict[str, Signal]) -> bool:
    known = found.get(entry.signal.rule)
    return known is None or known.score < entry.signal.score


def _stands(entry: _Entry, plain: str, start: int, end: int, spoken: _Spoken) -> bool:
    """Whether what was found in the folded text is the term, given what the plain text has in its place."""
    if entry.bound_before and start and is_bounded(plain[start - 1]):
        return False
    if end < len(plain):
        if entry.bound_after and is_bounded(plain[end]):
            return False
        if entry.ending:
            last = end + entry.ending
            while end < last and end < len(plain) and is_bounded(plain[end]):
                end += 1
            if end < len(plain) and is_bounded(plain[end]):
                return False
    if _splits_katakana(plain, start, start + len(entry.plain)):
        return False
    written = plain[start : start + len(entry.plain)]
    if written == entry.plain:
        return spoken.counts(entry, same=True)
    if entry.exact:
        return False
    pairs = list(zip(written, entry.plain, strict=True))
    if not any(one == other and one.isalpha() for one, other in pairs) and not (
        len(pairs) >= _SHORTEST_BORROWED and all(one.isalpha() for one, _ in pairs) and spoken.is_latin
    ):
        return False
    # An accent more or less may make it another word: it may be left out where the language is known, and be put on
    # where the language has none. A digit or another script's letter is no accent.
    changed = [
        (one, other)
        for one, other in pairs
        if one != other
        and one.isalpha()
        and other.isalpha()
        and not (other.isascii() and one in CONFUSABLES)
        and _AS_LATIN.get(ord(other)) != ord(one)
    ]
    if entry.language is not None and entry.language not in _WITHOUT_ACCENTS and any(map(_is_latin, changed)):
        return False
    return spoken.counts(entry, same=not changed)


_WITHOUT_ACCENTS = frozenset({"en", "id", "nl"})


def _is_latin(pair: tuple[str, str]) -> bool:
    """Whether a letter is written with an accent that the term has not, or has another there."""
    written, _ = pair
    return not written.isascii() and "LATIN" in unicodedata.name(written, "") and written not in CONFUSABLES


def _is_meant(entry: _Entry, plain: str, places: Sequence[int], spoken: _Spoken, spaced: bool) -> bool:
    """Whether a term whose letters stand in these places of the plain text counts."""
    if entry.exact or not any(plain[place].isalpha() and plain[place] in entry.plain for place in places):
        return False
    return spoken.counts(entry, same=True, hidden=spaced)


def _splits_katakana(plain: str, start: int, end: int) -> bool:
    """Whether a term is a piece of a longer word in katakana, mostly a name or a loan: パチンコ, フェラーリ."""
    if not "ァ" <= plain[start] <= "ー":
        return False
    if start and "ァ" <= plain[start - 1] <= "ー":
        return True
    return end - start <= _SHORT_KATAKANA and "ァ" <= plain[end - 1] <= "ー" and "ァ" <= plain[end : end + 1] <= "ー"


_SHORT_KATAKANA = 3


@lru_cache(maxsize=4096)
def is_bounded(edge: str) -> bool:
    """Whether this character is part of a word that has bounds: not in scripts written without spaces, nor a sign."""
    if edge.isascii():
        return edge.isalnum()
    if not (edge.isalnum() or unicodedata.category(edge) in {"Mc", "Mn"}):
        return False
    return not unicodedata.name(edge, "").startswith(_UNSPACED)
