"""Scores of texts by the linear model's weights, and the words that make them.

A word that the weights know has a weight of its own; the n-grams of other words are added up. A word thus always adds
the same: the sums of the tokens last seen are kept, and a text costs one look-up for each of its tokens.

A long text is scored in windows that overlap, and the strongest counts: one rude clause among ten calm ones is rude.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
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
# A word's n-grams, packed alike: it has fewer than 2 ** 12 of them, so that their sum cannot fill a field.
_GRAM_FIELD = 20
_GRAM_MASK = (1 << _GRAM_FIELD) - 1
_GRAM_HALF = 1 << (_GRAM_FIELD - 1)


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
        self._tables = [
            (table.words, head.words * _UNIT, head.grams * _UNIT)
            for head, table in zip(header.heads, weights.tables, strict=True)
        ]
        self._grams = _Grams(weights).__getitem__
        self._gram_shifts = tuple(_GRAM_FIELD * place for place in range(len(self._tables)))
        self._gram_rounding = sum(_GRAM_HALF << shift for shift in self._gram_shifts)
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
        count = 0
        sums = [0.0] * len(self._tables)
        for word in words(token):
            count += length(word)
            key = crc32(word.encode())
            place = bisect_left(self._words, key)
            if place < len(self._words) and self._words[place] == key:
                for head, (of_words, step, _) in enumerate(self._tables):
                    sums[head] += of_words[place] * step
                continue
            found = [gram & self._mask for gram in grams(word)]
            share = RUN_WEIGHT if is_unspaced(word) else self._unknown / math.sqrt(len(found) or 1)
            together = sum(map(self._grams, found)) + self._gram_rounding
            for head, (_, _, step) in enumerate(self._tables):
                of_head = ((together >> self._gram_shifts[head]) & _GRAM_MASK) - _GRAM_HALF
                sums[head] += of_head * step * share
        packed = 0
        for value in reversed(sums):
            packed = (packed + max(-_MOST, min(_MOST, round(value)))) << _FIELD
        return packed + count


class _Grams(dict[int, int]):
    """The n-grams that were seen lately, each with its weights of all heads in one whole number."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._tables = [table.grams for table in reversed(weights.tables)]

    def __missing__(self, gram: int) -> int:
        packed = 0
        for table in self._tables:
            packed = (packed << _GRAM_FIELD) + table[gram]
        if len(self) >= REMEMBERED:
            self.clear()
        self[gram] = packed
        return packed


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
