"""Germany: tax identification number and identity card."""

from collections import Counter

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule


def tax_id_is_valid(digits: str) -> bool:
    """Whether eleven digits are a Steuer-Identifikationsnummer: which digits repeat, and the check digit (ISO 7064).

    Of the first ten digits exactly one stands there twice or three times, three never side by side.
    Source: https://www.bzst.de/DE/Privatpersonen/SteuerlicheIdentifikationsnummer/steuerlicheidentifikationsnummer_node.html

    >>> tax_id_is_valid("86095742719"), tax_id_is_valid("86095742718"), tax_id_is_valid("12345678903")
    (True, False, False)
    """
    if len(digits) != 11 or not digits.isdigit() or digits[0] == "0":
        return False
    often = sorted(times for times in Counter(digits[:10]).values() if times > 1)
    if often not in ([2], [3]) or any(digit * 3 in digits[:10] for digit in set(digits)):
        return False
    return tax_id_check_digit(digits[:10]) == digits[10]


def tax_id_check_digit(digits: str) -> str:
    """The check digit of ten digits, ISO 7064 modulo 11,10."""
    product = 10
    for digit in digits:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def id_card_is_valid(written: str) -> bool:
    """Whether ten letters and digits are the serial number of an identity card with its check digit.

    Source: https://www.bmi.bund.de/DE/themen/moderne-verwaltung/ausweise-und-paesse/ausweise-und-paesse-node.html

    >>> id_card_is_valid("l01x00t471"), id_card_is_valid("l01x00t472")
    (True, False)
    """
    if len(written) != 10 or not written[9].isdigit() or written[0] not in "lmnprtvwxycfghjk":
        return False
    weighted = (int(sign, 36) * (7, 3, 1)[place % 3] for place, sign in enumerate(written[:9]))
    return sum(weighted) % 10 == int(written[9])


TAX_ID = IdRule(
    "de_tax_id",
    shape=r"\d{2} \d{3} \d{3} \d{3}",
    valid=tax_id_is_valid,
    plain_shape=r"\d{2}[ /-]?\d{3}[ /-]?\d{3}[ /-]?\d{3}",
    words=r"\bsteuer|\bidnr\b|\bid-nr\b|\btin\b|\btax[ -]?(?:id|number)",
    masked=True,
)
ID_CARD = IdRule(
    "de_id_card",
    shape="",
    valid=id_card_is_valid,
    plain_shape=r"\b[cfghjklmnprtvwxyz][cfghjklmnprtvwxyz0-9]{8} ?\d",
    words=r"ausweis|\bperso\b|\b(?:id|identity) card\b",
)
