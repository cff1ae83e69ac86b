"""What the linear model reads of a token: its words, and the n-grams of a word that it does not know.

Everything here is part of a weights file's meaning: a change gives other features, so it needs another
:data:`FEATURES` and newly trained weights.
"""

import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from operator import itemgetter
from zlib import crc32

from consumers.moderation.confusables import CONFUSABLES, LEET

FEATURES = 2
"""The version of what this module computes; a weights file says which it was trained on."""

LETTERS = range(3, 6)
"""Characters of n-grams where a character is a letter, with a mark for the word's beginning and end."""

SYLLABLES = range(1, 4)
"""Characters of n-grams where a character is a syllable or a word: Han, kana, Hangul."""

LONGEST_WORD = 40
"""Characters of a word that are looked at: what is longer is no word."""

RUN = 20
"""Characters of a run without spaces that are looked at together."""

SIGNS = '.,!?;:"()[]{}<>*_~^…“”„‘«»。，！？、；：（）《》「」【】-–—/\\#&+=|'
"""Signs that stand between words, and at their edges."""

_APART = str.maketrans(dict.fromkeys(SIGNS, " "))
_DIGITS = "0123456789"
_TO_ZERO = str.maketrans(_DIGITS, "0" * len(_DIGITS))
_TO_LETTER = str.maketrans(LEET)
UNSPACED = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u3040", "\u30ff"),
    ("\u3400", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)
"""Characters, first and last, that are written without spaces between words: Thai to Khmer, kana, Han."""

SYLLABIC = (("\u3040", "\u30ff"), ("\u3400", "\u9fff"), ("\uac00", "\ud7a3"), ("\uf900", "\ufaff"))
"""Characters, first and last, that are a syllable or a word each."""


def words(token: str) -> list[str]:
    """The words of one token as they are meant to be read; none of a mention, a link, a number, a letter by itself.

    Args:
        token: a part of a text's plain form, without white space, not empty.

    >>> words("1d1ot!!"), words("well/idiooot"), words("@someone"), words("https://example.org/a")
    (['idiot'], ['well', 'idiot'], [], [])
    """
    if (core := core_of(token)) is not None:
        return _read(core)
    if token[0] == "@" or "://" in token or token.startswith("www."):
        # Whom a text speaks to says nothing about it, and names are not for a model to learn. Rules look at links; a
        # model would take every link for what links were in its texts.
        return []
    apart = token.translate(_APART)
    if not apart.isascii():
        apart = "".join([f" {one} " if unicodedata.category(one) == "So" else one for one in apart])
    return [word for part in apart.split() for word in _read(part)]


def core_of(token: str) -> str | None:
    """The word that a token is but for the signs at its edges: both are read alike. None where it is not one word.

    >>> core_of("(idiot!!"), core_of("well/idiot"), core_of("@idiot")
    ('idiot', None, None)
    """
    if token.isalnum():
        return token
    if token[0] == "@" or "://" in token or token.startswith("www."):
        return None
    core = token.strip(SIGNS)
    return core if core.isalnum() else None


def is_unspaced(word: str) -> bool:
    """Whether this is a run of a script without spaces between words, so that it is no word but a sentence.

    >>> is_unspaced("你是白痴"), is_unspaced("바보")
    (True, False)
    """
    return not word.isascii() and any(first <= one <= last for one in word for first, last in UNSPACED)


def length(word: str) -> int:
    """How many words a word counts for: one, and a run without spaces one for each character and a half.

    >>> length("idiot"), length("你是白痴")
    (1, 3)
    """
    return max(1, round(len(word) / 1.5)) if is_unspaced(word) else 1


def grams(word: str) -> list[int]:
    """The n-grams of one word, as numbers of 32 bits.

    Args:
        word: one of :func:`words`.

    >>> len(grams("idiot"))  # <id idi dio iot ot> <idi idio diot iot> <idio idiot diot>
    12
    """
    lengths = LETTERS
    if not word.isascii() and any(first <= one <= last for one in word for first, last in SYLLABIC):
        lengths = SYLLABLES
    if not is_unspaced(word):
        word = f"<{word}>"
    # Where it is not ASCII, four bytes a character, so that no n-gram begins or ends inside one.
    text, width = (word.encode(), 1) if word.isascii() else (word.encode("utf-32-le"), 4)
    return list(map(crc32, _cut(len(text), lengths, width)(text)))


@cache
def _cut(size: int, lengths: range, width: int) -> Callable[[bytes], Iterable[bytes]]:
    """What cuts the n-grams out of a text of this many bytes; a word has few."""
    places = [
        slice(start, start + length * width)
        for length in lengths
        for start in range(0, size - length * width + 1, width)
    ]
    if len(places) > 1:
        # One call for all.
        return itemgetter(*places)
    return lambda text: [text[place] for place in places]


def _read(core: str) -> list[str]:
    if core.isascii() and core.isalpha() and 1 < len(core) <= LONGEST_WORD and len(set(core)) > len(core) - 2:
        # Nearly all words.
        return [core]
    word = _readable(core)
    if (word.isdigit() and "0" in word) or (len(word) == 1 and word.isascii()):
        # Years, amounts and the numbers of people and things say nothing.
        return []
    if len(word) > RUN and is_unspaced(word):
        return [word[start : start + RUN] for start in range(0, len(word), RUN)]
    return [word[:LONGEST_WORD]]


def _readable(core: str) -> str:
    """The word that this is meant to be read as: digits and signs for letters, look-alikes, heaped letters undone."""
    letters = len(core)
    if not core.isalpha():
        encoded = core.encode()
        digits = len(encoded) - len(encoded.translate(None, _DIGITS.encode()))
        letters = sum(map(str.isalpha, core))
        if digits >= letters or core[:2].isdigit():
            # Of a number only its shape counts, also with a unit: 150p, 4000mb.
            return core.translate(_TO_ZERO)
        core = core.translate(_TO_LETTER)
    if not core.isascii():
        core = _latin(core)
    return _without_runs(core) if letters > 3 else core


def _latin(core: str) -> str:
    mixed = any(character.isascii() and character.isalpha() for character in core)
    folded = []
    for character in core:
        base = unicodedata.normalize("NFD", character)[0]
        if not base.isascii() and mixed:
            # A word wholly in another script is left as it is.
            base = CONFUSABLES.get(character, character)
        folded.append(base if base.isascii() else character)
    return "".join(folded)


def _without_runs(core: str) -> str:
    """A letter written three times and more, once: "idiooot" is idiot, "cool" stays."""
    letters = set(core)
    if len(letters) > len(core) - 2:
        return core
    for character in letters:
        pair = character * 2
        if pair + character in core and character.isalpha():
            while pair in core:
                core = core.replace(pair, character)
    return core
