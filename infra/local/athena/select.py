"""One SELECT: items, WHERE, GROUP BY, HAVING, DISTINCT, ORDER BY, LIMIT."""

import re
from dataclasses import replace
from typing import Any, Final

from sqlglot import exp

from infra.local.athena.calls import direction
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.expressions import Expressions
from infra.local.athena.operators import require_comparable
from infra.local.athena.plan import Compiled, OutColumn, SelectPart, can_be_pushed
from infra.local.athena.scope import Field, Frame, Scope, conjuncts, only
from infra.local.athena.values import Typed

_PARTS: Final = (
    "expressions", "from_", "joins", "laterals", "where", "group", "having", "windows", "order", "limit", "offset",
    "distinct",
)  # fmt: skip


def select(relations: Any, node: exp.Expression, parent: Scope | None) -> Compiled:
    """The translated SELECT.

    Raises:
        QueryError: as Athena would, or NOT_SUPPORTED.
    """
    only(node, *_PARTS)
    if not node.expressions:
        raise QueryError("SYNTAX_ERROR", "line 1:8: mismatched input 'FROM'. Expecting: '*', <expression>")
    scope = Scope(parent=parent)
    source_sql, conditions = _from(relations, node, scope)
    frame = Frame(scope=scope)
    for window in node.args.get("windows") or []:
        frame.windows[window.name.lower()] = window
    expressions = Expressions(relations, frame)
    pieces = [source_sql] if source_sql else []
    where = node.args.get("where")
    if where is not None:
        pieces.append(f"WHERE {_where(expressions, where.this)}")
        if frame.has_aggregate or frame.partitions:
            raise QueryError(
                "EXPRESSION_NOT_SCALAR",
                "WHERE clause cannot contain aggregations, window functions or grouping operations",
            )
        conditions += [(part, frozenset()) for part in conjuncts(where.this)]
    nodes = _expand(relations, node, scope)
    grouped = _group(expressions, node, nodes)
    items = [expressions.compile(item) for item, _, _ in nodes]
    columns = [
        OutColumn(name=name, shown=shown if shown is not None else f"_col{index}", type=item.type)
        for index, (item, (_, name, shown)) in enumerate(zip(items, nodes, strict=True))
    ]
    having = node.args.get("having")
    having_sql = f"HAVING {expressions.boolean(having.this, 'HAVING clause').sql}" if having is not None else ""
    order = _order(expressions, node, items, columns)
    if grouped[0]:
        pieces.append(f"GROUP BY {grouped[0]}")
    pieces += [having_sql, order, _limit(node)]
    distinct = node.args.get("distinct")
    if distinct is not None:
        only(distinct)
    listed = ", ".join(f"{item.sql} AS c{index}" for index, item in enumerate(items))
    sql = " ".join(["SELECT DISTINCT" if distinct is not None else "SELECT", listed, *filter(None, pieces)])
    done = Compiled(sql=sql, columns=columns)
    for condition, allowed in conditions:
        bound = relations.bind(condition, scope)
        if bound is not None:
            _push_from(relations, bound, allowed)
    if not (node.args.get("limit") or node.args.get("offset")) and grouped[1] is not _UNGROUPABLE:
        followed = [_follow(relations, item, scope) for item, _, _ in nodes]
        groups = grouped[1] if grouped[0] or frame.has_aggregate else None
        done.parts = [SelectPart(context=relations, items=followed, groups=groups, windows=list(frame.partitions))]
    return done


_CAN_FAIL: Final = re.compile(r"//| % |\bsk_|'INVALID'|strptime|decode\(|unhex|from_hex|from_base64")
_UNGROUPABLE: Final[set[str]] = set()


def _where(expressions: Expressions, node: exp.Expression) -> str:
    """The condition; a part that can fail is only asked where the parts before it hold, as Trino does."""
    parts = [expressions.boolean(part, "WHERE clause").sql for part in conjuncts(node)]
    kept: list[str] = []
    for part in parts:
        # DuckDB asks in the order that it finds cheapest: x <> 0 AND 1 / x > 2 may fail.
        guarded = bool(kept) and _CAN_FAIL.search(part) is not None
        kept.append(f"(CASE WHEN {' AND '.join(kept)} THEN {part} ELSE FALSE END)" if guarded else part)
    return " AND ".join(kept)


def _push_from(relations: Any, bound: exp.Expression, allowed: "frozenset[int]") -> None:
    columns = list(bound.find_all(exp.Column))
    owners = {id(relations.fields[column.meta["field"]].owner) for column in columns}
    if allowed and not owners <= allowed:
        return
    relations.push(bound)


def _follow(relations: Any, node: exp.Expression, scope: Scope) -> exp.Expression | None:
    inner = node.this if isinstance(node, exp.Alias) else node
    if not can_be_pushed(inner):
        return None
    bound: exp.Expression | None = relations.bind(inner, scope)
    return bound


# --- FROM ---------------------------------------------------------------------------------------------------------


def _from(
    relations: Any, node: exp.Expression, scope: Scope
) -> tuple[str, list[tuple[exp.Expression, frozenset[int]]]]:
    """The FROM clause, and the join conditions with the sources each one may prune."""
    clause = node.args.get("from_")
    if clause is None:
        if node.args.get("joins") or node.args.get("laterals"):
            raise refused("a join without FROM")
        return "", []
    if node.args.get("laterals"):
        raise refused("LATERAL VIEW")
    first = relations.source(clause.this, scope)
    sql = f"FROM {first.sql}"
    scope.fields.extend(first.fields)
    conditions: list[tuple[exp.Expression, frozenset[int]]] = []
    seen = {id(first): first}
    comma = False
    for join in node.args.get("joins") or []:
        only(join, "this", "on", "using", "side", "kind")
        side, kind = (join.args.get("side") or "").upper(), (join.args.get("kind") or "").upper()
        if kind not in {"", "INNER", "CROSS", "OUTER"} or side not in {"", "LEFT", "RIGHT", "FULL"}:
            raise refused(f"{kind} {side} JOIN".strip())
        comma |= not any(join.args.get(part) for part in ("on", "using", "side", "kind"))
        if comma and side in {"RIGHT", "FULL"}:
            raise refused(f"{side} JOIN after a comma in FROM", advice="write CROSS JOIN and a subquery")
        # UNNEST and LATERAL see the relations before them, whoever else may be meant.
        source = relations.source(join.this, Scope(fields=list(scope.fields), parent=scope.parent))
        on, using = join.args.get("on"), join.args.get("using")
        word = f"{side} JOIN" if side else "JOIN" if on is not None or using else "CROSS JOIN"
        if isinstance(join.this, exp.Unnest | exp.Lateral) and side and not _is_true(on):
            raise refused("an outer join of UNNEST or LATERAL other than ON TRUE")
        if kind == "INNER" and on is None and not using:
            raise QueryError("SYNTAX_ERROR", "line 1:1: INNER JOIN is written with ON or USING")
        if side and on is None and not using:
            raise QueryError("SYNTAX_ERROR", f"{side} JOIN is written with ON or USING")
        before = list(scope.fields)
        scope.fields.extend(source.fields)
        tail = ""
        if using:
            tail = _using(scope, before, source.fields, [name.name.lower() for name in using], side)
        elif on is not None:
            value = Expressions(relations, Frame(scope=scope)).boolean(on, "JOIN ON clause")
            tail = f" ON {value.sql}"
            allowed = {"": {*seen, id(source)}, "LEFT": {id(source)}, "RIGHT": set(seen)}.get(side)
            if allowed:
                conditions += [(part, frozenset(allowed)) for part in conjuncts(on)]
        source.nullable = side in {"LEFT", "FULL"}
        for earlier in seen.values() if side in {"RIGHT", "FULL"} else ():
            earlier.nullable = True
        seen[id(source)] = source
        sql += f" {word} {source.sql}{tail}"
    return sql, conditions


def _is_true(node: exp.Expression | None) -> bool:
    return isinstance(node, exp.Boolean) and bool(node.this)


def _using(scope: Scope, before: list[Field], after: list[Field], names: list[str], side: str) -> str:
    tests, merged, gone = [], [], set()
    for name in names:
        pair = []
        for fields in (before, after):
            found = [known for known in fields if known.name == name and not known.hidden]
            if len(found) != 1:
                raise QueryError("COLUMN_NOT_FOUND", f"Column '{name}' of USING is missing or ambiguous on one side")
            pair.append(found[0])
        left, right = pair
        if left.type != right.type and not (left.type.kind == right.type.kind == "varchar"):
            raise refused("USING over columns of two types", advice="write ON with a cast")
        require_comparable(left.type, "USING")
        tests.append(f"{left.sql} = {right.sql}")
        sql = {"FULL": f"coalesce({left.sql}, {right.sql})", "RIGHT": right.sql}.get(side, left.sql)
        kept = right if side == "RIGHT" else left
        merged.append(replace(kept, sql=sql, relation=None, owner=None if side == "FULL" else kept.owner))
        gone |= {id(left), id(right)}
    scope.fields[:] = merged + [known for known in scope.fields if id(known) not in gone]
    return f" ON {' AND '.join(tests)}"


# --- items and groups -----------------------------------------------------------------------------------------------


def _expand(relations: Any, node: exp.Expression, scope: Scope) -> list[tuple[exp.Expression, str | None, str | None]]:
    """The selected expressions with their names, each * written out."""
    done: list[tuple[exp.Expression, str | None, str | None]] = []
    for item in node.expressions:
        star = isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))
        if star:
            only(item, "this", "table", "db")
            relation = item.text("table").lower() or None
            fields = [
                known for known in scope.fields if not known.hidden and (relation is None or known.relation == relation)
            ]
            if not fields:
                raise QueryError(
                    "TABLE_NOT_FOUND" if relation else "COLUMN_NOT_FOUND",
                    f"Unable to resolve reference {relation or '*'}; SELECT * takes a relation in FROM",
                )
            for known in fields:
                column = exp.Column(this=exp.to_identifier(f"field_{id(known)}"))
                relations.fields.append(known)
                column.meta["field"] = len(relations.fields) - 1
                done.append((column, known.name, known.shown))
        elif isinstance(item, exp.Alias):
            done.append((item.this, item.alias.lower(), item.alias))
        elif isinstance(item, exp.Column | exp.Dot):
            name = _plain_name(item)
            done.append((item, name.lower() if name else None, name))
        else:
            done.append((item, None, None))
    return done


def _plain_name(item: exp.Expression) -> str | None:
    """The last name of ``a.b.c``; what is taken out of anything else, as in ``items[1].sku``, has none."""
    if isinstance(item, exp.Column):
        return str(item.parts[-1].name)
    root = item
    while isinstance(root, exp.Dot):
        root = root.this
    return str(item.expression.name) if isinstance(root, exp.Column | exp.Identifier) else None


def _group(
    expressions: Expressions, node: exp.Expression, nodes: list[tuple[exp.Expression, str | None, str | None]]
) -> tuple[str, set[str]]:
    """The GROUP BY text, and the texts of the grouped expressions (``_UNGROUPABLE`` for grouping sets)."""
    clause = node.args.get("group")
    if clause is None:
        return "", set()
    only(clause, "expressions")
    relations, scope = expressions.context, expressions.frame.scope
    texts: set[str] = set()
    plain = True

    def one(part: exp.Expression) -> str:
        inner = part
        if isinstance(part, exp.Literal) and not part.is_string:
            index = int(part.name) if re.fullmatch(r"\d+", part.name) else 0
            if not 1 <= index <= len(nodes):
                raise QueryError("INVALID_COLUMN_REFERENCE", f"GROUP BY position {part.name} is not in select list")
            inner = nodes[index - 1][0]
        value = expressions.compile(inner)
        if expressions.frame.has_aggregate or expressions.frame.partitions:
            raise QueryError(
                "EXPRESSION_NOT_SCALAR",
                "GROUP BY clause cannot contain aggregations, window functions or grouping operations",
            )
        expressions.frame.groups[inner.sql(dialect="trino")] = value
        bound = relations.bind(inner, scope)
        if bound is not None:
            texts.add(bound.sql(dialect="trino"))
        return f"CAST({value.sql} AS {value.type.duckdb})" if value.is_literal else value.sql

    def several(part: exp.Expression) -> str:
        members = (
            part.expressions if isinstance(part, exp.Tuple) else [part.this if isinstance(part, exp.Paren) else part]
        )
        return f"({', '.join(one(member) for member in members)})"

    done = []
    for part in clause.expressions:
        if isinstance(part, exp.Cube | exp.Rollup):
            plain = False
            word = "CUBE" if isinstance(part, exp.Cube) else "ROLLUP"
            done.append(f"{word} ({', '.join(several(member) for member in part.expressions)})")
        elif isinstance(part, exp.GroupingSets):
            plain = False
            sets = []
            for member in part.expressions:
                if isinstance(member, exp.Cube | exp.Rollup | exp.GroupingSets):
                    raise refused("grouping sets inside grouping sets")
                sets.append(several(member))
            done.append(f"GROUPING SETS ({', '.join(sets)})")
        elif isinstance(part, exp.Tuple):
            done += [one(member) for member in part.expressions]
        else:
            done.append(one(part))
    if not done:
        return "GROUPING SETS (())", set()
    return ", ".join(done), texts if plain else _UNGROUPABLE


# --- ORDER BY and LIMIT ---------------------------------------------------------------------------------------------


def _order(expressions: Expressions, node: exp.Expression, items: list[Typed], columns: list[OutColumn]) -> str:
    clause = node.args.get("order")
    if clause is None:
        return ""
    outputs: dict[tuple[str, str], Field] = {}
    for item, column in zip(items, columns, strict=True):
        if column.name is not None:
            known = Field(name=column.name, shown=column.shown, sql=item.sql, type=item.type)
            outputs.setdefault((column.name, item.sql), known)
    inner = expressions.frame.scope
    # Without the groups' texts: an alias goes before the column that it hides.
    frame = replace(expressions.frame, scope=Scope(fields=list(outputs.values()), parent=inner), groups={})
    ordering = Expressions(expressions.context, frame)
    keys = []
    for part in clause.expressions:
        place = _ordinal(part.this, len(items))
        if place is None:
            value = ordering.compile(part.this)
            same = [index for index, item in enumerate(items, start=1) if item.sql == value.sql]
            place = same[0] if same else None
        else:
            value = items[place - 1]
        require_comparable(value.type, value.position)
        if place is None and node.args.get("distinct") is not None:
            raise QueryError(
                "EXPRESSION_NOT_IN_DISTINCT",
                f"{value.position}: For SELECT DISTINCT, ORDER BY expressions must appear in select list",
            )
        keys.append(f"{place or value.sql}{direction(part)}")
    expressions.frame.has_aggregate |= frame.has_aggregate
    return f"ORDER BY {', '.join(keys)}"


def _ordinal(node: exp.Expression, count: int) -> int | None:
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    if not re.fullmatch(r"\d+", node.name) or not 1 <= int(node.name) <= count:
        raise QueryError("INVALID_COLUMN_REFERENCE", f"ORDER BY position {node.name} is not in select list")
    return int(node.name)


def _limit(node: exp.Expression) -> str:
    pieces = []
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
            raise refused("FETCH FIRST with WITH TIES or PERCENT", advice="use rank()")
        pieces.append(f"LIMIT {_whole(limit.args.get('count'), 'FETCH FIRST')}")
    elif limit is not None:
        only(limit, "expression")
        if not (isinstance(limit.expression, exp.Var) and limit.expression.name.upper() == "ALL"):
            pieces.append(f"LIMIT {_whole(limit.expression, 'LIMIT')}")
    if offset is not None:
        only(offset, "expression")
        pieces.append(f"OFFSET {_whole(offset.expression, 'OFFSET')}")
    return " ".join(pieces)


def _whole(node: exp.Expression | None, clause: str) -> int:
    if not isinstance(node, exp.Literal) or node.is_string or not re.fullmatch(r"\d+", node.name):
        raise refused(f"{clause} with other than a whole number")
    return int(node.name)


def finish(relations: Any, inner: Compiled, node: exp.Expression, parent: Scope | None) -> Compiled:
    """ORDER BY, LIMIT and OFFSET behind a query that is not one SELECT."""
    if not any(node.args.get(key) for key in ("order", "limit", "offset")):
        return inner
    fields = [
        Field(name=column.name, shown=column.shown, sql=f"q.c{index}", type=column.type)
        for index, column in enumerate(inner.columns)
    ]
    expressions = Expressions(relations, Frame(scope=Scope(fields=fields, parent=parent)))
    items = [Typed(sql=known.sql, type=known.type) for known in fields]
    order = _order(expressions, node, items, inner.columns)
    listed = ", ".join(f"q.c{index} AS c{index}" for index in range(len(fields)))
    sql = " ".join(filter(None, [f"SELECT {listed} FROM ({inner.sql}) q", order, _limit(node)]))
    limited = bool(node.args.get("limit") or node.args.get("offset"))
    return Compiled(sql=sql, columns=inner.columns, parts=[] if limited else inner.parts)
