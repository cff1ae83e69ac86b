"""France: registration number in the national directory, the social security number (NIR)."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule


def nir_is_valid(written: str) -> bool:
    """Whether thirteen digits, of which two may say Corsica (2A, 2B), and two more are an NIR and its key modulo 97.

    Source: https://www.insee.fr/fr/metadonnees/definition/c1409

    >>> nir_is_valid("255081416802538"), nir_is_valid("255081416802539"), nir_is_valid("180032a99901218")
    (True, False, True)
    """
    if len(written) != 15 or not (written[:5] + written[7:]).isdigit() or written[0] not in "123478":
        return False
    month, department = int(written[3:5]), written[5:7]
    # 20 and more: the month is not known.
    if not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    if not (department.isdigit() or department in {"2a", "2b"}) or department == "00":
        return False
    number = int(written[:13].replace("2a", "19", 1) if department == "2a" else written[:13].replace("2b", "18", 1))
    return 97 - number % 97 == int(written[13:])


NIR = IdRule(
    "fr_nir",
    shape=(
        r"\b[123478][ .-]\d{2}[ .-]\d{2}[ .-](?:\d{2}|2[ab])[ .-]\d{3}[ .-]\d{3}[ .-]?\d{2}\b"
        r"|\b[123478]\d{4}2[ab]\d{6} ?\d{2}\b"
    ),
    valid=nir_is_valid,
    # Fifteen digits in one piece are also somebody's number on a network: one in some hundred passes.
    plain_shape=r"\b[123478]\d{12} ?\d{2}\b",
    words=r"\bs[eé]cu|\bsécurité|\bnir\b|\binsee\b|\bsocial",
    masked=True,
)
