"""A looser expression matches wherever the expression does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.moderation.relaxed import relaxed
from consumers.moderation.scan import Scan, compile_expression
from consumers.policies import read_policy

PARTS = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", r"\w", ".", "(?:ab)", "(b|aa)", r"\{", "[{0,9]", r"\x{61}", "{1,20}", r"\b", "^"]
)
TIMES = st.sampled_from(["", "?", "*", "{0,3}", "{1,12}", "{0,60}", "{2}", "{2,}", "{0,20}?", "+?"])


@given(st.lists(st.tuples(PARTS, TIMES), min_size=1, max_size=6), st.lists(st.text("ab {", max_size=30), max_size=5))
def test_what_matches_still_does(parts: list[tuple[str, str]], texts: list[str]) -> None:
    expression = "".join(part + times for part, times in parts)
    try:
        exactly = compile_expression(expression)
    except ValueError:
        return
    looser = compile_expression(relaxed(expression))
    for text in texts:
        assert exactly.search(text) is None or looser.search(text) is not None


@pytest.mark.parametrize(
    "expression", [r"\Qa{1,20}\E", "[[:alpha:]{1,20}]", "[]{1,20}]", r"\p{Nd}{2,5}", r"\{1,20}", "a{1,9}"]
)
def test_what_is_no_bound_or_is_not_read_stays(expression: str) -> None:
    assert relaxed(expression) == expression


def test_the_default_policys_counting_expressions_have_looser_ones_that_re2_takes() -> None:
    expressions = Moderator(Policy.load(read_policy("default"))).expressions
    looser = [relaxed(one) for one in expressions if relaxed(one) != one]
    assert len(looser) > 20
    for one in looser:
        compile_expression(one)


def test_a_text_within_the_bounds_is_a_hit_and_one_beyond_is_none() -> None:
    scan = Scan([r"give (?:\w+ ){0,3}money"])
    assert [scan.hits(b"give " + b"me " * words + b"money") for words in (0, 3, 4)] == [[0], [0], []]
