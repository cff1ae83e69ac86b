"""The audit: what it counts, what it names, and with which hop."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner

from athena.engine import Answer, Engine, EngineUnreachable, QueryFailed
from glue.catalog.tables import QUARANTINE, VERDICTS
from glue.codec import landed_timestamp
from glue.contract import AuditRow
from infra.audit.auditing import Auditor
from infra.audit.findings import AuditReport
from infra.audit.lake import UnreadableError
from infra.commands.audit import World, audit
from producers.synthetic.content import Shares, synthetic
from tests.fakes.audited_lake import ARRIVED, END, NOW, START, AuditedLake, FakeLake


@cache
def _lake(*, packed: bool) -> tuple[AuditedLake, dict[tuple[str, str], bytes]]:
    """A lake, and all of it while it is clean."""
    made = AuditedLake(packed=packed)
    return made, made.state()


@pytest.fixture(params=["packed", "bare"])
def lake(request: pytest.FixtureRequest) -> AuditedLake:
    """A clean lake, with an archive of either form."""
    found, state = _lake(packed=request.param == "packed")
    found.restore(state)
    return found


alike_in_both_forms = pytest.mark.parametrize("lake", ["packed"], indirect=True)
"""What has nothing to do with how the archive was written is tried on one form of it."""


def kinds(report: AuditReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_every_record_of_a_clean_lake_is_in_one_state(lake: AuditedLake) -> None:
    report = lake.audit()
    [day] = report.days
    assert report.is_clean
    assert report.completeness == 1.0
    assert day.archived == day.landed + day.quarantined + day.dead_lettered
    assert day.dead_lettered == 3
    assert day.quarantined > 10
    assert (day.missing, day.ghosts, day.doubled, day.altered, day.objects) == (0, 0, 0, 0, 0)


def test_a_verdict_that_is_gone_is_missing_and_was_last_seen_in_the_archive(lake: AuditedLake) -> None:
    every = [row["event_id"] for key in lake.keys("verdicts/") for row in lake.rows(key)]
    key = lake.keys("verdicts/")[-1]
    rows = lake.rows(key)
    gone = next(row["event_id"] for row in rows if every.count(row["event_id"]) == 1)
    lake.put_rows(VERDICTS, key, [row for row in rows if row["event_id"] != gone])

    report = lake.audit()

    [finding] = report.findings
    assert (finding.kind, finding.id) == ("missing", gone)
    assert finding.seen.startswith("archive: s3://lake/archive/dt=2026-11-20/")
    assert not report.is_clean
    assert report.completeness is not None
    assert 0.98 < report.completeness < 1


def test_an_object_beside_the_window_that_holds_a_record_of_it_is_named_by_its_address(lake: AuditedLake) -> None:
    lost = b'{"event_id":"0190b9c2-aaaa-7000-8000-00000000abcd"}\n'
    for number, day in ((1, 20), (1, 21)):
        key = f"archive/dt=2026-11-{day}/streamkeeper-archive-1-2026-11-{day}-12-00-00-{number:08d}.gz"
        lake.lake.write(key, gzip.compress(lost, mtime=0))
    found = [one for one in lake.audit(verify=False).findings if one.id.endswith("abcd")]
    assert [one.seen.rpartition("-")[0] for one in found] == [
        "archive: s3://lake/archive/dt=2026-11-21/streamkeeper-archive-1-2026-11-21-12-00-00"
    ]


@alike_in_both_forms
def test_an_object_that_goes_while_it_is_audited_is_said_to_be_gone(lake: AuditedLake) -> None:
    key = lake.keys("verdicts/")[-1]

    class Passing(Engine):
        """Deletes an object behind the answer."""

        def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
            answer = lake.engine.run(sql, parameters, database=database, workgroup=workgroup)
            lake.store.stored.pop(("lake", key), None)
            return answer

    for archived in lake.keys("archive/"):
        del lake.store.stored["lake", archived]
    auditor = Auditor(engine=Passing(), database="default", workgroup="w", lake=lake.lake, letters=lake.letters)
    report = auditor.audit(audit_id="a", start=START, end=END, now=NOW)
    assert "verdicts: an object that has gone since" in {finding.seen for finding in report.findings}


def test_an_object_whose_name_has_a_day_that_is_none_does_not_end_the_audit(lake: AuditedLake) -> None:
    key = "archive/dt=2026-11-20/streamkeeper-archive-1-2026-11-77-00-00-00-77777777.gz"
    lake.lake.write(key, gzip.compress(b"nothing\n", mtime=0))
    now = NOW + timedelta(days=12)
    report = lake.auditor().audit(audit_id="a", start=START, end=START + timedelta(days=11), now=now)
    assert report.is_judged
    assert not report.is_clean


def test_what_firehose_could_not_deliver_is_missing_with_that_hop(lake: AuditedLake) -> None:
    key = lake.keys("verdicts/")[-1]
    lost = lake.rows(key)
    del lake.store.stored["lake", key]
    import base64

    lines = [
        json.dumps({"rawData": base64.b64encode(json.dumps({"event_id": row["event_id"]}).encode()).decode()})
        for row in lost
    ]
    place = "errors/verdicts/format-conversion-failed/dt=2026-11-20/part"
    lake.lake.write(place, "\n".join(lines).encode())

    missing = [finding for finding in lake.audit().findings if finding.kind == "missing"]

    assert missing
    assert {finding.seen for finding in missing} == {f"delivery: s3://lake/{place}"}


@pytest.mark.parametrize(
    "broken",
    [b"\xef\xbb\xbf%s", b"\xff%s", b"[%s]", b"\x93" * 300_000, b"%s,", b"x" * 300_000 + b"%s"],
    ids=["mark", "no text", "list", "large", "comma", "large with an event"],
)
def test_a_broken_record_without_a_line_feed_in_the_deferred_lane_costs_its_neighbour_nothing(
    lake: AuditedLake, broken: bytes
) -> None:
    shares = Shares(malformed=0.0, duplicate=0.0, live=1.0)
    made = synthetic(2, now=(ARRIVED - timedelta(minutes=1)).timestamp(), seed=99, shares=shares)
    inner, sound = (one.payload for one in made)
    lake.land_deferred([broken.replace(b"%s", inner), sound + b"\n"])
    report = lake.audit(verify=False)
    assert report.findings == ()
    assert report.is_clean


def test_a_verdict_on_nothing_is_a_ghost(lake: AuditedLake) -> None:
    key = lake.keys("verdicts/")[-1]
    row = lake.rows(key)[0] | {"event_id": "00000000-0000-7000-8000-000000000000"}
    lake.put_rows(VERDICTS, f"{key}.more", [row])

    ghosts = [finding for finding in lake.audit().findings if finding.kind == "ghost"]

    assert [(finding.id, finding.seen) for finding in ghosts] == [
        ("00000000-0000-7000-8000-000000000000", f"verdicts: s3://lake/{key}.more")
    ]


def test_two_payloads_under_one_id_are_a_conflict_and_a_row_twice_is_doubled(lake: AuditedLake) -> None:
    key = lake.keys("verdicts/")[-1]
    rows = lake.rows(key)
    other = rows[0] | {"fingerprint": "another", "sequence_number": "7"}
    lake.put_rows(VERDICTS, f"{key}.more", [other, rows[1], rows[1]])

    found = {finding.kind: finding.id for finding in lake.audit(verify=False).findings}

    assert found == {"conflict": rows[0]["event_id"], "doubled": rows[1]["event_id"]}


def with_a_repeat(row: dict[str, Any], rule: str, action: str) -> dict[str, Any]:
    """A verdict on a calm text as it is when its batch shows that several say the same."""
    signal = {"detector": "repeats", "label": "flood", "score": 0.5, "rule": rule}
    return row | {
        "signals": [signal],
        "action": action,
        "labels": ["flood"],
        "top_label": "flood",
        "top_score": 0.5,
    }


@alike_in_both_forms
def test_what_only_a_batch_showed_is_taken_as_it_stands_when_the_policy_has_that_rule(lake: AuditedLake) -> None:
    key, rows, calm = calm_rows(lake)
    rows[calm[0]] = with_a_repeat(rows[calm[0]], "flood_same_text", "flag")
    lake.put_rows(VERDICTS, key, rows)
    assert lake.audit().is_clean

    rows[calm[1]] = with_a_repeat(rows[calm[1]], "another_rule", "flag")
    rows[calm[2]] = with_a_repeat(rows[calm[2]], "flood_same_text", "block")
    lake.put_rows(VERDICTS, key, rows)
    altered = {finding.id: finding.detail for finding in lake.audit().findings if finding.kind == "altered"}
    assert altered == {
        rows[calm[1]]["event_id"]: "differs in action, labels, top_label, top_score, signals",
        rows[calm[2]]["event_id"]: "differs in action",
    }


def calm_rows(lake: AuditedLake) -> tuple[str, list[dict[str, Any]], list[int]]:
    """An object of verdicts, its rows, and which of them have no signals and stand there once."""
    for key in reversed(lake.keys("verdicts/")):
        rows = lake.rows(key)
        ids = [row["event_id"] for other in lake.keys("verdicts/") for row in lake.rows(other)]
        calm = [at for at, row in enumerate(rows) if not row["signals"] and ids.count(row["event_id"]) == 1]
        if len(calm) >= 3:
            return key, rows, calm
    raise AssertionError("no object has three calm rows")


@alike_in_both_forms
def test_a_verdict_that_says_something_else_is_altered_and_its_columns_are_named(lake: AuditedLake) -> None:
    key = lake.keys("verdicts/")[-1]
    rows = lake.rows(key)
    rows[0] |= {"action": "block", "excerpt": "another"}
    lake.put_rows(VERDICTS, key, rows)

    altered = [finding for finding in lake.audit().findings if finding.kind == "altered"]

    assert [(finding.id, finding.detail) for finding in altered] == [
        (rows[0]["event_id"], "differs in action, excerpt")
    ]
    assert lake.audit(verify=False).is_clean


@alike_in_both_forms
def test_a_verdict_under_another_run_than_its_event_names_is_altered(lake: AuditedLake) -> None:
    key = lake.keys("verdicts/")[-1]
    rows = lake.rows(key)
    rows[0] |= {"run_id": "made up"}
    lake.put_rows(VERDICTS, key, rows)
    [altered] = [finding for finding in lake.audit().findings if finding.kind == "altered"]
    assert altered.id == rows[0]["event_id"]
    assert "run_id" in altered.detail


@alike_in_both_forms
@pytest.mark.parametrize("column", ["signals", "flags"])
@pytest.mark.parametrize("value", [None, [None], [None, None]])
def test_a_verdict_whose_lists_hold_nothing_is_altered_and_does_not_end_the_audit(
    lake: AuditedLake, column: str, value: list[None] | None
) -> None:
    key = lake.keys("verdicts/")[0]
    rows = lake.rows(key)
    rows[0] |= {column: value}
    lake.put_rows(VERDICTS, key, rows)
    altered = [finding.detail for finding in lake.audit().findings if finding.kind == "altered"]
    assert altered == ([] if column == "flags" and value is None else [f"differs in {column}"])


def test_a_row_landed_and_quarantined_is_in_two_states_unless_it_was_redriven(lake: AuditedLake) -> None:
    import base64

    key = lake.keys("verdicts/")[-1]
    verdict = lake.rows(key)[0]
    aside = lake.rows(lake.keys("quarantine/")[0])[0]
    payload = base64.b64encode(json.dumps({"event_id": verdict["event_id"]}).encode()).decode()
    lake.put_rows(QUARANTINE, "quarantine/dt=2026-11-20/more", [aside | {"payload": payload, "bad_row_id": "other"}])
    assert [finding.kind for finding in lake.audit(verify=False).findings] == ["in two states"]

    rows = [row | {"run_id": "redrive-1"} if row["event_id"] == verdict["event_id"] else row for row in lake.rows(key)]
    lake.put_rows(VERDICTS, key, rows)
    assert "in two states" not in kinds(lake.audit(verify=False))


def test_what_an_earlier_audit_saw_and_is_changed_is_named_and_new_objects_are_not(lake: AuditedLake) -> None:
    lake.audit(keep=True, audit_id="first")
    key = lake.keys("archive/")[0]
    body = lake.lake.read(key)
    lake.lake.write(key, gzip.compress(gzip.decompress(body), compresslevel=1, mtime=1))
    gone = lake.keys("quarantine/")[0]
    del lake.store.stored["lake", gone]

    found = [finding for finding in lake.audit().findings if finding.kind == "object"]
    objects = {finding.id: finding.detail for finding in found}

    assert {finding.day for finding in found} == {"2026-11-20"}
    assert objects == {
        f"s3://lake/{key}": "it was written again since it was audited",
        f"s3://lake/{gone}": "it is gone since it was audited",
    }


def test_an_object_that_cannot_be_read_is_named_and_nothing_is_claimed(lake: AuditedLake) -> None:
    key = lake.keys("archive/")[1]
    lake.lake.write(key, b"no gzip")

    report = lake.audit()

    assert [(finding.kind, finding.id) for finding in report.findings] == [("object", f"s3://lake/{key}")]
    assert not report.is_judged
    assert report.completeness is None


class Silent:
    """An Athena that fails and names no object."""

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        raise QueryFailed("HIVE_CURSOR_ERROR: something")


def test_of_objects_that_nobody_named_those_that_cannot_be_read_are_found(lake: AuditedLake) -> None:
    auditor = Auditor(engine=Silent(), database="default", workgroup="w", lake=lake.lake, letters=lake.letters)
    with pytest.raises(QueryFailed):
        auditor.audit(audit_id="a", start=START, end=END, now=NOW)
    broken = {lake.keys("archive/")[0]: b"no gzip", lake.keys("verdicts/")[0]: b"no Parquet"}
    broken[lake.keys("quarantine/")[0]] = lake.lake.read(lake.keys("quarantine/")[0])[:-40]
    for key, body in broken.items():
        lake.lake.write(key, body)
    report = auditor.audit(audit_id="a", start=START, end=END, now=NOW)
    assert {(finding.kind, finding.id) for finding in report.findings} == {
        ("object", f"s3://lake/{key}") for key in broken
    }
    assert not report.is_judged


def test_a_verdict_that_lies_under_a_day_long_before_its_arrival_is_found_there(lake: AuditedLake) -> None:
    sample = lake.rows(lake.keys("verdicts/")[0])[0]
    days = {f"{number:08x}-0000-7000-8000-000000000000": f"2026-0{number}-01" for number in (3, 5, 7, 9)}
    times = {name: f"{day}T10:00:00Z" for name, day in days.items()}
    lake.archive([json.dumps({"event_id": name, "created_at": time}).encode() for name, time in times.items()])
    assert {one.id for one in lake.audit(verify=False).findings if one.kind == "missing"} == set(days)
    landed = [name for name in days if not name.startswith("00000005")]
    for name in landed:
        row = {**sample, "event_id": name, "created_at": f"{days[name]} 10:00:00"}
        lake.put_rows(VERDICTS, f"verdicts/dt={days[name]}/old.parquet", [row])
    [finding] = [one for one in lake.audit(verify=False).findings if one.kind != "copies"]
    assert (finding.kind, finding.id[:8]) == ("missing", "00000005")


@alike_in_both_forms
def test_the_counts_land_in_the_audits_table(lake: AuditedLake) -> None:
    report = lake.audit(keep=True, audit_id="kept")

    answer = lake.engine.run(
        f"SELECT {', '.join(AuditRow.__struct_fields__)} FROM audits WHERE dt = '2026-11-20'",
        database="default",
        workgroup="w",
    )

    [row] = answer.rows
    found = dict(zip(AuditRow.__struct_fields__, row, strict=True))
    assert found["audit_id"] == "kept"
    assert {name: found[name] for name in ("archived", "landed", "missing", "altered")} == {
        "archived": report.count("archived"),
        "landed": report.count("landed"),
        "missing": 0,
        "altered": 0,
    }


def test_windows_side_by_side_judge_each_record_once(lake: AuditedLake) -> None:
    auditor = lake.auditor()
    edges = [START + timedelta(hours=hours) for hours in (0, 6, 12, 18, 24)]
    parts = [auditor.audit(audit_id="p", start=low, end=high, now=NOW) for low, high in pairwise(edges)]
    assert sum(part.count("archived") for part in parts) == lake.audit().count("archived")


def run(lake: AuditedLake, *arguments: str) -> tuple[int, str]:
    world = World(auditor=lake.auditor(), now=NOW.timestamp())
    result = CliRunner().invoke(audit, [*arguments], obj=world)
    return result.exit_code, result.output


@alike_in_both_forms
def test_the_command_says_whether_all_is_accounted_for_by_its_exit_code(lake: AuditedLake) -> None:
    code, output = run(lake, "--since", "2026-11-20", "--until", "2026-11-21", "--verify", "--no-keep")
    assert code == 0
    assert "everything is accounted for; completeness 100.000000%" in output

    key = lake.keys("verdicts/")[-1]
    del lake.store.stored["lake", key]
    code, output = run(lake, "--since", "2026-11-20", "--until", "2026-11-21", "--no-keep", "--limit", "2")
    assert code == 1
    assert "last seen: archive: s3://lake/archive/" in output
    assert "--json names all" in output


@alike_in_both_forms
def test_a_window_of_which_nothing_is_archived_is_not_called_accounted_for(lake: AuditedLake) -> None:
    window = ("--since", "2026-11-18", "--until", "2026-11-19", "--no-keep")
    code, output = run(lake, *window)
    assert code == 6
    assert "nothing to judge yet" in output
    assert "accounted for" not in output
    code, output = run(lake, *window, "--json")
    assert code == 6
    said = json.loads(output)
    assert (said["is_clean"], said["is_empty"], said["completeness"]) == (False, True, None)


def test_a_window_of_which_only_something_made_up_is_there_is_judged(lake: AuditedLake) -> None:
    for key in [*lake.keys("archive/"), *lake.keys("quarantine/")]:
        del lake.store.stored["lake", key]
    report = lake.audit()
    assert (report.is_empty, report.is_clean) == (False, False)


@alike_in_both_forms
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "yesterday"), "allowed"),
        (("--since", "5m"), "nothing that arrived since"),
        (("--since", "2026-11-21", "--until", "2026-11-20"), "the period is empty"),
    ],
)
def test_a_window_that_cannot_be_is_refused(lake: AuditedLake, arguments: tuple[str, ...], message: str) -> None:
    code, output = run(lake, *arguments)
    assert code == 2
    assert message in output


@alike_in_both_forms
def test_nobody_to_ask_is_said_in_one_line(lake: AuditedLake) -> None:
    class Nobody:
        def run(self, *_: object, **__: object) -> object:
            raise EngineUnreachable("no endpoint")

    engine: Engine = Nobody()  # type: ignore[assignment]
    auditor = Auditor(engine=engine, database="d", workgroup="w", lake=lake.lake, letters=lake.letters)
    world = World(auditor=auditor, now=END.timestamp() + 7200)
    result = CliRunner().invoke(audit, ["--since", "2026-11-20"], obj=world)
    assert result.exit_code == 3
    assert "no endpoint" in result.output


@alike_in_both_forms
def test_a_window_from_which_something_has_been_deleted_is_refused_and_the_first_that_can_be_judged_is_named(
    lake: AuditedLake,
) -> None:
    world = World(auditor=lake.auditor(), now=(NOW + timedelta(days=100)).timestamp())
    result = CliRunner().invoke(audit, ["--since", "2026-11-20"], obj=world)
    assert result.exit_code == 2
    first = NOW + timedelta(days=100 - 89)
    assert f"{first:%Y-%m-%d}" in result.output


@alike_in_both_forms
def test_each_day_says_which_part_of_it_was_judged(lake: AuditedLake) -> None:
    noon, second = START + timedelta(hours=12), START + timedelta(days=1, hours=6)
    report = lake.auditor().audit(audit_id="a", start=noon, end=second, now=NOW)
    windows = [(day.window_start, day.window_end) for day in report.days]
    assert windows == [
        (landed_timestamp(begins), landed_timestamp(ends)) for begins, ends in ((noon, END), (END, second))
    ]


def test_an_archived_object_whose_name_tells_no_time_is_named_on_its_own_day_and_no_other(lake: AuditedLake) -> None:
    lake.land([b"x" * 300_000])
    for day in ("2026-11-19", "2026-11-20", "2026-11-21"):
        lake.lake.write(f"archive/dt={day}/records-copied.gz", gzip.compress(b"", mtime=0))
    assert [one.id for one in lake.audit().findings] == ["s3://lake/archive/dt=2026-11-20/records-copied.gz"]


class Failing(FakeLake):
    """A bucket of which some objects are not as the query engine has seen them."""

    errors: Mapping[str, Exception] = {}

    def read(self, key: str) -> bytes:
        if key in self.errors:
            raise self.errors[key]
        return super().read(key)


def test_objects_that_cannot_be_read_a_second_time_are_named_and_the_others_are_looked_into() -> None:
    lake, state = _lake(packed=False)
    lake.restore(state)
    first, second = (f"archive/dt=2026-11-20/streamkeeper-archive-1-2026-11-20-12-00-0{at}-7.gz" for at in (1, 2))
    for key in (first, second):
        lake.lake.write(key, gzip.compress(f"lost of {key}\n".encode(), mtime=0))
    assert [one.kind for one in lake.audit().findings] == ["missing", "missing"]
    failing = Failing(lake.store, "lake")
    failing.errors = {first: UnreadableError("it is gone")}
    auditor = Auditor(engine=lake.engine, database="default", workgroup="w", lake=failing, letters=lake.letters)
    report = auditor.audit(audit_id="a", start=START, end=END, now=NOW)
    found = {one.kind: f"{one.id} {one.seen}" for one in report.findings}
    assert found.keys() == {"object", "missing"}
    assert first in found["object"]
    assert second in found["missing"]
