"""The deferred lane on the laptop runtime: put straight to Firehose, every record in one place, counted by its id."""

import gzip
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.commands.produce import produce as command
from infra.commands.replay import replay
from infra.demo import Lake
from infra.local.twin import Twin
from producers.aws.archive import S3Archive
from producers.aws.firehose import FirehoseStream
from producers.aws.kinesis import KinesisStream
from producers.aws.quarantine import Recovery
from producers.aws.reading import KinesisReader
from producers.delivery.batching import firehose_batcher
from producers.delivery.sending import deliver, open_delivery
from producers.ports import OutRecord, PutResult
from producers.redrive.quarantined import QuarantinedRow
from producers.synthetic.content import Shares, synthetic
from tests.fakes.handlers import handler_of, log_of

pytestmark = pytest.mark.usefixtures("environment")

HERE = Path(__file__).parent
ALL_DAYS = "'2020-01-01'"


class QuarantineClosed:
    """Turns away every put into the quarantine while it is on."""

    def __init__(self) -> None:
        self.on = False

    def failing(self, stream: str, records: Sequence[bytes]) -> Sequence[int]:
        return tuple(range(len(records))) if self.on and stream.endswith("-quarantine") else ()


@pytest.fixture(scope="module")
def faults() -> QuarantineClosed:
    return QuarantineClosed()


@pytest.fixture(scope="module")
def twin(faults: QuarantineClosed) -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "1"}, put_faults=faults) as running:
        yield running


def lake(twin: Twin) -> Lake:
    return Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])


def column(twin: Twin, name: str, table: str) -> set[str]:
    # The schema's names, never content.
    answer = lake(twin).run(f"SELECT DISTINCT {name} FROM {table} WHERE dt >= ?", [ALL_DAYS])
    return {str(row[0]) for row in answer.rows}


def put(twin: Twin, records: list[OutRecord]) -> dict[str, OutRecord]:
    """What Firehose took, by its record id."""
    taken: dict[str, OutRecord] = {}

    def accepted(some: Sequence[tuple[OutRecord, PutResult]]) -> None:
        taken.update({str(result.sequence_number): record for record, result in some})

    delivery = open_delivery(
        FirehoseStream(twin.outputs["DeferredDeliveryStreamName"]),
        clock=SystemClock(),
        on_accepted=accepted,
        batcher=firehose_batcher(),
    )
    for record in records:
        delivery.put(record)
    report = delivery.close()
    assert report.failed == []
    assert len(taken) == len(records) == report.accepted
    return taken


def made_up(count: int, *, seed: int, malformed: float = 0.0) -> list[OutRecord]:
    made = synthetic(count, seed=seed, now=time.time(), shares=Shares(malformed=malformed, duplicate=0.0))
    return [OutRecord(one.event_id or one.kind, one.partition_key, one.payload) for one in made]


def huge(number: int) -> OutRecord:
    """An event whose row is larger than a Firehose record may be, though the event itself is not."""
    event_id = f"00000000-0000-7000-8000-{number:012d}"
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {
        "schema_version": 1,
        "event_id": event_id,
        "content_id": f"huge-{number}",
        "author_id": "a",
        "surface": "comment",
        "created_at": created,
        "text": "x",
        "note": '"' * 350_000,
    }
    return OutRecord(event_id, "key", json.dumps(document).encode())


def error_objects(twin: Twin) -> list[dict[str, Any]]:
    s3 = twin.client("s3")
    bucket = twin.outputs["LakeBucketName"]
    found: list[dict[str, Any]] = []
    for item in s3.list_objects_v2(Bucket=bucket, Prefix="errors/deferred/").get("Contents", []):
        body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        found += [json.loads(line) for line in body.splitlines()]
    return found


def recovered(twin: Twin, record_id: str) -> bytes | None:
    """What a redrive finds of a record that was too large to be kept with its quarantine row."""
    names = [name for name in QuarantinedRow.__struct_fields__ if name != "arrived"]
    [row] = (
        lake(twin)
        .run(
            f"SELECT {', '.join(names)}, to_unixtime(arrived_at) FROM quarantine WHERE sequence_number = ?",
            [f"'{record_id}'"],
        )
        .rows
    )
    *values, arrived = row
    found: dict[str, Any] = {name: "" if value is None else value for name, value in zip(names, values, strict=True)}
    assert found["payload"] == ""
    recovery = Recovery(
        KinesisReader(twin.outputs["ContentStreamName"], clock=SystemClock()), S3Archive(twin.outputs["LakeBucketName"])
    )
    return recovery(QuarantinedRow(**found, arrived=float(str(arrived))))


def test_good_broken_and_huge_records_each_end_in_one_place_by_their_id(twin: Twin) -> None:
    records = made_up(2_000, seed=21, malformed=0.05)
    records += [huge(number) for number in range(3)]
    records += [OutRecord("bytes", "key", b"\x00\xff" * 200_000), OutRecord("empty", "key", b"")]
    taken = put(twin, records)

    assert twin.drain(600)["drained"]

    landed = column(twin, "sequence_number", "verdicts")
    quarantined = column(twin, "sequence_number", "quarantine")
    assert landed | quarantined == set(taken)
    assert landed & quarantined == set()
    assert error_objects(twin) == []
    assert 50 < len(quarantined) < 200
    reasons = {
        str(row[0]): str(row[1]) for row in lake(twin).run("SELECT sequence_number, reason FROM quarantine", []).rows
    }
    by_name = {record.event_id: reasons[record_id] for record_id, record in taken.items() if record_id in reasons}
    assert {by_name[huge(number).event_id] for number in range(3)} == {"size"}
    assert column(twin, "shard_id", "verdicts") == {"firehose/streamkeeper-deferred"}
    # Those that somebody is told of went ahead; all the others Firehose landed itself.
    state = twin.deliveries.state()
    told = int(str(lake(twin).run("SELECT count(*) FROM verdicts WHERE action <> 'allow'", []).rows[0][0]))
    assert state["streamkeeper-deferred"]["rows_out"] >= len(landed) - told - len(records) // 20
    assert state["streamkeeper-deferred"]["dropped_records"] >= len(quarantined) + told
    # What came in is kept as it came, one record a line.
    s3, bucket = twin.client("s3"), twin.outputs["LakeBucketName"]
    kept = b"".join(
        gzip.decompress(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
        for item in s3.list_objects_v2(Bucket=bucket, Prefix="archive/").get("Contents", [])
    )
    # In whatever order: calls are under way side by side, and objects of one second go by chance.
    assert sorted(kept.split(b"\n")) == sorted(b"".join(one.data + b"\n" for one in taken.values()).split(b"\n"))
    assert recovered(twin, next(one for one in taken if taken[one].event_id == "bytes")) == b"\x00\xff" * 200_000


def test_the_same_events_through_both_lanes_are_one_row_each_in_current_verdicts(twin: Twin) -> None:
    records = made_up(300, seed=22)
    put(twin, records)
    deliver(records, KinesisStream(twin.outputs["ContentStreamName"]), clock=SystemClock())

    assert twin.drain(600)["drained"]

    ids = {record.event_id for record in records}
    rows = lake(twin).run("SELECT event_id, verdict_id, shard_id FROM verdicts", []).rows
    both = [row for row in rows if row[0] in ids]
    assert len(both) == 600
    assert len({(row[0], row[1]) for row in both}) == 300
    assert {str(row[2]).partition("/")[0] for row in both} == {"firehose", "shardId-000000000000"}
    current = [str(row[0]) for row in lake(twin).run("SELECT event_id FROM current_verdicts", []).rows]
    assert len(current) == len(set(current))
    assert ids <= set(current)


def test_what_cannot_be_quarantined_is_under_the_error_prefix_and_counted(
    twin: Twin, faults: QuarantineClosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    lambda_: Any = twin.client("lambda")
    name = twin.outputs["TransformFunctionName"]
    # The function tries for as long as it may: that need not be two minutes here.
    lambda_.update_function_configuration(FunctionName=name, Timeout=8)
    faults.on = True
    good = made_up(50, seed=23)
    taken = put(twin, [*good, OutRecord("bad", "key", b"not json")])
    assert twin.drain(600)["drained"]
    faults.on = False
    lambda_.update_function_configuration(FunctionName=name, Timeout=120)

    [failed] = error_objects(twin)
    assert failed["errorCode"] == "Lambda.ProcessingFailedStatus"
    bad_id = next(record_id for record_id, record in taken.items() if record.event_id == "bad")
    assert bad_id not in column(twin, "sequence_number", "quarantine")
    assert set(taken) - {bad_id} <= column(twin, "sequence_number", "verdicts")


def test_answers_that_are_lost_cost_nothing_but_repeated_rows(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    before = len(error_objects(twin))
    with handler_of(twin, "TransformFunctionName", "forgetful_transform.handle") as name:
        taken = put(twin, made_up(1_500, seed=25, malformed=0.03))
        assert twin.drain(600)["drained"]

    assert sum("the answer is lost" in line for line in log_of(twin, name)) >= 2
    assert len(error_objects(twin)) == before
    landed, quarantined = column(twin, "sequence_number", "verdicts"), column(twin, "sequence_number", "quarantine")
    assert set(taken) <= landed | quarantined
    assert set(taken) & landed & quarantined == set()
    [(rows, ids)] = lake(twin).run("SELECT count(*), count(DISTINCT event_id) FROM current_verdicts", []).rows
    assert rows == ids


def test_what_the_lane_could_not_finish_comes_back_from_the_archive(twin: Twin, tmp_path: Path) -> None:
    records = made_up(200, seed=26)
    put(twin, records)
    assert twin.drain(600)["drained"]
    wanted = sorted({record.event_id for record in records})[:5]
    (tmp_path / "ids").write_text("\n".join(wanted) + "\n")

    arguments = ["--since", "1h", "--ids", str(tmp_path / "ids"), "--notify", "--state", str(tmp_path), "--json"]
    ran = CliRunner().invoke(replay, arguments)
    assert ran.exit_code == 0, ran.output
    assert msgspec.json.decode(ran.stdout.splitlines()[-1])["sent"] == 5
    assert twin.drain(600)["drained"]

    rows = lake(twin).run("SELECT event_id, shard_id FROM verdicts WHERE run_id <> ''", []).rows
    assert sorted(str(row[0]) for row in rows) == wanted
    assert {str(row[1]).partition("-")[0] for row in rows} == {"shardId"}
    current = [str(row[0]) for row in lake(twin).run("SELECT event_id FROM current_verdicts", []).rows]
    assert [current.count(one) for one in wanted] == [1] * 5


def test_the_command_puts_to_the_stack_s_delivery_stream(twin: Twin, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("STREAMKEEPER_STREAM", "STREAMKEEPER_STACK", "STREAMKEEPER_DELIVERY_STREAM"):
        monkeypatch.delenv(variable, raising=False)
    before = twin.deliveries.state()["streamkeeper-deferred"]["records_in"]
    ran = CliRunner().invoke(command, ["--synthetic", "400", "--seed", "24", "--deferred", "--json"])
    assert ran.exit_code == 0, ran.output
    account = msgspec.json.decode(ran.stdout)
    assert (account["read"], account["accepted"]) == (400, 400)
    assert twin.deliveries.state()["streamkeeper-deferred"]["records_in"] == before + 400


def test_objects_under_a_prefix_go_through_the_lane_as_a_preset_says(
    twin: Twin, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="given")
    now = int(time.time())
    for part in range(3):
        rows = (
            f'{{"id":"part{part}n{number}","author":"ann","body":"comment {number}","created_utc":{now}}}\n'
            for number in range(100)
        )
        s3.put_object(Bucket="given", Key=f"dump/RC_{part}.jsonl.gz", Body=gzip.compress("".join(rows).encode()))
    arguments = ["--from", "s3://given/dump/", "--preset", "reddit", "--deferred", "--json"]
    ran = CliRunner().invoke(command, arguments)
    assert ran.exit_code == 0, ran.output
    assert msgspec.json.decode(ran.stdout)["accepted"] == 300

    assert twin.drain(600)["drained"]

    found = lake(twin).run("SELECT DISTINCT content_id FROM current_verdicts WHERE content_id LIKE 't1_part%'", []).rows
    assert len(found) == 300


def campaign(lane: str) -> list[OutRecord]:
    """What three authors were told to post, and something else."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    call = "our summer festival needs volunteers for the big saturday concert in the park, write to the team"
    texts = [f"hello number {number}, {call}" for number in range(6)]
    records = []
    for number, text in enumerate([*texts, "the saturday concert was wet and nobody wrote to the team of volunteers"]):
        event_id = f"00000000-0000-7000-8{'1' if lane == 'stream' else '2'}00-{number:012d}"
        document = {
            "schema_version": 1,
            "event_id": event_id,
            "content_id": f"{lane}-{number}",
            "author_id": f"author-{number % 3}",
            "surface": "campaign",
            "created_at": created,
            "text": text,
        }
        records.append(OutRecord(event_id, "key", json.dumps(document).encode()))
    return records


def test_what_several_are_told_to_post_is_flagged_by_either_lane_and_nothing_else_is(twin: Twin) -> None:
    put(twin, campaign("firehose"))
    deliver(campaign("stream"), KinesisStream(twin.outputs["ContentStreamName"]), clock=SystemClock())

    assert twin.drain(600)["drained"]

    rows = lake(twin).run(
        "SELECT content_id, action, detector, rule FROM current_verdicts"
        " LEFT JOIN UNNEST(signals) AS found (detector, label, score, rule) ON TRUE"
        " WHERE dt >= ? AND surface = 'campaign' ORDER BY content_id",
        [ALL_DAYS],
    )
    found = {str(row[0]): tuple(row[1:]) for row in rows.rows}
    flagged = ("flag", "repeats", "flood_same_text")
    wanted = {f"{lane}-{number}": flagged for lane in ("firehose", "stream") for number in range(6)}
    assert found == wanted | {f"{lane}-6": ("allow", None, None) for lane in ("firehose", "stream")}
