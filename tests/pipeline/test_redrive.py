"""Redrive on the laptop runtime: what was set aside lands once after a fix, by ids, however often it is tried."""

import itertools
import os
import random
import select
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from athena.aws.engine import AthenaEngine
from glue.kpl.aggregation import UserRecord, encode
from glue.system_clock import SystemClock
from infra.cli import streamkeeper
from infra.demo import dead_lettered
from infra.local.twin import Twin
from producers.delivery.sending import deliver
from producers.ports import OutRecord, PutResult
from producers.redrive.run import BATCH_ITEMS
from tests.fakes.handlers import handler_of
from tests.fakes.until import until

# Minutes of work: `make test-heavy`.
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(7200), pytest.mark.usefixtures("environment")]

HERE = Path(__file__).parent
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    parameters = {"ShardCount": "2", "MaximumRetryAttempts": "1", "BatchSize": "50", "BatchWindowSeconds": "0"}
    # What is told of is counted, and there are more flags than anything else.
    with Twin(parameters={**parameters, "FlagNotices": "on"}) as running:
        yield running


ROUNDS = 20
"""How often a redrive is killed."""


def event(text: object = "a fine day", **fields: Any) -> dict[str, Any]:
    number = next(_numbers)
    return {
        "schema_version": 1,
        "event_id": str(uuid.uuid4()),
        "content_id": f"c-{number}",
        "author_id": f"a-{number}",
        "surface": "chat",
        "created_at": datetime.now(UTC).isoformat(),
        "text": text,
        **fields,
    }


class Sent:
    """Where each record lies, as the stream said."""

    def __init__(self) -> None:
        self.places: set[tuple[str, str]] = set()

    def accepted(self, taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        self.places |= {(str(result.shard_id), str(result.sequence_number)) for _, result in taken}


def send(twin: Twin, payloads: Sequence[bytes]) -> Sent:
    from producers.aws.kinesis import KinesisStream

    sent = Sent()
    records = [OutRecord(f"r-{at}", f"key-{at}", payload) for at, payload in enumerate(payloads)]
    stream = KinesisStream(twin.outputs["ContentStreamName"])
    assert deliver(records, stream, clock=SystemClock(), on_accepted=sent.accepted).failed == []
    return sent


def drained(twin: Twin) -> None:
    assert twin.drain(600)["drained"]


def lake(twin: Twin, sql: str) -> list[tuple[Any, ...]]:
    engine = AthenaEngine(twin.client("athena"))
    return list(engine.run(sql, database=twin.outputs["DatabaseName"], workgroup=twin.outputs["WorkGroupName"]).rows)


def rows_of(twin: Twin, events: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    ids = ", ".join(f"'{one['event_id']}'" for one in events)
    return lake(
        twin,
        "SELECT event_id, run_id, arrived_at, array_join(flags, ',') FROM verdicts "
        f"WHERE dt > '2020-01-01' AND event_id IN ({ids}) ORDER BY 1",
    )


def notices(twin: Twin) -> int:
    queue = twin.outputs["EnforcementQueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = twin.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def redrive(*arguments: str) -> Result:
    return CliRunner().invoke(streamkeeper, ["redrive", *arguments])


def account(result: Result, exit_code: int = 0) -> dict[str, Any]:
    assert result.exit_code == exit_code, result.output
    return dict(msgspec.json.decode(result.stdout))


@pytest.fixture
def fix(tmp_path: Path) -> Path:
    script = tmp_path / "fix.py"
    script.write_text(
        "import json\n"
        "def fix(payload, reason):\n"
        "    event = json.loads(payload)\n"
        "    print('this goes nowhere')\n"
        "    event['text'] = str(event['text'])\n"
        "    return json.dumps(event).encode()\n",
        "utf-8",
    )
    return script


def test_quarantined_records_land_once_after_a_fix_with_their_first_arrival(twin: Twin, fix: Path) -> None:
    # given records that the contract refuses, some with personal data in them
    broken = [event(text=5, context={"note": "mail jo@example.org"}) for _ in range(5)]
    blocked = event(text=["free money"])
    send(twin, [msgspec.json.encode(one) for one in [*broken, blocked]])
    drained(twin)
    # when they are listed, they are shown by reason, without personal data
    listed = redrive("quarantine", "--list", "--reason", "type", "--since", "1h")
    assert listed.exit_code == 0
    assert "type: 6, of which 0 redriven" in listed.output
    assert "[email]" in listed.output
    assert "jo@example.org" not in listed.output
    # and tried out, nothing is sent
    fixed = ("quarantine", "--reason", "type", "--fix", str(fix), "--since", "1h", "--json")
    tried = account(redrive(*fixed, "--dry-run"))
    assert (tried["redriven"], tried["events"]) == (6, 6)
    drained(twin)
    assert rows_of(twin, broken) == []
    # when they are redriven
    notices_before = notices(twin)
    done = account(redrive(*fixed, "--run-id", "fixed"))
    drained(twin)
    # then each lands once, as of its first arrival, and nobody is told
    assert (done["found"], done["redriven"], done["events"], done["fixed"]) == (6, 6, 6, 6)
    rows = rows_of(twin, [*broken, blocked])
    assert len(rows) == len({row[0] for row in rows}) == 6
    assert {(row[1], row[3]) for row in rows} == {("fixed", "replayed")}
    assert notices(twin) == notices_before
    arrivals = lake(twin, "SELECT min(arrived_at), max(arrived_at) FROM quarantine WHERE dt > '2020-01-01'")[0]
    assert all(arrivals[0] <= row[2] <= arrivals[1] for row in rows)
    # and a second redrive does nothing
    again = account(redrive(*fixed))
    drained(twin)
    assert (again["found"], again["already"], again["events"]) == (6, 6, 0)
    assert rows_of(twin, [*broken, blocked]) == rows


def test_two_operators_at_once_bring_each_record_back_once(twin: Twin, fix: Path) -> None:
    broken = [event(text=7) for _ in range(60)]
    send(twin, [msgspec.json.encode(one) for one in broken])
    drained(twin)
    command = [
        *(sys.executable, "-m", "infra", "redrive", "quarantine", "--reason", "type", "--since", "1h", "--json"),
        *("--fix", str(fix)),
    ]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) for _ in range(2)]
    accounts = [msgspec.json.decode(process.communicate(timeout=600)[0]) for process in both]
    drained(twin)
    assert sum(one["redriven"] for one in accounts) == 60
    rows = rows_of(twin, broken)
    assert len(rows) == len({row[0] for row in rows}) == 60


def is_empty(pipe: int) -> bool:
    """Whether nothing is in a pipe to be read."""
    return not select.select([pipe], [], [], 0)[0]


def test_a_redrive_killed_in_the_middle_goes_on_and_every_event_has_one_verdict(twin: Twin, tmp_path: Path) -> None:
    # given a fix that waits for leave at every record, and a redrive that is killed when it has used up what it had
    broken = [event(text=8) for _ in range(500)]
    send(twin, [msgspec.json.encode(one) for one in broken])
    drained(twin)
    leave = tmp_path / "leave"
    os.mkfifo(leave)
    gate = os.open(leave, os.O_RDWR)
    gated = tmp_path / "gated.py"
    gated.write_text(
        "import os\n"
        f"leave = os.open({str(leave)!r}, os.O_RDONLY)\n"
        "def fix(payload, reason):\n"
        "    os.read(leave, 1)\n"
        '    return payload.replace(b\'"text":8\', b\'"text":"8"\')\n',
        "utf-8",
    )
    arguments = ["quarantine", "--reason", "type", "--since", "1h", "--fix", str(gated), "--json"]
    chance = random.Random(7)
    for number in range(ROUNDS):
        # Now and then a batch is fixed to its end, and the process is killed while it is sent.
        os.write(gate, b"." * (BATCH_ITEMS if number % 8 == 7 else chance.randrange(1, BATCH_ITEMS)))
        with subprocess.Popen(
            [sys.executable, "-m", "infra", "redrive", *arguments], stdout=subprocess.DEVNULL, env=dict(os.environ)
        ) as process:
            until(lambda process=process: is_empty(gate) or process.poll() is not None, "records fixed")  # type: ignore[misc]
            process.kill()
    claims = twin.client("s3").list_objects_v2(Bucket=twin.outputs["LakeBucketName"], Prefix="redriven/quarantine/")
    assert claims["KeyCount"] > 0
    os.write(gate, b"." * (len(broken) + ROUNDS))
    # when it is run once more
    done = account(redrive(*arguments))
    os.close(gate)
    drained(twin)
    # then every event has landed, and under one verdict, whichever process sent it
    assert (done["held"], done["already"] + done["redriven"]) == (0, done["found"])
    rows = rows_of(twin, broken)
    assert {row[0] for row in rows} == {one["event_id"] for one in broken}
    assert len({(row[0], row[1]) for row in rows}) == len(broken)


def test_a_newer_schema_is_not_sent_before_the_upgrade_and_lands_after_it(twin: Twin, tmp_path: Path) -> None:
    future = [event(schema_version=2) for _ in range(3)]
    send(twin, [msgspec.json.encode(one) for one in future])
    drained(twin)
    command = ("quarantine", "--reason", "schema_future", "--since", "1h", "--json")
    early = account(redrive(*command), exit_code=1)
    assert (early["still_bad"], early["still_bad_reasons"]) == (3, {"schema_future": 3})
    # What an upgrade would do to them.
    upgrade = tmp_path / "upgrade"
    upgrade.write_text('#!/bin/sh\nsed \'s/"schema_version":2/"schema_version":1/\'\n', "utf-8")
    upgrade.chmod(0o700)
    done = account(redrive(*command, "--fix", str(upgrade)))
    drained(twin)
    assert done["redriven"] == 3
    assert len(rows_of(twin, future)) == 3


def test_a_payload_too_large_for_its_row_is_read_back_from_the_stream(twin: Twin, fix: Path) -> None:
    large = event(text=9, padding="x" * 300_000)
    send(twin, [msgspec.json.encode(large)])
    drained(twin)
    assert lake(twin, "SELECT count(*) FROM quarantine WHERE dt > '2020-01-01' AND payload IS NULL") == [(1,)]
    done = account(redrive("quarantine", "--reason", "type", "--fix", str(fix), "--since", "1h", "--json"))
    drained(twin)
    assert (done["redriven"], done["impossible"]) == (1, 0)
    assert len(rows_of(twin, [large])) == 1


@pytest.fixture
def dead(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], Sent]:
    """Events that a broken release gave up on; the release is then taken back."""
    before = dead_lettered(twin.client("s3"), twin.outputs["DeadLetterBucketName"])
    monkeypatch.syspath_prepend(str(HERE))
    with handler_of(twin, "ModerateFunctionName", "failing_handler.handle"):
        events = [event() for _ in range(40)]
        payloads = [msgspec.json.encode(one) for one in events[:30]]
        payloads.append(encode([UserRecord("key", None, msgspec.json.encode(one)) for one in events[30:]]))
        sent = send(twin, [*payloads, b"no event at all", msgspec.json.encode(event(text=11))])
        drained(twin)
    assert dead_lettered(twin.client("s3"), twin.outputs["DeadLetterBucketName"]) - before == sent.places
    return events, sent


def test_dead_letters_come_back_whole_and_every_record_is_accounted_for(
    twin: Twin, dead: tuple[list[dict[str, Any]], Sent]
) -> None:
    events, _ = dead
    [(quarantined,)] = lake(twin, "SELECT count(*) FROM quarantine WHERE dt > '2020-01-01'")
    listed = redrive("dead-letters", "--list", "--since", "1h")
    assert "RetryAttemptsExhausted" in listed.output
    done = account(redrive("dead-letters", "--since", "1h", "--json", "--run-id", "dead"))
    drained(twin)
    # then events land once, aggregates opened, and what is none is in quarantine at last
    assert (done["events"], done["raw"], done["redriven"]) == (40, 2, done["found"])
    rows = rows_of(twin, events)
    assert len(rows) == len({row[0] for row in rows}) == 40
    assert {row[1] for row in rows} == {"dead"}
    assert lake(twin, "SELECT count(*) FROM quarantine WHERE dt > '2020-01-01'") == [(quarantined + 2,)]
    again = account(redrive("dead-letters", "--since", "1h", "--json"))
    assert (again["already"], again["events"]) == (again["found"], 0)


def test_dead_letters_told_of_by_messages_are_read_back_from_the_stream(
    twin: Twin, dead: tuple[list[dict[str, Any]], Sent], tmp_path: Path
) -> None:
    # given the messages that SQS and SNS would hold: where a batch was, and nothing of it
    events, sent = dead
    s3, bucket = twin.client("s3"), twin.outputs["DeadLetterBucketName"]
    texts = []
    for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        document = msgspec.json.decode(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
        info = document["KinesisBatchInfo"]
        if (info["shardId"], info["startSequenceNumber"]) in sent.places:
            del document["payload"]
            texts.append(msgspec.json.encode(document).decode())
    assert texts
    sqs = twin.client("sqs")
    queue = sqs.create_queue(QueueName="failures")["QueueUrl"]
    for number, text in enumerate(texts):
        wrapped = msgspec.json.encode({"Type": "Notification", "Message": text}).decode()
        sqs.send_message(QueueUrl=queue, MessageBody=text if number % 2 else wrapped)
    sqs.send_message(QueueUrl=queue, MessageBody="no invocation record")
    # when they are redriven
    done = account(redrive("dead-letters", "--queue", queue, "--json", "--run-id", "told"), exit_code=1)
    drained(twin)
    # then every event lands once, and only the message that nobody can read is left on the queue
    assert (done["events"], done["raw"], done["missing"], len(done["unreadable"])) == (40, 2, 0, 1)
    rows = rows_of(twin, events)
    assert len(rows) == len({row[0] for row in rows}) == 40
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == "1"
    # and what the stream no longer keeps is said to be too late, and where it may still be
    gone = msgspec.json.decode(texts[0])
    early = "1"
    gone["KinesisBatchInfo"] |= {
        "startSequenceNumber": early,
        "endSequenceNumber": early,
        "batchSize": 7,
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00.000Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:00:01.000Z",
    }
    pointers = tmp_path / "pointers.jsonl"
    pointers.write_text(msgspec.json.encode(gone).decode() + "\n", "utf-8")
    late = account(redrive("dead-letters", "--pointers", str(pointers), "--since", "2026-01-01", "--json"), exit_code=1)
    assert (late["impossible"], late["missing"]) == (1, 7)
    assert "too late for 7 of 7 records" in late["problems"][0]
    assert "streamkeeper replay --since 2026-01-01T00:00:00.000Z" in late["problems"][0]


def test_notify_tells_of_redriven_events_that_have_no_verdict_yet(twin: Twin, tmp_path: Path) -> None:
    # given one event that was never decided and one that was, both quarantined once
    since = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    spam = "FREE MONEY!!! click http://spam.example/win now, cheap pills"
    decided = event(text=spam)
    undecided = event(text=spam)
    send(twin, [msgspec.json.encode(decided)])
    drained(twin)
    broken = [{**one, "schema_version": "x"} for one in (decided, undecided)]
    send(twin, [msgspec.json.encode(one) for one in broken])
    drained(twin)
    before = notices(twin)
    script = tmp_path / "repair.py"
    script.write_text(
        'def fix(payload, reason):\n    return payload.replace(b\'"schema_version":"x"\', b\'"schema_version":1\')\n',
        "utf-8",
    )
    done = account(
        redrive("quarantine", "--reason", "type", "--since", since, "--fix", str(script), "--notify", "--json")
    )
    drained(twin)
    assert (done["events"], done["told"]) == (2, 1)
    assert len(rows_of(twin, [decided])) == 2
    assert notices(twin) == before + 1


def test_the_ledger_holds_no_content(twin: Twin) -> None:
    s3, bucket = twin.client("s3"), twin.outputs["LakeBucketName"]
    entries = s3.list_objects_v2(Bucket=bucket, Prefix="redriven/")["Contents"]
    assert entries
    for item in entries[:20]:
        entry = msgspec.json.decode(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
        assert set(entry) == {"state", "run_id", "at", "holder", "held_until", "events"}
