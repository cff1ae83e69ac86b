"""What to know, or to say otherwise, about how rows were read: advice that goes with a production's account."""

from collections.abc import Iterator
from difflib import get_close_matches

from glue.readers.documents import lists_in
from producers.commands.production import Production
from producers.mapping.columns import Place
from producers.mapping.datasets import Dataset

_SHOWN = 12
_LIST_FOR_TEXT = "text: Expected `str`, got `array`"
_MISSING = "missing:"


def advice(done: Production, dataset: Dataset, preset: str | None) -> list[str]:
    """A line for each thing to know, the gravest first.

    Args:
        done: what became of the rows.
        dataset: where they came from.
        preset: by which they were read.
    """
    return [
        *_about_content(done, dataset, preset),
        *_about_columns(done, dataset),
        *_about_form(done, dataset),
        *_about_changes(dataset),
    ]


def has_no_content(done: Production) -> bool:
    """Whether there were rows and none of them was content."""
    return done.read == done.passed_over > 0 and done.source_error is None


def _about_content(done: Production, dataset: Dataset, preset: str | None) -> Iterator[str]:
    condition = done.passed_by
    if not has_no_content(done) or condition is None:
        return
    if condition.is_in:
        wanted = f"not {' or '.join(condition.is_in)}"
    else:
        wanted = f"only {' or '.join(repr(value) for value in condition.is_not)}"
    yield (
        f"NO ROW IS CONTENT by --preset {preset}: {_shown(condition.column)} is not there, or {wanted}. Is it that "
        f"format, and has the format changed? Columns there: {_columns(dataset)}. --list-presets describes each preset"
    )


def _about_columns(done: Production, dataset: Dataset) -> Iterator[str]:
    for name, place in dataset.unseen.items() if dataset.columns else ():
        near = get_close_matches(_shown(place), list(dataset.columns), n=1)
        guess = f"; did you mean --map {name}={near[0]}?" if near else ""
        yield (
            f"no row has a value in column {_shown(place)} (--map {name}={_shown(place)}); "
            f"columns there: {_columns(dataset)}{guess}"
        )
    missing = sorted(reason.removeprefix(_MISSING) for reason in done.reasons if reason.startswith(_MISSING))
    if missing and missing[0] not in dataset.unseen:
        yield (
            f"columns there: {_columns(dataset)}; say --map {missing[0]}=COLUMN, "
            f"--set {missing[0]}=VALUE or --default {missing[0]}=VALUE"
        )


def _about_form(done: Production, dataset: Dataset) -> Iterator[str]:
    if not done.rejected:
        return
    if any(_LIST_FOR_TEXT in line for line in done.first_rejected):
        place = _shown(dataset.mapping.columns.get("text", "text"))
        yield f"the text is a list of pieces; to join them: --map 'text={place}[]'"
    if done.reasons.get("encoding"):
        yield "rows that are not UTF-8 can be read with --encoding, such as --encoding windows-1252"
    if done.rejected < done.read:
        return
    if done.reasons.get("ragged", 0) == done.read:
        yield "no row has as many cells as the header; say what separates them with --delimiter"
    if done.reasons.get("json", 0) == done.read:
        yield "no row is JSON; if the file holds something else, say what with --format"
    first = dataset.first
    lists = lists_in(first.raw) if first is not None and first.raw.startswith(b"{") else []
    if lists:
        ways = " or ".join(f"--items {way}" for way in lists[:3])
        yield f"the first row holds lists of objects; if the rows are in one of them, say {ways}"


def _about_changes(dataset: Dataset) -> Iterator[str]:
    notes = dataset.notes
    if notes.cut_times:
        yield (
            f"{notes.cut_times:,} times were finer than a microsecond and were cut; what was written stays as "
            "source_created_at_uncut"
        )
    if notes.other_surfaces:
        said = ", ".join(f"{name} {count:,}" for name, count in notes.other_surfaces.items())
        more = f" and {notes.more_surfaces:,} more" if notes.more_surfaces else ""
        yield (
            f"surfaces that land as other, since only a-z, 0-9 and _ (up to 32) are kept: {said}{more}; "
            "say --set surface=NAME, or correct the column"
        )


def _columns(dataset: Dataset) -> str:
    columns = list(dataset.columns)
    more = f" and {len(columns) - _SHOWN:,} more" if len(columns) > _SHOWN else ""
    return (", ".join(columns[:_SHOWN]) or "none") + more


def _shown(place: Place) -> str:
    return place if isinstance(place, str) else " or ".join(place)
