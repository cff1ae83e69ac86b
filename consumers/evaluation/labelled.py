"""Rows of files as labelled texts: which columns say what, and what the labels mean to a policy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from consumers.training.examples import value_at
from glue.readers.rows import Row, plain

ANY = "any"
"""The question whether a text should be acted on at all, whatever the label."""

_YES = frozenset({"1", "1.0", "true", "yes"})
_NO = frozenset({"0", "0.0", "false", "no"})
_MOST_PROBLEMS = 20


class LabelError(ValueError):
    """These rows cannot be evaluated on; the message says what was received, what is allowed, and what to do."""


class Columns(Struct, frozen=True):
    """How rows are read.

    Args:
        text, label: columns; ``a.b`` is field b of column a.
        positive: labels that mean yes, as text. Empty: 1, true and yes do, 0, false and no do not.
        positive_from: numbers from here on mean yes.
        meaning: what each label means: a label of the policy, or nothing. A column may hold a list of labels.
        flags: columns that each say yes or no to one label of the policy, instead of one column with the label.
        language: a column; empty: ``language`` or ``lang``, where there is one.
        surface: a column that need not be there.
        on: the surface of rows that name none.
        slices: columns by whose values figures are told apart.
        only: by column the values of rows that count; others are passed over.
        others: the other way round: only rows that ``only`` passes over.
        negative: all rows are ordinary texts, and no label is read.
        entities: a column that lists spans, each with label, start and end, instead of a label.
    """

    text: str = "text"
    label: str = "label"
    positive: tuple[str, ...] = ()
    positive_from: float | None = None
    meaning: dict[str, str] = {}
    flags: dict[str, str] = {}
    language: str = ""
    surface: str = "surface"
    on: str = "comment"
    slices: tuple[str, ...] = ()
    only: dict[str, tuple[str, ...]] = {}
    others: bool = False
    negative: bool = False
    entities: str = ""


class Labelled(Struct, frozen=True, gc=False):
    """One text with what people said of it.

    Args:
        text: as it was written.
        labels: the policy's labels that it should get, :data:`ANY` where only yes or no is known; none for a negative.
        language, surface: as the row says.
        slices: by column.
        place: file and row.
        entities: labelled spans: what, from where, up to where.
    """

    text: str
    labels: frozenset[str]
    language: str | None
    surface: str
    slices: tuple[tuple[str, str], ...]
    place: str
    entities: tuple[tuple[str, int, int], ...] = ()


class Passed(Struct):
    """Rows that were not judged, counted.

    Args:
        rows: how many were read in all.
        unreadable, empty, unlabelled, elsewhere: no row, no text, no label, or another split.
        unknown: labels without a meaning, with how often.
    """

    rows: int = 0
    unreadable: int = 0
    empty: int = 0
    unlabelled: int = 0
    elsewhere: int = 0
    unknown: dict[str, int] = msgspec.field(default_factory=dict)


def ordinary(columns: Columns) -> Columns:
    """How rows of ordinary texts are read: the same column of text, and nothing that only labelled files have."""
    return Columns(text=columns.text, surface=columns.surface, on=columns.on, negative=True)


def read_labelled(name: str, rows: Iterable[Row], columns: Columns, passed: Passed) -> Iterator[Labelled]:
    """The labelled texts in a file's rows; what is left out is counted.

    Args:
        name: what the file is called.
        rows: its rows.
        columns: how they are read.
        passed: counts what is left out, and all rows.

    Raises:
        LabelError: a column is in no row, or a label says neither yes nor no.
    """
    answer = [] if columns.negative else [*columns.flags] or [columns.entities or columns.label]
    needed = [columns.text, *answer, *columns.only, *columns.slices]
    if columns.language:
        needed.append(columns.language)
    spoken = (columns.language,) if columns.language else ("language", "lang")
    heads = {part for one in (*needed, columns.surface, *spoken) for part in (one, one.partition(".")[0])}
    missing = dict.fromkeys(needed, True)
    seen: dict[str, None] = {}
    unknown = Counter(passed.unknown)
    number = unreadable = 0
    why = ""
    for row in rows:
        number += 1
        passed.rows += 1
        if row.problem is not None:
            unreadable += 1
            why = why or f"row {row.number:,}: {row.problem.detail}"
            continue
        seen.update(dict.fromkeys(row.cells))
        cells = {name: plain(value) for name, value in row.cells.items() if name in heads}
        for one in [one for one in missing if value_at(cells, one) is not None]:
            del missing[one]
        is_elsewhere = any(str(value_at(cells, column)) not in values for column, values in columns.only.items())
        if is_elsewhere != columns.others:
            passed.elsewhere += 1
            continue
        text = value_at(cells, columns.text)
        if not isinstance(text, str) or not text.strip():
            passed.empty += 1
            continue
        place = f"{name}: row {row.number:,}"
        entities = _entities(value_at(cells, columns.entities), text, place) if columns.entities else ()
        labels = frozenset[str]() if columns.entities else _labels(cells, columns, unknown, place)
        if labels is None or entities is None:
            passed.unlabelled += 1
            continue
        language = next(filter(None, (value_at(cells, one) for one in spoken)), None)
        surface = value_at(cells, columns.surface)
        slices = tuple((column, _shown(value_at(cells, column))) for column in columns.slices)
        yield Labelled(
            text,
            labels,
            str(language) if language else None,
            surface if isinstance(surface, str) and surface else columns.on,
            slices,
            f"{name}:{row.number}",
            entities,
        )
    passed.unknown = dict(unknown)
    passed.unreadable += unreadable
    if not number:
        raise LabelError(f"{name}: no rows; give a file with at least one")
    if unreadable == number:
        raise LabelError(f"{name}: none of its {number:,} rows can be read; {why}")
    if missing:
        there = ", ".join(list(seen)[:12]) + (" …" if len(seen) > 12 else "")
        raise LabelError(f"{name}: no row has a value in column {next(iter(missing))!r}; columns there: {there}")


def _labels(cells: Mapping[str, Any], columns: Columns, unknown: Counter[str], place: str) -> frozenset[str] | None:
    if columns.negative:
        return frozenset()
    if columns.flags:
        given = {name: value_at(cells, name) for name in columns.flags}
        said = {name: value for name, value in given.items() if not _is_missing(value)}
        yes = [columns.flags[name] for name, value in said.items() if _is_positive(value, columns, f"{place}: {name}")]
        return frozenset(yes) if said else None
    raw = value_at(cells, columns.label)
    if _is_missing(raw):
        return None
    if columns.meaning:
        return _meant(raw, columns.meaning, unknown)
    return frozenset({ANY}) if _is_positive(raw, columns, place) else frozenset()


def _is_missing(raw: Any) -> bool:
    return bool(raw is None or raw == "" or raw != raw)


def _meant(raw: Any, meaning: Mapping[str, str], unknown: Counter[str]) -> frozenset[str] | None:
    given = [str(one).strip() for one in raw] if isinstance(raw, list | tuple) else [str(raw).strip()]
    known = [meaning[one] for one in given if one in meaning]
    for one in given:
        if one not in meaning and (one in unknown or len(unknown) < _MOST_PROBLEMS):
            unknown[one] += 1
    if given and not known:
        return None
    return frozenset(one for one in known if one)


def _is_positive(raw: Any, columns: Columns, place: str) -> bool:
    text = str(raw).strip()
    if columns.positive:
        return text in columns.positive
    if columns.positive_from is not None:
        try:
            return float(text) >= columns.positive_from
        except ValueError:
            raise LabelError(f"{place}: label {text[:40]!r}; allowed with --positive-from: a number") from None
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise LabelError(
        f"{place}: label {text[:40]!r}; allowed: 1, true, yes, 0, false, no. Of other labels say which mean yes "
        "(--positive), from which number on (--positive-from), or which of the policy's they are (--map)"
    )


def _entities(raw: Any, text: str, place: str) -> tuple[tuple[str, int, int], ...] | None:
    if isinstance(raw, str):
        # A cell of CSV holds the list as JSON.
        try:
            raw = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            raw = 0
    if raw is None:
        return None
    try:
        found = tuple((str(one["label"]), int(one["start"]), int(one["end"])) for one in raw)
    except (TypeError, KeyError, ValueError):
        raise LabelError(
            f"{place}: its entities are no list of spans; allowed: objects with label, start and end (characters)"
        ) from None
    for label, start, end in found:
        if not 0 <= start < end <= len(text):
            raise LabelError(f"{place}: {label[:40]} from {start} to {end}; its text has {len(text):,} characters")
    return found


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(sorted(map(str, value))) or "(none)"
    return "(none)" if value is None or value == "" else str(value)
