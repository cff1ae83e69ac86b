"""Record format conversion: OpenX's rules, nothing coerced in silence, and a fast reader that never differs."""

import json
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.catalog.lake import arrow_schema
from infra.local.firehose.conversion import Converter
from infra.local.firehose.openx import PARSE_ERROR
from infra.local.firehose.openx_options import OpenXOptions
from infra.local.firehose.openx_values import MALFORMED

VERDICT_LIKE = arrow_schema(
    [
        ("id", "string"),
        ("at", "timestamp"),
        ("day", "date"),
        ("n", "int"),
        ("tiny", "tinyint"),
        ("big", "bigint"),
        ("score", "double"),
        ("ratio", "float"),
        ("ok", "boolean"),
        ("labels", "array<string>"),
        ("signals", "array<struct<detector:string,score:double,hits:int>>"),
    ]
)


def convert_one(hive: str, value_json: str) -> tuple[str, Any]:
    """What one column makes of one JSON value: ('value', it) or ('error', the code)."""
    result = Converter(arrow_schema([("c", hive)])).convert([b'{"c":' + value_json.encode() + b"}"])
    if result.failures:
        return "error", result.failures[0].code
    return "value", result.table.column("c").to_pylist()[0]


FITS = [
    ("int", "1", 1),
    ("int", "-0", 0),
    ("int", '"1"', 1),
    ("int", '"0x1F"', 31),
    ("int", "null", None),
    ("tinyint", "-128", -128),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("bigint", "9007199254740993", 9007199254740993),
    ("double", "1", 1.0),
    ("double", '"1.5e3"', 1500.0),
    ("double", "0.1", 0.1),
    ("float", "0.5", 0.5),
    ("decimal(5,2)", "1.25", Decimal("1.25")),
    ("decimal(5,2)", '"1.2"', Decimal("1.20")),
    ("decimal(5,2)", "1.250", Decimal("1.25")),
    ("boolean", "true", True),
    ("boolean", '"FALSE"', False),
    ("string", '"x"', "x"),
    ("string", '""', ""),
    ("string", "1.50", "1.50"),
    ("string", "true", "true"),
    ("string", '{"a": [1, "x"]}', '{"a":[1,"x"]}'),
    ("string", r'"\u0000"', "\x00"),
    ("string", r'"\ud83d\ude00"', "😀"),
    ("date", '"2026-11-20"', date(2026, 11, 20)),
    ("date", '"2026-1-2"', date(2026, 1, 2)),
    ("timestamp", '"2026-11-20 10:00:00"', datetime(2026, 11, 20, 10)),
    ("timestamp", '"2026-11-20 10:00:00.5"', datetime(2026, 11, 20, 10, 0, 0, 500_000)),
    ("timestamp", '"2026-1-2 3:4:5"', datetime(2026, 1, 2, 3, 4, 5)),
    ("timestamp", '"2017-02-07T15:13:01.39256Z"', datetime(2017, 2, 7, 15, 13, 1, 392_560)),
    ("timestamp", '"2017-02-07T15:13:01.123456000Z"', datetime(2017, 2, 7, 15, 13, 1, 123_456)),
    ("timestamp", '"2017-02-07T15:13:01"', datetime(2017, 2, 7, 15, 13, 1)),
    ("timestamp", "1518033528", datetime(2018, 2, 7, 19, 58, 48)),
    ("timestamp", "1518033528123", datetime(2018, 2, 7, 19, 58, 48, 123_000)),
    ("timestamp", "1518033528.123", datetime(2018, 2, 7, 19, 58, 48, 123_000)),
    ("timestamp", '"1518033528"', datetime(2018, 2, 7, 19, 58, 48)),
    ("binary", '"AAE="', b"\x00\x01"),
    ("array<string>", '["a",null,1]', ["a", None, "1"]),
    ("array<string>", '"a"', ["a"]),
    ("array<string>", '""', None),
    ("array<int>", "7", [7]),
    ("struct<a:int,b:string>", '{"A":1,"other":2}', {"a": 1, "b": None}),
    ("struct<a:int,b:string>", '[1,"x"]', {"a": 1, "b": "x"}),
    ("struct<a:int,b:string>", '" "', None),
    ("map<string,int>", '{"K":1,"j":null}', [("k", 1), ("j", None)]),
    ("array<struct<t:timestamp>>", '[{"t":"2026-11-20 10:00:00"}]', [{"t": datetime(2026, 11, 20, 10)}]),
]


@pytest.mark.parametrize(("hive", "value", "expected"), FITS)
def test_a_value_that_openx_documents_is_read(hive: str, value: str, expected: object) -> None:
    assert convert_one(hive, value) == ("value", expected)


DOES_NOT_FIT = [
    ("int", "1.9"),
    ("int", "1.0"),
    ("int", "1e2"),
    ("int", '"1.9"'),
    ("int", '" 1"'),
    ("int", '"1_0"'),
    ("int", '"١"'),
    ("int", "true"),
    ("int", "[1]"),
    ("int", "2147483648"),
    ("tinyint", "128"),
    ("bigint", "9223372036854775808"),
    ("bigint", "1" * 5000),
    ("double", '"oops"'),
    ("double", '"NaN"'),
    ("double", "1e400"),
    ("float", "1e39"),
    ("decimal(5,2)", "1.255"),
    ("decimal(5,2)", "1000"),
    ("decimal(5,2)", '"1e9999"'),
    ("boolean", '"yes"'),
    ("boolean", "1"),
    ("date", '"2026-02-30"'),
    ("date", '"20261120"'),
    ("date", "20000"),
    ("timestamp", '"2026-11-20"'),
    ("timestamp", '"2026-11-20 10:00"'),
    ("timestamp", '"2026-11-20 24:00:00"'),
    ("timestamp", '"2026-11-20 23:59:60"'),
    ("timestamp", '"2026-11-20 10:00:00+01:00"'),
    ("timestamp", '"2026-11-20T10:00:00+01:00"'),
    ("timestamp", '"2026-9-7T12:00:02Z"'),
    ("timestamp", '"2017-02-07T15:13:01.123456789Z"'),
    ("timestamp", '"0000-01-01 00:00:00"'),
    ("timestamp", "99999999999999999"),
    ("timestamp", "true"),
    ("binary", '"not base64!"'),
    ("array<int>", '["x"]'),
    ("struct<a:int>", '{"a":"x"}'),
    ("struct<a:int>", "5"),
    ("map<string,int>", "[1]"),
    ("map<string,int>", '{"a":1.5}'),
]


@pytest.mark.parametrize(("hive", "value"), DOES_NOT_FIT)
def test_a_value_that_does_not_fit_is_malformed_data_and_never_changed(hive: str, value: str) -> None:
    assert convert_one(hive, value) == ("error", MALFORMED)


NOT_JSON = [
    b"",
    b"   ",
    b"oops",
    b'{"id":',
    b'{"id":"a"} x',
    b'{"id":"a","id":"b"}',
    b'{"id":"a","ID":"b"}',
    b'{"id":NaN}',
    b'{"score":Infinity}',
    b'{"id":"\xff"}',
    b'{"other":"\xff"}',
    b'{"id":"\xed\xa0\x80"}',
    rb'{"id":"\ud800"}',
    b'\xef\xbb\xbf{"id":"a"}',
    b'{"id":"\x01"}',
    b"{'id':'a'}",
    b'{"n":01}',
    b'{"id":"a",}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("record", NOT_JSON)
def test_what_is_not_json_is_a_parse_error(record: bytes) -> None:
    failures = Converter(VERDICT_LIKE).convert([record]).failures

    assert [failure.code for failure in failures] == [PARSE_ERROR]


@pytest.mark.parametrize("record", [b"[]", b'[{"id":"a"}]', b'"a"', b"1", b"null", b'{"id":"a"} null'])
def test_json_that_is_no_object_does_not_fit(record: bytes) -> None:
    failures = Converter(VERDICT_LIKE).convert([record]).failures

    assert [failure.code for failure in failures] == [MALFORMED]


def test_attributes_outside_the_schema_are_left_out_and_missing_ones_are_null() -> None:
    result = Converter(VERDICT_LIKE).convert([b'{"ID":"a","unknown":{"x":1}}'])

    assert result.table.to_pylist() == [{**dict.fromkeys(VERDICT_LIKE.names), "id": "a"}]


def test_a_record_may_hold_several_documents_and_fits_whole_or_not_at_all() -> None:
    converter = Converter(arrow_schema([("n", "int")]))

    result = converter.convert([b'{"n":1}{"n":2}\n{"n":3}', b'{"n":4}\n{"n":"x"}\n', b'{"n":5}\n\n{"n":6}'])

    assert result.table.column("n").to_pylist() == [1, 2, 3, 5, 6]
    assert [(failure.index, failure.code) for failure in result.failures] == [(1, MALFORMED)]


def test_halves_of_documents_in_two_records_are_never_joined() -> None:
    converter = Converter(arrow_schema([("s", "struct<n:int>")]))

    result = converter.convert([b'{"s":', b'{"n":1}}{"s":{"n":2}}', b'{"s":{"n":3}}'])

    assert result.table.to_pylist() == [{"s": {"n": 3}}]
    assert [failure.index for failure in result.failures] == [0, 1]


@pytest.mark.parametrize("bad", [b'{"n":1.9}', b"oops", b'{"n":1}{', b"", b'{"n":"\xff"}'])
def test_one_bad_record_never_changes_its_neighbours(bad: bytes) -> None:
    records = [b'{"n":%d}' % n for n in range(1000)]
    records[500] = bad

    result = Converter(arrow_schema([("n", "int")])).convert(records)

    assert result.table.column("n").to_pylist() == [n for n in range(1000) if n != 500]
    assert [failure.index for failure in result.failures] == [500]


def test_messages_hold_nothing_of_the_payload() -> None:
    secret = "s3cr3t"
    records = [f'{{"{column}":"{secret}"}}'.encode() for column in ("n", "at", "score", "ok", "day")]
    records += [f'{{"id":"{secret}'.encode(), f'{{"{secret}":1,"{secret}":2}}'.encode()]

    failures = Converter(VERDICT_LIKE).convert(records).failures

    assert len(failures) == len(records)
    assert not any(secret in failure.message for failure in failures)


def test_settings_of_the_serde_change_where_a_key_is_looked_up() -> None:
    schema = arrow_schema([("a_b", "int"), ("ts", "int")])
    options = OpenXOptions(dots_to_underscores=True, mappings={"ts": "Timestamp"})

    result = Converter(schema, options).convert([b'{"A.B":1,"timestamp":2}'])

    assert result.table.to_pylist() == [{"a_b": 1, "ts": 2}]


def test_keys_are_taken_as_they_are_when_case_matters() -> None:
    converter = Converter(arrow_schema([("a", "int")]), OpenXOptions(case_insensitive=False))

    assert converter.convert([b'{"A":1}', b'{"A":1,"a":2}']).table.to_pylist() == [{"a": None}, {"a": 2}]


def test_a_document_larger_than_the_readers_block_is_read() -> None:
    text = "x" * (5 << 20)

    result = Converter(arrow_schema([("id", "string")])).convert([json.dumps({"id": text}).encode(), b'{"id":"b"}'])

    assert result.table.column("id").to_pylist() == [text, "b"]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-5, 5),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        [
            *("2026-11-20 10:00:00.123456", "2026-11-20T10:00:00Z", "2026-11-20 10:00:00Z", "2026-11-20 10:00:00"),
            *("2026-11-20", "2026-11-20 10:00", "0000-11-20 10:00:00", "9999-12-31 23:59:59.999999", "20261120"),
            *("2026-02-30 00:00:00", "2026-11-20 10:00:00.1234567", "2026-11-20T10:00:00+01:00", "1", "1.5", "true"),
            *("", " ", "\x00", "é", "1518033528", "0x1F", "ZZ", "2026-11-20 10:00:00ZZ", "2026-11-20T10"),
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["detector", "score", "hits", "Score", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
GOOD = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=6) | st.none(),
        "at": st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.isoformat(" ")),
        "n": st.integers(-(2**31), 2**31 - 1),
        "score": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "labels": st.lists(st.text(max_size=4), max_size=3),
        "signals": st.lists(
            st.fixed_dictionaries({}, optional={"detector": st.text(max_size=3), "score": st.floats(0, 1)}), max_size=2
        ),
    },
)
ANY = st.dictionaries(st.sampled_from([*VERDICT_LIKE.names, "ID", "Score", "other"]), VALUES, max_size=5)
ENCODED = st.builds(
    lambda document, ascii_only: json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"),
    GOOD | ANY,
    st.booleans(),
)
NOISE = st.sampled_from([*NOT_JSON[:-1], b"{}", b'{"s":', b"}", b'{"n":1}null', b'{"n":1}{"n":2}', b' {"n":1}\r\n'])
SPLICED = st.builds(lambda a, b, cut: a[:cut] + b[cut:], ENCODED, ENCODED, st.integers(0, 40))
JOINED = st.lists(ENCODED, min_size=2, max_size=3).map(b"\n".join)
RECORDS = st.lists(st.one_of(ENCODED, ENCODED, NOISE, SPLICED, JOINED), max_size=6)


@given(RECORDS)
def test_the_fast_reader_gives_what_the_strict_one_gives(records: list[bytes]) -> None:
    converter = Converter(VERDICT_LIKE)

    fast, strict = converter.convert(records), converter.convert_strictly(records)

    assert fast.failures == strict.failures
    assert fast.table.schema.equals(strict.table.schema)
    assert repr(fast.table.to_pylist()) == repr(strict.table.to_pylist())


@given(st.lists(GOOD, min_size=1, max_size=20))
def test_rows_that_fit_come_out_of_the_fast_reader_alone(documents: list[dict[str, Any]]) -> None:
    records = [json.dumps(document).encode() for document in documents]
    converter = Converter(VERDICT_LIKE)

    table = converter.convert_fast(records)

    strict = converter.convert_strictly(records)
    if not strict.failures:
        assert table is not None
        assert repr(table.to_pylist()) == repr(strict.table.to_pylist())


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_any_bytes_become_rows_or_failures_and_never_an_exception(records: list[bytes]) -> None:
    result = Converter(VERDICT_LIKE).convert(records)

    assert len(result.failures) + result.table.num_rows >= len(records)
    assert isinstance(result.table, pa.Table)


def test_delivery_streams_do_not_import_pandas_which_two_threads_could_find_half_imported() -> None:
    program = """
import sys
from glue.catalog.lake import arrow_schema
from infra.local.firehose.conversion import Converter
rows = [b'{"at":"2026-11-20 12:00:00.000000","day":"2026-11-20","n":%d}' % n for n in range(20)]
result = Converter(arrow_schema([("at", "timestamp"), ("day", "date"), ("n", "int")])).convert(rows)
assert result.table.num_rows == 20, result.failures
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
