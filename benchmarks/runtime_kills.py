"""kill -9 of the laptop runtime while events are put, a restart over the same folder, and so on: nothing is lost.

``python -m benchmarks.runtime_kills --rounds 20 --seed 1``: every id that the stream had accepted has to be in
``current_verdicts`` once, and every status and object that was answered for has to be there. Exit code 1 otherwise.
"""

import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from athena.aws.engine import AthenaEngine
from benchmarks.mortal_producer import event
from infra.demo import Lake, Runtime

THREADS = 4
BATCH = 50
_LANDED = "SELECT event_id, count(*) FROM current_verdicts WHERE dt >= '2020-01-01' GROUP BY 1"


class Kept(Struct, kw_only=True):
    """What became of what had been answered.

    Args:
        rounds: kills.
        accepted: ids that PutRecords had answered for.
        lost: those of them that landed nowhere.
        doubled: ids that ``current_verdicts`` has more than once.
        objects, statuses: keys whose writing had been answered; ``missing`` are those that are gone or differ.
        unsaid: ids that landed though the runtime died before it had answered.
        is_drained: whether the pipeline had come to rest.
    """

    rounds: int
    accepted: int
    lost: int
    doubled: int
    objects: int
    statuses: int
    missing: int
    unsaid: int
    is_drained: bool

    def __str__(self) -> str:
        rest = "" if self.is_drained else "; NOT DRAINED"
        return (
            f"{self.lost} lost and {self.doubled} doubled of {self.accepted:,} accepted events, "
            f"{self.missing} missing of {self.objects:,} objects and {self.statuses:,} items, "
            f"in {self.rounds} rounds of kill -9; "
            f"{self.unsaid:,} more events landed that had not been answered for{rest}"
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return self.is_drained and not self.lost and not self.doubled and not self.missing


class _Life:
    """Writers that put until the runtime dies under them; what it has answered for is remembered."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        settings = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
        self._clients = {n: runtime.client(n, settings) for n in ("kinesis", "s3", "dynamodb")}
        self._outputs = runtime.outputs
        self._name = name
        self.events: set[str] = set()
        self.objects: dict[str, bytes] = {}
        self.items: dict[str, str] = {}
        works = [lambda number=n: self._put_events(number) for n in range(THREADS)]
        self._threads = [threading.Thread(target=work) for work in (*works, self._put_objects, self._put_items)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _put_events(self, number: int) -> None:
        count = 0
        while True:
            records = [event(f"{self._name}/{number}/{count + at}") for at in range(BATCH)]
            count += BATCH
            entries = [{"Data": record.data, "PartitionKey": record.partition_key} for record in records]
            try:
                answer = self._clients["kinesis"].put_records(
                    StreamName=self._outputs["ContentStreamName"], Records=entries
                )
            except (BotoCoreError, ClientError):
                return
            taken = zip(records, answer["Records"], strict=True)
            self.events.update(record.event_id for record, result in taken if "SequenceNumber" in result)

    def _put_objects(self) -> None:
        count = 0
        while True:
            # Some keys are written again and again: the last answered body, or one after it, has to be there.
            key, body = f"kills/{self._name}/{count % 7}", f"{self._name}/{count}".encode()
            count += 1
            try:
                self._clients["s3"].put_object(Bucket=self._outputs["LakeBucketName"], Key=key, Body=body)
            except (BotoCoreError, ClientError):
                return
            self.objects[key] = body

    def _put_items(self) -> None:
        count = 0
        while True:
            key = f"kills-{self._name}-{count}"
            count += 1
            try:
                self._clients["dynamodb"].put_item(
                    TableName=self._outputs["StatusTableName"], Item={"content_id": {"S": key}, "n": {"N": str(count)}}
                )
            except (BotoCoreError, ClientError):
                return
            self.items[key] = str(count)


def kill_runtime(
    folder: Path, *, rounds: int, seed: int, parameters: dict[str, str], most_seconds: float, on_round: Any
) -> Kept:
    """Kills the runtime ``rounds`` times at random moments while it is written to, and compares what is there then."""
    chance = random.Random(seed)
    events: set[str] = set()
    objects: dict[str, set[bytes]] = {}
    items: dict[str, str] = {}
    for number in range(rounds):
        runtime = Runtime(data=folder, parameters=parameters)
        life = _Life(runtime, f"{seed}/{number}")
        time.sleep(chance.uniform(0.1, most_seconds))
        runtime.kill()
        life.join()
        events |= life.events
        items |= life.items
        for key, body in life.objects.items():
            objects[key] = {body, _after(body)}
        on_round(number + 1, len(events))
    with Runtime(data=folder, parameters=parameters) as runtime:
        drained = bool(runtime.drain(600)["drained"])
        outputs = runtime.outputs
        lake = Lake(AthenaEngine(runtime.client("athena")), outputs["DatabaseName"], outputs["WorkGroupName"])
        landed = Counter({str(row[0]): int(str(row[1])) for row in lake.run(_LANDED).rows})
        s3, dynamodb = runtime.client("s3"), runtime.client("dynamodb")
        missing = sum(_body(s3, outputs["LakeBucketName"], key) not in bodies for key, bodies in objects.items())
        missing += sum(_count(dynamodb, outputs["StatusTableName"], key) != count for key, count in items.items())
    return Kept(
        rounds=rounds,
        accepted=len(events),
        lost=len(events - set(landed)),
        doubled=sum(count > 1 for count in landed.values()),
        objects=len(objects),
        statuses=len(items),
        missing=missing,
        unsaid=len(set(landed) - events),
        is_drained=drained,
    )


def _after(body: bytes) -> bytes:
    """What the next writing of the same key holds: it may have been done and not answered."""
    name, _, count = body.decode().rpartition("/")
    return f"{name}/{int(count) + 7}".encode()


def _body(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError:
        return None


def _count(dynamodb: Any, table: str, key: str) -> str | None:
    item = dynamodb.get_item(TableName=table, Key={"content_id": {"S": key}}).get("Item")
    return None if item is None else str(item["n"]["N"])


@click.command()
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True)
@click.option("--seconds", default=6.0, show_default=True, help="The longest life of the runtime once it is ready.")
def main(rounds: int, seed: int, seconds: float) -> None:
    """Kill the laptop runtime again and again; nothing that it answered for may be gone."""
    scratch = Path(os.environ.get("SPOOL_SCRATCH", "build"))
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="runtime-kills-") as place:
        kept = kill_runtime(
            Path(place),
            rounds=rounds,
            seed=seed,
            parameters={"ShardCount": "2"},
            most_seconds=seconds,
            on_round=lambda number, count: print(f"round {number}: {count:,} accepted", file=sys.stderr, flush=True),
        )
    print(kept)
    sys.exit(not kept.is_whole)


if __name__ == "__main__":
    main()
