"""One pass of all expressions over a text, whoever asked for them: one scan finds which of them match at all."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import re2


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


class Scan:
    """Many expressions, searched for together.

    An automaton of all of them would have a state for each way in which their beginnings can stand side by side: far
    more than a process ever meets twice, and making a state costs more than a hundred steps. So an expression is only
    looked at where the text has the letters that it cannot do without ("bit.ly/", or "know" and "live"), and all such
    letters are found in one pass (re2's Filter). Expressions without any share one automaton.

    >>> scan = Scan(["free", "mon(ey|day)", "[0-9]{3}"])
    >>> sorted(scan.hits(b"on monday 123"))
    [1, 2]
    """

    def __init__(self, expressions: Sequence[str], *, common: Collection[str] = ()) -> None:
        """Takes the expressions in order.

        Args:
            expressions: what to search for.
            common: those of them that are known to need no letters in particular.

        Raises:
            ScanError: one is not an re2 expression, or together they are too large.
        """
        rare = [place for place, expression in enumerate(expressions) if expression not in common]
        self._filter = _filter([expressions[place] for place in rare])
        # What is looked at in every text, since it needs no letters either.
        always = {rare[number] for number in self._filter.Match(b"", True) or ()} if self._filter else set()
        if len(always) > _MOST_ALWAYS:
            rare = [place for place in rare if place not in always]
            self._filter = _filter([expressions[place] for place in rare])
        self._rare = rare
        self._common = [place for place in range(len(expressions)) if place not in set(rare)]
        self._set = _set([expressions[place] for place in self._common])

    def hits(self, plain: bytes) -> list[int]:
        """Positions of the expressions that match somewhere in a text, in no order.

        Args:
            plain: the normal form, as UTF-8: in lower case, as the letters are looked for.
        """
        found: list[int] = []
        if self._filter is not None and (rare := self._filter.Match(plain)):
            found += [self._rare[hit] for hit in rare]
        if self._set is not None and (common := self._set.Match(plain)):
            found += [self._common[hit] for hit in common]
        return found


_MOST_ALWAYS = 4
"""Expressions looked at one by one in every text; more are put into the automaton instead."""


def _filter(expressions: Sequence[str]) -> re2.Filter | None:
    if not expressions:
        return None
    found, chosen = re2.Filter(), options()
    for expression in expressions:
        with _said_why(expression):
            found.Add(expression, chosen)
    found.Compile()
    return found


def _set(expressions: Sequence[str]) -> re2.Set | None:
    if not expressions:
        return None
    found = re2.Set.SearchSet(options())
    for expression in expressions:
        with _said_why(expression):
            found.Add(expression)
    try:
        found.Compile()
    except re2.error:
        raise ScanError(f"{len(expressions)} expressions are too large together for {_MAX_MEMORY} bytes") from None
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
