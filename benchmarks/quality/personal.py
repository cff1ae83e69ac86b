"""Personal data on presidio_synth, by entity: spans of a kind that overlap are the same.

A labelled span is found when a find of its kind overlaps it; a find is wrong when it overlaps no labelled span of its
kind. What is only masked does not count as found. The test split has no IBAN and no IP address: these are counted on
all rows.
"""

from pathlib import Path

from benchmarks.quality.rows import Missed, Row, json_lines
from consumers.evaluation.entities import Entities
from consumers.evaluation.labelled import Labelled, Passed
from consumers.evaluation.measures import Measures

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


def measure(folder: Path) -> tuple[list[Row], list[Missed]]:
    """The lines, and what was missed by kind."""
    test, everything = count(folder, {"test"}), count(folder, {"train", "test"})
    rows, missed = [], []
    for kind, least in AT_LEAST.items():
        in_test = test[kind].positive > 0
        figures = test[kind] if in_test else everything[kind]
        name = f"{kind}, {'test split' if in_test else 'all rows'}"
        for figure, of, estimate, theirs in (
            ("precision", figures.texts - figures.false_negatives, figures.precision, PRESIDIO[kind][0]),
            ("recall", figures.positive, figures.recall, PRESIDIO[kind][1]),
        ):
            if estimate is not None:
                beside = f"Presidio's patterns {theirs:g}"
                rows.append(Row("personal", f"{name}: {figure}", of, estimate, target=least, beside=beside))
        missed.append(Missed("presidio_synth", name, figures.positive, figures.false_negatives))
    return rows, missed


def count(folder: Path, splits: set[str]) -> dict[str, Measures]:
    """The figures of each kind."""
    entities = Entities(KINDS)
    for row in json_lines(folder / "labelled" / "presidio_synth" / "data.jsonl.gz"):
        if row["split"] in splits:
            spans = tuple((one["label"], one["start"], one["end"]) for one in row["entities"])
            entities.add(Labelled(row["text"], frozenset(), row["lang"], "comment", (), row["id"], spans))
    return {one.name: one.groups[0].figures for one in entities.report(Passed()).questions}
