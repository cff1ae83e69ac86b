"""Italy: codice fiscale."""

from consumers.moderation.detectors.personal_data.national_ids.rule import IdRule

_DIGITS_AS_LETTERS = "lmnpqrstuv"
"""What stands for 0 to 9 when two people would have the same code."""
_ODD_PLACES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""What a letter counts for in the first, third, ... place; a digit counts as the letter in its place."""
_ODD = {
    **{str(digit): _ODD_PLACES[digit] for digit in range(10)},
    **{chr(97 + place): value for place, value in enumerate(_ODD_PLACES)},
}
_EVEN = {**{str(digit): digit for digit in range(10)}, **{chr(97 + place): place for place in range(26)}}


def codice_fiscale_is_valid(written: str) -> bool:
    """Whether sixteen letters and digits are a codice fiscale: a month, a day, and the check letter.

    Source: https://www.gazzettaufficiale.it/eli/id/1976/12/29/076U0013/sg (decreto ministeriale 23 dicembre 1976)

    >>> codice_fiscale_is_valid("rssmra85t10a562s"), codice_fiscale_is_valid("rssmra85t10a562t")
    (True, False)
    """
    if len(written) != 16 or not set(written) <= _EVEN.keys():
        return False
    day = written[9:11].translate(str.maketrans(_DIGITS_AS_LETTERS, "0123456789"))
    # Of a woman 40 is added to the day.
    if written[8] not in "abcdehlmprst" or not day.isdigit() or not (1 <= int(day) <= 31 or 41 <= int(day) <= 71):
        return False
    return codice_fiscale_check_letter(written[:15]) == written[15]


def codice_fiscale_check_letter(written: str) -> str:
    """The check letter of the fifteen signs before it."""
    total = sum(_ODD[sign] for sign in written[::2]) + sum(_EVEN[sign] for sign in written[1::2])
    return chr(97 + total % 26)


CODICE_FISCALE = IdRule(
    "it_codice_fiscale",
    shape=r"\b[a-z]{3} ?[a-z]{3} ?\d[0-9l-v][a-z][0-9l-v]{2} ?[a-z][0-9l-v]{3}[a-z]\b",
    valid=codice_fiscale_is_valid,
)
