"""What is said to be needed for a match is in every text in which there is one."""

import re2
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.literals import BEYOND_ASCII, needed
from consumers.moderation.normalise import normalise
from consumers.moderation.scan import options

ATOMS = [
    *(
        "a",
        "K",
        "s",
        "é",
        "ß",
        "ſ",
        "\u212a",
        "ﬁ",
        "我",
        " ",
        "-",
        r"\.",
        r"\d",
        r"\w",
        r"\s",
        r"\S",
        r"\pL",
        r"\p{Nd}",
    ),
    *("[ab]", "[^a]", "[a-c]", "[à-ž]", "[k-m]", r"[\d-]", "[]x]", ".", r"\b", "^", "$", r"\x{e9}", r"\x41", r"\p{Pd}"),
    r"\p{Nd}",
]
expressions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: f"(?:{'|'.join(some)})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "{1,3}", "{2,}", "+?"])).map(
            lambda one: f"(?:{one[0]}){one[1]}"
        ),
        inner.map(lambda one: f"(?i:{one})"),
    ),
    max_leaves=12,
)
texts = st.text(alphabet="abckmKsxﬁéßſ\u212a我 -.0A٣—", max_size=12)


def has(plain: str, piece: str) -> bool:
    return not plain.isascii() if piece == BEYOND_ASCII else piece in plain


@given(expressions, st.lists(texts, min_size=1, max_size=8))
def test_a_text_in_which_an_expression_matches_has_a_piece_of_each_clause(expression: str, some: list[str]) -> None:
    try:
        compiled = re2.compile(expression, options())
    except re2.error:
        return
    clauses = needed(expression)
    for text in some:
        plain = normalise(text).plain
        if compiled.search(plain) is not None:
            assert all(any(has(plain, piece) for piece in clause) for clause in clauses)


def test_what_is_not_understood_is_said_to_need_nothing() -> None:
    for expression in (r"\Qa.b\E", "[[:alpha:]]bc", "a{x", "(", "[a", "a**", "*"):
        assert needed(expression) == ()


def test_pieces_are_as_long_as_the_expression_says() -> None:
    assert needed(r"\bbit\.ly/[a-z]+") == (frozenset({"bit.ly/" + letter for letter in "abcdefghijklmnopqrstuvwxyz"}),)
    assert needed("(?i)Free Money") == (frozenset({"free money"}),)
    assert needed("know.*live") == (frozenset({"know"}), frozenset({"live"}))
    assert needed("[a-z]+|free") == ()
