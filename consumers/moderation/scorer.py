"""Scores of texts by the linear model's weights, and the words that make them.

A word that the weights know has a weight of its own; the n-grams of other words are added up. A word thus always adds
the same: the sums of the tokens last seen are kept, and a text costs one look-up for each of its tokens.

A long text is scored in windows that overlap, and the strongest counts: one rude clause among ten calm ones is rude.
"""

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import cached_property
from zlib import crc32

from msgspec import Struct

from consumers.moderation.ngrams import RUN, grams, is_unspaced, length, words
from consumers.moderation.weights import Weights

WINDOW = 30
"""Tokens that are scored together. A text of up to half as many more is one window."""

MAX_SCORED = 8000
"""Characters of a text that are looked at. Of a longer one these are its first and its last 4,000."""

REMEMBERED = 32_768
"""Tokens whose sums are kept, and as many of those before them; about 12 MB."""

RUN_WEIGHT = 0.5
"""What an n-gram of a run without spaces counts. Those of a word count 1 / sqrt(how many there are)."""

_LONGEST_REMEMBERED = 40
# A token's sums are packed into one whole number: the lowest field is its count of words, then each head's sum in
# 1/256. So a text's are added up by `sum` alone; the tokens of a window cannot fill a field.
_UNIT = 256
_FIELD = 32
_MASK = (1 << _FIELD) - 1
_HALF = 1 << (_FIELD - 1)
_MOST = 1 << 22
# An n-gram's weights, four heads in one number of 64 bits, each raised by 128 so that none is below zero. A word has at
# most 123 n-grams, so that their sum cannot fill a field either.
_GRAM_FIELD = 16
_GRAM_MASK = (1 << _GRAM_FIELD) - 1
_GRAM_HEADS = 4
_RAISED = bytes((weight + 128) & 0xFF for weight in range(256))


class Part(Struct, frozen=True):
    """What one token adds to a score.

    Args:
        token: as it stands in the text's plain form.
        logit: how much it moves the score's logit; positive: towards what the head finds.
    """

    token: str
    logit: float


class Scorer:
    """Scores texts by weights. Safe to use from several threads at once: what is kept never changes a score."""

    def __init__(self, weights: Weights) -> None:
        """Takes weights."""
        self.heads = weights.header.heads
        self._steady = weights.header.steady
        self._shifts = tuple(_FIELD * (place + 1) for place in range(len(self.heads)))
        self._sums = _Sums(weights).__getitem__

    def scores(self, plain: str) -> dict[str, float]:
        """By head, how surely the text is what the head finds, when about 1 % of texts are; 0 for no words.

        Args:
            plain: the text's plain form.
        """
        return {
            head.name: probability(raw * head.scale + head.bias)
            for head, raw in zip(self.heads, self.strongest(plain), strict=True)
        }

    def strongest(self, plain: str) -> list[float]:
        """For each head the largest ``sum / sqrt(count + steady)`` of its windows; minus infinity for no words."""
        found = [self._window(part) for part in windows(plain)]
        return found[0] if len(found) == 1 else [max(values) for values in zip(*found, strict=True)]

    def parts(self, plain: str, head: str) -> list[Part]:
        """What each token of the window that makes a head's score adds to it, the strongest first.

        Args:
            plain: the text's plain form.
            head: the name of one of the heads.
        """
        place = next(place for place, one in enumerate(self.heads) if one.name == head)
        tokens = max(windows(plain), key=lambda part: self._window(part)[place])
        packed = {token: self._sums(token) for token in dict.fromkeys(tokens)}
        count = sum(one & _MASK for one in packed.values())
        norm = self.heads[place].scale / (_UNIT * math.sqrt(count + self._steady))
        parts = [Part(token, _field(one, place) * norm) for token, one in packed.items()]
        return sorted(parts, key=lambda part: (-part.logit, part.token))

    def _window(self, tokens: Iterable[str]) -> list[float]:
        # Each token once: what is said ten times is not ten times as bad.
        packed = sum(map(self._sums, set(tokens)))
        count = packed & _MASK
        if count == 0:
            return [-math.inf] * len(self.heads)
        norm = 1 / (_UNIT * math.sqrt(count + self._steady))
        packed += _ROUNDING[len(self.heads)]
        return [(((packed >> shift) & _MASK) - _HALF) * norm for shift in self._shifts]


class _Sums(dict[str, int]):
    """The packed sums of the tokens that were seen lately; those of others are worked out when they are asked for."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        header = weights.header
        self._words = weights.words
        self._mask = (1 << header.bits) - 1
        self._unknown = header.unknown
        self._of_words = [table.words for table in weights.tables]
        # What a word of one head's weight adds, as it is packed; weights below zero count from the end, as indexes do.
        weighed = (*range(128), *range(-128, 0))
        self._worth = [
            [max(-_MOST, min(_MOST, round(weight * (head.words * _UNIT)))) << _FIELD * place for weight in weighed]
            for place, head in enumerate(header.heads, 1)
        ]
        self._steps = [head.words * _UNIT for head in header.heads]
        self._weights = weights
        self._older: dict[str, int] = {}

    def __missing__(self, token: str) -> int:
        packed = self._older.get(token)
        if packed is None:
            packed = self._work_out(token)
        if len(token) <= _LONGEST_REMEMBERED:
            if len(self) >= REMEMBERED:
                # What is in use comes back from the older half; the rest is forgotten with it.
                self._older = dict(self)
                self.clear()
            self[token] = packed
        return packed

    def _work_out(self, token: str) -> int:
        found = words(token)
        if len(found) == 1 and (place := self._place(found[0])) >= 0:
            packed = length(found[0])
            for of_words, worth in zip(self._of_words, self._worth, strict=True):
                packed += worth[of_words[place]]
            return packed
        count, mask = 0, self._mask
        sums = [0.0] * len(self._steps)
        for word in found:
            count += length(word)
            if (place := self._place(word)) >= 0:
                for head, step in enumerate(self._steps):
                    sums[head] += self._of_words[head][place] * step
                continue
            of_grams = [gram & mask for gram in grams(word)]
            share = RUN_WEIGHT if is_unspaced(word) else self._unknown / math.sqrt(len(of_grams) or 1)
            raised = 128 * len(of_grams)
            for look_up, heads in self._of_grams:
                together = sum(map(look_up, of_grams))
                for head, shift, step in heads:
                    sums[head] += (((together >> shift) & _GRAM_MASK) - raised) * step * share
        packed = 0
        for value in reversed(sums):
            whole = round(value)
            if not -_MOST <= whole <= _MOST:
                whole = _MOST if whole > 0 else -_MOST
            packed = (packed + whole) << _FIELD
        return packed + count

    def _place(self, word: str) -> int:
        """Where a word stands in the table of words; -1: nowhere."""
        key = crc32(word.encode())
        place = bisect_left(self._words, key)
        return place if place < len(self._words) and self._words[place] == key else -1

    @cached_property
    def _of_grams(self) -> list[tuple[Callable[[int], int], list[tuple[int, int, float]]]]:
        """By n-gram the weights of four heads in one number, and the place, shift and step of each; made at the first
        word that is not known."""
        found: list[tuple[Callable[[int], int], list[tuple[int, int, float]]]] = []
        tables, steps = self._weights.tables, [head.grams * _UNIT for head in self._weights.header.heads]
        for first in range(0, len(tables), _GRAM_HEADS):
            packed = bytearray(8 * (self._mask + 1))
            heads = []
            for place, head in enumerate(range(first, min(first + _GRAM_HEADS, len(tables)))):
                packed[2 * place if sys.byteorder == "little" else 7 - 2 * place :: 8] = (
                    tables[head].grams.tobytes().translate(_RAISED)
                )
                heads.append((head, _GRAM_FIELD * place, steps[head]))
            found.append((array("Q", bytes(packed)).__getitem__, heads))
        return found


def tokens_of(plain: str) -> list[str]:
    """The parts of a text between white space; long runs of letters without any are cut.

    >>> tokens_of("you idiot"), [len(token) for token in tokens_of("白" * 50)]
    (['you', 'idiot'], [20, 20, 10])
    """
    if len(plain) > MAX_SCORED:
        plain = f"{plain[: MAX_SCORED // 2]} {plain[-MAX_SCORED // 2 :]}"
    tokens = plain.split()
    if len(plain) <= 2 * RUN or plain.isascii():
        return tokens
    cut = []
    for token in tokens:
        if len(token) > 2 * RUN and not token.isascii():
            cut += [token[start : start + RUN] for start in range(0, len(token), RUN)]
        else:
            cut.append(token)
    return cut


def windows(plain: str) -> list[list[str]]:
    """The tokens of a text that are scored together.

    >>> [len(part) for part in windows("ab " * 100)]
    [30, 30, 30, 30, 30, 25]
    """
    tokens = tokens_of(plain)
    if len(tokens) <= WINDOW * 3 // 2:
        return [tokens]
    return [tokens[start : start + WINDOW] for start in range(0, len(tokens) - WINDOW // 2, WINDOW // 2)]


def probability(logit: float) -> float:
    """The probability that belongs to a logit."""
    if logit < -700:
        return 0.0
    return 1 / (1 + math.exp(-logit))


def _field(packed: int, place: int) -> int:
    return (((packed + _ROUNDING[place + 1]) >> (_FIELD * (place + 1))) & _MASK) - _HALF


# Half a field in each field but the lowest, so that negative sums do not borrow from the field above.
_ROUNDING = [sum(_HALF << (_FIELD * place) for place in range(1, heads + 1)) for heads in range(17)]
