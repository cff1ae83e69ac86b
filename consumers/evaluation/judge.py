"""What a policy says to a text, as answers to the questions that are evaluated."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from consumers.evaluation.labelled import ANY, Labelled
from consumers.moderation.moderator import Finding, Moderator
from glue.vocabulary import ACTIONS, Action

ScoreOf = Literal["policy", "model"]
"""Whose score orders texts: the policy's strongest signal (or the model, where that is surer), or the model's alone."""


class Question(Struct, frozen=True):
    """What is asked of every text: is it of this kind?

    Args:
        name: as figures are headed.
        labels: the policy's labels that answer yes; empty: any.
        truth: the label that a positive text has.
    """

    name: str
    labels: frozenset[str]
    truth: str


class Judged(Struct, frozen=True, gc=False):
    """What a policy answered to one text.

    Args:
        found: for each question, whether it is of that kind.
        scores: for each question how surely, 0 to 1; the linear model's score counts also where the policy asks for
            more.
        action: what is done.
        rules: which rules found something.
        excerpt: the text, masked and short.
    """

    found: tuple[bool, ...]
    scores: tuple[float, ...]
    action: Action
    rules: tuple[str, ...]
    excerpt: str


class PolicyJudge:
    """Asks a policy. What counts as found is what leads to an action, ``at`` or stricter."""

    def __init__(
        self,
        moderator: Moderator,
        questions: Sequence[Question],
        *,
        at: Action = "flag",
        score_of: ScoreOf = "policy",
    ) -> None:
        """Takes a policy made ready, and what is asked.

        Args:
            moderator: the policy.
            questions: answered for every text.
            at: the mildest action that counts.
            score_of: whose scores are given.
        """
        self.name = f"{moderator.policy_id}@{moderator.policy_version}"
        self._moderator = moderator
        self._questions = questions
        self._counts = frozenset(ACTIONS[ACTIONS.index(at) :])
        self._at_flag = at == "flag"
        self._model_alone = score_of == "model"

    def judge(self, row: Labelled) -> Judged:
        """The policy's answers to one text."""
        moderator = self._moderator
        finding = moderator.judge(row.text, surface=row.surface, language=row.language)
        scores = dict(moderator.model_scores(row.text))
        for signal in () if self._model_alone else finding.signals:
            if signal.score > scores.get(signal.label, -1.0):
                scores[signal.label] = signal.score
        labels = frozenset(finding.decision.labels) if self._at_flag else self._labels(finding, row)
        return Judged(
            tuple(bool(labels if not one.labels else labels & one.labels) for one in self._questions),
            tuple(_highest(scores, one.labels) for one in self._questions),
            finding.decision.action,
            tuple(sorted({signal.rule for signal in finding.signals})),
            finding.excerpt,
        )

    def _labels(self, finding: Finding, row: Labelled) -> frozenset[str]:
        if not finding.decision.labels:
            return frozenset()
        language = row.language.partition("-")[0].lower() if row.language else None
        thresholds = self._moderator.policy.thresholds(row.surface, language)
        return frozenset(
            signal.label for signal in finding.signals if thresholds[signal.label].action(signal.score) in self._counts
        )


def questions_of(labels: Sequence[str], meaning: Mapping[str, str]) -> tuple[Question, ...]:
    """What is asked.

    Args:
        labels: the policy's labels that mean yes, where rows say only yes or no; empty: any.
        meaning: the policy's label for each of the rows'; one question for each, and whether it is any of them.

    >>> [one.name for one in questions_of([], {"rude": "insult", "ham": "", "junk": "spam"})]
    ['insult', 'spam', 'any']
    """
    if not meaning:
        return (Question(" or ".join(labels) if labels else ANY, frozenset(labels), ANY),)
    meant = sorted({label for label in meaning.values() if label})
    each = [Question(label, frozenset({label}), label) for label in meant]
    if len(meant) > 1:
        each.append(Question(ANY, frozenset(meant), ANY))
    return tuple(each)


def is_positive(row: Labelled, question: Question) -> bool:
    """Whether people said that the text is what is asked for."""
    return bool(row.labels) if question.truth == ANY else question.truth in row.labels


def _highest(scores: Mapping[str, float], labels: frozenset[str]) -> float:
    return max((score for label, score in scores.items() if not labels or label in labels), default=0.0)
