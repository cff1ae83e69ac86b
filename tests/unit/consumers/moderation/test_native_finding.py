"""What is found in C is what stands in the texts, whatever the pieces and the texts, and what the automata find."""

import ctypes
import random

import pytest
from ahocorasick_rs import Implementation
from hypothesis import given
from hypothesis import strategies as st

from consumers.moderation.edges import EdgedWords
from consumers.moderation.moderator import Moderator
from consumers.moderation.native_finding import NativePieces, NativeWays
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.scan import SPACED, Scan, compile_expression
from consumers.policies import read_policy

PIECES = st.lists(
    st.text("ab ñ", min_size=1, max_size=12).map(str.encode) | st.binary(min_size=1, max_size=3),
    max_size=40,
    unique=True,
)
TEXTS = st.lists(st.text("ab ñ", max_size=60).map(str.encode) | st.binary(max_size=20), max_size=5)


@pytest.fixture(scope="module")
def scans(library: ctypes.PyDLL) -> tuple[Scan, Scan]:
    """The default policy's expressions, by an automaton and in C."""
    expressions = Moderator(Policy.load(read_policy("default"))).expressions
    return Scan(expressions, None), Scan(expressions, library)


@given(PIECES, TEXTS)
def test_every_place_of_every_piece_is_found_once(
    library: ctypes.PyDLL, pieces: list[bytes], texts: list[bytes]
) -> None:
    every = NativePieces(pieces, library).find(texts)
    for number, text in enumerate(texts):
        found = every.get(number, [])
        wanted = [
            (place, at) for place, piece in enumerate(pieces) for at in range(len(text)) if text.startswith(piece, at)
        ]
        if found is None:
            assert len(wanted) > 32
        else:
            assert sorted(zip(found[::2], found[1::2], strict=True)) == wanted


@given(pieces=PIECES, texts=TEXTS, data=st.data())
def test_a_way_is_possible_where_each_of_its_clauses_has_a_piece_and_there_are_digits_enough(
    library: ctypes.PyDLL, pieces: list[bytes], texts: list[bytes], data: st.DataObject
) -> None:
    clauses = st.integers(0, 5)
    of_pieces = [(piece, data.draw(st.lists(clauses, min_size=1, max_size=2))) for piece in pieces]
    need = st.tuples(st.lists(clauses, min_size=1, max_size=3), st.integers(0, 2))
    drawn = data.draw(st.lists(st.lists(need, max_size=3), min_size=6, max_size=6))
    ways = [[([first, *others], digits) for others, digits in of_clause] for first, of_clause in enumerate(drawn)]
    beyond = data.draw(st.lists(clauses, max_size=2))
    needs = [needed for of_clause in ways for needed in of_clause]
    every, apart = NativeWays(library, of_pieces, ways, beyond).find(texts)
    for text, found, may_be_apart in zip(texts, every, apart, strict=True):
        there = {clause for piece, some in of_pieces if piece in text for clause in some}
        there |= set() if text.isascii() else set(beyond)
        digits = sum(48 <= byte < 58 for byte in text) if text.isascii() else len(text)
        wanted = [place for place, (some, least) in enumerate(needs) if there.issuperset(some) and least <= digits]
        assert found == wanted
        assert may_be_apart or compile_expression(SPACED).search(text) is None


def test_texts_made_of_what_the_default_policy_looks_for_have_the_same_hits(scans: tuple[Scan, Scan]) -> None:
    chance = random.Random(63)
    python, other = scans
    pieces = [*python._names, b"7", b"1 2 3", b"a b c", "é".encode(), "白".encode(), b"@", b"\n", b"the"]
    texts = []
    for number in range(400):
        some = chance.choices(pieces, k=chance.choice([1, 3, 8, 30] if number % 20 else [900]))
        text = chance.choice([b" ", b" ", b"", b". "]).join(some)
        # From the middle of a piece to the middle of another.
        texts.append(text[chance.randrange(3) : len(text) - chance.randrange(3)].decode(errors="ignore").encode())
    assert list(map(sorted, other.hits_of(texts))) == [sorted(python.hits(text)) for text in texts]


@given(st.text("ab1 .-é", max_size=20))
def test_letters_by_themselves_are_only_looked_for_where_they_may_be(library: ctypes.PyDLL, text: str) -> None:
    assert Scan([SPACED], library).hits(text.encode()) == Scan([SPACED], None).hits(text.encode())


@given(st.lists(st.text("ab'- .", max_size=30), min_size=1, max_size=4))
def test_words_with_their_edges_are_found_alike(library: ctypes.PyDLL, written: list[str]) -> None:
    words = ["ab", "a b", "a'b", "b", "ba", "b-a"]
    wanted = [(number, bool(number % 2), number % 3 > 0) for number in range(len(words))]
    python, other = (EdgedWords(words, wanted, Implementation.DFA, one) for one in (None, library))
    texts = list(map(normalise, written))
    every = other.find_all(texts)
    assert every.keys() == python.find_all(texts).keys()
    for number, one in enumerate(texts):
        assert one.edged is not None
        assert (
            sorted(every.get(number) or ())
            == sorted(python.find(one.edged, one.folded))
            == sorted(other.find(one.edged, one.folded))
        )


def test_more_than_c_has_room_for_is_left_to_the_automaton(library: ctypes.PyDLL) -> None:
    alike = [b"zqxjzqxj" + f"{number:b}".encode().translate(bytes.maketrans(b"01", b"et")) for number in range(2_000)]
    for pieces in ([b""], [b"%d" % number for number in range(40_000)], alike):
        with pytest.raises(ValueError, match=r"finding\.c has no room"):
            NativePieces(pieces, library)
    for ways in ([], [[([0], 0)]] * 5_000):
        with pytest.raises(ValueError, match=r"finding\.c has no room"):
            NativeWays(library, [(b"a", [0])], ways, [])
    assert NativePieces([b"a"], library).find([b"a" * 300, b"ba", b""]) == {0: None, 1: [0, 1]}
    # What has too many finds is looked through by the automaton.
    words = EdgedWords(["x"], [(0, True, True)], Implementation.DFA, library)
    assert words.find_all([normalise("x " * 300)])[0] == [(0, 2 * at, 2 * at + 1) for at in range(300)]
    scan = Scan(["free", "[0-9]{3}"], library)
    assert list(map(sorted, scan.hits_of([b"free 123", b"", "é".encode()]))) == [[0, 1], [], []]
