"""Forms of terms that lists do not write out: plurals, and the strongest words with letters swapped or left out."""

from collections import Counter
from typing import Any

PLURALS = ("en", "es", "pt", "fr")
"""Languages whose plurals end in s."""
STRONG = (
    "fuck", "fucker", "fuckers", "fucking", "fucked", "motherfucker", "bullshit", "bitch", "bitches", "asshole",
    "cunt", "cunts",
    "nigger", "niggers", "nigga", "faggot", "faggots", "whore", "whores", "slut", "sluts", "bastard", "retard",
    "retarded",
    "retards", "tranny", "trannies", "wetback", "wetbacks", "dumbass", "pussy", "scumbag", "idiot", "idiots", "moron",
)  # fmt: skip
"""English words whose misspelt forms are written to get past lists."""


def plurals(lists: dict[str, dict[str, Any]], vocabulary: Counter[str], entry: Any) -> None:
    """Adds plurals of single words, where ordinary text does not have them."""
    for language in PLURALS:
        words = lists[language]
        for term, known in list(words.items()):
            more = term + "s"
            if term.isalpha() and len(term) >= 4 and term[-1] != "s" and more not in words and more not in vocabulary:
                words[more] = entry(known.label, known.severity, set(known.sources), known.own)


def misspelt(lists: dict[str, dict[str, Any]], vocabulary: Counter[str], entry: Any) -> None:
    """Adds the strongest words with two letters swapped or one left out, where ordinary text has no such word."""
    words = lists["en"]
    for term in STRONG:
        known = words.get(term) or next(
            (
                one
                for form, one in words.items()
                if form.strip("*") and term.startswith(form.strip("*")) and "*" in form
            ),
            None,
        )
        if known is None:
            continue
        for form in _misspellings(term):
            if len(form) >= 4 and form not in vocabulary and form not in words:
                words[form] = entry(known.label, known.severity, {"streamkeeper"}, True)


def _misspellings(word: str) -> set[str]:
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(1, len(word) - 1)}
    shortened = {word[:at] + word[at + 1 :] for at in range(1, len(word))}
    return (swapped | shortened) - {word}
