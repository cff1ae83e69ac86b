"""Who asks strangers for subscribers, votes, clicks or money: many small marks, none of which says it alone.

A text that has none of the words that begin such a request costs nothing: ``CANDIDATES`` are part of the one scan
over all expressions. Else all marks are looked for in one more scan and their weights are added up. "Subscribe to my
channel" is two marks, "check this out" is half of one, and a link says little until something is asked with it.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache

from consumers.lexicons import read_lexicon
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.kinds import SOLICITATION_KINDS, SolicitationKind
from consumers.moderation.rules import SolicitationRule
from consumers.moderation.scan import Scan
from glue.contract import Signal

CANDIDATES = (
    r"subs?cri",
    r"\bsubs? ?(?:4|for|to|me|my|back|please|pls|plz)\b",
    r"check(?:ing)? (?:\w+ ){0,2}out",
    (
        r"\b(?:my|our) (?:[\w']+ ){0,3}(?:channel|vids?\b|videos?\b|covers?\b|song|music|remix|page|blog|"
        r"web ?site|site\b|profile|playlist|mixtape|album|store|shop|etsy|campaign|petition|fundraiser|"
        r"project|clan|crew|band|stream|name|bio\b|instagram|insta\b|twitter|facebook|account)"
    ),
    r"\b(?:vlog|youtuber|rapper|mixtape|sub4sub|s4s|f4f)",
    r"(?:share|support|visit|click|please|out|watch)\b.{0,60}(?:https?:|www\.)",
    r"(?:https?:|www\.)\S+ (?:\w+ ){0,3}(?:check|watch|visit|please|share|click|like)",
    r"\bvote (?:for|4|now)",
    (
        r"(?:like|share|follow|visit|join|click|watch|help|add|dm|text|call|donate|"
        r"sign) (?:\w+ ){0,3}(?:here|link|me|us|my|our|this|page|below)\b"
    ),
    r"\bfree\b",
    r"\bget(?:ting)? noticed|\d (?:likes|subs) (?:and|then)|\buse (?:my|our) (?:\w+ )?code\b",
    r"gift ?cards?",
    r"paid\b",
    r"\bcash\b",
    r"canal\b",
    r"подпи[сш]",
    r"suscr[ií]b",
    (
        r"money|earn|giveaway|followers|promo|bitcoin|profit|kanal|chaîne|абонир|kanaal|iscriv|inscrev|"
        r"abonnier|abonne|subskryb|abone|チャンネル登録|구독|订阅|訂閱"
    ),
)
"""What a normal form with a request has, one or more of them; each by itself, so that most are not looked for."""

_MIDDLE = 2.4
"""The sum of weights at which a text is as likely a request as not ..."""
_STEEPNESS = 1.3
"""... and how fast that changes with it."""


@cache
def marks() -> tuple[Scan, tuple[tuple[SolicitationKind, float], ...]]:
    """All expressions to scan for, and what each says."""
    # Made at the first candidate: a cold start does not pay for it.
    names: dict[str, str] = {}
    expressions: list[str] = []
    says: list[tuple[SolicitationKind, float]] = []
    for number, line in enumerate(read_lexicon("solicitation").splitlines(), 1):
        name, is_name, meaning = line.partition(" = ")
        head, is_mark, expression = line.partition(": ")
        kind, _, weight = head.partition(" ")
        if not line or line.startswith("#"):
            continue
        if kind in SOLICITATION_KINDS and is_mark:
            for known, stands_for in names.items():
                expression = expression.replace(f"<{known}>", stands_for)
            expressions.append(expression)
            says.append((kind, float(weight)))
        elif is_name and name.isupper():
            names[name] = meaning
        else:
            raise ValueError(
                f"solicitation, line {number}: allowed: a kind, a weight, a colon and an expression, or NAME = one"
            )
    return Scan(expressions), tuple(says)


def scores(plain: bytes) -> tuple[float, SolicitationKind | None]:
    """How surely a text asks strangers for something, 0 to 1, and the kind that says most of it.

    Args:
        plain: the plain form of a text, as UTF-8.

    >>> scores(b"please subscribe to my channel")
    (0.9996, 'channel')
    >>> scores(b"i never subscribe to anything")[0] < 0.2
    True
    """
    by_kind: dict[SolicitationKind, float] = {}
    for kind, weight in _found(plain):
        by_kind[kind] = by_kind.get(kind, 0.0) + weight
    if not by_kind:
        return 0.0, None
    score = 1 / (1 + math.exp(_STEEPNESS * (_MIDDLE - sum(by_kind.values()))))
    return round(score, 4), max(by_kind, key=lambda kind: (by_kind[kind], kind))


def _found(plain: bytes) -> Iterator[tuple[SolicitationKind, float]]:
    scan, says = marks()
    for hit in scan.hits(plain):
        yield says[hit]


class SolicitationDetector:
    """Turns requests into signals by a policy's rules."""

    name = "solicitation"
    version = "1"

    def __init__(self, rules: Sequence[SolicitationRule], *, first: int) -> None:
        """Takes a policy's rules for requests.

        Args:
            rules: the rules.
            first: the position of the first of ``CANDIDATES`` in the scan.
        """
        self._rules = tuple(sorted(rules, key=lambda rule: rule.rule))
        self._candidates = frozenset(range(first, first + len(CANDIDATES)))

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """A signal for each rule of the kind that says most of what the text asks for, by rule."""
        if self._candidates.isdisjoint(subject.hits):
            return ()
        plain = subject.text.plain
        if subject.allowed:
            for start, end in subject.allowed:
                plain = plain[:start] + " " * (end - start) + plain[end:]
        score, kind = scores(plain.encode() if subject.allowed else subject.text.encoded)
        return [
            Signal(self.name, rule.label, min(score, rule.at_most), rule.rule)
            for rule in self._rules
            if kind in rule.kinds and score >= rule.at_least
        ]
