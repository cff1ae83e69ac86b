"""The one scan: whatever is left out of it for speed, it finds what each expression by itself would find."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.detectors.links import CANDIDATE as LINK
from consumers.moderation.detectors.personal_data import CANDIDATES
from consumers.moderation.detectors.solicitation import CANDIDATES as REQUESTS
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.scan import SPACED, Scan, ScanError, compile_expression
from consumers.policies import read_policy

DEFAULT = Policy.load(read_policy("default"))
EXPRESSIONS = [
    *(rule.pattern for rule in DEFAULT.patterns),
    *(pattern for rule in DEFAULT.allow for pattern in rule.patterns),
    *CANDIDATES.values(),
    *REQUESTS,
    LINK,
    SPACED,
]
SCAN = Scan(EXPRESSIONS)
ALONE = [compile_expression(expression) for expression in EXPRESSIONS]
# Words and signs that the expressions are made of, so that near misses and hits both come about.
WORDS = [
    *(
        "i",
        "will",
        "kill",
        "you",
        "know",
        "where",
        "live",
        "he",
        "deserves to be",
        "shot",
        "am an idiot",
        "you are dead",
    ),
    *("wrong", "subscribe to", "my channel", "check", "this out", "please", "vote for now", "free money", "claim your"),
    *("prize", "https://bit.ly/x", "www.", "+49 151 2345678", "jo@example.org", "4111 1111", "DE89 3704", "a b c"),
    *("password: hunter22", "[dot]", "send", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzz", "подпиши", "İß", "ſ", "\u212a"),
]


def hits_alone(encoded: bytes) -> list[int]:
    return [place for place, expression in enumerate(ALONE) if expression.search(encoded) is not None]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=14), st.sampled_from(["", " ", " . "]))
def test_a_scan_finds_what_each_expression_alone_finds(words: list[str], between: str) -> None:
    encoded = normalise(between.join(words)).encoded
    assert sorted(SCAN.hits(encoded)) == hits_alone(encoded)


@given(
    st.lists(st.sampled_from(["abcd", "ab|cdef", "[ab]c", "a.{0,3}bcde", "bc", r"\bcdef\b"]), min_size=1, max_size=9),
    st.text(alphabet="abcdef ", max_size=12),
)
def test_it_does_not_matter_what_is_searched_for_beside(expressions: list[str], text: str) -> None:
    alone = [n for n, expression in enumerate(expressions) if compile_expression(expression).search(text) is not None]
    assert sorted(Scan(expressions).hits(text.encode())) == alone


def test_many_expressions_that_need_no_letters_are_found_as_few_are() -> None:
    expressions = [rf"\d{{{number}}}[a-z]" for number in range(1, 20)]
    assert sorted(Scan(expressions).hits(b"12345x")) == [0, 1, 2, 3, 4]
    assert sorted(Scan([*expressions, "letters"]).hits(b"12x letters")) == [0, 1, 19]


@given(st.lists(st.sampled_from(WORDS), max_size=5))
def test_in_a_long_text_the_same_is_found(words: list[str]) -> None:
    encoded = normalise(" and so on " * 400 + " ".join(words)).encoded
    assert sorted(SCAN.hits(encoded)) == hits_alone(encoded)


def test_an_empty_scan_finds_nothing() -> None:
    assert Scan([]).hits("añything".encode()) == []


@pytest.mark.parametrize("bad", [r"(?<!a)b", r"(?<!a)[ab]{2}", r"(a)\1"])
def test_a_bad_expression_is_refused(bad: str) -> None:
    with pytest.raises(ScanError, match="re2 syntax"):
        Scan(["fine", bad])


def test_several_threads_may_be_the_first_to_need_an_expression() -> None:
    for _ in range(20):
        scan = Scan(["free", "mon(?:ey|day)", "[0-9]{3}"])
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(scan.hits, [b"free money 123"] * 16))
        assert all(sorted(hits) == [0, 1, 2] for hits in found)
