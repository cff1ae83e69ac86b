"""Cases: texts, and what a policy must say to them. The tests of those who write policies."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from consumers.moderation.moderator import Finding, Moderator

_KEYS = frozenset({"text", "action", "labels", "rules", "excerpt", "surface", "language", "author", "note"})


class CaseError(ValueError):
    """A file of cases that is not one; the message names the file, the case and what is allowed."""


class Case(Struct, frozen=True, kw_only=True):
    """One text and what is expected. What is None is not looked at.

    Args:
        place: file and number, for people.
        text: what was posted.
        action: allow, flag, review or block.
        labels: strictest first.
        rules: sorted.
        excerpt: what may be shown of it.
        surface, language, author: where, in which language and by whom; surface is ``comment`` unless given.
    """

    place: str
    text: str
    action: str
    labels: tuple[str, ...] | None = None
    rules: tuple[str, ...] | None = None
    excerpt: str | None = None
    surface: str = "comment"
    language: str | None = None
    author: str | None = None


class Outcome(Struct, frozen=True):
    """What became of a case: for each thing that differs, what was expected and what the policy said."""

    case: Case
    differs: dict[str, tuple[Any, Any]]

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.differs


def read_cases(path: Path) -> tuple[str, list[Case]]:
    """The policy that a file of cases names, and its cases.

    Raises:
        CaseError: it is no such file.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
        raise CaseError(f"{path}: allowed: a mapping with `policy` and a list `cases`")
    named = str(document.get("policy", "default"))
    return named, [_case(f"{path}#{number}", one) for number, one in enumerate(document["cases"], start=1)]


def _case(place: str, given: object) -> Case:
    if not isinstance(given, dict) or not isinstance(given.get("text"), str) or "action" not in given:
        raise CaseError(
            f"{place}: allowed: a mapping with text and action at least, text in quotes where YAML needs it"
        )
    if unknown := sorted(set(map(str, given)) - _KEYS):
        raise CaseError(f"{place}: unknown {', '.join(unknown)}; allowed: {', '.join(sorted(_KEYS))}")
    return Case(
        place=place,
        text=given["text"],
        action=str(given["action"]),
        labels=None if given.get("labels") is None else tuple(given["labels"]),
        rules=None if given.get("rules") is None else tuple(sorted(given["rules"])),
        excerpt=given.get("excerpt"),
        surface=str(given.get("surface", "comment")),
        language=given.get("language"),
        author=given.get("author"),
    )


def run(moderator: Moderator, cases: Iterable[Case]) -> Iterator[Outcome]:
    """What becomes of each case."""
    for case in cases:
        finding = moderator.judge(case.text, surface=case.surface, language=case.language, author_id=case.author)
        yield Outcome(case, _differences(case, finding))


def rules_of(finding: Finding) -> tuple[str, ...]:
    """The rules that found something, sorted."""
    return tuple(sorted({signal.rule for signal in finding.signals}))


def _differences(case: Case, finding: Finding) -> dict[str, tuple[Any, Any]]:
    said = {
        "action": finding.decision.action,
        "labels": finding.decision.labels,
        "rules": rules_of(finding),
        "excerpt": finding.excerpt,
    }
    return {
        name: (wanted, said[name])
        for name, wanted in (
            ("action", case.action),
            ("labels", case.labels),
            ("rules", case.rules),
            ("excerpt", case.excerpt),
        )
        if wanted is not None and wanted != said[name]
    }
