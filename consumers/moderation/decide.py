"""From signals to an action: the one place where scores meet thresholds."""

from collections.abc import Iterable, Mapping, Set

from msgspec import Struct

from consumers.moderation.rules import Thresholds
from glue.contract import Signal
from glue.vocabulary import ACTIONS, Action

_SEVERITY = {action: severity for severity, action in enumerate(ACTIONS)}


class Decision(Struct, frozen=True):
    """What a policy says to a text.

    Args:
        action: the strictest action that any label leads to.
        labels: the labels that reached an action, strictest first, then by score, then by name.
        top_label: the first of them; None when the text is allowed.
        top_score: its score; 0 when the text is allowed.
    """

    action: Action
    labels: tuple[str, ...]
    top_label: str | None
    top_score: float


ALLOWED = Decision("allow", (), None, 0.0)


def decide(signals: Iterable[Signal], thresholds: Mapping[str, Thresholds], held: Set[str] = frozenset()) -> Decision:
    """What these thresholds make of these signals, in whatever order they come.

    A label's score is that of its strongest signal. A stronger signal, one signal more, or a lower threshold never
    leads to a milder action, but for content that is held: it is neither allowed nor blocked before a person saw it.

    Args:
        signals: what was found.
        thresholds: by label, from which score on it leads to which action.
        held: labels that, once they lead to an action, make it review, whatever else was found. They come first.

    >>> spam = Signal("terms", "spam", 0.7, "spam_phrases")
    >>> decide([spam], {"spam": Thresholds(flag=0.3, review=0.6)})
    Decision(action='review', labels=('spam',), top_label='spam', top_score=0.7)
    """
    scores: dict[str, float] = {}
    for signal in signals:
        if signal.score > scores.get(signal.label, -1.0):
            scores[signal.label] = signal.score
    reached: list[tuple[int, float, str, Action]] = []
    for label, score in scores.items():
        action = thresholds[label].action(score)
        if action != "allow":
            reached.append((-_SEVERITY[action], -score, label, action))
    if not reached:
        return ALLOWED
    reached.sort()
    if held and any(label in held for _, _, label, _ in reached):
        reached.sort(key=lambda one: one[2] not in held)
        reached[0] = (*reached[0][:3], "review")
    _, negative_score, top_label, action = reached[0]
    return Decision(action, tuple(label for _, _, label, _ in reached), top_label, -negative_score)
