"""CAST and the casts that Trino makes without being asked."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Final

from infra.local.athena import json_casts
from infra.local.athena.errors import refused
from infra.local.athena.types import TIMESTAMP, SqlType, array, as_decimal, common_type
from infra.local.athena.values import Typed, failing, mismatch, refusing
from infra.local.athena.zones import instant, local

_NAMES: Final = count(1)

# What Trino reads from a text; DuckDB reads more ("1.5" and " 1" as integers, "yes" as true).
_FORMS: Final = {
    "boolean": r"(?i:t|true|1|f|false|0)",
    "tinyint": r"[+-]?[0-9]+",
    "smallint": r"[+-]?[0-9]+",
    "integer": r"[+-]?[0-9]+",
    "bigint": r"[+-]?[0-9]+",
    "real": r"\s*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|Infinity)\s*",
    "double": r"\s*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|Infinity)\s*",
    "decimal": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)",
    "date": r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "timestamp": r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,6})?)?)?",
}
# What Trino reads as well, or may read, and the twin does not: not an error of the text, so TRY must not say NULL.
_UNSURE: Final = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), r"[+-]?\p{Nd}+"),
    **dict.fromkeys(("real", "double"), r"\s*[+-]?(0[xX].*|[0-9.]+([eE][+-]?[0-9]+)?[dDfF])\s*"),
    "decimal": r"[+-]?[0-9.]+[eE][+-]?[0-9]+",
    "date": r"\s*[+-]?[0-9]+-[0-9]+-[0-9]+\s*",
    "timestamp": r"\s*[+-]?[0-9]{4,}-[0-9]+-[0-9]+( +[0-9]+(:[0-9]+(:[0-9.]+)?)?)?\s*",
}


def cast(value: Typed, target: SqlType) -> Typed:
    """The value cast as ``CAST(value AS target)`` does.

    Raises:
        QueryError: TYPE_MISMATCH when Trino has no such cast; NOT_SUPPORTED when the twin does not translate it.
    """
    source = value.type
    if source == target:
        return value
    sql = _cast(value, target)
    if target.kind == "timestamp with time zone" and target.zone is None and source.kind != target.kind:
        target = replace(target, zone="UTC")
    elif target.kind == "timestamp with time zone" and source.kind == target.kind:
        target = replace(target, zone=source.zone)
    return Typed(sql=sql, type=target, position=value.position)


def coerce(value: Typed, target: SqlType) -> Typed | None:
    """The value as ``target`` when Trino turns it without being asked, else None."""
    if value.type == target:
        return value
    met = common_type(value.type, target)
    if met is None or replace(met, zone=None) != replace(target, zone=None):
        return None
    if value.type.kind == "varchar" and target.kind == "varchar":
        return replace(value, type=target)
    if value.literal is None:
        return Typed(sql=f"CAST(NULL AS {target.duckdb})", type=target, literal=None, position=value.position)
    if isinstance(value.literal, int | float) and not isinstance(value.literal, bool):
        return replace(cast(value, target), literal=value.literal)
    return cast(value, target)


def unify(values: list[Typed], *, what: str) -> tuple[list[Typed], SqlType]:
    """The values as the one type they meet in, and that type.

    Raises:
        QueryError: TYPE_MISMATCH when there is none.
    """
    met = values[0].type
    for value in values[1:]:
        together = common_type(met, value.type)
        if together is None:
            raise mismatch(
                value.position,
                f"{what} must be the same type or coercible to a common type. "
                f"Cannot find common type between {met.text} and {value.type.text}",
            )
        met = together
    done = [coerce(value, met) for value in values]
    return [value for value in done if value is not None], met


def _cast(value: Typed, target: SqlType) -> str:
    source, sql = value.type, value.sql
    plain = f"CAST({sql} AS {target.duckdb})"
    if source.kind == "unknown":
        return plain
    if target.kind == "json":
        return json_casts.to_json(value, to_text, fresh)
    if source.kind == "varchar":
        return _from_varchar(value, target)
    if target.kind == "varchar":
        text = to_text(value)
        if target.precision is None:
            return text
        bad = failing(f"INVALID_CAST_ARGUMENT: the value cannot be represented as {target.text}", target)
        return f"(CASE WHEN length({text}) > {target.precision} THEN {bad} ELSE {text} END)"
    if source.kind == "json":
        return json_casts.from_json(value, target, cast, fresh)
    if source.is_number and (target.is_number or target.kind == "boolean"):
        return _from_number(value, target)
    if source.kind == "boolean" and target.is_number:
        return plain
    if source.is_moment and target.is_moment:
        return _between_moments(value, target)
    if source.kind in {"array", "map", "row"} and source.kind == target.kind and len(source.items) == len(target.items):
        return _nested(value, target)
    raise mismatch(value.position, f"Cannot cast {source.text} to {target.text}")


def _from_number(value: Typed, target: SqlType) -> str:
    source, sql = value.type, value.sql
    if source.is_floating and target.is_integer:
        limit = f"CAST('{2.0 ** (_BITS[target.kind] - 1)!r}' AS DOUBLE)"
        bad = failing(f"INVALID_CAST_ARGUMENT: Cannot cast a {source.kind} to {target.kind}", target)
        outside = f"isnan({sql}) OR round({sql}) >= {limit} OR round({sql}) < - {limit}"
        # DuckDB's own cast takes 2.5 to 2.
        return f"(CASE WHEN {outside} THEN {bad} ELSE CAST(round({sql}) AS {target.duckdb}) END)"
    if source.is_floating and target.kind == "decimal":
        # From the shortest text of the number; Trino's answer is that one wherever the two ways agree.
        text = f"sk_double_to_decimal(CAST({sql} AS DOUBLE), {target.scale})"
        return _fitting(text, target)
    if target.kind == "decimal" or (source.kind == "decimal" and target.is_integer):
        return f"CAST({sql} AS {target.duckdb})" if _always_fits(source, target) else _fitting(sql, target)
    return f"CAST({sql} AS {target.duckdb})"


_BITS: Final = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}


def _always_fits(source: SqlType, target: SqlType) -> bool:
    if target.kind != "decimal":
        return False
    digits = as_decimal(source) if source.is_integer else source
    whole = (digits.precision or 0) - digits.scale + (1 if digits.scale > target.scale else 0)
    return whole <= (target.precision or 0) - target.scale


def _fitting(sql: str, target: SqlType) -> str:
    """A cast that fails as Trino's does where the value has too many digits."""
    bad = failing(f"INVALID_CAST_ARGUMENT: Cannot cast the number to {target.text}", target)
    tried = f"TRY_CAST({sql} AS {target.duckdb})"
    return f"(CASE WHEN {sql} IS NOT NULL AND {tried} IS NULL THEN {bad} ELSE {tried} END)"


def _from_varchar(value: Typed, target: SqlType) -> str:
    sql = value.sql
    if target.kind == "varchar":
        return sql if target.precision is None else f"substr({sql}, 1, {target.precision})"
    if target.kind == "varbinary":
        return f"encode({sql})"
    if target.kind == "timestamp with time zone":
        raise refused("CAST(varchar AS timestamp with time zone)", advice="write from_iso8601_timestamp(x)")
    form = _FORMS.get(target.kind)
    if form is None:
        raise mismatch(value.position, f"Cannot cast {value.type.text} to {target.text}")
    text = value.text_literal
    if text is not None and re.fullmatch(form, text):
        checked = sql
    else:
        match, unsure = f"regexp_full_match({sql}, '{form}')", ""
        if target.kind in _UNSURE:
            doubt = f"regexp_full_match({sql}, '{_UNSURE[target.kind]}') AND NOT {match}"
            unsure = f"WHEN {refusing(doubt, f'a text of this form as {target.text}')} THEN NULL "
        # The marked text cannot be read as anything, so the cast fails, and TRY can catch it.
        checked = f"CASE WHEN {match} THEN {sql} {unsure}WHEN {sql} IS NOT NULL THEN 'INVALID' END"
    result = f"CAST({checked} AS {target.duckdb})"
    return rounded(result, target.precision) if target.kind == "timestamp" else result


def rounded(sql: str, precision: int | None) -> str:
    """A timestamp rounded to so many digits of a second, half up.

    >>> rounded("t", 6)
    't'
    """
    if precision is None or precision >= 6:
        return sql
    step = 10 ** (6 - precision)
    return f"make_timestamp(CAST(floor((epoch_us({sql}) + {step // 2}) / {step}) AS BIGINT) * {step})"


def _between_moments(value: Typed, target: SqlType) -> str:
    source = value.type
    if target.kind == "timestamp with time zone":
        if source.kind == target.kind:
            if (target.precision or 0) < (source.precision or 0):
                raise refused("a cast that shortens a timestamp with time zone", advice="use date_trunc")
            return value.sql
        moment = cast(value, replace(TIMESTAMP, precision=target.precision))
        return instant(moment, "UTC").sql
    if source.kind == "timestamp with time zone":
        value = local(value)
    if target.kind == "date":
        return f"CAST({value.sql} AS DATE)"
    shorter = value.type.kind == "timestamp" and (target.precision or 0) < (value.type.precision or 0)
    sql = f"CAST({value.sql} AS TIMESTAMP)"
    return rounded(sql, target.precision) if shorter else sql


def to_text(value: Typed) -> str:
    """The DuckDB text of a value written out as Trino's ``CAST(value AS varchar)`` does."""
    kind, sql = value.type, value.sql
    if kind.kind == "timestamp with time zone":
        return f"({to_text(local(value))} || ' {kind.zone}')"
    if kind.kind == "timestamp":
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S{fraction(kind.precision)}')"
    if kind.kind == "double":
        return f"sk_double_text({sql})"
    if kind.kind == "real":
        return f"sk_real_text({sql})"
    if kind.kind == "json":
        return f"sk_json_to_varchar({sql})"
    if kind.kind == "decimal" and kind.precision == kind.scale:
        # DuckDB writes 0.1 of DECIMAL(1,1) as .1
        return f"regexp_replace(CAST({sql} AS VARCHAR), '^(-?)[.]', '\\10.')"
    if kind.kind.startswith("interval"):
        return f"sk_interval_text(CAST({sql} AS BIGINT), '{kind.kind}')"
    if kind.kind in {"boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "date", "uuid"}:
        return f"CAST({sql} AS VARCHAR)"
    if kind.kind in {"varchar", "unknown"}:
        return f"CAST({sql} AS VARCHAR)"
    raise mismatch(value.position, f"Cannot cast {kind.text} to varchar")


def fraction(precision: int | None) -> str:
    """The strftime part for so many digits of a second.

    Raises:
        QueryError: NOT_SUPPORTED for other than 0, 3 and 6.
    """
    parts = {0: "", 3: ".%g", 6: ".%f"}
    if precision not in parts:
        raise refused(f"timestamp({precision}) as text", advice="use timestamp(3) or timestamp(6)")
    return parts[precision]


def fresh(prefix: str) -> str:
    """A name for a lambda's variable that no other has."""
    return f"{prefix}{next(_NAMES)}"


def _each(list_sql: str, item: SqlType, make: Callable[[Typed], str]) -> str:
    name = fresh("e")
    return f"list_transform({list_sql}, lambda {name}: {make(Typed(sql=name, type=item))})"


def _nested(value: Typed, target: SqlType) -> str:
    source, sql = value.type, value.sql
    if replace(source, names=target.names) == target:
        return sql
    if source.kind == "array":
        return _each(sql, source.items[0], lambda item: cast(item, target.items[0]).sql)
    if source.kind == "map":
        keys = cast(Typed(sql=f"map_keys({sql})", type=array(source.items[0])), array(target.items[0])).sql
        values = cast(Typed(sql=f"map_values({sql})", type=array(source.items[1])), array(target.items[1])).sql
        return f"CASE WHEN {sql} IS NOT NULL THEN map({keys}, {values}) END"
    fields = ", ".join(
        f"f{i} := {cast(Typed(sql=f'{sql}.f{i}', type=old), new).sql}"
        for i, (old, new) in enumerate(zip(source.items, target.items, strict=True))
    )
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({fields}) END"
