"""Replay on the laptop runtime: what counts stays the same by id and checksum, and nobody is told twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.cli import streamkeeper
from infra.local.twin import Twin
from producers.delivery.sending import deliver
from producers.ports import OutRecord
from producers.synthetic.content import Shares, synthetic
from tests.fakes.checksum import Checksum, checksum
from tests.fakes.until import until

# Minutes of work: `make test-heavy`.
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(7200), pytest.mark.usefixtures("environment")]

ALL = ("2020-01-01", "2999-12-31")


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    # What is told of is counted, and there are more flags than anything else.
    with Twin(parameters={"ShardCount": "4", "FlagNotices": "on"}) as running:
        yield running


ROUNDS = 20
"""How often a replay is killed, each time in the middle."""


def send(twin: Twin, count: int, *, seed: int, shares: Shares | None = None) -> set[str]:
    from producers.aws.kinesis import KinesisStream

    made = list(synthetic(count, seed=seed, now=time.time(), shares=shares))
    records = [OutRecord(one.event_id or one.kind, one.partition_key, one.payload) for one in made]
    report = deliver(records, KinesisStream(twin.outputs["ContentStreamName"]), clock=SystemClock())
    assert report.failed == []
    return {one.event_id for one in made if one.event_id}


def now() -> str:
    """What to give as --since: objects that overlap it may bring some events from shortly before."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def only(ids: set[str], folder: Path) -> list[str]:
    """What to give so that exactly these events are replayed."""
    chosen = folder / "ids.txt"
    chosen.write_text("\n".join(sorted(ids)), "utf-8")
    return ["--ids", str(chosen)]


def of_run(twin: Twin, run_id: str) -> tuple[int, int]:
    """How many events and verdict ids a run has landed."""
    [(events, verdicts)] = lake(
        twin,
        "SELECT count(DISTINCT event_id), count(DISTINCT verdict_id) FROM verdicts "
        f"WHERE dt > '2020-01-01' AND run_id = '{run_id}'",
    )
    return int(events), int(verdicts)


def drained(twin: Twin) -> None:
    assert twin.drain(600)["drained"]


def counts(twin: Twin) -> Checksum:
    engine = AthenaEngine(twin.client("athena"))
    names = {"database": twin.outputs["DatabaseName"], "workgroup": twin.outputs["WorkGroupName"]}
    return checksum(engine, **names, first_day=ALL[0], last_day=ALL[1])


def lake(twin: Twin, sql: str) -> list[tuple[Any, ...]]:
    engine = AthenaEngine(twin.client("athena"))
    return list(engine.run(sql, database=twin.outputs["DatabaseName"], workgroup=twin.outputs["WorkGroupName"]).rows)


def notices(twin: Twin) -> int:
    """How many notices were ever made."""
    queue = twin.outputs["EnforcementQueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = twin.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def replay(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        streamkeeper, ["replay", "--state", str(tmp_path / "runs"), "--rate", "max", "--json", *arguments]
    )


def account(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(msgspec.json.decode(result.stdout))


@pytest.mark.parametrize("source", ["archive", "stream"])
def test_a_replay_once_or_twice_changes_nothing_by_id_and_checksum_and_tells_nobody(
    twin: Twin, tmp_path: Path, source: str
) -> None:
    # given a stream that has landed, with broken records and repeats in it
    since = now()
    ids = send(twin, 600, seed=21 + len(source), shares=Shares(malformed=0.03, duplicate=0.05))
    drained(twin)
    before, notices_before, chosen = counts(twin), notices(twin), only(ids, tmp_path)
    [(quarantined,)] = lake(twin, "SELECT count(*) FROM quarantine WHERE dt > '2020-01-01'")
    for run in (f"one-{source}", f"two-{source}"):
        # when it is replayed, once and then again as another run
        done = account(replay(tmp_path, "--since", since, "--from", source, "--run-id", run, *chosen))
        drained(twin)
        # then every event came again and counts once, as it did
        assert (done["estimated"], done["failed"], done["is_finished"]) == (0, 0, True)
        assert of_run(twin, run) == (len(ids), len(ids))
        assert (counts(twin), notices(twin)) == (before, notices_before)
    # and what is no event was left where it was
    assert sum(done["refused"].values()) > 0
    assert lake(twin, "SELECT count(*) FROM quarantine WHERE dt > '2020-01-01'") == [(quarantined,)]


def test_the_same_run_sent_again_makes_the_same_verdict_ids(twin: Twin, tmp_path: Path) -> None:
    since = now()
    ids = send(twin, 300, seed=31)
    drained(twin)
    for _ in range(2):
        account(replay(tmp_path, "--since", since, "--run-id", "again", *only(ids, tmp_path)))
        drained(twin)
        assert of_run(twin, "again") == (len(ids), len(ids))
    [(rows,)] = lake(twin, "SELECT count(*) FROM verdicts WHERE dt > '2020-01-01' AND run_id = 'again'")
    assert rows >= 2 * len(ids)


def test_a_replay_that_crosses_live_traffic_counts_every_event_once(twin: Twin, tmp_path: Path) -> None:
    # given events that have landed, and others that come while they are replayed
    since = now()
    ids = send(twin, 500, seed=41)
    drained(twin)
    before = counts(twin)
    command = [
        *(sys.executable, "-m", "infra", "replay", "--since", since, "--run-id", "crossing", "--rate", "250", "--json"),
        *("--state", str(tmp_path / "runs")),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        live = set()
        while process.poll() is None:
            live |= send(twin, 100, seed=1_000 + len(live))
        assert process.stdout is not None
        done = msgspec.json.decode(process.stdout.read())
    drained(twin)
    # then all are there, once, and each verdict to act on was told once, when it was live
    assert (done["is_finished"], done["failed"]) == (True, 0)
    assert done["sent"] >= len(ids)
    crossed, notices_crossed = counts(twin), notices(twin)
    assert crossed.events == before.events + len(live)
    [(acted_on,)] = lake(
        twin,
        "SELECT count(DISTINCT event_id) FROM verdicts WHERE dt > '2020-01-01' AND run_id = '' AND action <> 'allow'",
    )
    assert notices_crossed == acted_on
    # and the same replay over all of it changes nothing
    account(replay(tmp_path, "--since", since, "--run-id", "after"))
    drained(twin)
    assert (counts(twin), notices(twin)) == (crossed, notices_crossed)


def test_a_replay_killed_in_the_middle_goes_on_where_it_was_and_changes_nothing(twin: Twin, tmp_path: Path) -> None:
    since = now()
    ids = send(twin, 1_600, seed=51)
    drained(twin)
    before, notices_before = counts(twin), notices(twin)
    arguments = ["--since", since, "--run-id", "mortal", *only(ids, tmp_path)]
    # Slow enough that a kill which comes late on a busy machine still comes long before the end.
    command = [sys.executable, "-m", "infra", "replay", *arguments, "--rate", "5", "--state", str(tmp_path / "runs")]
    saved = tmp_path / "runs" / "mortal.json"

    def sent() -> int:
        return int(msgspec.json.decode(saved.read_bytes())["counts"].get("sent", 0)) if saved.exists() else 0

    # given a replay that is killed again and again, each time after it has got somewhere
    for _ in range(ROUNDS):
        stood = sent()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ)) as process:
            until(lambda stood=stood: sent() != stood, "more events sent")  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
        assert stood < sent() < 1_600
    # when it is taken up again
    stood = sent()
    done = account(replay(tmp_path, *arguments))
    drained(twin)
    # then it goes on from its last save, every event has come, and nothing has changed
    assert (done["before"], done["is_finished"]) == (stood, True)
    assert done["sent"] < 1_600
    assert of_run(twin, "mortal") == (len(ids), len(ids))
    assert (counts(twin), notices(twin)) == (before, notices_before)


def test_a_run_that_somebody_works_on_is_not_taken_by_a_second_process(twin: Twin, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra", "replay", "--since", "1h", "--run-id", "held", "--rate", "20"]
    with subprocess.Popen([*command, "--state", str(tmp_path / "runs")], stdout=subprocess.DEVNULL) as process:
        until((tmp_path / "runs" / "held.json").exists, "the state of the run")
        second = replay(tmp_path, "--since", "1h", "--run-id", "held")
        process.send_signal(signal.SIGINT)
        # Ctrl-C ends it in order, to be taken up again.
        assert process.wait(600) == 130
    assert second.exit_code == 5
    assert f"process {process.pid}" in second.output
    state = msgspec.json.decode((tmp_path / "runs" / "held.json").read_bytes())
    assert (state["holder"], state["is_finished"]) == (None, False)
    drained(twin)


def test_replay_with_notify_tells_of_each_verdict_once_more(twin: Twin, tmp_path: Path) -> None:
    since = now()
    ids = send(twin, 400, seed=61)
    drained(twin)
    notices_before = notices(twin)
    done = account(replay(tmp_path, "--since", since, *only(ids, tmp_path), "--notify", "--run-id", "loud"))
    drained(twin)
    assert done["sent"] == len(ids)
    [(acted_on,)] = lake(
        twin, "SELECT count(*) FROM current_verdicts WHERE dt > '2020-01-01' AND run_id = 'loud' AND action <> 'allow'"
    )
    assert acted_on > 0
    assert notices(twin) == notices_before + acted_on


def test_events_of_the_deferred_lane_are_archived_too_and_come_back_the_same(twin: Twin, tmp_path: Path) -> None:
    since = now()
    command = ["produce", "--synthetic", "300", "--seed", "71", "--malformed", "0", "--deferred", "--json"]
    produced = CliRunner().invoke(streamkeeper, [*command, "--rejects", str(tmp_path / "rejects.jsonl")])
    assert produced.exit_code == 0, produced.output
    drained(twin)
    deferred = "WHERE dt > '2020-01-01' AND shard_id LIKE 'firehose/%'"
    ids = {str(row[0]) for row in lake(twin, f"SELECT event_id FROM current_verdicts {deferred}")}
    before = counts(twin)
    done = account(replay(tmp_path, "--since", since, "--run-id", "deferred", *only(ids, tmp_path)))
    drained(twin)
    assert done["sent"] == len(ids) > 250
    assert of_run(twin, "deferred") == (len(ids), len(ids))
    assert counts(twin) == before


def test_a_dry_run_counts_what_is_meant_and_sends_nothing(twin: Twin, tmp_path: Path) -> None:
    [(author, events)] = lake(
        twin,
        "SELECT author_id, count(*) FROM current_verdicts WHERE dt > '2020-01-01' "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
    )
    before = counts(twin)
    done = account(replay(tmp_path, "--since", "1h", "--author", str(author), "--dry-run"))
    drained(twin)
    assert done["sent"] >= events
    assert sum(done["days"].values()) == done["sent"]
    assert done["cost"]["put_units"] == done["sent"]
    assert not (tmp_path / "runs").exists()
    assert counts(twin) == before
