"""Telephone numbers: candidates by their shape and by the words around them, judged by Google's numbering plans.

Source: https://github.com/google/libphonenumber (as ``phonenumberslite``), https://www.itu.int/rec/T-REC-E.164
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from consumers.moderation.detectors.characters import continues
from consumers.moderation.detectors.personal_data.names import named
from consumers.moderation.detectors.personal_data.spans import Span, goes_on, stands_alone
from consumers.moderation.scan import compiled

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

REGIONS = (
    "US", "GB", "DE", "FR", "ES", "IT", "PL", "BR", "NL", "BE", "AT", "CH", "SE", "NO", "DK", "FI", "PT", "CZ", "HU",
    "IE", "AU", "NZ", "IN", "JP", "KR", "CN", "TR", "RU", "GR", "RO", "SK", "SI", "HR", "MX", "AR", "ZA", "IS", "EE",
    "LT", "LV", "CY",
)  # fmt: skip
"""Whose numbers are known without the country's code, given a word such as "phone" beside them."""
_TRUNK_ZERO = (
    "GB", "DE", "FR", "IT", "NL", "BE", "AT", "CH", "SE", "FI", "IE", "AU", "NZ", "IN", "JP", "KR", "TR", "ZA", "BR",
)  # fmt: skip

_EXTENDING = frozenset(" ,xedrp")

_LOCAL = 7
"""Digits of a number in North America without its area."""

MOST_JUDGED = 30
"""Candidates in one text that are judged by numbering plan; what comes after is masked and does not count."""

# With the country's code; in North America's groups; with a trunk prefix 0; anything that goes by words beside it.
CANDIDATE = (
    r"(?:\+|\b00)\(?[1-9](?:[ ()./-]{0,3}\d){6,13}"
    r"|(?:\b1[ .-])?\(?[2-9]\d{2}(?:\) ?|[ .-])[2-9]\d{2}[ .-]\d{4}"
    r"|\(?\b0[1-9](?:\) ?)?(?:(?:[ ./-]| ?[/-] )?\d){7,10}"
    r"|\(?\d{1,5}\)?(?:(?:[ ./-]{1,2}| [/-] )\d{1,8}){1,12}"
    r"|\b[1-9]\d{6,12}"
)
_EXTENSION = r"^,? ?(?:x|ext\.?|extension|durchwahl|ramal|poste) ?\d{1,6}"
# Dates, times from and to, addresses and social security numbers.
_OTHERWISE = (
    r"^\(?(?:(?:[0-3]?\d [01]?\d (?:19|20)\d{2}"
    r"|[0-3]?\d[./-][01]?\d[./-](?:19|20)?\d{2}|[01]?\d[./-][0-3]?\d[./-](?:19|20)?\d{2}"
    r"|(?:19|20)\d{2}[./-][01]?\d[./-][0-3]?\d)(?: |$)"
    r"|[0-2]?\d\.[0-5]\d ?[-/] ?[0-2]?\d\.[0-5]\d$|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$|\d{3}-\d{2}-\d{4}$)"
)
_TRUNK = r"^\(?0[1-9].{0,10}[ ()./-].{4}|^0[1-9]\d{8}"
_NORTH_AMERICAN = r"^(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}$"

# Said after a number.
_AFTER = (
    r"^[ -]{0,2}[(\[]?(?:office|fax|mobile|cell|home|work|phone|tel|mob|landline|direct|main|handy|portable|móvil)\b"
)


def find_phones(text: str) -> Iterator[Span]:
    """Telephone numbers in a normal form."""
    judged = 0
    for match in compiled(CANDIDATE).finditer(text):
        start, end = match.span()
        written = match[0]
        digits = [character for character in written if character.isdigit()]
        whole = end
        if (
            text[end : end + 1] in _EXTENDING
            and (more := compiled(_EXTENSION).search(text[end : end + 24])) is not None
        ):
            whole += more.end()
        if len(digits) < 7 or len(set(digits)) == 1 or _is_piece(text, start, whole):
            continue
        if compiled(_OTHERWISE).search(written) is not None:
            continue
        judged += 1
        if judged > MOST_JUDGED:
            yield Span(start, whole, "phone", sure=False)
            continue
        for first, last, sure in _judge(text, start, end):
            yield Span(first, whole if last == end else last, "phone", sure and not _is_made_up(digits))


def _is_made_up(digits: list[str]) -> bool:
    """Whether the digits are nobody's: 555-0100 to 555-0199 of no area, or the same digit to the end."""
    return (len(digits) == _LOCAL and digits[:5] == ["5", "5", "5", "0", "1"]) or len(set(digits[-_LOCAL + 1 :])) == 1


def _is_piece(text: str, start: int, end: int) -> bool:
    if text[start] == "+":
        return bool(start and continues(text[start - 1])) or goes_on(text, end)
    if not stands_alone(text, start, end):
        return True
    # A longer number in groups, or a name: dsl-082-082-155-216.example.net
    before = text[max(0, start - 2) : start]
    return len(before) == 2 and (
        (before[1] == "-" and continues(before[0])) or (before[1] == " " and before[0].isdigit())
    )


def _judge(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Start and end of what is a telephone number in there, and whether that is sure."""
    written = text[start:end]
    if written[0] == "+" or written.startswith("00"):
        length = _international(written)
        if length:
            yield start, start + length, True
        return
    name = named(text, start)
    if name == "other":
        return
    if name == "phone":
        length = next((len(first) for first in _beginnings(written) if _in_any(first, REGIONS)), 0)
        if length:
            yield start, start + length, True
            return
    elif compiled(_AFTER).search(text[end : end + 12]) is not None:
        length = next((len(last) for last in _ends(written) if _in_any(last, REGIONS)), 0)
        if length:
            yield end - length, end, True
            return
    if compiled(_NORTH_AMERICAN).search(written) is not None:
        # 555-0100 and the like are nobody's, and look so much like somebody's that they are masked.
        yield start, end, _in_any(written, ("US",))
    # 0151 23456789: a quantity has no 0 before it.
    elif compiled(_TRUNK).search(written) is not None and _in_any(written, _TRUNK_ZERO):
        yield start, end, True


def _beginnings(written: str) -> Iterator[str]:
    """It, and what is left of it when groups are taken away from the end: "555 0100 12 times"."""
    while sum(map(str.isdigit, written)) >= 7:
        yield written
        written = written.rstrip("0123456789").rstrip(" ()./-")


def _ends(written: str) -> Iterator[str]:
    """It, and what is left of it when groups are taken away from the beginning: "61487 416 60 039"."""
    while sum(map(str.isdigit, written)) >= 7:
        yield written
        written = written.lstrip("(0123456789").lstrip(" )./-")


def _international(written: str) -> int:
    """How many characters from the start on are a number with its country's code; 0: none."""
    plus = written[0] == "+"
    for first in _beginnings(written):
        number = _parse(first if plus else "+" + first[2:], None)
        # A plus says what it is, so that the length is enough; 00 begins many a number.
        if number is not None and (_has_possible_length(number) if plus else _is_valid(number)):
            return len(first)
    return 0


def _in_any(written: str, regions: tuple[str, ...]) -> bool:
    for region in regions:
        number = _parse(written, region)
        if number is not None and _is_valid(number):
            return True
    return False


# The library is imported at the first candidate: a cold start does not pay for it. It uses ``re``, on some twenty
# characters at a time.


def _parse(written: str, region: str | None) -> "PhoneNumber | None":
    from phonenumbers import NumberParseException, parse

    try:
        return parse(written, region)
    except NumberParseException:
        return None


def _is_valid(number: "PhoneNumber") -> bool:
    from phonenumbers import is_valid_number

    return is_valid_number(number)


def _has_possible_length(number: "PhoneNumber") -> bool:
    from phonenumbers import is_possible_number

    return is_possible_number(number)
