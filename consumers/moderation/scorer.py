"""Scores of texts by the linear model's weights, and the words that make them.

A word that the weights know has a weight of its own; the n-grams of other words are added up. A word thus always adds
the same: the sums of the tokens last seen are kept, and a text costs one look-up for each of its tokens.

A long text is scored in windows that overlap, and the strongest counts: one rude clause among ten calm ones is rude.
"""

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from struct import Struct as Layout
from zlib import crc32

from msgspec import Struct

from consumers.moderation.ngrams import RUN, core_of, grams, is_unspaced, length, words
from consumers.moderation.normalise import NormalText
from consumers.moderation.remembered import Remembered
from consumers.moderation.weights import Weights

WINDOW = 30
"""Tokens that are scored together. A text of up to half as many more is one window."""
_STEP = WINDOW // 2
_ONE_WINDOW = WINDOW + _STEP

MAX_SCORED = 8000
"""Characters of a text that are looked at. Of a longer one these are its first and its last 4,000."""

RUN_WEIGHT = 0.5
"""What an n-gram of a run without spaces counts. Those of a word count 1 / sqrt(how many there are)."""

# A token's sums are packed into one whole number: the lowest field is its count of words, then each head's sum in
# 1/256. So a text's are added up by `sum` alone; the tokens of a window cannot fill a field.
_UNIT = 256
_FIELD = 32
_MASK = (1 << _FIELD) - 1
_HALF = 1 << (_FIELD - 1)
_MOST = 1 << 22
_RAISED_BY = 2 * _MOST
"""What a packed sum is raised by where it must not be below zero."""
_FAR = 1 << 30
"""More than the tokens of a window can add up to."""
# An n-gram's weights, a byte for each of six heads in one number of 48 bits, each raised by 128 so that none is below
# zero. Every other byte is added up apart: a word has at most 123 n-grams, so that their sums do not fill 16 bits, and
# `sum` is fast as long as 63 bits are enough.
_GRAM_HEADS = 6
_EVERY_OTHER = 0x00FF00FF00FF
_GRAM_SUMS = Layout("<6H")
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
        found = list(map(self._raw, self._packed(plain)))
        return found[0] if len(found) == 1 else [max(values) for values in zip(*found, strict=True)]

    def parts(self, plain: str, head: str) -> list[Part]:
        """What each token of the window that makes a head's score adds to it, the strongest first.

        Args:
            plain: the text's plain form.
            head: the name of one of the heads.
        """
        place = next(place for place, one in enumerate(self.heads) if one.name == head)
        parts = windows(plain)
        raws = list(map(self._raw, self._packed(plain)))
        tokens = parts[max(range(len(parts)), key=lambda at: raws[at][place])]
        packed = {token: self._sums(token) for token in dict.fromkeys(tokens)}
        count = sum(one & _MASK for one in packed.values())
        norm = self.heads[place].scale / (_UNIT * math.sqrt(count + self._steady))
        added = [Part(token, _field(one, place) * norm) for token, one in packed.items()]
        return sorted(added, key=lambda part: (-part.logit, part.token))

    def reached(self, least: Sequence[float]) -> Callable[[str], dict[int, float]]:
        """What tells of a plain form which heads reach their own of these, by their place, and with how much. Most
        texts are calm, and that can be seen from their tokens' sums as they are packed.

        Args:
            least: for each head, as :meth:`strongest` gives it.
        """
        below = _Below(least, self._steady)
        top, packed_windows, rounding = below.top, self._packed, _ROUNDING[len(self.heads)]

        def find(plain: str) -> dict[int, float]:
            found: dict[int, float] = {}
            for packed in packed_windows(plain):
                count = packed & _MASK
                if count and (over := (packed + below[count]) & top):
                    norm = 1 / (_UNIT * math.sqrt(count + self._steady))
                    for place, shift in enumerate(self._shifts):
                        if over >> shift & _HALF:
                            raw = ((((packed + rounding) >> shift) & _MASK) - _HALF) * norm
                            found[place] = max(raw, found.get(place, raw))
            return found

        return find

    def reaching(self, least: Sequence[float]) -> Callable[[Sequence[NormalText]], Iterable[int]]:
        """What tells in which of some texts, by their place, :meth:`reached` may find something."""
        return lambda texts: range(len(texts))

    def _packed(self, plain: str) -> list[int]:
        """The packed sums of each window, in which each token counts once: what is said ten times is not ten times as
        bad."""
        sums, tokens = self._sums, tokens_of(plain)
        if len(tokens) <= _ONE_WINDOW:
            return [sum(map(sums, set(tokens)))]
        # A window is two halves, and all halves but the first and the last are in two of them.
        halves = [set(tokens[start : start + _STEP]) for start in range(0, len(tokens), _STEP)]
        packed = [sum(map(sums, half)) for half in halves]
        return [
            packed[at] + packed[at + 1] - sum(map(sums, one & other))
            for at, (one, other) in enumerate(pairwise(halves))
        ]

    def _raw(self, packed: int) -> list[float]:
        count = packed & _MASK
        if count == 0:
            return [-math.inf] * len(self.heads)
        norm = 1 / (_UNIT * math.sqrt(count + self._steady))
        packed += _ROUNDING[len(self.heads)]
        return [(((packed >> shift) & _MASK) - _HALF) * norm for shift in self._shifts]


class _Below(dict[int, int]):
    """By a window's count of words, what is added to its packed sums so that the highest bit of a head's field is set
    where the head reaches what it is compared with. Worked out when a count is first met; there are some hundred."""

    def __init__(self, least: Sequence[float], steady: float) -> None:
        super().__init__()
        self._least, self._steady = least, steady
        self.top = sum(_HALF << (_FIELD * place) for place in range(1, len(least) + 1))

    def __missing__(self, count: int) -> int:
        norm = 1 / (_UNIT * math.sqrt(count + self._steady))
        added = 0
        for place, least in enumerate(self._least, 1):
            # The smallest sum that reaches it, by the very arithmetic that compares scores.
            reached = round(max(-_FAR, min(_FAR, least / norm)))
            while reached > -_FAR and (reached - 1) * norm >= least:
                reached -= 1
            while reached < _FAR and reached * norm < least:
                reached += 1
            added += (_HALF - reached) << (_FIELD * place)
        self[count] = added
        return added


class _Sums(Remembered[int]):
    """The packed sums of the tokens that were seen lately; those of others are worked out when they are asked for."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        header = weights.header
        self._weights = weights
        self._words = weights.words
        self._mask = (1 << header.bits) - 1
        self._unknown = header.unknown
        heads = range(1, len(header.heads) + 1)
        self._raised = sum(_RAISED_BY << _FIELD * head for head in heads)
        self._layout = Layout(f"<{len(header.heads) + 1}I")
        self._steps_of_grams = [head.grams * _UNIT for head in header.heads]
        # Where words begin by the first byte of their number: half of the steps to find one.
        self._starts = [bisect_left(self._words, first << 24) for first in range(257)]

    def work_out(self, token: str) -> int:
        """The packed sums of a token."""
        core = core_of(token)
        # With a full stop behind it, it is the same word.
        return self._of_words_in(token) if core is None or core == token else self[core]

    def _of_words_in(self, token: str) -> int:
        found = words(token)
        if len(found) != 1:
            return self._of_several(found) if found else 0
        word = found[0]
        if (place := self._place(word)) >= 0:
            rows, size = self._of_words
            return int.from_bytes(rows[place * size : (place + 1) * size], "little") - self._raised + length(word)
        share, counted, summed = self._summed(word)
        # Raised, so that no head is below zero.
        wholes = [
            round((one - counted) * step * share) + _RAISED_BY
            for one, step in zip(summed, self._steps_of_grams, strict=True)
        ]
        if max(wholes) > _RAISED_BY + _MOST or min(wholes) < _RAISED_BY - _MOST:
            wholes = [max(_RAISED_BY - _MOST, min(_RAISED_BY + _MOST, one)) for one in wholes]
        return int.from_bytes(self._layout.pack(length(word), *wholes), "little") - self._raised

    def _of_several(self, found: Sequence[str]) -> int:
        """The sums of the words of one token."""
        weighed = self._weighed
        count, sums = 0, [0.0] * len(weighed)
        for word in found:
            count += length(word)
            if (at := self._place(word)) >= 0:
                sums = [one + of_words[at] * step for one, (of_words, step) in zip(sums, weighed, strict=True)]
                continue
            share, counted, summed = self._summed(word)
            of_grams = zip(sums, summed, self._steps_of_grams, strict=True)
            sums = [one + (together - counted) * step * share for one, together, step in of_grams]
        return count + sum(max(-_MOST, min(_MOST, round(one))) << _FIELD * head for head, one in enumerate(sums, 1))

    def _place(self, word: str) -> int:
        """Where a word stands in the table of words; -1: nowhere."""
        key = crc32(word.encode())
        first, known = key >> 24, self._words
        place = bisect_left(known, key, self._starts[first], self._starts[first + 1])
        return place if place < len(known) and known[place] == key else -1

    def _summed(self, word: str) -> tuple[float, int, list[int]]:
        """What each n-gram of an unknown word counts, by how much their sums are raised, and for each head the sum."""
        mask = self._mask
        of_grams = [gram & mask for gram in grams(word)]
        share = RUN_WEIGHT if is_unspaced(word) else self._unknown / math.sqrt(len(of_grams) or 1)
        summed: list[int] = []
        for look_up in self._of_grams:
            seen = list(map(look_up, of_grams))
            even = sum([one & _EVERY_OTHER for one in seen])
            # The other bytes' sums are moved behind those of every other one.
            summed += _GRAM_SUMS.unpack((even + ((sum(seen) - even) << 40)).to_bytes(12, "little"))
        return share, 128 * len(of_grams), summed[: len(self._steps_of_grams)]

    @cached_property
    def _weighed(self) -> list[tuple[memoryview, float]]:
        """For each head the known words' weights, and what 1 is worth."""
        heads = zip(self._weights.tables, self._weights.header.heads, strict=True)
        return [(table.words, head.words * _UNIT) for table, head in heads]

    @cached_property
    def _of_words(self) -> tuple[bytes, int]:
        """What each known word adds, as it is packed and raised: a row of bytes for each, and the bytes of a row. Made
        at the first word that is known."""
        size = _FIELD // 8 * (len(self._weighed) + 1)
        rows = bytearray(size * len(self._words))
        for head, (weights, step) in enumerate(self._weighed, 1):
            # Weights below zero count from the end, as bytes do.
            weighed = [round(weight * step) for weight in (*range(128), *range(-128, 0))]
            worth = [max(-_MOST, min(_MOST, one)) + _RAISED_BY for one in weighed]
            of_words = weights.tobytes()
            for byte in range(3):
                rows[_FIELD // 8 * head + byte :: size] = of_words.translate(
                    bytes((one >> 8 * byte) & 0xFF for one in worth)
                )
        return bytes(rows), size

    @cached_property
    def _of_grams(self) -> list[Callable[[int], int]]:
        """By n-gram the weights of six heads in one number; made at the first word that is not known."""
        found: list[Callable[[int], int]] = []
        tables = self._weights.tables
        for first in range(0, len(tables), _GRAM_HEADS):
            packed = bytearray(8 * (self._mask + 1))
            for head, table in enumerate(tables[first : first + _GRAM_HEADS]):
                # The first three heads are every other byte, the next three the bytes between them.
                place = 2 * (head % 3) + head // 3
                raised = table.grams.tobytes().translate(_RAISED)
                packed[place if sys.byteorder == "little" else 7 - place :: 8] = raised
            found.append(array("Q", bytes(packed)).__getitem__)
        return found


def shortened(plain: str) -> str:
    """What is looked at of a text: all, or the beginning and the end of one that is longer than ``MAX_SCORED``."""
    if len(plain) <= MAX_SCORED:
        return plain
    return f"{plain[: MAX_SCORED // 2]} {plain[-MAX_SCORED // 2 :]}"


def tokens_of(plain: str) -> list[str]:
    """The parts of a text between white space; long runs of letters without any are cut.

    >>> tokens_of("you idiot"), [len(token) for token in tokens_of("白" * 50)]
    (['you', 'idiot'], [20, 20, 10])
    """
    plain = shortened(plain)
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
    if len(tokens) <= _ONE_WINDOW:
        return [tokens]
    return [tokens[start : start + WINDOW] for start in range(0, len(tokens) - _STEP, _STEP)]


def probability(logit: float) -> float:
    """The probability that belongs to a logit."""
    if logit < -700:
        return 0.0
    return 1 / (1 + math.exp(-logit))


def _field(packed: int, place: int) -> int:
    return (((packed + _ROUNDING[place + 1]) >> (_FIELD * (place + 1))) & _MASK) - _HALF


# Half a field in each field but the lowest, so that negative sums do not borrow from the field above.
_ROUNDING = [sum(_HALF << (_FIELD * place) for place in range(1, heads + 1)) for heads in range(17)]
