"""``python -m consumers.training.lists DATA``: the word lists of the bundle, again, from the data folder.

Terms come from this project's own lists (``own_words``) and from lists whose licences allow it; each keeps its sources.
They are put into their plain form, held against ordinary text of their language and of the others, and written one
list a language. A term that ordinary text holds often is left out or counts for less; one that is an ordinary word
elsewhere counts only where the language is known.
"""

import csv
import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.terms import MAX_ENDING, TermDetector, is_bounded
from consumers.moderation.normalise import NormalText, fold, normalise
from consumers.moderation.rules import TermRule
from consumers.moderation.words import ALIASES, EVERYWHERE, SEPARATOR, TONAL, Word
from consumers.training.calm import Sample, samples
from consumers.training.sources import Found, from_sources
from consumers.training.variants import misspelt, plurals

OWN = Path(__file__).parent / "own_words"
OUT = Path(__file__).parents[1] / "policies" / "lists"

RARE = 0.0003
"""Share of ordinary texts that one term may stand in."""
TELLING = 8.0
"""How many times more often a commoner term stands in toxic texts."""
COMMON = 0.004
"""Share of ordinary texts from which on a term is left out, whatever toxic ones hold."""
BUDGET = 0.001
"""Share of such texts that the terms of other people's lists may flag in all."""
KINDS = ("ordinary", "clean", "toxic")
ORDINARY = "ordinary"
"""Not a label: words that people say every day, and that other people's terms are, begin or stand in."""
LABELS = ("hate", "threat", "violence", "self_harm", "sexual", "insult", "profanity")


class Entry(Struct):
    """A term on its way into a list."""

    label: str
    severity: str
    sources: set[str]
    own: bool = False
    sure: bool = False


Lists = dict[str, dict[str, Entry]]


def gather(data: Path) -> Lists:
    """Every term by its language: this project's own first, whose labels hold."""
    lists: Lists = defaultdict(dict)
    ordinary: dict[str, list[str]] = defaultdict(list)
    for path in sorted(OWN.glob("*.txt")):
        for term, label, severity in own_words(path.read_text("utf-8")):
            if label == ORDINARY:
                ordinary[path.stem].append(fold(term))
            else:
                _add(lists[path.stem], Found(term, path.stem, label, severity, "streamkeeper"), own=True)
    for found in from_sources(data / "labelled"):
        _add(lists[found.language], found, own=False)
    for language, words in lists.items():
        _drop_ordinary(words, ordinary[language])
        _drop_covered(words)
    return lists


def _drop_ordinary(words: dict[str, Entry], ordinary: Sequence[str]) -> None:
    """Leaves out other people's terms that an ordinary word is, begins with or holds."""
    for term in [term for term, entry in words.items() if not entry.own]:
        plain = fold(term.strip("*"))
        unspaced = not plain.isascii() and not is_bounded(plain[0])
        for word in ordinary:
            if word == plain or (
                (term[0] == "*" or unspaced or (word.startswith(plain) and term[-1] == "*")) and plain in word
            ):
                del words[term]
                break


def _drop_covered(words: dict[str, Entry]) -> None:
    """Leaves out what a stem of the list finds as well."""
    inside = {term.strip("*"): words[term] for term in words if term[0] == "*"}
    # A digit in place of a letter is undone before a term is looked for.
    written = {fold(term): term for term in words if term.strip("*").replace(" ", "").isalpha()}
    for term in list(words):
        if not term.strip("*").isalpha() and written.get(fold(term), term) != term and not term.strip("*").count(" "):
            del words[term]
    stems = {term[:-1]: words[term] for term in words if term[-1] == "*" and term[0] != "*"}
    for term in list(words):
        plain = term.strip("*")
        if not plain:
            continue
        if term[0] != "*" and any(
            one in plain and (not words[term].own or words[term].label == entry.label) for one, entry in inside.items()
        ):
            del words[term]
            continue
        for length in range(3, len(plain) + (term[-1] != "*")):
            stem = stems.get(plain[:length])
            if stem is not None and len(plain) - length <= MAX_ENDING // (2 if term[-1] == "*" else 1):
                if not words[term].own or words[term].label == stem.label:
                    del words[term]
                break


def own_words(text: str) -> Iterator[tuple[str, str, str]]:
    """The terms of a list of this project, with label and severity; under ``ordinary`` those that are left out.

    Terms are parted by commas; one that has a comma itself stands in double quotes.

    Raises:
        ValueError: a quotation mark without its other.

    >>> list(own_words('[threat high]\\n"time is up, friend", you are next'))
    [('time is up, friend', 'threat', 'high'), ('you are next', 'threat', 'high')]
    """
    label = severity = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("["):
            label, _, severity = line.strip("[] ").partition(" ")
        elif line and not line.startswith("#"):
            try:
                terms = next(csv.reader([line], skipinitialspace=True, strict=True))
            except csv.Error as error:
                raise ValueError(f"line {number}: {error}; a term with a comma stands in double quotes") from error
            for term in filter(None, map(str.strip, terms)):
                yield term, label, severity


def _add(words: dict[str, Entry], found: Found, *, own: bool) -> None:
    before, inner, after = _parts(found.term)
    plain = normalise(inner).plain.strip()
    if not plain or len(plain) > 100 or SEPARATOR in plain or (len(plain) < 2 and plain.isascii()):
        return
    term = before + plain + after
    known = words.get(term)
    if known is None:
        words[term] = Entry(found.label, found.severity, {found.source}, own)
    else:
        known.sources.add(found.source)


def _parts(term: str) -> tuple[str, str, str]:
    inner = term.strip("*")
    return ("*" if term[:1] == "*" else "", inner, "*" if term[-1:] == "*" else "")


class _OneList:
    """A stand-in for :class:`WordLists` whose rules are named by their terms, so that each is counted."""

    def __init__(self, words: dict[tuple[str, str], Entry], languages: Iterable[str]) -> None:
        self.languages = frozenset(languages)
        self._words = words

    def of(self, language: str | None) -> list[Word]:
        """Every word of a language, or of all."""
        made = []
        for (spoken, term), entry in self._words.items():
            if language in {None, spoken} or spoken == EVERYWHERE:
                rule = TermRule(
                    f"{spoken}\t{term}",
                    entry.label,
                    0.5,
                    language=None if spoken == EVERYWHERE else spoken,
                    exact=spoken in TONAL,
                )
                made.append(Word(term.strip("*"), rule, term[0] == "*", term[-1] == "*", entry.sure))
        return made


def hits(detector: TermDetector, text: NormalText, language: str | None) -> list[tuple[str, str]]:
    """The terms that stand in a text, each with its language."""
    found = detector.detect(Subject(text, language, frozenset()))
    return [tuple(signal.rule.split("\t")) for signal in found]  # type: ignore[misc]


def clean(lists: Lists, texts: Sequence[tuple[Sample, NormalText]]) -> list[str]:
    """Holds each list against texts of its language; says what was left out."""
    notes: list[str] = []
    by_language: dict[str, list[tuple[Sample, NormalText]]] = defaultdict(list)
    for sample, normal in texts:
        by_language[ALIASES.get(sample.language, sample.language)].append((sample, normal))
    for language, words in sorted(lists.items()):
        mine = by_language.get(language, [])
        detector = TermDetector([], words=_OneList({(language, term): one for term, one in words.items()}, [language]))  # type: ignore[arg-type]
        counted = {kind: Counter[str]() for kind in KINDS}
        sizes = Counter(sample.kind for sample, _ in mine)
        flagged: list[list[str]] = []
        for sample, normal in mine:
            found = [term for _, term in hits(detector, normal, language)]
            counted[sample.kind].update(found)
            if sample.kind != "toxic" and found:
                flagged.append(found)
        calm, toxic = counted["ordinary"], counted["toxic"]
        quiet = calm + counted["clean"]
        for term, count in quiet.most_common():
            entry = words[term]
            share = calm[term] / max(sizes["ordinary"], 1)
            if entry.own:
                # A word that somebody wrote down knowing the language is rude, wherever it stands; unless it is not.
                if share > COMMON and entry.severity != "low":
                    notes.append(f"{language}\t{term}\tlow\t{calm[term]}\t{count}\t{toxic[term]}")
                    entry.severity = "low"
                continue
            of_quiet = count / (sizes["ordinary"] + sizes["clean"])
            telling = (toxic[term] + 0.5) / max(sizes["toxic"], 1) / of_quiet if sizes["toxic"] else 0.0
            if max(share, of_quiet) <= RARE and (count < 3 or telling >= 2):
                continue
            if max(share, of_quiet) >= COMMON or telling < 1.5:
                notes.append(f"{language}\t{term}\tout\t{calm[term]}\t{count}\t{toxic[term]}")
                del words[term]
            elif telling < TELLING:
                notes.append(f"{language}\t{term}\tlow\t{calm[term]}\t{count}\t{toxic[term]}")
                entry.severity = "low"
        notes += _within_budget(language, words, flagged, toxic, BUDGET * (sizes["ordinary"] + sizes["clean"]))
    return notes


def _within_budget(
    language: str, words: dict[str, Entry], flagged: Sequence[Sequence[str]], toxic: Counter[str], most: float
) -> list[str]:
    """Counts for less what flags most ordinary texts for what it tells, until few enough are flagged."""
    notes: list[str] = []
    while True:
        still = [[term for term in found if term in words and words[term].severity != "low"] for found in flagged]
        still = [[term for term in found if not words[term].own] for found in still]
        guilty = Counter(term for found in still for term in set(found))
        if sum(map(bool, still)) <= most:
            return notes
        worst = max(guilty, key=lambda term: (guilty[term] / (toxic[term] + 1), term))
        words[worst].severity = "low"
        notes.append(f"{language}\t{worst}\tbudget\t{guilty[worst]}\t\t{toxic[worst]}")


def mark_sure(lists: Lists, texts: Sequence[tuple[Sample, NormalText]]) -> None:
    """Marks the terms that stand in ordinary text of other languages."""
    words = {(language, term): entry for language, terms in lists.items() for term, entry in terms.items()}
    languages = frozenset(lists)
    detector = TermDetector([], words=_OneList(words, languages))  # type: ignore[arg-type]
    for sample, normal in texts:
        if sample.kind != "toxic":
            spoken = ALIASES.get(sample.language, sample.language)
            for language, term in hits(detector, normal, None):
                if language != spoken:
                    words[language, term].sure = True


CORES = ("fuck", "shit", "nigg", "fagg", "bitch", "cunt", "asshole", "whore")
"""What the English words that count in every language are made of. Other languages swear with them too."""


def everywhere(lists: Lists) -> dict[str, Entry]:
    """The English words that count in every language."""
    strong = {"profanity": ("medium", "high"), "hate": ("high",), "insult": ("medium", "high")}
    return {
        term: entry
        for term, entry in lists["en"].items()
        if entry.own
        and entry.severity in strong.get(entry.label, ())
        and len(term.strip("*")) >= 4
        and any(core in term for core in CORES)
    }


def settle(lists: Lists) -> None:
    """What counts everywhere stands in no other list; English words in other lists need the language to be known."""
    for language, words in lists.items():
        if language == EVERYWHERE:
            for entry in words.values():
                entry.sure = False
            continue
        for term in list(words):
            if term in lists[EVERYWHERE]:
                del words[term]
            elif language != "en" and term in lists["en"]:
                words[term].sure = True
    _drop_covered(lists[EVERYWHERE])


def rendered(words: dict[str, Entry], language: str) -> str:
    """A list as its file holds it."""
    lines = [f"# {language}: term, label, severity, sources; made by consumers.training.lists"]
    for term, entry in sorted(words.items(), key=lambda one: (LABELS.index(one[1].label), one[0])):
        fields = [term, entry.label, entry.severity, ",".join(sorted(entry.sources))]
        lines.append("\t".join([*fields, "sure"] if entry.sure else fields))
    return "\n".join(lines) + "\n"


def main(data: Path, out: Path) -> None:
    """Makes the lists."""
    lists = gather(data)
    texts = [(sample, normalise(sample.text[:2000])) for sample in samples(data)]
    vocabulary = Counter(
        word
        for sample, normal in texts
        if sample.kind != "toxic"
        for word in set(normal.folded.replace(",", " ").split())
    )
    plurals(lists, vocabulary, Entry)
    misspelt(lists, vocabulary, Entry)
    notes = clean(lists, texts)
    mark_sure(lists, texts)
    lists[EVERYWHERE] = {**everywhere(lists), **lists.get(EVERYWHERE, {})}
    settle(lists)
    out.mkdir(parents=True, exist_ok=True)
    for path in out.glob("*.tsv"):
        path.unlink()
    digest = hashlib.sha256()
    languages = []
    for language, words in sorted(lists.items()):
        if not words:
            continue
        text = rendered(words, language)
        (out / f"{language}.tsv").write_text(text, encoding="utf-8")
        digest.update(text.encode())
        languages.append(language)
        counts = Counter(entry.label for entry in words.values())
        print(language, len(words), ", ".join(f"{label} {counts[label]}" for label in LABELS if counts[label]))
    (out / "INDEX").write_text("\n".join([digest.hexdigest()[:16], *languages]) + "\n", encoding="utf-8")
    print(f"{len(notes)} terms left out or counted for less; version {digest.hexdigest()[:16]}")
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text("\n".join(notes) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else OUT)
