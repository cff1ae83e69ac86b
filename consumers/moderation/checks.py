"""What contradicts itself in a policy though each part alone is well formed."""

from collections.abc import Mapping

from consumers.moderation.expressions import is_known
from consumers.moderation.managed_labels import LABELS
from consumers.moderation.policy_content import PolicyContent
from consumers.moderation.problems import Problems, allowed, path_name, shown
from consumers.moderation.rules import (
    AllowRule,
    AuthorRule,
    BesideRule,
    LinkRule,
    ManagedRule,
    PatternRule,
    RelationRule,
    RepeatRule,
    SolicitationRule,
    Thresholds,
)
from consumers.moderation.scan import ScanError, compile_expression


def check(given: PolicyContent, whole: PolicyContent, problems: Problems) -> None:
    """Takes note of what contradicts itself.

    Args:
        given: the policy as it is written.
        whole: the same with what it extends.
        problems: takes the notes.
    """
    seen: dict[str, str] = {}
    if given is not whole:
        own = {(table, rule.rule) for table, _, rule in given.rules()}
        seen = {rule.rule: table for table, _, rule in whole.rules() if (table, rule.rule) not in own}
    policy = whole
    for number, label in enumerate(given.off):
        _check_label(policy, problems, ("off", number), label)
    for table, position, rule in given.rules():
        place = path_name((table, position))
        if rule.rule in seen:
            what = f"received {rule.rule!r} again (also in {seen[rule.rule]}); allowed: each name once"
            problems.add((table, position, "rule"), what)
        seen.setdefault(rule.rule, place)
        if isinstance(rule, AuthorRule):
            for number, label in enumerate(rule.labels):
                _check_label(policy, problems, (table, position, "labels", number), label)
        elif isinstance(rule, ManagedRule):
            _check_managed(policy, problems, (table, position), rule)
        elif not isinstance(rule, AllowRule):
            _check_label(policy, problems, (table, position, "label"), rule.label)
        if isinstance(rule, LinkRule) and not rule.domains and not rule.kinds:
            problems.add((table, position), "received neither domains nor kinds; allowed: one of them or both")
        if isinstance(rule, AllowRule) and not (rule.terms or rule.patterns or rule.links):
            problems.add((table, position), "received nothing to allow; allowed: terms, patterns, links or several")
        if isinstance(rule, BesideRule):
            for number, label in enumerate(rule.labels):
                _check_label(policy, problems, (table, position, "labels", number), label)
            if not rule.terms and not rule.patterns:
                problems.add((table, position), "received neither terms nor patterns; allowed: one of them or both")
        if isinstance(rule, RepeatRule) and rule.authors > rule.events:
            what = f"received {rule.authors}, with events {rule.events}; allowed: authors <= events"
            problems.add((table, position, "authors"), what)
        if isinstance(rule, RelationRule | SolicitationRule) and rule.at_most < rule.at_least:
            what = f"received {rule.at_most} below at_least {rule.at_least}; allowed: at_least <= at_most"
            problems.add((table, position, "at_most"), what)
        if isinstance(rule, PatternRule):
            _check_expression(problems, (table, position, "pattern"), rule.pattern)
        elif isinstance(rule, AllowRule | BesideRule):
            for number, pattern in enumerate(rule.patterns):
                _check_expression(problems, (table, position, "patterns", number), pattern)
    if given.personal_data is not None:
        _check_label(policy, problems, ("personal_data", "label"), given.personal_data.label)
    if given.model is not None:
        for name, head in given.model.heads.items():
            _check_label(policy, problems, ("model", "heads", name, "label"), head.label)
            if head.counts_from is None and head.at_most < head.at_least:
                what = f"received {head.at_most} below at_least {head.at_least}; allowed: at_least <= at_most"
                problems.add(("model", "heads", name, "at_most"), what)
            if head.counts_from is not None and head.counts_from > head.at_most:
                what = f"received {head.counts_from} above at_most {head.at_most}; allowed: counts_from <= at_most"
                problems.add(("model", "heads", name, "counts_from"), what)
    _check_thresholds(policy, problems, ("labels",), given.labels)
    for language, different in given.languages.items():
        _check_thresholds(policy, problems, ("languages", language, "labels"), different.labels)
    for surface, override in given.surfaces.items():
        _check_thresholds(policy, problems, ("surfaces", surface, "labels"), override.labels)
        for language, different in override.languages.items():
            path = ("surfaces", surface, "languages", language, "labels")
            _check_thresholds(policy, problems, path, different.labels)


def _check_managed(policy: PolicyContent, problems: Problems, path: tuple[str | int, ...], rule: ManagedRule) -> None:
    known = LABELS[rule.service]
    for theirs, label in rule.labels.items():
        if known and theirs not in known:
            what = f"received {shown(theirs)}; {allowed(theirs, known)} (what {rule.service} says)"
            problems.add((*path, "labels", theirs), what, at_key=True)
        _check_label(policy, problems, (*path, "labels", theirs), label)
    for label, between in rule.borderline.items():
        if label not in policy.labels:
            what = f"received {label!r}; {allowed(label, policy.labels)} (the policy's labels)"
            problems.add((*path, "borderline", label), what, at_key=True)
        if between.high < between.low:
            what = f"received {between.high} below low {between.low}; allowed: low <= high"
            problems.add((*path, "borderline", label, "high"), what)
    if not rule.borderline and rule.service != "rekognition":
        what = f"received {rule.service} without borderline; borderline is required: which texts are worth a call"
        problems.add(path, what, at_key=True)
    for key, value in (("guardrail", rule.guardrail), ("guardrail_version", rule.guardrail_version)):
        if rule.service == "bedrock" and value is None:
            problems.add(path, f"received bedrock without {key}; {key} is required", at_key=True)
        if rule.service != "bedrock" and value is not None:
            what = f"received {key} with {rule.service}; allowed: with bedrock only"
            problems.add((*path, key), what, at_key=True)
    if rule.service == "comprehend" and rule.language not in {None, "en"}:
        problems.add((*path, "language"), f"received {rule.language!r}; allowed: en, all that comprehend knows")
    if rule.at_most < rule.at_least:
        what = f"received {rule.at_most} below at_least {rule.at_least}; allowed: at_least <= at_most"
        problems.add((*path, "at_most"), what)


def _check_label(policy: PolicyContent, problems: Problems, path: tuple[str | int, ...], label: str) -> None:
    if label not in policy.labels:
        problems.add(path, f"received {label!r}; {allowed(label, policy.labels)} (the policy's labels)")


def _check_expression(problems: Problems, path: tuple[str | int, ...], expression: str) -> None:
    if is_known(expression):
        return
    try:
        compile_expression(expression)
    except ScanError as error:
        problems.add(path, f"received {shown(expression)}: {error}")


def _check_thresholds(
    policy: PolicyContent, problems: Problems, path: tuple[str, ...], by_label: Mapping[str, Thresholds]
) -> None:
    for label, thresholds in by_label.items():
        if label not in policy.labels:
            what = f"received {label!r}; {allowed(label, policy.labels)} (the policy's labels)"
            problems.add((*path, label), what, at_key=True)
        given = [value for value in (thresholds.flag, thresholds.review, thresholds.block) if value is not None]
        if given != sorted(given):
            received = ", ".join(str(value) for value in given)
            problems.add((*path, label), f"received {received}; allowed: flag <= review <= block")
