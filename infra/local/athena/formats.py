"""``format`` as Java's Formatter writes: conversions s, d, f, x, X, b, e with flags, width and precision."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from infra.local.athena.errors import QueryError, refused

PIECE: Final = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
CONVERSIONS: Final = {
    "s": ("any",),
    "S": ("any",),
    "d": ("integer",),
    "x": ("integer",),
    "X": ("integer",),
    "f": ("double", "decimal", "real"),
    "b": ("any",),
}


def check(pattern: str) -> list[tuple[int, str]]:
    """The arguments that a pattern uses, from 0, each with its conversion.

    Raises:
        QueryError: NOT_SUPPORTED for a conversion that is not translated.

    >>> check("%s and %2$d%%")
    [(0, 's'), (1, 'd')]
    """
    used, ordinary = [], 0
    for match in PIECE.finditer(pattern):
        letter = match[5]
        if letter in {"%", "n"}:
            continue
        if letter not in CONVERSIONS or "(" in match[2] or "#" in match[2]:
            raise refused(f"%{match[2]}{letter} in a pattern of format")
        index = int(match[1]) - 1 if match[1] else ordinary
        ordinary += not match[1]
        used.append((index, letter))
    if "%" in PIECE.sub("", pattern):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {pattern}")
    return used


def fill(pattern: str, values: list[str | None]) -> str:
    """The pattern with its values, each as text of its kind: of numbers as digits, of the rest as shown.

    >>> fill("%05d|%,.2f|%-4s|", ["42", "1234.5", "a"])
    '00042|1,234.50|a   |'
    """
    ordinary = 0

    def piece(match: re.Match[str]) -> str:
        nonlocal ordinary
        place, flags, width, precision, letter = match.groups()
        if letter == "%":
            return "%"
        if letter == "n":
            return "\n"
        index = int(place) - 1 if place else ordinary
        ordinary += not place
        text = _written(values[index], flags, width, precision, letter)
        size = int(width or 0)
        return text.ljust(size) if "-" in flags else text.rjust(size)

    return PIECE.sub(piece, pattern)


def _written(value: str | None, flags: str, width: str | None, precision: str | None, letter: str) -> str:
    if letter == "b":
        return "false" if value is None else value if value in {"true", "false"} else "true"
    if value is None:
        return "null"
    if letter in "sS":
        text = value if precision is None else value[: int(precision)]
        return text.upper() if letter == "S" else text
    if letter in "xX":
        number = int(value)
        text = format(number if number >= 0 else number + 2**64, letter)
        return text.rjust(int(width), "0") if width and "0" in flags else text
    if letter == "f":
        if value.lstrip("-") in {"NaN", "Infinity"}:
            return value
        digits = int(precision) if precision is not None else 6
        number_text = format(Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP), "f")
    else:
        number_text = str(int(value))
    sign = "-" if number_text.startswith("-") else "+" if "+" in flags else " " if " " in flags else ""
    whole, point, part = number_text.lstrip("-").partition(".")
    if "," in flags:
        whole = f"{int(whole):,}"
    body = whole + point + part
    if "0" in flags and width:
        body = body.rjust(int(width) - len(sign), "0")
    return sign + body
