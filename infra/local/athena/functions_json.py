"""Functions of JSON documents."""

import re

from infra.local.athena import json as query_json
from infra.local.athena import json_path
from infra.local.athena.casts import cast, coerce
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, function, simple
from infra.local.athena.types import BIGINT, BOOLEAN, JSON, VARCHAR
from infra.local.athena.values import Typed, quote

simple("json_parse", "varchar", "json", "sk_json_parse({0})")
simple("json_format", "json", "varchar", "{0}")


def _document(call: Call) -> str:
    if call.arg(0).type.kind == "json":
        return call.arg(0).sql
    if call.arg(0).type.kind == "unknown":
        message = f"{call.position}: Could not choose a best candidate operator. Explicit type casts must be added."
        raise QueryError("AMBIGUOUS_FUNCTION_CALL", message)
    return call.given(0, VARCHAR)


def _path(call: Call) -> str:
    path = call.constant(1)
    query_json.parse_path(path)
    return quote(path)


@function("json_extract_scalar")
def _json_extract_scalar(call: Call) -> Typed:
    call.count(2)
    document, path = _document(call), _path(call)
    # Of what is parsed for one value of it the rest need not be written: most of the time of a large archive.
    if parsed := re.fullmatch(r"(TRY\()?sk_json_parse\((.*)\)", document, re.DOTALL):
        text = parsed[2].removesuffix(")") if parsed[1] else parsed[2]
        found = f"sk_json_parsed_scalar({text}, {path})"
        return Typed(sql=f"TRY({found})" if parsed[1] else found, type=VARCHAR)
    return Typed(sql=f"sk_json_extract_scalar({document}, {path})", type=VARCHAR)


@function("json_extract")
def _json_extract(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_json_extract({_document(call)}, {_path(call)})", type=JSON)


@function("json_array_length")
def _json_array_length(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"sk_json_array_length({_document(call)})", type=BIGINT)


@function("json_size")
def _json_size(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_json_size({_document(call)}, {_path(call)})", type=BIGINT)


@function("json_array_get")
def _json_array_get(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_json_array_get({_document(call)}, {call.given(1, BIGINT)})", type=JSON)


@function("json_array_contains")
def _json_array_contains(call: Call) -> Typed:
    call.count(2)
    wanted = call.arg(1)
    if wanted.type.kind not in {"boolean", "varchar", "double"} and not wanted.type.is_integer:
        raise call.unexpected()
    return Typed(sql=f"sk_json_array_contains({_document(call)}, {cast(wanted, JSON).sql})", type=BOOLEAN)


@function("is_json_scalar")
def _is_json_scalar(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"sk_json_is_scalar({_document(call)})", type=BOOLEAN)


def _walked(call: Call) -> tuple[str, str, str]:
    """The document, the path and the options of one of SQL's JSON functions."""
    path, options = call.constant(1), call.constant(2)
    json_path.parse(path)
    return _document(call), quote(path), options.replace("returning", "").strip()


@function("json_value")
def _json_value(call: Call) -> Typed:
    call.count(3, 6)
    document, path, options = _walked(call)
    more = list(range(3, len(call)))
    kind = call.arg(more.pop(0)).type if "returning" in call.constant(2) else VARCHAR
    found = f"sk_json_value({document}, {path}, {quote(options)})"
    read = cast(Typed(sql=found, type=VARCHAR), kind).sql if kind != VARCHAR else found
    branches = []
    for word, mark in (("default on empty", "empty"), ("default on error", "error")):
        if word in options:
            other = coerce(call.arg(more.pop(0)), kind)
            if other is None:
                raise call.unexpected()
            branches.append(f"WHEN {found} = chr(0) || '{mark}' THEN {other.sql}")
    if not branches:
        return Typed(sql=read, type=kind)
    return Typed(sql=f"(CASE {' '.join(branches)} ELSE {read} END)", type=kind)


@function("json_query")
def _json_query(call: Call) -> Typed:
    call.count(3)
    document, path, options = _walked(call)
    return Typed(sql=f"sk_json_query({document}, {path}, {quote(options)})", type=VARCHAR)


@function("json_exists")
def _json_exists(call: Call) -> Typed:
    call.count(3)
    document, path, options = _walked(call)
    return Typed(sql=f"sk_json_exists({document}, {path}, {quote(options)})", type=BOOLEAN)


def _member(call: Call, index: int) -> tuple[str, bool]:
    """A value as JSON text, and whether it can be NULL."""
    value = call.arg(index)
    return cast(value, JSON).sql, not value.is_literal or value.literal is None


@function("json_object")
def _json_object(call: Call) -> Typed:
    options = call.constant(0)
    if set(options.split()) - {"null", "absent", "on"}:
        raise refused(f"json_object with {options.upper()}")
    keys = [call.given(index, VARCHAR) for index in range(1, len(call), 2)]
    values = [_member(call, index)[0] for index in range(2, len(call), 2)]
    if not keys:
        return Typed(sql="'{}'", type=VARCHAR)
    listed = ", ".join(f"struct_pack(k := {key}, v := {value})" for key, value in zip(keys, values, strict=True))
    pairs = f"[{listed}]"
    if "absent" in options:
        pairs = f"list_filter({pairs}, lambda m: m.v IS NOT NULL)"
    names = f"list_transform({pairs}, lambda m: m.k)"
    texts = f"list_transform({pairs}, lambda m: coalesce(m.v, 'null'))"
    return Typed(sql=f"sk_json_object({names}, {texts})", type=VARCHAR)


@function("json_array")
def _json_array(call: Call) -> Typed:
    options = call.constant(0)
    if set(options.split()) - {"null", "absent", "on"}:
        raise refused(f"json_array with {options.upper()}")
    values = [_member(call, index)[0] for index in range(1, len(call))]
    if not values:
        return Typed(sql="'[]'", type=VARCHAR)
    listed = f"CAST([{', '.join(values)}] AS VARCHAR[])"
    kept = f"list_transform({listed}, lambda m: coalesce(m, 'null'))"
    if "null" not in options.split()[:1]:
        kept = f"list_filter({listed}, lambda m: m IS NOT NULL)"
    sql = f"(CASE WHEN len({kept}) = 0 THEN '[]' ELSE '[' || array_to_string({kept}, ',') || ']' END)"
    return Typed(sql=sql, type=VARCHAR)
