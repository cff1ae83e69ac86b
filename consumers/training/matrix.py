"""Texts as rows of feature numbers, packed one after the other, so that 200,000 texts fit into some 200 MB."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from consumers.moderation.detectors.model import windows
from consumers.moderation.ngrams import features

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Matrix:
    """For each text the features that the detector would count, of its first window.

    Args:
        plains: the texts' plain forms.
    """

    def __init__(self, plains: Iterable[str]) -> None:
        found = array("I")
        ends = [0]
        known: dict[str, array[int]] = {}
        for plain in plains:
            # In the order of the text, not in that of a set, so that sums are the same in every process.
            for token in dict.fromkeys(windows(plain)[0].split()):
                if token not in known:
                    known[token] = array("I", sorted(features(token)))
                found.extend(known[token])
            ends.append(len(found))
        self._features = np.frombuffer(found, dtype=np.uint32) if found else np.zeros(0, np.uint32)
        self._starts = np.asarray(ends[:-1], np.int64)
        # Not np.diff: its type is any of many.
        self.counts: Whole = np.asarray(ends[1:], np.int64) - self._starts

    def rows(self, which: Whole, mask: int, steady: float) -> tuple[npt.NDArray[np.uint32], Whole, Floats]:
        """Some texts' features cut to a mask, for each which of the texts it is of, and what a text's sum is multiplied
        with."""
        counts: Whole = self.counts[which]
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)[:-1]])
        at = np.arange(counts.sum()) + np.repeat(self._starts[which] - before, counts)
        return self._features[at] & np.uint32(mask), np.repeat(np.arange(len(which)), counts), norms(counts, steady)

    def raw(self, weights: Floats, which: Whole, steady: float) -> Floats:
        """For each of some texts the sum of its weights over the root of their count; 0 for a text without any."""
        parts = []
        for start in range(0, len(which), 4096):
            some = which[start : start + 4096]
            columns, texts, norm = self.rows(some, len(weights) - 1, steady)
            parts.append(np.bincount(texts, weights=weights[columns], minlength=len(some)) * norm)
        return np.concatenate(parts) if parts else np.zeros(0)


def norms(counts: Whole, steady: float) -> Floats:
    """What sums over that many features are multiplied with."""
    result: Floats = 1 / np.sqrt(np.maximum(counts + steady, 1.0))
    return result


def select(flags: Sequence[bool]) -> Whole:
    """The positions at which a flag is set."""
    return np.flatnonzero(np.asarray(flags, bool)).astype(np.int64)
