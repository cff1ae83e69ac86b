"""An answer as a table for people, as CSV for spreadsheets, as JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from athena.engine import Answer, Column
from athena.nested import NESTED_TYPES, Nested, read_nested
from athena.values import Value
from glue.terminal.sanitize import hides, inert, no_formula

_NUMBERS = ("tinyint", "smallint", "int", "integer", "bigint", "double", "float", "real", "decimal")
_WIDEST = 100_000


def print_table(answer: Answer, stream: IO[str], *, units: Sequence[str] = ()) -> None:
    """Prints the answer as a table; text from the lake is shown inert, and nothing is cut off.

    Args:
        units: below the columns' names, one for each column; empty texts show nothing.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    captions = [*units, *([""] * (len(answer.columns) - len(units)))]
    for column, unit in zip(answer.columns, captions, strict=True):
        header = Text(inert(column.name))
        if unit and unit != column.name:
            header.append(f"\n{inert(unit)}", style="dim")
        table.add_column(header, justify="right" if _is_number(column) else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text("null", style="dim") if value is None else Text(_shown(value)) for value in row))
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        # A pipe has no width: take what the table needs.
        wide = console.options.update(width=_WIDEST)
        console.width = max(1, Measurement.get(console, wide, table).maximum)
    console.print(table)


def csv_lines(answer: Answer, *, terminal: bool = False) -> Iterator[str]:
    """The answer as lines of CSV by RFC 4180, header first, each with its CRLF.

    A text that a spreadsheet would run as a formula begins with ``'``; numbers stay numbers; null is an empty cell, an
    empty text is ``""``.

    Args:
        terminal: the reader is a terminal: what would act on it is escaped.
    """
    yield ",".join(_csv_text(column.name, terminal=terminal) for column in answer.columns) + "\r\n"
    for row in answer.rows:
        yield ",".join(_csv_cell(value, terminal=terminal) for value in row) + "\r\n"


def json_lines(answer: Answer) -> Iterator[str]:
    """The answer as one JSON array of objects, a row a line. Numbers are exact; NaN and infinities are texts.

    Arrays, maps and rows are JSON's, as :mod:`athena.nested` reads them.

    Raises:
        ValueError: two columns share a name.
    """
    nested = {column.name for column in answer.columns if column.type.partition("(")[0].lower() in NESTED_TYPES}
    records = [
        {
            name: read_nested(value) if name in nested and isinstance(value, str) else value
            for name, value in one.items()
        }
        for one in answer.records()
    ]
    yield "[\n" if records else "[]\n"
    for number, record in enumerate(records, start=1):
        inside = ", ".join(f"{_json(name)}: {_json(value)}" for name, value in record.items())
        yield f"  {{{inside}}}{',' if number < len(records) else ''}\n"
    if records:
        yield "]\n"


def size(count: int) -> str:
    """A number of bytes as people read it.

    >>> size(999), size(1_234_567)
    ('999 B', '1.2 MB')
    """
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def _is_number(column: Column) -> bool:
    return column.type.partition("(")[0] in _NUMBERS


def _shown(value: Value) -> str:
    return inert(value) if isinstance(value, str) else inert(_plain(value))


def _plain(value: Value) -> str:
    """A value that is not a text, as Athena writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds" if value.microsecond % 1000 else "milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _csv_cell(value: Value, *, terminal: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, list, dict)):
        return _csv_text(value if isinstance(value, str) else _plain(value), terminal=terminal)
    return _plain(value)


def _csv_text(text: str, *, terminal: bool) -> str:
    safe = no_formula(text)
    safe = inert(safe) if terminal else safe
    # The semicolon and the tab separate cells in some locales: unquoted, what follows them would be a cell of its own.
    plain = safe and not any(mark in safe for mark in ',";\t\r\n') and safe == safe.strip()
    return safe if plain else '"' + safe.replace('"', '""') + '"'


def _json(value: Value | Nested) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        value = str(value)
    if isinstance(value, (datetime, date, Decimal)):
        value = _plain(value)
    text = json.dumps(value, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text
    # Such characters stand inside strings only, where an escape means the same.
    return "".join(_json_escape(character) if hides(character) else character for character in text)


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1]
