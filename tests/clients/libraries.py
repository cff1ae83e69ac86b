"""The Kinesis Producer Library and the Kinesis Client Library."""

import json
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.clients import environments
from tests.clients.runtime import Runtime
from tests.clients.sdks import SECONDS, output_of, stream

EVENTS = 40_000
RECORDS = 4_000


def kpl(runtime: Runtime) -> str:
    """40,000 events, aggregated by the native daemon and sent over TLS, all land as verdicts."""
    classes = environments.java("kpl")
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    events = runtime.scratch / "events.jsonl"
    with events.open("w") as file:
        for number in range(EVENTS):
            event = {
                "schema_version": 1,
                "event_id": str(uuid.uuid4()),
                "content_id": f"c{number}",
                "author_id": f"a{number % 500}",
                "surface": "kpl",
                "created_at": now,
                "text": f"what a nice day, number {number}",
            }
            file.write(json.dumps(event) + "\n")
    port = runtime.tls_url.rpartition(":")[2]
    name = runtime.outputs["ContentStreamName"]
    command = ["java", "-Xmx512m", "-cp", classes, "Kpl", name, port, str(events)]
    lines = output_of(command, runtime.environment()).strip().splitlines()
    said = json.loads(next(line for line in reversed(lines) if line.startswith("{")))
    assert said == {"sent": EVENTS, "acknowledged": EVENTS, "problem": ""}, said
    output_of(["curl", "-sf", "-X", "POST", f"{runtime.url}/_twin/drain?timeout=500"], runtime.environment())
    sql = "SELECT count(*), count(DISTINCT event_id) FROM current_verdicts WHERE surface = 'kpl'"
    [row] = query(runtime, sql)
    assert row == [str(EVENTS), str(EVENTS)], row
    return f"{EVENTS:,} events, aggregated, over TLS; {EVENTS:,} landed"


def query(runtime: Runtime, sql: str) -> list[list[str]]:
    """The rows of one query, as text."""
    athena = runtime.client("athena")
    given = {"QueryString": sql, "WorkGroup": runtime.outputs["WorkGroupName"]}
    database = {"Database": runtime.outputs["DatabaseName"]}
    number = athena.start_query_execution(**given, QueryExecutionContext=database)["QueryExecutionId"]
    until(lambda: _state(athena, number) not in ("QUEUED", "RUNNING"))
    assert _state(athena, number) == "SUCCEEDED", athena.get_query_execution(QueryExecutionId=number)
    rows = athena.get_query_results(QueryExecutionId=number)["ResultSet"]["Rows"][1:]
    return [[one.get("VarCharValue", "") for one in row["Data"]] for row in rows]


def _state(athena: Any, number: str) -> str:
    return str(athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Status"]["State"])


def until(happened: Callable[[], bool]) -> None:
    """Waits for what another program does."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.5)


def kcl(runtime: Runtime) -> str:
    """With a PollingConfig."""
    return _kcl(runtime, "polling")


def kcl_fan_out(runtime: Runtime) -> str:
    """As it is by default: with a registered consumer and SubscribeToShard over HTTP/2."""
    return f"enhanced fan-out, its default; {_kcl(runtime, 'fan-out')}"


def _kcl(runtime: Runtime, retrieval: str) -> str:
    """A worker is stopped in the middle, a shard is split, another goes on: each record once, parents first."""
    classes = environments.java("kcl")
    name, seen = stream(), runtime.scratch / f"kcl-{retrieval}.txt"
    seen.touch()
    kinesis = runtime.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    command = ["java", "-Xmx512m", "-cp", classes, "Kcl", name, f"{name}-app", str(seen), retrieval]
    _put(kinesis, name, range(RECORDS // 2))
    with _worker(command, runtime):
        until(lambda: len(_records(seen)) >= RECORDS // 2)
    _put(kinesis, name, range(RECORDS // 2, RECORDS * 3 // 4))
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 126))
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    _put(kinesis, name, range(RECORDS * 3 // 4, RECORDS))
    with _worker(command, runtime):
        until(lambda: len(_records(seen)) >= RECORDS)
    records, lines = _records(seen), _lines(seen)
    assert sorted(data for _, data in records) == sorted(f"event {number}" for number in range(RECORDS))
    assert not [line for line in lines if line[0] == "problem"], lines
    ended = lines.index(["ended", "shardId-000000000000"])
    for child in ("shardId-000000000002", "shardId-000000000003"):
        assert lines.index(["initialized", child]) > ended
        assert [one for one in records if one[0] == child]
    if retrieval != "polling":
        arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        assert kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
    return f"{RECORDS:,} records once each, over a restart and a split"


def _put(kinesis: Any, name: str, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, 500):
        batch = range(start, min(start + 500, numbers.stop))
        entries = [{"Data": b"event %d" % number, "PartitionKey": str(number)} for number in batch]
        assert kinesis.put_records(StreamName=name, Records=entries)["FailedRecordCount"] == 0


def _lines(seen: Path) -> list[list[str]]:
    return [line.split("\t", 1) for line in seen.read_text().splitlines() if "\t" in line]


def _records(seen: Path) -> list[list[str]]:
    return [line for line in _lines(seen) if line[0].startswith("shardId")]


@contextmanager
def _worker(command: list[str], runtime: Runtime) -> Any:
    """A worker that shuts down gracefully at the end: it ends when its standard input does."""
    worker = subprocess.Popen(
        command, env=runtime.environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert worker.stdin is not None
    try:
        yield
        worker.stdin.close()
        assert worker.wait(SECONDS) == 0
    finally:
        worker.kill()
        worker.wait()
