"""What a national identifier's rule says, and how identifiers are found by it."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from consumers.moderation.detectors.personal_data.spans import Span, stands_alone
from consumers.moderation.detectors.scan import compiled
from consumers.moderation.kinds import NationalId

_SEPARATORS = str.maketrans("", "", " .-/")
_NEAR = 64
"""Characters before an identifier in which a word that names it is looked for."""


class IdRule(Struct, frozen=True):
    """One kind of identifier.

    Args:
        kind: its name.
        shape: re2 expression for how it is written, separators included.
        valid: whether its letters and digits, in lower case and without separators, can be one.
        plain_shape: a form that other numbers have too, such as eleven digits: sure only beside one of the words.
        words: re2 expression for what it is called, in the languages of those who have one.
        masked: whether a valid one in the plain shape is masked when no word says what it is.
        needs: a text without one of these strings has none in ``shape``; spares the search.
    """

    kind: NationalId
    shape: str
    valid: Callable[[str], bool]
    plain_shape: str = ""
    words: str = ""
    masked: bool = False
    needs: tuple[str, ...] = ("",)


def find_ids(rule: IdRule, text: str) -> Iterator[Span]:
    """The identifiers of one kind in a normal form."""
    if rule.shape and any(needed in text for needed in rule.needs):
        for start, end in _valid(rule, rule.shape, text):
            yield Span(start, end, rule.kind, sure=not _in_name(text, start, end))
    if not rule.plain_shape:
        return
    named = compiled(rule.words).search(text) is not None
    if not (named or rule.masked):
        return
    for start, end in _valid(rule, rule.plain_shape, text):
        sure = named and compiled(rule.words).search(text[max(0, start - _NEAR) : start]) is not None
        if sure or rule.masked:
            yield Span(start, end, rule.kind, sure)


def _in_name(text: str, start: int, end: int) -> bool:
    """Whether it is a part of a host's name, such as 245.211.119-80.rev.example.net, or of a path."""
    return text[start - 1 : start] in {"@", "/", "."} or (
        text[end : end + 1] in {".", "/"} and text[end + 1 : end + 2].isalnum()
    )


def _valid(rule: IdRule, shape: str, text: str) -> Iterator[tuple[int, int]]:
    for match in compiled(shape).finditer(text):
        start, end = match.span()
        if stands_alone(text, start, end) and rule.valid(match[0].lower().translate(_SEPARATORS)):
            yield start, end
