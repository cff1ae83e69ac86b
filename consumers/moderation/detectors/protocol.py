"""What every detector is, and what it is given."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from consumers.moderation.normalise import NormalText
from glue.contract import Signal


class Subject(Struct, frozen=True, gc=False):
    """What a detector looks at.

    Args:
        text: the text's normal forms.
        language: the primary subtag of the event's language, such as ``pt``; None when the producer gave none.
        hits: positions of the scan's expressions that match somewhere in ``text.plain``.
        allowed: spans of ``text.plain`` in which nothing counts.
    """

    text: NormalText
    language: str | None
    hits: frozenset[int]
    allowed: tuple[tuple[int, int], ...] = ()

    def is_allowed(self, start: int, end: int) -> bool:
        """Whether what was found from ``start`` up to ``end`` lies wholly inside one allowed span."""
        return any(low <= start and end <= high for low, high in self.allowed)


class Detector(Protocol):
    """Finds signals in a text. Deterministic: the same subject gives the same signals, in the same order."""

    @property
    def name(self) -> str:
        """Names the detector in signals."""

    @property
    def version(self) -> str:
        """Changes whenever the same subject may give other signals."""

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """What the text shows, at most one signal for each rule. Never raises on input."""
