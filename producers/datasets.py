"""A data set as records to send: rows through the mapping, with what could not become an event beside it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from producers.check import Rejection
from producers.mapping import Mapping, event_of, time_of
from producers.ports import OutRecord
from producers.rows import SourceError
from producers.sources import Source
from producers.times import TimeShift

_COLUMNS_FROM_ROWS = 100


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that could not become an event: where it starts, why, and its bytes (the beginning only, if ``is_cut``)."""

    line: int
    reason: str
    detail: str
    raw: bytes
    is_cut: bool = False


class Dataset:
    """The rows of a source as events.

    Args:
        source: what to read.
        mapping: which column is which field.
        now: epoch seconds; see :func:`producers.mapping.event_of`.
        shift_time: moves times so that the last one is ``now``. A file is read twice for it; standard input is first
            kept in a temporary file, so it must come to an end.

    Raises:
        SourceError: times are to be shifted and there are none that can be read.

    Iterating reads the source from its start.
    """

    def __init__(self, source: Source, mapping: Mapping, *, now: float, shift_time: bool = False) -> None:
        self.source = source
        self.now = now
        self.columns: dict[str, None] = {}
        self.rows = 0
        self.mapping = mapping
        if shift_time:
            self.mapping = msgspec.structs.replace(mapping, shift=self._shift())

    def __iter__(self) -> Iterator[OutRecord | RejectedRow]:
        self.rows = 0
        for row in self.source.rows():
            self.rows += 1
            if self.rows <= _COLUMNS_FROM_ROWS:
                self.columns.update(dict.fromkeys(row.cells))
            made = event_of(row, self.mapping, now=self.now)
            if isinstance(made, Rejection):
                yield RejectedRow(row.number, made.reason, made.detail, row.raw, row.is_cut)
            else:
                yield made

    def _shift(self) -> TimeShift:
        self.source.spool()
        first: datetime | None = None
        last: datetime | None = None
        for row in self.source.rows():
            moment = time_of(row, self.mapping)
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
