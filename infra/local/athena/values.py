"""A translated expression: its DuckDB text and its Trino type."""

from dataclasses import dataclass
from typing import Final

from infra.local.athena.errors import QueryError
from infra.local.athena.types import SqlType

_NO_LITERAL: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A DuckDB expression and the Trino type of its value.

    Args:
        sql: DuckDB text, safe to stand anywhere an operand may.
        type: the Trino type.
        literal: the value, when the query writes it as a literal: str, int, float, Decimal, bool or None.
        position: ``line 1:8`` of where it is written.
    """

    sql: str
    type: SqlType
    literal: object = _NO_LITERAL
    position: str = "line 1:1"

    @property
    def is_literal(self) -> bool:
        return self.literal is not _NO_LITERAL

    @property
    def text_literal(self) -> str | None:
        """The value of a string literal, or None."""
        return self.literal if isinstance(self.literal, str) and self.type.kind == "varchar" else None


def quote(text: str) -> str:
    """A text as a DuckDB string literal.

    >>> quote("it's")
    "'it''s'"
    """
    if "\0" in text:
        raise QueryError("NOT_SUPPORTED", "a string with the character NUL cannot be asked for")
    return "'" + text.replace("'", "''") + "'"


def failing(message: str, kind: SqlType) -> str:
    """A DuckDB expression of a type that fails, where ``try`` can catch it.

    Args:
        message: ``NAME: text``, as in ``QueryError``.
    """
    return f"CAST(sk_fail({quote(message)}) AS {kind.duckdb})"


def refusing(doubt: str, what: str) -> str:
    """A DuckDB condition that is never true: where ``doubt`` holds the query is refused, and TRY does not hide it.

    Args:
        doubt: DuckDB condition; DuckDB may try it on constants of a branch that is not taken.
        what: what is not translated.
    """
    return f"sk_refuse({doubt}, {quote(f'the local twin does not translate {what}; run it on AWS')})"


def mismatch(position: str, message: str) -> QueryError:
    """TYPE_MISMATCH at a place."""
    return QueryError("TYPE_MISMATCH", f"{position}: {message}")
