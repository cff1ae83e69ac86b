"""A policy as data: which rules there are, and from which score on a label leads to which action.

Written in TOML, read by :meth:`Policy.load`, identified by its id and the hash of its content. A policy never changes:
another content is another version.

    id = "default"

    [labels.spam]
    flag = 0.3
    review = 0.6
    block = 0.9

    [[terms]]
    rule = "spam_phrases"
    label = "spam"
    score = 0.5
    terms = ["free money", "act now"]

A term is found as a whole word (in scripts without spaces: anywhere), in any case, also when it is written with
look-alike letters. A pattern is an re2 expression and looks at the normalised, lower-case text. What each key means and
may hold is in ``consumers/policies/policy.schema.json``.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from consumers.moderation.detectors.scan import ScanError, compile_expression
from consumers.moderation.managed_labels import LABELS
from consumers.moderation.problems import PolicyError, Problem, Problems, allowed, path_name, shown
from consumers.moderation.rules import (
    SEVERITIES,
    AllowRule,
    AuthorRule,
    FloodRule,
    ForLanguage,
    ForSurface,
    Language,
    LinkRule,
    ManagedRule,
    ModelRule,
    Name,
    PatternRule,
    PersonalDataRule,
    RepeatRule,
    Rule,
    Score,
    Severity,
    SurfaceName,
    TermRule,
    Thresholds,
)

__all__ = [
    "AllowRule",
    "AuthorRule",
    "FloodRule",
    "LinkRule",
    "ManagedRule",
    "ModelRule",
    "PatternRule",
    "PersonalDataRule",
    "Policy",
    "PolicyError",
    "RepeatRule",
    "Rule",
    "TermRule",
    "Thresholds",
]

RULE_TABLES = ("terms", "patterns", "links", "allow", "authors", "managed", "floods", "repeats")
"""The policy's arrays of rules. A rule's name is unique among all of them."""


class Policy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One version of one policy.

    Args:
        id: names the policy; lower-case letters, digits and ``_``.
        labels: what content may be, each with its thresholds.
        terms: rules that find words and phrases.
        patterns: rules that find re2 expressions.
        personal_data: what personal data counts for.
        surfaces: thresholds that differ on a surface.
        description: for people.
        owner: who answers for the policy, and for each rule that names nobody.
        links: rules about links and their domains.
        allow: what never counts.
        authors: authors for whom thresholds are lower.
        languages: thresholds that differ in a language. On a surface, what the surface says goes before.
        severities: the scores of low, medium, high and critical, where they shall not be 0.4, 0.6, 0.8 and 0.95.
        model: what the linear model counts for.
        managed: managed AI services that are asked about what the rest leaves open.
        floods: rules about authors who post a lot in a short time.
        repeats: rules about the same text again and again.
    """

    id: Name
    labels: Annotated[dict[Name, Thresholds], Meta(min_length=1)]
    terms: tuple[TermRule, ...] = ()
    patterns: tuple[PatternRule, ...] = ()
    personal_data: PersonalDataRule | None = None
    surfaces: dict[SurfaceName, ForSurface] = {}
    description: str = ""
    owner: str = ""
    links: tuple[LinkRule, ...] = ()
    allow: tuple[AllowRule, ...] = ()
    authors: tuple[AuthorRule, ...] = ()
    languages: dict[Language, ForLanguage] = {}
    severities: dict[Severity, Score] = {}
    model: ModelRule | None = None
    managed: tuple[ManagedRule, ...] = ()
    floods: tuple[FloodRule, ...] = ()
    repeats: tuple[RepeatRule, ...] = ()

    @classmethod
    def load(cls, text: str) -> "Policy":
        """The policy in this TOML text.

        Raises:
            PolicyError: it is no TOML, a key is unknown or missing, a value is not allowed, or rules contradict; all
                that could be found at once.

        >>> Policy.load('id = "a"\\n[labels.spam]\\nflga = 2')
        Traceback (most recent call last):
        consumers.moderation.problems.PolicyError: line 3, column 1: labels.spam.flga: unknown key; allowed: block, flag, review; did you mean 'flag'?
        """  # noqa: E501
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PolicyError([_not_toml(str(error))]) from None
        except RecursionError:
            raise PolicyError([Problem(0, 0, "", "not TOML: nested too deep; a policy has at most 5 levels")]) from None
        problems = Problems(text)
        _score_by_severity(document, problems)
        try:
            policy = msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            problems.add_shape(document, cls)
            if not problems.found:
                problems.add((), str(error))
        else:
            _check(policy, problems)
        problems.refuse()
        return policy

    @property
    def version(self) -> str:
        """16 hexadecimal characters that stand for the content: comments, white space and key order do not count."""
        content = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(content).hexdigest()[:16]

    def rules(self) -> Iterator[tuple[str, int, Rule]]:
        """Each rule with the table it stands in and its position there."""
        for table in RULE_TABLES:
            for position, rule in enumerate(getattr(self, table)):
                yield table, position, rule

    def thresholds(self, surface: str | None = None, language: str | None = None) -> Mapping[str, Thresholds]:
        """Each label's thresholds: those of the surface in the language, else of the surface, the language, the label.

        Args:
            surface: where it was posted; None: nowhere in particular.
            language: primary subtag; None when unknown.
        """
        for_language = self.languages.get(language or "", _NOTHING_FOR_LANGUAGE)
        for_surface = self.surfaces.get(surface or "", _NOTHING_FOR_SURFACE)
        for_both = for_surface.languages.get(language or "", _NOTHING_FOR_LANGUAGE)
        return {**self.labels, **for_language.labels, **for_surface.labels, **for_both.labels}

    def expiries(self) -> list[date]:
        """The days on which rules expire, in order."""
        return sorted({rule.expires for _, _, rule in self.rules() if rule.expires is not None})

    def versions(self) -> list["Policy"]:
        """The policy as it is before its first rule expires, and after each day on which one does."""
        moments = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in self.expiries()]
        return [self, *(self.in_force(moment) for moment in moments)]

    def in_force(self, now: float) -> "Policy":
        """The policy without the rules that have expired; the same one when none has.

        An expired rule is no longer content: the version is that of the policy without it, so that a verdict id never
        stands for two answers.

        Args:
            now: seconds since 1970.
        """
        today = datetime.fromtimestamp(now, UTC).date()
        if not any(day <= today for day in self.expiries()):
            return self
        kept = {
            table: tuple(rule for rule in getattr(self, table) if rule.expires is None or rule.expires > today)
            for table in RULE_TABLES
        }
        return msgspec.structs.replace(self, **kept)


_NOTHING_FOR_LANGUAGE = ForLanguage()
_NOTHING_FOR_SURFACE = ForSurface()


def _not_toml(message: str) -> Problem:
    what, _, where = message.rpartition(" (at ")
    numbers = [int(word) for word in where.rstrip(")").replace(",", " ").split() if word.isdigit()]
    line, column = numbers if len(numbers) == 2 else (0, 0)
    return Problem(line, column, "", f"not TOML: {what or message}")


def _score_by_severity(document: dict[str, Any], problems: Problems) -> None:
    """Gives each rule that has a severity the score it stands for."""
    given = document.get("severities")
    scores: dict[str, Any] = {str(word): score for word, score in SEVERITIES.items()}
    if isinstance(given, dict):
        scores |= given
    for table in RULE_TABLES:
        rules = document.get(table)
        for position, rule in enumerate(rules if isinstance(rules, list) else ()):
            if not isinstance(rule, dict) or "severity" not in rule or table in {"allow", "authors", "managed"}:
                continue
            if "score" in rule:
                problems.add((table, position, "severity"), "received a severity beside a score; allowed: one of them")
            else:
                # An unknown word is named by the check of shapes; it needs some score to get there.
                rule["score"] = scores.get(rule["severity"], 0.5) if isinstance(rule["severity"], str) else 0.5


def _check(policy: Policy, problems: Problems) -> None:
    """Notes what contradicts itself though each part alone is well formed."""
    seen: dict[str, str] = {}
    for table, position, rule in policy.rules():
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
        if isinstance(rule, RepeatRule) and rule.authors > rule.events:
            what = f"received {rule.authors}, with events {rule.events}; allowed: authors <= events"
            problems.add((table, position, "authors"), what)
        if isinstance(rule, PatternRule):
            _check_expression(problems, (table, position, "pattern"), rule.pattern)
        elif isinstance(rule, AllowRule):
            for number, pattern in enumerate(rule.patterns):
                _check_expression(problems, (table, position, "patterns", number), pattern)
    if policy.personal_data is not None:
        _check_label(policy, problems, ("personal_data", "label"), policy.personal_data.label)
    if policy.model is not None:
        for name, head in policy.model.heads.items():
            _check_label(policy, problems, ("model", "heads", name, "label"), head.label)
            if head.at_most < head.at_least:
                what = f"received {head.at_most} below at_least {head.at_least}; allowed: at_least <= at_most"
                problems.add(("model", "heads", name, "at_most"), what)
    _check_thresholds(policy, problems, ("labels",), policy.labels)
    for language, different in policy.languages.items():
        _check_thresholds(policy, problems, ("languages", language, "labels"), different.labels)
    for surface, override in policy.surfaces.items():
        _check_thresholds(policy, problems, ("surfaces", surface, "labels"), override.labels)
        for language, different in override.languages.items():
            path = ("surfaces", surface, "languages", language, "labels")
            _check_thresholds(policy, problems, path, different.labels)


def _check_managed(policy: Policy, problems: Problems, path: tuple[str | int, ...], rule: ManagedRule) -> None:
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


def _check_label(policy: Policy, problems: Problems, path: tuple[str | int, ...], label: str) -> None:
    if label not in policy.labels:
        problems.add(path, f"received {label!r}; {allowed(label, policy.labels)} (the policy's labels)")


def _check_expression(problems: Problems, path: tuple[str | int, ...], expression: str) -> None:
    try:
        compile_expression(expression)
    except ScanError as error:
        problems.add(path, f"received {shown(expression)}: {error}")


def _check_thresholds(
    policy: Policy, problems: Problems, path: tuple[str, ...], by_label: Mapping[str, Thresholds]
) -> None:
    for label, thresholds in by_label.items():
        if label not in policy.labels:
            what = f"received {label!r}; {allowed(label, policy.labels)} (the policy's labels)"
            problems.add((*path, label), what, at_key=True)
        given = [value for value in (thresholds.flag, thresholds.review, thresholds.block) if value is not None]
        if given != sorted(given):
            received = ", ".join(str(value) for value in given)
            problems.add((*path, label), f"received {received}; allowed: flag <= review <= block")
