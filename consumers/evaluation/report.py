"""What an evaluation says, as data: the same for a terminal, JSON and HTML."""

from typing import Literal

from msgspec import Struct

from consumers.evaluation.intervals import Paired
from consumers.evaluation.labelled import Passed
from consumers.evaluation.measures import Measures
from consumers.evaluation.ranking import PairedAreas
from consumers.evaluation.reliability import Reliability

ALL = "all"


class Group(Struct, frozen=True):
    """Figures of the texts that have one value in one column; ``all`` of the column ``all`` is every text."""

    by: str
    value: str
    figures: Measures


class Operating(Struct, frozen=True):
    """What could be found at a false-positive rate: the share of positives, and from which score on."""

    false_positive_rate: float
    recall: float
    score: float


class Other(Struct, frozen=True):
    """Another policy, or a peer, on the same texts.

    Args:
        name: which.
        texts: on how many both were asked.
        figures: its figures.
        ours: those of the policy that is evaluated, on just these texts.
        decisions: on how many only one was right.
        areas: whose scores order better; None when it gives no scores, or there is only one kind of text.
    """

    name: str
    texts: int
    figures: Measures
    ours: Measures
    decisions: Paired
    areas: PairedAreas | None


class Answered(Struct, frozen=True):
    """All about one question.

    Args:
        name: what was asked: a label of the policy, several, or ``any``.
        labels: the policy's labels that answer yes; empty: any.
        groups: every text, then by file, language and slice.
        operating: what other thresholds would find.
        reliability: whether scores are shares in these texts.
        reliability_at: the same, as if the base rate held that scores are calibrated at.
        others: on the same texts.
    """

    name: str
    labels: tuple[str, ...]
    groups: tuple[Group, ...]
    operating: tuple[Operating, ...]
    reliability: Reliability | None
    reliability_at: Reliability | None
    others: tuple[Other, ...]


class Mistake(Struct, frozen=True):
    """A text that was judged wrongly: one of the most confident ones.

    Args:
        question: which.
        kind: ``false positive`` or ``false negative``.
        score: what the policy gave it.
        action: what is done with it.
        rules: what found something in it.
        text: its excerpt, masked; or the text itself, where that was asked for.
        place: file and row.
    """

    question: str
    kind: str
    score: float
    action: str
    rules: tuple[str, ...]
    text: str
    place: str


class Report(Struct, frozen=True):
    """An evaluation.

    Args:
        policy: id and version.
        at: the mildest action that counts as found.
        texts: how many were judged.
        passed: rows that were not, and why.
        questions: what was asked, with all figures.
        mistakes: the worst of each kind.
        notes: what a reader should know of these figures.
        unit: what is counted: texts, or spans in them.
    """

    policy: str
    at: str
    texts: int
    passed: Passed
    questions: tuple[Answered, ...]
    mistakes: tuple[Mistake, ...]
    notes: tuple[str, ...] = ()
    unit: Literal["texts", "spans"] = "texts"

    @property
    def counts_as_found(self) -> str:
        """What counts as found, in words."""
        if self.unit == "spans":
            return "a labelled span is found when something sure of its kind overlaps it"
        return f"found is what leads to {self.at} or stricter"
