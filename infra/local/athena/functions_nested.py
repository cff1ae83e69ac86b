"""Functions of arrays, maps and rows."""

from infra.local.athena.casts import coerce, fresh, to_text, unify
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, function
from infra.local.athena.operators import require_comparable
from infra.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_SECOND,
    UNKNOWN,
    VARCHAR,
    YEAR_MONTH,
    SqlType,
    array,
    common_type,
    mapping,
    row,
)
from infra.local.athena.values import Typed, failing, refusing


def _array(call: Call, index: int = 0) -> Typed:
    value = call.arg(index)
    if value.type.kind != "array":
        raise call.unexpected()
    return value


def _map(call: Call, index: int = 0) -> Typed:
    value = call.arg(index)
    if value.type.kind != "map":
        raise call.unexpected()
    return value


def _has_null(sql: str) -> str:
    return f"list_count({sql}) < len({sql})"


def _with_element(call: Call) -> tuple[Typed, Typed, SqlType]:
    """An array and something to look for in it, as one type."""
    call.count(2)
    value = _array(call)
    kind = common_type(value.type.items[0], call.arg(1).type)
    if kind is None:
        raise call.unexpected()
    require_comparable(kind, call.position)
    whole, wanted = coerce(value, array(kind)), coerce(call.arg(1), kind)
    if whole is None or wanted is None:
        raise call.unexpected()
    return whole, wanted, kind


@function("cardinality")
def _cardinality(call: Call) -> Typed:
    call.count(1)
    value = call.arg(0)
    if value.type.kind == "unknown":
        return Typed(sql="CAST(NULL AS BIGINT)", type=BIGINT)
    if value.type.kind not in {"array", "map"}:
        raise call.unexpected()
    word = "len" if value.type.kind == "array" else "cardinality"
    return Typed(sql=f"CAST({word}({value.sql}) AS BIGINT)", type=BIGINT)


@function("contains")
def _contains(call: Call) -> Typed:
    value, wanted, _ = _with_element(call)
    sql = (
        f"(CASE WHEN {value.sql} IS NULL OR {wanted.sql} IS NULL THEN NULL "
        f"WHEN list_contains({value.sql}, {wanted.sql}) THEN TRUE WHEN {_has_null(value.sql)} THEN NULL ELSE FALSE END)"
    )
    return Typed(sql=sql, type=BOOLEAN)


@function("array_position")
def _array_position(call: Call) -> Typed:
    value, wanted, _ = _with_element(call)
    sql = (
        f"(CASE WHEN {value.sql} IS NULL OR {wanted.sql} IS NULL THEN NULL "
        f"ELSE coalesce(CAST(list_position({value.sql}, {wanted.sql}) AS BIGINT), 0) END)"
    )
    return Typed(sql=sql, type=BIGINT)


@function("array_remove")
def _array_remove(call: Call) -> Typed:
    value, wanted, kind = _with_element(call)
    name = fresh("e")
    kept = f"list_filter({value.sql}, lambda {name}: {name} IS NULL OR {name} <> {wanted.sql})"
    return Typed(sql=f"(CASE WHEN {wanted.sql} IS NULL THEN NULL ELSE {kept} END)", type=array(kind))


@function("element_at")
def _element_at(call: Call) -> Typed:
    call.count(2)
    value = call.arg(0)
    if value.type.kind == "array":
        item, index = value.type.items[0], call.given(1, BIGINT)
        zero = failing("INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1", item)
        return Typed(sql=f"(CASE WHEN {index} = 0 THEN {zero} ELSE ({value.sql})[{index}] END)", type=item)
    value = _map(call)
    key = call.given(1, value.type.items[0])
    return Typed(sql=f"map_extract_value({value.sql}, {key})", type=value.type.items[1])


@function("array_join")
def _array_join(call: Call) -> Typed:
    call.count(2, 3)
    value, name = _array(call), fresh("e")
    text = to_text(Typed(sql=name, type=value.type.items[0]))
    if len(call) == 3:
        text = f"coalesce({text}, {call.given(2, VARCHAR)})"
    texts = f"list_transform({value.sql}, lambda {name}: {text})"
    texts = f"list_filter({texts}, lambda {name}: {name} IS NOT NULL)"
    between = call.given(1, VARCHAR)
    joined = f"(CASE WHEN len({texts}) = 0 THEN '' ELSE array_to_string({texts}, {between}) END)"
    return Typed(sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE {joined} END)", type=VARCHAR)


def _distinct(sql: str) -> str:
    item, index, whole = fresh("e"), fresh("i"), fresh("w")
    # The list is a variable of its own: DuckDB fails on an aggregate inside a lambda.
    kept = f"list_filter({whole}, lambda {item}, {index}: list_position({whole}, {item}) = {index})"
    return f"(list_transform([{sql}], lambda {whole}: {kept}))[1]"


@function("array_distinct")
def _array_distinct(call: Call) -> Typed:
    call.count(1)
    value = _array(call)
    require_comparable(value.type.items[0], call.position)
    return Typed(sql=_distinct(value.sql), type=value.type)


@function("array_max", "array_min")
def _array_max(call: Call) -> Typed:
    call.count(1)
    value = _array(call)
    item = value.type.items[0]
    require_comparable(item, call.position)
    word = call.name.replace("array", "list")
    if item.is_floating:
        name = fresh("e")
        nan = f"list_contains(list_transform({value.sql}, lambda {name}: isnan({name})), TRUE)"
        doubt = f"{refusing(nan, f'{call.name} of NaN')} OR "
    else:
        doubt = ""
    return Typed(sql=f"(CASE WHEN {doubt}{_has_null(value.sql)} THEN NULL ELSE {word}({value.sql}) END)", type=item)


@function("array_union", "array_intersect", "array_except")
def _array_sets(call: Call) -> Typed:
    call.count(2)
    (left, right), kind = unify([_array(call, 0), _array(call, 1)], what="arrays")
    require_comparable(kind.items[0], call.position)
    if call.name == "array_union":
        return Typed(
            sql=f"(CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL "
            f"ELSE {_distinct(f'({left.sql} || {right.sql})')} END)",
            type=kind,
        )
    item = fresh("e")
    test = "IS NOT NULL" if call.name == "array_intersect" else "IS NULL"
    kept = f"list_filter({left.sql}, lambda {item}: list_position({right.sql}, {item}) {test})"
    return Typed(sql=f"(CASE WHEN {right.sql} IS NULL THEN NULL ELSE {_distinct(kept)} END)", type=kind)


@function("arrays_overlap")
def _arrays_overlap(call: Call) -> Typed:
    call.count(2)
    (left, right), kind = unify([_array(call, 0), _array(call, 1)], what="arrays")
    require_comparable(kind.items[0], call.position)
    sql = (
        f"(CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL "
        f"WHEN list_has_any({left.sql}, {right.sql}) THEN TRUE "
        f"WHEN {_has_null(left.sql)} OR {_has_null(right.sql)} THEN NULL ELSE FALSE END)"
    )
    return Typed(sql=sql, type=BOOLEAN)


@function("slice")
def _slice(call: Call) -> Typed:
    call.count(3)
    value, start, size = _array(call), call.given(1, BIGINT), call.given(2, BIGINT)
    zero = failing("INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1", value.type)
    short = failing("INVALID_FUNCTION_ARGUMENT: length must be greater than or equal to 0", value.type)
    begin = f"(CASE WHEN {start} < 0 THEN len({value.sql}) + {start} + 1 ELSE {start} END)"
    sql = (
        f"(CASE WHEN {start} = 0 THEN {zero} WHEN {size} < 0 THEN {short} "
        f"WHEN {begin} < 1 OR {size} = 0 THEN list_slice({value.sql}, 1, 0) "
        f"ELSE list_slice({value.sql}, {begin}, {begin} + {size} - 1) END)"
    )
    return Typed(sql=sql, type=value.type)


@function("flatten")
def _flatten(call: Call) -> Typed:
    call.count(1)
    value = _array(call)
    if value.type.items[0].kind != "array":
        raise call.unexpected()
    return Typed(sql=f"flatten({value.sql})", type=value.type.items[0])


@function("reverse")
def _reverse(call: Call) -> Typed:
    call.count(1)
    value = call.arg(0)
    if value.type.kind == "array":
        return Typed(sql=f"list_reverse({value.sql})", type=value.type)
    if value.type.kind == "varbinary":
        pairs = f"list_reverse(regexp_extract_all(hex({value.sql}), '..'))"
        return Typed(sql=f"unhex(coalesce(array_to_string({pairs}, ''), ''))", type=value.type)
    return Typed(sql=f"sk_reverse({call.given(0, VARCHAR)})", type=VARCHAR)


@function("sequence")
def _sequence(call: Call) -> Typed:
    call.count(2, 3)
    first, last = call.arg(0), call.arg(1)
    step = call.arg(2) if len(call) == 3 else None
    literal = step.literal if step is not None else None
    if step is not None and not isinstance(literal, int):
        raise refused("sequence with a step that is not a literal")
    if literal == 0:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "step must not be zero")
    if first.type == DATE and last.type == DATE:
        return _dates(call, first, last, step)
    if first.type.kind == last.type.kind == "timestamp" and step is not None:
        kind = common_type(first.type, last.type) or first.type
        return _moments(call, first, last, step, kind)
    if first.type.is_integer and last.type.is_integer:
        a, b = call.given(0, BIGINT), call.given(1, BIGINT)
        by = call.given(2, BIGINT) if step is not None else f"(CASE WHEN {a} <= {b} THEN 1 ELSE -1 END)"
        return _limited(f"generate_series({a}, {b}, {by})", array(BIGINT), _away(a, b, literal))
    raise refused("sequence of other than whole numbers or dates")


def _dates(call: Call, first: Typed, last: Typed, step: Typed | None) -> Typed:
    literal = step.literal if step is not None else None
    if step is None:
        span = f"to_days(CASE WHEN {first.sql} <= {last.sql} THEN 1 ELSE -1 END)"
    elif step.type == DAY_SECOND and isinstance(literal, int) and literal % 86_400_000 == 0:
        span = f"to_days({literal // 86_400_000})"
    elif step.type == YEAR_MONTH:
        span = f"to_months({step.sql})"
    else:
        raise call.unexpected()
    a, b = (f"CAST({side.sql} AS TIMESTAMP)" for side in (first, last))
    away = _away(a, b, literal)
    if step is not None and step.type == YEAR_MONTH and isinstance(literal, int):
        return _limited(f"CAST({_months(a, b, literal)} AS DATE[])", array(DATE), away)
    return _limited(f"CAST(generate_series({a}, {b}, {span}) AS DATE[])", array(DATE), away)


def _months(first: str, last: str, step: int) -> str:
    """The moments of a sequence of months: each counted from the first, whose day may be longer than a month."""
    count = f"(date_diff('month', {first}, {last}) // {step})"
    made = f"list_transform(generate_series(0, {count}), lambda n: {first} + to_months(CAST(n * {step} AS INTEGER)))"
    return f"list_filter({made}, lambda m: m {'<=' if step > 0 else '>='} {last})"


def _moments(call: Call, first: Typed, last: Typed, step: Typed, kind: SqlType) -> Typed:
    literal = step.literal
    away = _away(first.sql, last.sql, literal)
    if step.type == YEAR_MONTH and isinstance(literal, int):
        return _limited(_months(first.sql, last.sql, literal), array(kind), away)
    if step.type != DAY_SECOND:
        raise call.unexpected()
    made = f"generate_series({first.sql}, {last.sql}, to_milliseconds({step.sql}))"
    return _limited(made, array(kind), away)


def _away(first: str, last: str, step: object) -> str:
    """When the step leads away from the end."""
    return "FALSE" if not isinstance(step, int) else f"{first} {'>' if step > 0 else '<'} {last}"


def _limited(sql: str, kind: SqlType, away: str) -> Typed:
    long = failing("INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries", kind)
    wrong = failing(
        "INVALID_FUNCTION_ARGUMENT: sequence stop value should be greater than or equal to start value if step is "
        "greater than zero otherwise stop should be less than or equal to start",
        kind,
    )
    return Typed(sql=f"(CASE WHEN {away} THEN {wrong} WHEN len({sql}) > 10000 THEN {long} ELSE {sql} END)", type=kind)


@function("transform")
def _transform(call: Call) -> Typed:
    call.count(2)
    value, name = _array(call), fresh("e")
    body = call.function(1, [value.type.items[0]], [name])
    return Typed(sql=f"list_transform({value.sql}, lambda {name}: {body.sql})", type=array(body.type))


def _test(call: Call, kinds: list[SqlType], names: list[str]) -> str:
    body = coerce(call.function(1, kinds, names), BOOLEAN)
    if body is None:
        raise call.unexpected()
    return body.sql


@function("filter")
def _filter(call: Call) -> Typed:
    call.count(2)
    value, name = _array(call), fresh("e")
    test = _test(call, [value.type.items[0]], [name])
    return Typed(sql=f"list_filter({value.sql}, lambda {name}: coalesce({test}, FALSE))", type=value.type)


@function("any_match", "all_match", "none_match")
def _match(call: Call) -> Typed:
    call.count(2)
    value, name = _array(call), fresh("e")
    tests = f"list_transform({value.sql}, lambda {name}: {_test(call, [value.type.items[0]], [name])})"
    decisive = "FALSE" if call.name == "all_match" else "TRUE"
    found = "TRUE" if call.name == "any_match" else "FALSE"
    other = "FALSE" if call.name == "any_match" else "TRUE"
    sql = (
        f"(CASE WHEN {value.sql} IS NULL THEN NULL WHEN list_contains({tests}, {decisive}) THEN {found} "
        f"WHEN {_has_null(tests)} THEN NULL ELSE {other} END)"
    )
    return Typed(sql=sql, type=BOOLEAN)


@function("zip_with")
def _zip_with(call: Call) -> Typed:
    call.count(3)
    left, right = _array(call, 0), _array(call, 1)
    index, a, b = fresh("i"), f"({left.sql})", f"({right.sql})"
    names = [f"{a}[{index}]", f"{b}[{index}]"]
    body = call.function(2, [left.type.items[0], right.type.items[0]], names)
    places = f"generate_series(1, greatest(len({left.sql}), len({right.sql})))"
    null = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    return Typed(
        sql=f"(CASE WHEN {null} THEN NULL ELSE list_transform({places}, lambda {index}: {body.sql}) END)",
        type=array(body.type),
    )


@function("map")
def _make_map(call: Call) -> Typed:
    if not len(call):
        return Typed(sql="CAST(map([], []) AS MAP(INTEGER, INTEGER))", type=mapping(UNKNOWN, UNKNOWN))
    call.count(2)
    keys, values = _array(call, 0), _array(call, 1)
    kind = mapping(keys.type.items[0], values.type.items[0])
    bad = failing("INVALID_FUNCTION_ARGUMENT: Key and value arrays must be the same length", kind)
    made = f"map({keys.sql}, {values.sql})"
    return Typed(
        sql=f"(CASE WHEN {keys.sql} IS NULL OR {values.sql} IS NULL THEN NULL "
        f"WHEN len({keys.sql}) <> len({values.sql}) THEN {bad} ELSE {made} END)",
        type=kind,
    )


@function("map_keys", "map_values")
def _map_parts(call: Call) -> Typed:
    call.count(1)
    value = _map(call)
    return Typed(sql=f"{call.name}({value.sql})", type=array(value.type.items[call.name == "map_values"]))


@function("map_entries")
def _map_entries(call: Call) -> Typed:
    call.count(1)
    value, name = _map(call), fresh("e")
    sql = f"list_transform(map_entries({value.sql}), lambda {name}: struct_pack(f0 := {name}.key, f1 := {name}.value))"
    return Typed(sql=sql, type=array(row(value.type.items)))


@function("map_from_entries")
def _map_from_entries(call: Call) -> Typed:
    call.count(1)
    value, name = _array(call), fresh("e")
    item = value.type.items[0]
    if item.kind != "row" or len(item.items) != 2:
        raise call.unexpected()
    keys, values = (f"list_transform({value.sql}, lambda {name}: {name}.f{part})" for part in (0, 1))
    return Typed(
        sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE map({keys}, {values}) END)", type=mapping(*item.items)
    )


@function("map_filter")
def _map_filter(call: Call) -> Typed:
    call.count(2)
    value, name = _map(call), fresh("e")
    test = _test(call, list(value.type.items), [f"{name}.key", f"{name}.value"])
    kept = f"list_filter(map_entries({value.sql}), lambda {name}: coalesce({test}, FALSE))"
    return Typed(sql=f"map_from_entries({kept})", type=value.type)


@function("transform_values")
def _transform_values(call: Call) -> Typed:
    call.count(2)
    value, name = _map(call), fresh("e")
    body = call.function(1, list(value.type.items), [f"{name}.key", f"{name}.value"])
    values = f"list_transform(map_entries({value.sql}), lambda {name}: {body.sql})"
    return Typed(
        sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE map(map_keys({value.sql}), {values}) END)",
        type=mapping(value.type.items[0], body.type),
    )


@function("map_concat")
def _map_concat(call: Call) -> Typed:
    call.count(2, 20)
    done, kind = unify([_map(call, index) for index in range(len(call))], what="maps")
    null = " OR ".join(f"{value.sql} IS NULL" for value in done)
    joined = ", ".join(value.sql for value in done)
    return Typed(sql=f"(CASE WHEN {null} THEN NULL ELSE map_concat({joined}) END)", type=kind)
