"""The main job once, as another process would do it: a runtime, a producer, a drain, and questions in SQL."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from msgspec import Struct

from athena.engine import Answer, Engine
from glue.system_clock import SystemClock
from infra.accounting import Account, Coordinate
from infra.local import asking
from producers.aws.kinesis import KinesisStream
from producers.delivery.report import DeliveryReport, DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import OutRecord, PutResult

_COORDINATES = """\
SELECT shard_id, array_join(array_agg(DISTINCT sequence_number), ' ') AS sequence_numbers
FROM {table} WHERE dt >= ? GROUP BY shard_id, substr(sequence_number, -2)"""
"""Some dozens a row: answers come a thousand rows a call, and each row costs more than what it holds."""


class Runtime:
    """The laptop runtime in a process of its own, so that what is shown is what any other program would see.

    Args:
        data: where everything is kept; None keeps nothing.
        parameters: of the template.
    """

    def __init__(self, *, data: Path | None, parameters: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "infra", "up", "--json", "--port", "0"]
        if data is not None:
            command += ["--data", str(data)]
        for name, value in parameters.items():
            command += ["--parameter", f"{name}={value}"]
        # A group of its own: Ctrl-C reaches the demo alone, which then stops the runtime in order.
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the laptop runtime ended with exit code {self._process.wait()} before it was ready")
        ready = json.loads(line)
        self.endpoint_url: str = ready["endpoint_url"]
        self._asked = asking.Runtime(self.endpoint_url)
        self.region: str = ready["region"]
        self.outputs: dict[str, str] = ready["outputs"]
        # What a user pastes: from here on every client in this process talks to the runtime.
        os.environ |= {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of the runtime."""
        return boto3.client(service, endpoint_url=self.endpoint_url, config=config)

    def state(self) -> dict[str, Any]:
        """What is in the runtime now, as ``/_twin/state`` gives it."""
        return self._asked.state()

    def drain(self, timeout: float) -> dict[str, Any]:
        """What the drain did: consumers caught up, buffers flushed."""
        return self._asked.drain(timeout)

    def kill(self) -> None:
        """Ends it at once, as kill -9 and the end of a machine do."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            self.kill()


class Produced(Struct, frozen=True):
    """What the producer did: its report, and where each accepted record lies with the event it carries."""

    report: DeliveryReport
    places: dict[Coordinate, str]
    seconds: float


def produce(runtime: Runtime, records: Sequence[OutRecord], on_progress: Callable[[int], None]) -> Produced:
    """Every record put on the stream until it is taken; ``on_progress`` gets the number taken so far."""
    places: dict[Coordinate, str] = {}

    def accepted(taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        for record, result in taken:
            places[str(result.shard_id), str(result.sequence_number)] = record.event_id
        on_progress(len(places))

    stream = KinesisStream(runtime.outputs["ContentStreamName"])
    started = time.monotonic()
    delivery = open_delivery(
        stream, clock=SystemClock(), settings=DeliverySettings(keep_ids=False), on_accepted=accepted
    )
    for record in records:
        delivery.put(record)
    return Produced(delivery.close(), places, time.monotonic() - started)


class Lake(Struct, frozen=True):
    """An Athena engine with the stack's database and workgroup."""

    engine: Engine
    database: str
    workgroup: str

    def run(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        return self.engine.run(sql, parameters, database=self.database, workgroup=self.workgroup)


def account(runtime: Runtime, produced: Produced, lake: Lake, *, since: str) -> Account:
    """Where every accepted record is, asked of Athena and of the dead-letter bucket.

    Args:
        since: the first day to look at, as a SQL literal.
    """

    def places(table: str) -> set[Coordinate]:
        answer = lake.run(_COORDINATES.format(table=table), [since])
        return {(str(shard), sequence) for shard, sequences in answer.rows for sequence in str(sequences).split()}

    return Account(
        accepted=produced.places.keys(),
        landed=places("verdicts"),
        quarantined=places("quarantine"),
        dead_lettered=dead_lettered(runtime.client("s3"), runtime.outputs["DeadLetterBucketName"]),
    )


def dead_lettered(s3: Any, bucket: str) -> set[Coordinate]:
    """The records in the batches that Lambda gave up on."""
    found: set[Coordinate] = set()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            document = json.load(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"])
            payload = document["payload"]
            records = (json.loads(payload) if isinstance(payload, str) else payload)["Records"]
            found |= {tuple(record["eventID"].split(":", 1)) for record in records}
    return found
