"""A second look at what the comparison named, record by record: what it only took for lost, and where the rest is.

The comparison reads the archive line by line. A record with newlines of its own is several lines there and one row in
quarantine; a replayed event landed on a day far off; a record may be a dead letter. All that is settled here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from glue.catalog import lake as parquet
from glue.codec import parse_timestamp
from infra.audit.archived import lines_with, records_of
from infra.audit.explaining import explain
from infra.audit.findings import Finding, Kind
from infra.audit.identity import is_event_id, record_id
from infra.audit.lake import Lake, LakeObject, UnreadableError, day_of
from infra.audit.quarantined import QuarantinedRow, rows_of
from infra.audit.reconciling import Named
from infra.audit.undelivered import dead_letters, undelivered
from producers.replay.archived import begins_at

_CHUNK = 200
"""Ids in one look-up: far below Athena's limit of 256 KiB a statement."""

_BUFFERED = timedelta(minutes=20)
"""How long before a record the oldest one of its object can have arrived."""
_SLACK = 2.0
"""Seconds: an object's name and S3's own times are in whole ones."""

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


class _Placed(Struct, frozen=True):
    """What is left missing and what a ghost, what turned out well, and objects that could not be read."""

    missing: dict[str, Named]
    ghosts: dict[str, Named]
    counts: Counter[tuple[str, str]]
    findings: list[Finding]


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
        self._listed: dict[str, Sequence[LakeObject]] = {}

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
            placed = self._placed(missing, ghosts)
            counts += placed.counts
            findings += placed.findings
            findings += self._missing(placed.missing, counts)
            findings += self._ghosts(placed.ghosts, counts)
        return Traced(findings, counts, +unnamed)

    def _placed(self, missing: Mapping[str, Named], ghosts: Mapping[str, Named]) -> _Placed:
        """Settles what is no line by itself: what is still missing, or a ghost, when records are read as such."""
        pieces = {name: row for name, row in missing.items() if not is_event_id(name)}
        rows, findings = self._set_aside(ghosts)
        counts: Counter[tuple[str, str]] = Counter()
        lost: dict[str, Named] = {}
        ghosts_left = dict(ghosts)
        missing_left = {name: row for name, row in missing.items() if name not in pieces}
        days = self._objects_around([row for row in rows if row.data is None])
        for row in pieces.values():
            address = str(row.archive_object)
            days[address] = min(row.day, days.get(address, row.day))
        for address, day in sorted(days.items()):
            try:
                records = list(records_of(self._lake, self._key(address)))
            except UnreadableError as error:
                findings.append(_unreadable(address, day, error))
                continue
            named_here = {name for name, row in pieces.items() if row.archive_object == address}
            known = [row for row in rows if row.name in ghosts_left]
            explained = explain(records, unplaced=named_here, ghosts=ghosts_left.keys(), rows=known)
            for name in explained.present:
                ghost = ghosts_left.pop(name)
                counts[ghost.day, "landed" if ghost.landed else "quarantined"] += 1
            for row_name, name in explained.quarantined.items():
                ghost = ghosts_left.pop(row_name)
                # Of an event that is in another state as well, that one counts.
                if not name or missing_left.pop(name, None) is not None:
                    counts[ghost.day, "quarantined"] += 1
            lost |= {name: _only_archived(name, day, address) for name in explained.lost}
        return _Placed({**missing_left, **lost}, ghosts_left, counts, findings)

    def _objects_around(self, rows: Sequence[QuarantinedRow]) -> dict[str, str]:
        """The archive's objects that can hold these records, by address, each with a day on which one arrived."""
        found: dict[str, str] = {}
        moments = {row.arrived for row in rows}
        for moment in sorted(moments):
            arrived = datetime.fromtimestamp(moment, UTC)
            for day in sorted({day_of(arrived - _BUFFERED), day_of(arrived)}):
                for one in self._objects_of(f"{day}"):
                    begins = begins_at(one.key)
                    if begins is not None and begins - _SLACK <= moment <= one.written + _SLACK:
                        found[self._lake.address + one.key] = f"{day_of(arrived)}"
        return found

    def _objects_of(self, day: str) -> Sequence[LakeObject]:
        if day not in self._listed:
            self._listed[day] = self._lake.objects(f"archive/dt={day}/")
        return self._listed[day]

    def _set_aside(self, ghosts: Mapping[str, Named]) -> tuple[list[QuarantinedRow], list[Finding]]:
        rows: dict[tuple[str, str], QuarantinedRow] = {}
        findings: list[Finding] = []
        addresses = sorted({(row.landed_object, row.day) for row in ghosts.values() if row.quarantined})
        for address, day in addresses:
            try:
                for row in rows_of(self._lake.read(self._key(str(address)))):
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
        created: dict[str, str | None] = {}
        by_address: dict[str, set[str]] = {}
        for name in names:
            by_address.setdefault(str(missing[name].archive_object), set()).add(name)
        for address, wanted in sorted(by_address.items()):
            with suppress(UnreadableError):
                created |= self._created_in(self._key(address), wanted)
        days = {name: day for name, day in created.items() if day is not None}
        found: set[str] = set()
        ordered = sorted(days, key=lambda name: (days[name], name))
        for at in range(0, len(ordered), _CHUNK):
            chunk = ordered[at : at + _CHUNK]
            found |= self._landed_among(chunk, days[chunk[0]], days[chunk[-1]])
        return found

    def _created_in(self, key: str, names: Set[str]) -> dict[str, str | None]:
        """The days of these events' partitions, as far as the records of an object say.

        Raises:
            UnreadableError: it is gone, or no whole gzip.
        """
        found = {name: _created(line) for name, line in lines_with(self._lake, key, names)}
        if left := names - found.keys():
            # Written in another way, or over lines: each record is read.
            for record in records_of(self._lake, key):
                if (name := record_id(record.data)) in left:
                    found[name] = _created(record.data)
        return found

    def _ghosts(self, ghosts: Mapping[str, Named], counts: Counter[tuple[str, str]]) -> list[Finding]:
        lost = undelivered(self._lake, start=self._start, end=self._end) if ghosts else {}
        dead = dead_letters(self._letters, since=self._start.timestamp(), archiver=True)[0] if ghosts else {}
        findings = []
        for name, row in ghosts.items():
            counts[row.day, "ghost"] += 1
            detail = "not in the archive"
            if name in lost:
                detail = f"not in the archive, but in {self._lake.address}{lost[name]}"
            elif name in dead:
                detail = f"not in the archive, but given up by the archiver: {self._letters.address}{dead[name]}"
            where = "verdicts" if row.landed else "quarantine"
            seen = f"{where}: {row.landed_object}"
            findings.append(Finding(kind="ghost", id=name, day=row.day, seen=seen, detail=detail))
        return findings

    def _key(self, address: str) -> str:
        return address.removeprefix(self._lake.address)


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
