"""A text as detectors see it, with the place in the original that each character came from.

Detectors look at a normal form, whose length differs from the original's; what they find is masked in the original.
"""

from functools import lru_cache

from msgspec import Struct

from consumers.moderation.normalise import normalise


class Aligned(Struct, frozen=True):
    """The normal form of a text's beginning, aligned with the original.

    Args:
        plain: it, character by character: marks that would compose with a letter are left out.
        origins: for each of its characters the position in the original, and at the end the position after the last.
    """

    plain: str
    origins: range | list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original a span of the normal form begins and ends, with everything invisible inside it."""
        return self.origins[start], self.origins[end - 1] + 1


def align(text: str, length: int) -> Aligned:
    """The normal form of a text's first characters.

    Args:
        text: the original.
        length: how many characters the normal form may have; what cannot be seen does not count.

    >>> align("a\\u200bＢ", 10)
    Aligned(plain='ab', origins=[0, 2, 3])
    """
    if text.isascii() and text.isprintable() and "  " not in text[:length]:
        return Aligned(text[:length].lower(), range(min(len(text), length) + 1))
    characters: list[str] = []
    origins: list[int] = []
    spaced = False
    at = 0
    for at, character in enumerate(text):
        if len(characters) >= length:
            break
        plain = _plain(character)
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


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    return normalise(character).plain
