"""What stands in a policy: its labels, thresholds and rules, and the questions that they answer by themselves."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Literal, Self

import msgspec
from msgspec import Struct

from consumers.moderation.rule_values import Language, Name, Score, Severity, SurfaceName
from consumers.moderation.rules import (
    AllowRule,
    AuthorRule,
    BesideRule,
    FloodRule,
    ForLanguage,
    ForSurface,
    Label,
    LinkRule,
    ManagedRule,
    ModelRule,
    PatternRule,
    PersonalDataRule,
    RelationRule,
    RepeatRule,
    Rule,
    SolicitationRule,
    TermRule,
    Thresholds,
    WordsRule,
)

RULE_TABLES = (
    "terms",
    "patterns",
    "links",
    "allow",
    "authors",
    "managed",
    "floods",
    "repeats",
    "beside",
    "relations",
    "solicitations",
)
"""The policy's arrays of rules. A rule's name is unique among all of them."""


class PolicyContent(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What stands in a policy, and what follows from it.

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
        beside: rules about two things that say more together.
        relations: rules about attacks on groups of people.
        solicitations: rules about requests to strangers.
        extends: the name of a policy in the bundle that this one is like. What stands here goes before: a rule in place
            of the rule of that name, thresholds in place of those of that label.
        off: labels that do not count, whatever finds them.
        words: the word lists of the bundle.
    """

    id: Name
    labels: dict[Name, Label] = {}
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
    beside: tuple[BesideRule, ...] = ()
    relations: tuple[RelationRule, ...] = ()
    solicitations: tuple[SolicitationRule, ...] = ()
    extends: Name | Literal[""] = ""
    off: tuple[Name, ...] = ()
    words: WordsRule | None = None

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

    @property
    def wanted(self) -> frozenset[str]:
        """The labels that something has to be looked for: those that are not off, and those that rules about two
        things together ask for."""
        off = set(self.off)
        asked = {label for rule in self.beside if rule.label not in off for label in rule.labels}
        return frozenset(self.labels.keys() - off | asked)

    def least_scores(self) -> dict[str, float]:
        """By label, the lowest score that can lead to anything; labels for which none can are left out."""
        each = [
            self.thresholds(surface, language) for surface in (None, *self.surfaces) for language in self._languages()
        ]
        earlier = max((rule.lower_by for rule in self.authors), default=0.0)
        least: dict[str, float] = {}
        for label in self.labels.keys() - set(self.off):
            steps = [at for by_label in each for at in by_label[label].steps() if at is not None]
            if steps:
                least[label] = min(steps) - earlier
        for rule in self.beside:
            for label in rule.labels if rule.label not in self.off else ():
                least[label] = min(least.get(label, 1.0), rule.at_least)
        for managed in self.managed:
            for label, between in managed.borderline.items():
                least[label] = min(least.get(label, 1.0), between.low)
        return least

    def _languages(self) -> list[str | None]:
        named = {language for surface in self.surfaces.values() for language in surface.languages}
        return [None, *sorted(named | self.languages.keys())]

    @property
    def held(self) -> frozenset[str]:
        """The labels that are always seen by a person."""
        return frozenset(name for name, label in self.labels.items() if label.hold)

    @property
    def handling(self) -> Mapping[str, str]:
        """By label, the word for whoever gets the notice, where there is one."""
        return {name: label.handling for name, label in self.labels.items() if label.handling}

    def thresholds(self, surface: str | None = None, language: str | None = None) -> Mapping[str, Thresholds]:
        """Each label's thresholds: those of the surface in the language, else of the surface, the language, the label.

        Args:
            surface: where it was posted; None: nowhere in particular.
            language: primary subtag; None when unknown.
        """
        for_language = self.languages.get(language or "", _NOTHING_FOR_LANGUAGE)
        for_surface = self.surfaces.get(surface or "", _NOTHING_FOR_SURFACE)
        for_both = for_surface.languages.get(language or "", _NOTHING_FOR_LANGUAGE)
        found = {**self.labels, **for_language.labels, **for_surface.labels, **for_both.labels}
        return {**found, **dict.fromkeys(self.off, NEVER)} if self.off else found

    def expiries(self) -> list[date]:
        """The days on which rules expire, in order."""
        return sorted({rule.expires for _, _, rule in self.rules() if rule.expires is not None})

    def versions(self) -> list[Self]:
        """The policy as it is before its first rule expires, and after each day on which one does."""
        moments = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in self.expiries()]
        return [self, *(self.in_force(moment) for moment in moments)]

    def in_force(self, now: float) -> Self:
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


NEVER = Thresholds()
"""The thresholds of a label that is switched off."""
_NOTHING_FOR_LANGUAGE = ForLanguage()
_NOTHING_FOR_SURFACE = ForSurface()
