"""What a national identifier's rule says, and how identifiers are found by it."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from consumers.moderation.detectors.characters import continues
from consumers.moderation.detectors.personal_data.names import named as call
from consumers.moderation.detectors.personal_data.spans import Span, stands_alone
from consumers.moderation.kinds import NationalId
from consumers.moderation.scan import NOTHING, compiled

_SEPARATORS = str.maketrans("", "", " .-/")
_NEAR = 64
"""Characters before an identifier, in which a word that names it is looked for."""


class IdRule(Struct, frozen=True):
    """One kind of identifier.

    Args:
        kind: its name.
        shape: re2 expression for how it is written, separators included.
        valid: whether its letters and digits, in lower case and without separators, can be one.
        plain_shape: a form that other numbers have too, such as eleven digits: sure only beside one of the words.
        words: re2 expression for what it is called, in the languages of those who have one.
        masked: whether a valid one in the plain shape is masked when no word says what it is.
        spaced_shape: how the plain shape is written apart; counts only beside one of the words.
        is_enough: whether a valid one in the plain shape is sure unless it is called something else.
    """

    kind: NationalId
    shape: str
    valid: Callable[[str], bool]
    plain_shape: str = ""
    words: str = ""
    masked: bool = False
    spaced_shape: str = ""
    is_enough: Callable[[str], bool] | None = None


def expressions(rule: IdRule) -> tuple[str, str, str]:
    """The rule's shape, plain shape and words, as expressions of which the empty ones match nothing."""
    plain = "|".join(filter(None, (rule.plain_shape, rule.spaced_shape)))
    return rule.shape or NOTHING, plain or NOTHING, rule.words or NOTHING


def find_ids(rule: IdRule, text: str, *, shape: bool = True, plain: bool = True, named: bool = True) -> Iterator[Span]:
    """The identifiers of one kind in a normal form.

    Args:
        rule: the kind's rule.
        text: the normal form.
        shape: whether the rule's shape may match in it.
        plain: whether its plain shape may.
        named: whether one of its words may.
    """
    if shape and rule.shape:
        for start, end in _valid(rule, rule.shape, text):
            yield Span(start, end, rule.kind, sure=not _in_name(text, start, end))
    if plain and rule.plain_shape and (named or rule.masked):
        for start, end in _valid(rule, rule.plain_shape, text):
            sure = _is_named(rule, text, start, named=named) or _is_enough(rule, text, start, end)
            sure = sure and not _in_name(text, start, end)
            if sure or rule.masked:
                yield Span(start, end, rule.kind, sure)
    if plain and rule.spaced_shape and named:
        for start, end in _valid(rule, rule.spaced_shape, text):
            if _is_named(rule, text, start, named=named) and not _in_name(text, start, end):
                yield Span(start, end, rule.kind)


def _is_named(rule: IdRule, text: str, start: int, *, named: bool) -> bool:
    return named and compiled(rule.words).search(text[max(0, start - _NEAR) : start]) is not None


def _is_enough(rule: IdRule, text: str, start: int, end: int) -> bool:
    return rule.is_enough is not None and rule.is_enough(text[start:end]) and call(text, start) is None


def _in_name(text: str, start: int, end: int) -> bool:
    """Whether it is a part of a host's name, such as 245.211.119-80.rev.example.net, or of a path."""
    return text[start - 1 : start] in {"@", "/", "."} or (
        text[end : end + 1] in {".", "/"} and continues(text[end + 1 : end + 2])
    )


def _valid(rule: IdRule, shape: str, text: str) -> Iterator[tuple[int, int]]:
    for match in compiled(shape).finditer(text):
        start, end = match.span()
        if stands_alone(text, start, end) and rule.valid(match[0].lower().translate(_SEPARATORS)):
            yield start, end
