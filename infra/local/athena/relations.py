"""FROM, joins, UNNEST, subqueries, views, WITH and set operations."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Final

from sqlglot import exp

from infra.local.athena import calls as query_calls
from infra.local.athena import information_schema
from infra.local.athena import select as query_select
from infra.local.athena.casts import coerce, unify
from infra.local.athena.conditions import Conditions, Source
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.expressions import Expressions
from infra.local.athena.parser import parse_query
from infra.local.athena.plan import (
    Compiled,
    OutColumn,
    Scan,
    TableInfo,
    Tables,
)
from infra.local.athena.scope import Field, Frame, Scope, only, position_of
from infra.local.athena.types import BIGINT, VARCHAR, common_type
from infra.local.athena.values import Typed

_SETS: Final = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}
_MAX_DEPTH: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A query with a name from WITH, and what could be named where it stands."""

    query: exp.Expression
    columns: tuple[str, ...]
    names: "dict[str, _Named | _Running]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A recursive query, seen from inside: a DuckDB relation with known columns."""

    relation: str
    columns: tuple[OutColumn, ...]


class Relations(Conditions):
    """Translates the relations of one statement.

    Args:
        text: the statement.
        tables: finds tables.
        database: the database a bare table name is looked for in.
        now: epoch seconds, what ``now()`` answers.
    """

    calls: ModuleType = query_calls

    def __init__(self, *, text: str, tables: Tables, database: str, now: float) -> None:
        self.text = text
        self.tables = tables
        self.database = database
        self.now = now
        super().__init__()
        self.scans: list[Scan] = []
        self._names: dict[str, _Named | _Running] = {}
        self._count = 0
        self._depth = 0

    # --- queries --------------------------------------------------------------------------------------------------

    def query(self, node: exp.Expression, parent: Scope | None = None) -> Compiled:
        """A query of any form.

        Raises:
            QueryError: as Athena would, or NOT_SUPPORTED.
        """
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise QueryError("STATEMENT_TOO_LARGE", "the statement or its views are nested too deeply")
        outer = self._names
        try:
            if node.args.get("with_"):
                return self._with(node, parent)
            if isinstance(node, exp.Select):
                return query_select.select(self, node, parent)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, parent)
            if isinstance(node, exp.Subquery):
                inner = self.query(node.this, parent)
                return query_select.finish(self, inner, node, parent)
            if isinstance(node, exp.Values):
                return self._values(node, parent)
        finally:
            self._depth -= 1
            self._names = outer
        raise refused(f"{type(node).__name__} as a query")

    def subquery(self, node: exp.Expression, frame: Frame) -> Compiled:
        """A query inside an expression."""
        frame.has_subquery = True
        inner = node
        while isinstance(inner, exp.Subquery) and not inner.args.get("with_"):
            inner = inner.this
        return self.query(inner, frame.scope)

    def _with(self, node: exp.Expression, parent: Scope | None) -> Compiled:
        clause = node.args["with_"]
        names = dict(self._names)
        running = []
        given: set[str] = set()
        for cte in clause.expressions:
            name = cte.alias.lower()
            if name in given:
                place = position_of(cte, self.text)
                raise QueryError("DUPLICATE_NAMED_QUERY", f"{place}: WITH query name '{name}' specified more than once")
            given.add(name)
            columns = tuple(column.name for column in cte.args["alias"].args.get("columns") or ())
            if clause.args.get("recursive") and any(
                table.name.lower() == name and not table.args.get("db") for table in cte.this.find_all(exp.Table)
            ):
                self._names = dict(names)
                sql, known = self._recursive(cte.this, name, columns)
                running.append(sql)
                names[name] = known
            else:
                names[name] = _Named(query=cte.this, columns=columns, names=dict(names))
        self._names = names
        bare = node.copy()
        bare.set("with_", None)
        done = self.query(bare, parent)
        if running:
            done.sql = f"WITH RECURSIVE {', '.join(running)} {done.sql}"
        return done

    def _recursive(self, node: exp.Expression, name: str, columns: tuple[str, ...]) -> tuple[str, _Running]:
        if not isinstance(node, exp.Union) or node.args.get("distinct") or not columns:
            raise refused("WITH RECURSIVE other than name(columns) AS (first UNION ALL next)")
        only(node, "this", "expression", "distinct")
        first = self.query(node.this)
        if len(first.columns) != len(columns):
            raise QueryError("MISMATCHED_COLUMN_ALIASES", f"Column alias list has {len(columns)} entries")
        self._count += 1
        known = _Running(
            relation=f"n{self._count}",
            columns=tuple(
                OutColumn(name=alias.lower(), shown=alias, type=column.type)
                for alias, column in zip(columns, first.columns, strict=True)
            ),
        )
        self._names[name] = known
        step = self.query(node.expression)
        items = []
        for index, (old, new) in enumerate(zip(first.columns, step.columns, strict=True)):
            value = coerce(Typed(sql=f"q.c{index}", type=new.type), old.type)
            if value is None:
                raise QueryError("TYPE_MISMATCH", f"recursion step column {index + 1} is not {old.type.text}")
            items.append(f"CAST({value.sql} AS {old.type.duckdb}) AS c{index}")
        names = ", ".join(f"c{index}" for index in range(len(columns)))
        casts = ", ".join(f"CAST(q.c{i} AS {c.type.duckdb}) AS c{i}" for i, c in enumerate(first.columns))
        sql = (
            f"{known.relation}({names}) AS (SELECT {casts} FROM ({first.sql}) q UNION ALL "
            f"SELECT {', '.join(items)} FROM ({step.sql}) q)"
        )
        return sql, known

    def _set_operation(self, node: exp.Expression, parent: Scope | None) -> Compiled:
        only(node, "this", "expression", "distinct", "order", "limit", "offset", "with_")
        left, right = self.query(node.this, parent), self.query(node.expression, parent)
        word = next(word for kind, word in _SETS.items() if isinstance(node, kind))
        if len(left.columns) != len(right.columns):
            raise QueryError(
                "TYPE_MISMATCH",
                f"{word} query has different number of fields: {len(left.columns)}, {len(right.columns)}",
            )
        kinds = []
        for index, (a, b) in enumerate(zip(left.columns, right.columns, strict=True), start=1):
            kind = common_type(a.type, b.type)
            if kind is None:
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"column {index} in {word} query has incompatible types: {a.type.text}, {b.type.text}",
                )
            kinds.append(kind)
        sides = []
        for side in (left, right):
            items = []
            for index, (column, kind) in enumerate(zip(side.columns, kinds, strict=True)):
                value = coerce(Typed(sql=f"q.c{index}", type=column.type), kind)
                items.append(f"{value.sql if value else 'NULL'} AS c{index}")
            sides.append(f"SELECT {', '.join(items)} FROM ({side.sql}) q")
        every = "" if node.args.get("distinct") else " ALL"
        columns = [OutColumn(name=c.name, shown=c.shown, type=k) for c, k in zip(left.columns, kinds, strict=True)]
        done = Compiled(sql=f"{sides[0]} {word}{every} {sides[1]}", columns=columns, parts=[left, right])
        return query_select.finish(self, done, node, parent)

    def _values(self, node: exp.Expression, parent: Scope | None) -> Compiled:
        only(node, "expressions", "alias", "order", "limit", "offset")
        expressions = Expressions(self, Frame(scope=Scope(parent=parent)))
        rows = [self._value_row(expressions, row) for row in node.expressions]
        if len({len(row) for row in rows}) != 1:
            raise QueryError("TYPE_MISMATCH", "Values rows have mismatched sizes")
        kinds, done = [], []
        for column in zip(*rows, strict=True):
            values, kind = unify(list(column), what="Values rows")
            kinds.append(kind)
            done.append([f"CAST({value.sql} AS {kind.duckdb})" for value in values])
        names = ", ".join(f"c{index}" for index in range(len(kinds)))
        listed = ", ".join(f"({', '.join(row)})" for row in zip(*done, strict=True))
        columns = [OutColumn(name=None, shown=f"_col{i}", type=kind) for i, kind in enumerate(kinds)]
        made = Compiled(sql=f"SELECT {names} FROM (VALUES {listed}) v({names})", columns=columns)
        return query_select.finish(self, made, node, parent)

    def _value_row(self, expressions: Expressions, node: exp.Expression) -> list[Typed]:
        """One row of VALUES: several values, the fields of one that is a row, or one value."""
        members = node.expressions if isinstance(node, exp.Tuple) else [node]
        values = [expressions.compile(member) for member in members]
        if len(values) == 1 and values[0].type.kind == "row":
            [whole] = values
            return [Typed(sql=f"({whole.sql}).f{index}", type=kind) for index, kind in enumerate(whole.type.items)]
        return values

    # --- FROM -----------------------------------------------------------------------------------------------------

    def source(self, node: exp.Expression, before: Scope) -> Source:
        """One relation in FROM.

        Args:
            node: a table, a subquery, UNNEST, VALUES or LATERAL.
            before: what can be named by UNNEST and LATERAL: the relations before it.
        """
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias", "with_")
            bare = node.copy()
            bare.set("alias", None)
            return self._derived(self.query(bare if node.args.get("with_") else node.this, before.parent), node)
        if isinstance(node, exp.Values):
            return self._derived(self._values(node, before.parent), node)
        if isinstance(node, exp.Lateral):
            only(node, "this", "alias", "view", "outer", "cross_apply")
            inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
            if not isinstance(inner, exp.Query):
                raise refused("LATERAL other than (SELECT ...)")
            source = self._derived(self.query(inner, before), node)
            source.sql = f"LATERAL {source.sql}"
            return source
        if isinstance(node, exp.Unnest):
            return self._unnest(node, before)
        raise refused(f"{type(node).__name__} in FROM")

    def _alias(self) -> str:
        self._count += 1
        return f"r{self._count}"

    def _table(self, node: exp.Expression) -> Source:
        only(node, "this", "db", "catalog", "alias")
        place = position_of(node, self.text)
        name, database = node.name.lower(), node.text("db").lower()
        catalog = node.text("catalog").lower()
        if catalog not in {"", "awsdatacatalog"}:
            raise QueryError("CATALOG_NOT_FOUND", f"{place}: Catalog '{catalog}' does not exist")
        if not database and name in self._names:
            return self._named(self._names[name], node)
        if database == information_schema.NAME:
            return self._catalog(name, node, place)
        database = database or self.database
        info = self.tables.find(database, name)
        if info is None:
            if not self.tables.has_database(database):
                raise QueryError("SCHEMA_NOT_FOUND", f"{place}: Schema '{database}' does not exist")
            raise QueryError("TABLE_NOT_FOUND", f"{place}: Table 'awsdatacatalog.{database}.{name}' does not exist")
        if info.view is not None:
            return self._view(info, node)
        return self._scan(info, node)

    def _catalog(self, name: str, node: exp.Expression, place: str) -> Source:
        found = self.tables.catalog_relation(name)
        if found is None:
            shown = f"awsdatacatalog.{information_schema.NAME}.{name}"
            raise QueryError("TABLE_NOT_FOUND", f"{place}: Table '{shown}' does not exist")
        if found.sql is None:
            raise refused(f"information_schema.{name}", advice="schemata, tables, columns and views are there")
        alias = self._alias()
        source = Source(sql=f"({found.sql}) AS {alias}", fields=[])
        columns = [OutColumn(name=column, shown=column, type=kind) for column, kind in found.info.columns]
        count = len(columns) - found.hidden
        self._name(source, columns[:count], alias, node, found.info)
        source.fields += [
            self._hidden(source, f"{alias}.c{index}", index, columns[index]) for index in range(count, len(columns))
        ]
        return source

    def _scan(self, info: TableInfo, node: exp.Expression) -> Source:
        alias = self._alias()
        scan = Scan(relation=f"scan_{len(self.scans) + 1}", alias=alias, table=info)
        self.scans.append(scan)
        source = Source(sql=f"{scan.relation} AS {alias}", fields=[], scan=scan)
        columns = [OutColumn(name=name, shown=name, type=kind) for name, kind in (*info.columns, *info.partitions)]
        self._name(source, columns, alias, node, info)
        path = OutColumn(name="$path", shown="$path", type=VARCHAR)
        source.fields.append(self._hidden(source, f"{alias}.path", len(columns), path, info.name))
        return source

    def _hidden(self, source: Source, sql: str, index: int, column: OutColumn, name: str = "") -> Field:
        """A column that is found only when it is named."""
        relation = source.fields[0].relation if source.fields else name
        return Field(
            name=column.name, shown=column.shown, sql=sql, type=column.type, owner=source, hidden=True, index=index,
            relation=relation,
        )  # fmt: skip

    def _view(self, info: TableInfo, node: exp.Expression) -> Source:
        view = info.view
        if view is None:
            raise refused("a view without a definition")
        text, database, names = self.text, self.database, self._names
        self.text, self.database, self._names = view.sql, view.database or info.database, {}
        try:
            inner = self.query(parse_query(view.sql))
        except QueryError as error:
            raise QueryError(
                "INVALID_VIEW", f"View '{info.database}.{info.name}' cannot be analyzed: {error}"
            ) from error
        finally:
            self.text, self.database, self._names = text, database, names
        if len(inner.columns) != len(view.columns):
            raise QueryError("VIEW_IS_STALE", f"View '{info.database}.{info.name}' is stale; it must be re-created")
        items = []
        for index, ((name, declared), column) in enumerate(zip(view.columns, inner.columns, strict=True)):
            value = coerce(Typed(sql=f"q.c{index}", type=column.type), declared)
            if value is None:
                raise QueryError(
                    "INVALID_VIEW",
                    f"View '{info.database}.{info.name}' is stale or in invalid state: column {name} of type "
                    f"{column.type.text} cannot be coerced to {declared.text} stored in view definition",
                )
            items.append(f"{value.sql} AS c{index}")
        kinds = [replace(d, zone=c.type.zone) for (_, d), c in zip(view.columns, inner.columns, strict=True)]
        plain = all(item == f"q.c{index} AS c{index}" for index, item in enumerate(items))
        inner.sql = inner.sql if plain else f"SELECT {', '.join(items)} FROM ({inner.sql}) q"
        inner.columns = [
            OutColumn(name=name.lower(), shown=name, type=kind)
            for (name, _), kind in zip(view.columns, kinds, strict=True)
        ]
        return self._derived(inner, node, info)

    def _named(self, named: "_Named | _Running", node: exp.Expression) -> Source:
        if isinstance(named, _Running):
            alias = self._alias()
            source = Source(sql=f"{named.relation} AS {alias}", fields=[])
            self._name(source, list(named.columns), alias, node, None)
            return source
        names, self._names = self._names, dict(named.names)
        try:
            inner = self.query(named.query)
        finally:
            self._names = names
        if named.columns:
            if len(named.columns) != len(inner.columns):
                raise QueryError(
                    "MISMATCHED_COLUMN_ALIASES",
                    f"Column alias list has {len(named.columns)} entries but relation has {len(inner.columns)} columns",
                )
            inner.columns = [
                OutColumn(name=alias.lower(), shown=alias, type=column.type)
                for alias, column in zip(named.columns, inner.columns, strict=True)
            ]
        return self._derived(inner, node)

    def _derived(self, inner: Compiled, node: exp.Expression, info: TableInfo | None = None) -> Source:
        alias = self._alias()
        source = Source(sql=f"({inner.sql}) AS {alias}", fields=[], compiled=inner)
        self._name(source, inner.columns, alias, node, info)
        return source

    def _unnest(self, node: exp.Expression, before: Scope) -> Source:
        only(node, "expressions", "alias", "offset")
        expressions = Expressions(self, Frame(scope=before))
        alias, items, kinds, lengths = self._alias(), [], [], []
        names: list[str | None] = []
        for part in node.expressions:
            value = expressions.compile(part)
            if value.type.kind == "map":
                items += [f"unnest(map_keys({value.sql}))", f"unnest(map_values({value.sql}))"]
                kinds += list(value.type.items)
                names += [None, None]
                lengths.append(f"coalesce(CAST(cardinality({value.sql}) AS BIGINT), 0)")
            elif value.type.kind == "array":
                item = value.type.items[0]
                lengths.append(f"coalesce(len({value.sql}), 0)")
                if item.kind == "row":
                    items += [
                        f"unnest(list_transform({value.sql}, lambda u: u.f{index}))" for index in range(len(item.items))
                    ]
                    kinds += list(item.items)
                    names += list(item.names)
                else:
                    items.append(f"unnest({value.sql})")
                    kinds.append(item)
                    names.append(None)
            else:
                raise QueryError(
                    "INVALID_FUNCTION_ARGUMENT", f"{value.position}: Cannot unnest type: {value.type.text}"
                )
        if node.args.get("offset"):
            items.append(f"unnest(generate_series(1, greatest({', '.join(lengths)})))")
            kinds.append(BIGINT)
            names.append(None)
        listed = ", ".join(f"{item} AS c{index}" for index, item in enumerate(items))
        source = Source(sql=f"LATERAL (SELECT {listed}) AS {alias}", fields=[])
        columns = [
            OutColumn(name=name.lower() if name else None, shown=name or f"_col{i}", type=kind)
            for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
        ]
        extra = node.args.get("offset")
        more = [extra] if isinstance(extra, exp.Identifier) else []
        self._name(source, columns, alias, node, None, more=more)
        return source

    def _name(
        self,
        source: Source,
        columns: list[OutColumn],
        alias: str,
        node: exp.Expression,
        info: TableInfo | None,
        *,
        more: list[exp.Expression] | None = None,
    ) -> None:
        given = node.args.get("alias")
        relation = given.name.lower() if given is not None and given.name else None
        database = None
        if relation is None and isinstance(node, exp.Table):
            relation = node.name.lower()
            database = info.database if info is not None else None
        renamed = [*(given.args.get("columns") or [] if given is not None else []), *(more or [])]
        if renamed and len(renamed) != len(columns):
            raise QueryError(
                "MISMATCHED_COLUMN_ALIASES",
                f"Column alias list has {len(renamed)} entries but relation has {len(columns)} columns",
            )
        for index, column in enumerate(columns):
            shown = renamed[index].name if renamed else column.shown
            name = shown.lower() if renamed else column.name
            source.fields.append(
                Field(
                    name=name,
                    shown=shown,
                    sql=f"{alias}.c{index}",
                    type=column.type,
                    relation=relation,
                    database=database,
                    owner=source,
                    index=index,
                )
            )
