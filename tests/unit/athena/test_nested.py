"""Arrays, maps and rows of an answer, as JSON has them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.engine import Answer, Column, hint_for
from athena.nested import read_nested
from athena.output import json_lines

WORDS = st.from_regex(r"[A-Za-z0-9_.:@-]{1,12}", fullmatch=True).filter(lambda word: word != "null")
VALUES = st.recursive(
    WORDS | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def written(value: Any) -> str:
    """A value as Athena writes it."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={written(inner)}" for key, inner in value.items()) + "}"
    return str(value)


@given(st.lists(VALUES, max_size=5) | st.dictionaries(WORDS, VALUES, max_size=5))
def test_what_athena_writes_is_read_back(value: Any) -> None:
    assert read_nested(written(value)) == value


@given(st.text(max_size=40))
def test_any_text_is_read_or_left_as_it_is(text: str) -> None:
    assert isinstance(read_nested(text), (str, list, dict))


@pytest.mark.parametrize("text", ["", "late", "[a", "[a]]", "{a}", "{a=1, a=2}", "[a, ", "[" * 5000])
def test_what_is_not_of_that_form_stays_a_text(text: str) -> None:
    assert read_nested(text) == text


def test_json_has_arrays_rows_and_maps_and_leaves_texts_alone() -> None:
    columns = (Column("labels", "array"), Column("signals", "array(row(label varchar))"), Column("text", "varchar"))
    rows = [("[late, spam]", "[{label=spam}]", "[not, a, list]"), (None, "[]", None)]
    answer = Answer(columns=columns, rows=rows, bytes_scanned=0, engine_ms=0, query_id="q")
    assert json.loads("".join(json_lines(answer))) == [
        {"labels": ["late", "spam"], "signals": [{"label": "spam"}], "text": "[not, a, list]"},
        {"labels": None, "signals": [], "text": None},
    ]


MISSPELT = [("selct", "SELECT"), ("SELET", "SELECT"), ("slect", "SELECT"), ("wiht", "WITH"), ("shwo", "SHOW")]


@pytest.mark.parametrize(("word", "meant"), MISSPELT)
def test_a_misspelt_word_gets_the_likely_one(word: str, meant: str) -> None:
    assert hint_for(f"line 1:1: mismatched input '{word}'. Expecting: 'ALTER', 'ANALYZE'") == f"did you mean {meant}?"


def test_a_word_like_no_other_gets_its_place_explained() -> None:
    assert hint_for("line 1:1: mismatched input 'xyzzy'") == "the position is line:column of the statement"
