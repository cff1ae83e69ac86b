"""Comparison, arithmetic, || and [] by Trino's rules of types, with Trino's answers."""

from dataclasses import replace
from typing import Final

from infra.local.athena.casts import cast, coerce, fresh, unify
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_SECOND,
    DOUBLE,
    TIMESTAMP,
    VARBINARY,
    VARCHAR,
    YEAR_MONTH,
    SqlType,
    array,
    as_decimal,
    common_type,
    decimal,
    row,
)
from infra.local.athena.values import Typed, failing, mismatch
from infra.local.athena.zones import instant, local

_ORDERED: Final = {
    "boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "real", "double", "varchar", "varbinary",
    "date", "timestamp", "timestamp with time zone", "interval day to second", "interval year to month", "unknown",
    "uuid",
}  # fmt: skip


def require_comparable(kind: SqlType, position: str) -> None:
    """Nothing, when two values of the type can be compared the same way by both engines.

    Raises:
        QueryError: NOT_SUPPORTED names the type (a NULL inside an array is another matter in Trino).
    """
    if kind.kind not in _ORDERED:
        raise refused(f"comparing two values of type {kind.kind} ({position})", advice="compare their parts")


def compare(symbol: str, left: Typed, right: Typed, position: str) -> Typed:
    """``left symbol right``, for ``= <> < <= > >=``.

    Raises:
        QueryError: TYPE_MISMATCH when the types do not meet: Trino does not compare varchar with integer or date.
    """
    kind = common_type(left.type, right.type)
    if kind is None:
        raise mismatch(position, f"Cannot apply operator: {left.type.text} {symbol} {right.type.text}")
    if kind.kind == "array" and symbol in {"=", "<>"}:
        return _arrays(symbol, left, right, kind, position)
    if kind.kind == "row" and symbol in {"=", "<>"}:
        pairs = [
            compare("=", _part(left, index), _part(right, index), position).sql for index in range(len(kind.items))
        ]
        same = " AND ".join(pairs)
        return Typed(sql=f"({same})" if symbol == "=" else f"(NOT ({same}))", type=BOOLEAN)
    require_comparable(kind, position)
    (a, b), _ = unify([left, right], what="comparison sides")
    if kind.is_floating:
        return Typed(sql=_floating(symbol, a, b), type=BOOLEAN)
    return Typed(sql=f"({a.sql} {symbol} {b.sql})", type=BOOLEAN)


def _arrays(symbol: str, left: Typed, right: Typed, kind: SqlType, position: str) -> Typed:
    (a, b), _ = unify([left, right], what="comparison sides")
    index, item = fresh("i"), kind.items[0]
    if item.kind == "unknown":
        pair = "CAST(NULL AS BOOLEAN)"
    else:
        sides = [Typed(sql=f"({side.sql})[{index}]", type=item) for side in (a, b)]
        pair = compare("=", sides[0], sides[1], position).sql
    tests = f"list_transform(generate_series(1, len({a.sql})), lambda {index}: {pair})"
    same, other = ("TRUE", "FALSE") if symbol == "=" else ("FALSE", "TRUE")
    sql = (
        f"(CASE WHEN {a.sql} IS NULL OR {b.sql} IS NULL THEN NULL WHEN len({a.sql}) <> len({b.sql}) THEN {other} "
        f"WHEN list_contains({tests}, FALSE) THEN {other} WHEN list_count({tests}) < len({tests}) THEN NULL "
        f"ELSE {same} END)"
    )
    return Typed(sql=sql, type=BOOLEAN)


def _part(value: Typed, index: int) -> Typed:
    return Typed(sql=f"({value.sql}).f{index}", type=value.type.items[index], position=value.position)


def _floating(symbol: str, left: Typed, right: Typed) -> str:
    # DuckDB takes NaN for the greatest number and for equal to itself, Trino for neither.
    plain = f"({left.sql} {symbol} {right.sql})"
    unsure = [side.sql for side in (left, right) if not side.is_literal]
    if not unsure:
        return plain
    answer = "TRUE" if symbol == "<>" else "FALSE"
    if len(unsure) == 1:
        if symbol in {"<", "<="} and not left.is_literal:
            return plain  # NaN < 1 is false in both
        if symbol in {">", ">="} and not right.is_literal:
            return plain
        if symbol == "<>":
            return plain
        return f"({plain} AND NOT isnan({unsure[0]}))"
    nan = " OR ".join(f"isnan({sql})" for sql in unsure)
    null = " OR ".join(f"{sql} IS NULL" for sql in unsure)
    return f"(CASE WHEN {null} THEN NULL WHEN {nan} THEN {answer} ELSE {plain} END)"


def arithmetic(symbol: str, left: Typed, right: Typed, position: str) -> Typed:
    """``left symbol right``, for ``+ - * / %``.

    Raises:
        QueryError: TYPE_MISMATCH when Trino has no such operator.
    """
    moments = _moments(symbol, left, right)
    if moments is not None:
        return moments
    kind = common_type(left.type, right.type)
    if kind is not None and kind.kind == "unknown":
        kind = BIGINT
    if kind is None or not kind.is_number:
        raise mismatch(position, f"Cannot apply operator: {left.type.text} {symbol} {right.type.text}")
    if kind.kind == "decimal":
        return _decimals(symbol, left, right)
    done = [coerce(side, kind) for side in (left, right)]
    a, b = (side.sql for side in done if side is not None)
    word = "//" if symbol == "/" and kind.is_integer else symbol
    return Typed(sql=f"({a} {word} {b})", type=kind)


def _moments(symbol: str, left: Typed, right: Typed) -> Typed | None:
    intervals = {DAY_SECOND.kind, YEAR_MONTH.kind}
    a, b = left.type.kind, right.type.kind
    if a in intervals and b in intervals and a == b and symbol in {"+", "-"}:
        return Typed(sql=f"({left.sql} {symbol} {right.sql})", type=left.type)
    if symbol == "*" and a in intervals and right.type.is_integer:
        return Typed(sql=f"CAST({left.sql} * {right.sql} AS {left.type.duckdb})", type=left.type)
    if symbol in {"*", "/"} and a in intervals and right.type.is_number:
        # Java's long: what is behind the point is cut off.
        made = f"trunc(CAST({left.sql} AS DOUBLE) {symbol} CAST({right.sql} AS DOUBLE))"
        return Typed(sql=f"CAST({made} AS {left.type.duckdb})", type=left.type)
    if symbol == "*" and b in intervals and left.type.is_number:
        return _moments("*", right, left)
    if symbol == "+" and a in intervals and right.type.is_moment:
        return shift(right, left, 1)
    if symbol in {"+", "-"} and left.type.is_moment and b in intervals:
        return shift(left, right, 1 if symbol == "+" else -1)
    if symbol == "-" and left.type.is_moment and right.type.is_moment:
        met = common_type(left.type, right.type)
        first, second = (coerce(side, met) if met is not None else None for side in (left, right))
        if met is None or first is None or second is None:
            return None
        if met == DATE:
            return Typed(sql=f"(CAST({first.sql} - {second.sql} AS BIGINT) * 86400000)", type=DAY_SECOND)
        micros = f"(epoch_us({first.sql}) - epoch_us({second.sql}))"
        if (met.precision or 0) > 3:
            return Typed(sql=f"CAST(floor(({micros} + 500) / 1000) AS BIGINT)", type=DAY_SECOND)
        return Typed(sql=f"({micros} // 1000)", type=DAY_SECOND)
    return None


def shift(value: Typed, interval: Typed, sign: int) -> Typed:
    """A date or timestamp moved by an interval."""
    amount = interval.sql if sign > 0 else f"(- {interval.sql})"
    if interval.type == YEAR_MONTH:
        if value.type.kind == "timestamp with time zone":
            moved = shift(local(value), interval, sign)
            return instant(moved, value.type.zone or "UTC")
        sql = f"({value.sql} + to_months(CAST({amount} AS INTEGER)))"
        return Typed(sql=f"CAST({sql} AS {value.type.duckdb})", type=value.type)
    if value.type == DATE:
        bad = failing("INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date", DATE)
        days = f"CAST({amount} // 86400000 AS INTEGER)"
        return Typed(sql=f"(CASE WHEN {amount} % 86400000 = 0 THEN {value.sql} + {days} ELSE {bad} END)", type=DATE)
    kind = replace(value.type, precision=max(value.type.precision or 0, 3))
    return Typed(sql=f"({value.sql} + to_microseconds({amount} * 1000))", type=kind)


def unscaled(value: Typed) -> str:
    """A decimal without its point: a whole number."""
    if value.type.scale == 0:
        return f"CAST({value.sql} AS HUGEINT)"
    return f"CAST(replace(CAST({value.sql} AS VARCHAR), '.', '') AS HUGEINT)"


def scaled(whole: str, kind: SqlType) -> str:
    """The decimal of a type whose digits are a whole number's."""
    if not kind.scale:
        return f"CAST({whole} AS {kind.duckdb})"
    digits = f"lpad(CAST(abs({whole}) AS VARCHAR), {(kind.precision or 0) + 1}, '0')"
    sign = f"(CASE WHEN {whole} < 0 THEN '-' ELSE '' END)"
    text = f"{sign} || left({digits}, -{kind.scale}) || '.' || right({digits}, {kind.scale})"
    return f"CAST({text} AS {kind.duckdb})"


def _decimals(symbol: str, left: Typed, right: Typed) -> Typed:
    if left.type.kind == "unknown":
        left = cast(left, right.type)
    if right.type.kind == "unknown":
        right = cast(right, left.type)
    a, b = cast(left, as_decimal(left.type)), cast(right, as_decimal(right.type))
    (p1, s1), (p2, s2) = ((side.type.precision or 0, side.type.scale) for side in (a, b))
    scale = max(s1, s2)
    if symbol in {"+", "-"}:
        kind = decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
        sides = [f"CAST({side.sql} AS {kind.duckdb})" for side in (a, b)]
        return Typed(sql=f"CAST({sides[0]} {symbol} {sides[1]} AS {kind.duckdb})", type=kind)
    if symbol == "*":
        if s1 + s2 > 38:
            raise mismatch(left.position, f"DECIMAL result scale must be at most 38: {s1 + s2}")
        kind = decimal(p1 + p2, s1 + s2)
        # DuckDB multiplies two short decimals as 64 bits; one of 19 digits makes it 128.
        wide = f"CAST({a.sql} AS DECIMAL({max(p1, 19)},{s1}))" if p1 + p2 > 18 else a.sql
        return Typed(sql=f"CAST({wide} * {b.sql} AS {kind.duckdb})", type=kind)
    if symbol == "%":
        kind = decimal(min(p1 - s1, p2 - s2) + scale, scale)
        sides = [f"CAST({side.sql} AS DECIMAL(38,{scale}))" for side in (a, b)]
        return Typed(sql=f"CAST({sides[0]} % {sides[1]} AS {kind.duckdb})", type=kind)
    kind = decimal(p1 + s2 + max(s2 - s1, 0), scale)
    return Typed(sql=divided(unscaled(a), unscaled(b), scale - s1 + s2, kind), type=kind)


def divided(top: str, bottom: str, zeros: int, kind: SqlType) -> str:
    """The decimal ``top * 10^zeros / bottom`` rounded half up, from whole numbers."""
    top = f"({top} * CAST(1{'0' * zeros} AS HUGEINT))" if zeros else top
    sign = f"(CASE WHEN ({top} < 0) = ({bottom} < 0) THEN 1 ELSE -1 END)"
    whole = f"((abs({top}) * 2 + abs({bottom})) // (abs({bottom}) * 2))"
    unit = f"0.{'0' * (kind.scale - 1)}1" if kind.scale else "1"
    one = f"CAST({unit} AS DECIMAL({max(1, kind.scale)},{kind.scale}))"
    return f"CAST(CAST({whole} * {sign} AS DECIMAL(38,0)) * {one} AS {kind.duckdb})"


def concatenate(values: list[Typed], position: str) -> Typed:
    """``a || b``: of varchar, varbinary or arrays; NULL when one is NULL."""
    kinds = {value.type.kind for value in values} - {"unknown"}
    if kinds == {"array"} and any(value.type.kind == "unknown" for value in values):
        message = f"{position}: Could not choose a best candidate operator. Explicit type casts must be added."
        raise QueryError("AMBIGUOUS_FUNCTION_CALL", message)
    if kinds == {"varchar"} and len(values) == 2 and any(value.type.kind == "unknown" for value in values):
        # Trino takes the NULL for an array.
        return Typed(sql="CAST(NULL AS VARCHAR[])", type=array(VARCHAR))
    if kinds <= {"varchar"}:
        return Typed(sql="(" + " || ".join(f"CAST({v.sql} AS VARCHAR)" for v in values) + ")", type=VARCHAR)
    if kinds == {"varbinary"}:
        return Typed(sql="(" + " || ".join(value.sql for value in values) + ")", type=VARBINARY)
    if kinds == {"array"} and all(value.type.kind == "array" for value in values):
        return _joined(values)
    if len(values) == 2 and (made := _with_element(*values)) is not None:
        return _joined(made)
    texts = ", ".join(value.type.text for value in values)
    raise QueryError("FUNCTION_NOT_FOUND", f"{position}: Unexpected parameters ({texts}) for function concat")


def _with_element(left: Typed, right: Typed) -> list[Typed] | None:
    """Two arrays of an array and one element of it, or None."""
    for index, (whole, item) in enumerate(((left, right), (right, left))):
        if whole.type.kind != "array" or item.type.kind == "array":
            continue
        kind = common_type(whole.type.items[0], item.type)
        if kind is None:
            continue
        one = coerce(item, kind)
        if one is not None:
            single = Typed(sql=f"CAST([{one.sql}] AS {kind.duckdb}[])", type=array(kind), position=item.position)
            return [whole, single] if not index else [single, whole]
    return None


def _joined(values: list[Typed]) -> Typed:
    done, kind = unify(values, what="arrays")
    null = " OR ".join(f"{value.sql} IS NULL" for value in done)
    joined = " || ".join(value.sql for value in done)
    return Typed(sql=f"(CASE WHEN {null} THEN NULL ELSE {joined} END)", type=kind)


def make_row(values: list[Typed]) -> Typed:
    """``row(a, b)``."""
    fields = ", ".join(f"f{index} := CAST({v.sql} AS {v.type.duckdb})" for index, v in enumerate(values))
    return Typed(sql=f"struct_pack({fields})", type=row(tuple(value.type for value in values)))


def subscript(value: Typed, index: Typed, position: str) -> Typed:
    """``array[i]``, ``map[key]`` and ``row[i]``; outside the array, or without the key, it fails."""
    if value.type.kind == "array":
        item = value.type.items[0]
        place = coerce(index, BIGINT)
        if place is None:
            raise mismatch(position, f"Cannot use {index.type.text} for subscript of {value.type.text}")
        low = failing("INVALID_FUNCTION_ARGUMENT: Array subscript is less than 1 (SQL array indices start at 1)", item)
        high = failing("INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length", item)
        sql = (
            f"(CASE WHEN {place.sql} < 1 THEN {low} WHEN {place.sql} > len({value.sql}) THEN {high} "
            f"ELSE ({value.sql})[{place.sql}] END)"
        )
        return Typed(sql=sql, type=item)
    if value.type.kind == "map":
        key = coerce(index, value.type.items[0])
        if key is None:
            raise mismatch(position, f"Cannot use {index.type.text} for subscript of {value.type.text}")
        missing = failing("INVALID_FUNCTION_ARGUMENT: Key not present in map", value.type.items[1])
        sql = (
            f"(CASE WHEN {value.sql} IS NULL OR {key.sql} IS NULL THEN NULL "
            f"WHEN map_contains({value.sql}, {key.sql}) THEN map_extract_value({value.sql}, {key.sql}) "
            f"ELSE {missing} END)"
        )
        return Typed(sql=sql, type=value.type.items[1])
    if value.type.kind == "row" and isinstance(index.literal, int):
        if not 1 <= index.literal <= len(value.type.items):
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{position}: ROW index out of bounds: {index.literal}")
        return _part(value, index.literal - 1)
    raise mismatch(position, f"Cannot use {index.type.text} for subscript of {value.type.text}")


def moment(value: Typed) -> Typed:
    """A date, timestamp or zoned timestamp as the wall clock it shows, a timestamp."""
    if value.type.kind == "timestamp with time zone":
        return local(value)
    return cast(value, TIMESTAMP) if value.type == DATE else value


def number(value: Typed) -> Typed | None:
    """A number as double, or None when it is not one."""
    return coerce(value, DOUBLE) if value.type.is_number or value.type.kind == "unknown" else None
