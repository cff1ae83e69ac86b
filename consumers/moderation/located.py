"""Personal data in a text as it was written, for those who measure and mark it."""

from consumers.moderation.aligned import align
from consumers.moderation.detectors.personal_data import Span, find_personal_data, propose


def personal_data_in(text: str) -> list[Span]:
    """Where personal data stands in an original text, in order and without overlap.

    Args:
        text: the original, also with full-width, invisible or other characters that the normal form resolves.

    >>> personal_data_in("an  ｊｏ@example.org")
    [Span(start=4, end=18, kind='email', sure=True)]
    """
    seen = align(text, len(text) * 18)  # no character's normal form is longer
    return [
        Span(*seen.original(span.start, span.end), span.kind, span.sure)
        for span in find_personal_data(seen.plain, propose(seen.plain))
    ]
