"""A line of the table of quality: a figure, what it may be off by, what was asked for, and whether that is met."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from consumers.evaluation.intervals import Estimate

Sense = Literal["at least", "at most"]


class Row(Struct, frozen=True):
    """One line.

    Args:
        part: which part of the table.
        what: what was measured, on which texts.
        texts: on how many.
        figure: with its interval.
        percent: whether it is told in percent.
        target: what was asked for; None: nothing, it is told all the same.
        sense: whether the figure must be at least or at most that.
        digits: how many of its digits are compared, where what it is compared with was written with so few.
        beside: what others reach.
    """

    part: str
    what: str
    texts: int
    figure: Estimate
    percent: bool = False
    target: float | None = None
    sense: Sense = "at least"
    digits: int = 6
    beside: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        value = round(self.figure.value, self.digits)
        return value >= self.target if self.sense == "at least" else value <= self.target


class Missed(Struct, frozen=True):
    """Texts of one kind that should have been found.

    Args:
        data: the set.
        kind: as its annotators called it.
        texts: how many there are.
        missed: how many of them lead to no action.
        of_known_words: how many of these hold a word of a public list of rude words, so that a list would find them.
    """

    data: str
    kind: str
    texts: int
    missed: int
    of_known_words: int | None = None


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of gzip JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
