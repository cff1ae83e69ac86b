"""Functions of text, bytes, regular expressions and JSON."""

import re
from typing import Final

from infra.local.athena import json as query_json
from infra.local.athena import regex as query_regex
from infra.local.athena.errors import refused
from infra.local.athena.functions import Call, function, simple
from infra.local.athena.operators import concatenate
from infra.local.athena.types import BIGINT, BOOLEAN, JSON, VARBINARY, VARCHAR, array
from infra.local.athena.values import Typed, failing, quote

# What Java's Character.isWhitespace takes, which is what Trino trims.
_BLANKS: Final = "".join(
    map(chr, [*range(9, 14), *range(0x1C, 0x21), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029,
              0x205F, 0x3000])
)  # fmt: skip

simple("length", "varchar", "bigint", "length({0})")
simple("strpos", "varchar varchar", "bigint", "strpos({0}, {1})")
simple("starts_with", "varchar varchar", "boolean", "starts_with({0}, {1})")
simple("chr", "bigint", "varchar", "chr(CAST({0} AS INTEGER))")
simple("to_utf8", "varchar", "varbinary", "encode({0})")
simple("to_base64", "varbinary", "varchar", "to_base64({0})")
simple("to_hex", "varbinary", "varchar", "hex({0})")
simple("md5", "varbinary", "varbinary", "unhex(md5({0}))")
simple("sha1", "varbinary", "varbinary", "unhex(sha1({0}))")
simple("sha256", "varbinary", "varbinary", "unhex(sha256({0}))")
simple("xxhash64", "varbinary", "varbinary", "sk_xxhash64({0})")
simple("url_extract_protocol", "varchar", "varchar", "sk_url_protocol({0})")
simple("url_extract_host", "varchar", "varchar", "sk_url_host({0})")
simple("url_extract_port", "varchar", "bigint", "sk_url_port({0})")
simple("url_extract_path", "varchar", "varchar", "sk_url_path({0})")
simple("json_parse", "varchar", "json", "sk_json_parse({0})")
simple("json_format", "json", "varchar", "{0}")


def _by_characters(call: Call, ascii_sql: str) -> Typed:
    call.count(1)
    text = call.given(0, VARCHAR)
    plain = ascii_sql.format(text)
    return Typed(
        sql=f"(CASE WHEN strlen({text}) = length({text}) THEN {plain} ELSE sk_{call.name}({text}) END)", type=VARCHAR
    )


@function("lower", "upper")
def _case(call: Call) -> Typed:
    return _by_characters(call, f"{call.name}({{0}})")


@function("from_utf8")
def _from_utf8(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"sk_from_utf8({call.given(0, VARBINARY)})", type=VARCHAR)


@function("from_hex", "from_base64")
def _from_text(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"{call.name}({call.given(0, VARCHAR)})", type=VARBINARY)


@function("trim", "ltrim", "rtrim")
def _trim(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"{call.name}({call.given(0, VARCHAR)}, {quote(_BLANKS)})", type=VARCHAR)


@function("substr", "substring")
def _substr(call: Call) -> Typed:
    call.count(2, 3)
    text, start = call.given(0, VARCHAR), call.given(1, BIGINT)
    outside = f"{start} = 0 OR {start} > length({text}) OR {start} < - length({text})"
    cut = f"substr({text}, {start})"
    if len(call) == 3:
        size = call.given(2, BIGINT)
        outside += f" OR {size} <= 0"
        begin = f"(CASE WHEN {start} < 0 THEN length({text}) + {start} + 1 ELSE {start} END)"
        cut = f"substr({text}, {begin}, {size})"
        null = f"{text} IS NULL OR {start} IS NULL OR {size} IS NULL"
    else:
        null = f"{text} IS NULL OR {start} IS NULL"
    return Typed(sql=f"(CASE WHEN {null} THEN NULL WHEN {outside} THEN '' ELSE {cut} END)", type=VARCHAR)


@function("concat")
def _concat(call: Call) -> Typed:
    call.count(2, 254)
    return concatenate(call.args, call.position)


@function("concat_ws")
def _concat_ws(call: Call) -> Typed:
    call.count(2, 254)
    given = [call.given(index, VARCHAR) for index in range(len(call))]
    return Typed(sql=f"(CASE WHEN {given[0]} IS NULL THEN NULL ELSE concat_ws({', '.join(given)}) END)", type=VARCHAR)


@function("replace")
def _replace(call: Call) -> Typed:
    call.count(2, 3)
    if not call.constant(1):
        raise refused("replace of the empty string")
    new = call.given(2, VARCHAR) if len(call) == 3 else "''"
    return Typed(sql=f"replace({call.given(0, VARCHAR)}, {call.given(1, VARCHAR)}, {new})", type=VARCHAR)


def _delimiter(call: Call) -> str:
    if not call.constant(1):
        raise refused(f"{call.name} at the empty string")
    return call.given(1, VARCHAR)


@function("split")
def _split(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"string_split({call.given(0, VARCHAR)}, {_delimiter(call)})", type=array(VARCHAR))


@function("split_part")
def _split_part(call: Call) -> Typed:
    call.count(3)
    index = call.given(2, BIGINT)
    bad = failing("INVALID_FUNCTION_ARGUMENT: Index must be greater than zero", VARCHAR)
    part = f"(string_split({call.given(0, VARCHAR)}, {_delimiter(call)}))[{index}]"
    return Typed(sql=f"(CASE WHEN {index} < 1 THEN {bad} ELSE {part} END)", type=VARCHAR)


@function("lpad", "rpad")
def _pad(call: Call) -> Typed:
    call.count(3)
    if not call.constant(2):
        raise refused(f"{call.name} with an empty padding")
    text, size = call.given(0, VARCHAR), call.given(1, BIGINT)
    bad = failing("INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]", VARCHAR)
    padded = f"{call.name}({text}, CAST({size} AS INTEGER), {call.given(2, VARCHAR)})"
    return Typed(sql=f"(CASE WHEN {size} < 0 THEN {bad} ELSE {padded} END)", type=VARCHAR)


def pattern_of(call: Call, *, walks: bool = False) -> str:
    """The pattern argument, checked to mean the same in both engines."""
    pattern = call.constant(1)
    query_regex.check_pattern(pattern)
    if walks and query_regex.can_be_empty(pattern):
        raise refused(f"{call.name} with a pattern that can match nothing")
    return quote(pattern)


@function("regexp_like")
def _regexp_like(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_regexp_like({call.given(0, VARCHAR)}, {pattern_of(call)})", type=BOOLEAN)


@function("regexp_extract", "regexp_extract_all")
def _regexp_extract(call: Call) -> Typed:
    call.count(2, 3)
    group = call.given(2, BIGINT) if len(call) == 3 else "CAST(0 AS BIGINT)"
    pattern = pattern_of(call, walks=call.name == "regexp_extract_all")
    kind = VARCHAR if call.name == "regexp_extract" else array(VARCHAR)
    return Typed(sql=f"sk_{call.name}({call.given(0, VARCHAR)}, {pattern}, {group})", type=kind)


@function("regexp_count", "regexp_position")
def _regexp_count(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_{call.name}({call.given(0, VARCHAR)}, {pattern_of(call, walks=True)})", type=BIGINT)


@function("regexp_split")
def _regexp_split(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_regexp_split({call.given(0, VARCHAR)}, {pattern_of(call, walks=True)})", type=array(VARCHAR))


@function("regexp_replace")
def _regexp_replace(call: Call) -> Typed:
    call.count(2, 3)
    new = call.constant(2) if len(call) == 3 else ""
    if re.search(r"\$\d\d|\$\{", new):
        raise refused("regexp_replace with a group above $9 or a named group")
    pattern = pattern_of(call, walks=True)
    return Typed(sql=f"sk_regexp_replace({call.given(0, VARCHAR)}, {pattern}, {quote(new)})", type=VARCHAR)


def _document(call: Call) -> str:
    if call.arg(0).type.kind == "json":
        return call.arg(0).sql
    return call.given(0, VARCHAR)


def _path(call: Call) -> str:
    path = call.constant(1)
    query_json.parse_path(path)
    return quote(path)


@function("json_extract_scalar")
def _json_extract_scalar(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_json_extract_scalar({_document(call)}, {_path(call)})", type=VARCHAR)


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
