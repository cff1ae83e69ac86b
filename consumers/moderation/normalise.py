"""The forms of a text that detectors look at, so that "Ｆrее  М0ney" is seen as "free money".

Two forms of the same length, character by character:

* ``plain`` reads like the original: formatting undone, compatibility forms resolved, case folded, invisible characters
  gone, white space single. Patterns look at it, and no letter of an honest text is turned into another.
* ``folded`` is for terms only: look-alike letters, digits and signs that stand for letters, and accented letters become
  the plain Latin letter, and what joins words ("kill-yourself") becomes a space. It is not meant to be read; a hit in
  it is judged by what ``plain`` has in the same place.

Neither is ever used to index the original, whose length may differ ("ﬁ" is one character, "fi" two).
"""

import unicodedata
from collections.abc import Callable

from msgspec import Struct

from consumers.moderation.confusables import CONFUSABLES, DECORATED, JOINING, LEET, VARIANTS
from consumers.moderation.markup import has_signs, narrow, settled, undo

_MEMO_LIMIT = 20_000
"""Distinct characters whose folding is remembered; far more than any language has, and a bound on memory."""


class NormalText(Struct, frozen=True, gc=False):
    """One text in the two forms that detectors see.

    Args:
        plain: the readable normal form.
        folded: ``plain`` with look-alikes folded to Latin letters; always the same number of characters.
        encoded: ``plain`` as UTF-8.
        edged: for a text of ASCII in which no sign stands for a letter: a space, ``folded`` with a space for all that
            is no letter or digit, and a space. None for others.
    """

    plain: str
    folded: str
    encoded: bytes
    edged: bytes | None = None


def normalise(text: str) -> NormalText:
    """The forms of this text that detectors look at. Normalising ``plain`` again changes nothing.

    >>> normalise("Ｆrее  М0ney").folded
    'free money'
    >>> normalise("Ｆrее  М0ney").plain == "frее м0ney"  # still with its Cyrillic letters and its digit
    True
    """
    if text.isascii():
        return _normalise(text) if not has_signs(text) else _without_markup(text)
    seen = narrow(text)
    return _without_markup(seen) if has_signs(seen) else _normalise(text)


def _without_markup(text: str) -> NormalText:
    # Invisible characters do not hide formatting.
    normal = _normalise(undo(text if text.isascii() and text.isprintable() else text.translate(_SEEN)))
    # What was nested, or made of entities, is taken apart: normalising again changes nothing.
    again = settled(normal.plain)
    return normal if again is normal.plain else _normalise(again)


def _normalise(text: str) -> NormalText:
    if text.isascii():
        raw = text.encode("ascii").translate(_ASCII_PLAIN, _ASCII_CONTROLS)
        # From the end, which for two bytes takes half the time that "in" takes.
        if raw.rfind(b"  ") >= 0:
            raw = b" ".join(raw.split())
        plain = raw.decode("ascii")
        folded = raw.translate(_ASCII_FOLDED).decode("ascii")
        if "!" in plain:
            folded = _with_signs(folded)
        return NormalText(plain, folded, raw, _edged(folded, raw))
    plain = unicodedata.normalize("NFKC", text).casefold()
    encoded, unusual = _encode(plain)
    if not _PLAIN.unchanged.issuperset(unusual):
        plain = _PLAIN.apply(plain, unusual)
        if not unicodedata.is_normalized("NFKC", plain):
            # Taking out an invisible character can bring two together that compose, such as Hangul letters.
            plain = unicodedata.normalize("NFKC", plain)
        encoded, unusual = _encode(plain)
    if encoded.rfind(b"  ") >= 0:
        encoded = b" ".join(encoded.split())
        plain = encoded.decode()
    folded = _FOLDED.apply(encoded.translate(_ASCII_FOLDED).decode(), unusual)
    if "!" in plain:
        folded = _with_signs(folded)
    return NormalText(plain, folded, encoded, _edged(folded, encoded) if plain.isascii() else None)


def _edged(folded: str, raw: bytes) -> bytes | None:
    """The edged form of an ASCII text; None where a sign stands for a letter."""
    encoded = folded.encode("ascii")
    if encoded == raw or encoded.translate(_ASCII_EDGES) == raw.translate(_ASCII_EDGES):
        return b" %b " % encoded.translate(_ASCII_EDGED)
    return None


def _with_signs(folded: str) -> str:
    """The folded form with each exclamation mark before a letter read as an i, as in "sh!t"."""
    parts = folded.split("!")
    for at in range(len(parts) - 1):
        parts[at] += "i" if parts[at + 1][:1].isalpha() else "!"
    return "".join(parts)


def _encode(plain: str) -> tuple[bytes, set[str]]:
    """A text as UTF-8, and which characters outside ASCII's printable ones it holds: a set of those alone is made at a
    third of the cost of a set of all."""
    encoded = plain.encode()
    return encoded, set(encoded.translate(None, _PRINTABLE).decode())


def edged(folded: str) -> str:
    """A folded form with a space for each ASCII character that is no letter or digit.

    >>> edged("that's 'it'")
    'that s  it '
    """
    return folded.translate(_EDGED)


def fold(text: str) -> str:
    """The folded form alone, as a policy's terms are stored for the automaton.

    >>> fold("Idïot")
    'idiot'
    """
    return normalise(text).folded


class _Memo(dict[int, "int | str | None"]):
    """A translate table that works out each character once, and knows which it leaves alone.

    Args:
        work_out: what becomes of a character, given it and its number.
    """

    def __init__(self, work_out: Callable[[str, int], "int | str | None"]) -> None:
        super().__init__()
        self._work_out = work_out
        self.unchanged: set[str] = set()

    def __missing__(self, code: int) -> "int | str | None":
        value = self._work_out(chr(code), code)
        if len(self) < _MEMO_LIMIT:
            self[code] = value
            if value == code:
                self.unchanged.add(chr(code))
        return value

    def apply(self, text: str, characters: set[str]) -> str:
        """The text translated; ``characters`` are all that it holds."""
        # A few replacements cost less than a translation.
        changing = characters - self.unchanged
        if len(changing) > 16:
            return text.translate(self)
        for character in changing:
            value = self[ord(character)]
            if value != ord(character):
                text = text.replace(character, value if isinstance(value, str) else "")
        return text


def _plain(character: str, code: int) -> int | str | None:
    if character.isspace():
        return " " if character != " " else code
    if code in _IGNORABLE or any(first <= code <= last for first, last in _MARKS):
        return None
    if (like := DECORATED.get(character)) is not None:
        return like
    # Format characters (zero width, direction, tags), controls and marks around letters; surrogates cannot come in.
    return None if unicodedata.category(character) in {"Cf", "Cc", "Me"} else code


def _seen(character: str, code: int) -> int | str | None:
    """What may stand inside formatting without being seen."""
    return code if character.isspace() or _plain(character, code) is not None else None


def _folded(character: str, code: int) -> int | str | None:
    if (like := CONFUSABLES.get(character) or LEET.get(character) or VARIANTS.get(character)) is not None:
        return like
    base = unicodedata.normalize("NFD", character)[0]
    # Accents on Latin letters only: in other scripts the mark is part of what the letter is.
    return base if base.isascii() and base != character else code


# Marks which did not compose with a letter are heaped on to break up words; vowel signs and the stroke that lengthens
# are left out of most Arabic and Hebrew.
_MARKS = (
    (0x300, 0x36F),
    (0x483, 0x489),
    (0x591, 0x5BD),
    (0x610, 0x61A),
    (0x640, 0x640),
    (0x64B, 0x65F),
    (0x670, 0x670),
    (0x6D6, 0x6DC),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)
# Invisible characters that are not of category Cf: variation selectors, joiners, fillers.
_IGNORABLE = frozenset(
    {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0, 0x2065}
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)
_PLAIN = _Memo(_plain)
_SEEN = _Memo(_seen)
_FOLDED = _Memo(_folded)

_PRINTABLE = bytes(range(0x20, 0x7F))
_ASCII_SPACES = b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f"
_ASCII_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in _ASCII_SPACES)
_ASCII_PLAIN = bytes.maketrans(
    _ASCII_SPACES + b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b" " * len(_ASCII_SPACES) + b"abcdefghijklmnopqrstuvwxyz"
)
_ASCII_FOLDED = bytes.maketrans(
    ("".join(LEET) + JOINING).encode("ascii"), ("".join(LEET.values()) + " " * len(JOINING)).encode("ascii")
)
_EDGED = {code: " " for code in range(0x80) if not chr(code).isalnum()}
_ASCII_EDGES = bytes(0x20 if code in _EDGED else 0x61 for code in range(0x100))
_ASCII_EDGED = bytes(0x20 if code in _EDGED else code for code in range(0x100))
