"""A policy made ready: everything that can be prepared is prepared once, then texts are judged."""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from consumers.moderation.decide import ALLOWED, Decision, decide
from consumers.moderation.detectors.patterns import PatternDetector
from consumers.moderation.detectors.personal_data import CANDIDATES, PersonalDataDetector
from consumers.moderation.detectors.protocol import Detector, Subject
from consumers.moderation.detectors.scan import Scan, ScanError, compile_expression
from consumers.moderation.detectors.terms import TermDetector
from consumers.moderation.excerpt import MAX_EXCERPT, excerpt
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from glue.contract import Signal

_NO_HITS: frozenset[int] = frozenset()


class Finding(Struct, frozen=True, gc=False):
    """What a policy found in one text.

    Args:
        decision: the action and the labels that led to it.
        signals: everything the detectors said, by detector and rule.
        text_fingerprint: hash of the normal form; texts that differ only in case or width share it.
        excerpt: what of the text may be shown.
        truncated: whether the excerpt is not the whole text.
    """

    decision: Decision
    signals: tuple[Signal, ...]
    text_fingerprint: str
    excerpt: str
    truncated: bool


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

    def __init__(self, policy: Policy) -> None:
        """Compiles the policy's rules.

        Raises:
            PolicyError: an expression that re2 does not take, or a term without a visible character.
        """
        self.policy = policy
        self.policy_id = policy.id
        self.policy_version = policy.version
        for rule in policy.patterns:
            try:
                compile_expression(rule.pattern)
            except ScanError as error:
                raise PolicyError(f"pattern rule {rule.rule!r}: {error}") from None
        expressions = [rule.pattern for rule in policy.patterns]
        try:
            self._hits = Scan(expressions + list(CANDIDATES.values())).hits
            self._terms = TermDetector(policy.terms)
        except ValueError as error:
            raise PolicyError(str(error)) from None
        self._personal_data = PersonalDataDetector(policy.personal_data, first=len(expressions))
        self.detectors: Sequence[Detector] = (
            self._terms,
            PatternDetector(policy.patterns, first=0),
            self._personal_data,
        )
        self._detect = tuple(detector.detect for detector in self.detectors)
        self._thresholds = {surface: policy.thresholds(surface) for surface in policy.surfaces}

    def judge(self, text: str, *, surface: str, language: str | None = None) -> Finding:
        """What the policy says to this text.

        Args:
            text: the original text, may be empty.
            surface: where it was posted.
            language: its BCP 47 tag, when known.
        """
        normal = normalise(text)
        plain = normal.plain
        encoded = plain.encode()
        hits = self._hits(encoded)
        found = frozenset(hits) if hits else _NO_HITS
        if language is not None and len(language) > 3:
            language = language.partition("-")[0].lower()
        subject = Subject(normal, language, found)
        signals: list[Signal] = []
        for detect in self._detect:
            signals += detect(subject)
        fingerprint = sha256(encoded).hexdigest()[:32]
        if signals:
            decision = decide(signals, self._thresholds.get(surface, self.policy.labels))
        else:
            decision = ALLOWED
        if not hits and len(text) <= MAX_EXCERPT and "\0" not in text:
            return Finding(decision, tuple(signals), fingerprint, text, False)
        shown, truncated = excerpt(text, plain, self._personal_data.candidates(found))
        return Finding(decision, tuple(signals), fingerprint, shown, truncated)
