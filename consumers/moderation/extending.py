"""What a policy takes from elsewhere, and what it leaves out: the policy it extends, its files, labels that are off."""

from collections.abc import Callable, Set
from typing import Any, TypeVar

import msgspec

from consumers.moderation.policy_content import RULE_TABLES, PolicyContent
from consumers.moderation.problems import Problems, allowed, shown
from consumers.moderation.rules import (
    AllowRule,
    AuthorRule,
    ForLanguage,
    ForSurface,
    ManagedRule,
    Rule,
)
from consumers.policies import lists

_Policy = TypeVar("_Policy", bound=PolicyContent)
_Rule = TypeVar("_Rule", bound=Rule)

MAX_TERM = 200
"""Characters of the longest term, in a policy as in a file."""


def with_files(policy: _Policy, files: Callable[[str], str] | None, problems: Problems) -> _Policy:
    """The policy with the terms that stand in its files.

    Args:
        policy: as it is written.
        files: gives the text of a file, or raises ValueError with the reason.
        problems: takes note of what is wrong.
    """
    rules = []
    for position, rule in enumerate(policy.terms):
        path = ("terms", position)
        if not rule.from_:
            if not rule.terms:
                problems.add((*path, "terms"), _NO_TERMS)
            rules.append(rule)
            continue
        if rule.terms:
            problems.add((*path, "from"), "received from beside terms; allowed: one of them", at_key=True)
        try:
            if files is None:
                problems.add((*path, "from"), f"received {shown(rule.from_)}: {_NO_FILES}")
                continue
            terms = read_terms(files(rule.from_), name=rule.from_)
        except ValueError as error:
            problems.add((*path, "from"), f"received {shown(rule.from_)}: {error}")
            terms = ()
        rules.append(msgspec.structs.replace(rule, from_="", terms=terms))
    return msgspec.structs.replace(policy, terms=tuple(rules))


def with_lists(policy: _Policy, problems: Problems) -> _Policy:
    """The policy with the version of the word lists that it uses, so that other lists are another policy."""
    if policy.words is None:
        return policy
    version, languages = lists()
    for position, language in enumerate(policy.words.languages):
        if language not in languages:
            what = f"received {language!r}; {allowed(language, languages)} (the word lists of the bundle)"
            problems.add(("words", "languages", position), what)
    if policy.words.version not in {"", version}:
        what = f"received {policy.words.version!r}; there is {version}: put that into the policy, or leave it out"
        problems.add(("words", "version"), what)
    return msgspec.structs.replace(policy, words=msgspec.structs.replace(policy.words, version=version))


_NO_FILES = "a policy that is not in a file has its terms inside; put terms in place of from"
_NO_TERMS = "received no terms; terms, or from, is required"


def read_terms(text: str, *, name: str) -> tuple[str, ...]:
    """The words and phrases in a file: one on a line; what begins with # is a comment.

    Raises:
        ValueError: there are none, or one is too long.

    >>> read_terms("# mine\\nfree money\\n\\nact now\\n", name="mine.txt")
    ('free money', 'act now')
    """
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        term = line.strip()
        if not term or term.startswith("#"):
            continue
        if len(term) > MAX_TERM:
            raise ValueError(f"{name}, line {number}: {len(term)} characters; allowed: 1 to {MAX_TERM} a term")
        found.append(term)
    if not found:
        raise ValueError(f"{name} holds no terms; allowed: one on a line")
    return tuple(found)


def extended(base: _Policy, given: _Policy) -> _Policy:
    """A policy that is like another but for what it says itself."""
    changes: dict[str, Any] = {table: _merged(getattr(base, table), getattr(given, table)) for table in RULE_TABLES}
    for key in ("personal_data", "model", "words", "description", "owner"):
        changes[key] = getattr(given, key) or getattr(base, key)
    surfaces = dict(base.surfaces)
    for name, surface in given.surfaces.items():
        known = surfaces.get(name, ForSurface())
        surfaces[name] = ForSurface(
            {**known.labels, **surface.labels}, _by_language(known.languages, surface.languages)
        )
    return msgspec.structs.replace(
        given,
        labels={**base.labels, **given.labels},
        languages=_by_language(base.languages, given.languages),
        surfaces=surfaces,
        severities={**base.severities, **given.severities},
        off=tuple(dict.fromkeys((*base.off, *given.off))),
        extends="",
        **changes,
    )


def _merged(base: tuple[_Rule, ...], given: tuple[_Rule, ...]) -> tuple[_Rule, ...]:
    own = {rule.rule: rule for rule in given}
    kept = [own.pop(rule.rule, rule) for rule in base]
    return (*kept, *own.values())


def _by_language(base: dict[str, ForLanguage], given: dict[str, ForLanguage]) -> dict[str, ForLanguage]:
    merged = dict(base)
    for language, different in given.items():
        known = merged.get(language, ForLanguage())
        merged[language] = ForLanguage({**known.labels, **different.labels})
    return merged


def without_off(policy: _Policy) -> _Policy:
    """The policy without the rules that find only labels that are switched off, so that they cost nothing.

    What a rule about two things together looks for stays: it makes signals, which lead to no action.
    """
    if not policy.off:
        return policy
    off = policy.labels.keys() - policy.wanted
    changes: dict[str, Any] = {}
    for table in RULE_TABLES:
        changes[table] = tuple(kept for rule in getattr(policy, table) if (kept := _without(rule, off)) is not None)
    if policy.personal_data is not None and policy.personal_data.label in off:
        changes["personal_data"] = None
    if policy.model is not None:
        heads = {name: head for name, head in policy.model.heads.items() if head.label not in off}
        changes["model"] = msgspec.structs.replace(policy.model, heads=heads) if heads else None
    return msgspec.structs.replace(policy, **changes)


def _without(rule: Rule, off: Set[str]) -> Rule | None:
    if isinstance(rule, ManagedRule):
        labels = {theirs: label for theirs, label in rule.labels.items() if label not in off}
        return msgspec.structs.replace(rule, labels=labels) if labels else None
    if isinstance(rule, AllowRule | AuthorRule):
        return rule
    return None if rule.label in off else rule
