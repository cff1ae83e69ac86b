"""What may stand in a policy: its rules and thresholds, as records. What they mean together is in ``policy``."""

from typing import Annotated, Literal

from msgspec import Meta, field

from consumers.moderation.kinds import PersonalDataFamily, PersonalDataKind, RelationKind, SolicitationKind
from consumers.moderation.rule_values import (
    AuthorId,
    Domain,
    Expression,
    Language,
    LinkKind,
    ManagedLabel,
    ManagedService,
    Many,
    Name,
    Record,
    RuleRecord,
    Score,
    Seconds,
    Severity,
    Term,
)
from consumers.moderation.word_rules import BesideRule as BesideRule
from consumers.moderation.word_rules import TermRule as TermRule
from consumers.moderation.word_rules import WordsRule as WordsRule
from glue.vocabulary import Action

SEVERITIES: dict[Severity, float] = {"low": 0.4, "medium": 0.6, "high": 0.8, "critical": 0.95}
"""The score that each word stands for, unless the policy's ``[severities]`` says otherwise."""


class Thresholds(Record, frozen=True):
    """From which score on a label leads to an action; left out: never to this one.

    Args:
        flag: let it pass, and mark it.
        review: hold it for a person.
        block: take it down.
    """

    flag: Score | None = None
    review: Score | None = None
    block: Score | None = None

    def action(self, score: float) -> Action:
        """What a score leads to; a higher score never to less.

        >>> Thresholds(flag=0.3, block=0.9).action(0.5)
        'flag'
        """
        if self.block is not None and score >= self.block:
            return "block"
        if self.review is not None and score >= self.review:
            return "review"
        if self.flag is not None and score >= self.flag:
            return "flag"
        return "allow"

    def steps(self) -> tuple[float | None, float | None, float | None]:
        """The three scores, mildest action first."""
        return self.flag, self.review, self.block

    def lowered(self, by: float) -> "Thresholds":
        """The same, reached that much earlier; never at a score of 0, which says nothing.

        >>> Thresholds(flag=0.3, block=0.9).lowered(0.35)
        Thresholds(flag=0.01, review=None, block=0.55)
        """
        given = (self.flag, self.review, self.block)
        return Thresholds(*(None if at is None else min(at, max(0.01, round(at - by, 6))) for at in given))


class Label(Thresholds, frozen=True):
    """What content may be, from which score on that leads to an action, and who has to know.

    Args:
        flag: let it pass, and mark it.
        review: hold it for a person.
        block: take it down.
        hold: once the label leads to an action, the action is review, whatever else was found: a person sees it, and it
            is never blocked unseen.
        handling: a word for whoever gets the notice of such content, such as support.
    """

    hold: bool = False
    handling: Name | Literal[""] = ""


class PatternRule(RuleRecord, frozen=True):
    """One re2 expression over the normalised text.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text that matches is; one of the policy's labels.
        score: how surely, 0 to 1; or give severity.
        pattern: the expression, linear in time by construction; letter case does not matter.
        language: looks only at events of this language (its primary subtag) or of none; left out: at all.
        severity: instead of score: low, medium, high or critical.
    """

    rule: Name
    label: Name
    score: Score
    pattern: Expression
    language: Language | None = None
    severity: Severity | None = None


class LinkRule(RuleRecord, frozen=True):
    """Links that say something about a text: by their domain, or by what can be seen from the link itself.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text with such a link is; one of the policy's labels.
        score: how surely, 0 to 1; or give severity.
        domains: these domains and everything below them.
        kinds: any: every link; shortener: a known link shortener; punycode: a name beyond ASCII; ip_address: a bare
            address; redirect: a link that carries another one; mixed_script: a name in letters of several scripts.
        severity: instead of score: low, medium, high or critical.
    """

    rule: Name
    label: Name
    score: Score
    domains: tuple[Domain, ...] = ()
    kinds: tuple[LinkKind, ...] = ()
    severity: Severity | None = None


class AllowRule(RuleRecord, frozen=True):
    """What never counts: a signal whose whole find lies inside one of these spans is left out.

    Args:
        rule: names the rule; unique in the policy.
        terms: words and phrases, as whole words and as written; letter case does not matter.
        patterns: re2 expressions over the normalised text.
        links: domains; links to them and to everything below them.
    """

    rule: Name
    terms: tuple[Term, ...] = ()
    patterns: tuple[Expression, ...] = ()
    links: tuple[Domain, ...] = ()


class AuthorRule(RuleRecord, frozen=True):
    """Authors for whom thresholds are lower: repeat offenders, found by a report, loaded with the policy.

    Who is one is written in the policy: a verdict never depends on what a process happened to see before.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        authors: their ids, which are pseudonyms.
        lower_by: how much earlier each threshold is reached, above 0 and up to 1.
        labels: only for these labels; left out: for all.
    """

    rule: Name
    authors: Annotated[tuple[AuthorId, ...], Meta(min_length=1)]
    lower_by: Annotated[float, Meta(gt=0.0, le=1.0, description="a number above 0 and up to 1")]
    labels: tuple[Name, ...] = ()


class FloodRule(RuleRecord, frozen=True):
    """One author who posts a lot in a short time, as far as one batch shows it: docs/decisions/0017.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what such events are; one of the policy's labels.
        score: how surely, 0 to 1; or give severity.
        events: how many events of one author make a flood. Copies of one event count once.
        seconds: within which time they were created.
        severity: instead of score: low, medium, high or critical.
    """

    rule: Name
    label: Name
    score: Score
    events: Many
    seconds: Seconds
    severity: Severity | None = None


class RepeatRule(RuleRecord, frozen=True):
    """The same text again and again, as far as one batch shows it: docs/decisions/0017.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what such events are; one of the policy's labels.
        score: how surely, 0 to 1; or give severity.
        events: how many contents with the text make a repeat. Edits and copies of one content count once.
        seconds: within which time they were created.
        authors: by how many authors at least.
        near: whether texts count together that share most of their words; else only those whose normal form is the
            same, so that letter case, width, white space and invisible characters make no difference.
        characters: of a shorter normal form, repeating says nothing.
        severity: instead of score: low, medium, high or critical.
    """

    rule: Name
    label: Name
    score: Score
    events: Many
    seconds: Seconds
    authors: Annotated[int, Meta(ge=1, le=10_000, description="a whole number from 1 to 10000")] = 1
    near: bool = False
    characters: Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")] = 20
    severity: Severity | None = None


class RelationRule(RuleRecord, frozen=True):
    """Attacks on groups of people, found by how words stand together: a group, and something hostile said of it.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text with such an attack is; one of the policy's labels.
        kinds: contempt: they are hated; derogation: they are called bad; dehumanisation: they are called vermin;
            exclusion: they are denied rights or a place; violence: they are to be hurt or killed.
        at_least: from which score on there is a signal.
        at_most: a higher score counts as this one, so that a rule alone does not reach every action.
    """

    rule: Name
    label: Name
    kinds: Annotated[tuple[RelationKind, ...], Meta(min_length=1)]
    at_least: Annotated[float, Meta(gt=0.0, lt=1.0, description="a number above 0 and below 1")] = 0.1
    at_most: Annotated[float, Meta(gt=0.0, le=1.0, description="a number above 0 and up to 1")] = 1.0


class SolicitationRule(RuleRecord, frozen=True):
    """Requests to strangers: subscribe to my channel, vote for me, click here. Many small marks are added up.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text with such a request is; one of the policy's labels.
        kinds: channel: come to my channel, page or work; exchange: I follow you if you follow me; votes: vote, like,
            share, sign; money: earn, win, buy; link: click. A text counts for the kind that says most of it.
        at_least: from which score on there is a signal.
        at_most: a higher score counts as this one, so that a rule alone does not reach every action.
    """

    rule: Name
    label: Name
    kinds: Annotated[tuple[SolicitationKind, ...], Meta(min_length=1)]
    at_least: Annotated[float, Meta(gt=0.0, lt=1.0, description="a number above 0 and below 1")] = 0.3
    at_most: Annotated[float, Meta(gt=0.0, le=1.0, description="a number above 0 and up to 1")] = 1.0


class PersonalDataRule(Record, frozen=True):
    """What personal data in a text counts for. Excerpts are masked whatever stands here.

    Args:
        label: what a text with personal data is; one of the policy's labels.
        scores: how surely, 0 to 1, for each kind; ``national_id`` and ``secret`` stand for their kinds that have no
            score of their own. A kind left out makes no signal.
    """

    label: Name
    scores: dict[PersonalDataKind | PersonalDataFamily, Score]


class ModelHead(Record, frozen=True):
    """What one head of the linear model counts for.

    Args:
        label: what a text is that the head finds; one of the policy's labels.
        at_least: from which score on there is a signal.
        at_most: a higher score counts as this one, so that a model alone does not reach every action.
        counts_from: what a score of ``at_least`` counts as; lower ones count as less, down to 0, and higher ones as
            more, up to ``at_most``. So heads of very different scores can be held beside each other. Left out: a score
            counts as it is.
    """

    label: Name
    at_least: Annotated[float, Meta(gt=0.0, lt=1.0, description="a number above 0 and below 1")] = 0.1
    at_most: Annotated[float, Meta(gt=0.0, le=1.0, description="a number above 0 and up to 1")] = 1.0
    counts_from: Score | None = None

    def counts_as(self, score: float) -> float:
        """What a score counts as, in the policy's own measure.

        >>> head = ModelHead("insult", at_least=0.1, at_most=0.8, counts_from=0.4)
        >>> head.counts_as(0.05), head.counts_as(0.1), head.counts_as(0.55), head.counts_as(1.0)
        (0.2, 0.4, 0.6, 0.8)
        """
        if self.counts_from is None:
            return min(score, self.at_most)
        if score < self.at_least:
            return score / self.at_least * self.counts_from
        share = (score - self.at_least) / (1 - self.at_least)
        return round(self.counts_from + share * (self.at_most - self.counts_from), 12)


class ModelRule(Record, frozen=True):
    """The linear model; left out, there is none.

    Args:
        weights: which weights, as name@version. The version is part of the policy: other weights are another policy.
        heads: what each head counts for. A score is how surely, when one text in a hundred is what the head finds. A
            head left out says nothing.
    """

    weights: Annotated[
        str,
        Meta(
            pattern=r"^[a-z][a-z0-9_]{0,63}@[0-9a-f]{16}\Z",
            description="name@version, where the version is 16 hexadecimal characters",
        ),
    ]
    heads: Annotated[dict[Name, ModelHead], Meta(min_length=1)]


class Borderline(Record, frozen=True):
    """The scores of a label at which a text is worth a second opinion.

    Args:
        low, high: both included. A label that nothing has found has the score 0.
    """

    low: Score
    high: Score = 1.0


class ManagedRule(RuleRecord, frozen=True):
    """A managed AI service of AWS that is asked about what the other rules leave open. Each call costs money and time.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        service: comprehend: DetectToxicContent, for English texts; bedrock: ApplyGuardrail, for texts; rekognition:
            DetectModerationLabels, for JPEG and PNG images in S3.
        labels: what each of the service's labels is here, by its name there; one of the policy's labels.
        borderline: asked when the strongest score of one of these labels lies within its range; for rekognition, left
            out: about every image.
        guardrail: of bedrock, the guardrail's id or ARN.
        guardrail_version: of bedrock, its version: a number, or DRAFT.
        at_least: from which score on there is a signal.
        at_most: a higher score counts as this one, so that the service alone does not reach every action.
        calls_per_hour: how often the service is called in an hour, by each execution environment of a function.
        language: asks only about events of this language (its primary subtag) or of none; comprehend knows only en.
    """

    rule: Name
    service: ManagedService
    labels: Annotated[dict[ManagedLabel, Name], Meta(min_length=1)]
    borderline: dict[Name, Borderline] = field(default_factory=dict)
    guardrail: (
        Annotated[
            str,
            Meta(
                pattern=r"^(?:[a-z0-9]+|arn:aws[a-z-]*:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+)\Z",
                max_length=2048,
                description="a guardrail's id or ARN",
            ),
        ]
        | None
    ) = None
    guardrail_version: (
        Annotated[str, Meta(pattern=r"^(?:[1-9][0-9]{0,7}|DRAFT)\Z", description="a number in quotes, or DRAFT")] | None
    ) = None
    at_least: Annotated[float, Meta(gt=0.0, lt=1.0, description="a number above 0 and below 1")] = 0.5
    at_most: Annotated[float, Meta(gt=0.0, le=1.0, description="a number above 0 and up to 1")] = 1.0
    calls_per_hour: Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")] = 1000
    language: Language | None = None


class ForLanguage(Record, frozen=True):
    """What is different in a language: whole thresholds for the labels named.

    Args:
        labels: the thresholds, by label.
    """

    labels: dict[Name, Thresholds] = field(default_factory=dict)


class ForSurface(Record, frozen=True):
    """What is different where something is posted: whole thresholds for the labels named.

    Args:
        labels: the thresholds, by label.
        languages: thresholds that differ again, on this surface and in a language.
    """

    labels: dict[Name, Thresholds] = field(default_factory=dict)
    languages: dict[Language, ForLanguage] = field(default_factory=dict)


Rule = (
    TermRule
    | PatternRule
    | LinkRule
    | AllowRule
    | AuthorRule
    | BesideRule
    | ManagedRule
    | FloodRule
    | RepeatRule
    | RelationRule
    | SolicitationRule
)
