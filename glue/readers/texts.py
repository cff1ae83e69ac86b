"""Texts of a source's rows, with their language and surface, to try something on."""

from collections.abc import Iterator

from glue.readers.rows import SourceError, plain
from glue.readers.sources import Source

_SHOWN = 12


class Texts:
    """The texts in one column of a source. Rows that cannot be read, and rows without text, are counted and left out.

    Args:
        source: where the rows come from.
        column: which one holds the text; ``language`` or ``lang`` and ``surface`` are read when they are there.
        surface: of rows that name none.

    Iterating raises :class:`glue.readers.rows.SourceError` when it cannot be read, has no rows, or no row can be read
    or has the column; the text says why, or which columns there are.
    """

    def __init__(self, source: Source, column: str, *, surface: str = "comment") -> None:
        self._source = source
        self._column = column
        self._surface = surface
        self.rows = self.unreadable = self.empty = 0

    def __iter__(self) -> Iterator[tuple[str, str | None, str]]:
        columns: dict[str, None] = {}
        has_column = False
        first = ""
        self.rows = self.unreadable = self.empty = 0
        for row in self._source.rows():
            self.rows += 1
            if row.problem is not None:
                self.unreadable += 1
                first = first or f"{self._source.unit} {row.number}: {row.problem.reason}: {row.problem.detail}"
                continue
            if len(columns) <= _SHOWN:
                columns.update(dict.fromkeys(row.cells))
            has_column = has_column or self._column in row.cells
            text = plain(row.cells.get(self._column))
            if not isinstance(text, str) or not text:
                self.empty += 1
                continue
            language = plain(row.cells.get("language")) or plain(row.cells.get("lang"))
            surface = plain(row.cells.get("surface")) or self._surface
            yield text, str(language) if language else None, str(surface)
        if not self.rows:
            raise SourceError(f"{self._source.path} has no rows; give a file with at least one")
        if self.unreadable == self.rows:
            raise SourceError(f"{self._source.path}: none of its {self.rows:,} rows can be read; {first}")
        if not has_column:
            there = ", ".join(list(columns)[:_SHOWN]) or "none"
            raise SourceError(f"{self._source.path}: no row has a column {self._column!r}; columns there: {there}")
