"""Records that are no plain lines: large ones of which quarantine keeps no bytes, and ones that share a line."""

import json
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.catalog.tables import QUARANTINE, VERDICTS
from infra.audit.findings import AuditReport
from tests.fakes.audited_lake import ARRIVED, AuditedLake

CREATED = (ARRIVED - timedelta(minutes=1)).isoformat()


@cache
def _lake(*, packed: bool) -> tuple[AuditedLake, dict[tuple[str, str], bytes], AuditReport]:
    """A lake, all of it while it is clean, and what an audit says then."""
    made = AuditedLake(30, dead=0, packed=packed)
    return made, made.state(), made.audit()


def clean(*, packed: bool) -> AuditedLake:
    lake, state, _ = _lake(packed=packed)
    lake.restore(state)
    return lake


@pytest.fixture(params=["packed", "bare"])
def lake(request: pytest.FixtureRequest) -> AuditedLake:
    """A clean lake, with an archive of either form."""
    return clean(packed=request.param == "packed")


@pytest.fixture
def before(lake: AuditedLake) -> AuditReport:
    """What an audit of the clean lake says."""
    return _lake(packed=lake.packed)[2]


def event(number: int, **more: object) -> bytes:
    document = {
        "schema_version": 1,
        "event_id": f"00000000-0000-7000-8000-{number:012d}",
        "content_id": f"c{number}",
        "author_id": "a",
        "surface": "comment",
        "created_at": CREATED,
        "text": f"number {number}",
        "context": {"a": "b"},
        **more,
    }
    return json.dumps(document).encode()


LARGE = {
    "a row that no delivery stream takes": event(1, note='"' * 400_000),
    "a text over its limit": event(2, text="x" * 300_000),
    "a payload over its limit": event(3, note="x" * 1_100_000),
    "an event written over lines": json.dumps(json.loads(event(4, note=["x" * 1000] * 1100)), indent=1).encode(),
    "no event": b"x" * 300_000,
    "no text": b"\xff\x00" * 150_000,
    "no event over lines": (b"y" * 999 + b"\n") * 300 + b"z",
    "JSON of another kind": b'{"a": "' + b"x" * 300_000 + b'"}',
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_record_is_accounted_for_though_quarantine_keeps_no_bytes(
    lake: AuditedLake, before: AuditReport, name: str
) -> None:
    lake.land([event(7), LARGE[name], event(8)])
    [row] = lake.rows("quarantine/dt=2026-11-20/more-0.parquet")
    assert row["payload"] is None
    report = lake.audit()
    assert report.findings == ()
    assert report.count("quarantined") == before.count("quarantined") + 1
    assert report.count("landed") == before.count("landed") + 2
    assert report.count("archived") == before.count("archived") + 3


def test_a_record_over_lines_is_found_where_others_that_are_no_events_stand_around_it(lake: AuditedLake) -> None:
    lake.land([b"one", b"two\nthree", b"four"])
    assert lake.audit().findings == ()


def test_several_large_records_are_told_apart_and_a_lost_one_is_missing(lake: AuditedLake) -> None:
    lake.land([*LARGE.values(), LARGE["no event"]])
    assert lake.audit().is_clean
    key = "quarantine/dt=2026-11-20/more-0.parquet"
    rows = lake.rows(key)
    lake.put_rows(QUARANTINE, key, rows[1:])
    report = lake.audit()
    assert [finding.kind for finding in report.findings] == ["missing"]


def test_a_large_record_whose_row_names_other_bytes_is_missing_and_a_ghost(lake: AuditedLake) -> None:
    lake.land([LARGE["a text over its limit"]])
    key = "quarantine/dt=2026-11-20/more-0.parquet"
    [row] = lake.rows(key)
    lake.put_rows(QUARANTINE, key, [row | {"bad_row_id": "0" * 32}])
    assert sorted(finding.kind for finding in lake.audit().findings) == ["ghost", "missing"]


def test_what_the_archiver_gave_up_is_a_ghost_that_says_where_it_is(lake: AuditedLake) -> None:
    lake.give_up_archiving([event(21)])
    [finding] = lake.audit().findings
    assert (finding.kind, finding.id[-2:]) == ("ghost", "21")
    assert finding.detail.endswith(
        "given up by the archiver: s3://letters/aws/lambda/esm/shardId-000000000000/archiver"
    )


def test_a_lost_verdict_is_missing_though_the_archiver_gave_a_copy_of_it_up(lake: AuditedLake) -> None:
    lake.land([event(22)])
    lake.give_up_archiving([event(22)])
    for key in lake.keys("verdicts/"):
        if "/more-" in key or "/unarchived-" in key:
            del lake.store.stored["lake", key]
    [finding] = lake.audit().findings
    assert (finding.kind, finding.id[-2:]) == ("missing", "22")


A, B, C = event(11), event(12), event(13)
BROKEN = event(14)[:-30]
PRETTY = json.dumps(json.loads(event(15)), indent=1).encode()
OTHER = b'{"no": "event"}'
GARBAGE = b"\xff garbage {"
SHARED = [
    [A, B + b"\n", C + b"\n"],
    [A, B, C],
    [OTHER, A, B],
    [A + b" ", B + b"\n"],
    [PRETTY, A, B + b"\n"],
    [A, PRETTY + b"\n", B + b"\n"],
    [BROKEN, A, B],
    [A, BROKEN, B + b"\n"],
    [GARBAGE, A],
    [b"nothing", b"at all\n", A],
    [A + B + b"\n", C + b"\n"],
    [A, event(16, text="x" * 70_000), B],
    [A, event(17, note='"' * 400_000), B],
]


@pytest.mark.parametrize("number", range(len(SHARED)))
def test_records_that_share_a_line_are_each_accounted_for(lake: AuditedLake, before: AuditReport, number: int) -> None:
    lake.land_deferred(SHARED[number])
    report = lake.audit()
    assert report.findings == ()
    assert report.count("archived") == before.count("archived") + len(SHARED[number])


def test_a_record_that_shares_its_line_and_is_gone_is_missing(lake: AuditedLake) -> None:
    lake.land_deferred([A, B + b"\n", C + b"\n"])
    for key in lake.keys("verdicts/"):
        if "/deferred-" in key:
            rows = lake.rows(key)
            kept = [row for row in rows if row["content_id"] != "c12"]
            if kept != rows:
                lake.put_rows(VERDICTS, key, kept)
    assert [(one.kind, one.id[-2:]) for one in lake.audit().findings] == [("missing", "12")]


PIECES = [A, B, C, OTHER, BROKEN, GARBAGE, b"plain", b"1"]


@given(st.permutations(PIECES), st.integers(0, 7))
def test_whatever_shares_a_line_no_event_is_called_missing_or_made_up(pieces: list[bytes], feeds: int) -> None:
    lake = clean(packed=True)
    lake.land_deferred([piece + (b"\n" if feeds >> at & 1 else b"") for at, piece in enumerate(pieces[:3])])
    events = {one.id for one in lake.audit().findings if not one.id.startswith(("md5:", "row:"))}
    assert events == set()
