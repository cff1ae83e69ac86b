"""A data set as records to send: rows through the mapping, with what could not become an event beside it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from glue.readers.rejection import Rejection
from glue.readers.rows import Row, SourceError
from glue.readers.sources import Parts, Source
from glue.readers.times import TimeShift
from producers.mapping.columns import MISSING, Cells, Condition, Place
from producers.mapping.fields import Mapping, Notes, event_of, failed_condition, time_of
from producers.ports import OutRecord

_COLUMNS_FROM_ROWS = 100
_REASONS = 3


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that could not become an event: where it starts, why, and its bytes (the beginning only, if ``is_cut``).

    ``part`` is the file it stands in, where there are several; ``unit`` what ``line`` counts.
    """

    line: int
    reason: str
    detail: str
    raw: bytes
    is_cut: bool = False
    part: str = ""
    unit: str = "line"

    @property
    def where(self) -> str:
        """The place in words."""
        return f"{self.part} {self.unit} {self.line}".lstrip()


class PassedOver(msgspec.Struct, frozen=True):
    """A row that is no content, and the condition that it does not meet."""

    condition: Condition


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

    Iterating reads the source from its start, and gives an item for each row. ``columns`` then holds the first rows'
    columns, ``unseen`` the fields whose named column no row has had, ``notes`` what was done to events.
    """

    def __init__(self, source: Parts, mapping: Mapping, *, now: float, shift_time: bool = False) -> None:
        self.source = source
        self.now = now
        self.columns: dict[str, None] = {}
        self.notes = Notes()
        self.unseen: dict[str, Place] = {}
        self.first: Row | None = None
        self.mapping = mapping
        if shift_time:
            self.mapping = msgspec.structs.replace(mapping, shift=self._shift())

    def __iter__(self) -> Iterator[OutRecord | RejectedRow | PassedOver]:
        self.notes = Notes()
        self.columns = {}
        self.first = None
        self.unseen = {
            name: place for name, place in self.mapping.columns.items() if name in self.mapping.asked and place
        }
        for number, (part, source, row, mapping) in enumerate(self._rows()):
            if number < _COLUMNS_FROM_ROWS:
                self.columns.update(dict.fromkeys(row.cells))
                self.first = self.first or row
            if self.unseen and row.cells:
                self._look_for_columns(row)
            failed = failed_condition(row, mapping)
            if failed is not None:
                yield PassedOver(failed)
                continue
            made = event_of(row, mapping, now=self.now, notes=self.notes)
            if isinstance(made, Rejection):
                yield RejectedRow(row.number, made.reason, made.detail, row.raw, row.is_cut, part, source.unit)
            else:
                yield made

    def _look_for_columns(self, row: Row) -> None:
        cells = Cells(row.cells)
        for name in [name for name, place in self.unseen.items() if cells.find(place) is not MISSING]:
            del self.unseen[name]

    def _rows(self) -> Iterator[tuple[str, Source, Row, Mapping]]:
        for source in self.source.parts():
            if not self.source.is_several:
                yield from (("", source, row, self.mapping) for row in source.rows())
                continue
            name = f"{self.mapping.source}/{source.name}" if self.mapping.source else source.name
            mapping = msgspec.structs.replace(self.mapping, source=name)
            try:
                yield from ((source.name, source, row, mapping) for row in source.rows())
            except SourceError as error:
                raise SourceError(f"{source.name}: {error}") from None

    def _shift(self) -> TimeShift:
        self.source.spool()
        first: datetime | None = None
        last: datetime | None = None
        reasons: list[str] = []
        for part, source, row, mapping in self._rows():
            moment = time_of(row, mapping) if failed_condition(row, mapping) is None else None
            if isinstance(moment, Rejection) and len(reasons) < _REASONS:
                where = f"{part} {source.unit} {row.number}".lstrip()
                reasons.append(f"{where}: {moment.reason}: {moment.detail}")
            if not isinstance(moment, datetime):
                continue
            first = moment if first is None or moment < first else first
            last = moment if last is None or moment > last else last
        if first is None or last is None:
            said = f" ({'; '.join(reasons)})" if reasons else ""
            raise SourceError(
                f"no row has a time that can be read{said}, so there is nothing to shift; map one with --map "
                "created_at=COLUMN (and --time-format, --time-unit or --assume-utc), or leave --shift-time out: rows "
                "without a time get now"
            )
        return TimeShift(first, last, datetime.fromtimestamp(self.now, UTC))
