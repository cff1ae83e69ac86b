"""Where personal data stands in a text, what hides it, and how a find is told from a part of something longer."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from consumers.moderation.detectors.characters import continues
from consumers.moderation.kinds import PersonalDataKind


class Span(Struct, frozen=True):
    """Where in a text something personal stands, and of what kind it is.

    Args:
        start: position of its first character.
        end: position after its last character.
        kind: what it is.
        sure: whether it counts for a verdict. What is not sure is masked all the same: a mask too many costs a
            reader little, a false flag costs an author.
    """

    start: int
    end: int
    kind: PersonalDataKind
    sure: bool = True


def mask(text: str, spans: Sequence[Span]) -> str:
    """The text with each span replaced by its kind in brackets.

    >>> mask("write to jo@example.org", [Span(9, 23, "email")])
    'write to [email]'
    """
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += (text[at : span.start], f"[{span.kind}]")
        at = span.end
    return "".join((*parts, text[at:]))


def without_overlap(spans: Iterable[Span], length: int) -> list[Span]:
    """Those spans that do not overlap, in order of place; of two that do, the sure one stays, else the first given.

    >>> without_overlap([Span(0, 4, "phone", sure=False), Span(3, 9, "card")], 9)
    [Span(start=3, end=9, kind='card', sure=True)]
    """
    taken = bytearray(length)
    kept = []
    for span in sorted(spans, key=lambda span: not span.sure):
        if 1 not in taken[span.start : span.end]:
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether what stands there is no piece of a longer word, number or code.

    >>> stands_alone("at 12.34 now", 3, 8), stands_alone("at 12.345", 3, 8), stands_alone("v12.34", 1, 6)
    (True, False, False)
    """
    if start and continues(text[start - 1]):
        return False
    # 12.34 is no 34, and neither is 12-34.
    if start > 1 and text[start - 1] in ".-/" and text[start - 2].isdigit():
        return False
    return not goes_on(text, end)


def goes_on(text: str, end: int) -> bool:
    """Whether what ends here goes on with a letter or digit, at once or after a point or a hyphen."""
    rest = text[end : end + 2]
    return continues(rest[:1]) or (len(rest) == 2 and rest[0] in ".-/" and rest[1].isdigit())
