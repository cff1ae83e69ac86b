"""The scorer in C and the one in Python give the same to the last bit, and never one that is out of date."""

import ctypes
import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from consumers import native
from consumers.models import read_weights
from consumers.moderation.native_scorer import NativeScorer, make_scorer
from consumers.moderation.normalise import normalise
from consumers.moderation.scorer import MAX_SCORED, Scorer
from consumers.moderation.weights import Weights
from infra.native import FLAGS, FOLDER, compiler, for_this_machine
from tests.unit.consumers.moderation.detectors.test_model import RUDE, SPAM, made_of

SHIPPED = Weights.read(read_weights("default"))
SOURCES = native.sources() or b""
SMALL = Weights.read(made_of(RUDE, SPAM, known=("idiot", "i", "白痴", "für", "000")))
PIECES = (
    *("you", "idiot", "IDIOT", "1d1ot!!", "idioooot", "aaaa", "aaa", "a", "$tup1d", "f@@@gg", "b'b'b'", "''", "%", "`"),
    *("@you", "@", "www.x.org", "www", "http://a", "://", "a/b/c", "2019", "7", "150p", "4x4", "1a", "12ab", "o0o0o0"),
    *(
        "für",
        "naïve",
        "іdiot",
        "дурак!",
        "ё",
        "你是白痴",
        "白" * 45,
        "바보바보",
        "คนโง่มาก",
        "ば か",
        "😀",
        "a😀b",
        "€€€",
        "…",
    ),
    *(
        "x" * 45,
        "ab" * 30,
        "0" * 50,
        "a1" * 30,
        "-" * 50,
        "a-" * 60,
        "é" * 60,
        "\x1e",
        "\x00",
        "\x7f",
        "\u00a0",
        "\u2028",
    ),
)

Pairs = list[tuple[Scorer, NativeScorer]]


@pytest.fixture(scope="module")
def scorers(library: ctypes.PyDLL) -> Pairs:
    """Both ways, by weights that know hardly a word and by those that ship."""
    return [(Scorer(one), NativeScorer(one, library)) for one in (SMALL, SHIPPED)]


def check(text: str, scorers: Pairs) -> None:
    for python, other in scorers:
        strongest = python.strongest(text)
        assert other.strongest(text) == strongest
        # Just reached, just not, and anything.
        for move in (0.0, 1e-9, -0.5):
            least = [one + move if one > -1e9 else 0.0 for one in strongest]
            assert other.reached(least)(text) == python.reached(least)(text)


def test_thousands_of_texts_made_of_awkward_words_have_the_same_scores(scorers: Pairs) -> None:
    chance = random.Random(62)
    for number in range(2_000):
        tokens = chance.choices(PIECES, k=chance.choice([0, 1, 3, 8, 20] if number % 10 else [44, 45, 46, 60, 61, 200]))
        check(chance.choice([" ", " ", " ", "  ", "\n", "\x1f", "\u3000", ""]).join(tokens), scorers)


@given(text=st.text(max_size=200) | st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=90).map(" ".join))
def test_any_text_has_the_same_scores(scorers: Pairs, text: str) -> None:
    check(text, scorers)


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join), max_size=4), st.floats(-2, 2))
def test_of_many_texts_those_that_reach_something_are_named(scorers: Pairs, written: list[str], least: float) -> None:
    texts = list(map(normalise, written))
    for python, other in scorers:
        wanted = [least] * len(python.heads)
        reached = other.reached(wanted)
        named = list(other.reaching(wanted)(texts))
        assert named == [place for place, text in enumerate(texts) if reached(text.plain)]
        assert set(named) <= set(python.reaching(wanted)(texts))


def test_a_surrogate_by_itself_is_refused_alike_and_may_be_in_a_mention(scorers: Pairs) -> None:
    for scorer in scorers[0]:
        with pytest.raises(UnicodeEncodeError):
            scorer.strongest("you \ud800 idiot")
    check("@\ud800 idiot", scorers)


@pytest.mark.parametrize("letter", ["a", "é", "白", "a ", "é ", "ab1 ", "白 x"])
def test_of_a_long_text_both_look_at_the_same_parts(scorers: Pairs, letter: str) -> None:
    for size in (MAX_SCORED - 1, MAX_SCORED, MAX_SCORED + 1, 3 * MAX_SCORED):
        check((letter * size)[: size - 12] + " idiot 白痴 you", scorers)


def test_models_of_one_to_sixteen_heads_and_of_no_words(library: ctypes.PyDLL) -> None:
    for heads in (1, 7, 8, 9, 16):
        some = [structs.replace(RUDE, name=f"head{place}") for place in range(heads)]
        for known in (("idiot", "you"), ()):
            weights = Weights.read(made_of(*some, known=known))
            check("you unknown idiot, für 白痴", [(Scorer(weights), NativeScorer(weights, library))])


def test_where_there_is_no_library_python_scores() -> None:
    assert type(make_scorer(SMALL, None)) is Scorer


def test_a_library_of_another_source_or_for_no_machine_is_not_loaded(tmp_path: Path, library: ctypes.PyDLL) -> None:
    path = tmp_path / native.FILE
    assert native.load(str(path), SOURCES) is None
    path.write_bytes(Path(library._name).read_bytes())
    assert native.load(str(path), SOURCES) is not None
    assert native.load(str(path), SOURCES + b"\n") is None
    assert native.load(str(path), None) is not None
    path.with_name("broken.so").write_bytes(path.read_bytes()[:100])
    assert native.load(str(path.with_name("broken.so")), None) is None


def test_what_is_not_as_python_hands_it_over_is_refused_and_scored_by_python(library: ctypes.PyDLL) -> None:
    scorer = NativeScorer(SMALL, library)
    found = native.Numbers()
    for text in (b"\xc3\xa9", b"a\xff" + b"b" * 41, b"a\xff\xc3", b"a\xff\xf5\x80\x80\x80", b"ok \xe2\x82"):
        assert library.scoring_score(scorer._model, text, len(text), None, found) == -1
    too_many = structs.replace(SMALL, header=structs.replace(SMALL.header, heads=SMALL.header.heads * 9))
    with pytest.raises(ValueError, match="heads, words and bits"):
        NativeScorer(too_many, library)


def test_a_library_of_older_sources_is_compiled_again_also_where_it_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / native.FILE
    found = compiler(os.environ)
    assert found is not None
    command = [found, *FLAGS, '-DSOURCE="older"', *native.SOURCES, "-o", str(path), "-lm"]
    subprocess.run(command, cwd=FOLDER, check=True)
    in_use = native.load(str(path), None)
    assert in_use is not None
    assert for_this_machine(os.environ, path).endswith(f"run in C, compiled by {found}.")
    assert native.digest(SOURCES).encode() in path.read_bytes()
    assert in_use.native_source() == b"older"
