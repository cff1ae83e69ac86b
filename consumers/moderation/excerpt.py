"""The part of a text that is shown: short, without personal data, in one piece."""

import unicodedata
from collections.abc import Sequence

from consumers.moderation.detectors.personal_data import find_personal_data, mask
from consumers.moderation.policy import PersonalDataKind

MAX_EXCERPT = 280
"""Characters."""


def excerpt(text: str, plain: str, kinds: Sequence[PersonalDataKind] = ()) -> tuple[str, bool]:
    """What of a text is shown, and whether that is not all of it.

    Args:
        text: the original.
        plain: its normal form.
        kinds: the personal data that the normal form may hold; it is masked before anything is cut.

    >>> excerpt("jo@example.org writes", "jo@example.org writes", ["email"])
    ('[email] writes', False)
    """
    if kinds:
        spans, hidden = find_personal_data(text, kinds), find_personal_data(plain, kinds)
        # What only the normal form shows, such as full-width digits, can be masked only there.
        text = mask(text, spans) if len(spans) >= len(hidden) else mask(plain, hidden)
    if "\0" in text:
        text = text.replace("\0", "\u2400")
    if len(text) <= MAX_EXCERPT:
        return text, False
    end = MAX_EXCERPT
    # A mark stays with its letter, and an emoji sequence is not cut in two.
    while end > MAX_EXCERPT - 32 and (_joins(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end], True


def _joins(character: str) -> bool:
    return character == "\u200d" or unicodedata.category(character) in {"Mn", "Mc", "Me"}
