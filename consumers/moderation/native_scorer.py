"""The scorer in C: the scores of :mod:`consumers.moderation.scorer` to the last bit, in a fifth of the time.

A text of ASCII goes there as it is. In others Python reads each token's words, which takes Unicode's tables, and keeps
them; their weights are added up in C. No sums are kept: to work a word's out anew takes less than to find them.
"""

import ctypes
import math
from collections.abc import Callable, Iterable, Sequence
from ctypes import addressof, c_char_p, c_size_t, c_uint32, create_string_buffer
from functools import cached_property

from consumers.moderation.confusables import LEET
from consumers.moderation.native_finding import array_of
from consumers.moderation.ngrams import SIGNS, SYLLABIC, UNSPACED, words
from consumers.moderation.normalise import NormalText
from consumers.moderation.remembered import Remembered
from consumers.moderation.scorer import MAX_SCORED, RUN_WEIGHT, Scorer, shortened, tokens_of
from consumers.moderation.weights import Weights
from consumers.native import LIBRARY, Numbers

# What a range of characters says of a word; scoring.c has the same two numbers.
_IS_UNSPACED, _IS_SYLLABIC = 1, 2
# Bytes that UTF-8 does not have.
_WORDS_FOLLOW, _BETWEEN_WORDS = b"\xff", b"\xfe"


def make_scorer(weights: Weights, library: "ctypes.PyDLL | None" = LIBRARY) -> Scorer:
    """The fastest scorer that there is.

    Args:
        weights: what it scores by.
        library: the scorer in C; None: Python's is taken.
    """
    return Scorer(weights) if library is None else NativeScorer(weights, library)


class NativeScorer(Scorer):
    """Scores texts by weights, in C. Safe to use from several threads at once."""

    def __init__(self, weights: Weights, library: ctypes.PyDLL) -> None:
        """Takes weights.

        Raises:
            ValueError: the library cannot have such weights.
        """
        super().__init__(weights)
        self._weights, self._library = weights, library
        header = weights.header
        self._shape = len(header.heads), header.words, header.bits
        self._size = library.scoring_size(*self._shape)
        if not self._size:
            raise ValueError(f"weights of {self._shape} heads, words and bits are none that scoring.c takes")
        self._score = library.scoring_score
        self._readable = _Readable().__getitem__

    @cached_property
    def _model(self) -> "ctypes.Array[ctypes.c_char]":
        """The weights as scoring.c reads them; made at the first text, so that no cold start waits for it."""
        weights = self._weights
        numbers = [weights.header.unknown, RUN_WEIGHT, weights.header.steady]
        for head in self.heads:
            numbers += [head.words, head.grams]
        ranges = [(*map(ord, one), kind) for kind, some in _RANGES for one in some]
        letter = "".join(LEET.get(chr(code), chr(code)) for code in range(128)).encode("ascii")
        signs = "".join(sign for sign in SIGNS if sign.isascii()).encode("ascii")
        memory = create_string_buffer(self._size)
        made = self._library.scoring_make(
            memory,
            *self._shape,
            (ctypes.c_double * len(numbers))(*numbers),
            signs,
            len(signs),
            letter,
            (c_uint32 * (3 * len(ranges)))(*(number for one in ranges for number in one)),
            len(ranges),
            weights.words.tobytes(),
            b"".join(part for table in weights.tables for part in (table.words, table.grams)),
        )
        if made != 0:
            raise ValueError(f"scoring.c has no room for {len(ranges)} ranges of characters")
        return memory

    def strongest(self, plain: str) -> list[float]:
        """For each head the largest ``sum / sqrt(count + steady)`` of its windows; minus infinity for no words."""
        text, found = self._encoded(plain), Numbers()
        if self._score(self._model, text, len(text), None, addressof(found)) < 0:
            return super().strongest(plain)
        return found[: len(self.heads)]

    def reached(self, least: Sequence[float]) -> Callable[[str], dict[int, float]]:
        """What tells of a plain form which heads reach their own of these, by their place, and with how much.

        Args:
            least: for each head, as :meth:`strongest` gives it.
        """
        wanted = Numbers(*least)
        encoded, score, least_address = self._encoded, self._score, addressof(wanted)

        def find(plain: str) -> dict[int, float]:
            text = encoded(plain)
            if not score(self._model, text, len(text), least_address, None):
                return {}
            # One text in ten.
            raws = self.strongest(plain)
            return {place: raw for place, raw in enumerate(raws) if raw >= wanted[place] and raw != -math.inf}

        return find

    def reaching(self, least: Sequence[float]) -> Callable[[Sequence[NormalText]], Iterable[int]]:
        """What tells in which of some texts, by their place, :meth:`reached` may find something."""
        wanted = Numbers(*least)
        encoded, search = self._encoded, self._library.scoring_reaching

        def find(texts: Sequence[NormalText]) -> Iterable[int]:
            # What is one byte a character is ASCII, and the same in both.
            every = [
                one.encoded if len(one.encoded) == len(one.plain) <= MAX_SCORED else encoded(one.plain) for one in texts
            ]
            count = len(every)
            found, sizes = array_of(c_uint32, count)(), array_of(c_size_t, count)(*map(len, every))
            pointers = array_of(c_char_p, count)(*every)
            number: int = search(self._model, count, pointers, sizes, wanted, found)
            reaching: list[int] = found[:number]
            return reaching

        return find

    def _encoded(self, plain: str) -> bytes:
        if plain.isascii():
            return shortened(plain).encode()
        return b" ".join(map(self._readable, tokens_of(plain)))


class _Readable(Remembered[bytes]):
    """Tokens as scoring.c reads them: those that are not ASCII with their words."""

    def work_out(self, token: str) -> bytes:
        """The bytes of a token."""
        # A surrogate by itself is no word, and may stand in a mention.
        found = token.encode("utf-8", "surrogatepass")
        if not token.isascii():
            found += _WORDS_FOLLOW + _BETWEEN_WORDS.join([word.encode() for word in words(token)])
        return found


_RANGES = ((_IS_UNSPACED, UNSPACED), (_IS_SYLLABIC, SYLLABIC))
