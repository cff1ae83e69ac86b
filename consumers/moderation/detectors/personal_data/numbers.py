"""Everything that is a number: cards, identifiers, telephones. A second small scan says which of them to look for."""

from collections.abc import Iterator, Sequence
from functools import cache

from consumers.moderation.detectors.personal_data.national_ids import (
    NUMERIC,
    WITH_LETTERS,
    IdRule,
    expressions,
    find_ids,
)
from consumers.moderation.detectors.personal_data.payment import find_cards
from consumers.moderation.detectors.personal_data.phone import CANDIDATE as PHONE
from consumers.moderation.detectors.personal_data.phone import find_phones
from consumers.moderation.detectors.personal_data.spans import Span
from consumers.moderation.scan import Scan

_CARD = r"\d{4}(?:(?:[ ._/,-]| [/-] )?\d){8}|\d(?:[ ._/-]\d){11}"


def find_numbers(text: str) -> Iterator[Span]:
    """Cards, national identifiers of digits and telephone numbers in a normal form, in this order."""
    hits = set(scan_for_ids(numeric=True).hits(text.encode()))
    if 0 in hits:
        yield from find_cards(text)
    yield from _ids(NUMERIC, text, hits, first=2)
    # Telephone numbers look like everything else, so they come after everything else.
    if 1 in hits:
        yield from find_phones(text)


def find_ids_with_letters(text: str) -> Iterator[Span]:
    """National identifiers that begin with letters, in a normal form."""
    yield from _ids(WITH_LETTERS, text, set(scan_for_ids(numeric=False).hits(text.encode())), first=0)


def _ids(rules: Sequence[IdRule], text: str, hits: set[int], *, first: int) -> Iterator[Span]:
    for rule, at in zip(rules, range(first, first + 3 * len(rules), 3), strict=True):
        if at in hits or at + 1 in hits:
            yield from find_ids(rule, text, shape=at in hits, plain=at + 1 in hits, named=at + 2 in hits)


@cache
def scan_for_ids(*, numeric: bool) -> Scan:
    """What finds candidates of national identifiers that begin with digits, and of other numbers, or with letters."""
    # Made at the first candidate: a cold start does not pay for it.
    head, rules = ([_CARD, PHONE], NUMERIC) if numeric else ([], WITH_LETTERS)
    return Scan(head + [expression for rule in rules for expression in expressions(rule)])
