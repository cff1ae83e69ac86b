"""Other people's word lists, each term with the label and severity that its source's own words come to here."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from consumers.moderation.detectors.terms import MAX_ENDING
from consumers.moderation.normalise import fold

LICENCES = {
    "surge": "MIT",
    "dsojevic": "MIT",
    "cuss": "MIT",
    "profane-words": "WTFPL-2",
    "persian-text-guard": "MIT (draws on LDNOOBW CC BY 4.0, LDNOOBW V2 CC0, Persian-Swear-Words Apache-2.0)",
    "korcen": "Apache-2.0",
    "ban-pl": "CC BY 4.0",
    "open2ch": "Apache-2.0",
    "bengali-hate": "MIT",
    "blob-id": "MIT",
    "suicide-risk-lexicon": "Apache-2.0",
    "slaviclean": "MIT",
    "ldnoobw": "CC BY 4.0",
}
"""Where terms may come from. A source that is not here is not read."""

_LANGUAGES = {"pt-BR": "pt", "pt-PT": "pt", "ar-Latn": "ar", "fa-Latn": "fa"}
_LEFT_OUT = {"eo", "tlh", "kab", "emoji", "fil", "fr-CA-u-sd-caqc"}
"""Languages with too few speakers online, or too few terms."""
_STEM = 5
"""Letters that a stem has at least: shorter ones begin too many ordinary words."""


class Found(Struct, frozen=True):
    """A term of a source, with ``*`` where more letters may follow."""

    term: str
    language: str
    label: str
    severity: str
    source: str


def from_sources(labelled: Path) -> Iterator[Found]:
    """Every term that the sources in the data folder have."""
    confirmed: dict[str, int] = defaultdict(int)
    rows = list(_rows(labelled / "wordlists" / "words.tsv.gz"))
    for term, language, *_ in rows:
        if language == "en":
            confirmed[term.lower()] += 1
    for term, language, category, severity, source, _ in rows:
        if source not in LICENCES or language in _LEFT_OUT:
            continue
        if source == "profane-words" and confirmed[term.lower()] < 3:
            # Without a category or a rating: only what two others have too.
            continue
        meant = _meant(term, category, severity, source)
        if meant is not None and (written := _written(term)) is not None:
            yield Found(written, _LANGUAGES.get(language, language), *meant, source)
    with gzip.open(labelled / "ldnoobw_words" / "words.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["lang"] not in _LEFT_OUT and (written := _written(row["word"])) is not None:
                label = "sexual" if row["lang"] == "en" else "profanity"
                yield Found(written, row["lang"], label, "medium", "ldnoobw")
    yield from _stems(labelled / "wordlists" / "slavic_forms.tsv.gz")


def _rows(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            yield line.rstrip("\n").split("\t")


def _written(term: str) -> str | None:
    """A term as lists write it; None for what is none: a pattern, a lone letter, a number."""
    term = term.strip(" ।.~").strip()
    inner = term[:-1] if term.endswith("*") else term
    letters = sum(map(str.isalpha, inner))
    if "*" in inner or letters < (3 if inner.isascii() else 2) or letters * 2 < len(inner.replace(" ", "")):
        return None
    return term


def _meant(term: str, category: str, severity: str, source: str) -> tuple[str, str] | None:
    """The label and severity; None: the term is left out."""
    match source:
        case "surge":
            rated = float(severity)
            kinds = category.split("|")
            if any(kind.startswith("slur") for kind in kinds) and not kinds[0].startswith("sexual"):
                return "hate", "high" if rated >= 2.8 else "medium" if rated >= 2 else "low"
            if any(core in fold(term) for core in ("fuck", "fck", "fuk", "fvck", "fxck", "phuck", "shit", "cunt")):
                return "profanity", "medium" if rated >= 1.6 else "low"
            label = "sexual" if kinds == ["sexual"] else "insult" if "insult" in kinds[0] else "profanity"
            return label, "medium" if rated >= 1.8 else "low"
        case "dsojevic":
            kinds, rated = category.split("|"), float(severity)
            if {"racial", "lgbtq"} & set(kinds):
                return "hate", "medium" if rated >= 3 else "low"
            if {"sexual", "shock"} & set(kinds):
                return "sexual", "medium" if rated >= 3 else "low"
            return "profanity", "medium" if rated >= 3 else "low"
        case "cuss":
            return None if severity == "0" else ("profanity", "medium" if severity == "2" else "low")
        case "persian-text-guard":
            label = {"harassment": "insult", "slur": "hate", "mild": "insult"}.get(category, category)
            return label, "low" if category == "mild" else "medium"
        case "korcen":
            if category == "political" or len(term) < 2:
                return None
            label = {"sexual": "sexual", "slur_race": "hate"}.get(
                category, "insult" if "insult" in category else "profanity"
            )
            return label, "low" if category.endswith("mild") else "medium"
        case "suicide-risk-lexicon":
            return _self_harm(term, category)
        case "open2ch":
            return "profanity", "low"
        case _:
            return "profanity", "medium"


_OWN_LIFE = (
    "myself",
    "my self",
    "my life",
    "my own life",
    "my wrist",
    "to die",
    "be dead",
    "were dead",
    "was dead",
    "suicid",
    "wake up",
)


def _self_harm(term: str, category: str) -> tuple[str, str] | None:
    words = term.lower().split()
    if len(words) < 2 or "exposure" in category:
        return None
    plainly = any(one in term.lower() for one in _OWN_LIFE)
    return "self_harm", "medium" if plainly and len(words) >= 3 else "low"


def _stems(path: Path) -> Iterator[Found]:
    """Russian and Ukrainian forms, as the beginnings that they share: 68,790 forms are a few thousand."""
    forms: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for form, language, _, _, kinds in _rows(path):
        if "euphemism" not in kinds:
            label = "hate" if "slur" in kinds else "insult" if "insulting" in kinds else "profanity"
            forms[language, label, form[:_STEM]].append(form)
    for (language, label, _), some in forms.items():
        for term in _beginnings(some):
            yield Found(term, language, label, "medium", "slaviclean")


def _beginnings(forms: list[str]) -> Iterator[str]:
    """Forms that begin alike, as their common beginning, and again those that go on for longer than a term may."""
    stem = _shared(forms)
    if len(forms) == 1 or len(stem) < _STEM:
        yield from forms
        return
    yield stem + "*"
    longer: dict[str, list[str]] = defaultdict(list)
    for form in forms:
        if len(form) - len(stem) > MAX_ENDING:
            longer[form[: len(stem) + 3]].append(form)
    for some in longer.values():
        yield from _beginnings(some)


def _shared(words: list[str]) -> str:
    first, last = min(words), max(words)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]
