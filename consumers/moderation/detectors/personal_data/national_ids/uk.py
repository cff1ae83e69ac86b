"""United Kingdom: national insurance number and NHS number."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule

_NOT_GIVEN_OUT = frozenset({"bg", "gb", "kn", "nk", "nt", "tn", "zz"})


def nino_is_valid(written: str) -> bool:
    """Whether two letters, six digits and a letter can be a national insurance number. It has no check digit.

    Source: https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110

    >>> nino_is_valid("ab123456c"), nino_is_valid("gb123456c"), nino_is_valid("do123456c"), nino_is_valid("ab123456e")
    (True, False, False, False)
    """
    prefix, digits, suffix = written[:2], written[2:8], written[8:]
    return (
        len(written) == 9
        and prefix not in _NOT_GIVEN_OUT
        and prefix[0] in "abceghjklmnoprstwxyz"
        and prefix[1] in "abceghjklmnprstwxyz"
        and digits.isdigit()
        and suffix in {"a", "b", "c", "d"}
    )


def nhs_number_is_valid(digits: str) -> bool:
    """Whether the last of ten digits is the check digit of the others, modulo 11.

    Source: https://www.datadictionary.nhs.uk/attributes/nhs_number.html

    >>> nhs_number_is_valid("9434765919"), nhs_number_is_valid("9434765918")
    (True, False)
    """
    if len(digits) != 10 or not digits.isdigit() or len(set(digits)) == 1:
        return False
    check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return check % 11 == int(digits[9]) and check != 10


NINO = IdRule(
    "uk_nino",
    shape=r"\b[a-z]{2}(?:\d{6}| \d{2} \d{2} \d{2} |-\d{2}-\d{2}-\d{2}-|\d{6} | \d{6} )[a-d]\b",
    valid=nino_is_valid,
)
NHS = IdRule(
    "uk_nhs",
    shape="",
    valid=nhs_number_is_valid,
    plain_shape=r"\d{3}[ -]?\d{3}[ -]?\d{4}",
    words=r"\bnhs\b",
)
