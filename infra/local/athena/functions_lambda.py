"""Functions that fold, sort and pair arrays and maps, most of them with a lambda."""

from infra.local.athena.casts import coerce, fresh, unify
from infra.local.athena.errors import refused
from infra.local.athena.functions import Call, function
from infra.local.athena.operators import require_comparable
from infra.local.athena.types import BIGINT, BOOLEAN, SqlType, array, common_type, mapping, row
from infra.local.athena.values import Typed, failing


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


def folded(items: str, item: SqlType, start: str, state: SqlType, step: tuple[str, str, str]) -> str:
    """The last state of a fold over a list.

    DuckDB's list_reduce wants elements and state of one type, so both travel as one struct.

    Args:
        items: the list, not NULL.
        item: the type of its elements.
        start: the first state.
        state: the state's type.
        step: names of state and element, and the next state made of them.
    """
    left, right, body = step
    empty = f"CAST(NULL AS {item.duckdb})"
    pairs = f"list_transform({items}, lambda {right}: struct_pack(s := CAST(NULL AS {state.duckdb}), e := {right}))"
    first = f"struct_pack(s := CAST({start} AS {state.duckdb}), e := {empty})"
    a, b = fresh("a"), fresh("b")
    made = body.replace(left, f"({a}.s)").replace(right, f"({b}.e)")
    following = f"struct_pack(s := CAST({made} AS {state.duckdb}), e := {empty})"
    return f"(list_reduce({pairs}, lambda {a}, {b}: {following}, {first})).s"


@function("reduce")
def _reduce(call: Call) -> Typed:
    call.count(4)
    value, start = _array(call), call.arg(1)
    state, item = fresh("state"), fresh("item")
    kind = start.type
    for _ in range(3):  # the state's type is what start and step meet in
        body = call.function(2, [kind, value.type.items[0]], [f"{state}_", f"{item}_"])
        met = common_type(kind, body.type)
        if met is None:
            raise call.unexpected()
        if met == kind:
            break
        kind = met
    begun, done = coerce(start, kind), coerce(body, kind)
    if begun is None or done is None:
        raise call.unexpected()
    last = fresh("s")
    output = call.function(3, [kind], [last])
    whole = folded(value.sql, value.type.items[0], begun.sql, kind, (f"{state}_", f"{item}_", done.sql))
    sql = f"(list_transform([{whole}], lambda {last}: {output.sql}))[1]"
    return Typed(sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE {sql} END)", type=output.type)


@function("array_sort")
def _array_sort(call: Call) -> Typed:
    call.count(1, 2)
    value = _array(call)
    item = value.type.items[0]
    if len(call) == 1:
        require_comparable(item, call.position)
        return Typed(sql=f"list_sort({value.sql}, 'ASC', 'NULLS LAST')", type=value.type)
    # Each element goes behind those that the comparison does not put after it.
    state, new, old = fresh("state"), fresh("item"), fresh("o")
    body = call.function(1, [item, item], [old, f"{new}_"])
    order = coerce(body, BIGINT)
    if order is None:
        raise call.unexpected()
    before = f"list_filter({state}_, lambda {old}: {order.sql} <= 0)"
    place = f"len({before})"
    step = f"list_concat(list_concat({state}_[1:{place}], [{new}_]), {state}_[{place} + 1:])"
    sql = folded(value.sql, item, "[]", value.type, (f"{state}_", f"{new}_", step))
    return Typed(sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE {sql} END)", type=value.type)


@function("transform_keys")
def _transform_keys(call: Call) -> Typed:
    call.count(2)
    value, name = _map(call), fresh("e")
    body = call.function(1, list(value.type.items), [f"{name}.key", f"{name}.value"])
    keys = f"list_transform(map_entries({value.sql}), lambda {name}: {body.sql})"
    return Typed(
        sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE map({keys}, map_values({value.sql})) END)",
        type=mapping(body.type, value.type.items[1]),
    )


@function("map_zip_with")
def _map_zip_with(call: Call) -> Typed:
    call.count(3)
    left, right, key = _map(call, 0), _map(call, 1), fresh("k")
    if left.type.items[0] != right.type.items[0] and {left.type.items[0].kind, right.type.items[0].kind} != {"varchar"}:
        raise refused("map_zip_with of maps with keys of two types")
    values = [f"map_extract_value({side.sql}, {key})" for side in (left, right)]
    body = call.function(2, [left.type.items[0], left.type.items[1], right.type.items[1]], [key, *values])
    others = f"list_filter(map_keys({right.sql}), lambda x: NOT map_contains({left.sql}, x))"
    keys = f"list_concat(map_keys({left.sql}), {others})"
    null = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    return Typed(
        sql=f"(CASE WHEN {null} THEN NULL ELSE map({keys}, list_transform({keys}, lambda {key}: {body.sql})) END)",
        type=mapping(left.type.items[0], body.type),
    )


@function("multimap_from_entries")
def _multimap_from_entries(call: Call) -> Typed:
    call.count(1)
    value = _array(call)
    item = value.type.items[0]
    if item.kind != "row" or len(item.items) != 2:
        raise call.unexpected()
    pairs = value.sql
    names = f"list_transform({pairs}, lambda p: p.f0)"
    keys = f"list_filter({names}, lambda n, i: list_position({names}, n) = i)"
    values = (
        f"list_transform({keys}, lambda n: list_transform(list_filter({pairs}, lambda p: p.f0 = n), lambda p: p.f1))"
    )
    kind = mapping(item.items[0], array(item.items[1]))
    return Typed(sql=f"(CASE WHEN {pairs} IS NULL THEN NULL ELSE map({keys}, {values}) END)", type=kind)


@function("zip")
def _zip(call: Call) -> Typed:
    call.count(2, 5)
    sides, index = [_array(call, place) for place in range(len(call))], fresh("i")
    longest = f"greatest({', '.join(f'len({side.sql})' for side in sides)})"
    fields = ", ".join(f"f{place} := ({side.sql})[{index}]" for place, side in enumerate(sides))
    null = " OR ".join(f"{side.sql} IS NULL" for side in sides)
    made = f"list_transform(generate_series(1, {longest}), lambda {index}: struct_pack({fields}))"
    kind = array(row(tuple(side.type.items[0] for side in sides)))
    return Typed(sql=f"(CASE WHEN {null} THEN NULL ELSE {made} END)", type=kind)


@function("ngrams")
def _ngrams(call: Call) -> Typed:
    call.count(2)
    value, size, index = _array(call), call.given(1, BIGINT), fresh("i")
    bad = failing("INVALID_FUNCTION_ARGUMENT: N must be positive", array(value.type))
    pieces = f"list_transform(generate_series(1, greatest(1, len({value.sql}) - {size} + 1)), "
    pieces += f"lambda {index}: list_slice({value.sql}, {index}, {index} + {size} - 1))"
    return Typed(
        sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL WHEN {size} < 1 THEN {bad} ELSE {pieces} END)",
        type=array(value.type),
    )


@function("trim_array")
def _trim_array(call: Call) -> Typed:
    call.count(2)
    value, size = _array(call), call.given(1, BIGINT)
    bad = failing("INVALID_FUNCTION_ARGUMENT: size must not exceed array cardinality or be negative", value.type)
    cut = f"list_slice({value.sql}, 1, len({value.sql}) - {size})"
    return Typed(sql=f"(CASE WHEN {size} < 0 OR {size} > len({value.sql}) THEN {bad} ELSE {cut} END)", type=value.type)


@function("repeat")
def _repeat(call: Call) -> Typed:
    call.count(2)
    value, count = call.arg(0), call.given(1, BIGINT)
    kind = array(value.type)
    bad = failing("INVALID_FUNCTION_ARGUMENT: count argument of repeat function must be 0 to 10000", kind)
    item = f"CAST({value.sql} AS {value.type.duckdb})"
    made = f"list_transform(generate_series(1, {count}), lambda i: {item})"
    return Typed(
        sql=f"(CASE WHEN {count} < 0 OR {count} > 10000 THEN {bad} WHEN {count} IS NULL THEN NULL ELSE {made} END)",
        type=kind,
    )


@function("array_histogram")
def _array_histogram(call: Call) -> Typed:
    call.count(1)
    value = _array(call)
    require_comparable(value.type.items[0], call.position)
    kept = f"list_filter({value.sql}, lambda h: h IS NOT NULL)"
    keys = f"list_filter({kept}, lambda h, i: list_position({kept}, h) = i)"
    counts = f"list_transform({keys}, lambda h: CAST(len(list_filter({kept}, lambda g: g = h)) AS BIGINT))"
    kind = mapping(value.type.items[0], BIGINT)
    return Typed(sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE map({keys}, {counts}) END)", type=kind)


@function("combinations")
def _combinations(call: Call) -> Typed:
    call.count(2)
    value, size = _array(call), call.arg(1).literal
    if not isinstance(size, int) or not 0 < size <= 5:
        raise refused("combinations of other than a literal number of 1 to 5")
    kind = array(value.type)
    # Lists of rising places, grown by one place at a time.
    places = "[CAST([] AS BIGINT[])]"
    count = f"len({value.sql})"
    for _ in range(size):
        p, q = fresh("p"), fresh("q")
        grown = f"list_transform(generate_series(coalesce({p}[-1], 0) + 1, {count}), lambda {q}: list_append({p}, {q}))"
        places = f"flatten(list_transform({places}, lambda {p}: {grown}))"
    p, q = fresh("p"), fresh("q")
    chosen = f"list_transform({places}, lambda {p}: list_transform({p}, lambda {q}: ({value.sql})[{q}]))"
    return Typed(sql=f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE {chosen} END)", type=kind)


@function("contains_sequence")
def _contains_sequence(call: Call) -> Typed:
    call.count(2)
    (whole, part), kind = unify([_array(call, 0), _array(call, 1)], what="arrays")
    require_comparable(kind.items[0], call.position)
    places = f"generate_series(1, greatest(0, len({whole.sql}) - len({part.sql}) + 1))"
    same = f"list_slice({whole.sql}, i, i + len({part.sql}) - 1) = {part.sql}"
    found = f"len(list_filter({places}, lambda i: {same})) > 0"
    null = f"{whole.sql} IS NULL OR {part.sql} IS NULL"
    return Typed(sql=f"(CASE WHEN {null} THEN NULL ELSE {found} END)", type=BOOLEAN)
