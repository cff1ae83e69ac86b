"""Translated queries, and how a condition finds its way down to the partitions of a table.

A condition is only ever used a second time: it stays where it is written, and a copy of it tells which partitions
need not be read. So what is not understood costs bytes, never rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sqlglot import exp

from infra.local.athena.aggregates import AGGREGATES, WINDOWS
from infra.local.athena.scope import Field
from infra.local.athena.types import SqlType
from infra.local.athena.values import Typed

_VOLATILE: Final = frozenset({"rand", "random", "uuid"})
_NULL_KEEPING: Final = frozenset({"coalesce", "if", "try", "nullif", "typeof", "concat_ws", "format", "row", "map"})
_NULL_KEEPING_NODES: Final = (
    exp.Is,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Case,
    exp.TryCast,
    exp.And,
    exp.Or,
    exp.Array,
    exp.Tuple,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutColumn:
    """A column that a query gives: its name (lower case, None without one), as it is shown, and its type."""

    name: str | None
    shown: str
    type: SqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewInfo:
    """What a view stands for."""

    sql: str
    database: str
    columns: tuple[tuple[str, SqlType], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInfo:
    """What the translation has to know of a table.

    Args:
        database: its database.
        name: its name.
        columns: the columns in its files, with their types.
        partitions: the partition columns.
        view: what it stands for, when it is a view.
    """

    database: str
    name: str
    columns: tuple[tuple[str, SqlType], ...]
    partitions: tuple[tuple[str, SqlType], ...] = ()
    view: ViewInfo | None = None


class Tables(Protocol):
    """Finds tables."""

    def find(self, database: str, name: str) -> TableInfo | None:
        """The table, or None when there is none."""

    def has_database(self, database: str) -> bool:
        """Whether the database is there."""

    def catalog_relation(self, name: str) -> "CatalogRelation | None":
        """A relation of information_schema, or None when it has none of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRelation:
    """A relation of ``information_schema``.

    Args:
        info: its name and its columns, those that ``SELECT *`` leaves out among them, at the end.
        hidden: how many are left out.
        sql: DuckDB text of its rows, with columns ``c0``, ``c1`` …; None when the relation is not modelled.
    """

    info: TableInfo
    hidden: int
    sql: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A column compared with a constant: ``op`` is ``= < <= > >=`` or ``in``; ``sql`` the constants' DuckDB text."""

    column: str
    op: str
    sql: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Scan:
    """One reading of a table.

    Args:
        relation: the DuckDB relation that stands for it, e.g. ``scan_1``; its columns are ``c0``, ``c1`` … in the
            order of columns and partitions, then ``path``.
        alias: the alias under which ``predicates`` name the columns.
        predicates: DuckDB conditions over partition columns only; rows that miss one are not needed.
        bounds: comparisons with constants, of any column.
    """

    relation: str
    alias: str
    table: TableInfo
    predicates: list[str] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)


class Pushable(Protocol):
    """Takes a condition on its columns.

    The condition's columns carry ``meta["field"]``; ``positions`` says which of its columns each one is.
    """

    def push(self, condition: exp.Expression, positions: dict[int, int]) -> None: ...


@dataclass(slots=True, kw_only=True)
class Compiled:
    """A translated query: DuckDB text that gives ``c0``, ``c1`` …, its columns, and what conditions can reach."""

    sql: str
    columns: list[OutColumn]
    parts: list[Pushable] = field(default_factory=list)

    def push(self, condition: exp.Expression, positions: dict[int, int]) -> None:
        for part in self.parts:
            part.push(condition, positions)


@dataclass(slots=True, kw_only=True)
class SelectPart:
    """The way through one SELECT.

    Args:
        context: the statement's shared state.
        items: the selected expressions with bound columns, or None for what cannot be followed.
        groups: texts of the grouping expressions, None when nothing is grouped.
        windows: per window the fields it is partitioned by.
    """

    context: Any
    items: list[exp.Expression | None]
    groups: set[str] | None
    windows: list[frozenset[int]]

    def push(self, condition: exp.Expression, positions: dict[int, int]) -> None:
        replaced = condition.copy()
        for node in list(_columns(replaced)):
            item = self.items[positions[node.meta["field"]]]
            if item is None or (self.groups is not None and item.sql(dialect="trino") not in self.groups):
                return
            fields = {id(self.context.fields[part.meta["field"]]) for part in _columns(item)}
            if any(not fields <= window for window in self.windows):
                return
            if node is replaced:
                replaced = item.copy()
            else:
                node.replace(exp.Paren(this=item.copy()))
        self.context.push(replaced)


def _columns(node: exp.Expression) -> Iterator[exp.Expression]:
    yield from node.find_all(exp.Column)


def can_be_pushed(node: exp.Expression) -> bool:
    """Whether a condition says the same wherever it is asked."""
    for part in node.walk():
        if isinstance(part, exp.Query | exp.Window | exp.Subquery | exp.Star | exp.Lambda):
            return False
        if isinstance(part, exp.Anonymous):
            name = str(part.this).lower()
            if name in _VOLATILE or name in AGGREGATES or name in WINDOWS or name == "grouping":
                return False
        if isinstance(part, exp.GroupConcat | exp.WithinGroup | exp.Filter):
            return False
    return True


def rejects_null(node: exp.Expression) -> bool:
    """Whether a condition is surely not true where all its columns are NULL.

    >>> from infra.local.athena.parser import parse_query
    >>> texts = ("a = 1", "a is null", "not a = 1", "a = 1 or a > 5", "a = 1 or true")
    >>> [rejects_null(parse_query(f"select {text}").expressions[0]) for text in texts]
    [True, False, True, True, False]
    """
    if isinstance(node, exp.Paren):
        return rejects_null(node.this)
    if isinstance(node, exp.And):
        return rejects_null(node.left) or rejects_null(node.right)
    if isinstance(node, exp.Or):
        return rejects_null(node.left) and rejects_null(node.right)
    return _is_null(node)


def _is_null(node: exp.Expression) -> bool:
    """Whether an expression is surely NULL where all its columns are."""
    if isinstance(node, exp.And | exp.Or):
        return _is_null(node.left) and _is_null(node.right)
    if isinstance(node, exp.Not | exp.Paren):
        return _is_null(node.this)
    for part in node.walk():
        if isinstance(part, _NULL_KEEPING_NODES):
            return False
        if isinstance(part, exp.Anonymous) and str(part.this).lower() in _NULL_KEEPING:
            return False
    # A list may hold the column itself: 1 IN (1, dt) is true.
    tested = node.this if isinstance(node, exp.In | exp.Between) else node
    return tested.find(exp.Column) is not None and not (
        isinstance(node, exp.In) and any(item.find(exp.Column) for item in node.expressions)
    )


_FLIPPED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPS: Final = {exp.EQ: "=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def bounds_of(node: exp.Expression, compile_constant: Any) -> Iterator[tuple[Field, str, tuple[Typed, ...]]]:
    """The comparisons of a column with constants that a condition says.

    Args:
        node: a condition with bound columns.
        compile_constant: turns a node into a value, or into None when it is no constant; gives the field of a column.
    """
    if isinstance(node, exp.Paren):
        yield from bounds_of(node.this, compile_constant)
    elif type(node) in _OPS:
        op = _OPS[type(node)]
        for column, other, direction in ((node.left, node.right, op), (node.right, node.left, _FLIPPED[op])):
            found, value = compile_constant(column, other)
            if found is not None and value is not None:
                yield found, direction, (value,)
    elif isinstance(node, exp.Between):
        for part, op in ((node.args["low"], ">="), (node.args["high"], "<=")):
            found, value = compile_constant(node.this, part)
            if found is not None and value is not None:
                yield found, op, (value,)
    elif isinstance(node, exp.In) and not node.args.get("query"):
        pairs = [compile_constant(node.this, item) for item in node.expressions]
        if pairs and all(found is not None and value is not None for found, value in pairs):
            yield pairs[0][0], "in", tuple(value for _, value in pairs)
