"""A second look at what the comparison named, record by record: what it only took for lost, and where the rest is.

The comparison reads the archive line by line. A record with newlines of its own is several lines there and one row in
quarantine; a replayed event landed on a day far off; a record may be a dead letter. All that is settled here.
"""

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from glue.catalog import lake as parquet
from glue.codec import parse_timestamp
from infra.audit.archived import ArchivedRecord, records_of
from infra.audit.findings import Finding, Kind
from infra.audit.identity import is_event_id, line_id, lines_of, record_id
from infra.audit.lake import Lake, UnreadableError, day_of
from infra.audit.reconciling import Named
from infra.audit.undelivered import dead_letters, undelivered

_CHUNK = 200
"""Ids in one look-up: far below Athena's limit of 256 KiB a statement."""

LandedAmong = Callable[[Sequence[str], str, str], set[str]]
"""Which of these event ids have a verdict in the partitions from the first day to the last."""


class Traced(Struct, frozen=True):
    """What the second look gave.

    Args:
        findings: what is left.
        counts: how many ids of each (day, state) there are, those that turned out well among them.
        unnamed: how many more the comparison counted than it named, by state.
    """

    findings: list[Finding]
    counts: Counter[tuple[str, str]]
    unnamed: Counter[str]


class Tracer:
    """Looks again.

    Args:
        lake: the lake bucket.
        letters: the dead-letter bucket.
        landed_among: asks for verdicts of single ids.
        start, end: the window.
    """

    def __init__(self, *, lake: Lake, letters: Lake, landed_among: LandedAmong, start: datetime, end: datetime) -> None:
        self._lake = lake
        self._letters = letters
        self._landed_among = landed_among
        self._start = start
        self._end = end

    def trace(self, named: Iterable[Named]) -> Traced:
        """What becomes of everything that was named."""
        counts: Counter[tuple[str, str]] = Counter()
        unnamed: Counter[str] = Counter()
        open_rows: dict[str, dict[str, Named]] = {"missing": {}, "ghost": {}}
        findings: list[Finding] = []
        listed: Counter[tuple[str, str]] = Counter()
        totals: dict[tuple[str, str], int] = {}
        for row in named:
            if not row.id:
                counts[row.day, row.state] += row.ids
                continue
            listed[row.day, row.state] += 1
            totals[row.day, row.state] = row.ids_of_state
            if row.state in open_rows:
                open_rows[row.state][row.id] = row
            else:
                counts[row.day, row.state] += 1
                findings.append(_as_it_is(row))
        for (day, state), total in totals.items():
            unnamed[state] += (more := total - listed[day, state])
            counts[day, state] += more
        missing, ghosts = open_rows["missing"], open_rows["ghost"]
        if missing or ghosts:
            findings += self._lines(missing, ghosts, counts)
            findings += self._missing(missing, counts)
            findings += self._ghosts(ghosts, counts)
        return Traced(findings, counts, +unnamed)

    def _lines(
        self, missing: dict[str, Named], ghosts: dict[str, Named], counts: Counter[tuple[str, str]]
    ) -> list[Finding]:
        """Settles what is no line by itself: takes it out of both, and puts into ``missing`` what really is."""
        pieces = {name: row for name, row in missing.items() if not is_event_id(name)}
        addresses = sorted({row.archive_object for row in pieces.values() if row.archive_object})
        rows, findings = self._set_aside(ghosts)
        for address in addresses:
            day = min(row.day for row in pieces.values() if row.archive_object == address)
            try:
                records = list(records_of(self._lake, self._key(address)))
            except UnreadableError as error:
                findings.append(_unreadable(address, day, error))
                continue
            left = _Left()
            named_here = {name for name, row in pieces.items() if row.archive_object == address}
            bare = [line for record in records if not _is_plain_event(record) for line in lines_of(record.data)]
            # Engines differ in how they read bytes that are no text, so what nothing explains may be any of those.
            is_explained = named_here <= {line_id(data) for data in bare}
            for record in records:
                name = record_id(record.data)
                if record.event is not None:
                    if record.lines > 1:
                        ghost = ghosts.pop(name, None)
                        if ghost is None:
                            missing[name] = _only_archived(name, day, address)
                        else:
                            counts[ghost.day, "landed" if ghost.landed else "quarantined"] += 1
                else:
                    is_named = any(line_id(line) in pieces for line in lines_of(record.data))
                    is_open = is_named or not (is_explained or _is_text(record.data))
                    left.add(record.data, is_open=is_open)
            for aside in rows:
                if left.take(aside.lines, aside.size) and aside.name in ghosts:
                    counts[ghosts.pop(aside.name).day, "quarantined"] += 1
            for data in left.lines():
                name = record_id(data)
                missing[name] = _only_archived(name, day, address)
        for name, row in pieces.items():
            if missing.get(name) is row:
                del missing[name]
        return findings

    def _set_aside(self, ghosts: Mapping[str, Named]) -> tuple[list["_SetAside"], list[Finding]]:
        rows: dict[tuple[str, str], _SetAside] = {}
        findings: list[Finding] = []
        addresses = sorted({(row.landed_object, row.day) for row in ghosts.values() if row.quarantined})
        for address, day in addresses:
            try:
                for row in _quarantine_rows(self._lake.read(self._key(str(address)))):
                    if row.name in ghosts:
                        rows[row.name, row.bad_row_id] = row
            except (UnreadableError, parquet.DriftError, OSError, ValueError, ArithmeticError) as error:
                findings.append(_unreadable(str(address), day, error))
        # The largest first: a small one, such as a single newline, would fit into the midst of it.
        return sorted(rows.values(), key=lambda row: (-row.size, row.bad_row_id)), findings

    def _missing(self, missing: dict[str, Named], counts: Counter[tuple[str, str]]) -> list[Finding]:
        if not missing:
            return []
        dead, unreadable = dead_letters(self._letters, since=self._start.timestamp())
        findings = [
            Finding(
                kind="object",
                id=self._letters.address + key,
                day=f"{day_of(self._start)}",
                seen="dead letters",
                detail="no invocation record",
            )
            for key in unreadable
        ]
        for name in [name for name in missing if name in dead]:
            counts[missing.pop(name).day, "dead-lettered"] += 1
        for name in self._landed_elsewhere([name for name in missing if is_event_id(name)], missing):
            counts[missing.pop(name).day, "landed"] += 1
        lost = undelivered(self._lake, start=self._start, end=self._end) if missing else {}
        for name, row in missing.items():
            counts[row.day, "missing"] += 1
            seen, detail = f"archive: {row.archive_object}", "no verdict, no quarantine row, no dead letter"
            if name in lost:
                seen, detail = f"delivery: {self._lake.address}{lost[name]}", "Firehose could not deliver its row"
            findings.append(Finding(kind="missing", id=name, day=row.day, seen=seen, detail=detail))
        return findings

    def _landed_elsewhere(self, names: Sequence[str], missing: Mapping[str, Named]) -> set[str]:
        """Those with a verdict in a partition that the comparison did not read, by the day they were created."""
        created: dict[str, str] = {}
        wanted = set(names)
        for address in sorted({str(missing[name].archive_object) for name in names}):
            try:
                for record in records_of(self._lake, self._key(address)):
                    if (name := record_id(record.data)) in wanted and (day := _created(record.data)) is not None:
                        created[name] = day
            except UnreadableError:
                continue
        found: set[str] = set()
        ordered = sorted(created, key=lambda name: (created[name], name))
        for at in range(0, len(ordered), _CHUNK):
            chunk = ordered[at : at + _CHUNK]
            found |= self._landed_among(chunk, created[chunk[0]], created[chunk[-1]])
        return found

    def _ghosts(self, ghosts: Mapping[str, Named], counts: Counter[tuple[str, str]]) -> list[Finding]:
        lost = undelivered(self._lake, start=self._start, end=self._end) if ghosts else {}
        findings = []
        for name, row in ghosts.items():
            counts[row.day, "ghost"] += 1
            detail = "not in the archive"
            if name in lost:
                detail = f"not in the archive, but in {self._lake.address}{lost[name]}"
            where = "verdicts" if row.landed else "quarantine"
            seen = f"{where}: {row.landed_object}"
            findings.append(Finding(kind="ghost", id=name, day=row.day, seen=seen, detail=detail))
        return findings

    def _key(self, address: str) -> str:
        return address.removeprefix(self._lake.address)


class _SetAside(Struct, frozen=True):
    """One quarantined record: its id, its row, its lines (none when the row does not keep its bytes) and its size."""

    name: str
    bad_row_id: str
    lines: tuple[bytes, ...]
    size: int


def _quarantine_rows(body: bytes) -> list[_SetAside]:
    table = parquet.read_table(body, columns=["bad_row_id", "payload", "payload_bytes"])
    return [_row(**values) for values in table.to_pylist()]


def _row(*, bad_row_id: str, payload: str | None, payload_bytes: int) -> _SetAside:
    try:
        data = None if payload is None else base64.b64decode(payload, validate=True)
    except ValueError:
        data = None
    if data is None:
        return _SetAside(f"row:{bad_row_id}", bad_row_id, (), payload_bytes)
    return _SetAside(record_id(data), bad_row_id, tuple(data.split(b"\n")), payload_bytes)


class _Left:
    """The lines of one object that are no events, and which of them no row is known for yet.

    >>> left = _Left()
    >>> for line in (b"a", b"b", b"c"):
    ...     left.add(line, is_open=True)
    >>> left.take((b"b", b"c"), 3), left.lines()
    (True, [b'a'])
    >>> left.take((), 1), left.lines()
    (True, [])
    """

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

    def take(self, lines: Sequence[bytes], size: int) -> bool:
        """Whether a record's lines stood here, one behind the other; they are taken out.

        Args:
            lines: none when the record's bytes were not kept.
            size: its bytes.
        """
        start, end = self._find(lines) if lines else self._of_size(size)
        for at in range(start, end):
            self._lines[at] = None
        return start < end

    def _find(self, lines: Sequence[bytes]) -> tuple[int, int]:
        for at in self._places.get(lines[0], ()):
            if self._lines[at : at + len(lines)] == list(lines):
                return at, at + len(lines)
        return 0, 0

    def _of_size(self, size: int) -> tuple[int, int]:
        low = length = 0
        for high, line in enumerate(self._lines):
            if line is None:
                low, length = high + 1, 0
                continue
            length += len(line) + 1
            while length - 1 > size and low < high:
                length -= len(self._lines[low] or b"") + 1
                low += 1
            if length - 1 == size:
                return low, high + 1
        return 0, 0


def _is_plain_event(record: ArchivedRecord) -> bool:
    return record.event is not None and record.lines == 1


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    # Of these SQL makes more than one line, or less than a whole one.
    return len(lines_of(data)) == 1 and b"\x01" not in data


def _created(data: bytes) -> str | None:
    """The day of an event's partition, as far as its bytes say."""
    try:
        document = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    moment = parse_timestamp(str(document.get("created_at")))
    return f"{day_of(moment)}" if isinstance(moment, datetime) else None


def _as_it_is(row: Named) -> Finding:
    kinds: dict[str, Kind] = {
        "in two states": "in two states",
        "conflict": "conflict",
        "doubled": "doubled",
        "copies": "copies",
    }
    rows = f"archived {row.archived}, landed {row.landed}, quarantined {row.quarantined}"
    return Finding(kind=kinds[row.state], id=row.id, day=row.day, seen=str(row.landed_object), detail=rows)


def _only_archived(name: str, day: str, address: str) -> Named:
    return Named(day, "missing", name, 1, 1, 1, 0, 0, address, None)


def _unreadable(address: str, day: str, error: Exception) -> Finding:
    return Finding(kind="object", id=address, day=day, seen="lake", detail=f"unreadable: {error}")
