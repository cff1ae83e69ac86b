"""What a number is called by the words before it: a telephone's, or something else's, in some thirty languages.

Of the names before a number the last one decides: "invoice 4711, phone 202-555-0143" is a telephone's. A word that only
says "number" is a telephone's when it stands right before it; "numer prawa jazdy: 048736373" is a driving licence's.
"""

from functools import cache
from typing import Literal

import re2

from consumers.lexicons import read_lexicon
from consumers.moderation.detectors.characters import LETTER
from consumers.moderation.scan import compile_expression

Named = Literal["phone", "other"]

_FAR = 64
"""Characters before a number in which its name is looked for."""
_SHORT = 4
"""Letters of a name that is a whole word, or the first part of one that ends in "number": "kund" begins other words."""


def named(text: str, start: int) -> Named | None:
    """What the number that begins there is called: a telephone's, something else's, or nothing.

    >>> named("invoice 202-555-0143", 8), named("my phone: 202-555-0143", 10), named("202-555-0143", 0)
    ('other', 'phone', None)
    """
    before = text[max(0, start - _FAR) : start]
    if not before:
        return None
    phone_name, other_name, only_number = _expressions()
    phone, other = _last(phone_name, before), _last(other_name, before)
    if phone >= 0 or other >= 0:
        return "phone" if phone >= other else "other"
    return "phone" if only_number.search(before) is not None else None


def _last(expression: re2._Regexp, before: str) -> int:
    """Where the last match that reaches the end begins; -1: there is none."""
    found = -1
    match = expression.search(before)
    while match is not None:
        found = match.start()
        match = expression.search(before, found + 1)
    return found


@cache
def _expressions() -> tuple[re2._Regexp, re2._Regexp, re2._Regexp]:
    """A telephone's name, another name, and a mere word for a number, each up to the end."""
    # Made at the first number: a cold start does not pay for it.
    names = _names()
    signs = r"[^\pL\pN\n;!?]{0,4}"
    to_number = rf"(?:{signs}(?:{names['number']}|{names['joins']}|番号|号码|号|番|번호|n[°ºo])\b?)*{signs}$"
    every = names["other"].split("|")
    short = "|".join(name for name in every if len(name) <= _SHORT)
    long = "|".join(name for name in every if len(name) > _SHORT)
    phone = (
        rf"(?:(?:^|[^{LETTER}0-9])(?:(?:{names['phone']})(?:[^{LETTER}0-9]|$)|(?:{names['place']}):)"
        rf"|(?:{names['phone unspaced']}))[^\d\n]{{0,24}}$"
    )
    other = (
        rf"(?:(?:^|[^{LETTER}])"
        rf"(?:(?:{short})(?:s|[{LETTER}-]{{0,14}}(?:nummers?|numero|nr|szám|nro))?|(?:{long})[{LETTER}-]{{0,24}})"
        rf"(?:[^{LETTER}]{{1,3}}[{LETTER}.'-]{{3,20}})?(?:[^{LETTER}]|$)"
        rf"|(?:{names['other unspaced']})[{LETTER}]{{0,6}}){to_number}|[#$€£=@_]$"
    )
    only_number = (
        rf"(?:^|[^{LETTER}0-9])(?:{names['only number']})[:. ]{{0,3}}(?:(?:{names['joins']}) )?$"
        r"|(?:番号|号码|번호)[^\d\n]{0,6}$"
    )
    return compile_expression(phone), compile_expression(other), compile_expression(only_number)


def _names() -> dict[str, str]:
    lines: dict[str, list[str]] = {}
    section = ""
    for line in read_lexicon("number_names").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            lines.setdefault(section, []).append(line)
    return {name: "|".join(found) for name, found in lines.items()}
