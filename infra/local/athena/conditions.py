"""Conditions on their way down to the tables whose partitions they leave out."""

from dataclasses import dataclass

from sqlglot import exp

from infra.local.athena.casts import coerce
from infra.local.athena.errors import QueryError
from infra.local.athena.expressions import Expressions
from infra.local.athena.plan import Bound, Compiled, Scan, bounds_of, can_be_pushed, rejects_null
from infra.local.athena.scope import Field, Frame, Scope
from infra.local.athena.values import Typed


@dataclass(slots=True, kw_only=True, eq=False)
class Source:
    """One relation in FROM; ``nullable`` when an outer join can fill its columns with NULL."""

    sql: str
    fields: list[Field]
    compiled: Compiled | None = None
    scan: Scan | None = None
    nullable: bool = False


class Conditions:
    """Follows columns to the relations that give them."""

    def __init__(self) -> None:
        self.fields: list[Field] = []

    def field_of(self, node: exp.Expression, scope: Scope) -> Field | None:
        """The field that a node plainly names, or None."""
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            return None
        if "field" in node.meta:
            known: Field = self.fields[node.meta["field"]]
            return known
        parts = [part.name.lower() for part in node.parts]
        try:
            for taken in range(min(3, len(parts)), 0, -1):
                found = scope.find(parts[taken - 1], *reversed(parts[: taken - 1]))
                if found is not None:
                    return found if taken == len(parts) else None
        except QueryError:
            return None
        return None

    def bind(self, node: exp.Expression, scope: Scope) -> exp.Expression | None:
        """A copy whose columns say which fields they are; None when one is not plainly a field."""
        copy = node.copy()
        for column in list(copy.find_all(exp.Column)):
            found = self.field_of(column, scope)
            if found is None:
                return None
            self.fields.append(found)
            # All columns of one field are written alike, so that texts can be compared.
            column.set("this", exp.to_identifier(f"field_{id(found)}"))
            for key in ("table", "db", "catalog"):
                column.set(key, None)
            column.meta.clear()
            column.meta["field"] = len(self.fields) - 1
        return copy

    def push(self, condition: exp.Expression) -> None:
        """Hands a bound condition to the one source that all its columns come from."""
        if not can_be_pushed(condition):
            return
        columns = list(condition.find_all(exp.Column))
        owners = {id(self.fields[column.meta["field"]].owner) for column in columns}
        if len(owners) != 1 or not columns:
            return
        source = self.fields[columns[0].meta["field"]].owner
        if not isinstance(source, Source) or (source.nullable and not rejects_null(condition)):
            return
        positions = {column.meta["field"]: self.fields[column.meta["field"]].index for column in columns}
        if source.compiled is not None:
            source.compiled.push(condition, positions)
        elif source.scan is not None:
            self._to_scan(source.scan, condition)

    def _to_scan(self, scan: Scan, condition: exp.Expression) -> None:
        table = scan.table
        names = [name for name, _ in (*table.columns, *table.partitions)]
        expressions = Expressions(self, Frame(scope=Scope()))

        def constant(column: exp.Expression, other: exp.Expression) -> tuple[Field | None, Typed | None]:
            inner = column.this if isinstance(column, exp.Paren) else column
            if not isinstance(inner, exp.Column) or "field" not in inner.meta or other.find(exp.Column):
                return None, None
            found = self.fields[inner.meta["field"]]
            value = coerce(expressions.compile(other), found.type)
            return (found, value) if not found.hidden else (None, None)

        try:
            for found, op, values in bounds_of(condition, constant):
                bound = Bound(column=names[found.index], op=op, sql=tuple(value.sql for value in values))
                scan.bounds.append(bound)
            used = {self.fields[column.meta["field"]].index for column in condition.find_all(exp.Column)}
            if all(len(table.columns) <= index < len(names) for index in used):
                scan.predicates.append(expressions.boolean(condition, "WHERE").sql)
        except QueryError:
            return  # it fails where it is written, with its place
