"""How a mapping reads a function's answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.awslambda.settings import first_failed


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text() | st.just("batchItemFailures"), c),
    )
)
def test_any_json_answer_is_read_as_something(answer):
    assert first_failed(answer, ["1", "2"]) in (None, 0, 1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, None),
        ("", None),
        ([], None),
        ({}, None),
        ({"batchItemFailures": []}, None),
        ({"batchItemFailures": None}, None),
        ({"batchItemFailuers": [{"itemIdentifier": "1"}]}, None),
        ({"statusCode": 200}, None),
        ({"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}, 1),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "9"}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": ""}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": 2}]}, 0),
        ({"batchItemFailures": [{"foo": "2"}]}, 0),
        ({"batchItemFailures": ["2"]}, 0),
        ({"batchItemFailures": "2"}, 0),
        ("ok", 0),
        (True, 0),
        (0, 0),
        ([1], 0),
    ],
)
def test_an_answer_names_the_first_record_to_run_again(answer, expected):
    assert first_failed(answer, ["1", "2", "3"]) == expected
