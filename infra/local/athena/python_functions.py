"""The functions of a session that DuckDB has not: Python, called for each row."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from infra.local.athena import bytes_functions, formats, json_path, rendering, time_patterns, urls
from infra.local.athena import json as query_json
from infra.local.athena import regex as query_regex
from infra.local.athena import text as query_text
from infra.local.athena.errors import QueryError


def _fail(message: str) -> str:
    name, _, text = message.partition(": ")
    raise QueryError(name, text)


def _double_to_decimal(value: float, scale: int) -> str:
    step = Decimal(1).scaleb(-scale)
    try:
        shown = Decimal(repr(value)).quantize(step, rounding=ROUND_HALF_UP)
    except ArithmeticError:
        raise QueryError("INVALID_CAST_ARGUMENT", "Cannot cast a double to that decimal") from None
    return format(shown, "f")


def _refuse(doubt: bool, message: str) -> bool:
    if doubt:
        raise QueryError("NOT_SUPPORTED", message)
    return False


def _bad_data(message: str, _: int) -> str:
    return _fail(message)


def _from_utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# name: (function, DuckDB types of the arguments, of the answer)
FUNCTIONS: Final[dict[str, tuple[Callable[..., object], list[str], str]]] = {
    "sk_fail": (_fail, ["VARCHAR"], "VARCHAR"),
    "sk_bad_data": (_bad_data, ["VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_refuse": (_refuse, ["BOOLEAN", "VARCHAR"], "BOOLEAN"),
    "sk_double_text": (query_text.double_to_varchar, ["DOUBLE"], "VARCHAR"),
    "sk_real_text": (query_text.real_to_varchar, ["FLOAT"], "VARCHAR"),
    "sk_double_to_decimal": (_double_to_decimal, ["DOUBLE", "INTEGER"], "VARCHAR"),
    "sk_lower": (query_text.lower, ["VARCHAR"], "VARCHAR"),
    "sk_upper": (query_text.upper, ["VARCHAR"], "VARCHAR"),
    "sk_reverse": (query_text.reverse, ["VARCHAR"], "VARCHAR"),
    "sk_from_utf8": (_from_utf8, ["BLOB"], "VARCHAR"),
    "sk_xxhash64": (query_text.xxhash64, ["BLOB"], "BLOB"),
    "sk_url_protocol": (urls.protocol, ["VARCHAR"], "VARCHAR"),
    "sk_url_host": (urls.host, ["VARCHAR"], "VARCHAR"),
    "sk_url_port": (urls.port, ["VARCHAR"], "BIGINT"),
    "sk_url_path": (urls.path, ["VARCHAR"], "VARCHAR"),
    "sk_regexp_like": (query_regex.like, ["VARCHAR", "VARCHAR"], "BOOLEAN"),
    "sk_regexp_extract": (query_regex.extract, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_regexp_extract_all": (query_regex.extract_all, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR[]"),
    "sk_regexp_count": (query_regex.count, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_regexp_position": (query_regex.position, ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT"], "BIGINT"),
    "sk_regexp_split": (query_regex.split, ["VARCHAR", "VARCHAR"], "VARCHAR[]"),
    "sk_regexp_replace": (query_regex.replace, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_extract_scalar": (query_json.extract_scalar, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_parsed_scalar": (query_json.parsed_scalar, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_extract": (query_json.extract, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_parse": (query_json.parse, ["VARCHAR"], "VARCHAR"),
    "sk_json_array_length": (query_json.array_length, ["VARCHAR"], "BIGINT"),
    "sk_json_size": (query_json.size, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_json_unsorted": (query_json.parse_unsorted, ["VARCHAR"], "VARCHAR"),
    "sk_json_quote": (query_json.quoted, ["VARCHAR"], "VARCHAR"),
    "sk_json_to_varchar": (query_json.to_varchar, ["VARCHAR"], "VARCHAR"),
    "sk_json_to_bigint": (query_json.to_bigint, ["VARCHAR"], "BIGINT"),
    "sk_json_to_double": (query_json.to_double, ["VARCHAR"], "DOUBLE"),
    "sk_json_to_boolean": (query_json.to_boolean, ["VARCHAR"], "BOOLEAN"),
    "sk_json_elements": (query_json.to_elements, ["VARCHAR"], "VARCHAR[]"),
    "sk_json_keys": (query_json.to_keys, ["VARCHAR"], "VARCHAR[]"),
    "sk_json_values": (query_json.to_values, ["VARCHAR"], "VARCHAR[]"),
    "sk_iso_micros": (time_patterns.iso_micros, ["VARCHAR"], "BIGINT"),
    "sk_url_query": (urls.query, ["VARCHAR"], "VARCHAR"),
    "sk_url_fragment": (urls.fragment, ["VARCHAR"], "VARCHAR"),
    "sk_url_parameter": (urls.parameter, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_url_encode": (urls.encode, ["VARCHAR"], "VARCHAR"),
    "sk_url_decode": (urls.decode, ["VARCHAR"], "VARCHAR"),
    "sk_sha512": (bytes_functions.sha512, ["BLOB"], "BLOB"),
    "sk_hmac": (bytes_functions.keyed, ["BLOB", "BLOB", "VARCHAR"], "BLOB"),
    "sk_crc32": (bytes_functions.crc32, ["BLOB"], "BIGINT"),
    "sk_from_hex": (bytes_functions.from_hex, ["VARCHAR"], "BLOB"),
    "sk_from_base64": (bytes_functions.from_base64, ["VARCHAR"], "BLOB"),
    "sk_from_base64url": (bytes_functions.from_base64url, ["VARCHAR"], "BLOB"),
    "sk_to_base64url": (bytes_functions.to_base64url, ["BLOB"], "VARCHAR"),
    "sk_to_base32": (bytes_functions.to_base32, ["BLOB"], "VARCHAR"),
    "sk_from_base32": (bytes_functions.from_base32, ["VARCHAR"], "BLOB"),
    "sk_to_big_endian": (bytes_functions.to_big_endian, ["BIGINT", "BIGINT"], "BLOB"),
    "sk_from_big_endian": (bytes_functions.from_big_endian, ["BLOB", "BIGINT"], "BIGINT"),
    "sk_to_ieee754": (bytes_functions.to_ieee754, ["DOUBLE", "BIGINT"], "BLOB"),
    "sk_from_ieee754": (bytes_functions.from_ieee754, ["BLOB", "BIGINT"], "DOUBLE"),
    "sk_to_base": (bytes_functions.to_base, ["BIGINT", "BIGINT"], "VARCHAR"),
    "sk_from_base": (bytes_functions.from_base, ["VARCHAR", "BIGINT"], "BIGINT"),
    "sk_bit_count": (bytes_functions.bit_count, ["BIGINT", "BIGINT"], "BIGINT"),
    "sk_normalize": (bytes_functions.normalize, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_translate": (bytes_functions.translate, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_split_limit": (bytes_functions.split_limit, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR[]"),
    "sk_nth_position": (bytes_functions.nth_position, ["VARCHAR", "VARCHAR", "BIGINT"], "BIGINT"),
    "sk_split_pairs": (bytes_functions.split_pairs, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR[]"),
    "sk_levenshtein": (bytes_functions.levenshtein, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_hamming": (bytes_functions.hamming, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_luhn": (bytes_functions.luhn, ["VARCHAR"], "BOOLEAN"),
    "sk_format": (formats.fill, ["VARCHAR", "VARCHAR[]"], "VARCHAR"),
    "sk_json_number": (query_text.double_text, ["DOUBLE"], "VARCHAR"),
    "sk_json_real": (query_text.real_text, ["FLOAT"], "VARCHAR"),
    "sk_json_members": (query_json.members, ["VARCHAR[]", "VARCHAR[]"], "VARCHAR"),
    "sk_json_object": (query_json.made_object, ["VARCHAR[]", "VARCHAR[]"], "VARCHAR"),
    "sk_json_field": (query_json.field, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_json_to_decimal": (query_json.to_decimal, ["VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_json_array_get": (query_json.array_get, ["VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_json_array_contains": (query_json.array_contains, ["VARCHAR", "VARCHAR"], "BOOLEAN"),
    "sk_json_is_scalar": (query_json.is_scalar, ["VARCHAR"], "BOOLEAN"),
    "sk_json_value": (json_path.value, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_query": (json_path.query, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_exists": (json_path.exists, ["VARCHAR", "VARCHAR", "VARCHAR"], "BOOLEAN"),
    "sk_date_parse": (time_patterns.mysql_micros, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_parse_datetime": (time_patterns.joda_micros, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_iso_utc_micros": (time_patterns.iso_utc_micros, ["VARCHAR"], "BIGINT"),
    "sk_interval_text": (rendering.interval_text, ["BIGINT", "VARCHAR"], "VARCHAR"),
    "sk_iso_date": (time_patterns.iso_date, ["VARCHAR"], "VARCHAR"),
}
