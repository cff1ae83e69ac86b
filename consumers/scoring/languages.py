"""Which language a text is taken for, in the tags that Perspective uses."""

from collections.abc import Iterable

from consumers.moderation.language import ranked_languages
from consumers.moderation.normalise import normalise

UNDETERMINED = "und"


def detect(text: str, *, default: str) -> tuple[str, ...]:
    """The languages that a text may be of, the likeliest first; empty when it holds no letter.

    Args:
        text: the original text.
        default: what a text in Latin letters is taken for that says too little.

    >>> detect("Thank you for the recipe", default="en"), detect("lol", default="en"), detect("12345", default="en")
    (('en',), ('en',), ())
    """
    plain = normalise(text).plain
    if found := ranked_languages(plain):
        return found
    letters = [character for character in plain[:2000] if character.isalpha()]
    if not letters:
        return ()
    latin = sum(character < "\u0250" for character in letters)
    return (default,) if latin * 2 >= len(letters) else (UNDETERMINED,)


def unsupported(languages: Iterable[str], supported: Iterable[str]) -> list[str]:
    """Those of the languages that are not supported, as they were given.

    >>> unsupported(["en-US", "ja"], ["en"])
    ['ja']
    """
    known = set(supported)
    return [language for language in languages if language.partition("-")[0].lower() not in known]
