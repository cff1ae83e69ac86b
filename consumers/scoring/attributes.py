"""Attributes of Perspective, made of the policy's labels; and in which languages that was measured to work.

An attribute is the strongest of its labels. What has no label here cannot be scored honestly and is refused, and so is
a language in which no held-out set shows an AUC of 0.7 or more. `docs/quality.md` has the figures.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from consumers.moderation.moderator import LabelScores, Moderator
from consumers.moderation.policy import Policy

BASE_RATE = 0.1
"""Scores say how surely when so many texts are such: about the share in comment sections, where most clients of this
form are."""

_MODEL_BASE_RATE = 0.01
_ODDS = (BASE_RATE / (1 - BASE_RATE)) / (_MODEL_BASE_RATE / (1 - _MODEL_BASE_RATE))


class Attribute(Struct, frozen=True):
    """What an attribute is made of.

    Args:
        labels: any of which makes it up.
        languages: primary subtags in which a held-out set has shown that it orders texts.
    """

    labels: tuple[str, ...]
    languages: tuple[str, ...]


_PRODUCTION = {
    "TOXICITY": Attribute(
        ("insult", "hate", "threat", "profanity"),
        ("en", "de", "es", "fr", "hi", "id", "ko", "ro", "ru", "vi", "zh"),
    ),
    "SEVERE_TOXICITY": Attribute(("hate", "threat"), ("en", "ar", "de", "ko", "ro", "zh")),
    "IDENTITY_ATTACK": Attribute(("hate",), ("en", "ar", "de", "ko", "ro", "zh")),
    "INSULT": Attribute(("insult",), ("en", "ar", "de", "es", "fr", "hi", "id", "ko", "ro", "ru", "vi", "zh")),
    "PROFANITY": Attribute(("profanity",), ("en", "de", "ko", "ro")),
    "THREAT": Attribute(("threat",), ("en",)),
}

ATTRIBUTES: dict[str, Attribute] = {
    **_PRODUCTION,
    # The same notions under the names that they had while they were tried.
    **{f"{name}_EXPERIMENTAL": Attribute(one.labels, ("en",)) for name, one in _PRODUCTION.items()},
    "SEXUALLY_EXPLICIT": Attribute(("sexual",), ("en",)),
    "OBSCENE": Attribute(("profanity", "sexual"), ("en",)),
    "SPAM": Attribute(("spam", "scam"), ("en", "th")),
}
"""By name, every attribute that can be scored."""


def available(policy: Policy) -> dict[str, Attribute]:
    """The attributes whose labels a policy knows.

    Args:
        policy: whose labels.
    """
    if policy.model is None:
        return {}
    known = policy.labels.keys() - set(policy.off)
    return {name: one for name, one in ATTRIBUTES.items() if known.issuperset(one.labels)}


class AttributeScorer:
    """Scores texts by attribute.

    >>> from consumers.moderation.policy import Policy
    >>> from consumers.policies import read_policy
    >>> scorer = AttributeScorer(Moderator(Policy.load(read_policy("default"))))
    >>> calm, rude = (scorer.scores(text, ["INSULT"], language="en")["INSULT"] for text in ("Thank you.", "You idiot."))
    >>> calm < 0.1 < 0.5 < rude
    True
    """

    def __init__(self, moderator: Moderator) -> None:
        """Takes the policy whose labels the attributes are made of."""
        self.attributes = available(moderator.policy)
        self._moderator = moderator
        # A head that by itself leads to no action orders texts and is no probability.
        self._ordering: dict[str, float] = {}
        if (model := moderator.policy.model) is not None:
            for head in model.heads.values():
                label = moderator.policy.labels.get(head.label)
                least = (
                    min((score for score in (label.flag, label.review, label.block) if score is not None), default=1.0)
                    if label
                    else 1.0
                )
                if head.at_most < least:
                    self._ordering[head.label] = head.at_most

    def scores(self, text: str, names: Sequence[str], *, language: str | None = None) -> Mapping[str, float]:
        """By attribute, how surely the text is such, from 0 to 1.

        Args:
            text: the original text.
            names: of :attr:`attributes`.
            language: the text's BCP 47 tag; None: guessed where it matters.
        """
        found = self._moderator.label_scores(text, language=language)
        wanted = {label for name in names for label in self.attributes[name].labels}
        by_label = {label: max(found.rules.get(label, 0.0), self._from_model(label, found)) for label in wanted}
        return {name: round(max(by_label[label] for label in self.attributes[name].labels), 6) for name in names}

    def _from_model(self, label: str, found: LabelScores) -> float:
        score = found.model.get(label, 0.0)
        if label in self._ordering:
            return score * self._ordering[label]
        return shifted(score)


def shifted(probability: float) -> float:
    """A probability for texts of which one in a hundred is such, for texts of which one in ten is.

    >>> round(shifted(0.12), 2), shifted(0.0), shifted(1.0)
    (0.6, 0.0, 1.0)
    """
    return probability * _ODDS / (probability * _ODDS + 1 - probability)
