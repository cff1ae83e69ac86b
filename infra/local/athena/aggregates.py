"""Aggregates and window functions on the allow-list."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlglot import exp

from infra.local.athena.casts import coerce, unify
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call
from infra.local.athena.operators import divided, require_comparable
from infra.local.athena.types import BIGINT, BOOLEAN, DOUBLE, REAL, VARCHAR, SqlType, array, decimal, mapping
from infra.local.athena.values import Typed, refusing


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """What an aggregate becomes: DuckDB calls, which FILTER and OVER are put behind, and what is made of them.

    Args:
        calls: e.g. ``("sum(x)", "count(x)")``.
        type: the Trino type of the answer.
        wrap: DuckDB text with ``{0}`` for the first call.
    """

    calls: tuple[str, ...]
    type: SqlType
    wrap: str = "{0}"


Handler = Callable[[Call], Aggregate]
AGGREGATES: Final[dict[str, Handler]] = {}
WINDOWS: Final[dict[str, Handler]] = {}


def _aggregate(*names: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        AGGREGATES.update(dict.fromkeys(names, handler))
        return handler

    return register


def _window(*names: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        WINDOWS.update(dict.fromkeys(names, handler))
        return handler

    return register


def _inside(call: Call, *arguments: str) -> str:
    """What stands between the brackets: DISTINCT, arguments, ORDER BY."""
    return ("DISTINCT " if call.distinct else "") + ", ".join(arguments) + call.order


def _plain(call: Call) -> None:
    if call.distinct or call.order:
        raise refused(f"DISTINCT or ORDER BY inside {call.name}")


def _numeric(call: Call, index: int = 0) -> Typed:
    value = call.arg(index)
    if not value.type.is_number:
        raise call.unexpected()
    return value


@_aggregate("count")
def _count(call: Call) -> Aggregate:
    call.count(0, 1)
    if not len(call) or isinstance(call.nodes[0], exp.Star):
        if call.distinct:
            raise call.unexpected()
        return Aggregate(calls=("count(*)",), type=BIGINT)
    return Aggregate(calls=(f"count({_inside(call, call.arg(0).sql)})",), type=BIGINT)


@_aggregate("count_if")
def _count_if(call: Call) -> Aggregate:
    call.count(1)
    _plain(call)
    return Aggregate(calls=(f"count(CASE WHEN {call.given(0, BOOLEAN)} THEN 1 END)",), type=BIGINT)


@_aggregate("sum")
def _sum(call: Call) -> Aggregate:
    call.count(1)
    value = call.arg(0)
    inner = f"sum({_inside(call, value.sql)})"
    if value.type.is_integer:
        return Aggregate(calls=(inner,), type=BIGINT, wrap="CAST({0} AS BIGINT)")
    if value.type.kind == "decimal":
        kind = decimal(38, value.type.scale)
        return Aggregate(calls=(inner,), type=kind, wrap=f"CAST({{0}} AS {kind.duckdb})")
    if value.type.is_floating or value.type.kind.startswith("interval"):
        return Aggregate(calls=(inner,), type=value.type, wrap=f"CAST({{0}} AS {value.type.duckdb})")
    raise call.unexpected()


@_aggregate("avg")
def _avg(call: Call) -> Aggregate:
    call.count(1)
    if call.arg(0).type.kind.startswith("interval"):
        kind = call.arg(0).type
        inner = f"avg({_inside(call, call.arg(0).sql)})"
        return Aggregate(calls=(inner,), type=kind, wrap=f"CAST(trunc({{0}}) AS {kind.duckdb})")
    value = _numeric(call)
    if value.type.kind == "decimal":
        total, many = f"sum({_inside(call, value.sql)})", f"count({_inside(call, value.sql)})"
        digits = f"CAST(replace(CAST(CAST({{0}} AS DECIMAL(38,{value.type.scale})) AS VARCHAR), '.', '') AS HUGEINT)"
        share = divided(digits, "CAST({1} AS HUGEINT)", 0, value.type)
        return Aggregate(calls=(total, many), type=value.type, wrap=f"(CASE WHEN {{1}} = 0 THEN NULL ELSE {share} END)")
    kind = value.type if value.type.kind == "real" else DOUBLE
    return Aggregate(calls=(f"avg({_inside(call, value.sql)})",), type=kind, wrap=f"CAST({{0}} AS {kind.duckdb})")


@_aggregate("min", "max")
def _extreme(call: Call) -> Aggregate:
    call.count(1, 2)
    value = call.arg(0)
    require_comparable(value.type, call.position)
    if len(call) == 1 and value.type.is_floating:
        # Trino's answer hangs on where the NaN is met.
        doubt = refusing("{1} > 0", f"{call.name} over NaN")
        count = f"count(CASE WHEN isnan({value.sql}) THEN 1 END)"
        wrap = f"(CASE WHEN {doubt} THEN NULL ELSE {{0}} END)"
        return Aggregate(calls=(f"{call.name}({_inside(call, value.sql)})", count), type=value.type, wrap=wrap)
    if len(call) == 1:
        return Aggregate(calls=(f"{call.name}({_inside(call, value.sql)})",), type=value.type)
    _plain(call)
    return Aggregate(calls=(f"{call.name}({value.sql}, {_many(call, 1)})",), type=array(value.type))


def _many(call: Call, index: int) -> str:
    size = call.arg(index)
    if isinstance(size.literal, int) and size.literal <= 0:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{call.position}: the count of {call.name} must be positive")
    if not isinstance(size.literal, int) or size.literal > 10000:
        raise refused(f"{call.name} with a count that is not a literal from 1 to 10000")
    return size.sql


@_aggregate("min_by", "max_by")
def _by(call: Call) -> Aggregate:
    call.count(2, 3)
    _plain(call)
    value, order = call.arg(0), call.arg(1)
    require_comparable(order.type, call.position)
    word = "arg_max" if call.name == "max_by" else "arg_min"
    if len(call) == 3:
        inner = f"{word}({value.sql}, {order.sql}, {_many(call, 2)})"
        return Aggregate(calls=(inner,), type=array(value.type))
    return Aggregate(calls=(f"{word}_null({value.sql}, {order.sql})",), type=value.type)


@_aggregate("array_agg")
def _array_agg(call: Call) -> Aggregate:
    call.count(1)
    value = call.arg(0)
    return Aggregate(calls=(f"list({_inside(call, value.sql)})",), type=array(value.type))


@_aggregate("approx_distinct")
def _approx_distinct(call: Call) -> Aggregate:
    call.count(1, 2)
    _plain(call)
    # The exact count: inside Trino's error, whatever that is.
    return Aggregate(calls=(f"count(DISTINCT {call.arg(0).sql})",), type=BIGINT)


@_aggregate("approx_percentile")
def _approx_percentile(call: Call) -> Aggregate:
    call.count(2, 3)
    _plain(call)
    value, share = _numeric(call), call.arg(len(call) - 1)
    kind = REAL if value.type.kind == "decimal" else value.type
    if kind.is_integer:
        kind = BIGINT
    given = coerce(value, kind) or value
    several = share.type.kind == "array"
    wanted = coerce(share, array(DOUBLE) if several else DOUBLE)
    if wanted is None:
        raise call.unexpected()
    if isinstance(share.literal, int | float | Decimal) and not 0 <= share.literal <= 1:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Percentile must be between 0 and 1")
    answer = array(kind) if several else kind
    if len(call) == 2:
        return Aggregate(calls=(f"{_percentile(given.sql, share)}",), type=answer)
    weight = call.given(1, DOUBLE)
    if not isinstance(call.arg(1).literal, int | float):
        raise refused("approx_percentile with a weight from the data")
    if call.arg(1).literal == 0 or weight == "":
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{call.position}: percentile weight must be > 0")
    return Aggregate(calls=(f"{_percentile(given.sql, share)}",), type=answer)


def _percentile(value: str, share: Typed) -> str:
    """The value with so large a share of all others before it, as Trino takes it from few rows.

    DuckDB's takes the one before; counted from the end, which a negative share says, they are the same.
    """
    if share.type.kind == "array":
        shares = f"list_transform({share.sql}, lambda s: -(1 - CAST(s AS DOUBLE)))"
    else:
        shares = f"-(1 - CAST({share.sql} AS DOUBLE))"
    # quantile_disc wants its shares as constants; what else DuckDB refuses by itself.
    return f"quantile_disc({value}, {shares})"


@_aggregate("bool_and", "every", "bool_or")
def _bool(call: Call) -> Aggregate:
    call.count(1)
    word = "bool_or" if call.name == "bool_or" else "bool_and"
    return Aggregate(calls=(f"{word}({call.given(0, BOOLEAN)})",), type=BOOLEAN)


@_aggregate("arbitrary", "any_value")
def _any_value(call: Call) -> Aggregate:
    call.count(1)
    _plain(call)
    return Aggregate(calls=(f"any_value({call.arg(0).sql})",), type=call.arg(0).type)


_MOMENTS: Final = {
    "stddev": "stddev_samp", "stddev_samp": "stddev_samp", "stddev_pop": "stddev_pop",
    "variance": "var_samp", "var_samp": "var_samp", "var_pop": "var_pop",
}  # fmt: skip


@_aggregate(*_MOMENTS)
def _moment(call: Call) -> Aggregate:
    call.count(1)
    return Aggregate(calls=(f"{_MOMENTS[call.name]}({_inside(call, call.given(0, DOUBLE))})",), type=DOUBLE)


@_aggregate("corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept")
def _pairs(call: Call) -> Aggregate:
    call.count(2)
    _plain(call)
    kind = DOUBLE if "double" in {value.type.kind for value in call.args} else REAL
    first, second = (f"CAST({call.given(index, kind)} AS DOUBLE)" for index in (0, 1))
    inner = f"{call.name}({first}, {second})"
    return Aggregate(calls=(inner,), type=kind, wrap=f"CAST({{0}} AS {kind.duckdb})")


@_aggregate("geometric_mean")
def _geometric_mean(call: Call) -> Aggregate:
    call.count(1)
    kind = REAL if call.arg(0).type.kind in {"decimal", "real"} else DOUBLE
    inner = f"avg(ln(CAST({call.given(0, kind)} AS DOUBLE)))"
    return Aggregate(calls=(inner,), type=kind, wrap=f"CAST(exp({{0}}) AS {kind.duckdb})")


@_aggregate("bitwise_and_agg", "bitwise_or_agg")
def _bits(call: Call) -> Aggregate:
    call.count(1)
    word = {"bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or"}[call.name]
    return Aggregate(calls=(f"{word}({call.given(0, BIGINT)})",), type=BIGINT)


@_aggregate("histogram")
def _histogram(call: Call) -> Aggregate:
    call.count(1)
    _plain(call)
    kind = mapping(call.arg(0).type, BIGINT)
    return Aggregate(calls=(f"histogram({call.arg(0).sql})",), type=kind, wrap=f"CAST({{0}} AS {kind.duckdb})")


@_aggregate("map_agg")
def _map_agg(call: Call) -> Aggregate:
    call.count(2)
    _plain(call)
    key, value = call.arg(0), call.arg(1)
    kind = mapping(key.type, value.type)
    pairs = f"list(CASE WHEN {key.sql} IS NOT NULL THEN struct_pack(k := {key.sql}, v := {value.sql}) END)"
    keys = "list_distinct(list_transform({0}, lambda p: p.k))"
    kept = "list_filter({0}, lambda p: p IS NOT NULL)"
    first = f"list_filter({kept}, lambda p, i: list_position(list_transform({kept}, lambda q: q.k), p.k) = i)"
    made = f"map(list_transform({first}, lambda p: p.k), list_transform({first}, lambda p: p.v))"
    return Aggregate(calls=(pairs,), type=kind, wrap=f"(CASE WHEN len({keys}) > 0 THEN {made} END)")


@_aggregate("multimap_agg")
def _multimap_agg(call: Call) -> Aggregate:
    call.count(2)
    _plain(call)
    key, value = call.arg(0), call.arg(1)
    kind = mapping(key.type, array(value.type))
    pairs = f"list(CASE WHEN {key.sql} IS NOT NULL THEN struct_pack(k := {key.sql}, v := {value.sql}) END)"
    kept = "list_filter({0}, lambda p: p IS NOT NULL)"
    names = f"list_transform({kept}, lambda p: p.k)"
    keys = f"list_filter({names}, lambda n, i: list_position({names}, n) = i)"
    values = f"list_transform({keys}, lambda n: list_transform(list_filter({kept}, lambda p: p.k = n), lambda p: p.v))"
    return Aggregate(calls=(pairs,), type=kind, wrap=f"(CASE WHEN len({keys}) > 0 THEN map({keys}, {values}) END)")


@_aggregate("listagg")
def _listagg(call: Call) -> Aggregate:
    call.count(1, 2)
    between = call.constant(1) if len(call) == 2 else ""
    if not call.order:
        raise QueryError("SYNTAX_ERROR", f"{call.position}: LISTAGG is written with WITHIN GROUP (ORDER BY ...)")
    separator = call.given(1, VARCHAR) if between else "''"
    return Aggregate(calls=(f"string_agg({_inside(call, call.given(0, VARCHAR), separator)})",), type=VARCHAR)


@_window("row_number", "rank", "dense_rank")
def _ranks(call: Call) -> Aggregate:
    call.count(0)
    return Aggregate(calls=(f"{call.name}()",), type=BIGINT)


@_window("percent_rank", "cume_dist")
def _shares(call: Call) -> Aggregate:
    call.count(0)
    return Aggregate(calls=(f"{call.name}()",), type=DOUBLE)


@_window("ntile")
def _ntile(call: Call) -> Aggregate:
    call.count(1)
    return Aggregate(calls=(f"ntile({_many(call, 0)})",), type=BIGINT)


@_window("lag", "lead")
def _neighbours(call: Call) -> Aggregate:
    call.count(1, 3)
    value = call.arg(0)
    if len(call) == 3:
        (value, other), _ = unify([value, call.arg(2)], what="value and default")
    given = [value.sql]
    if len(call) > 1:
        offset = call.arg(1).literal
        if not isinstance(offset, int):
            raise refused(f"{call.name} with an offset that is not a literal")
        if offset < 0:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", "Offset must be at least 0")
        given.append(call.arg(1).sql)
    if len(call) == 3:
        given.append(other.sql)
    return Aggregate(calls=(f"{call.name}({', '.join(given)}{{nulls}})",), type=value.type)


@_window("first_value", "last_value", "nth_value")
def _values(call: Call) -> Aggregate:
    call.count(2 if call.name == "nth_value" else 1)
    value = call.arg(0)
    more = f", {_many(call, 1)}" if call.name == "nth_value" else ""
    return Aggregate(calls=(f"{call.name}({value.sql}{more}{{nulls}})",), type=value.type)
