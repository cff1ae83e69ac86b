"""Texts of a batch that are nearly the same: most of their words are, whatever else was put in or taken out.

Comparing each with each would take time in proportion to the square of the batch. So each text names the four longest
words of its beginning; two texts that share two of these are candidates. One word more, less or other there, and also
two, always leave two of the four. Candidates are then compared by all their words, with one of them for the others.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from zlib import crc32

LEAST_WORDS = 5
"""A text with fewer is compared as a whole only: "good morning everyone" is said all day long."""

LIKE = 0.7
"""Shared words in all words of both. Of ten words one is another: 9 / 11. Of twelve two are: 10 / 14."""

BEGINNING = 96
"""Bytes of a text in which it names its words. Looking for candidates is what every text pays for."""

COMPARED = 1000
"""Bytes of a text that are compared."""

_NAMED = 4
_FEW_WORDS = BEGINNING // 30 + 1
"""With as many, words are apart; see :func:`words_of`."""
_MOST_ROUNDS = 8
"""Texts that stand for others, in one group of candidates: a bound on what unlike texts with common words cost."""
_SHINGLE = 4
"""Characters, where words are not apart."""
_NOT_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())
_APART = bytes.maketrans(_NOT_LETTERS, b" " * len(_NOT_LETTERS))


def words_of(normal: bytes, length: int = COMPARED) -> list[bytes]:
    """The words of a text's beginning. Digits, signs and ASCII punctuation are no part of them.

    Args:
        normal: the normal form, as UTF-8.
        length: how many bytes are looked at.

    >>> words_of(b"win $500 now, at a.b/x7")
    [b'win', b'now', b'at', b'a', b'b', b'x']
    """
    beginning = normal[:length]
    words = beginning.translate(_APART).split()
    if len(beginning) > 30 * len(words) and not beginning.isascii():
        # Chinese, Japanese, Thai: what stands between two spaces is a sentence.
        text = beginning.decode("utf-8", "ignore")
        pieces = {text[at : at + _SHINGLE].encode() for at in range(len(text) - _SHINGLE + 1)}
        # Of the same length, most of them, so that a hash says which come last.
        return sorted(pieces, key=lambda piece: (crc32(piece), piece))
    return words


def alike(normals: Sequence[bytes], least: int, characters: int) -> list[list[int]]:
    """Groups of positions whose texts are nearly the same; a position may be in several.

    Args:
        normals: the batch's texts, as normal forms in UTF-8.
        least: how many positions a group has at least.
        characters: how many characters a text has at least.
    """
    # All in one list, so that the garbage collector has nothing to look at.
    named: list[bytes] = []
    places: list[int] = []
    for place, normal in enumerate(normals):
        # Not fewer bytes than characters; they are counted where it matters.
        if len(normal) >= characters:
            words = normal[:BEGINNING].translate(_APART).split()
            if len(words) < _FEW_WORDS:
                words = words_of(normal, BEGINNING)
            if len(words) >= LEAST_WORDS:
                words.sort(key=len)
                named += words[-_NAMED:]
                places.append(place)
    often = {word for word, count in Counter(named).items() if count >= least}
    if len(often) < 2:
        return []
    candidates: dict[tuple[bytes, bytes], list[int]] = {}
    for number, place in enumerate(places):
        words = named[number * _NAMED : (number + 1) * _NAMED]
        if not often.isdisjoint(words):
            for pair in combinations(sorted(often.intersection(words)), 2):
                candidates.setdefault(pair, []).append(place)
    # The same texts share several pairs.
    together = {tuple(some) for some in candidates.values() if len(some) >= least}
    return [group for some in together for group in _alike(normals, some, least, characters)]


def _alike(normals: Sequence[bytes], together: Sequence[int], least: int, characters: int) -> list[list[int]]:
    """Candidates by what they are like. Which text stands for others depends on the texts alone, not their order."""
    copies: dict[bytes, list[int]] = {}
    for place in together:
        if len(normals[place].decode()) >= characters:
            copies.setdefault(normals[place], []).append(place)
    words = {normal: frozenset(words_of(normal)) for normal in copies}
    left = sorted(copies)
    groups = []
    for _ in range(_MOST_ROUNDS):
        if sum(len(copies[normal]) for normal in left) < least:
            break
        first = words[left[0]]
        like: list[bytes] = []
        unlike: list[bytes] = []
        for normal in left:
            both = len(first & words[normal])
            (like if both >= LIKE * (len(first) + len(words[normal]) - both) else unlike).append(normal)
        groups.append([place for normal in like for place in copies[normal]])
        left = unlike
    return [group for group in groups if len(group) >= least]
