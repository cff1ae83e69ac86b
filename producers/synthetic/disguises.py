"""How people write what they do not want found: the same words to a reader, other characters to a program."""

from collections.abc import Callable

_LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
# Cyrillic and Greek letters that look Latin.
_LOOKALIKES = str.maketrans({"a": "а", "c": "с", "e": "е", "i": "і", "o": "о", "p": "р", "x": "х", "y": "у"})
_FULLWIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def leet(text: str) -> str:
    """Digits for letters.

    >>> leet("stupid loser")
    '57up1d l053r'
    """
    return text.translate(_LEET)


def lookalikes(text: str) -> str:
    """Letters of other alphabets that look the same.

    >>> lookalikes("moron") == "moron"
    False
    """
    return text.translate(_LOOKALIKES)


def fullwidth(text: str) -> str:
    """The wide forms that East Asian typography uses.

    >>> fullwidth("free")
    'ｆｒｅｅ'
    """
    return text.translate(_FULLWIDTH)


def zero_width(text: str) -> str:
    """A zero-width space after every second character.

    >>> zero_width("idiot").encode("ascii", "backslashreplace")
    b'id\\\\u200bio\\\\u200bt'
    """
    return "\u200b".join(text[place : place + 2] for place in range(0, len(text), 2))


def spaced(text: str) -> str:
    """Every letter by itself.

    >>> spaced("you idiot")
    'y o u  i d i o t'
    """
    return "  ".join(" ".join(word) for word in text.split(" "))


def dotted(text: str) -> str:
    """A full stop between letters.

    >>> dotted("moron")
    'm.o.r.o.n'
    """
    return " ".join(".".join(word) for word in text.split(" "))


def stretched(text: str) -> str:
    """Vowels held long.

    >>> stretched("loser")
    'looooseeeer'
    """
    return "".join(letter * 4 if letter in "aeiou" else letter for letter in text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "leet": leet,
    "lookalikes": lookalikes,
    "fullwidth": fullwidth,
    "zero_width": zero_width,
    "spaced": spaced,
    "dotted": dotted,
    "stretched": stretched,
}
