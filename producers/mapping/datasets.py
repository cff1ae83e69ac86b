"""A data set as records to send: rows through the mapping, with what could not become an event beside it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from glue.readers.rejection import Rejection
from glue.readers.rows import Row, SourceError
from glue.readers.sources import Parts
from glue.terminal.times import TimeShift
from producers.mapping.fields import Mapping, event_of, is_content, time_of
from producers.ports import OutRecord

_COLUMNS_FROM_ROWS = 100


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that could not become an event: where it starts, why, and its bytes (the beginning only, if ``is_cut``).

    ``part`` is the file it stands in, where there are several.
    """

    line: int
    reason: str
    detail: str
    raw: bytes
    is_cut: bool = False
    part: str = ""


class Dataset:
    """The rows of a source as events.

    Args:
        source: what to read, one file or several.
        mapping: which column is which field. Of several files each has its name as source, behind the mapping's.
        now: epoch seconds; see :func:`producers.mapping.fields.event_of`.
        shift_time: moves times so that the last one is ``now``. A file is read twice for it; standard input is first
            kept in a temporary file, so it must come to an end.

    Raises:
        SourceError: times are to be shifted and there are none that can be read.

    Iterating reads the source from its start. ``passed_over`` then counts rows that are no content.
    """

    def __init__(self, source: Parts, mapping: Mapping, *, now: float, shift_time: bool = False) -> None:
        self.source = source
        self.now = now
        self.columns: dict[str, None] = {}
        self.rows = self.passed_over = 0
        self.mapping = mapping
        if shift_time:
            self.mapping = msgspec.structs.replace(mapping, shift=self._shift())

    def __iter__(self) -> Iterator[OutRecord | RejectedRow]:
        self.rows = self.passed_over = 0
        for part, row, mapping in self._rows():
            self.rows += 1
            if self.rows <= _COLUMNS_FROM_ROWS:
                self.columns.update(dict.fromkeys(row.cells))
            if not is_content(row, mapping):
                self.passed_over += 1
                continue
            made = event_of(row, mapping, now=self.now)
            if isinstance(made, Rejection):
                yield RejectedRow(row.number, made.reason, made.detail, row.raw, row.is_cut, part)
            else:
                yield made

    def _rows(self) -> Iterator[tuple[str, Row, Mapping]]:
        for source in self.source.parts():
            if not self.source.is_several:
                yield from (("", row, self.mapping) for row in source.rows())
                continue
            name = f"{self.mapping.source}/{source.name}" if self.mapping.source else source.name
            mapping = msgspec.structs.replace(self.mapping, source=name)
            try:
                yield from ((source.name, row, mapping) for row in source.rows())
            except SourceError as error:
                raise SourceError(f"{source.name}: {error}") from None

    def _shift(self) -> TimeShift:
        self.source.spool()
        first: datetime | None = None
        last: datetime | None = None
        for _, row, mapping in self._rows():
            moment = time_of(row, mapping) if is_content(row, mapping) else None
            if moment is None:
                continue
            first = moment if first is None or moment < first else first
            last = moment if last is None or moment > last else last
        if first is None or last is None:
            raise SourceError(
                "no row has a time that can be read, so there is nothing to shift; map one with --map "
                "created_at=COLUMN (and --time-unit or --assume-utc), or leave --shift-time out: rows without a time "
                "get now"
            )
        return TimeShift(first, last, datetime.fromtimestamp(self.now, UTC))
