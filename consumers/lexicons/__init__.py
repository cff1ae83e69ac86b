"""Word lists in the bundle for detectors that look at how words stand together: a text file for each language.

A list for relations has sections, a section has lines ``weight: entry, entry``. An entry is a word or phrase in lower
case; with ``*`` at its end it stands for every word that begins so. ``#`` begins a comment. Which sections there are is
told in :mod:`consumers.moderation.detectors.relations.lexicon`.
"""

from pkgutil import get_data

LANGUAGES = ("ar", "da", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "zh")
"""The languages that have a list for relations."""

WITH_VALENCE = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "nl", "pl", "pt", "zh"})
"""Those that also have a list of words of strong valence."""

_NAMES = (
    *LANGUAGES,
    *(f"{language}_valence" for language in LANGUAGES),
    "emoji",
    "solicitation",
    "number_names",
    "hashtags",
)


def read_lexicon(name: str) -> str:
    """The text of a bundled word list.

    Args:
        name: one of ``LANGUAGES``, one of those with ``_valence``, or ``emoji``, ``solicitation``,
            ``number_names``, ``hashtags``.

    Raises:
        ValueError: there is none of that name; the message says which there are.

    >>> read_lexicon("en").startswith("# English")
    True
    """
    data = get_data(__name__, f"{name}.txt") if name in _NAMES else None
    if data is None:
        raise ValueError(f"received word list {name!r}; allowed: {', '.join(_NAMES)}")
    return data.decode()
