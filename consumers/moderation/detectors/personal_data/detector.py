"""Personal data in a text: what proposes it, who checks it, and the signals it makes.

Expressions only propose; what has a check digit or a range is checked, so that order numbers and times are left alone.
The proposals come out of the one scan over all expressions, so texts without any cost nothing more.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache

from consumers.moderation.detectors.personal_data.addresses import find_addresses
from consumers.moderation.detectors.personal_data.email import find_emails, find_spelled_emails
from consumers.moderation.detectors.personal_data.numbers import find_ids_with_letters, find_numbers
from consumers.moderation.detectors.personal_data.payment import find_ibans
from consumers.moderation.detectors.personal_data.secrets import TRIGGER, find_secrets
from consumers.moderation.detectors.personal_data.spans import Span, without_overlap
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.kinds import FAMILIES, PERSONAL_DATA_KINDS, PersonalDataKind
from consumers.moderation.rules import PersonalDataRule
from consumers.moderation.scan import Scan
from glue.contract import Signal

Finder = Callable[[str], Iterable[Span]]

CANDIDATES: dict[str, str] = {
    "secret": TRIGGER,
    "iban": r"[a-z][ ._-]?\d{2}(?:[ ._/-]{0,3}[a-z0-9]){4}(?:[ ._/-]{0,3}[a-z0-9]?\d){4}|\d{2}(?:[ ._-]{0,2}\d{4}){6}",
    "letters_and_digits": (
        r"[a-z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[a-d]|[a-z] ?\d[0-9l-v][a-z][0-9l-v]{2} ?[a-z][0-9l-v]{3}[a-z]"
        r"|ausweis|\bperso\b|\bid card|identity card|/[a-z0-9]{4}-\d{2}"
    ),
    "email": r"[^\s@]@[^\s@]",
    "spelled_email": r" dot |[(\[{<] ?(?:at|@|dot|\.) ?[)\]}>]|%40|[^\s@] @ [^\s@]|[_-]at[_-]",
    "address": r"\d\.\d{1,3}\.\d{1,3}\.\d|::|:[0-9a-f]{1,4}:",
    "number": r"\p{Nd}(?:[ ().\p{Pd}/_]{0,3}\p{Nd}){6}|\p{Nd}{4},\p{Nd}{4},\p{Nd}{4},",
}
"""Expressions whose match in the normal form makes a text worth a closer look, by precedence of what they propose."""


_FINDERS: dict[str, Finder] = {
    "secret": find_secrets,
    "iban": find_ibans,
    "letters_and_digits": find_ids_with_letters,
    "email": find_emails,
    "spelled_email": find_spelled_emails,
    "address": find_addresses,
    "number": find_numbers,
}


def find_personal_data(text: str, candidates: Iterable[str] = tuple(CANDIDATES)) -> Sequence[Span]:
    """Where personal data stands in a text, in order and without overlap.

    Args:
        text: the normal form, or a text like it; spans are positions in this very string.
        candidates: names of those ``CANDIDATES`` that match in it.

    >>> find_personal_data("write to jo@example.org")
    (Span(start=9, end=23, kind='email', sure=True),)
    """
    return _find(text, tuple(name for name in CANDIDATES if name in candidates))


# The excerpt asks again for what the detector has just found.
@lru_cache(maxsize=4)
def _find(text: str, proposed: tuple[str, ...]) -> tuple[Span, ...]:
    if not proposed:
        return ()
    if not text.isascii():
        text = text.translate(_PLAINER)
    spans = [span for name in proposed for span in _FINDERS[name](text)]
    return tuple(without_overlap(spans, len(text))) if spans else ()


def propose(text: str) -> list[str]:
    """The names of those ``CANDIDATES`` that match in a normal form: for a text that the policy's scan has not seen.

    >>> propose("jo@example.org")
    ['email']
    """
    names = tuple(CANDIDATES)
    return [names[hit] for hit in _scan().hits(text.encode())]


@cache
def _scan() -> Scan:
    return Scan(list(CANDIDATES.values()))


_MEMO_LIMIT = 20_000
"""Distinct characters that are remembered: a bound on memory."""


class _Plainer(dict[int, int]):
    """Digits of all scripts and hyphens of all lengths as ASCII writes them, one to one."""

    def __missing__(self, code: int) -> int:
        category = unicodedata.category(chr(code))
        plainer = ord("-") if category == "Pd" else code
        if category == "Nd":
            plainer = ord("0") + unicodedata.decimal(chr(code))
        if len(self) < _MEMO_LIMIT:
            self[code] = plainer
        return plainer


_PLAINER = _Plainer()


class PersonalDataDetector:
    """Finds personal data, for signals and for the masking of excerpts."""

    name = "personal_data"
    version = "3"

    def __init__(self, rule: PersonalDataRule | None, *, first: int) -> None:
        """Takes a policy's rule for personal data.

        Args:
            rule: what personal data counts for; None: it makes no signals, and is masked all the same.
            first: the position in the scan of the first of ``CANDIDATES``.
        """
        self._candidates = tuple(enumerate(CANDIDATES, first))
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
        return [name for hit, name in self._candidates if hit in hits]
