"""A text as detectors see it, with the place in the original that each character came from.

Detectors look at a normal form, whose length differs from the original's; what they find is masked in the original.
"""

from msgspec import Struct

from consumers.moderation.markup import has_signs, narrow, undone
from consumers.moderation.normalise import normalise


class Aligned(Struct, frozen=True):
    """The normal form of a text's beginning, aligned with the original.

    Args:
        plain: it, character by character: marks that would compose with a letter are left out.
        origins: for each of its characters the position in the original, and at the end the position after the last.
        ends: for each the position after it, where that is not the next: an entity is longer than what it stands for.
    """

    plain: str
    origins: range | list[int]
    ends: list[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original a span of the normal form begins and ends, with everything invisible inside it."""
        return self.origins[start], self.origins[end - 1] + 1 if self.ends is None else self.ends[end - 1]


def align(text: str, length: int) -> Aligned:
    """The normal form of a text's first characters.

    Args:
        text: the original.
        length: how many characters the normal form may have; what cannot be seen does not count.

    >>> align("a\\u200bＢ", 10)
    Aligned(plain='ab', origins=[0, 2, 3], ends=None)
    """
    text = narrow(text)
    if has_signs(text) and (shown := undone(text)) is not None:
        inner = _align(shown.text, length)
        origins = [*shown.origins, len(text)]
        return Aligned(
            inner.plain,
            [origins[at] for at in inner.origins],
            [shown.ends[at] for at in inner.origins[:-1]],
        )
    return _align(text, length)


def _align(text: str, length: int) -> Aligned:
    if text.isascii() and text.isprintable():
        text = text[: 2 * length].lower()
        if "  " not in text[:length]:
            return Aligned(text[:length], range(min(len(text), length) + 1))
        if len(text) < 2 * length:
            kept = [at for at, sign in enumerate(text) if sign != " " or at == 0 or text[at - 1] != " "]
            kept, after = kept[:length], kept[length : length + 1] or [len(text)]
            return Aligned("".join([text[at] for at in kept]), kept + after)
    characters: list[str] = []
    origins: list[int] = []
    spaced = False
    at = 0
    for at, character in enumerate(text):
        if len(characters) >= length:
            break
        plain = _PLAIN[character]
        if plain == " ":
            if not spaced:
                characters.append(plain)
                origins.append(at)
            spaced = True
        elif plain:
            characters += plain
            origins += [at] * len(plain)
            spaced = False
    else:
        at = len(text)
    return Aligned("".join(characters), [*origins, at])


class _Memo(dict[str, str]):
    """The normal form of each character alone, worked out once."""

    def __missing__(self, character: str) -> str:
        plain = normalise(character).plain
        if len(self) < _MEMO_LIMIT:
            self[character] = plain
        return plain


_MEMO_LIMIT = 20_000
"""Distinct characters that are remembered: a bound on memory."""
_PLAIN = _Memo()
