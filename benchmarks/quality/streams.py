"""Streams of ordinary people, where next to everything that is flagged is a mistake; and which rules flagged it."""

import unicodedata
from collections import Counter
from pathlib import Path

from msgspec import Struct

from benchmarks.quality.rows import Row, json_lines
from consumers.evaluation.intervals import wilson
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy


class Stream(Struct, frozen=True):
    """One stream.

    Args:
        name: its folder.
        text: the field with the text.
        surface: where it was posted.
        at_most: the share that may be flagged; None: nothing was asked for.
        note: what a reader should know.
    """

    name: str
    text: str
    surface: str
    at_most: float | None
    note: str


STREAMS = (
    Stream(
        "ubuntu_irc_chat",
        "text",
        "chat",
        0.005,
        "ordinary chat, all twenty days; six were learned from, six chose thresholds",
    ),
    Stream(
        "reddit_goemotions",
        "text",
        "comment",
        None,
        "comments chosen for their emotions, insults and swearing among them",
    ),
    Stream("wikipedia_edits_2015", "comment", "comment", None, "edit comments in 51 languages"),
)
PEERS = "better-profanity 1.5 %, alt-profanity-check 1.2 %, LR 0.8 %"
"""The share of IRC chat that they flag, as the data's README gives it."""


class Flagged(Struct, frozen=True):
    """What rules flagged in a stream: how many texts each, by rule."""

    stream: str
    by_rule: dict[str, int]


def measure(moderator: Moderator, folder: Path) -> tuple[list[Row], list[Flagged]]:
    """The lines, and which rules flagged."""
    rows, flags = [], []
    for one in STREAMS:
        texts = flagged = by_folding = 0
        rules: Counter[str] = Counter()
        literal = Literal(moderator.policy)
        for row in json_lines(folder / "streams" / one.name / "events.jsonl.gz"):
            text = row.get(one.text) or ""
            finding = moderator.judge(text, surface=one.surface)
            texts += 1
            if finding.decision.action != "allow":
                flagged += 1
                rules.update({signal.rule for signal in finding.signals})
            by_folding += literal.is_only_folded(text, [signal.rule for signal in finding.signals])
        beside = PEERS if one.name == "ubuntu_irc_chat" else ""
        what = f"{one.name}: flagged ({one.note})"
        share = wilson(flagged, texts)
        rows.append(Row("streams", what, texts, share, True, one.at_most, "at most", beside=beside))
        what = f"{one.name}: a term found only because disguises are undone"
        rows.append(Row("streams", what, texts, wilson(by_folding, texts), True))
        flags.append(Flagged(one.name, dict(sorted(rules.items(), key=lambda one: (-one[1], one[0])))))
    return rows, flags


class Literal:
    """Knows which terms stand in a text as they are written in the policy, with or without their accents.

    Args:
        policy: its terms.
    """

    def __init__(self, policy: Policy) -> None:
        self._terms = {rule.rule: [_bare(term) for term in rule.terms] for rule in policy.terms}

    def is_only_folded(self, text: str, rules: list[str]) -> bool:
        """Whether a rule of terms found something in the text although none of its terms stands there literally."""
        terms = [self._terms[rule] for rule in rules if rule in self._terms]
        if not terms:
            return False
        plain = _bare(text)
        return any(not any(term in plain for term in of_rule) for of_rule in terms)


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", normalise(text).plain)
    return "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
