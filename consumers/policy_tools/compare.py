"""Two policies side by side: which rules differ, and what that does to real texts."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from consumers.moderation.managed import asking
from consumers.moderation.moderator import Finding, Moderator
from consumers.moderation.policy import Policy
from consumers.moderation.rules import ManagedRule
from glue.contract import ContentEvent
from glue.vocabulary import ACTIONS

MOST_EXAMPLES = 100


class Difference(Struct, frozen=True):
    """One thing that differs: what it is, and its value in either policy (None: it is not there)."""

    where: str
    before: Any
    after: Any


class Moved(Struct, frozen=True):
    """A text on which the two policies differ: masked, with both actions and the rules that found something."""

    excerpt: str
    before: str
    after: str
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]


class Effect(Struct, frozen=True):
    """What a change does to texts.

    Args:
        texts: how many were judged.
        moves: how many went from one action to another, by both.
        examples: the first of each pair of actions.
        asked: about how many of the texts each managed rule of the new policy would ask, by the rule.
    """

    texts: int
    moves: dict[tuple[str, str], int]
    examples: list[Moved]
    asked: dict[str, int]

    @property
    def changed(self) -> int:
        """How many texts are acted on otherwise."""
        return sum(count for (before, after), count in self.moves.items() if before != after)

    @property
    def stricter(self) -> int:
        """How many of them more strictly."""
        order: dict[str, int] = {action: severity for severity, action in enumerate(ACTIONS)}
        return sum(count for (before, after), count in self.moves.items() if order[after] > order[before])


def differences(before: Policy, after: Policy) -> list[Difference]:
    """What differs, rule by rule and key by key, sorted by where."""
    old, new = _leaves(before), _leaves(after)
    names = sorted(old.keys() | new.keys())
    return [Difference(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _leaves(policy: Policy) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(policy)
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            # A rule is known by its name, not by its place in the file.
            for rule in value:
                for name, inner in rule.items():
                    found[f"{key}.{rule['rule']}.{name}"] = _plain(inner)
        else:
            _walk(key, value, found)
    return found


def _walk(where: str, value: Any, found: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _walk(f"{where}.{name}", inner, found)
    else:
        found[where] = _plain(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def effect(
    before: Moderator, after: Moderator, texts: Iterable[tuple[str, str | None, str]], *, examples: int
) -> Effect:
    """What both policies say to the same texts.

    Args:
        texts: each with its language and its surface.
        examples: shown of each pair of actions, at most 100.
    """
    moves: Counter[tuple[str, str]] = Counter()
    asked = Counter({rule.rule: 0 for rule in after.managed if rule.service != "rekognition"})
    shown: list[Moved] = []
    count = 0
    for text, language, surface in texts:
        count += 1
        old = before.judge(text, surface=surface, language=language)
        new = after.judge(text, surface=surface, language=language)
        pair = (old.decision.action, new.decision.action)
        moves[pair] += 1
        asked.update(rule.rule for rule in would_ask(after, new, text, language=language, surface=surface))
        if pair[0] != pair[1] and moves[pair] <= min(examples, MOST_EXAMPLES):
            # The shorter of the two: what either policy masks is masked.
            excerpt = old.excerpt if len(old.excerpt) <= len(new.excerpt) else new.excerpt
            rules = [tuple(sorted({signal.rule for signal in one.signals})) for one in (old, new)]
            shown.append(Moved(excerpt, *pair, *rules))
    return Effect(count, dict(moves), shown, dict(asked))


def would_ask(
    moderator: Moderator, finding: Finding, text: str, *, language: str | None, surface: str
) -> tuple[ManagedRule, ...]:
    """The managed rules that would ask about a text in which this was found. Nobody is asked."""
    event = ContentEvent("", "", "", surface, datetime.min.replace(tzinfo=UTC), text, language)
    return asking(moderator.managed, event, finding.signals)
