"""United States: social security number."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule

# Printed on specimen cards and in advertisements, and never anybody's.
_SPECIMENS = frozenset({"078051120", "219099999", "123456789", "111111111", "987654321"})


def ssn_is_valid(digits: str) -> bool:
    """Whether nine digits can be a social security number. It has no check digit, only ranges that are not given out.

    Source: https://www.ssa.gov/employer/randomization.html

    >>> ssn_is_valid("460899847"), ssn_is_valid("666899847"), ssn_is_valid("460009847"), ssn_is_valid("900121234")
    (True, False, False, False)
    """
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        len(digits) == 9
        and area not in {"000", "666"}
        and area < "900"
        and group != "00"
        and serial != "0000"
        and digits not in _SPECIMENS
    )


SSN = IdRule(
    "us_ssn",
    shape=r"\d{3}-\d{2}-\d{4}",
    valid=ssn_is_valid,
    plain_shape=r"\d{3}[ .-]?\d{2}[ .-]?\d{4}",
    words=r"\bssn\b|\bss ?(?:#|no\b|num)|\bsocial (?:security|insurance)\b|\bsoc\.? sec",
)
