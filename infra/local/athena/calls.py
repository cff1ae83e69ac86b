"""Calls of functions and aggregates, with DISTINCT, ORDER BY, FILTER and OVER."""

from typing import Any

from sqlglot import exp

from infra.local.athena.aggregates import AGGREGATES, WINDOWS, Aggregate
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, find_function
from infra.local.athena.operators import require_comparable
from infra.local.athena.scope import only
from infra.local.athena.types import BIGINT, DAY_SECOND, INTEGER, YEAR_MONTH
from infra.local.athena.values import Typed


def plain(expressions: Any, node: exp.Expression) -> Typed:
    """A function, or an aggregate over the group."""
    call, condition, nulls = _open(expressions, node)
    if nulls:
        raise refused(f"IGNORE NULLS in {call.name} without OVER")
    if call.name == "grouping":
        return _grouping(expressions, call)
    if call.name in AGGREGATES:
        expressions.frame.has_aggregate = True
        inner = _check(call, AGGREGATES[call.name])
        return _finish(inner, condition)
    if call.name in WINDOWS:
        raise QueryError("MISSING_OVER", f"{call.position}: Window function {call.name} requires an OVER clause")
    if condition or call.distinct or call.order:
        raise QueryError("FUNCTION_NOT_AGGREGATE", f"{call.position}: {call.name} is not an aggregate function")
    return find_function(call.name, call.position)(call)


def windowed(expressions: Any, node: exp.Expression) -> Typed:
    """An aggregate or window function over a window."""
    only(node, "this", "partition_by", "order", "spec", "alias", "over", "first")
    inner, nulls = node.this, ""
    while isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
        nulls, inner = (" IGNORE NULLS" if isinstance(inner, exp.IgnoreNulls) else ""), inner.this
    call, condition, inside = _open(expressions, inner)
    nulls = nulls or inside
    if call.name in WINDOWS:
        if condition:
            raise QueryError("INVALID_WINDOW_FRAME", f"{call.position}: FILTER takes an aggregate")
        made = WINDOWS[call.name](call)
        if nulls and "{nulls}" not in made.calls[0]:
            raise refused(f"IGNORE NULLS in {call.name}")
    elif call.name in AGGREGATES:
        if condition:
            raise QueryError("NOT_SUPPORTED", f"{call.position}: FILTER is not yet supported for window functions")
        if nulls or call.order:
            raise refused(f"IGNORE NULLS or ORDER BY inside {call.name} with OVER")
        if call.distinct:
            raise QueryError(
                "NOT_SUPPORTED", f"{call.position}: DISTINCT in window function parameters not yet supported"
            )
        # An aggregate over a window may stand on one over the group: sum(count(*)) OVER ().
        made = AGGREGATES[call.name](call)
    else:
        raise QueryError("FUNCTION_NOT_WINDOW", f"{call.position}: {call.name} is not an aggregate or window function")
    calls = tuple(part.replace("{nulls}", nulls) for part in made.calls)
    return _finish(Aggregate(calls=calls, type=made.type, wrap=made.wrap), condition, _over(expressions, node))


def ordered(expressions: Any, node: exp.Expression) -> str:
    """One item of ORDER BY; NULL comes last unless it is said otherwise."""
    value = expressions.compile(node.this)
    require_comparable(value.type, value.position)
    return f"{value.sql}{direction(node)}"


def direction(node: exp.Expression) -> str:
    """The direction of an item of ORDER BY and where its NULLs go."""
    only(node, "this", "desc", "nulls_first")
    return f" {'DESC' if node.args.get('desc') else 'ASC'} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"


def _open(expressions: Any, node: exp.Expression) -> tuple[Call, str, str]:
    condition = ""
    if isinstance(node, exp.Filter):
        condition = f" FILTER (WHERE {expressions.boolean(node.expression.this, 'FILTER').sql})"
        node = node.this
    if isinstance(node, exp.GroupConcat):
        only(node, "this", "separator")
        name, nodes = "listagg", [node.this, *filter(None, [node.args.get("separator")])]
    elif isinstance(node, exp.Anonymous):
        only(node, "this", "expressions")
        name, nodes = str(node.this).lower(), list(node.expressions)
    else:
        raise refused(f"{type(node).__name__} with FILTER or OVER")
    nulls, order, distinct = "", "", False
    for index, argument in enumerate(nodes):
        inner = argument
        if isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
            nulls, inner = (" IGNORE NULLS" if isinstance(inner, exp.IgnoreNulls) else ""), inner.this
        if isinstance(inner, exp.Order):
            order = " ORDER BY " + ", ".join(ordered(expressions, item) for item in inner.expressions)
            inner = inner.this
        if isinstance(inner, exp.Distinct):
            only(inner, "expressions")
            if len(inner.expressions) != 1 or index:
                raise refused(f"{name} DISTINCT with several arguments")
            distinct, inner = True, inner.expressions[0]
        nodes[index] = inner
    place = expressions.position(node)
    call = Call(name=name, nodes=nodes, expressions=expressions, position=place, distinct=distinct, order=order)
    return call, condition, nulls


def _check(call: Call, handler: Any) -> Aggregate:
    frame = call.expressions.frame
    frame.has_aggregate = False
    windows = len(frame.partitions)
    try:
        made: Aggregate = handler(call)
        if frame.has_aggregate or len(frame.partitions) != windows:
            raise QueryError(
                "NESTED_AGGREGATION",
                f"{call.position}: Cannot nest aggregations or windows inside aggregation {call.name}",
            )
    finally:
        frame.has_aggregate = True
    return made


def _finish(made: Aggregate, condition: str, over: str = "") -> Typed:
    calls = [f"{part}{condition}{over}" for part in made.calls]
    sql = made.wrap.format(*calls)
    return Typed(sql=f"({sql})", type=made.type)


def _grouping(expressions: Any, call: Call) -> Typed:
    expressions.frame.has_aggregate = True
    kind = INTEGER if len(call) <= 31 else BIGINT
    return Typed(sql=f"CAST(grouping({', '.join(value.sql for value in call.args)}) AS {kind.duckdb})", type=kind)


def _over(expressions: Any, node: exp.Expression) -> str:
    parts = {key: node.args.get(key) for key in ("partition_by", "order", "spec")}
    alias = node.args.get("alias")
    if alias is not None:
        named = expressions.frame.windows.get(alias.name.lower())
        if named is None:
            raise QueryError("INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {alias.name}")
        for key in parts:
            parts[key] = parts[key] or named.args.get(key)
    partition = [expressions.compile(item) for item in parts["partition_by"] or []]
    expressions.frame.partitions.append(frozenset(expressions.field_ids(parts["partition_by"] or [])))
    pieces = []
    if partition:
        pieces.append("PARTITION BY " + ", ".join(item.sql for item in partition))
    keys = parts["order"].expressions if parts["order"] is not None else []
    if keys:
        pieces.append("ORDER BY " + ", ".join(ordered(expressions, item) for item in keys))
    if parts["spec"] is not None:
        pieces.append(_frame(expressions, parts["spec"], keys))
    return f" OVER ({' '.join(pieces)})"


def _frame(expressions: Any, spec: exp.Expression, keys: list[exp.Expression]) -> str:
    only(spec, "kind", "start", "start_side", "end", "end_side")
    kind = str(spec.args["kind"]).upper()

    def bound(which: str) -> str:
        value, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
        if value is None:
            return "CURRENT ROW"
        if isinstance(value, str):
            return f"{value.upper()} {side}".strip()
        typed = expressions.compile(value)
        if typed.type == DAY_SECOND:
            return f"to_milliseconds({typed.sql}) {side}"
        if typed.type == YEAR_MONTH:
            return f"to_months({typed.sql}) {side}"
        if not typed.type.is_number:
            raise refused("a window frame of that kind")
        if kind == "RANGE" and not expressions.compile(keys[0].this).type.is_number:
            raise QueryError("TYPE_MISMATCH", "Window frame RANGE value type does not match the sort item type")
        return f"{typed.sql} {side}"

    return f"{kind} BETWEEN {bound('start')} AND {bound('end')}"
