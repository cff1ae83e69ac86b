"""CAST to JSON, and from JSON to rows, maps, arrays and numbers, as DuckDB text."""

from collections.abc import Callable
from typing import Final

from infra.local.athena.errors import refused
from infra.local.athena.types import VARCHAR, SqlType, array
from infra.local.athena.values import Typed, mismatch, quote

Cast = Callable[[Typed, SqlType], Typed]
_KEYS: Final = frozenset(
    {"varchar", "boolean", "tinyint", "smallint", "integer", "bigint", "double", "real", "decimal"}
)


def to_json(value: Typed, to_text: Callable[[Typed], str], fresh: Callable[[str], str]) -> str:
    """A value as JSON text; NULL for NULL.

    Args:
        value: of any type that Trino casts to JSON.
        to_text: writes a scalar as ``CAST(value AS varchar)`` does.
        fresh: makes a name for a lambda's variable.

    Raises:
        QueryError: TYPE_MISMATCH for a type without such a cast.
    """

    def made(item: Typed) -> str:
        return to_json(item, to_text, fresh)

    kind, sql = value.type, value.sql
    if kind.kind == "unknown":
        return "CAST(NULL AS VARCHAR)"
    if kind.kind == "json":
        return sql
    if kind.kind == "varchar":
        return f"sk_json_quote({sql})"
    if kind.kind in {"double", "real"}:
        return f"sk_json_number(CAST({sql} AS DOUBLE))" if kind.kind == "double" else f"sk_json_real({sql})"
    if kind.kind == "boolean" or kind.is_number:
        return to_text(value)
    if kind.is_moment:
        return f"""('"' || {to_text(value)} || '"')"""
    if kind.kind == "array":
        name = fresh("j")
        item = made(Typed(sql=name, type=kind.items[0]))
        listed = f"array_to_string(list_transform({sql}, lambda {name}: coalesce({item}, 'null')), ',')"
        return f"(CASE WHEN {sql} IS NULL THEN NULL WHEN len({sql}) = 0 THEN '[]' ELSE '[' || {listed} || ']' END)"
    if kind.kind == "map":
        if kind.items[0].kind not in _KEYS | {"unknown"}:
            raise mismatch(value.position, f"Cannot cast {kind.text} to json")
        name = fresh("j")
        keys = f"list_transform(map_keys({sql}), lambda {name}: {to_text(Typed(sql=name, type=kind.items[0]))})"
        item = made(Typed(sql=name, type=kind.items[1]))
        values = f"list_transform(map_values({sql}), lambda {name}: coalesce({item}, 'null'))"
        return f"(CASE WHEN {sql} IS NULL THEN NULL ELSE sk_json_members({keys}, {values}) END)"
    if kind.kind == "row":
        pieces = []
        for index, (field, inner) in enumerate(zip(kind.names, kind.items, strict=True)):
            item = made(Typed(sql=f"({sql}).f{index}", type=inner))
            pieces.append(f"""{quote(f'"{field or ""}":')} || coalesce({item}, 'null')""")
        listed = " || ',' || ".join(pieces)
        return f"(CASE WHEN {sql} IS NULL THEN NULL ELSE '{{' || {listed} || '}}' END)"
    raise mismatch(value.position, f"Cannot cast {kind.text} to json")


def from_json(value: Typed, target: SqlType, cast: Cast, fresh: Callable[[str], str]) -> str:
    """A JSON value as another type.

    Args:
        value: JSON text.
        target: what it becomes.
        cast: casts a value inside to its type.
        fresh: makes a name for a lambda's variable.

    Raises:
        QueryError: NOT_SUPPORTED for a type that is not translated.
    """
    sql, json = value.sql, value.type
    if target.kind in {"bigint", "integer", "smallint", "tinyint"}:
        return f"CAST(sk_json_to_bigint({sql}) AS {target.duckdb})"
    if target.kind in {"double", "real"}:
        return f"CAST(sk_json_to_double({sql}) AS {target.duckdb})"
    if target.kind == "decimal":
        return f"CAST(sk_json_to_decimal({sql}, CAST({target.scale} AS BIGINT)) AS {target.duckdb})"
    if target.kind == "boolean":
        return f"sk_json_to_boolean({sql})"
    if target.kind == "array":
        name = fresh("j")
        item = cast(Typed(sql=name, type=json), target.items[0]).sql
        return f"list_transform(sk_json_elements({sql}), lambda {name}: {item})"
    if target.kind == "map":
        name = fresh("j")
        item = cast(Typed(sql=name, type=json), target.items[1]).sql
        keys = cast(Typed(sql=f"sk_json_keys({sql})", type=array(VARCHAR)), array(target.items[0])).sql
        values = f"list_transform(sk_json_values({sql}), lambda {name}: {item})"
        return f"(CASE WHEN {sql} IS NULL OR {sql} = 'null' THEN NULL ELSE map({keys}, {values}) END)"
    if target.kind == "row":
        fields = []
        for index, (field, inner) in enumerate(zip(target.names, target.items, strict=True)):
            part = f"sk_json_field({sql}, {quote(field or '')}, CAST({index} AS BIGINT))"
            fields.append(f"f{index} := {cast(Typed(sql=part, type=json), inner).sql}")
        return f"(CASE WHEN {sql} IS NULL OR {sql} = 'null' THEN NULL ELSE struct_pack({', '.join(fields)}) END)"
    raise refused(f"CAST(json AS {target.text})")
