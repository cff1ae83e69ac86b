"""Terms whose letters were pulled apart or held long: "i d i o t", "m.o.r.o.n", "looooser", "f.r.e.e.e  m o n e y".

Nothing of this is looked at unless something in the text hints at it: three letters each by itself, found by the one
scan over all expressions, or the same letter three times in a row, found by the automaton that finds the terms. Only
then a third form of the text is made, in which letters that stand by themselves are joined to words and repeated
letters are written once; the terms, written the same way, are looked for in it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import eq

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind
from msgspec import Struct

from consumers.moderation.scan import compile_expression

STRETCHED = (*(letter * 3 for letter in "abcdefghijklmnopqrstuvxyzбгджзилфцчшщъыэюя"), "wwww")
"""What is looked for along with the terms, in the folded form. Every address on the web has three w."""

MAX_GAP = 3
"""Characters between two letters of a word that was pulled apart."""

MIN_UNBOUND = 4
"""Letters of the shortest term that is found where word bounds are lost: "c l a s s" holds no three-letter word."""

_WORD = compile_expression(r"[\pL\pN\pM]+")
_ASCII_WORD = re.compile(r"[a-zA-Z0-9]+")
"""The same for ASCII, where it takes a tenth of the time."""


class Words(Struct, frozen=True):
    """The words of a text.

    Args:
        places: where the letters of each stand, and whether they had to be joined.
        disguised: the numbers of those with letters that were joined, or are held long.
    """

    places: list[tuple[Sequence[int], bool]]
    disguised: list[int]


class Revealed:
    """A text with the letters that stand by themselves joined, and repeated letters written once: its words that are
    disguised so, and as many before and behind each as a term may reach; of a long text that is little.

    Args:
        words: those of the text, as :func:`words_of` gives them.
        folded: the folded form of the text.
        reach: how many words before and behind a disguised one are kept.

    >>> text = "s h u t up, looooser"
    >>> revealed = Revealed(words_of(text, text), text, 1)
    >>> revealed.text, revealed.counts[-5:]
    ('shut up loser', [1, 4, 1, 1, 1])
    """

    def __init__(self, words: Words, folded: str, reach: int) -> None:
        characters: list[str] = []
        self.counts: list[int] = []
        """How often each character of ``text`` is written."""
        self.joined: list[bool] = []
        """Whether it stood by itself."""
        self.places: list[int] = []
        """Where it stands first in the folded form."""
        before = -1
        for number in _near(words, reach):
            positions, joined = words.places[number]
            if characters:
                between = " " if number == before + 1 else _GAP
                characters.append(between)
                self.counts += [1] * len(between)
                self.joined += [False] * len(between)
                self.places += [positions[0] - 1] * len(between)
            before = number
            if isinstance(positions, range) and not _has_doubled(word := folded[positions.start : positions.stop]):
                characters.append(word)
                self.counts += [1] * len(word)
                self.joined += [False] * len(word)
                self.places += positions
                continue
            last = ""
            for position in positions:
                character = folded[position]
                if character == last:
                    self.counts[-1] += 1
                    continue
                characters.append(character)
                self.counts.append(1)
                self.joined.append(joined)
                self.places.append(position)
                last = character
        self.text = "".join(characters)


_GAP = " \0 "
"""Stands for words that are left out. No term has it, and words end and begin beside it."""


def _near(words: Words, reach: int) -> Iterator[int]:
    """The numbers of the words that are disguised, and of those near them, in order."""
    after = 0
    for number in words.disguised:
        yield from range(max(after, number - reach), min(len(words.places), number + reach + 1))
        after = max(after, number + reach + 1)


def _is_stretched(word: str) -> bool:
    letters = set(word)
    return len(letters) < len(word) - 1 and any(letter * 3 in word for letter in letters)


def _has_doubled(word: str) -> bool:
    return any(map(eq, word, word[1:]))


def _spans(folded: str) -> list[tuple[int, int]]:
    return [match.span() for match in (_ASCII_WORD if folded.isascii() else _WORD).finditer(folded)]


def words_of(folded: str, plain: str) -> Words:
    """The words of a text.

    Args:
        folded: the folded form of the text.
        plain: the plain form, which says what stands between two letters.

    >>> words_of("an i d i o t", "an i d i o t")
    Words(places=[(range(0, 2), False), ([3, 5, 7, 9, 11], True)], disguised=[1])
    """
    places = list(_words(folded, plain))
    return Words(
        places,
        [
            number
            for number, (positions, joined) in enumerate(places)
            if joined or _is_stretched(folded[positions[0] : positions[-1] + 1])
        ],
    )


def _words(folded: str, plain: str) -> Iterator[tuple[Sequence[int], bool]]:
    words = _spans(folded)
    at = 0
    while at < len(words):
        start, end = words[at]
        last = at
        while (
            words[last][1] - words[last][0] == 1
            and last + 1 < len(words)
            and words[last + 1][1] - words[last + 1][0] == 1
            and words[last + 1][0] - words[last][1] <= MAX_GAP
        ):
            last += 1
        if last - at < 2:
            yield range(start, end), False
            at += 1
            continue
        letters = [words[place][0] for place in range(at, last + 1)]
        gaps = [plain[one + 1 : other] for one, other in pairwise(letters)]
        # What stands between letters most often is within words, anything else is between them.
        counted = Counter(gaps)
        within = max(sorted(counted), key=counted.__getitem__)
        word = [letters[0]]
        for gap, letter in zip(gaps, letters[1:], strict=True):
            if gap != within:
                yield word, len(word) > 1
                word = []
            word.append(letter)
        yield word, len(word) > 1
        at = last + 1


def put_together(text: str) -> str:
    """The text with the letters of each word that was pulled apart put together, and all else as it stands.

    >>> put_together("you are an i-d-i-o-t, m-o-r-o-n!")
    'you are an idiot, moron!'
    """
    parts, at = [], 0
    for positions, joined in _words(text, text):
        if joined:
            parts += [text[at : positions[0]], "".join([text[place] for place in positions])]
            at = positions[-1] + 1
    return "".join([*parts, text[at:]])


def skeleton(folded: str) -> tuple[str, list[int]]:
    """A folded term with repeated letters written once, and how often each is to be written.

    >>> skeleton("free money")
    ('fre money', [1, 1, 2, 1, 1, 1, 1, 1, 1])
    """
    characters: list[str] = []
    counts: list[int] = []
    for word in [folded[start:end] for start, end in _spans(folded)]:
        if characters:
            characters.append(" ")
            counts.append(1)
        last = ""
        for character in word:
            if character == last:
                counts[-1] += 1
            else:
                characters.append(character)
                counts.append(1)
            last = character
    return "".join(characters), counts


class DisguisedTerms:
    """Finds terms in revealed texts.

    Args:
        terms: in their folded form.
        bound_before, bound_after: for each whether a word must begin and end with it.
    """

    def __init__(self, terms: Sequence[str], bound_before: bytes, bound_after: bytes) -> None:
        self._bound_before, self._bound_after = bound_before, bound_after
        shapes: dict[str, list[tuple[int, list[int]]]] = {}
        for number, term in enumerate(terms):
            text, counts = skeleton(term)
            if sum(map(str.isalnum, term)) < 3 or not text:
                continue
            shapes.setdefault(text, []).append((number, counts))
            if " " in text:
                # Where single letters stand side by side, nothing says where a word ends.
                together, counts = skeleton("".join(character for character in term if character.isalnum()))
                shapes.setdefault(together, []).append((number, counts))
        self._terms = list(shapes.values())
        self._reach = max((text.count(" ") for text in shapes), default=0)
        self._find = AhoCorasick(
            list(shapes), matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA
        ).find_matches_as_indexes

    def find(self, words: Words, folded: str) -> Iterator[tuple[int, list[int]]]:
        """Each term found that is pulled apart or held long: its number, and where its letters stand in the text.

        Args:
            words: those of the text, as :func:`words_of` gives them.
            folded: the folded form of the text.
        """
        revealed = Revealed(words, folded, self._reach)
        text, counts, joined = revealed.text, revealed.counts, revealed.joined
        for index, start, end in self._find(text, overlapping=True):
            written = counts[start:end]
            stretched = max(written) > 2
            apart = joined[start] or joined[end - 1]
            if not (stretched or apart):
                continue
            begins = not start or text[start - 1] == " "
            ends = end == len(text) or text[end] == " "
            for number, wanted in self._terms[index]:
                bound = (begins or not self._bound_before[number]) and (ends or not self._bound_after[number])
                if not bound and not (all(joined[start:end]) and sum(wanted) >= MIN_UNBOUND):
                    continue
                if stretched:
                    meant = _held_long(text[start:end], written, wanted)
                elif bound:
                    meant = written == wanted
                else:
                    meant = _between_others(written, wanted)
                if meant:
                    yield number, revealed.places[start:end]


def _between_others(written: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether a term is written where nothing says where words end: the words beside it may end and begin with its own
    first and last letter."""
    return written[1:-1] == wanted[1:-1] and written[0] >= wanted[0] and written[-1] >= wanted[-1]


def _held_long(letters: str, written: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether a term is what is meant: "goood" is good, not god."""
    if any(count < least for count, least in zip(written, wanted, strict=True)):
        return False
    if len(letters) > 3:
        return True
    return not any(
        letter in "oe" and count > 2 and least == 1
        for letter, count, least in zip(letters, written, wanted, strict=True)
    )
