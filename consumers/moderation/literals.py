"""What an expression cannot match without: letters and signs that stand in every text in which it matches.

``check(?:ing)? (?:\\w+ ){0,2}out`` needs "check " or "checking ", and "out". Texts that have both are few, and looking
for all such pieces at once, by one automaton that never grows, costs less than any expression.
"""

import re
import string
import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from math import fsum, prod

from msgspec import Struct

BEYOND_ASCII = "\ue000"
"""Stands for any character beyond ASCII."""

_MOST_PIECES = 64
"""Alternatives that are kept apart; with more the parts before and behind are looked at by themselves."""
_MOST_CLAUSES = 3
"""Of an expression, the rarest: what more would tell is little."""

_SHARES = {" ": 0.18, "e": 0.1} | dict.fromkeys("taoinshr", 0.06) | dict.fromkeys("dlucmfwygpbv", 0.02)
_EVERYWHERE = frozenset(
    {
        *("the", "he", "she", "it", "is", "you", "u", "a", "i", "in", "on", "that", "this", "his", "her", "him", "are"),
        *("we", "our", "us", "me", "my", "they", "to", "of", "and", "not", "be", "have", "for"),
    }
)
"""Words that most English texts have."""
_TOO_COMMON = 0.04
"""The sum of shares from which on a clause says nothing."""
_COMMON = 0.03
"""The same for a second clause, which need not be."""
_RARE = 0.0004
"""And for one that is looked for in all texts, not only where the rarest is."""
_MOST_LOOKED_FOR = 12
"""Pieces of one that is looked for only there, one by one."""
_ANY: None = None
_SPACE = frozenset(" ")
_DIGITS = frozenset("0123456789")
_HEXADECIMAL = frozenset(string.hexdigits)
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz_") | _DIGITS

_WITHIN = {"\u017f": "s", "\u212a": "k"}
"""Characters beyond ASCII that are another case of one within."""

Clause = frozenset[str]
"""Pieces of which a text has at least one."""


class Way(Struct, frozen=True, array_like=True, gc=False):
    """One of the ways in which an expression can match.

    Args:
        clauses: what a text has then: of each at least one piece. All are rare, and the rarest is the first.
        digits: how many digits from 0 to 9 it has then, at the least, when it is of ASCII.
        also: what it has besides, which is less rare.
    """

    clauses: tuple[Clause, ...]
    digits: int = 0
    also: tuple[Clause, ...] = ()


class _Part(Struct, frozen=True):
    """What is known of a part of an expression.

    Args:
        exact: all that it can match, when that is little; None: too much to say.
        clauses: what else it needs.
        digits: how many digits it needs.
    """

    exact: frozenset[str] | None
    clauses: tuple[Clause, ...] = ()
    digits: int = 0


_NOTHING = frozenset({""})
_EMPTY = _Part(_NOTHING)
_UNKNOWN = _Part(_ANY)


class _NotUnderstoodError(Exception):
    """An expression with something in it that is not looked into."""


def needed(expression: str) -> tuple[Way, ...]:
    """The ways in which an expression can match: a plain form in which it does has all that one of them says; none:
    nothing is known.

    Args:
        expression: one that re2 takes, for which letter case does not matter.

    >>> [way] = needed("check(?:ing)? (?:[a-z]+ ){0,2}out")
    >>> [sorted(clause) for clause in way.clauses]
    [['check ', 'checking '], ['out']]
    >>> needed("call .* [0-9]{5}|free money")[0].digits
    5
    >>> needed("[a-z]+")
    ()
    """
    try:
        alternatives = _Reader(expression).read()
    except _NotUnderstoodError:
        return ()
    ways: list[Way] = []
    simple: set[str] = set()
    for part in alternatives:
        found = sorted(dict.fromkeys(map(_pieces, (*part.clauses, *_clause(part.exact)))), key=_commonness)
        # What nearly every text has tells nothing.
        if not found or _commonness(found[0]) >= _TOO_COMMON:
            return ()
        rare = [clause for clause in found[1:_MOST_CLAUSES] if _commonness(clause) < _RARE]
        also = [
            clause
            for clause in found[1 + len(rare) : _MOST_CLAUSES]
            if _commonness(clause) < _COMMON and len(clause) <= _MOST_LOOKED_FOR
        ]
        if rare or also or part.digits > 1:
            ways.append(Way((found[0], *rare), part.digits, tuple(also)))
        else:
            simple |= found[0]
    if simple:
        ways.append(Way((_pieces(frozenset(simple)),)))
    return tuple(dict.fromkeys(ways))


def _pieces(clause: Clause) -> Clause:
    """A clause without what it does not need: what begins with another piece, and all around what is beyond ASCII."""
    kept: list[str] = []
    for piece in sorted({BEYOND_ASCII if BEYOND_ASCII in piece else piece for piece in clause}):
        if not kept or not piece.startswith(kept[-1]):
            kept.append(piece)
    return frozenset(kept)


@lru_cache(maxsize=4096)
def _commonness(clause: Clause) -> float:
    """How often a piece of a clause begins at some place of an English text, roughly, were each letter by itself."""
    # Exact, so that the order in which a set gives its pieces decides nothing.
    return fsum(map(_share, clause))


def _share(piece: str) -> float:
    if piece.strip() in _EVERYWHERE:
        return 0.01
    share = prod([_SHARES.get(character, 0.003) for character in piece])
    # Behind a full stop there is a space.
    return share / 10 if piece[0] in ".,:!?" and piece[1:2].strip() else share


def _clause(exact: frozenset[str] | None) -> tuple[Clause, ...]:
    return (exact,) if exact and "" not in exact else ()


def _joined(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    if one is _NOTHING:
        return other
    return frozenset([first + second for first, second in product(one, other)])


def _one_after_another(parts: Iterable[_Part]) -> _Part:
    clauses: list[Clause] = []
    exact = last = _NOTHING
    whole = True
    digits = 0
    for part in parts:
        clauses += part.clauses
        digits += part.digits
        if part.exact is not None and len(exact) * len(part.exact) <= _MOST_PIECES:
            exact, last = _joined(exact, part.exact), part.exact
            continue
        clauses += _clause(exact)
        whole = False
        if part.exact is None:
            exact = last = _NOTHING
        else:
            fits = len(last) * len(part.exact) <= _MOST_PIECES
            exact, last = _joined(last, part.exact) if fits else part.exact, part.exact
    if whole:
        return _Part(exact, tuple(clauses), digits)
    return _Part(None, (*clauses, *_clause(exact)), digits)


def _either(parts: list[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    digits = min(part.digits for part in parts)
    if all(part.exact is not None and not part.clauses for part in parts):
        together = frozenset(text for part in parts for text in part.exact or ())
        if len(together) <= _MOST_PIECES:
            return _Part(together, (), digits)
    best: set[str] = set()
    for part in parts:
        known: list[Clause] = [*part.clauses, *_clause(part.exact)]
        if not known:
            return _Part(None, (), digits)
        best |= min(known, key=_commonness)
    return _Part(None, (frozenset(best),), digits)


def _character(character: str) -> str:
    """A character as a plain form has it, in lower case; where that is another one, only that it is beyond ASCII."""
    if character.isascii():
        return " " if character.isspace() else character.lower()
    plain = unicodedata.normalize("NFKC", character).casefold()
    return _WITHIN.get(character) or (character if plain == character else BEYOND_ASCII)


_RUN = re.compile(r"[a-z ]+(?![*+?{])")
"""Letters that stand for themselves, all but one that is repeated; most of an expression."""


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, expression: str) -> None:
        self._left = expression
        self._at = 0

    def read(self) -> list[_Part]:
        """What each of the expression's alternatives needs."""
        parts = self._alternatives()
        if self._at < len(self._left):
            raise _NotUnderstoodError
        return parts

    def _peek(self, length: int = 1) -> str:
        return self._left[self._at : self._at + length]

    def _take(self, length: int = 1) -> str:
        taken = self._peek(length)
        if len(taken) < length:
            raise _NotUnderstoodError
        self._at += length
        return taken

    def _until(self, end: str) -> str:
        at = self._left.find(end, self._at)
        if at < 0:
            raise _NotUnderstoodError
        taken = self._left[self._at : at]
        self._at = at + len(end)
        return taken

    def _alternatives(self) -> list[_Part]:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._take()
            parts.append(self._sequence())
        return parts

    def _sequence(self) -> _Part:
        parts = []
        while self._peek() not in {"", "|", ")"}:
            if (run := _RUN.match(self._left, self._at)) is not None:
                parts.append(_Part(frozenset({run[0]})))
                self._at = run.end()
            else:
                parts += self._repeated(self._one())
        return _one_after_another(parts)

    def _one(self) -> _Part:
        sign = self._take()
        if sign == "(":
            return self._group()
        if sign == "[":
            return _of_class(self._class())
        if sign in "^$":
            return _EMPTY
        if sign == ".":
            return _UNKNOWN
        if sign == "\\":
            return self._escaped()
        if sign in "*+?":
            raise _NotUnderstoodError
        return _of_class(frozenset({_character(sign)}))

    def _group(self) -> _Part:
        if self._peek() == "?":
            self._take()
            if self._peek(2) == "P<" or self._peek() == "<":
                self._until(">")
            else:
                # None of the flags makes an expression match what it could not match in lower case without them.
                while (flag := self._take()) in "imsU-":
                    pass
                if flag == ")":
                    return _EMPTY
                if flag != ":":
                    raise _NotUnderstoodError
        part = _either(self._alternatives())
        if self._take() != ")":
            raise _NotUnderstoodError
        return part

    def _repeated(self, part: _Part) -> list[_Part]:
        parts = [part]
        while (sign := self._peek()) and sign in "*+?{":
            least, most = self._counts()
            if self._peek() == "?":
                self._take()
            whole = parts[0] if len(parts) == 1 else _one_after_another(parts)
            if least == 0:
                small = most == 1 and whole.exact is not None and not whole.clauses
                parts = [_Part((whole.exact or _NOTHING) | {""}) if small else _UNKNOWN]
            else:
                parts = [whole] * min(least, 8)
                if least > 8:
                    parts.append(_Part(None, (), whole.digits * (least - 8)))
                if least != most:
                    parts.append(_UNKNOWN)
        return parts

    def _counts(self) -> tuple[int, int | None]:
        sign = self._take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        low, comma, high = self._until("}").partition(",")
        if not low.isdecimal() or (high and not high.isdecimal()):
            # A brace that stands for itself.
            raise _NotUnderstoodError
        return int(low), (int(high) if high else None) if comma else int(low)

    def _numbered(self) -> str:
        """The character that an escape gives by its number, in two hexadecimal digits or any between braces."""
        number = self._until_closed() if self._peek() == "{" else self._take(2)
        if not set(number) <= _HEXADECIMAL or not number or int(number, 16) > sys.maxunicode:
            raise _NotUnderstoodError
        return chr(int(number, 16))

    def _escaped(self) -> _Part:
        sign = self._take()
        if sign in "bBAz":
            return _EMPTY
        return _of_class(self._escaped_members(sign))

    def _escaped_members(self, sign: str) -> frozenset[str] | None:
        """What an escape stands for, outside and inside a class."""
        if sign in "dsw":
            return {"d": _DIGITS, "s": _SPACE, "w": _WORD}[sign]
        if sign in "DSWPC":
            if sign == "P":
                self._property()
            return _ANY
        if sign == "p":
            return {"Nd": _DIGITS | {BEYOND_ASCII}, "Pd": frozenset({"-", BEYOND_ASCII})}.get(self._property(), _ANY)
        if sign == "x":
            return frozenset({_character(self._numbered())})
        if sign in "tnrfv":
            return _SPACE
        if sign.isalnum():
            raise _NotUnderstoodError
        return frozenset({_character(sign)})

    def _until_closed(self) -> str:
        self._take()
        return self._until("}")

    def _property(self) -> str:
        return self._until_closed() if self._peek() == "{" else self._take()

    def _class(self) -> frozenset[str] | None:
        """The characters of a class in lower case; None: too many."""
        negated = self._peek() == "^"
        if negated:
            self._take()
        members: set[str] = set()
        known = True
        first = True
        while first or self._peek() != "]":
            first = False
            if self._peek(2) == "[:":
                raise _NotUnderstoodError
            low = self._member()
            if low is None:
                known = False
            elif len(low) == 1 and self._peek() == "-" and self._peek(2) != "-]":
                self._take()
                high = self._member()
                if high is None or len(high) != 1:
                    raise _NotUnderstoodError
                self._add_range(members, *low, *high)
            else:
                members |= {_character(one) for one in low}
        self._take()
        return frozenset(members) if known and not negated else _ANY

    def _member(self) -> frozenset[str] | None:
        sign = self._take()
        if sign != "\\":
            return frozenset({sign})
        sign = self._take()
        if sign == "x":
            return frozenset({self._numbered()})
        return self._escaped_members(sign)

    @staticmethod
    def _add_range(members: set[str], low: str, high: str) -> None:
        for code in range(ord(low), min(ord(high), 0x7F) + 1):
            members.add(_character(chr(code)))
        if ord(high) > 0x7F:
            members.add(BEYOND_ASCII)
        members.update(plain for other, plain in _WITHIN.items() if low <= other <= high)


def _of_class(members: frozenset[str] | None) -> _Part:
    if members is None:
        return _UNKNOWN
    digits = int(members - {BEYOND_ASCII} <= _DIGITS)
    return _Part(None if len(members) > _MOST_PIECES else members, (), digits)
