"""One pass of all expressions over a text, whoever asked for them: one scan finds which of them match at all."""

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

    >>> scan = Scan(["free", "mon(ey|day)"])
    >>> scan.hits(b"on monday")
    [1]
    """

    def __init__(self, expressions: list[str]) -> None:
        """Takes the expressions in order.

        Raises:
            ScanError: one is not an re2 expression, or together they are too large.
        """
        self._set = re2.Set.SearchSet(options())
        for expression in expressions:
            try:
                self._set.Add(expression)
            except re2.error:
                # Compiled alone it says why; that takes as long as adding it, so it is not done before.
                compile_expression(expression)
                raise
        if not expressions:
            self._set.Add(NOTHING)
        try:
            self._set.Compile()
        except re2.error:
            raise ScanError(f"{len(expressions)} expressions are too large together for {_MAX_MEMORY} bytes") from None

    def hits(self, plain: bytes) -> list[int]:
        """Positions of the expressions that match somewhere in a text, which is given as UTF-8."""
        found: list[int] = self._set.Match(plain) or []
        return found
