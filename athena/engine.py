"""The port to Athena: what a query gives back, and what can go wrong, whoever runs it."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from athena.values import Value

MAX_SQL_BYTES = 262_144
"""Athena's limit on one statement.

Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html (2026-11-20)
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer: its name and its Athena type, such as ``bigint`` or ``varchar``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query gave back.

    Args:
        columns: in the order of the SELECT; two may share a name.
        rows: one tuple a row, typed by :func:`athena.values.from_text`.
        bytes_scanned: what Athena bills the query by.
        engine_ms: milliseconds the engine worked, without the time in the queue.
        query_id: Athena's id of the execution.
    """

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]
    bytes_scanned: int
    engine_ms: int
    query_id: str

    def records(self) -> list[dict[str, Value]]:
        """The rows as dictionaries by column name.

        Raises:
            ValueError: two columns share a name; the message names it.

        >>> columns = (Column("n", "bigint"), Column("word", "varchar"))
        >>> Answer(columns=columns, rows=[(1, "a")], bytes_scanned=0, engine_ms=1, query_id="q").records()
        [{'n': 1, 'word': 'a'}]
        """
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"columns named alike: {', '.join(twice)}; give each a name of its own with AS")
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class EngineError(Exception):
    """A query that gave no answer: why, and what to do next.

    Args:
        reason: what the engine said, in its own words.
        hint: what to do next, one sentence; may be empty.
        query_id: Athena's id of the execution, when it got that far.
    """

    def __init__(self, reason: str, *, hint: str = "", query_id: str | None = None) -> None:
        self.reason = reason
        self.hint = hint
        self.query_id = query_id
        super().__init__(f"{reason} ({hint})" if hint else reason)


class QueryFailed(EngineError):  # noqa: N818
    """Athena refused the statement, or gave up on it."""


class QueryStopped(EngineError):  # noqa: N818
    """The query ended before it had an answer: somebody stopped it, or it took too long and we did."""


class EngineUnreachable(EngineError):  # noqa: N818
    """No answer from Athena at all: no endpoint, no credentials, or no permission."""


class Engine(Protocol):
    """Runs one statement and gives its answer back. Adapters: :mod:`athena.aws.engine`, and fakes in tests."""

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        """The answer to one statement.

        Args:
            sql: one statement in Athena's dialect; ``?`` stands for a parameter, in the WHERE clause only.
            parameters: SQL literals for the ``?``, in order, made by :mod:`athena.values`.
            database: where unqualified names are looked up.
            workgroup: whose limits and result location hold.

        Raises:
            EngineError: one of its subclasses.
        """
        ...


_HINTS: Mapping[str, str] = {
    "TABLE_NOT_FOUND": "is the stack deployed, and is this its database? `streamkeeper query 'SHOW TABLES'` lists them",
    "SCHEMA_NOT_FOUND": "is the stack deployed, and is this its database? --database names another one",
    "COLUMN_NOT_FOUND": "`streamkeeper query 'DESCRIBE current_verdicts'` lists the columns; text takes single quotes",
    "FUNCTION_NOT_FOUND": "check the function's name and the types of its arguments",
    "TYPE_MISMATCH": "cast one side, e.g. CAST(? AS timestamp): a --param is text",
    "NOT_SUPPORTED": "rewrite it without what is named",
    "INVALID_PARAMETER_USAGE": "give as many --param as there are ? in the statement",
    "HIVE_BAD_DATA": "a file does not have the table's types; the message names it",
    "HIVE_CURSOR_ERROR": "a file cannot be read; the message names it",
    "HIVE_INVALID_PARTITION_VALUE": "dt is a day as 'YYYY-MM-DD'",
    "BYTES SCANNED LIMIT": "ask for fewer days with a condition on dt, or raise the workgroup's limit",
    "EXHAUSTED RESOURCES": "ask for fewer days with a condition on dt, or group before you sort",
    "ACCESS DENIED": "the caller needs athena:*Query*, glue:Get*, and s3:Get*/List* on the lake and the results",
    "SYNTAX_ERROR": "the position is line:column of the statement",
    "MISMATCHED INPUT": "the position is line:column of the statement",
}


STATEMENT_WORDS = (
    "ALTER",
    "CREATE",
    "DELETE",
    "DESCRIBE",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "FROM",
    "GROUP",
    "HAVING",
    "INSERT",
    "LIMIT",
    "MSCK",
    "ORDER",
    "PREPARE",
    "SELECT",
    "SHOW",
    "TABLE",
    "UNION",
    "UNLOAD",
    "VALUES",
    "WHERE",
    "WITH",
)
"""The words that statements and their clauses begin with."""
_MISMATCHED = re.compile("MISMATCHED INPUT '([A-Z]{2,20})'")


def hint_for(reason: str) -> str:
    """What to do next about a reason Athena gave; empty when nothing better than the reason is known.

    >>> hint_for("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.x.verdict' does not exist")[:22]
    'is the stack deployed,'
    >>> hint_for("INTERNAL_ERROR"), hint_for("line 1:1: mismatched input 'selct'. Expecting: 'ALTER'")
    ('', 'did you mean SELECT?')
    """
    said = reason.upper()
    if misspelt := _MISMATCHED.search(said):
        close = difflib.get_close_matches(misspelt[1], STATEMENT_WORDS, n=1, cutoff=0.7)
        if close and close[0] != misspelt[1]:
            return f"did you mean {close[0]}?"
    return next((hint for mark, hint in _HINTS.items() if mark in said), "")
