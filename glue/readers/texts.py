"""Rows of texts from files, to try policies on and to measure them by."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast


def read_texts(path: Path, column: str) -> Iterator[tuple[str, str | None, str]]:
    """Each row's text, language and surface. Rows without text are left out.

    Args:
        path: JSON lines, CSV or Parquet, also gzip.
        column: which one holds the text; ``language`` or ``lang`` and ``surface`` are read when they are there.

    Raises:
        ValueError: the file is of no such form, or has no such column; it says which there are.
    """
    seen = False
    for number, row in enumerate(read_rows(path), start=1):
        if column not in row:
            raise ValueError(f"{path} row {number} has no column {column!r}; there are {', '.join(map(str, row))}")
        seen = True
        text = row[column]
        if isinstance(text, str) and text:
            language = row.get("language") or row.get("lang")
            yield text, str(language) if language else None, str(row.get("surface") or "comment")
    if not seen:
        raise ValueError(f"{path} has no rows")


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file.

    Args:
        path: JSON lines, CSV, TSV or Parquet; the first three also in gzip.

    Raises:
        ValueError: the file is of no such form; it names the line.
    """
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        from glue.catalog.lake import read_table

        yield from read_table(path.read_bytes()).to_pylist()
        return
    if not name.endswith((".jsonl", ".json", ".ndjson", ".csv", ".tsv")):
        raise ValueError(f"{path}: allowed: .jsonl, .csv, .tsv or .parquet, the first three also .gz")
    with ExitStack() as stack:
        opened = gzip.open if path.name.endswith(".gz") else open
        raw = stack.enter_context(opened(path, "rb"))
        lines = stack.enter_context(io.TextIOWrapper(cast(IO[bytes], raw), encoding="utf-8", newline=""))
        try:
            if name.endswith((".csv", ".tsv")):
                yield from csv.DictReader(lines, delimiter="\t" if name.endswith(".tsv") else ",")
            else:
                yield from _documents(path, lines)
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, csv.Error) as error:
            raise ValueError(f"{path} cannot be read: {type(error).__name__}") from None


def _documents(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise ValueError(f"{path} line {number} is no JSON document") from None
        if not isinstance(row, dict):
            raise ValueError(f"{path} line {number} is no JSON object")  # noqa: TRY004
        yield row
