"""A lake from before there was an archiver: kept as it was written, and audited and replayed as any other."""

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glue.archive import Entry, pack
from glue.catalog.tables import VERDICTS
from glue.codec import DEFAULT_LATENESS
from glue.contract import ContentEvent
from infra.audit.identity import record_id
from producers.replay.archive_source import ArchiveSource
from producers.replay.archived import ArchiveObject, begins_at
from tests.fakes.audited_lake import LAKE, AuditedLake

FOLDER = Path(__file__).parents[3] / "archives" / "firehose"
START, END = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def lake() -> AuditedLake:
    found = AuditedLake(1, dead=0)
    found.restore(
        {(LAKE, f"{path.relative_to(FOLDER)}"): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    )
    return found


def test_it_is_audited_by_id_and_everything_is_accounted_for(lake: AuditedLake) -> None:
    report = lake.auditor().audit(audit_id="a", start=START, end=END, now=END)
    assert report.findings == ()
    landed = {row["event_id"] for key in lake.keys("verdicts/") for row in lake.rows(key)}
    set_aside = {row["bad_row_id"] for key in lake.keys("quarantine/") for row in lake.rows(key)}
    assert report.count("archived") == len(landed) + len(set_aside) > 60


def test_a_verdict_that_is_gone_from_it_is_missed(lake: AuditedLake) -> None:
    [key] = lake.keys("verdicts/")
    rows = lake.rows(key)
    lake.put_rows(VERDICTS, key, [row for row in rows if row["event_id"] != rows[0]["event_id"]])
    [finding] = lake.auditor().audit(audit_id="a", start=START, end=END, now=END).findings
    assert (finding.kind, finding.id) == ("missing", rows[0]["event_id"])


def test_a_replay_finds_each_of_its_events(lake: AuditedLake) -> None:
    source = ArchiveSource(
        _Listed(lake), since=START.timestamp(), until=END.timestamp(), written_before=1e12, lateness=DEFAULT_LATENESS
    )
    found = {one.event.event_id for one in source.records({}) if isinstance(one.event, ContentEvent)}
    assert found == {row["event_id"] for key in lake.keys("verdicts/") for row in lake.rows(key)}


def test_where_the_archiver_began_on_what_firehose_had_kept_each_record_counts_once(lake: AuditedLake) -> None:
    before = lake.auditor().audit(audit_id="a", start=START, end=END, now=END)
    rows = [row for key in lake.keys("verdicts/") for row in lake.rows(key)]
    [archived] = lake.keys("archive/")
    by_id = {record_id(line): line for line in gzip.decompress(lake.lake.read(archived)).split(b"\n")}
    entries = [
        Entry(
            by_id[row["event_id"]],
            row["shard_id"],
            row["sequence_number"],
            row["sub_sequence_number"],
            row["arrived_at"].replace(tzinfo=UTC),
        )
        for row in sorted(rows, key=lambda row: (int(row["sequence_number"]), row["sub_sequence_number"]))
    ]
    for made in pack(entries):
        lake.lake.write(made.key, made.body)
    after = lake.auditor().audit(audit_id="b", start=START, end=END, now=END)
    assert (after.findings, after.days[0].archived) == ((), before.days[0].archived)


class _Listed:
    """The archive of a lake, as a replay sees it."""

    def __init__(self, lake: AuditedLake) -> None:
        self._lake = lake

    def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
        return [
            ArchiveObject(one.key, one.size, begins_at(one.key) or 0.0, one.written + 1e6)
            for one in self._lake.lake.objects("archive/")
        ]

    def lines(self, one: ArchiveObject) -> Iterable[bytes]:
        return gzip.decompress(self._lake.lake.read(one.key)).split(b"\n")[:-1]
