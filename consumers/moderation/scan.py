"""One pass of all expressions over a text, whoever asked for them: one scan finds which of them match at all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

import re2
from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from consumers.moderation.expressions import is_known, ways
from consumers.moderation.literals import BEYOND_ASCII
from consumers.moderation.native_finding import NativeWays
from consumers.moderation.relaxed import relaxed
from consumers.native import LIBRARY

if TYPE_CHECKING:
    from ctypes import PyDLL

SPACED = r"(?:^|[^\pL\pN])[\pL\pN](?:[^\pL\pN]{1,3}[\pL\pN]){2}(?:[^\pL\pN]|$)"
"""Three letters or digits, each by itself."""


class ScanError(ValueError):
    """An expression that re2 does not take; the message says why."""


_MAX_MEMORY = 64 << 20
"""Bytes for the automaton of one scan. It is filled as needed, and emptied when full, never given up half way."""


def options() -> re2.Options:
    """How every expression over content is compiled: case does not matter, and nothing is written to stderr."""
    chosen = re2.Options()
    chosen.case_sensitive = False
    chosen.log_errors = False
    chosen.max_mem = _MAX_MEMORY
    return chosen


def compile_expression(expression: str) -> re2._Regexp:
    """One expression, ready to find where it matches.

    Raises:
        ScanError: re2 does not take it, for example because it looks around or refers back.
    """
    try:
        return re2.compile(expression, options())
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ScanError(f"{reason}; allowed: re2 syntax, which has no look-around and no back-references") from None


NOTHING = r"[^\x00-\x{10FFFF}]"
"""An expression that never matches."""

compiled = cache(compile_expression)
"""The same for the code's own expressions, each compiled when it is first needed, so that a cold start is short."""


@cache
def is_in(expression: str) -> Callable[[bytes], object]:
    """What tells whether one of the code's own expressions matches somewhere in a text, as UTF-8. A search, which also
    says where, costs more."""
    match: Callable[[bytes], object] = _compiled(_added([expression])).Match
    return match


class Scan:
    """Many expressions, searched for together.

    An automaton of all of them would have a state for each way in which their beginnings can stand side by side: far
    more than a process ever meets twice, and making a state costs more than a hundred steps. So an expression is only
    looked at where the text has the letters that it cannot do without ("bit.ly/", or "know" and "live"), and all such
    letters are found in one pass, by an automaton that is made once. Expressions without any are looked at always.

    >>> scan = Scan(["free", "mon(ey|day)", "[0-9]{3}"])
    >>> sorted(scan.hits(b"on monday 123"))
    [1, 2]
    """

    def __init__(self, expressions: Sequence[str], library: "PyDLL | None" = LIBRARY) -> None:
        """Takes the expressions in order.

        Args:
            expressions: what to search for.
            library: what there is in C; None: an automaton finds the same.

        Raises:
            ScanError: one is not an re2 expression, or together they are too large.
        """
        self._always: list[int] = []
        self.expressions = expressions
        self._alone: dict[int, re2.Set] = {}
        self._matches: dict[int, Callable[[bytes], object]] = {}
        # A bit for each clause; an expression may match where all bits of one of its ways are set. The first of them,
        # the rarest, says in which texts that is asked.
        needed_by = [ways(expression) for expression in expressions]
        bits = {clause: 0 for needed in needed_by for clause in [way.clauses[0] for way in needed]}
        self._rarest = (1 << len(bits)) - 1
        bits.update((clause, 0) for needed in needed_by for way in needed for clause in way.clauses[1:])
        bits = {clause: 1 << place for place, clause in enumerate(bits)}
        self._ways: list[list[_Way]] = [[] for _ in bits]
        for place, (expression, needed) in enumerate(zip(expressions, needed_by, strict=True)):
            if not needed:
                self._always.append(place)
                continue
            if not is_known(expression):
                self._alone[place] = _added([expression])
            for way in needed:
                of_way = [bits[clause] for clause in way.clauses]
                also = tuple(
                    tuple(piece.encode() for piece in sorted(clause, key=len))
                    for clause in way.also
                    if BEYOND_ASCII not in clause
                )
                self._ways[of_way[0].bit_length() - 1].append(_Way(reduce(or_, of_way), way.digits, also, place))
        pieces: dict[str, int] = {}
        for clause, bit in bits.items():
            for piece in clause:
                pieces[piece] = pieces.get(piece, 0) | bit
        self._beyond_ascii = pieces.pop(BEYOND_ASCII, 0)
        self._bits = list(pieces.values())
        self._names = [piece.encode() for piece in pieces]
        self._set = _compiled(_added([expressions[place] for place in self._always])) if self._always else None
        self._only_apart = [expressions[place] for place in self._always] == [SPACED]
        self._numbered = [way for of_clause in self._ways for way in of_clause]
        self._native = None if library is None else self._made_for(library)

    def _made_for(self, library: "PyDLL") -> NativeWays | None:
        pieces = [(name, _places(bits)) for name, bits in zip(self._names, self._bits, strict=True)]
        needs = [[(_places(way.bits), way.digits) for way in of_clause] for of_clause in self._ways]
        try:
            return NativeWays(library, pieces, needs, _places(self._beyond_ascii))
        except ValueError:
            return None

    def hits(self, plain: bytes) -> list[int]:
        """Positions of the expressions that match somewhere in a text, in no order.

        Args:
            plain: the normal form, as UTF-8: in lower case, as the letters are looked for.
        """
        return self.hits_of((plain,))[0]

    def _by_automaton(self, plain: bytes) -> list[int]:
        found = self._matching(plain, self._possible(plain))
        if self._set is not None and (always := self._set.Match(plain)):
            found += [self._always[hit] for hit in always]
        return found

    def hits_of(self, plains: Sequence[bytes]) -> list[list[int]]:
        """What :meth:`hits` gives for each of these texts.

        Args:
            plains: their normal forms.
        """
        if self._native is None:
            return [self._by_automaton(plain) for plain in plains]
        every, apart = self._native.find(plains)
        if not self._only_apart:
            apart = b"\1" * len(plains)
        hits: list[list[int]] = []
        match = None if self._set is None else self._set.Match
        for plain, possible, may_be_apart in zip(plains, every, apart, strict=True):
            if possible is None:
                hits.append(self._by_automaton(plain))
                continue
            found = self._matching(plain, [self._numbered[number] for number in possible]) if possible else []
            if may_be_apart and match is not None and (always := match(plain)):
                found += [self._always[hit] for hit in always]
            hits.append(found)
        return hits

    def _matching(self, plain: bytes, possible: Iterable["_Way"]) -> list[int]:
        """The positions of the expressions that match in one of these ways."""
        found: list[int] = []
        tried: set[int] = set()
        for _, _, also, place in possible:
            if place in tried or (also and not _has_of_each(plain, also)):
                continue
            tried.add(place)
            match = self._matches.get(place) or self._compile(place)
            if match(plain) is not None:
                found.append(place)
        return found

    def _possible(self, plain: bytes) -> Iterator["_Way"]:
        """The ways that are possible in a text."""
        bits = 0 if plain.isascii() else self._beyond_ascii
        if len(plain) > _LONG:
            bits |= self._bits_of_long(plain)
        else:
            for piece, _, _ in self._pieces(plain, overlapping=True):
                bits |= self._bits[piece]
        rarest = bits & self._rarest
        digits = -1
        while rarest:
            highest = rarest.bit_length() - 1
            rarest ^= 1 << highest
            for way in self._ways[highest]:
                if bits & way.bits != way.bits:
                    continue
                if way.digits:
                    if digits < 0:
                        digits = _digits(plain)
                    if digits < way.digits:
                        continue
                yield way

    def _bits_of_long(self, plain: bytes) -> int:
        """The bits of a long text's pieces, in which a sign or digit by itself may stand tens of thousands of times."""
        bits = 0
        for name, bit in zip(self._names, self._bits, strict=True):
            if len(name) == 1 and name in plain:
                bits |= bit
        for piece, _, _ in self._longer_pieces(plain, overlapping=True):
            bits |= self._bits[piece]
        return bits

    @cached_property
    def _pieces(self) -> Callable[..., list[tuple[int, int, int]]]:
        return _automaton(self._names)

    @cached_property
    def _longer_pieces(self) -> Callable[..., list[tuple[int, int, int]]]:
        # What is looked for by itself keeps its number and is never found.
        return _automaton([name if len(name) > 1 else b"\xff" + name for name in self._names])

    def _compile(self, place: int) -> Callable[[bytes], object]:
        # When the first text may have it: most expressions are of no use to most processes.
        expression = self.expressions[place]
        match = self._exactly(place) if (looser := relaxed(expression)) == expression else self._within(looser, place)
        self._matches[place] = match
        return match

    def _within(self, looser: str, place: int) -> Callable[[bytes], object]:
        """What tells whether an expression matches, and asks a looser one before."""
        try:
            may_match: Callable[[bytes], object] = _compiled(_added([looser])).Match
        except ScanError:
            return self._exactly(place)
        exactly: list[Callable[[bytes], object]] = []

        def match(plain: bytes) -> object:
            if may_match(plain) is None:
                return None
            if not exactly:
                exactly.append(self._exactly(place))
            return exactly[0](plain)

        return match

    def _exactly(self, place: int) -> Callable[[bytes], object]:
        # A set is compiled once only: of two threads that are here, one gets this one, and the other a set of its own.
        found = self._alone.pop(place, None)
        if found is None:
            found = _added([self.expressions[place]])
        try:
            match: Callable[[bytes], object] = _compiled(found).Match
        except ScanError:
            # Just too large for a set.
            match = compile_expression(self.expressions[place]).search
        return match


class _Way(NamedTuple):
    """A way in which an expression can match.

    Args:
        bits: those of all clauses that are looked for in all texts.
        digits: how many it needs.
        also: of each of these at least one piece, too.
        place: the expression's position.
    """

    bits: int
    digits: int
    also: tuple[tuple[bytes, ...], ...]
    place: int


def _places(bits: int) -> list[int]:
    """Which bits are set.

    >>> _places(0b1001)
    [3, 0]
    """
    found = []
    while bits:
        found.append(bits.bit_length() - 1)
        bits ^= 1 << found[-1]
    return found


def _has_of_each(plain: bytes, also: tuple[tuple[bytes, ...], ...]) -> bool:
    for clause in also:
        for piece in clause:
            if piece in plain:
                break
        else:
            return False
    return True


def _digits(plain: bytes) -> int:
    """How many digits a text of ASCII has; others may have digits of other scripts."""
    return len(plain) - len(plain.translate(None, b"0123456789")) if plain.isascii() else len(plain)


_LONG = 4096
"""Bytes."""


def _automaton(pieces: Sequence[bytes]) -> Callable[..., list[tuple[int, int, int]]]:
    automaton = BytesAhoCorasick(pieces, matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA)
    found: Callable[..., list[tuple[int, int, int]]] = automaton.find_matches_as_indexes
    return found


def _added(expressions: Sequence[str]) -> re2.Set:
    found = re2.Set.SearchSet(options())
    for expression in expressions:
        with _said_why(expression):
            found.Add(expression)
    return found


def _compiled(found: re2.Set) -> re2.Set:
    try:
        found.Compile()
    except re2.error:
        raise ScanError(f"expressions that are too large together for {_MAX_MEMORY} bytes") from None
    return found


@contextmanager
def _said_why(expression: str) -> Iterator[None]:
    """What re2 has against an expression.

    Raises:
        ScanError: it does not take it.
    """
    try:
        yield
    except re2.error:
        # Compiled alone it says why; that takes as long as adding it, so it is not done before.
        compile_expression(expression)
        raise
