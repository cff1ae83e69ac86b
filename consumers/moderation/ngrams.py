"""The features of a word that the linear model looks at: hashes of the word, of its beginnings, of what is inside it.

Everything here is part of a weights file's meaning: a change gives other features, so it needs another
:data:`FEATURES` and newly trained weights.
"""

import unicodedata
from zlib import crc32

from consumers.moderation.confusables import LEET, LOOKALIKES

FEATURES = 1
"""The version of what this module computes; a weights file says which it was trained on."""

BEGINNINGS = range(3, 8)
"""Letters of a word's beginnings that are features, in scripts that put spaces between words."""

LONG_WORD = 10
"""Letters from which on a word may be put together from others, so that what is inside it counts too."""

INSIDE = range(4, 6)
"""Characters of the n-grams inside long words. In short ones they would make "switch" look like what it rhymes with."""

LONGEST_UNSPACED = 3
"""Characters of an n-gram at most, in scripts that do not; the shortest are single characters."""

_BEGINNING_SEED = 0x27D4EB2F
_WORD_SEEDS = (0x9E3779B9, 0x7F4A7C15, 0x85EBCA6B)
_LINK = crc32(b"<link>")
_APART = str.maketrans(dict.fromkeys('.,!?;:"()[]{}<>*_~^…“”„‘«»。，！？、；：（）《》「」【】-–—/\\#&+=|', " "))
_DIGITS = "0123456789"
_TO_ZERO = str.maketrans(_DIGITS, "0" * len(_DIGITS))
_TO_LETTER = str.maketrans(LEET)
# Thai to Khmer, kana, Han: written without spaces. Korean has them.
_UNSPACED = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u3040", "\u30ff"),
    ("\u3400", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)


def features(token: str) -> set[int]:
    """The features of one token, each once: numbers of 32 bits; none of a mention.

    Args:
        token: a part of a text's plain form, without white space, not empty.

    >>> features("1d1ot!!") == features("idiot"), features("@someone")
    (True, set())
    >>> len(features("idiot"))  # "idi", "idio" and "idiot" as its beginning, and three times the word itself
    6
    """
    if token[0] == "@":
        # Whom a text speaks to says nothing about it, and names are not for a model to learn.
        return set()
    if token.isalnum():
        return _of_word(token)
    if "://" in token or token.startswith("www."):
        return {_LINK}
    parts = token.translate(_APART).split()
    if len(parts) == 1:
        return _of_word(parts[0])
    return set().union(*map(_of_word, parts or [token]))


def _of_word(core: str) -> set[int]:
    word = _readable(core)
    if "0" in word and not any(map(str.isalpha, word)):
        # A number's n-grams would make every table of numbers look like every other; years and amounts say nothing.
        return {crc32(word.encode())} if len(word) > 4 or not word.isdigit() else set()
    # The word counts three times, so that it can be told from others that it shares its letters with.
    whole = word.encode()
    found = {crc32(whole, seed) for seed in _WORD_SEEDS}
    if not word.isascii() and any(first <= character <= last for character in word for first, last in _UNSPACED):
        return found | _inside(word, range(1, LONGEST_UNSPACED + 1))
    found.update([crc32(word[:length].encode(), _BEGINNING_SEED) for length in BEGINNINGS if length <= len(word)])
    return found | _inside(word, INSIDE) if len(word) >= LONG_WORD else found


def _inside(word: str, lengths: range) -> set[int]:
    # Where it is not ASCII, four bytes a character, so that no n-gram begins or ends inside one.
    text, width = (word.encode(), 1) if word.isascii() else (word.encode("utf-32-le"), 4)
    return {
        crc32(text[start : start + length * width])
        for length in lengths
        for start in range(0, len(text) - length * width + 1, width)
    }


def _readable(core: str) -> str:
    """The word that this is meant to be read as: digits and signs for letters, look-alikes, heaped letters undone."""
    letters = len(core)
    if not core.isalpha():
        digits = sum(map(core.count, _DIGITS))
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
            base = LOOKALIKES.get(character, character)
        folded.append(base if base.isascii() else character)
    return "".join(folded)


def _without_runs(core: str) -> str:
    """A letter written three times and more, once: "idiooot" is idiot, "cool" stays."""
    for character in set(core):
        pair = character * 2
        if pair + character in core and character.isalpha():
            while pair in core:
                core = core.replace(pair, character)
    return core
