"""Functions of text and regular expressions."""

import re
from typing import Final

from sqlglot import exp

from infra.local.athena import formats
from infra.local.athena import regex as query_regex
from infra.local.athena.casts import to_text
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, function, simple
from infra.local.athena.operators import concatenate
from infra.local.athena.types import BIGINT, BOOLEAN, INTEGER, VARBINARY, VARCHAR, array, mapping
from infra.local.athena.values import Typed, failing, quote

# What Java's Character.isWhitespace takes, which is what Trino trims.
_BLANKS: Final = "".join(
    map(chr, [*range(9, 14), *range(0x1C, 0x21), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029,
              0x205F, 0x3000])
)  # fmt: skip

simple("starts_with", "varchar varchar", "boolean", "starts_with({0}, {1})")


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


@function("trim", "ltrim", "rtrim")
def _trim(call: Call) -> Typed:
    call.count(1, 2)
    letters = call.given(1, VARCHAR) if len(call) == 2 else quote(_BLANKS)
    text = call.given(0, VARCHAR)
    return Typed(sql=f"(CASE WHEN {letters} = '' THEN {text} ELSE {call.name}({text}, {letters}) END)", type=VARCHAR)


@function("substr", "substring")
def _substr(call: Call) -> Typed:
    call.count(2, 3)
    if call.arg(0).type.kind == "varbinary":
        # Of bytes: as many hexadecimal pairs.
        return _substr_bytes(call)
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


def _substr_bytes(call: Call) -> Typed:
    data, start = call.arg(0).sql, call.given(1, BIGINT)
    count = f"octet_length({data})"
    begin = f"(CASE WHEN {start} < 0 THEN {count} + {start} + 1 ELSE {start} END)"
    size = call.given(2, BIGINT) if len(call) == 3 else count
    outside = f"{start} = 0 OR {begin} < 1 OR {begin} > {count} OR {size} <= 0"
    cut = f"unhex(substr(hex({data}), 2 * {begin} - 1, 2 * {size}))"
    null = f"{data} IS NULL OR {start} IS NULL OR {size} IS NULL"
    return Typed(
        sql=f"(CASE WHEN {null} THEN NULL WHEN {outside} THEN CAST('' AS BLOB) ELSE {cut} END)", type=VARBINARY
    )


@function("concat")
def _concat(call: Call) -> Typed:
    call.count(2, 254)
    return concatenate(call.args, call.position)


@function("concat_ws")
def _concat_ws(call: Call) -> Typed:
    call.count(2, 254)
    if len(call) == 2 and call.arg(1).type.kind == "array":
        listed, between = call.given(1, array(VARCHAR)), call.given(0, VARCHAR)
        kept = f"list_filter({listed}, lambda w: w IS NOT NULL)"
        joined = f"(CASE WHEN len({kept}) = 0 THEN '' ELSE array_to_string({kept}, {between}) END)"
        return Typed(sql=f"(CASE WHEN {listed} IS NULL OR {between} IS NULL THEN NULL ELSE {joined} END)", type=VARCHAR)
    given = [call.given(index, VARCHAR) for index in range(len(call))]
    return Typed(sql=f"(CASE WHEN {given[0]} IS NULL THEN NULL ELSE concat_ws({', '.join(given)}) END)", type=VARCHAR)


@function("replace")
def _replace(call: Call) -> Typed:
    call.count(2, 3)
    new = call.given(2, VARCHAR) if len(call) == 3 else "''"
    if not call.constant(1):
        between = f"array_to_string(string_split({call.given(0, VARCHAR)}, ''), {new})"
        return Typed(sql=f"({new} || {between} || {new})", type=VARCHAR)
    return Typed(sql=f"replace({call.given(0, VARCHAR)}, {call.given(1, VARCHAR)}, {new})", type=VARCHAR)


def _delimiter(call: Call) -> str:
    if not call.constant(1):
        raise refused(f"{call.name} at the empty string")
    return call.given(1, VARCHAR)


@function("split")
def _split(call: Call) -> Typed:
    call.count(2, 3)
    if len(call) == 3:
        sql = f"sk_split_limit({call.given(0, VARCHAR)}, {_delimiter(call)}, {call.given(2, BIGINT)})"
        return Typed(sql=sql, type=array(VARCHAR))
    return Typed(sql=f"string_split({call.given(0, VARCHAR)}, {_delimiter(call)})", type=array(VARCHAR))


@function("split_to_map", "split_to_multimap")
def _split_to_map(call: Call) -> Typed:
    call.count(3)
    text, entries, pair = (call.given(index, VARCHAR) for index in range(3))
    found = f"sk_split_pairs({text}, {entries}, {pair})"
    keys, values = (f"list_slice({found}, {first}, len({found}), 2)" for first in (1, 2))
    if call.name == "split_to_map":
        sql = f"map({keys}, {values})"
        return Typed(sql=f"(CASE WHEN {text} IS NULL THEN NULL ELSE {sql} END)", type=mapping(VARCHAR, VARCHAR))
    names = f"list_distinct({keys})"
    listed = f"list_transform({names}, lambda n: list_filter({values}, lambda v, i: ({keys})[i] = n))"
    sql = f"map({names}, {listed})"
    return Typed(sql=f"(CASE WHEN {text} IS NULL THEN NULL ELSE {sql} END)", type=mapping(VARCHAR, array(VARCHAR)))


@function("strpos")
def _strpos(call: Call) -> Typed:
    call.count(2, 3)
    if len(call) == 3:
        sql = f"sk_nth_position({call.given(0, VARCHAR)}, {call.given(1, VARCHAR)}, {call.given(2, BIGINT)})"
        return Typed(sql=sql, type=BIGINT)
    return Typed(sql=f"strpos({call.given(0, VARCHAR)}, {call.given(1, VARCHAR)})", type=BIGINT)


@function("length")
def _length(call: Call) -> Typed:
    call.count(1)
    if call.arg(0).type.kind == "varbinary":
        return Typed(sql=f"octet_length({call.arg(0).sql})", type=BIGINT)
    return Typed(sql=f"length({call.given(0, VARCHAR)})", type=BIGINT)


@function("chr")
def _chr(call: Call) -> Typed:
    call.count(1)
    code = call.given(0, BIGINT)
    bad = failing("INVALID_FUNCTION_ARGUMENT: Not a valid Unicode code point", VARCHAR)
    outside = f"{code} < 0 OR {code} > 1114111 OR {code} BETWEEN 55296 AND 57343"
    return Typed(sql=f"(CASE WHEN {outside} THEN {bad} ELSE chr(CAST({code} AS INTEGER)) END)", type=VARCHAR)


@function("format")
def _format(call: Call) -> Typed:
    call.count(1, 254)
    pattern = call.constant(0)
    used = formats.check(pattern)
    texts = []
    for index, letter in used:
        if index + 1 >= len(call):
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{call.position}: Invalid format string: {pattern}")
        texts.append((index, _written(call, call.arg(index + 1), letter)))
    listed = [next((text for place, text in texts if place == index), "NULL") for index in range(len(call) - 1)]
    return Typed(sql=f"sk_format({quote(pattern)}, CAST([{', '.join(listed)}] AS VARCHAR[]))", type=VARCHAR)


def _written(call: Call, value: Typed, letter: str) -> str:
    kind = value.type.kind
    if kind == "unknown":
        return "NULL"
    fits = {"d": value.type.is_integer, "x": value.type.is_integer, "X": value.type.is_integer,
            "f": kind in {"double", "real", "decimal"}}.get(letter, True)  # fmt: skip
    if not fits:
        message = f"{call.position}: Invalid format string: %{letter} of {value.type.text}"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", message)
    if kind in {"double", "real"}:
        return f"sk_json_number(CAST({value.sql} AS DOUBLE))" if kind == "double" else f"sk_json_real({value.sql})"
    if kind not in {"varchar", "boolean", "date", "decimal", "json"} and not value.type.is_integer:
        raise refused(f"function format of {value.type.text}", advice="cast it to varchar")
    return f"CAST({to_text(value)} AS VARCHAR)"


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
    if call.arg(0).type.kind == "varbinary":
        return _pad_bytes(call)
    if not call.constant(2):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Padding string must not be empty")
    text, size = call.given(0, VARCHAR), call.given(1, BIGINT)
    bad = failing("INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]", VARCHAR)
    padded = f"{call.name}({text}, CAST({size} AS INTEGER), {call.given(2, VARCHAR)})"
    return Typed(sql=f"(CASE WHEN {size} < 0 THEN {bad} ELSE {padded} END)", type=VARCHAR)


def _pad_bytes(call: Call) -> Typed:
    data, size, padding = call.arg(0).sql, call.given(1, BIGINT), call.given(2, VARBINARY)
    bad = failing("INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]", VARBINARY)
    short = f"greatest({size} - octet_length({data}), 0)"
    filler = f"substr(repeat(hex({padding}), CAST({short} AS BIGINT)), 1, CAST(2 * {short} AS BIGINT))"
    whole = f"{filler} || hex({data})" if call.name == "lpad" else f"hex({data}) || {filler}"
    cut = f"(CASE WHEN {short} = 0 THEN substr(hex({data}), 1, CAST(2 * {size} AS BIGINT)) ELSE {whole} END)"
    return Typed(sql=f"(CASE WHEN {size} < 0 THEN {bad} ELSE unhex({cut}) END)", type=VARBINARY)


def pattern_of(call: Call) -> str:
    """The pattern argument, checked to mean the same in both engines."""
    if call.arg(1).type.kind == "unknown":
        return "CAST(NULL AS VARCHAR)"
    pattern = call.constant(1)
    query_regex.check_pattern(pattern)
    return quote(pattern)


@function("regexp_like")
def _regexp_like(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_regexp_like({call.given(0, VARCHAR)}, {pattern_of(call)})", type=BOOLEAN)


@function("regexp_extract", "regexp_extract_all")
def _regexp_extract(call: Call) -> Typed:
    call.count(2, 3)
    group = call.given(2, BIGINT) if len(call) == 3 else "CAST(0 AS BIGINT)"
    pattern = pattern_of(call)
    kind = VARCHAR if call.name == "regexp_extract" else array(VARCHAR)
    return Typed(sql=f"sk_{call.name}({call.given(0, VARCHAR)}, {pattern}, {group})", type=kind)


@function("regexp_count")
def _regexp_count(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_regexp_count({call.given(0, VARCHAR)}, {pattern_of(call)})", type=BIGINT)


@function("regexp_position")
def _regexp_position(call: Call) -> Typed:
    call.count(2, 4)
    start = call.given(2, BIGINT) if len(call) > 2 else "CAST(1 AS BIGINT)"
    nth = call.given(3, BIGINT) if len(call) > 3 else "CAST(1 AS BIGINT)"
    sql = f"sk_regexp_position({call.given(0, VARCHAR)}, {pattern_of(call)}, {start}, {nth})"
    return Typed(sql=f"CAST({sql} AS INTEGER)", type=INTEGER)


@function("regexp_split")
def _regexp_split(call: Call) -> Typed:
    call.count(2)
    return Typed(sql=f"sk_regexp_split({call.given(0, VARCHAR)}, {pattern_of(call)})", type=array(VARCHAR))


@function("regexp_replace")
def _regexp_replace(call: Call) -> Typed:
    call.count(2, 3)
    if len(call) == 3 and isinstance(call.nodes[2], exp.Lambda):
        raise refused("regexp_replace with a function")
    new = call.constant(2) if len(call) == 3 else ""
    if re.search(r"\$\d\d", new):
        raise refused("regexp_replace with a group above $9")
    pattern = pattern_of(call)
    return Typed(sql=f"sk_regexp_replace({call.given(0, VARCHAR)}, {pattern}, {quote(new)})", type=VARCHAR)
