"""Words pulled apart or held long: what is seen through, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.detectors.obfuscation import DisguisedTerms, Revealed, put_together, words_of
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.rules import Label, TermRule
from tests.fakes.work import assert_linear

WORDS = ("idiot", "loser", "free money", "shut up", "ass", "god", "asshole", "加微信", "дурак")
MODERATOR = Moderator(Policy("example", {"bad": Label(flag=0.3)}, (TermRule("words", "bad", 0.5, WORDS),)))


def flagged(text: str) -> bool:
    return MODERATOR.judge(text, surface="comment").decision.action == "flag"


@pytest.mark.parametrize(
    "text",
    [
        "i d i o t",
        "you i d i o t!",
        "y o u i d i o t",
        "a n i d i o t t o m e",
        "s o m e e l o s e r r a n",
        "y.o.u i.d.i.o.t.",
        "i-d-i-o-t",
        "i🔥d🔥i🔥o🔥t",
        "1 d 1 o t",
        "і d і о t",
        "f r e e  m o n e y",
        "f r e e m o n e y",
        "f.r.e.e m.o.n.e.y",
        "f.r.e.e.e.e m.o.n.e.y",
        "looooser",
        "LOOOOOSERRRR",
        "freeee mooooney",
        "assssholeeee",
        "l000ser",
        "shuuuut uuuup",
        "加 微 信",
        "дурааааак",
    ],
)
def test_a_word_pulled_apart_or_held_long_is_found(text: str) -> None:
    assert flagged(text)


@pytest.mark.parametrize(
    "text",
    [
        "c l a s s",
        "goooood morning",
        "classss",
        "looser",
        "the losers' closer",
        "a b c d e f g",
        "1 2 3 4 5 6 7 8 9 10 000 000",
        "x = y + z; a[i] = b * c",
        "e.g. the U.S.A. and the U.K.",
        "www.example.org/aaa",
        "hmmm, sooo good, yesss",
        "w trakcie, o nas i o was; z o.o.",
        "ㅋㅋㅋㅋ 안 녕 하 세 요",
        "我 们 今 天 去",
        "for i in range(10): print(i, j, k)",
        "https://example.org/a/b/c/d/e?f=g&h=i",
    ],
)
def test_honest_letters_are_left_alone(text: str) -> None:
    assert not flagged(text)


@given(st.text(max_size=60))
def test_what_is_revealed_names_places_of_the_text(text: str) -> None:
    normal = normalise(text)
    folded = normal.folded
    revealed = Revealed(words_of(folded, normal.plain), folded, 1)
    assert len(revealed.text) == len(revealed.counts) == len(revealed.joined) == len(revealed.places)
    for character, place in zip(revealed.text, revealed.places, strict=True):
        assert character in " \0" or folded[place] == character


@given(st.lists(st.sampled_from(["so", "sooo", "i", "d", "it", "free", "freee", "money", "shut up", "."]), max_size=30))
def test_what_is_far_from_a_disguised_word_is_not_looked_at_and_changes_nothing(parts: list[str]) -> None:
    text = " ".join(parts)
    terms = ("so", "it", "free money", "shut up so", "idit")
    detector = DisguisedTerms(terms, b"\1" * len(terms), b"\1" * len(terms))
    found = list(detector.find(words_of(text, text), text))
    detector._reach = len(parts)
    assert found == list(detector.find(words_of(text, text), text))


def test_an_exact_term_is_not_looked_for_in_disguise() -> None:
    rule = TermRule("words", "bad", 0.5, ("idiot",), exact=True)
    moderator = Moderator(Policy("example", {"bad": Label(flag=0.3)}, (rule,)))
    assert moderator.judge("i d i o t", surface="comment").signals == ()


@pytest.mark.parametrize("unit", ["a ", "aaa", "i d i o t ", "a.b c"])
def test_the_work_for_a_disguise_grows_as_the_text_does(unit: str) -> None:
    assert_linear(lambda text: MODERATOR.judge(text, surface="comment"), unit)


@given(st.text(alphabet="ab é中.- 1", max_size=40))
def test_putting_letters_together_takes_out_only_what_stands_between_single_ones(text: str) -> None:
    whole = put_together(text)
    assert [sign for sign in whole if sign.isalnum()] == [sign for sign in text if sign.isalnum()]


@given(st.lists(st.sampled_from(["to", "bee", "don't", "99", "ñandú"]), max_size=12).map(" ".join))
def test_words_that_were_not_pulled_apart_stay_as_they_are(text: str) -> None:
    assert put_together(text) == text
