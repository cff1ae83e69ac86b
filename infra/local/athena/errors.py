"""How a query fails, in Athena's words."""

from typing import Final

SYSTEM: Final = 1
USER: Final = 2
OTHER: Final = 3

_CATEGORIES: Final = {
    "GENERIC_INTERNAL_ERROR": SYSTEM,
    "HIVE_CANNOT_OPEN_SPLIT": SYSTEM,
}


class QueryError(Exception):
    """A query that fails, with Trino's name of the error.

    Args:
        name: Trino's error name, e.g. ``TABLE_NOT_FOUND``.
        message: what was received, what is allowed, what to do next.

    >>> str(QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'selec'"))
    "SYNTAX_ERROR: line 1:1: mismatched input 'selec'"
    >>> QueryError("SYNTAX_ERROR", "x").category
    2
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message

    @property
    def category(self) -> int:
        """Athena's ErrorCategory: 1 system, 2 user, 3 other."""
        return _CATEGORIES.get(self.name, USER)


def refused(what: str, *, advice: str = "") -> QueryError:
    """The error for something that Athena does and the local twin does not translate.

    Args:
        what: the function, statement or construct by its name.
        advice: what can be written instead.

    >>> str(refused("function tdigest_agg"))
    'NOT_SUPPORTED: the local twin does not translate function tdigest_agg; run it on AWS'
    """
    tail = advice or "run it on AWS"
    return QueryError("NOT_SUPPORTED", f"the local twin does not translate {what}; {tail}")
