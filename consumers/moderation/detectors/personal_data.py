"""Personal data in a text: e-mail addresses, payment cards, IBANs, telephone numbers, IP addresses.

Expressions only propose; what has a check digit or a range is checked, so that order numbers and times are left alone.
The proposals come out of the one scan over all expressions, so texts without any cost nothing more.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from string import ascii_letters, digits

from msgspec import Struct

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.scan import compile_expression
from consumers.moderation.policy import PersonalDataKind, PersonalDataRule
from glue.contract import Signal


class Span(Struct, frozen=True):
    """Where in a text something personal stands, and of what kind it is."""

    start: int
    end: int
    kind: PersonalDataKind


CANDIDATES: dict[PersonalDataKind, str] = {
    "iban": r"\b[a-z]{2}\d{2}(?: ?[a-z0-9]){11}",
    "card": r"\d(?:[ -]?\d){12}",
    "email": r"[a-z0-9._%+-]@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2}",
    "ip": r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:]*",
    "phone": (
        r"(?:\+|\b00)\(?[1-9](?:[ ()./-]{0,2}\d){6}"
        r"|\b0[1-9](?:[ ()./-]{0,2}\d){7}"
        r"|[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}"
    ),
}
"""For each kind, the expression whose match in the normal form makes a text worth a closer look, by precedence."""

_IBAN_HEAD = compile_expression(r"\b[a-z]{2}\d{2}")
_DIGITS = compile_expression(r"\d+")
_EMAIL = compile_expression(r"[a-z0-9][a-z0-9._%+-]*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}")
_IP = compile_expression(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}")
_PHONE = compile_expression(
    r"(?:\+|\b00)\(?[1-9](?:[ ()./-]{0,2}\d){6,13}"
    r"|\(?\b0[1-9](?:[ ()./-]{0,2}\d){7,10}"
    r"|\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}"
)
_DATE = compile_expression(r"^\(?\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")

# Length of an IBAN by country. Source: https://www.swift.com/standards/data-standards/iban-international-bank-account-number
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "no",
        16: "be",
        18: "dk fi fo gl nl",
        19: "mk si",
        20: "at ba ee kz lt lu xk",
        21: "ch cr hr li lv",
        22: "bg bh de gb ge ie me rs va",
        23: "ae gi il iq tl",
        24: "ad cz es md pk ro sa se sk sv tn vg",
        25: "ly pt",
        26: "is tr",
        27: "fr gr it mc mr sm",
        28: "al az by cy do gt hu lb pl",
        29: "br eg ps qa ua",
        30: "jo kw mu",
        31: "mt sc",
        32: "lc",
    }.items()
    for country in countries.split()
}


_VALUES = {character: str(int(character, 36)) for character in ascii_letters + digits}


def luhn(number: str) -> bool:
    """Whether the last digit is the check digit of the others, as on payment cards (ISO/IEC 7812-1).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    values = [ord(digit) - 48 for digit in reversed(number)]
    return (sum(values[::2]) + sum(doubled[value] for value in values[1::2])) % 10 == 0


def iban_is_valid(iban: str) -> bool:
    """Whether letters and digits, without spaces, are an IBAN: its country's length, and remainder 1 modulo 97.

    >>> iban_is_valid("DE89370400440532013000"), iban_is_valid("DE88370400440532013000")
    (True, False)
    """
    if len(iban) != _IBAN_LENGTHS.get(iban[:2].lower()) or not (iban.isascii() and iban.isalnum()):
        return False
    return int("".join([_VALUES[character] for character in iban[4:] + iban[:4]])) % 97 == 1


def find_personal_data(text: str, kinds: Sequence[PersonalDataKind] = tuple(CANDIDATES)) -> list[Span]:
    """Where personal data stands in a text, in order and without overlap.

    Args:
        text: the original or a normal form; spans are positions in this very string.
        kinds: what to look for; where two kinds overlap, the one that comes first in ``CANDIDATES`` is meant.

    >>> find_personal_data("write to jo@example.org")
    [Span(start=9, end=23, kind='email')]
    """
    spans: list[Span] = []
    taken: set[int] = set()
    for kind in CANDIDATES:
        if kind not in kinds:
            continue
        for start, end in _FINDERS[kind](text):
            covered = range(start, end)
            if taken.isdisjoint(covered):
                spans.append(Span(start, end, kind))
                taken.update(covered)
    return sorted(spans, key=lambda span: span.start)


def mask(text: str, spans: Sequence[Span]) -> str:
    """The text with each span replaced by its kind in brackets.

    >>> mask("write to jo@example.org", find_personal_data("write to jo@example.org"))
    'write to [email]'
    """
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += (text[at : span.start], f"[{span.kind}]")
        at = span.end
    return "".join((*parts, text[at:]))


class PersonalDataDetector:
    """Finds personal data, for signals and for the masking of excerpts."""

    name = "personal_data"
    version = "1"

    def __init__(self, rule: PersonalDataRule | None, *, first: int) -> None:
        """Takes a policy's rule for personal data.

        Args:
            rule: what personal data counts for; None: it makes no signals, and is masked all the same.
            first: the position in the scan of the first of ``CANDIDATES``.
        """
        self._kinds: dict[int, PersonalDataKind] = {first + offset: kind for offset, kind in enumerate(CANDIDATES)}
        self._signals: dict[PersonalDataKind, Signal] = {}
        if rule is not None:
            self._signals = {kind: Signal(self.name, rule.label, score, kind) for kind, score in rule.scores.items()}

    def detect(self, subject: Subject) -> Sequence[Signal]:
        """One signal for each kind of personal data found, by kind."""
        if not subject.hits or not (kinds := self.candidates(subject.hits)):
            return ()
        found = {
            span.kind
            for span in find_personal_data(subject.text.plain, kinds)
            if not subject.allowed or not subject.is_allowed(span.start, span.end)
        }
        return [self._signals[kind] for kind in sorted(found) if kind in self._signals]

    def candidates(self, hits: frozenset[int]) -> list[PersonalDataKind]:
        """The kinds that the scan says may be in the text."""
        return [self._kinds[hit] for hit in sorted(hits & self._kinds.keys())]


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for head in _IBAN_HEAD.finditer(text):
        length = _IBAN_LENGTHS.get(text[head.start() : head.start() + 2].lower())
        if length is None:
            continue
        start = head.start()
        if not iban_is_valid(text[start : start + 2 * length].replace(" ", "")[:length]):
            continue
        # Between its characters there is at most one space each.
        end, seen = start, 0
        while seen < length and text[end : end + 2] != "  ":
            seen += text[end] != " "
            end += 1
        if seen == length and not _in_number(text, end):
            yield start, end


def _cards(text: str) -> Iterator[tuple[int, int]]:
    groups = [match.span() for match in _DIGITS.finditer(text)]
    first = 0
    while first < len(groups):
        start, end = groups[first]
        number, last, step = text[start:end], first, 1
        while True:
            if 13 <= len(number) <= 19 and number[0] in "23456" and luhn(number):
                # Not a piece of a longer code, such as a hash.
                if not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum():
                    yield start, end
                step = last - first + 1
                break
            # A card is printed in groups of four or more, of which only the last may be shorter.
            if len(number) >= 19 or len(text[groups[last][0] : end]) < 4 or last + 1 == len(groups):
                break
            last += 1
            if groups[last][0] != end + 1 or text[end] not in " -":
                break
            end = groups[last][1]
            number += text[groups[last][0] : end]
        first += step


def _emails(text: str) -> Iterator[tuple[int, int]]:
    for match in _EMAIL.finditer(text):
        yield match.span()


def _ips(text: str) -> Iterator[tuple[int, int]]:
    for match in _IP.finditer(text):
        start, end = match.span()
        # Not a piece of a longer number, such as 1.2.3.4.5, nor a version, such as 2.6.8.1-3.
        if (start and (text[start - 1].isalnum() or text[start - 1] in ".:")) or _in_number(text, end):
            continue
        if text[end : end + 1] == "-" and text[end + 1 : end + 2].isalnum():
            continue
        found = text[start:end].rstrip(":") if not text[start:end].endswith("::") else text[start:end]
        groups = [group for group in found.split(":") if group]
        # Not what only looks like one in code, such as a::b.
        if (len(groups) > 2 or "." in found or any(len(group) == 4 for group in groups)) and _is_ip(found):
            yield start, start + len(found)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(text):
        start, end = match.span()
        if (start and text[start - 1].isalnum()) or _in_number(text, end) or _DATE.search(text[start:end]) is not None:
            continue
        # Not the middle of a longer number in groups.
        if text[start] != "+" and start > 1 and text[start - 2].isdigit() and text[start - 1] in " -":
            continue
        yield start, end


def _in_number(text: str, end: int) -> bool:
    """Whether what ends here goes on with a letter or digit, at once or after a point."""
    rest = text[end : end + 2]
    return rest[:1].isalnum() or (len(rest) == 2 and rest[0] == "." and rest[1].isdigit())


_FINDERS: dict[PersonalDataKind, Callable[[str], Iterator[tuple[int, int]]]] = {
    "iban": _ibans,
    "card": _cards,
    "email": _emails,
    "ip": _ips,
    "phone": _phones,
}
