"""Texts with a yes or a no, out of rows: cleaned, labelled, and dealt to what is learned from and what is held out."""

import hashlib
import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from consumers.moderation.normalise import normalise
from consumers.training.recipe import TextSet, TrainingError

Part = Literal["learn", "calibrate", "held_out"]

FEWEST = 20
"""Texts of each kind that a head needs in each part."""

_YES = frozenset({"1", "1.0", "true", "yes"})
_NO = frozenset({"0", "0.0", "false", "no"})
_SHOWN = 12

Cells = Mapping[str, Any]
"""One row: values by column."""


class Example(Struct, frozen=True, gc=False):
    """One text.

    Args:
        plain: its plain form.
        label: whether it is what the set's head finds; natural texts are not.
        part: what it is for.
    """

    plain: str
    label: bool
    part: Part


class Examples(Struct, frozen=True):
    """What one set gave.

    Args:
        of: the set.
        examples: its texts, in the file's order.
        marked: parts of positive texts that were learned by themselves: what makes them so, and what is left without.
        unlabelled, empty, passed_over: rows that gave none.
    """

    of: TextSet
    examples: tuple[Example, ...]
    marked: tuple[Example, ...]
    unlabelled: int
    empty: int
    passed_over: int

    def count(self, part: Part, *, label: bool | None = None) -> int:
        """How many texts are for this."""
        return sum(one.part == part and label in (None, one.label) for one in self.examples)


def read_examples(text_set: TextSet, rows: Iterable[Cells], *, seed: int) -> Examples:
    """The examples in a set's rows.

    Args:
        rows: the file's rows; cells as Python values.
        seed: of what is held out.

    Raises:
        TrainingError: there are no rows, a column is missing, or a label says neither yes nor no.
    """
    examples: list[Example] = []
    marked: list[Example] = []
    unlabelled = empty = passed_over = number = 0
    needed = [text_set.text] + [name for name in (text_set.head and text_set.label, text_set.split) if name]
    seen: dict[str, bool] = dict.fromkeys(needed, False)
    columns: dict[str, None] = {}
    for number, cells in enumerate(rows, start=1):
        columns.update(dict.fromkeys(cells))
        for name in needed:
            seen[name] = seen[name] or value_at(cells, name) is not None
        if any(_holds(value_at(cells, name), values) for name, values in text_set.without.items()):
            passed_over += 1
            continue
        text = value_at(cells, text_set.text)
        if not isinstance(text, str) or not text.strip():
            empty += 1
            continue
        label = False
        if text_set.head is not None:
            raw = value_at(cells, text_set.label)
            if raw is None or raw == "" or raw != raw:
                unlabelled += 1
                continue
            label = _label(raw, text_set, number)
        part = _part(text_set, cells, text, seed)
        examples.append(Example(_plain(text, text_set), label, part))
        if text_set.spans and label and part == "learn":
            marked += _marked(text, value_at(cells, text_set.spans), text_set)
    if not number:
        raise TrainingError(f"{text_set.name}: {text_set.file}: no rows; give a file with at least one")
    for name in needed:
        if not seen[name]:
            shown = ", ".join(list(columns)[:_SHOWN]) + (" …" if len(columns) > _SHOWN else "")
            raise TrainingError(
                f"{text_set.name}: {text_set.file}: no row has a value in column {name!r}; columns there: {shown}"
            )
    if not examples:
        raise TrainingError(
            f"{text_set.name}: {text_set.file}: none of {number:,} rows is usable: {empty:,} without text, "
            f"{unlabelled:,} without label, {passed_over:,} passed over"
        )
    return Examples(text_set, tuple(examples), tuple(marked), unlabelled, empty, passed_over)


def value_at(cells: Cells, place: str) -> Any:
    """The value of a column, or of a field inside one (``column.field``); None when there is none.

    >>> value_at({"native": {"votes": 3}}, "native.votes")
    3
    """
    if place in cells:
        return cells[place]
    value: Any = cells
    for step in place.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def reader(rows: Callable[[TextSet], Iterator[Cells]], *, seed: int) -> Callable[[TextSet], Examples]:
    """Reads sets by a function that opens them."""
    return lambda text_set: read_examples(text_set, rows(text_set), seed=seed)


def _holds(value: Any, values: Sequence[str]) -> bool:
    return any(str(one) in values for one in value) if isinstance(value, list) else str(value) in values


def _label(raw: Any, text_set: TextSet, number: int) -> bool:
    text = str(raw).strip()
    if text_set.positive:
        return text in text_set.positive
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise TrainingError(
        f"{text_set.name}: {text_set.file}: row {number:,}: label {text[:40]!r}; allowed: 1, true, yes, 0, false, no. "
        "Of other labels say which mean yes (--positive, or positive in the recipe)"
    )


def _part(text_set: TextSet, cells: Cells, text: str, seed: int) -> Part:
    # By the text, so that copies of one text are on the same side.
    bucket = int.from_bytes(hashlib.sha256(f"{seed}:{text.strip().lower()}".encode()).digest()[:4], "big") % 10
    if text_set.split:
        held_out = str(value_at(cells, text_set.split)) in text_set.held_out
    else:
        held_out = bucket == 1
    if held_out:
        return "held_out"
    return "calibrate" if bucket == 0 else "learn"


def _plain(text: str, text_set: TextSet) -> str:
    if text_set.unescape:
        # Twice: some sets escaped what was escaped.
        text = html.unescape(html.unescape(text))
    for old, new in text_set.replace:
        text = text.replace(old, new)
    return normalise(text).plain


def _marked(text: str, positions: Any, text_set: TextSet) -> list[Example]:
    inside = set(positions or ())
    if not inside or len(inside) * 2 > len(text):
        # Where most of it is marked, what is left says nothing.
        return []
    kept = "".join(" " if place in inside else character for place, character in enumerate(text))
    cut = "".join(character if place in inside else " " for place, character in enumerate(text))
    return [
        Example(_plain(part, text_set), label, "learn") for part, label in ((kept, False), (cut, True)) if part.strip()
    ]
