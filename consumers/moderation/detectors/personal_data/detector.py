"""Personal data in a text: what proposes it, who checks it, and the signals it makes.

Expressions only propose; what has a check digit or a range is checked, so that order numbers and times are left alone.
The proposals come out of the one scan over all expressions, so texts without any cost nothing more.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from consumers.moderation.detectors.personal_data.addresses import find_addresses
from consumers.moderation.detectors.personal_data.email import find_emails, find_spelled_emails
from consumers.moderation.detectors.personal_data.national_ids import NUMERIC, WITH_LETTERS, find_ids
from consumers.moderation.detectors.personal_data.payment import find_cards, find_ibans
from consumers.moderation.detectors.personal_data.phone import find_phones
from consumers.moderation.detectors.personal_data.secrets import TRIGGER, find_secrets
from consumers.moderation.detectors.personal_data.spans import Span, without_overlap
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.kinds import FAMILIES, PERSONAL_DATA_KINDS, PersonalDataKind
from consumers.moderation.policy import PersonalDataRule
from glue.contract import Signal

Finder = Callable[[str], Iterable[Span]]

CANDIDATES: dict[str, str] = {
    "secret": TRIGGER,
    "iban": r"\b[a-z]{2}\d{2}(?:[ -]?[a-z0-9]){11}",
    "number": r"\p{Nd}(?:[ ().\p{Pd}/]{0,3}\p{Nd}){6}",
    "letters_and_digits": (
        r"\b[a-z]{2}[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[a-d]\b|\b[a-z]{3} ?[a-z]{3} ?\d[0-9l-v][a-z]|ausweis|\bperso\b"
        r"|\b(?:id|identity) card\b|/[a-z0-9]{4}-\d{2}\b"
    ),
    "email": r"[^\s@]@[\pL\pN]",
    "spelled_email": (
        r"[\pL\pN_] ?(?:[(\[{<] ?(?:at|@) ?[)\]}>]| at ) ?[\pL\pN.-]{1,64} ?(?:\.|[(\[{<] ?(?:dot|\.) ?[)\]}>]| dot )"
    ),
    "address": r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d|[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:]*",
}
"""Expressions whose match in the normal form makes a text worth a closer look. By precedence of what they propose."""


def _find_numeric_ids(text: str) -> Iterator[Span]:
    for rule in NUMERIC:
        yield from find_ids(rule, text)


def _find_ids_with_letters(text: str) -> Iterator[Span]:
    for rule in WITH_LETTERS:
        yield from find_ids(rule, text)


_FINDERS: dict[str, tuple[Finder, ...]] = {
    "secret": (find_secrets,),
    "iban": (find_ibans,),
    "number": (find_cards, _find_numeric_ids),
    "letters_and_digits": (_find_ids_with_letters,),
    "email": (find_emails,),
    "spelled_email": (find_spelled_emails,),
    "address": (find_addresses,),
}
_LAST: dict[str, Finder] = {"number": find_phones}
"""Telephone numbers look like everything else, so they come after everything else."""


def find_personal_data(text: str, candidates: Iterable[str] = tuple(CANDIDATES)) -> list[Span]:
    """Where personal data stands in a text, in order and without overlap.

    Args:
        text: the normal form, or a text like it; spans are positions in this very string.
        candidates: names of those ``CANDIDATES`` that match in it.

    >>> find_personal_data("write to jo@example.org")
    [Span(start=9, end=23, kind='email', sure=True)]
    """
    proposed = [name for name in CANDIDATES if name in candidates]
    if not text.isascii():
        text = text.translate(_PLAINER)
    spans = [span for name in proposed for find in _FINDERS[name] for span in find(text)]
    spans += [span for name in proposed if name in _LAST for span in _LAST[name](text)]
    return without_overlap(spans, len(text)) if spans else spans


class _Plainer(dict[int, int]):
    """Digits of all scripts and hyphens of all lengths as ASCII writes them, one to one."""

    def __missing__(self, code: int) -> int:
        category = unicodedata.category(chr(code))
        if category == "Nd":
            return ord("0") + unicodedata.decimal(chr(code))
        return ord("-") if category == "Pd" else code


_PLAINER = _Plainer()


class PersonalDataDetector:
    """Finds personal data, for signals and for the masking of excerpts."""

    name = "personal_data"
    version = "2"

    def __init__(self, rule: PersonalDataRule | None, *, first: int) -> None:
        """Takes a policy's rule for personal data.

        Args:
            rule: what personal data counts for; None: it makes no signals, and is masked all the same.
            first: the position in the scan of the first of ``CANDIDATES``.
        """
        self._candidates = {first + offset: name for offset, name in enumerate(CANDIDATES)}
        self._signals: dict[PersonalDataKind, Signal] = {}
        if rule is not None:
            for kind in PERSONAL_DATA_KINDS:
                score = rule.scores.get(kind, rule.scores.get(FAMILIES.get(kind, kind)))
                if score is not None:
                    self._signals[kind] = Signal(self.name, rule.label, score, kind)

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each kind of personal data found for sure, by kind."""
        if not subject.hits or not (candidates := self.candidates(subject.hits)):
            return ()
        found = {
            span.kind
            for span in find_personal_data(subject.text.plain, candidates)
            if span.sure and (not subject.allowed or not subject.is_allowed(span.start, span.end))
        }
        return [self._signals[kind] for kind in sorted(found) if kind in self._signals]

    def candidates(self, hits: frozenset[int]) -> list[str]:
        """The names of those ``CANDIDATES`` that the scan has found in the text."""
        return [self._candidates[hit] for hit in sorted(hits & self._candidates.keys())]
