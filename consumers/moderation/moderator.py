"""A policy made ready: everything that can be prepared is prepared once, then texts are judged."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from consumers.models import read_weights
from consumers.moderation.decide import ALLOWED, Decision, decide
from consumers.moderation.detectors.allowed import AllowedSpans
from consumers.moderation.detectors.beside import BesideDetector
from consumers.moderation.detectors.links import CANDIDATE as LINK
from consumers.moderation.detectors.links import LinkDetector
from consumers.moderation.detectors.model import ModelDetector
from consumers.moderation.detectors.patterns import PatternDetector
from consumers.moderation.detectors.personal_data import CANDIDATES, PersonalDataDetector
from consumers.moderation.detectors.protocol import Detector, Subject
from consumers.moderation.detectors.relations.detector import RelationDetector
from consumers.moderation.detectors.solicitation import CANDIDATES as REQUESTS
from consumers.moderation.detectors.solicitation import SolicitationDetector
from consumers.moderation.detectors.terms import TermDetector
from consumers.moderation.detectors.velocity import CrowdDetector
from consumers.moderation.excerpt import MAX_EXCERPT, excerpt
from consumers.moderation.normalise import NormalText, normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.problems import Problem
from consumers.moderation.rules import SEVERITIES, Thresholds
from consumers.moderation.scan import SPACED, Scan
from consumers.moderation.scorer import Part
from consumers.moderation.weights import Weights
from consumers.moderation.words import EVERYWHERE, WordLists
from consumers.policies import lists, read_list
from glue.contract import Signal

_NO_HITS: frozenset[int] = frozenset()


def primary_subtag(language: str) -> str:
    """The language without script and region.

    >>> primary_subtag("pt-BR")
    'pt'
    """
    return language.partition("-")[0].lower()


def _word_lists(policy: Policy) -> WordLists | None:
    if policy.words is None:
        return None
    scores: dict[str, float] = {str(word): score for word, score in (SEVERITIES | policy.severities).items()}
    languages = (EVERYWHERE, *policy.words.languages) if policy.words.languages else lists()[1]
    return WordLists(read_list, languages=languages, least=policy.least_scores(), scores=scores)


class Content(Protocol):
    """What is judged: a text, and where, in which language and by whom it was posted, as a ``ContentEvent`` has it."""

    @property
    def text(self) -> str:
        """The original text, may be empty."""

    @property
    def surface(self) -> str:
        """Where it was posted."""

    @property
    def language(self) -> str | None:
        """Its BCP 47 tag, when known."""

    @property
    def author_id(self) -> str | None:
        """Who posted it, for the policy's author rules."""


class Finding(Struct, frozen=True, gc=False):
    """What a policy found in one text.

    Args:
        decision: the action and the labels that led to it.
        signals: everything the detectors said, by detector and rule.
        text_fingerprint: hash of the normal form; texts that differ only in case or width share it.
        excerpt: what of the text may be shown.
        truncated: whether the excerpt is not the whole text.
        normal: the normal form of the text, as UTF-8, for what compares the texts of a batch.
    """

    decision: Decision
    signals: tuple[Signal, ...]
    text_fingerprint: str
    excerpt: str
    truncated: bool
    normal: bytes = b""


class LabelScores(Struct, frozen=True, gc=False):
    """How much a text is of each label, also where that is less than the policy asks for.

    Args:
        rules: by label, the strongest score of the policy's rules, in the policy's measure; labels without any are
            left out.
        model: by label, how surely the linear model says so, when one text in a hundred is such; empty without a model.
    """

    rules: Mapping[str, float]
    model: Mapping[str, float]


class Moderator:
    """A policy, compiled. Safe to use from several threads at once.

    >>> moderator = Moderator(Policy.load('''
    ... id = "example"
    ... [labels.spam]
    ... flag = 0.3
    ... [[terms]]
    ... rule = "phrases"
    ... label = "spam"
    ... score = 0.5
    ... terms = ["free money"]
    ... '''))
    >>> moderator.judge("FREE M0NEY here", surface="comment").decision.action
    'flag'
    """

    def __init__(self, policy: Policy, *, weights: Callable[[str], bytes] = read_weights) -> None:
        """Compiles the policy's rules.

        Args:
            policy: the policy.
            weights: gives the file of the weights that a policy names; those in the bundle unless given.

        Raises:
            PolicyError: expressions that re2 does not take, terms without a visible character, or weights that are not
                there or not those.
        """
        self.policy = policy
        self.policy_id = policy.id
        self.policy_version = policy.version
        self.managed = policy.managed
        self.handling = policy.handling
        self._held = policy.held
        expressions = [rule.pattern for rule in policy.patterns]
        candidates = len(expressions)
        expressions += CANDIDATES.values()
        links = LinkDetector(policy.links, first=len(expressions))
        if policy.links:
            expressions.append(LINK)
        requests = SolicitationDetector(policy.solicitations, first=len(expressions))
        if policy.solicitations:
            expressions += REQUESTS
        self._allowed = AllowedSpans(policy.allow, first=len(expressions))
        expressions += self._allowed.expressions
        try:
            scan = Scan([*expressions, SPACED])
            self._hits, self._hits_of = scan.hits, scan.hits_of
            self.expressions = scan.expressions
            """All that are looked for together."""
            self._terms = TermDetector(policy.terms, words=_word_lists(policy), spaced=len(expressions))
        except ValueError as error:
            raise PolicyError([Problem(0, 0, "", str(error))]) from None
        self._personal_data = PersonalDataDetector(policy.personal_data, first=candidates)
        self.detectors: Sequence[Detector] = (
            self._terms,
            PatternDetector(policy.patterns, first=0),
            self._personal_data,
            *([links] if policy.links else ()),
            *([requests] if policy.solicitations else ()),
            *([RelationDetector(policy.relations, spaced=len(expressions))] if policy.relations else ()),
        )
        self._model: ModelDetector | None = None
        if policy.model is not None:
            try:
                read = Weights.read(weights(policy.model.weights), what=policy.model.weights)
                self._model = ModelDetector(read, policy.model, spaced=len(expressions))
            except ValueError as error:
                raise PolicyError([Problem(0, 0, "model", str(error))]) from None
            self.detectors = (*self.detectors, self._model)
        self.velocity = CrowdDetector(policy.floods, policy.repeats) if policy.floods or policy.repeats else None
        """What looks at whole batches, when the policy has rules for that."""
        # What looks at the scan's hits alone is not asked when there are none.
        by_hits = (PatternDetector, PersonalDataDetector, LinkDetector, SolicitationDetector)
        self._always = tuple(one.detect for one in self.detectors if not isinstance(one, by_hits))
        self._always_all = tuple(
            one.detect_all for one in self.detectors if isinstance(one, (TermDetector, RelationDetector, ModelDetector))
        )
        self._on_hits = tuple(one.detect for one in self.detectors if isinstance(one, by_hits))
        self._rules = tuple(one.detect for one in self.detectors if not isinstance(one, (*by_hits, ModelDetector)))
        self._rules_on_hits = tuple(
            one.detect for one in self.detectors if isinstance(one, by_hits) and one is not self._personal_data
        )
        self._beside = BesideDetector(policy.beside) if policy.beside else None
        self._thresholds: dict[tuple[str, str | None], Mapping[str, Thresholds]] = {}
        self._languages = policy.languages.keys() | {
            language for surface in policy.surfaces.values() for language in surface.languages
        }
        self._lowered = {author: rule for rule in policy.authors for author in rule.authors}

    def judge(self, text: str, *, surface: str, language: str | None = None, author_id: str | None = None) -> Finding:
        """What the policy says to this text.

        Args:
            text: the original text, may be empty.
            surface: where it was posted.
            language: its BCP 47 tag, when known.
            author_id: who posted it, for the policy's author rules.
        """
        subject = self._subject(normalise(text), language)
        signals: list[Signal] = []
        for detect in self._always:
            signals += detect(subject)
        if subject.hits:
            for detect in self._on_hits:
                signals += detect(subject)
        return self._finding(text, subject, signals, surface, author_id)

    def judge_all(self, contents: Sequence[Content]) -> list[Finding]:
        """What the policy says to each of these texts, which is what :meth:`judge` says to it.

        One step after the other for all of them, not one text after the other: what a step reads, such as an automaton,
        is then read from the processor's cache by all texts but the first. That saves a third of the time. The more
        texts there are, the more of an automaton they share; beyond some hundreds little is gained.

        Args:
            contents: the texts, each with where, in which language and by whom it was posted.
        """
        normals = [normalise(one.text) for one in contents]
        every = self._hits_of([normal.encoded for normal in normals])
        subjects = [
            self._subject_of(normal, one.language, hits)
            for normal, one, hits in zip(normals, contents, every, strict=True)
        ]
        signals: list[list[Signal]] = [[] for _ in subjects]
        for detect_all in self._always_all:
            for number, found in detect_all(subjects):
                signals[number] += found
        findings = []
        for one, subject, found in zip(contents, subjects, signals, strict=True):
            # Text by text: the excerpt asks again for the personal data that a detector has just found.
            if subject.hits:
                for detect in self._on_hits:
                    found += detect(subject)
            findings.append(self._finding(one.text, subject, found, one.surface, one.author_id))
        return findings

    def _finding(
        self, text: str, subject: Subject, signals: list[Signal], surface: str, author_id: str | None
    ) -> Finding:
        if signals and self._beside is not None:
            signals += self._beside.detect(subject, signals)
        hits, encoded = subject.hits, subject.text.encoded
        fingerprint = sha256(encoded).hexdigest()[:32]
        if signals:
            decision = decide(signals, self._thresholds_for(surface, subject.language, author_id), self._held)
        else:
            decision = ALLOWED
        if not hits and len(text) <= MAX_EXCERPT and "\0" not in text:
            return Finding(decision, tuple(signals), fingerprint, text, False, encoded)
        shown, truncated = excerpt(text, self._personal_data.candidates(hits))
        return Finding(decision, tuple(signals), fingerprint, shown, truncated, encoded)

    def decide(self, signals: Iterable[Signal], *, surface: str, language: str | None, author_id: str) -> Decision:
        """What the policy's thresholds make of these signals; the arguments are those of :meth:`judge`."""
        language = None if language is None else primary_subtag(language)
        return decide(signals, self._thresholds_for(surface, language, author_id), self._held)

    def label_scores(self, text: str, *, language: str | None = None) -> LabelScores:
        """How much a text is of each label; personal data is not looked for.

        Args:
            text: the original text, may be empty.
            language: its BCP 47 tag, when known.
        """
        subject = self._subject(normalise(text), None if language is None else primary_subtag(language))
        signals: list[Signal] = []
        for detect in (*self._rules, *self._rules_on_hits) if subject.hits else self._rules:
            signals += detect(subject)
        if signals and self._beside is not None:
            signals += self._beside.detect(subject, signals)
        rules: dict[str, float] = {}
        for signal in signals:
            if signal.score > rules.get(signal.label, 0.0):
                rules[signal.label] = signal.score
        return LabelScores(rules, {} if self._model is None else self._model.probabilities(subject))

    def model_scores(self, text: str) -> Mapping[str, float]:
        """By label, how surely the linear model says so, also below its ``at_least``; empty without a model.

        Args:
            text: the original text.
        """
        return {} if self._model is None else self._model.scores(self._subject(normalise(text)))

    def model_parts(self, text: str, rule: str) -> list[Part]:
        """What each word of a text adds to a score of the linear model, the strongest first; empty without a model.

        Args:
            text: the original text.
            rule: the signal's rule, such as ``model_insult``.
        """
        if self._model is None or rule.removeprefix("model_") not in self._model.labels:
            return []
        return self._model.parts(self._subject(normalise(text)), rule.removeprefix("model_"))

    def _subject(self, normal: NormalText, language: str | None = None) -> Subject:
        return self._subject_of(normal, language, self._hits(normal.encoded))

    def _subject_of(self, normal: NormalText, language: str | None, hits: Sequence[int]) -> Subject:
        if language is not None and len(language) > 3:
            language = primary_subtag(language)
        if not hits:
            return Subject(normal, language, _NO_HITS)
        found = frozenset(hits)
        return Subject(
            normal, language, found, self._allowed.in_text(normal.plain, found) if self._allowed.expressions else ()
        )

    def _thresholds_for(self, surface: str, language: str | None, author_id: str | None) -> Mapping[str, Thresholds]:
        policy = self.policy
        # What the policy does not name is as good as nothing, so that the memory is bounded by the policy.
        key = (
            surface if surface in policy.surfaces else "",
            language if language in self._languages else None,
        )
        found = self._thresholds.get(key)
        if found is None:
            found = self._thresholds[key] = policy.thresholds(*key)
        rule = self._lowered.get(author_id) if author_id is not None and self._lowered else None
        if rule is None:
            return found
        return {
            label: thresholds.lowered(rule.lower_by) if not rule.labels or label in rule.labels else thresholds
            for label, thresholds in found.items()
        }
