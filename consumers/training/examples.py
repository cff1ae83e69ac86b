"""Texts with what they are, out of rows: cleaned, labelled, and dealt to what is learned from and what is held out."""

import hashlib
import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from consumers.moderation.normalise import normalise
from consumers.training.recipe import LabelRule, TextSet, TrainingError

Part = Literal["learn", "calibrate", "held_out"]

FEWEST = 20
"""Texts of each kind that a head needs in each part."""

SCORED = 700
"""Characters of a text that the teachers were given; their scores are found by these."""

_YES = frozenset({"1", "1.0", "true", "yes"})
_NO = frozenset({"0", "0.0", "false", "no"})
_SHOWN = 12

Cells = Mapping[str, Any]
"""One row: values by column."""


class Example(Struct, frozen=True, gc=False):
    """One text.

    Args:
        plain: its plain form.
        labels: by head, whether it is what the head finds; a head left out: nobody said.
        part: what it is for.
        language: as its row gives it; empty: not known.
        key: what the teachers' scores of it are found by.
    """

    plain: str
    labels: dict[str, bool]
    part: Part
    language: str = ""
    key: str = ""


class Examples(Struct, frozen=True):
    """What one set gave.

    Args:
        of: the set.
        examples: its texts, in the file's order.
        unlabelled: texts of which nothing is said but what teachers may say.
        empty, passed_over: rows that gave none.
    """

    of: TextSet
    examples: tuple[Example, ...]
    unlabelled: int
    empty: int
    passed_over: int

    def count(self, part: Part, *, head: str | None = None, label: bool | None = None) -> int:
        """How many texts are for this; with a head, those of which something is said about it."""
        return sum(
            one.part == part and (head is None or (head in one.labels and label in (None, one.labels[head])))
            for one in self.examples
        )


def read_examples(text_set: TextSet, rows: Iterable[Cells], *, seed: int, longest: int = 1000) -> Examples:
    """The examples in a set's rows.

    Args:
        rows: the file's rows; cells as Python values.
        seed: of what is held out.
        longest: characters of a text that are kept.

    Raises:
        TrainingError: there are no rows, a column is missing, or a label says neither yes nor no.
    """
    examples: list[Example] = []
    unlabelled = empty = passed_over = number = 0
    needed = [text_set.text, *(rule.column for rule in text_set.labels.values()), *filter(None, [text_set.split])]
    seen: dict[str, bool] = dict.fromkeys(needed, False)
    columns: dict[str, None] = {}
    for number, cells in enumerate(rows, start=1):
        columns.update(dict.fromkeys(cells))
        for name in needed:
            seen[name] = seen[name] or value_at(cells, name) is not None
        if _any_holds(cells, text_set.without) or not all(
            _holds(value_at(cells, name), values) for name, values in text_set.only.items()
        ):
            passed_over += 1
            continue
        text = value_at(cells, text_set.text)
        plain = _plain(text, text_set)[:longest] if isinstance(text, str) else ""
        if not isinstance(text, str) or not plain.strip():
            empty += 1
            continue
        labels: dict[str, bool] = {}
        if not _any_holds(cells, text_set.teachers_only):
            labels = dict.fromkeys(text_set.calm, False)
            for head, rule in text_set.labels.items():
                said = _label(value_at(cells, rule.column), rule, text_set, number)
                if said is None:
                    labels.pop(head, None)
                else:
                    labels[head] = said
        unlabelled += not labels
        given = value_at(cells, text_set.language)
        language = given if isinstance(given, str) else text_set.language if len(text_set.language) == 2 else ""
        examples.append(Example(plain, labels, _part(text_set, cells, text, seed), language, key_of(text)))
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
            f"{passed_over:,} passed over"
        )
    return Examples(text_set, tuple(examples), unlabelled, empty, passed_over)


def key_of(text: str) -> str:
    """What the teachers' scores of a text are found by.

    >>> key_of("Hello &amp; goodbye")
    '437cc0d012697b00'
    """
    return hashlib.sha256(html.unescape(text)[:SCORED].encode()).hexdigest()[:16]


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


def _any_holds(cells: Cells, wanted: Mapping[str, Sequence[str]]) -> bool:
    return any(_holds(value_at(cells, name), values) for name, values in wanted.items())


def _holds(value: Any, values: Sequence[str]) -> bool:
    return any(str(one) in values for one in value) if isinstance(value, list) else str(value) in values


def _label(raw: Any, rule: LabelRule, text_set: TextSet, number: int) -> bool | None:
    if raw is None or raw == "" or raw != raw:
        return None
    if isinstance(raw, list) or rule.yes:
        if _holds(raw, rule.yes):
            return True
        return False if not rule.no or _holds(raw, rule.no) else None
    text = str(raw).strip()
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise TrainingError(
        f"{text_set.name}: {text_set.file}: row {number:,}: label {text[:40]!r}; allowed: 1, true, yes, 0, false, no. "
        "Of other labels say which mean yes (--positive, or yes in the recipe)"
    )


def _part(text_set: TextSet, cells: Cells, text: str, seed: int) -> Part:
    # By the text, so that copies of one text are on the same side.
    bucket = int.from_bytes(hashlib.sha256(f"{seed}:{text.strip().lower()}".encode()).digest()[:4], "big") % 10
    given = str(value_at(cells, text_set.split)) if text_set.split else ""
    if given in text_set.held_out if text_set.split else bucket == 1:
        return "held_out"
    return "calibrate" if (given in text_set.aside if text_set.aside else bucket == 0) else "learn"


def _plain(text: str, text_set: TextSet) -> str:
    if text_set.unescape:
        # Twice: some sets escaped what was escaped.
        text = html.unescape(html.unescape(text))
    for old, new in text_set.replace:
        text = text.replace(old, new)
    return normalise(text).plain
