"""What belongs to a word, in expressions and at their edges, also in scripts that are written without spaces."""

import unicodedata

LETTER = (
    r"a-z\x{c0}-\x{588}\x{58a}-\x{60b}\x{60d}-\x{61a}\x{61c}-\x{61e}\x{620}-\x{963}\x{966}-\x{1fff}\x{2c00}-\x{2dff}"
    r"\x{2e80}-\x{2fdf}\x{3041}-\x{30fa}\x{30fc}-\x{d7ff}\x{f900}-\x{fdff}\x{10000}-\x{1efff}\x{20000}-\x{3ffff}"
)
"""For an re2 class: letters of all scripts. A few ranges: ``\\pL`` has hundreds, and takes re2 long to compile."""
WORD = LETTER + "0-9_"
"""The same, with digits and the underscore."""

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "IDEOGRAPHIC")


def is_unspaced(character: str) -> bool:
    """Whether a letter is of a script that has no spaces between words, or attaches endings to foreign words.

    >>> is_unspaced("字"), is_unspaced("ж"), is_unspaced("a")
    (True, False, False)
    """
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED)


def continues(character: str) -> bool:
    """Whether a word or number goes on with this character; the empty string is the text's edge.

    >>> continues("a"), continues("1"), continues("_"), continues("字"), continues("."), continues("")
    (True, True, True, False, False, False)
    """
    return character == "_" or (character.isalnum() and not is_unspaced(character))
