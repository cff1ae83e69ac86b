"""JSON functions of queries: one value of a parsed document, read without writing the rest of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.athena import json as query_json
from infra.local.athena.errors import QueryError
from infra.local.athena.session import Session


class _Pairs(list[tuple[str, object]]):
    """The members of an object, names of which may repeat."""


def _objects(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(st.tuples(st.sampled_from("ab"), values), max_size=3).map(_Pairs)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-1e300, 1e300) | st.text(max_size=5)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | _objects(inner), max_leaves=10)


def _text(value: object) -> str:
    if isinstance(value, _Pairs):
        return "{" + ",".join(f"{json.dumps(name)}:{_text(item)}" for name, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value)


@given(_VALUES.map(_text), st.sampled_from(["$", "$.a", "$.b", "$.a.b", "$[0]", "$.a[1]"]))
def test_a_value_of_a_parsed_document_is_that_of_the_document_written_out(text: str, path: str) -> None:
    assert query_json.parsed_scalar(text, path) == query_json.extract_scalar(query_json.parse(text), path)


def test_a_number_longer_than_python_reads_hides_no_text_beside_it() -> None:
    text = '{"b": %s, "a": "x", "c": 1e999}' % ("1" * 5000)
    assert [query_json.parsed_scalar(text, path) for path in ("$.a", "$.b", "$.d")] == ["x", "1" * 5000, None]
    with pytest.raises(QueryError, match="Cannot convert value to JSON"):
        query_json.parsed_scalar('{"a": "x", "b": NaN}', "$.a")


def test_what_is_no_json_is_an_error_and_null_where_it_is_tried() -> None:
    with pytest.raises(QueryError, match="Cannot convert value to JSON"):
        query_json.parsed_scalar('{"a"', "$.a")
    session = Session()
    assert session.rows("SELECT TRY(sk_json_parsed_scalar('{\"a\"', '$.a'))") == [(None,)]
    session.close()
