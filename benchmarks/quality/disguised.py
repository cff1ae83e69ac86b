"""Evasion: what the policy finds as it is written, and still finds when it is disguised; and Unicode's own list."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from benchmarks.quality.rows import Missed, Row, json_lines
from consumers.evaluation.intervals import wilson
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import fold
from producers.synthetic.disguises import DISGUISES

SETS = ("davidson", "edos", "civil_toxic_spans")
MOST = 500
"""Texts of a set that are disguised in each way."""


def measure(moderator: Moderator, folder: Path) -> tuple[list[Row], list[Missed]]:
    """The lines, and how many texts each disguise hides."""
    texts = [text for name in SETS for text in _found(moderator, folder, name)]
    by_term = [text for text in texts if _by_term(moderator, text)]
    rows, missed = [], []
    for name, disguise in DISGUISES.items():
        still = sum(moderator.judge(disguise(text), surface="comment").decision.action != "allow" for text in texts)
        terms = sum(_by_term(moderator, disguise(text)) for text in by_term)
        what = f"{name}: rude texts that are flagged, still flagged when every word is disguised"
        rows.append(Row("disguised", what, len(texts), wilson(still, len(texts)), True))
        what = f"{name}: of them those with a term, a term still found"
        rows.append(Row("disguised", what, len(by_term), wilson(terms, len(by_term)), True))
        missed.append(Missed("disguised texts", name, len(texts), len(texts) - still))
    rows.append(_confusables(folder))
    return rows, missed


def _found(moderator: Moderator, folder: Path, name: str) -> Iterator[str]:
    """The first positives of the test split that lead to an action as they are written."""
    found = 0
    for row in json_lines(folder / "labelled" / name / "data.jsonl.gz"):
        if row["split"] != "test" or row["label"] != 1 or found == MOST:
            continue
        if moderator.judge(row["text"], surface="comment", language=row["lang"]).decision.action != "allow":
            found += 1
            yield row["text"]


def _by_term(moderator: Moderator, text: str) -> bool:
    return any(signal.detector == "terms" for signal in moderator.judge(text, surface="comment").signals)


def _confusables(folder: Path) -> Row:
    pairs = list(confusables(folder))
    read = sum(is_read_as(character, letter) for character, letter in pairs)
    what = "Unicode's confusables of one Latin letter: read as that letter (i and l taken for one)"
    return Row("disguised", what, len(pairs), wilson(read, len(pairs)), True)


def confusables(folder: Path) -> Iterator[tuple[str, str]]:
    """Each character that Unicode's list calls confusable with one ASCII letter, with that letter."""
    path = folder / "labelled" / "unicode_confusables" / "confusables.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8-sig") as lines:
        for line in lines:
            fields = [field.strip() for field in line.partition("#")[0].split(";")]
            if len(fields) < 2:
                continue
            source, target = ("".join(chr(int(code, 16)) for code in field.split()) for field in fields[:2])
            if len(source) == len(target) == 1 and target.isascii() and target.isalpha() and not source.isascii():
                yield source, target


def is_read_as(character: str, letter: str) -> bool:
    """Whether a character is folded to a letter. Unicode takes l, I, 1 and | for one; a capital I is an i to us."""
    read, wanted = fold(character), letter.casefold()
    return read == wanted or (wanted == "l" and read == "i")
