"""What stands in one object of the archive, held against what the comparison could not place.

The comparison sees lines. A record may stand on several of them, share one with others, or hold bytes that are no text;
of a large one the quarantine keeps no bytes. All that is settled here for one object, from values to a value.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile

from msgspec import Struct

from infra.audit.archived import ArchivedRecord
from infra.audit.identity import is_event_id, line_id, lines_of, record_id
from infra.audit.quarantined import QuarantinedRow


class Explained(Struct, frozen=True):
    """What became of the records that are no plain lines.

    Args:
        present: event ids that landed, and stand here after all.
        quarantined: by the id that a quarantine row has in the comparison, the id that its record has there; empty
            when the comparison could not see it.
        lost: ids of records of which there is no trace elsewhere.
    """

    present: frozenset[str]
    quarantined: Mapping[str, str]
    lost: Sequence[str]


def explain(
    records: Sequence[ArchivedRecord],
    *,
    unplaced: Collection[str],
    ghosts: Collection[str],
    rows: Sequence[QuarantinedRow],
) -> Explained:
    """Holds an object's records against quarantine rows and ids that landed without a line of their own.

    Args:
        records: the object's, in order.
        unplaced: what the comparison calls those of its lines that are nowhere else.
        ghosts: ids that landed, or were set aside, without a line in the archive.
        rows: quarantine rows of such ids, the largest first.
    """
    bare = {
        name
        for one in records
        if not one.is_plain_event
        for name in ([record_id(one.data)] if one.place else map(line_id, lines_of(one.joined or one.data)))
    }
    # Engines differ in how they read bytes that are no text, so what nothing explains may be any of those.
    is_explained = set(unplaced) <= bare
    quarantined: dict[str, str] = {}
    present: set[str] = set()
    lost: list[str] = []
    left = _Left()
    rest = list(rows)
    sizes = {row.size for row in rows if row.data is None}
    shared = b""
    for at, record in enumerate(records):
        if record.joined and record.joined == shared and not record.lines:
            continue
        shared = b""
        tiles = _tiled(record.joined, rest, _events_of(records, at)) if record.joined and record.lines else []
        if record.joined and record.lines and (row := _row_of(record.joined, rest)) is not None:
            # What looks like several records is one, and was set aside as such.
            shared = record.joined
            quarantined[row.name] = ""
            rest.remove(row)
        elif any(isinstance(tile, QuarantinedRow) for tile in tiles):
            # Cut at its documents a line may come apart elsewhere than where its records met; what was set aside says.
            shared = record.joined
            for tile in tiles:
                if isinstance(tile, QuarantinedRow):
                    quarantined[tile.name] = ""
                    rest.remove(tile)
                elif (name := record_id(tile)) in ghosts:
                    present.add(name)
                else:
                    lost.append(name)
        elif len(record.data) in sizes and (row := _unkept(record.data, rest)) is not None:
            quarantined[row.name] = _seen_as(record)
            rest.remove(row)
        elif record.place:
            # A line of its own, whose bytes SQL sees as they were: what it could not place is lost.
            if record.event is None and (name := record_id(record.data)) in unplaced:
                lost.append(name)
        elif record.event is None:
            names = {line_id(line) for line in lines_of(record.joined or record.data)}
            is_open = bool(names & set(unplaced)) or not (is_explained or _is_text(record.data))
            left.add(record.data, is_open=is_open)
        elif not record.is_plain_event:
            name = record_id(record.data)
            if name in ghosts:
                present.add(name)
            else:
                lost.append(name)
    for row in rest:
        if left.take(row):
            quarantined[row.name] = ""
    open_rows = [row for row in rest if row.name not in quarantined and row.data]
    for data in left.lines():
        if found := _tiled(data, open_rows):
            quarantined |= {row.name: "" for row in found if isinstance(row, QuarantinedRow)}
        else:
            lost.append(record_id(data))
    return Explained(frozenset(present), quarantined, tuple(lost))


def _seen_as(record: ArchivedRecord) -> str:
    """The event id by which the comparison knows a record; empty when it does not."""
    name = record_id(record.data)
    return name if record.lines == 1 and not record.joined and is_event_id(name) else ""


def _row_of(data: bytes, rows: Iterable[QuarantinedRow]) -> QuarantinedRow | None:
    return next((row for row in rows if row.is_of(data)), None)


def _unkept(data: bytes, rows: Iterable[QuarantinedRow]) -> QuarantinedRow | None:
    """The row of these bytes among those that do not keep them."""
    return next((row for row in rows if row.data is None and row.is_of(data)), None)


def _events_of(records: Sequence[ArchivedRecord], first: int) -> list[bytes]:
    """The events among the records that share the lines of this one, which is the first of them."""
    shared = records[first].joined
    others = takewhile(lambda one: one.joined == shared and not one.lines, records[first + 1 :])
    return [one.data for one in (records[first], *others) if one.event is not None]


def _tiled(data: bytes, rows: Sequence[QuarantinedRow], events: Collection[bytes] = ()) -> list[QuarantinedRow | bytes]:
    """The rows and events whose bytes, one behind the other, are these; empty when there are none.

    Records that were put without a line feed.
    """
    found: list[QuarantinedRow | bytes] = []
    at = 0
    left = list(rows)
    while at < len(data):
        row = next((row for row in left if row.size and row.is_of(data[at : at + row.size])), None)
        if row is not None:
            left.remove(row)
            found.append(row)
            at += row.size
            continue
        event = next((event for event in events if data.startswith(event, at)), None)
        if event is None:
            return []
        found.append(event)
        at += len(event)
    return found


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    # Of these SQL makes more than one line, or less than a whole one.
    return len(lines_of(data)) == 1 and b"\x01" not in data


class _Left:
    """The lines of one object that are no events, and which of them no row is known for yet."""

    def __init__(self) -> None:
        self._lines: list[bytes | None] = []
        self._places: dict[bytes, list[int]] = {}
        self._open: set[int] = set()

    def add(self, line: bytes, *, is_open: bool) -> None:
        """Puts a line behind the others; one that is not open may be another record's part all the same."""
        if is_open:
            self._open.add(len(self._lines))
        self._places.setdefault(line, []).append(len(self._lines))
        self._lines.append(line)

    def lines(self) -> list[bytes]:
        """The open ones that nothing has taken."""
        return [line for at, line in enumerate(self._lines) if line is not None and at in self._open]

    def take(self, row: QuarantinedRow) -> bool:
        """Whether a record's lines stood here, one behind the other; they are taken out."""
        start, end = self._find(row.lines) if row.data is not None else self._of(row)
        for at in range(start, end):
            self._lines[at] = None
        return start < end

    def _find(self, lines: Sequence[bytes]) -> tuple[int, int]:
        for at in self._places.get(lines[0], ()):
            if self._lines[at : at + len(lines)] == list(lines):
                return at, at + len(lines)
        return 0, 0

    def _of(self, row: QuarantinedRow) -> tuple[int, int]:
        """The lines that have the row's size together, and its bytes."""
        low = length = 0
        for high, line in enumerate(self._lines):
            if line is None:
                low, length = high + 1, 0
                continue
            length += len(line) + 1
            while length - 1 > row.size and low < high:
                length -= len(self._lines[low] or b"") + 1
                low += 1
            if length - 1 == row.size and row.is_of(b"\n".join(one or b"" for one in self._lines[low : high + 1])):
                return low, high + 1
        return 0, 0
