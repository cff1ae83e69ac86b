"""Poland: PESEL."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule

_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)


def pesel_is_valid(digits: str) -> bool:
    """Whether eleven digits are a PESEL: a date of birth, whose month also says the century, and the check digit.

    Source: https://www.gov.pl/web/gov/czym-jest-numer-pesel

    >>> pesel_is_valid("44051401359"), pesel_is_valid("44051401358"), pesel_is_valid("44131401359")
    (True, False, False)
    """
    if len(digits) != 11 or not digits.isdigit():
        return False
    if not (1 <= int(digits[2:4]) % 20 <= 12 and 1 <= int(digits[4:6]) <= 31):
        return False
    return pesel_check_digit(digits[:10]) == digits[10]


def pesel_check_digit(digits: str) -> str:
    """The check digit of the ten before it."""
    return str(-sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 10)


def is_of_somebody_alive(digits: str) -> bool:
    """Whether a valid PESEL is of this century or the last: seven in a thousand numbers of eleven digits are.

    >>> is_of_somebody_alive("44051401359"), is_of_somebody_alive("44851401353")
    (True, False)
    """
    return int(digits[2:4]) <= 32


PESEL = IdRule(
    "pl_pesel",
    shape="",
    valid=pesel_is_valid,
    plain_shape=r"\b\d{11}\b",
    words=r"\bpesel|ewidencyj",
    masked=True,
    spaced_shape=r"\d(?:[ .-]{0,2}\d){10}",
    is_enough=is_of_somebody_alive,
)
