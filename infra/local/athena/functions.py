"""The allow-list of functions: what is not in it is refused by name."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlglot import exp

from infra.local.athena.casts import coerce
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    VARBINARY,
    VARCHAR,
    SqlType,
)
from infra.local.athena.values import Typed

SHORT_NAMES: Final[dict[str, SqlType]] = {
    "varchar": VARCHAR,
    "bigint": BIGINT,
    "integer": INTEGER,
    "double": DOUBLE,
    "boolean": BOOLEAN,
    "varbinary": VARBINARY,
    "json": JSON,
    "date": DATE,
}


class Call:
    """One use of a function.

    Args:
        name: the function's name in lower case.
        nodes: its arguments, untranslated.
        expressions: what translates them (``query_expressions.Expressions``).
        position: ``line 1:8`` of the call.
        distinct: DISTINCT inside an aggregate.
        order: ORDER BY inside an aggregate, as DuckDB text.
    """

    def __init__(
        self,
        *,
        name: str,
        nodes: list[exp.Expression],
        expressions: Any,
        position: str,
        distinct: bool = False,
        order: str = "",
    ) -> None:
        self.name = name
        self.nodes = nodes
        self.expressions = expressions
        self.position = position
        self.distinct = distinct
        self.order = order
        self._args: dict[int, Typed] = {}

    def __len__(self) -> int:
        return len(self.nodes)

    def arg(self, index: int) -> Typed:
        """An argument, translated."""
        if index not in self._args:
            self._args[index] = self.expressions.compile(self.nodes[index])
        return self._args[index]

    @property
    def args(self) -> list[Typed]:
        """All arguments, translated."""
        return [self.arg(index) for index in range(len(self.nodes))]

    def count(self, low: int, high: int | None = None) -> None:
        """Nothing, when there are so many arguments.

        Raises:
            QueryError: FUNCTION_NOT_FOUND.
        """
        if not low <= len(self.nodes) <= (low if high is None else high):
            raise self.unexpected()

    def given(self, index: int, kind: SqlType) -> str:
        """An argument as a type, as DuckDB text.

        Raises:
            QueryError: FUNCTION_NOT_FOUND when Trino does not turn it into that type by itself.
        """
        done = coerce(self.arg(index), kind)
        if done is None:
            raise self.unexpected()
        return done.sql

    def constant(self, index: int) -> str:
        """A string that is written as a literal.

        Raises:
            QueryError: NOT_SUPPORTED when it is not a literal.
        """
        text = self.arg(index).text_literal
        if text is None:
            raise refused(f"function {self.name} with argument {index + 1} that is not a literal string")
        return text

    def function(self, index: int, kinds: list[SqlType], names: list[str]) -> Typed:
        """The body of a lambda argument, with its variables bound.

        Args:
            index: which argument.
            kinds: the types of its variables.
            names: the DuckDB names they get.

        Raises:
            QueryError: FUNCTION_NOT_FOUND when the argument is no lambda of so many variables.
        """
        node = self.nodes[index]
        if not isinstance(node, exp.Lambda):
            raise self.unexpected()
        if len(node.expressions) != len(kinds):
            message = f"{self.position}: Expected a lambda that takes {len(kinds)} argument(s)"
            raise QueryError("INVALID_PARAMETER_USAGE", f"{message} but got {len(node.expressions)}")
        frame = self.expressions.frame
        outer = dict(frame.lambdas)
        for variable, kind, name in zip(node.expressions, kinds, names, strict=True):
            frame.lambdas[variable.name.lower()] = Typed(sql=name, type=kind)
        before = (frame.has_aggregate, frame.has_subquery)
        frame.has_aggregate = frame.has_subquery = False
        try:
            body: Typed = self.expressions.compile(node.this)
            if frame.has_aggregate or frame.has_subquery:
                raise refused("an aggregate or a subquery inside a lambda")
        finally:
            frame.lambdas = outer
            frame.has_aggregate, frame.has_subquery = before
        return body

    def unexpected(self) -> QueryError:
        """Trino's answer to arguments a function does not take."""
        texts = ", ".join(
            "function" if isinstance(node, exp.Lambda) else self.arg(index).type.text
            for index, node in enumerate(self.nodes)
        )
        return QueryError(
            "FUNCTION_NOT_FOUND", f"{self.position}: Unexpected parameters ({texts}) for function {self.name}"
        )


Handler = Callable[[Call], Typed]
_FUNCTIONS: Final[dict[str, Handler]] = {}


def function(*names: str) -> Callable[[Handler], Handler]:
    """Puts a handler on the allow-list under these names."""

    def register(handler: Handler) -> Handler:
        for name in names:
            _FUNCTIONS[name] = handler
        return handler

    return register


def simple(name: str, takes: str, gives: str, sql: str) -> None:
    """Puts a function on the list that DuckDB answers alike for these types.

    Args:
        name: the function's name; several by a comma.
        takes: the types of the arguments, e.g. ``varchar bigint``.
        gives: the type of the answer.
        sql: DuckDB text with ``{0}`` for the first argument.
    """
    kinds = [SHORT_NAMES[kind] for kind in takes.split()]

    def handler(call: Call) -> Typed:
        call.count(len(kinds))
        given = [call.given(index, kind) for index, kind in enumerate(kinds)]
        return Typed(sql=sql.format(*given), type=SHORT_NAMES[gives])

    function(*name.split(","))(handler)


@lru_cache(maxsize=1)
def _trino_functions() -> frozenset[str]:
    """The names of Trino's functions."""
    return frozenset((Path(__file__).parent / "trino_functions.txt").read_text(encoding="utf-8").split())


def find_function(name: str, place: str = "line 1:1") -> Handler:
    """The handler of a scalar function.

    Raises:
        QueryError: FUNCTION_NOT_FOUND for what Trino does not know; NOT_SUPPORTED by its name, with what is near.
    """
    handler = _FUNCTIONS.get(name)
    if name in {"left", "right"}:
        raise QueryError("SYNTAX_ERROR", f"{place}: mismatched input '{name}'; substr takes a part of a text")
    if handler is None and name not in _trino_functions():
        raise QueryError("FUNCTION_NOT_FOUND", f"{place}: Function '{name}' not registered")
    if handler is None:
        near = get_close_matches(name, _FUNCTIONS, n=6, cutoff=0.5)
        hint = f"near to it: {', '.join(near)}; " if near else ""
        raise refused(
            f"function {name}", advice=f"{hint}`python -m infra.local.athena.translation` lists what is tested"
        )
    return handler


def known_functions() -> list[str]:
    """The scalar functions on the list, in alphabetical order."""
    return sorted(_FUNCTIONS)
