"""Functions of bytes, digests, addresses and encodings."""

from sqlglot import exp

from infra.local.athena.errors import QueryError
from infra.local.athena.functions import Call, function, simple
from infra.local.athena.types import BIGINT, INTEGER, REAL, VARBINARY, VARCHAR
from infra.local.athena.values import Typed, quote

simple("to_utf8", "varchar", "varbinary", "encode({0})")
simple("to_base64", "varbinary", "varchar", "to_base64({0})")
simple("to_base64url", "varbinary", "varchar", "sk_to_base64url({0})")
simple("to_base32", "varbinary", "varchar", "sk_to_base32({0})")
simple("to_hex", "varbinary", "varchar", "hex({0})")
simple("from_hex", "varchar", "varbinary", "sk_from_hex({0})")
simple("from_base64", "varchar", "varbinary", "sk_from_base64({0})")
simple("from_base64url", "varchar", "varbinary", "sk_from_base64url({0})")
simple("from_base32", "varchar", "varbinary", "sk_from_base32({0})")
simple("md5", "varbinary", "varbinary", "unhex(md5({0}))")
simple("sha1", "varbinary", "varbinary", "unhex(sha1({0}))")
simple("sha256", "varbinary", "varbinary", "unhex(sha256({0}))")
simple("sha512", "varbinary", "varbinary", "sk_sha512({0})")
simple("crc32", "varbinary", "bigint", "sk_crc32({0})")
simple("xxhash64", "varbinary", "varbinary", "sk_xxhash64({0})")
simple("to_big_endian_64", "bigint", "varbinary", "sk_to_big_endian({0}, CAST(8 AS BIGINT))")
simple("from_big_endian_64", "varbinary", "bigint", "sk_from_big_endian({0}, CAST(8 AS BIGINT))")
simple("to_big_endian_32", "integer", "varbinary", "sk_to_big_endian(CAST({0} AS BIGINT), CAST(4 AS BIGINT))")
simple("from_big_endian_32", "varbinary", "integer", "CAST(sk_from_big_endian({0}, CAST(4 AS BIGINT)) AS INTEGER)")
simple("to_ieee754_64", "double", "varbinary", "sk_to_ieee754({0}, CAST(8 AS BIGINT))")
simple("from_ieee754_64", "varbinary", "double", "sk_from_ieee754({0}, CAST(8 AS BIGINT))")
simple("url_extract_protocol", "varchar", "varchar", "sk_url_protocol({0})")
simple("url_extract_host", "varchar", "varchar", "sk_url_host({0})")
simple("url_extract_port", "varchar", "bigint", "sk_url_port({0})")
simple("url_extract_path", "varchar", "varchar", "sk_url_path({0})")
simple("url_extract_query", "varchar", "varchar", "sk_url_query({0})")
simple("url_extract_fragment", "varchar", "varchar", "sk_url_fragment({0})")
simple("url_extract_parameter", "varchar varchar", "varchar", "sk_url_parameter({0}, {1})")
simple("url_encode", "varchar", "varchar", "sk_url_encode({0})")
simple("url_decode", "varchar", "varchar", "sk_url_decode({0})")
simple("levenshtein_distance", "varchar varchar", "bigint", "sk_levenshtein({0}, {1})")
simple("hamming_distance", "varchar varchar", "bigint", "sk_hamming({0}, {1})")
simple("luhn_check", "varchar", "boolean", "sk_luhn({0})")
simple("translate", "varchar varchar varchar", "varchar", "sk_translate({0}, {1}, {2})")
simple("to_base", "bigint bigint", "varchar", "sk_to_base({0}, {1})")
simple("from_base", "varchar bigint", "bigint", "sk_from_base({0}, {1})")
simple("bit_count", "bigint bigint", "bigint", "sk_bit_count({0}, {1})")


@function("hmac_md5", "hmac_sha1", "hmac_sha256", "hmac_sha512")
def _hmac(call: Call) -> Typed:
    call.count(2)
    name = quote(call.name.removeprefix("hmac_"))
    return Typed(sql=f"sk_hmac({call.given(0, VARBINARY)}, {call.given(1, VARBINARY)}, {name})", type=VARBINARY)


@function("to_ieee754_32", "from_ieee754_32")
def _ieee754_32(call: Call) -> Typed:
    call.count(1)
    if call.name == "to_ieee754_32":
        value = f"CAST({call.given(0, REAL)} AS DOUBLE)"
        return Typed(sql=f"sk_to_ieee754({value}, CAST(4 AS BIGINT))", type=VARBINARY)
    return Typed(sql=f"CAST(sk_from_ieee754({call.given(0, VARBINARY)}, CAST(4 AS BIGINT)) AS FLOAT)", type=REAL)


@function("from_utf8")
def _from_utf8(call: Call) -> Typed:
    call.count(1, 2)
    sql = f"sk_from_utf8({call.given(0, VARBINARY)})"
    if len(call) == 2:
        sql = f"replace({sql}, chr(65533), {call.given(1, VARCHAR)})"
    return Typed(sql=sql, type=VARCHAR)


@function("codepoint")
def _codepoint(call: Call) -> Typed:
    call.count(1)
    return Typed(sql=f"ord({call.given(0, VARCHAR)})", type=INTEGER)


@function("normalize")
def _normalize(call: Call) -> Typed:
    call.count(1, 2)
    form = call.nodes[1].name.upper() if len(call) == 2 and isinstance(call.nodes[1], exp.Column) else "NFC"
    if form not in {"NFC", "NFD", "NFKC", "NFKD"}:
        raise QueryError("SYNTAX_ERROR", f"{call.position}: mismatched input '{form}'")
    return Typed(sql=f"sk_normalize({call.given(0, VARCHAR)}, {quote(form)})", type=VARCHAR)


@function("bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic")
def _shift(call: Call) -> Typed:
    call.count(2)
    value, bits = call.arg(0), call.given(1, BIGINT)
    size = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}.get(value.type.kind)
    if size is None:
        raise call.unexpected()
    whole = f"CAST({value.sql} AS HUGEINT)"
    mask, half = (1 << size) - 1, 1 << (size - 1)
    low = f"CAST('{mask}' AS HUGEINT)"
    if call.name == "bitwise_right_shift_arithmetic":
        made = f"({whole} >> CAST(least({bits}, {size}) AS INTEGER))"
        return Typed(sql=f"CAST(floor({value.sql} / power(2, least({bits}, 63))) AS {value.type.duckdb})"
                     if size < 64 else f"CAST({made} AS BIGINT)", type=value.type)  # fmt: skip
    moved = f"(({whole} & {low}) >> CAST({bits} AS INTEGER))"
    if call.name == "bitwise_left_shift":
        moved = f"((({whole} & {low}) * CAST(power(2, {bits}) AS HUGEINT)) & {low})"
    above = f"{moved} >= CAST('{half}' AS HUGEINT)"
    signed = f"(CASE WHEN {above} THEN {moved} - CAST('{mask + 1}' AS HUGEINT) ELSE {moved} END)"
    outside = f"{bits} >= {size}"
    return Typed(sql=f"CAST((CASE WHEN {outside} THEN 0 ELSE {signed} END) AS {value.type.duckdb})", type=value.type)
