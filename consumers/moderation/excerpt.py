"""The part of a text that is shown: short, without personal data, in one piece."""

import unicodedata
from collections.abc import Sequence

from consumers.moderation.aligned import Aligned, align
from consumers.moderation.detectors.personal_data import Span, find_personal_data, mask, propose

MAX_EXCERPT = 280
"""Characters."""

_SEEN = MAX_EXCERPT + 2048
"""Characters of the normal form in which personal data is looked for: what begins in the excerpt may end behind it."""
_MOST_ROUNDS = 8
"""Masking can bring to light what was a part of something longer; each round takes out more than it leaves."""


def excerpt(text: str, candidates: Sequence[str] = ()) -> tuple[str, bool]:
    """What of a text is shown, and whether that is not all of it.

    Args:
        text: the original.
        candidates: the personal data that it may hold, as the scan proposes it; it is masked before anything is cut,
            and once more after the cut.

    >>> excerpt("jo@example.org writes", ["email"])
    ('[email] writes', False)
    """
    if candidates:
        text = masked(text, candidates)
    if "\0" in text:
        text = text.replace("\0", "\u2400")
    if len(text) <= MAX_EXCERPT:
        return text, False
    shown = _cut(text)
    for _ in range(_MOST_ROUNDS if candidates else 0):
        # A cut makes a number of what went on as a code.
        again = _cut(masked(shown, propose(align(shown, _SEEN).plain)))
        if again == shown:
            break
        shown = again
    return shown, True


def masked(text: str, candidates: Sequence[str]) -> str:
    """The text, the beginning at least, with personal data replaced by its kind, however it is disguised.

    >>> masked("call +49\\u200b 151 2345 6789", ["number"])
    'call [phone]'
    """
    for number in range(_MOST_ROUNDS):
        seen = align(text, _SEEN)
        if number:
            candidates = propose(seen.plain)
        spans = find_personal_data(seen.plain, candidates)
        if not spans:
            break
        text = mask(text, [_in_original(text, seen, span) for span in spans])
    return text


def _in_original(text: str, seen: Aligned, span: Span) -> Span:
    start, end = seen.original(span.start, span.end)
    if span.end == len(seen.plain):
        # What goes on behind the part that was looked at goes on being what it is: up to the next white space.
        if span.kind == "private_key":
            end = len(text)
        while end < len(text) and not text[end].isspace():
            end += 1
    return Span(start, end, span.kind)


def _cut(text: str) -> str:
    end = MAX_EXCERPT
    if len(text) <= end:
        return text
    # A mark stays with its letter, and an emoji sequence is not cut in two.
    while end > MAX_EXCERPT - 32 and (_joins(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end]


def _joins(character: str) -> bool:
    return character == "\u200d" or unicodedata.category(character) in {"Mn", "Mc", "Me"}
