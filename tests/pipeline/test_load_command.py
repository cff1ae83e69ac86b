"""The load command against the laptop runtime, as a script with processes of its own: bursts, Ctrl-C, a kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from athena.aws.engine import AthenaEngine
from infra.demo import Lake
from infra.local.twin import Twin
from tests.fakes.until import until

# Minutes of work: `make test-heavy`.
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(7200)]

DAYS = ["'2020-01-01'"]


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "1", "BatchSize": "500"}) as running:
        yield running


def start(twin: Twin, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "producers.commands.load", "--stream", twin.outputs["ContentStreamName"], "--json"]
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    )


def arrivals(twin: Twin) -> Callable[[], bool]:
    """Whether something has come into the stream since now."""
    kinesis, stream = twin.client("kinesis"), twin.outputs["ContentStreamName"]
    [shard] = kinesis.list_shards(StreamName=stream)["Shards"]
    place = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST")

    def has_arrived() -> bool:
        try:
            return bool(kinesis.get_records(ShardIterator=place["ShardIterator"], Limit=1)["Records"])
        except kinesis.exceptions.ProvisionedThroughputExceededException:
            # Asked more than five times a second.
            return False

    return has_arrived


def end(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any]]:
    out, errors = process.communicate(timeout=600)
    assert "Traceback" not in errors, errors
    return process.returncode, json.loads(out)


def landed(twin: Twin) -> tuple[int, int]:
    """Places of verdicts and of bad rows."""
    lake = Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])
    place = "shard_id, sequence_number, sub_sequence_number"
    counts = [
        int(
            str(lake.run(f"SELECT count(*) FROM (SELECT DISTINCT {place} FROM {table} WHERE dt >= ?)", DAYS).rows[0][0])
        )
        for table in ("verdicts", "quarantine")
    ]
    return counts[0], counts[1]


@pytest.mark.usefixtures("environment")
def test_a_burst_over_what_the_shard_takes_from_two_processes_is_accepted_whole_and_lands_whole(twin: Twin) -> None:
    before = landed(twin)
    process = start(
        twin,
        *("--shape", "spike", "--rate", "150", "--factor", "10", "--peak-for", "2s", "--duration", "4s"),
        *("--processes", "2", "--malformed", "0.02", "--max-lost", "0"),
    )
    code, summary = end(process)
    assert code == 0, summary
    assert summary["accepted"] == summary["planned"] == 3300
    assert (summary["lost"], summary["processes"], summary["missed_gates"]) == (0, 2, [])
    assert summary["shards_needed"] == 2
    assert twin.drain(600)["drained"]
    after = landed(twin)
    assert sum(after) - sum(before) == summary["accepted"]
    assert 25 < after[1] - before[1] < 150


@pytest.mark.usefixtures("environment")
def test_aggregates_carry_the_same_burst_through_one_shard(twin: Twin) -> None:
    before = landed(twin)
    process = start(
        twin,
        *("--shape", "spike", "--rate", "150", "--factor", "10", "--peak-for", "2s", "--duration", "4s"),
        *("--aggregate", "--buckets", "8", "--max-lost", "0"),
    )
    code, summary = end(process)
    assert code == 0, summary
    assert summary["accepted"] == 3300
    assert summary["records"] < 1500
    assert summary["shards_needed"] == 1
    assert twin.drain(600)["drained"]
    assert sum(landed(twin)) - sum(before) == 3300


@pytest.mark.usefixtures("environment")
def test_ctrl_c_stops_all_processes_and_what_was_offered_is_accounted_for(twin: Twin) -> None:
    before, has_arrived = landed(twin), arrivals(twin)
    process = start(twin, "--rate", "200", "--duration", "60s", "--processes", "2")
    until(has_arrived, "events in the stream")
    process.send_signal(signal.SIGINT)
    code, summary = end(process)
    assert code == 130
    assert summary["is_interrupted"]
    assert 0 < summary["offered"] == summary["accepted"] < 12_000
    assert twin.drain(600)["drained"]
    assert sum(landed(twin)) - sum(before) == summary["accepted"]


@pytest.mark.usefixtures("environment")
def test_a_process_that_is_killed_is_told_and_its_events_count_as_lost_unless_they_were_accepted(twin: Twin) -> None:
    has_arrived = arrivals(twin)
    process = start(twin, "--rate", "200", "--duration", "6s", "--processes", "2")
    family = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: len(family.read_text().split()) == 2, "two processes")
    children = family.read_text().split()
    until(has_arrived, "events in the stream")
    os.kill(int(children[0]), signal.SIGKILL)
    code, summary = end(process)
    assert code == 1
    assert summary["broken_off"] == [-9]
    assert 0 < summary["lost"] == summary["planned"] - summary["accepted"] <= 600


def test_a_stream_that_is_not_there_ends_with_3_and_says_what_to_do(twin: Twin, environment: None) -> None:
    command = [
        sys.executable,
        "-m",
        "producers.commands.load",
        "--stream",
        "nowhere",
        "--rate",
        "5",
        "--duration",
        "1s",
    ]
    for processes in ("1", "2"):
        found = subprocess.run([*command, "--processes", processes], capture_output=True, text=True, check=False)
        assert found.returncode == 3, found.stderr
        assert "nowhere" in found.stdout
        assert "Traceback" not in found.stderr
