"""Functions of numbers, conditions and anything."""

from sqlglot import exp

from infra.local.athena.casts import cast, coerce, unify
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, function, simple
from infra.local.athena.operators import arithmetic, compare, make_row, require_comparable, scaled, unscaled
from infra.local.athena.types import BIGINT, BOOLEAN, DOUBLE, UNKNOWN, VARCHAR, SqlType, array, decimal
from infra.local.athena.values import Typed, failing, mismatch, quote, refusing

simple("sqrt", "double", "double", "sqrt({0})")
simple("exp", "double", "double", "exp({0})")
simple("ln", "double", "double", "ln({0})")
simple("log2", "double", "double", "(ln({0}) / ln(CAST(2 AS DOUBLE)))")
simple("log10", "double", "double", "log10({0})")
simple("power,pow", "double double", "double", "pow({0}, {1})")
simple("cbrt", "double", "double", "cbrt({0})")
simple("tan", "double", "double", "tan({0})")
simple("asin", "double", "double", "asin({0})")
simple("acos", "double", "double", "acos({0})")
simple("atan", "double", "double", "atan({0})")
simple("sinh", "double", "double", "sinh({0})")
simple("cosh", "double", "double", "cosh({0})")
simple("tanh", "double", "double", "tanh({0})")
simple("degrees", "double", "double", "degrees({0})")
simple("radians", "double", "double", "radians({0})")
simple("sin", "double", "double", "sin({0})")
simple("cos", "double", "double", "cos({0})")
simple("atan2", "double double", "double", "atan2({0}, {1})")
simple("is_nan", "double", "boolean", "isnan({0})")
simple("is_finite", "double", "boolean", "isfinite({0})")
simple("is_infinite", "double", "boolean", "isinf({0})")
simple("nan", "", "double", "CAST('NaN' AS DOUBLE)")
simple("infinity", "", "double", "CAST('Infinity' AS DOUBLE)")
simple("pi", "", "double", "pi()")
simple("e", "", "double", "exp(CAST(1 AS DOUBLE))")
simple("bitwise_and", "bigint bigint", "bigint", "({0} & {1})")
simple("bitwise_or", "bigint bigint", "bigint", "({0} | {1})")
simple("bitwise_xor", "bigint bigint", "bigint", "xor({0}, {1})")
simple("bitwise_not", "bigint", "bigint", "(~{0})")


def _number(call: Call, index: int) -> Typed:
    value = call.arg(index)
    if value.type.kind == "unknown":
        value = coerce(value, DOUBLE) or value
    if not value.type.is_number:
        raise call.unexpected()
    return value


def _whole(kind: SqlType) -> SqlType:
    """What round, ceil and floor of a decimal give."""
    return decimal((kind.precision or 0) - kind.scale + min(1, kind.scale), 0)


@function("abs")
def _abs(call: Call) -> Typed:
    call.count(1)
    if call.arg(0).type.kind == "unknown":
        return cast(call.arg(0), SqlType(kind="tinyint"))
    value = _number(call, 0)
    return Typed(sql=f"abs({value.sql})", type=value.type)


@function("ceil", "ceiling", "floor")
def _ceil(call: Call) -> Typed:
    call.count(1)
    value = _number(call, 0)
    if value.type.is_integer:
        return value
    kind = _whole(value.type) if value.type.kind == "decimal" else value.type
    return Typed(sql=f"CAST({call.name}({value.sql}) AS {kind.duckdb})", type=kind)


@function("round")
def _round(call: Call) -> Typed:
    call.count(1, 2)
    value = _number(call, 0)
    if len(call) == 1:
        if value.type.is_integer:
            return value
        kind = _whole(value.type) if value.type.kind == "decimal" else value.type
        return Typed(sql=f"CAST(round({value.sql}) AS {kind.duckdb})", type=kind)
    digits = call.arg(1).literal
    if not isinstance(digits, int):
        raise refused("round to a number of digits that is not a literal")
    if value.type.kind == "decimal":
        kind = decimal((value.type.precision or 0) + 1, value.type.scale)
        if digits < 0:
            step, whole = 10 ** (value.type.scale - digits), unscaled(value)
            half = f"(CASE WHEN {whole} < 0 THEN -1 ELSE 1 END) * CAST('{step // 2}' AS HUGEINT)"
            rounded = f"((({whole} + {half}) // CAST('{step}' AS HUGEINT)) * CAST('{step}' AS HUGEINT))"
            return Typed(sql=scaled(rounded, kind), type=kind)
        return Typed(sql=f"CAST(round({value.sql}, {digits}) AS {kind.duckdb})", type=kind)
    if value.type.is_integer and digits >= 0:
        return value
    if value.type.kind == "real":
        return Typed(sql=f"CAST(round(CAST({value.sql} AS DOUBLE), {digits}) AS FLOAT)", type=value.type)
    return Typed(sql=f"CAST(round({value.sql}, {digits}) AS {value.type.duckdb})", type=value.type)


@function("truncate")
def _truncate(call: Call) -> Typed:
    call.count(1, 2)
    value = _number(call, 0)
    if value.type.kind in {"double", "real"}:
        call.count(1)
        return Typed(sql=f"trunc({value.sql})", type=value.type)
    if value.type.kind != "decimal":
        raise refused(f"truncate of {value.type.text}")
    if len(call) == 1:
        kind = decimal(max(1, (value.type.precision or 0) - value.type.scale), 0)
        return Typed(sql=f"CAST(trunc({value.sql}) AS {kind.duckdb})", type=kind)
    digits = call.arg(1).literal
    if not isinstance(digits, int):
        raise refused("truncate to a number of digits that is not a literal")
    return Typed(sql=_cut(value, digits), type=value.type)


def _cut(value: Typed, digits: int) -> str:
    """A decimal cut off behind so many digits, in front of the point for a negative number."""
    drop = value.type.scale - digits
    if drop <= 0:
        return value.sql
    whole = f"CAST({unscaled(value)} // CAST('{10**drop}' AS HUGEINT) AS HUGEINT)"
    return scaled(f"({whole} * CAST('{10**drop}' AS HUGEINT))", value.type)


@function("sign")
def _sign(call: Call) -> Typed:
    call.count(1)
    value = _number(call, 0)
    kind = decimal(1, 0) if value.type.kind == "decimal" else value.type
    return Typed(sql=f"CAST(sign({value.sql}) AS {kind.duckdb})", type=kind)


@function("mod")
def _mod(call: Call) -> Typed:
    call.count(2)
    return arithmetic("%", call.arg(0), call.arg(1), call.position)


@function("log")
def _log(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"(ln({call.given(1, DOUBLE)}) / ln({call.given(0, DOUBLE)}))", type=DOUBLE)


@function("rand", "random")
def _random(call: Call) -> Typed:
    call.count(0, 2)
    call.expressions.frame.is_volatile = True
    if not len(call):
        return Typed(sql="random()", type=DOUBLE)
    (low, high), kind = unify([call.arg(0), call.arg(len(call) - 1)], what="bounds")
    if not kind.is_integer:
        raise call.unexpected()
    start = low.sql if len(call) == 2 else "0"
    bad = failing("INVALID_FUNCTION_ARGUMENT: bound must be positive, and the start less than the end", kind)
    made = f"CAST({start} + floor(random() * ({high.sql} - {start})) AS {kind.duckdb})"
    return Typed(sql=f"(CASE WHEN {high.sql} <= {start} THEN {bad} ELSE {made} END)", type=kind)


@function("uuid")
def _uuid(call: Call) -> Typed:
    call.count(0)
    call.expressions.frame.is_volatile = True
    return Typed(sql="uuid()", type=SqlType(kind="uuid"))


@function("width_bucket")
def _width_bucket(call: Call) -> Typed:
    call.count(2, 4)
    if len(call) == 2:
        edges = call.given(1, array(DOUBLE))
        count = f"len(list_filter({edges}, lambda edge: edge <= {call.given(0, DOUBLE)}))"
        return Typed(sql=f"CAST({count} AS BIGINT)", type=BIGINT)
    call.count(4)
    value, low, high = (call.given(index, DOUBLE) for index in range(3))
    count = call.given(3, BIGINT)
    buckets = call.arg(3).literal
    if not isinstance(buckets, int) or buckets <= 0:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "bucketCount must be greater than 0")
    inside = f"CAST(floor(({value} - {low}) / ({high} - {low}) * {count}) AS BIGINT) + 1"
    same = failing("INVALID_FUNCTION_ARGUMENT: bounds cannot equal each other", BIGINT)
    if not all(isinstance(call.arg(index).literal, int | float) or call.arg(index).is_literal for index in (1, 2, 3)):
        raise refused("width_bucket with bounds that are not literals")
    return Typed(
        sql=f"(CASE WHEN {low} = {high} THEN {same} WHEN {value} < {low} THEN 0 "
        f"WHEN {value} >= {high} THEN {count} + 1 ELSE {inside} END)",
        type=BIGINT,
    )


@function("greatest", "least")
def _greatest(call: Call) -> Typed:
    call.count(1, 127)
    try:
        done, kind = unify(call.args, what="arguments")
    except QueryError:
        raise call.unexpected() from None
    require_comparable(kind, call.position)
    null = " OR ".join(f"{value.sql} IS NULL" for value in done)
    listed = ", ".join(value.sql for value in done)
    if kind.is_floating:
        nan = " OR ".join(f"isnan({value.sql})" for value in done)
        null = f"{null} THEN NULL WHEN {refusing(nan, f'{call.name} of NaN')}"
    return Typed(sql=f"(CASE WHEN {null} THEN NULL ELSE {call.name}({listed}) END)", type=kind)


@function("coalesce")
def _coalesce(call: Call) -> Typed:
    call.count(2, 127)
    done, kind = unify(call.args, what="All COALESCE operands")
    return Typed(sql=f"coalesce({', '.join(value.sql for value in done)})", type=kind)


@function("nullif")
def _nullif(call: Call) -> Typed:
    call.count(2)
    first = call.arg(0)
    same = compare("=", first, call.arg(1), call.position)
    return Typed(sql=f"(CASE WHEN {same.sql} THEN NULL ELSE {first.sql} END)", type=first.type)


@function("if")
def _if(call: Call) -> Typed:
    call.count(2, 3)
    tested = coerce(call.arg(0), BOOLEAN)
    if tested is None:
        raise mismatch(call.arg(0).position, f"IF condition must evaluate to a boolean: {call.arg(0).type.text}")
    test = tested.sql
    other = call.arg(2) if len(call) == 3 else Typed(sql="NULL", type=UNKNOWN, literal=None)
    (yes, no), kind = unify([call.arg(1), other], what="Result types for IF")
    return Typed(sql=f"(CASE WHEN {test} THEN {yes.sql} ELSE {no.sql} END)", type=kind)


@function("try")
def _try(call: Call) -> Typed:
    call.count(1)
    done: Typed = call.expressions.try_(call.nodes[0])
    return done


@function("typeof")
def _typeof(call: Call) -> Typed:
    call.count(1)
    value = call.arg(0)
    written = isinstance(call.nodes[0], exp.Column | exp.Literal | exp.Cast | exp.TryCast | exp.Array)
    if "varchar" in value.type.text and not written:
        raise refused("typeof of a varchar that a function made: its length in Trino is not followed")
    name = quote(value.type.text)
    # The argument stays, so that a query over many rows answers with as many.
    return Typed(sql=f"(CASE WHEN {value.sql} IS NULL THEN {name} ELSE {name} END)", type=VARCHAR)


@function("row")
def _row(call: Call) -> Typed:
    if any(isinstance(node, exp.Lambda) for node in call.nodes):
        raise call.unexpected()
    return make_row(call.args)
