"""Spain: DNI of citizens and NIE of foreigners."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule

_LETTERS = "trwagmyfpdxbnjzsqvhlcke"


def dni_is_valid(written: str) -> bool:
    """Whether the last letter is the check letter of the digits before it, of which X, Y or Z may be the first.

    Source: https://www.interior.gob.es/opencms/es/servicios-al-ciudadano/tramites-y-gestiones/dni/calculo-del-digito-de-control-del-nif-nie/

    >>> dni_is_valid("12345678z"), dni_is_valid("12345678a"), dni_is_valid("x1234567l")
    (True, False, True)
    """
    digits = written[:-1]
    if digits[:1] in {"x", "y", "z"}:
        digits = str("xyz".index(digits[0])) + digits[1:]
    return len(digits) == 8 and digits.isdigit() and written[-1] == _LETTERS[int(digits) % 23]


DNI = IdRule(
    "es_dni",
    shape=r"\b[xyz][ -]?\d{7}[ -]?[a-z]\b|\b\d{2}\.\d{3}\.\d{3}[ -]?[a-z]\b|\b\d{8}-[a-z]\b",
    valid=dni_is_valid,
    # Eight digits and a letter are also a date, or a build: one in 23 passes.
    plain_shape=r"\b\d{8} ?[a-z]\b",
    words=r"\bdni\b|\bnif\b|\bnie\b|\bd\.n\.i|\bidentidad\b|\bidentitat\b",
    masked=True,
)
