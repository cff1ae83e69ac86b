"""Texts as the numbers of their words, and words as the numbers of their n-grams, so that 400,000 texts fit into some
300 MB. A text's words are those that the detector would count, each once."""

from array import array
from collections.abc import Iterable
from zlib import crc32

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from consumers.moderation.ngrams import grams, is_unspaced, length, words
from consumers.moderation.scorer import RUN_WEIGHT, tokens_of

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def totals(places: Whole, numbers: Floats, of: int) -> Floats:
    """For each of so many places the sum of the numbers that belong there, added up in their order."""
    found: Floats = np.bincount(places, weights=numbers, minlength=of).astype(np.float64, copy=False)
    return found


class Vocabulary:
    """Every word of some texts.

    Args:
        bits: n-grams are told apart by so many bits.
    """

    def __init__(self, bits: int) -> None:
        self._mask = (1 << bits) - 1
        self._numbers: dict[str, int] = {}
        self._of_token: dict[str, array[int]] = {}
        self._grams, self._ends = array("I"), array("Q", [0])
        self._lengths, self._unspaced = array("I"), array("B")

    def token(self, token: str) -> "array[int]":
        """The numbers of one token's words."""
        known = self._of_token.get(token)
        if known is None:
            known = self._of_token[token] = array("I", map(self._number, words(token)))
        return known

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            self._grams.extend([gram & self._mask for gram in grams(word)])
            self._ends.append(len(self._grams))
            self._lengths.append(length(word))
            self._unspaced.append(is_unspaced(word))
        return number

    def __len__(self) -> int:
        return len(self._numbers)

    def is_word(self, number: int, word: str) -> bool:
        """Whether the word of this number is spelled so."""
        return self._numbers.get(word) == number

    def keys(self) -> Whole:
        """What a weights file calls each word."""
        return np.array([crc32(word.encode()) for word in self._numbers], np.int64)

    def unspaced(self) -> Flags:
        """Which words are runs without spaces, which get no weight of their own."""
        return np.frombuffer(self._unspaced, np.uint8).astype(bool)

    def lengths(self) -> Floats:
        """How many words each counts for."""
        return np.frombuffer(self._lengths, np.uint32).astype(np.float64)

    def grams(self) -> "Grams":
        """The words' n-grams."""
        ends = np.frombuffer(self._ends, np.uint64).astype(np.int64)
        counts = ends[1:] - ends[:-1]
        values = np.where(self.unspaced(), RUN_WEIGHT, 1 / np.sqrt(np.maximum(counts, 1)))
        words = np.repeat(np.arange(len(counts)), counts)
        numbers = np.frombuffer(self._grams, np.uint32).astype(np.int64)
        return Grams(words, numbers, values[words], len(counts), self._mask + 1)


class Grams(Struct, frozen=True):
    """Pairs of a word and one of its n-grams.

    Args:
        words, grams: the pairs.
        values: what the n-gram counts in the word.
        of: how many words there are.
        count: how many n-grams there are.
    """

    words: Whole
    grams: Whole
    values: Floats
    of: int
    count: int

    def sums(self, of_grams: Floats) -> Floats:
        """Each word's sum over its n-grams."""
        return totals(self.words, of_grams[self.grams] * self.values, self.of)

    def back(self, of_words: Floats) -> Floats:
        """Each n-gram's sum over the words that it is in."""
        return totals(self.grams, of_words[self.words] * self.values, self.count)

    def some(self, which: Whole) -> "Grams":
        """Those of some of the words, numbered anew; ``which`` rises."""
        number = np.full(self.of, -1, np.int64)
        number[which] = np.arange(len(which))
        kept = number[self.words] >= 0
        return Grams(number[self.words[kept]], self.grams[kept], self.values[kept], len(which), self.count)


class Matrix(Struct, frozen=True):
    """Pairs of a text and one of its words, in the order of the texts.

    Args:
        texts, words: the pairs.
        norms: what each text's sum is multiplied with.
    """

    texts: Whole
    words: Whole
    norms: Floats

    @classmethod
    def of(cls, plains: Iterable[str], vocabulary: Vocabulary, *, steady: float) -> "Matrix":
        """The words of these texts, which the vocabulary learns."""
        found, counts = array("I"), array("I")
        for plain in plains:
            before = len(found)
            # In the order of the text, not in that of a set, so that sums are the same in every process.
            for token in dict.fromkeys(tokens_of(plain)):
                found.extend(vocabulary.token(token))
            counts.append(len(found) - before)
        pairs = np.frombuffer(found, np.uint32).astype(np.int64) if found else np.zeros(0, np.int64)
        texts = np.repeat(np.arange(len(counts)), np.frombuffer(counts, np.uint32).astype(np.int64))
        return cls(texts, pairs, np.ones(len(counts))).normed(vocabulary.lengths(), steady)

    def normed(self, lengths: Floats, steady: float) -> "Matrix":
        """The same, with the norms that these words' lengths give."""
        count = totals(self.texts, lengths[self.words], len(self.norms))
        return Matrix(self.texts, self.words, 1 / np.sqrt(count + steady))

    def some(self, which: Whole) -> "Matrix":
        """Some of the texts, numbered anew; ``which`` rises."""
        number = np.full(len(self.norms), -1, np.int64)
        number[which] = np.arange(len(which))
        kept = number[self.texts] >= 0
        return Matrix(number[self.texts[kept]], self.words[kept], self.norms[which])

    def renumbered(self, which: Whole, of: int) -> "Matrix":
        """The same texts, with their words numbered by their places in ``which``, which rises."""
        number = np.zeros(of, np.int64)
        number[which] = np.arange(len(which))
        return Matrix(self.texts, number[self.words], self.norms)

    def sums(self, of_words: Floats) -> Floats:
        """Each text's sum over its words, times its norm."""
        found: Floats = totals(self.texts, of_words[self.words], len(self.norms)) * self.norms
        return found
