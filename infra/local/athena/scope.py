"""What a name in a query means where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.types import SqlType
from infra.local.athena.values import Typed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """A column of a relation.

    Args:
        name: its name in lower case, None when it has none.
        shown: its name as it was written.
        sql: DuckDB text of it.
        type: its Trino type.
        relation: the relation's alias in lower case, None when it has none.
        database: the relation's database, when it is a table without an alias.
        owner: the source in FROM that gives it, for pushing conditions down.
        index: its position in the owner.
        hidden: only found when it is named (``$path``).
    """

    name: str | None
    shown: str
    sql: str
    type: SqlType
    relation: str | None = None
    database: str | None = None
    owner: Any = None
    index: int = 0
    hidden: bool = False


@dataclass(slots=True, kw_only=True)
class Scope:
    """The fields that can be named, and the scope around it."""

    fields: list[Field] = field(default_factory=list)
    parent: "Scope | None" = None

    def find(self, name: str, relation: str | None = None, database: str | None = None) -> Field | None:
        """The field of a name here or further out, None when there is none.

        Raises:
            QueryError: AMBIGUOUS_NAME when several are meant (without a place).
        """
        scope: Scope | None = self
        while scope is not None:
            found = [
                known
                for known in scope.fields
                if known.name == name
                and (relation is None or known.relation == relation)
                and (database is None or known.database == database)
            ]
            if len(found) > 1:
                raise QueryError("AMBIGUOUS_NAME", f"Column '{name}' is ambiguous")
            if found:
                return found[0]
            scope = scope.parent
        return None


@dataclass(slots=True, kw_only=True)
class Frame:
    """What was met while one SELECT was translated."""

    scope: Scope
    lambdas: dict[str, Typed] = field(default_factory=dict)
    windows: dict[str, exp.Expression] = field(default_factory=dict)
    partitions: list[frozenset[int]] = field(default_factory=list)
    has_aggregate: bool = False
    has_subquery: bool = False
    is_volatile: bool = False
    groups: dict[str, Typed] = field(default_factory=dict)


def position_of(node: exp.Expression, text: str) -> str:
    """``line 1:8`` of a node: of the first name or literal in it."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not starts:
        return "line 1:1"
    before = text[: min(starts)]
    quoted = text[min(starts) : min(starts) + 1]
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f"line {before.count(chr(10)) + 1}:{column}" if quoted else "line 1:1"


def only(node: exp.Expression, *known: str) -> None:
    """Nothing, when the node has no part but these.

    Raises:
        QueryError: NOT_SUPPORTED names the part.
    """
    for key, value in node.args.items():
        if value and key not in known and key != "_type":
            raise refused(f"{key.strip('_').replace('_', ' ').upper()} in {type(node).__name__}")


def conjuncts(node: exp.Expression | None) -> Iterator[exp.Expression]:
    """The parts of a condition that all have to hold."""
    if isinstance(node, exp.Paren):
        yield from conjuncts(node.this)
    elif isinstance(node, exp.And):
        yield from conjuncts(node.left)
        yield from conjuncts(node.right)
    elif node is not None:
        yield node
