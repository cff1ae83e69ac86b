"""Properties of sentences, UTF-16 spans and relaxed JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from consumers.scoring.relaxed_json import strict
from consumers.scoring.sentences import MAX_SENTENCES, sentences, utf16_length, utf16_spans

texts = st.text(
    st.one_of(st.sampled_from("ab .!?\n。！😀é\u3000"), st.characters(exclude_categories=["Cs"])), max_size=80
)


@given(texts)
def test_sentences_are_in_order_and_hold_all_but_the_blanks_between_them(text: str) -> None:
    spans = sentences(text)
    ends = [0, *(end for _, end in spans)]
    begins = [*(begin for begin, _ in spans), len(text)]
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))
    assert all(not text[end:begin].strip() for end, begin in zip(ends, begins, strict=True))
    assert all(text[begin:end] == text[begin:end].strip() != "" for begin, end in spans)


@given(texts)
def test_spans_in_utf16_cut_the_same_parts_out(text: str) -> None:
    spans = sentences(text)
    units = text.encode("utf-16-le")
    cut = [units[2 * begin : 2 * end].decode("utf-16-le") for begin, end in utf16_spans(text, spans)]
    assert cut == [text[begin:end] for begin, end in spans]
    assert utf16_length(text) * 2 == len(units)


def test_very_many_sentences_are_taken_together() -> None:
    spans = sentences("No! " * 5000)
    assert len(spans) <= MAX_SENTENCES
    assert (spans[0][0], spans[-1][1]) == (0, 4 * 5000 - 1)


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(documents, st.booleans())
def test_strict_json_means_the_same_when_it_is_read_as_relaxed(document: object, ascii_only: bool) -> None:
    assert json.loads(strict(json.dumps(document, ensure_ascii=ascii_only))) == document


@given(st.text(max_size=200))
def test_whatever_is_read_as_relaxed_ends(text: str) -> None:
    assert isinstance(strict(text), str)
