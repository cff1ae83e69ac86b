"""What is said to be needed for a match is in every text in which there is one."""

import re2
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.literals import BEYOND_ASCII, Way, needed
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


def goes(plain: str, way: Way) -> bool:
    digits = sum(map(plain.count, "0123456789"))
    return all(any(has(plain, piece) for piece in clause) for clause in (*way.clauses, *way.also)) and (
        digits >= way.digits or not plain.isascii()
    )


@given(expressions, st.lists(texts, min_size=1, max_size=8))
def test_a_text_in_which_an_expression_matches_has_what_one_of_its_ways_needs(expression: str, some: list[str]) -> None:
    try:
        compiled = re2.compile(expression, options())
    except re2.error:
        return
    ways = needed(expression)
    for text in some:
        plain = normalise(text).plain
        if compiled.search(plain) is not None:
            assert not ways or any(goes(plain, way) for way in ways)


def test_what_is_not_understood_is_said_to_need_nothing() -> None:
    unread = (r"\Qa.b\E", "[[:alpha:]]bc", "a{x", "(", "[a", "a**", "*")
    for expression in (*unread, r"\x0:", r"\x{}", r"\x{1_0}", r"\x{110000}", r"[\x-1]"):
        assert needed(expression) == ()


def test_pieces_are_as_long_as_the_expression_says() -> None:
    assert needed(r"\bbit\.ly/[a-z]+") == (way({"bit.ly/" + letter for letter in "abcdefghijklmnopqrstuvwxyz"}),)
    assert needed("(?i)Free Money") == (way({"free money"}),)
    assert needed("know.*live") == (Way((frozenset({"know"}), frozenset({"live"}))),)
    assert needed("[a-z]+|free") == ()


def test_alternatives_are_ways_of_their_own_where_one_needs_more_than_one_thing() -> None:
    assert needed("know.*live|find.*home") == (way({"know"}, {"live"}), way({"find"}, {"home"}))
    assert needed("know.*live|free|money") == (way({"know"}, {"live"}), way({"free", "money"}))


def test_digits_are_counted_that_a_text_must_have() -> None:
    for expression, least in (
        ("call [0-9]{5}", 5),
        (r"call \d{3,}[ -]\d{11}", 14),
        (r"call (?:\d{2}|\d\d\d)+(?:\d{4})?", 2),
        (r"call 0[89]\d{2}[0-9a-f]{4}", 4),
        (r"call [\d-]{5}", 0),
        (r"call (?:\d{4}|now)", 0),
    ):
        assert [way.digits for way in needed(expression)] == [least], expression


def way(*clauses: set[str], digits: int = 0) -> Way:
    return Way(tuple(map(frozenset, clauses)), digits)
