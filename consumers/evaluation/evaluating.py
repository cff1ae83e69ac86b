"""Texts in, figures out: every text is judged once, and only numbers are kept of it."""

import heapq
from array import array
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct

from consumers.evaluation.intervals import mcnemar
from consumers.evaluation.judge import Judged, Question, is_positive
from consumers.evaluation.labelled import LabelError, Labelled, Passed
from consumers.evaluation.measures import measure
from consumers.evaluation.ranking import Flags, Floats, compare, recall_at
from consumers.evaluation.reliability import reliability
from consumers.evaluation.report import ALL, Answered, Group, Mistake, Operating, Other, Report

MOST_VALUES = 40
"""Values of one column that are told apart; what comes later counts as one more."""

REST = "(other values)"
OPERATING = (0.001, 0.005, 0.01, 0.05)
"""False-positive rates for which it is said what could be found."""


class Judge(Protocol):
    """A policy, or whatever else answers the same questions."""

    @property
    def name(self) -> str: ...

    def judge(self, row: Labelled) -> Judged:
        """The answers to one text."""
        ...


class Wanted(Struct, frozen=True):
    """What an evaluation is asked for.

    Args:
        at: the mildest action that counts as found.
        calibrated_at: the base rate that scores are calibrated at.
        mistakes: how many of each kind are shown.
        whole_texts: show mistakes as they were written, not masked.
    """

    at: str = "flag"
    calibrated_at: float = 0.01
    mistakes: int = 0
    whole_texts: bool = False


class _Worst:
    """The most confident mistakes of one kind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, Mistake]] = []

    def may_hold(self, confidence: float) -> bool:
        return len(self._heap) < self._most or (self._most > 0 and confidence > self._heap[0][0])

    def add(self, confidence: float, number: int, mistake: Mistake) -> None:
        # Of two alike, the one that came first stays.
        push = heapq.heappush if len(self._heap) < self._most else heapq.heapreplace
        push(self._heap, (confidence, -number, mistake))

    def listed(self) -> list[Mistake]:
        return [mistake for _, _, mistake in sorted(self._heap, key=lambda one: (-one[0], -one[1]))]


class _Answers:
    """The numbers that one judge gave, question by question."""

    def __init__(self, questions: int) -> None:
        self._found = [array("b") for _ in range(questions)]
        self._scores = [array("d") for _ in range(questions)]

    def add(self, judged: Judged) -> None:
        for position, (found, score) in enumerate(zip(judged.found, judged.scores, strict=True)):
            self._found[position].append(found)
            self._scores[position].append(score)

    def of(self, position: int) -> tuple[Flags, Floats]:
        return np.array(self._found[position], dtype=bool), np.array(self._scores[position])


class Evaluation:
    """An evaluation that goes on: texts are added, and at the end there is a report."""

    def __init__(
        self, judge: Judge, questions: Sequence[Question], wanted: Wanted, *, against: Sequence[Judge] = ()
    ) -> None:
        """Begins.

        Args:
            judge: what is evaluated.
            questions: as it was made for.
            wanted: what is kept and shown.
            against: others that are asked the same of every text.
        """
        self.texts = 0
        self._judge, self._questions, self._wanted = judge, questions, wanted
        self._against = [(other, _Answers(len(questions))) for other in against]
        self._answers = _Answers(len(questions))
        self._labels = [array("b") for _ in questions]
        self._groups: dict[str, dict[str, array[int]]] = {}
        self._worst = {
            (question.name, kind): _Worst(wanted.mistakes)
            for question in questions
            for kind in ("false positive", "false negative")
        }

    def add(self, row: Labelled, groups: Iterable[tuple[str, str]] = ()) -> Judged:
        """Judges one text.

        Args:
            row: the text.
            groups: column and value, for each column that figures are told apart by.
        """
        judged = self._judge.judge(row)
        self._answers.add(judged)
        for other, answers in self._against:
            answers.add(other.judge(row))
        for position, question in enumerate(self._questions):
            label = is_positive(row, question)
            self._labels[position].append(label)
            if label != judged.found[position]:
                self._keep(row, judged, position, label=label)
        for by, value in groups:
            values = self._groups.setdefault(by, {})
            if value not in values and len(values) >= MOST_VALUES:
                value = REST
            values.setdefault(value, array("q")).append(self.texts)
        self.texts += 1
        return judged

    def _keep(self, row: Labelled, judged: Judged, position: int, *, label: bool) -> None:
        name = self._questions[position].name
        kind = "false negative" if label else "false positive"
        score = judged.scores[position]
        confidence = -score if label else score
        worst = self._worst[name, kind]
        if worst.may_hold(confidence):
            text = row.text if self._wanted.whole_texts else judged.excerpt
            mistake = Mistake(name, kind, round(score, 4), judged.action, judged.rules, text, row.place)
            worst.add(confidence, self.texts, mistake)

    def report(self, passed: Passed, *, peers: Sequence["Sampled"] = (), notes: Sequence[str] = ()) -> Report:
        """The figures.

        Args:
            passed: the rows that were not judged.
            peers: answers of peers to some of the texts.
            notes: what a reader should know.

        Raises:
            LabelError: no text was judged.
        """
        if not self.texts:
            raise LabelError(_nothing(passed))
        questions = tuple(self._answered(position, peers) for position in range(len(self._questions)))
        mistakes = tuple(mistake for worst in self._worst.values() for mistake in worst.listed())
        return Report(self._judge.name, self._wanted.at, self.texts, passed, questions, mistakes, tuple(notes))

    def _answered(self, position: int, peers: Sequence["Sampled"]) -> Answered:
        question = self._questions[position]
        labels = np.array(self._labels[position], dtype=bool)
        found, scores = self._answers.of(position)
        groups = [Group(ALL, ALL, measure(labels, found, scores))]
        for by, values in self._groups.items():
            if len(values) == 1 and by in ("file", "language"):
                continue
            for value, places in sorted(values.items(), key=lambda one: (-len(one[1]), one[0])):
                some = np.array(places)
                groups.append(Group(by, value, measure(labels[some], found[some], scores[some])))
        others = []
        for other, answers in self._against:
            theirs, their_scores = answers.of(position)
            others.append(_other(other.name, labels, (found, scores), (theirs, their_scores)))
        for peer in peers:
            if peer.questions is not None and question.name not in peer.questions:
                continue
            some = np.array(peer.places)
            theirs = np.array(peer.found, dtype=bool)
            their_scores = np.array(peer.scores)
            others.append(_other(peer.name, labels[some], (found[some], scores[some]), (theirs, their_scores)))
        operating = [(rate, recall_at(labels, scores, rate)) for rate in OPERATING]
        return Answered(
            question.name,
            tuple(sorted(question.labels)),
            tuple(groups),
            tuple(Operating(rate, *one) for rate, one in operating if one is not None),
            reliability(labels, scores),
            reliability(labels, scores, base_rate=self._wanted.calibrated_at),
            tuple(others),
        )


class Sampled(Struct, frozen=True):
    """What a peer answered to some of the texts.

    Args:
        name: which, with its version.
        places: which texts, by their number from 0.
        found, scores: its answers.
        questions: which questions they answer; None: all.
    """

    name: str
    places: Sequence[int]
    found: Sequence[bool]
    scores: Sequence[float]
    questions: frozenset[str] | None = None


def _other(name: str, labels: Flags, ours: tuple[Flags, Floats], theirs: tuple[Flags, Floats]) -> Other:
    right, their_right = ours[0] == labels, theirs[0] == labels
    return Other(
        name,
        len(labels),
        measure(labels, theirs[0], theirs[1]),
        measure(labels, ours[0], ours[1]),
        mcnemar(int((right & ~their_right).sum()), int((their_right & ~right).sum())),
        compare(labels, ours[1], theirs[1]),
    )


def _nothing(passed: Passed) -> str:
    unknown = ", ".join(repr(label[:40]) for label in passed.unknown)
    return (
        f"none of {passed.rows:,} rows is usable: {passed.unreadable:,} unreadable, {passed.empty:,} without text, "
        f"{passed.unlabelled:,} without a usable label, {passed.elsewhere:,} of another split"
        + (f"; labels without a meaning: {unknown}; give each one with --map" if unknown else "")
    )
