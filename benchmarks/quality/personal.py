"""Personal data on presidio_synth, by entity: spans of a kind that overlap are the same.

A labelled span is found when a find of its kind overlaps it; a find is wrong when it overlaps no labelled span of its
kind. What is only masked does not count as found. The test split has no IBAN and no IP address: these are counted on
all rows.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.quality.rows import Missed, Row, json_lines
from consumers.moderation.located import personal_data_in
from infra.evaluation.intervals import share

KINDS = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
}
AT_LEAST = {"email": 0.95, "card": 0.95, "iban": 0.95, "us_ssn": 0.95, "ip": 0.95, "phone": 0.85}
PRESIDIO = {"email": (1, 1), "card": (1, 0.77), "iban": (1, 1), "us_ssn": (1, 1), "ip": (1, 1), "phone": (0.73, 0.59)}
"""Precision and recall of Presidio's patterns alone, as the data's README gives them."""

Span = tuple[str, int, int]


def measure(folder: Path) -> tuple[list[Row], list[Missed]]:
    """The lines, and what was missed by kind."""
    test, everything = count(folder, {"test"}), count(folder, {"train", "test"})
    rows, missed = [], []
    for kind, least in AT_LEAST.items():
        in_test = test[kind]["found"] + test[kind]["missed"] > 0
        counted = test[kind] if in_test else everything[kind]
        labelled = counted["found"] + counted["missed"]
        name = f"{kind}, {'test split' if in_test else 'all rows'}"
        for figure, of, theirs in (
            ("precision", counted["found"] + counted["false"], PRESIDIO[kind][0]),
            ("recall", labelled, PRESIDIO[kind][1]),
        ):
            estimate = share(counted["found"], of)
            if estimate is not None:
                beside = f"Presidio's patterns {theirs:g}"
                rows.append(Row("personal", f"{name}: {figure}", of, estimate, target=least, beside=beside))
        missed.append(Missed("presidio_synth", name, labelled, counted["missed"]))
    return rows, missed


def count(folder: Path, splits: set[str]) -> dict[str, Counter[str]]:
    """For each kind how many were found, missed and false."""
    counted: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS.values()}
    for row in json_lines(folder / "labelled" / "presidio_synth" / "data.jsonl.gz"):
        if row["split"] not in splits:
            continue
        finds = [(span.kind, span.start, span.end) for span in personal_data_in(row["text"]) if span.sure]
        labelled = [(KINDS[one["label"]], one["start"], one["end"]) for one in row["entities"] if one["label"] in KINDS]
        for one in labelled:
            counted[one[0]]["found" if any(_overlap(one, find) for find in finds) else "missed"] += 1
        for find in _known(finds):
            if not any(_overlap(one, find) for one in labelled):
                counted[find[0]]["false"] += 1
    return counted


def _known(finds: list[Span]) -> Iterator[Span]:
    return (find for find in finds if find[0] in AT_LEAST)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]
