"""Payment cards and IBANs: by check digits, and by what issuers and countries give out."""

from collections.abc import Iterator
from string import ascii_letters, digits

from consumers.moderation.detectors.characters import continues
from consumers.moderation.detectors.personal_data.spans import Span, goes_on, stands_alone
from consumers.moderation.scan import compiled

_IBAN_HEAD = r"\b[a-z]{2}[ ._-]?\d{2}"
# Two check digits, and six groups of four.
_POLISH_ACCOUNT = r"\d{2}(?:[ ._-]{0,2}\d{4}){6}"
_BETWEEN = " .-_/"
_MOST_BETWEEN = 3
# Letters of an account that may be one; in most countries a bank has four letters, or none.
_MOST_LETTERS = {"mt": 31, "lc": 32, "sc": 31, "fr": 13, "mc": 13, "ch": 14, "li": 14, "gr": 18, "cy": 18, "kz": 15}
_DIGITS = r"\d+"
# "4 1 1 1 ...": people write so in order not to be found.
_SPACED = r"\d(?:[ ._/-]\d){11,18}"
_NAMED = (
    r"\b(?:(?:credit|debit|bank|kredit|payment|master)? ?(?:cards?|karte)|visa|amex|cc"
    r"|tarjeta|carte bancaire|carta|cartão|karta)\b"
)
_NEAR = 40
"""Characters between a word for a card and its number."""

# Length of an IBAN by country.
# Source: https://www.swift.com/standards/data-standards/iban-international-bank-account-number
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "no",
        16: "be",
        18: "dk fi fk fo gl nl sd",
        19: "mk si",
        20: "at ba ee kz lt lu mn xk",
        21: "ch cr hr li lv",
        22: "bg bh de gb ge ie me rs va",
        23: "ae gi il iq om so tl",
        24: "ad cz es md pk ro sa se sk sv tn vg",
        25: "ly pt",
        26: "is tr",
        27: "bi dj fr gr it mc mr sm",
        28: "al az by cy do gt hn hu lb ni pl",
        29: "br eg ps qa ua",
        30: "jo kw mu ye",
        31: "mt sc",
        32: "lc",
        33: "ru",
    }.items()
    for country in countries.split()
}

# First digits of a card and the lengths given out under them.
# Source: https://en.wikipedia.org/wiki/Payment_card_number
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = tuple(
    (first, last, frozenset(lengths))
    for first, last, lengths in (
        (4, 4, (13, 16, 19)),  # Visa
        (51, 55, (16,)),  # Mastercard
        (2221, 2720, (16,)),
        (34, 34, (15,)),  # American Express
        (37, 37, (15,)),
        (300, 305, range(14, 20)),  # Diners Club
        (3095, 3095, range(14, 20)),
        (36, 36, range(14, 20)),
        (38, 39, range(14, 20)),
        (6011, 6011, range(16, 20)),  # Discover
        (644, 649, range(16, 20)),
        (65, 65, range(16, 20)),
        (3528, 3589, range(16, 20)),  # JCB
        (1800, 1800, (15,)),
        (2131, 2131, (15,)),
        (62, 62, range(16, 20)),  # UnionPay
        (81, 82, range(16, 20)),
        (2200, 2204, range(16, 20)),  # Mir
        (2205, 2205, (16,)),  # Borica
        (5018, 5018, range(12, 20)),  # Maestro
        (5020, 5020, range(12, 20)),
        (5038, 5038, range(12, 20)),
        (5893, 5893, range(12, 20)),
        (6304, 6304, range(12, 20)),
        (6390, 6390, range(12, 20)),
        (6759, 6759, range(12, 20)),
        (6761, 6763, range(12, 20)),
        (5019, 5019, (16,)),  # Dankort
        (506, 507, range(16, 20)),  # Verve, Elo
        (56, 58, range(12, 20)),  # Maestro
        (60, 60, (16,)),  # RuPay
        (508, 508, (16,)),
        (636, 637, range(16, 20)),  # InterPayment, InstaPayment
        (9792, 9792, (16,)),  # Troy
    )
)
_CARD_GAPS = frozenset({" ", "-", ".", "_", "/", ",", " - ", " / ", ", "})
"""What stands between the groups of a card's number."""
_SHORTEST_CARD, _LONGEST_CARD = 12, 19
_USUAL_CARD = 15
"""Digits from which on a number is a card's whatever stands before it."""

_VALUES = {character: str(int(character, 36)) for character in ascii_letters + digits}


def luhn(number: str) -> bool:
    """Whether the last digit is the check digit of the others, as on payment cards (ISO/IEC 7812-1).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    values = [ord(digit) - 48 for digit in reversed(number)]
    return (sum(values[::2]) + sum(doubled[value] for value in values[1::2])) % 10 == 0


def card_is_valid(number: str, *, named: bool = False) -> bool:
    """Whether digits, without spaces, are a card's: a range and a length that an issuer gives out, and Luhn's check.

    Args:
        number: the digits.
        named: whether it is called a card, so that the check digit is enough: no list of issuers is complete.

    >>> card_is_valid("4111111111111111"), card_is_valid("1111111111111117"), card_is_valid("0000000000000000")
    (True, False, False)
    """
    # Luhn's check goes first: it turns away nine in ten.
    if not _SHORTEST_CARD <= len(number) <= _LONGEST_CARD or not luhn(number):
        return False
    return named or any(
        first <= int(number[: len(str(first))]) <= last and len(number) in lengths for first, last, lengths in _ISSUERS
    )


def _is_card(text: str, start: int, number: str) -> bool:
    if len(number) < _SHORTEST_CARD or not luhn(number):
        return False
    before = text[max(0, start - _NEAR) : start]
    return card_is_valid(number) or (card_is_valid(number, named=True) and compiled(_NAMED).search(before) is not None)


def iban_is_valid(iban: str) -> bool:
    """Whether letters and digits, without spaces, are an IBAN: its country's length, and remainder 1 modulo 97.

    >>> iban_is_valid("DE89370400440532013000"), iban_is_valid("DE88370400440532013000")
    (True, False)
    """
    if len(iban) != _IBAN_LENGTHS.get(iban[:2].lower()) or not (iban.isascii() and iban.isalnum()):
        return False
    return int("".join([_VALUES[character] for character in iban[4:] + iban[:4]])) % 97 == 1


def find_ibans(text: str) -> Iterator[Span]:
    """IBANs in a normal form, in one piece or apart, and Polish accounts, which are IBANs without their country."""
    for head in compiled(_IBAN_HEAD).finditer(text):
        start = head.start()
        length = _IBAN_LENGTHS.get(text[start : start + 2].lower())
        if length is None:
            continue
        # Between its characters there are at most three spaces or signs; few letters, so that words are none.
        end, written, between, letters = start, "", 0, 0
        while len(written) < length and end < len(text) and between <= _MOST_BETWEEN:
            if text[end] in _BETWEEN:
                between += 1
            elif text[end].isalnum():
                written, between = written + text[end], 0
                letters += text[end].isalpha()
            else:
                break
            end += 1
        if iban_is_valid(written) and letters <= _MOST_LETTERS.get(written[:2].lower(), 6) and not goes_on(text, end):
            yield Span(start, end, "iban")
    for match in compiled(_POLISH_ACCOUNT).finditer(text):
        written = "".join(filter(str.isdigit, match[0]))
        if iban_is_valid("pl" + written) and stands_alone(text, *match.span()):
            yield Span(match.start(), match.end(), "iban")


def _is_tail(text: str, groups: list[tuple[int, int]], first: int, number: str) -> bool:
    """Whether a short card's number is the end of a longer one in groups: 5678 9012 3456 of 1234 5678 9012 3456."""
    if first == 0 or len(number) >= _USUAL_CARD:
        return False
    start, before = groups[first][0], groups[first - 1]
    return before[1] == start - 1 and before[1] - before[0] == 4 and text[start - 1] in " -."


def find_cards(text: str) -> Iterator[Span]:
    """Card numbers in a normal form, in one piece or in groups. Inside a link or a longer code they are not sure."""
    groups = [match.span() for match in compiled(_DIGITS).finditer(text)]
    first = 0
    while first < len(groups):
        start, end = groups[first]
        number, last, step = text[start:end], first, 1
        card: Span | None = None
        while True:
            # Not a piece of a longer code, such as a hash.
            if (
                _is_card(text, start, number)
                and not (start and continues(text[start - 1]))
                and not continues(text[end : end + 1])
            ):
                # A hundred numbers in links pass Luhn's check for one that is a card.
                in_code = bool(start and text[start - 1] in "/=_.&#") or text[end : end + 1] in {"_", "/", "&"}
                sure = not in_code and not goes_on(text, end) and not _is_tail(text, groups, first, number)
                card, step = Span(start, end, "card", sure=sure), last - first + 1
                # The first three groups of a number of four may pass Luhn's check by chance.
                if len(number) >= _USUAL_CARD:
                    break
            # A card is printed in groups of four or more, of which only the last may be shorter.
            if len(number) >= _LONGEST_CARD or len(text[groups[last][0] : end]) < 4 or last + 1 == len(groups):
                break
            last += 1
            if text[end : groups[last][0]] not in _CARD_GAPS:
                break
            end = groups[last][1]
            number += text[groups[last][0] : end]
        if card is not None:
            yield card
        first += step
    for match in compiled(_SPACED).finditer(text):
        if card_is_valid("".join(filter(str.isdigit, match[0]))) and stands_alone(text, *match.span()):
            yield Span(match.start(), match.end(), "card")
