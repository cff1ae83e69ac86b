"""Partition keys by jq: many records at once give what each gives alone, and a bad one fails alone."""

import json
from typing import Any

import jq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.firehose.partitions import EMPTY, NOT_JSON, PartitionQuery

DAY = PartitionQuery("{dt: .created_at[0:10]}")


def test_the_day_of_a_timestamp_is_a_key() -> None:
    assert DAY.keys([b'{"created_at":"2026-11-20 10:00:00.123456"}']) == [(("dt", "2026-11-20"),)]


@pytest.mark.parametrize(
    ("query", "document", "expected"),
    [
        ("{a: .x.y}", '{"x":{"y":"v"}}', (("a", "v"),)),
        ("{a: .x, b: .y}", '{"x":"1","y":"2"}', (("a", "1"), ("b", "2"))),
        ("{a: .n}", '{"n":5}', (("a", "5"),)),
        ("{a: .n}", '{"n":5.0}', (("a", "5"),)),
        ("{a: .n}", '{"n":1.5}', (("a", "1.5"),)),
        ("{a: .b}", '{"b":true}', (("a", "true"),)),
        ('{y: (.t | strftime("%Y"))}', '{"t":1800000000}', (("y", "2027"),)),
        ("{a: (.x | ascii_downcase)}", '{"x":"ABC"}', (("a", "abc"),)),
        ("{a: .x[0:2]}", '{"x":"é😀z"}', (("a", "é😀"),)),
        ("{a: .x}", '{"x":"1","x":"2"}', (("a", "2"),)),
        ("{a: (if .x then .y else .z end)}", '{"x":false,"z":"q"}', (("a", "q"),)),
        ("{a: .x}", '{"x":null}', EMPTY),
        ("{a: .x}", '{"x":""}', EMPTY),
        ("{a: .x}", "{}", EMPTY),
        ("{a: .x}", '{"x":[1]}', "partitionKeys values must be text, numbers or booleans"),
        ("{a: .x[0:2]}", '{"x":5}', "The query failed on this record"),
        (".x[]", '{"x":[{"a":"1"},{"a":"2"}]}', "The query must give exactly one object for a record"),
        (".x", '{"x":"a"}', "The query must give an object of partition keys"),
        ("{a: .x}", "oops", NOT_JSON),
        ("{a: .x}", "[1]", NOT_JSON),
        ("{a: .x}", '{"x":"1"}{"x":"2"}', NOT_JSON),
        ("{a: .x}", '{"x":NaN}', NOT_JSON),
        ("{a: .x}", "", NOT_JSON),
    ],
)
def test_a_query_gives_keys_or_says_why_not(query: str, document: str, expected: Any) -> None:
    assert PartitionQuery(query).keys([document.encode()]) == [expected]


def test_bytes_that_are_not_utf8_are_not_json() -> None:
    assert DAY.keys([b'{"created_at":"2026-11-20","x":"\xff"}']) == [NOT_JSON]


def test_one_record_that_fails_leaves_its_neighbours_alone() -> None:
    good = b'{"created_at":"2026-11-20"}'

    for bad in (b"oops", b'{"created_at":5}', b'{"created_at":', b"\xff", b"{}{}"):
        found = DAY.keys([good, bad, good])
        assert (found[0], found[2]) == ((("dt", "2026-11-20"),), (("dt", "2026-11-20"),))
        assert isinstance(found[1], str)


def test_a_query_that_does_not_compile_is_refused() -> None:
    with pytest.raises(ValueError, match="does not compile"):
        PartitionQuery("{dt: .created_at[")


QUERIES = [
    "{dt: .created_at[0:10]}",
    "{a: .x[3:5]}",
    "{a: .x, b: .created_at}",
    "{a: (.x | tostring)}",
    "{a: .x.created_at[1:]}",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["created_at", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["created_at", "x", "y"]), VALUES, max_size=3).map(json.dumps)
RECORDS = st.lists(
    DOCUMENTS.map(str.encode) | st.sampled_from([b"{}", b"oops", b"", b"{}{}", b'{"x":', b'1}{"x":"a"}', b"{\n}"]),
    max_size=6,
)


@given(st.sampled_from(QUERIES), RECORDS)
def test_many_at_once_give_what_each_gives_alone(query: str, records: list[bytes]) -> None:
    compiled = PartitionQuery(query)

    assert compiled.keys(records) == [compiled.keys([record])[0] for record in records]


@given(st.sampled_from(QUERIES), DOCUMENTS)
def test_cutting_a_document_down_never_changes_the_answer(query: str, document: str) -> None:
    found = PartitionQuery(query).keys([document.encode()])[0]

    try:
        expected = jq.compile(query).input_text(document).first()
    except ValueError:
        assert isinstance(found, str)
        return
    if isinstance(found, str):
        assert any(value in (None, "") or isinstance(value, dict | list) for value in expected.values())
    else:
        assert dict(found).keys() == expected.keys()
        assert all(
            text == value for (_, text), value in zip(found, expected.values(), strict=True) if isinstance(value, str)
        )
