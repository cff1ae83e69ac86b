"""Limits that figures must keep, for a build that should fail when quality falls."""

from collections.abc import Callable

from msgspec import Struct

from consumers.evaluation.intervals import Estimate
from consumers.evaluation.measures import Measures
from consumers.evaluation.report import Report

FIGURES: dict[str, Callable[[Measures], Estimate | None]] = {
    "precision": lambda one: one.precision,
    "recall": lambda one: one.recall,
    "f1": lambda one: one.f1,
    "auc": lambda one: one.auc,
    "fpr": lambda one: one.false_positive_rate,
}


class Gate(Struct, frozen=True):
    """One limit.

    Args:
        figure: one of :data:`FIGURES`.
        limit: the figure may be this, and better.
        question: for which one; empty: every one.
        at_most: the figure may not be larger; else not smaller.
    """

    figure: str
    limit: float
    question: str
    at_most: bool


class Held(Struct, frozen=True):
    """How a limit was kept.

    Args:
        gate: the limit.
        question: for which question.
        reached: the figure that counts; None when the texts do not give it, which does not keep the limit.
        is_kept: whether it keeps the limit.
    """

    gate: Gate
    question: str
    reached: float | None
    is_kept: bool


def read_gate(figure: str, given: str, *, at_most: bool) -> Gate:
    """A limit as it is written on the command line: ``0.9``, or ``spam=0.9`` for one question alone.

    Raises:
        ValueError: it is neither.

    >>> read_gate("f1", "spam=0.9", at_most=False)
    Gate(figure='f1', limit=0.9, question='spam', at_most=False)
    """
    question, _, number = given.rpartition("=")
    limit = float(number)
    if not 0 <= limit <= 1:
        raise ValueError(given)
    return Gate(figure, limit, question, at_most)


def hold(report: Report, gates: list[Gate], *, surely: bool) -> list[Held]:
    """How the figures of all texts keep these limits.

    Args:
        report: the figures.
        gates: the limits.
        surely: the worse end of the interval must keep them, not only the figure.

    Raises:
        ValueError: a limit is for a question that was not asked; it says which were.
    """
    names = [one.name for one in report.questions]
    found = []
    for gate in gates:
        if gate.question and gate.question not in names:
            raise ValueError(f"received {gate.question!r}; asked: {', '.join(names)}")
        for answered in report.questions:
            if gate.question not in ("", answered.name):
                continue
            estimate = FIGURES[gate.figure](answered.groups[0].figures)
            reached = None
            if estimate is not None:
                reached = (estimate.high if gate.at_most else estimate.low) if surely else estimate.value
            kept = reached is not None and (reached <= gate.limit if gate.at_most else reached >= gate.limit)
            found.append(Held(gate, answered.name, reached, kept))
    return found
