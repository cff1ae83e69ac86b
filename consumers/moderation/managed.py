"""Escalation: which events managed AI is asked about, in which calls, and what its answers mean. No calls here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from msgspec import Struct

from consumers.moderation.moderator import primary_subtag
from consumers.moderation.rule_values import ManagedService
from consumers.moderation.rules import ManagedRule
from glue.contract import ContentEvent, Signal

SERVICES: frozenset[str] = frozenset(get_args(ManagedService))
"""They name the detector in a signal of theirs."""

IMAGES = frozenset({"image/jpeg", "image/png"})
"""What Rekognition reads. Source: https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""

MAX_PART_BYTES: dict[ManagedService, int] = {"comprehend": 1_000, "bedrock": 25_000}
"""Of one part, in UTF-8. Comprehend takes 1 KB a segment; a guardrail 25 text units of up to 1,000 characters a call,
which so many bytes never exceed. An image is named by its address, which is not parted.

Sources: https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectToxicContent.html,
https://aws.amazon.com/blogs/machine-learning/use-the-applyguardrail-api-with-long-context-inputs-and-streaming-outputs-in-amazon-bedrock/
"""
MAX_PARTS: dict[ManagedService, int] = {"comprehend": 10, "bedrock": 1, "rekognition": 1}
"""Of one call. A guardrail judges all texts of a call as one, so that several would answer for each other."""


class OpenCase(Struct, frozen=True):
    """An event that the local detectors leave open.

    Args:
        event: what was posted.
        rules: the managed rules that ask about it.
    """

    event: ContentEvent
    rules: tuple[ManagedRule, ...]


class Part(Struct, frozen=True):
    """A piece of an event that fits into a call.

    Args:
        case: position of the open case that it is of.
        content: a text; of an image, its S3 address.
    """

    case: int
    content: str


def asking(rules: Iterable[ManagedRule], event: ContentEvent, signals: Sequence[Signal]) -> tuple[ManagedRule, ...]:
    """The rules that ask about this event, given what the local detectors found."""
    return tuple([rule for rule in rules if _asks(rule, event, signals)])


def _asks(rule: ManagedRule, event: ContentEvent, signals: Sequence[Signal]) -> bool:
    for label, between in rule.borderline.items():
        strongest = 0.0
        for signal in signals:
            if signal.label == label and signal.score > strongest:
                strongest = signal.score
        if between.low <= strongest <= between.high:
            break
    else:
        if rule.borderline:
            return False
    wanted = "en" if rule.service == "comprehend" else rule.language
    if wanted is not None and event.language is not None and primary_subtag(event.language) != wanted:
        return False
    return any(content.strip() for content in contents(rule, event))


def contents(rule: ManagedRule, event: ContentEvent) -> tuple[str, ...]:
    """What of an event a service is asked about: the text, or the addresses of images in S3."""
    if rule.service != "rekognition":
        return (event.text,)
    return tuple(one.uri for one in event.media if one.mime_type.lower() in IMAGES and one.uri.startswith("s3://"))


def calls(rule: ManagedRule, cases: Iterable[tuple[int, tuple[str, ...]]]) -> Iterator[list[Part]]:
    """The parts of these contents in as few calls as the service's limits allow, in order.

    Args:
        rule: asks.
        cases: positions of open cases, and what of each is asked about.
    """
    together: list[Part] = []
    for case, of_case in cases:
        for content in of_case:
            limit = MAX_PART_BYTES.get(rule.service)
            for part in (content,) if limit is None else split(content, limit=limit):
                together.append(Part(case, part))
                if len(together) == MAX_PARTS[rule.service]:
                    yield together
                    together = []
    if together:
        yield together


def split(text: str, *, limit: int) -> Iterator[str]:
    """A text in pieces, parted at white space where there is some, else between characters; blank ones are left out.

    Args:
        text: the text.
        limit: of a piece, in bytes of UTF-8; at least 4.

    >>> list(split("one two three", limit=8))
    ['one two', 'three']
    """
    data = text.encode()
    start = 0
    while start < len(data):
        end = start + limit
        if end < len(data):
            while data[end] & 0xC0 == 0x80:
                end -= 1
            space = max(data.rfind(b" ", start, end + 1), data.rfind(b"\n", start, end + 1))
            if space > start:
                end = space
        piece = data[start:end].decode().strip()
        if piece:
            yield piece
        start = end


def signals_of(rule: ManagedRule, answers: Iterable[Mapping[str, float]]) -> list[Signal]:
    """What the service's answers about one event mean under this rule: at most one signal for each label.

    Args:
        rule: asked.
        answers: for each part of the event, scores from 0 to 1 by the service's labels.
    """
    scores: dict[str, float] = {}
    for answer in answers:
        for theirs, score in answer.items():
            label = rule.labels.get(theirs)
            if label is not None and score >= rule.at_least:
                scores[label] = max(scores.get(label, 0.0), round(min(score, rule.at_most), 6))
    return [Signal(rule.service, label, score, rule.rule) for label, score in scores.items()]
