"""The way of a record on a virtual clock: delivery, stream, event source mapping, consumer and delivery streams.

All of it is the real code of the product and of the laptop runtime; only the network between is here, and it fails as
:mod:`tests.faults.trouble` says. What came of every id is counted by :mod:`tests.faults.account`, not by the audit.
"""

import base64
import gzip
import io
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from consumers.archiving import archive
from consumers.aws.metrics import metric_line
from consumers.effects import Destinations, Effects, Outages
from consumers.moderation.moderator import Moderator
from consumers.pipeline import Consumer
from consumers.ports import DefectError, Status, TransientError
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.archive import Entry, PackedObject, entries_of, held_before, opened
from glue.codec import Lateness
from glue.contract import Notice
from infra.local.awslambda.documents import Origin, event
from infra.local.awslambda.driver import StreamSource
from infra.local.awslambda.lane import Discard, Failed, Invoke, Outcome, Succeeded
from infra.local.awslambda.mapping import EventSourceMapping, Task
from infra.local.awslambda.settings import Backoff, MappingSettings, first_failed
from infra.local.errors import ApiError
from infra.local.firehose.config import read_destination
from infra.local.firehose.driver import Ports, RunningStream
from infra.local.firehose.records import Origin as RowOrigin
from infra.local.firehose.records import SourceRecord
from infra.local.firehose.stream import DeliveryStream
from infra.local.kinesis import resharding
from infra.local.kinesis.records import Record
from infra.local.kinesis.shards import UNLIMITED
from infra.local.kinesis.streams import PutEntry, Streams
from producers.ports import CallFailedError, OutRecord, PutResult
from tests.fakes.stream import VirtualClock
from tests.faults.trouble import Trouble

START = 1_795_000_000.0
LONGEST_S = 2 * 86_400.0
"""Virtual seconds after which a pipeline that has not come to rest is stuck."""


class CrashError(BaseException):
    """The function's process is gone, in the middle of whatever it did."""


class _Objects:
    def __init__(self, trouble: Trouble) -> None:
        self.kept: dict[str, bytes] = {}
        self._trouble = trouble

    def put(self, bucket: str, key: str, body: bytes) -> None:
        how = self._trouble.of("PutObject")
        if how == "whole":
            raise OSError("SlowDown")
        self.kept[key] = body
        if how == "lost":
            raise OSError("the answer was lost")


class _Names:
    def __init__(self) -> None:
        self._numbers = count(1)

    def unique(self) -> str:
        return f"{next(self._numbers):06d}"

    def random(self) -> str:
        return "ABCDEFGHIJK"


class _NoTables:
    def get_table(self, database: str, name: str) -> Mapping[str, Any]:
        raise ApiError("EntityNotFoundException", f"Table {name} not found")


class Pipeline:
    """A stream with its consumer, from ``put`` to objects. Nothing happens but by :meth:`run`.

    Args:
        moderator: judges the texts; may be replaced in between, as a new policy is.
        trouble: which calls fail.
        shards: of the stream at first.
        **options: of the event source mapping.
    """

    def __init__(self, moderator: Moderator, trouble: Trouble, *, shards: int = 2, **options: Any) -> None:
        self.clock = VirtualClock(START)
        self.trouble = trouble
        self.moderator = moderator
        self.outages = Outages()
        self.consumer_skew = 0.0
        self.streams = Streams(limits=UNLIMITED)
        self.stream = self.streams.create("content", shard_count=shards, now=START)
        self.objects = _Objects(trouble)
        self.notices: list[Notice] = []
        self.statuses: dict[str, Status] = {}
        self.dead: list[Record] = []
        self.log = io.StringIO()
        ports = Ports(self.objects, _NoTables(), names=_Names())
        self.rows = {
            name: RunningStream(DeliveryStream(_config(name)), ports, self.clock, None, backlog_limit=1 << 30)
            for name in ("verdicts", "quarantine")
        }
        settings: dict[str, Any] = {
            "batch_size": 7,
            "starting_position": "TRIM_HORIZON",
            "parallelization": 2,
            "bisect": True,
        }
        settings |= {"report_failures": True, "destination": "arn:aws:s3:::dead", **options}
        self.mapping = EventSourceMapping(
            MappingSettings(uuid="u", function_arn="f", stream_arn=self.stream.arn, **settings),
            StreamSource(self.streams, self.stream),
            region="us-east-1",
            role_arn=lambda: "role",
            backoff=Backoff(),
            new_id=lambda: "id",
        )
        self.mapping.start(START)
        # Its batches are cut otherwise than the consumer's, and it never runs out of retries.
        self.archiver = EventSourceMapping(
            MappingSettings(
                uuid="a",
                function_arn="a",
                stream_arn=self.stream.arn,
                batch_size=11,
                window_seconds=20,
                starting_position="TRIM_HORIZON",
                bisect=True,
                report_failures=True,
            ),
            StreamSource(self.streams, self.stream),
            region="us-east-1",
            role_arn=lambda: "role",
            backoff=Backoff(),
            new_id=lambda: "id",
        )
        self.archiver.start(START)
        self.taken: list[Entry] = []

    # ------------------------------------------------------------------------------------- what a producer sees

    def put(self, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        """PutRecords."""
        how = self.trouble.of("PutRecords")
        if how == "whole":
            raise CallFailedError("InternalFailure")
        failing = set(range(0, len(records), 2)) if how == "part" else set()
        entries = [PutEntry(one.data, one.partition_key, None) for at, one in enumerate(records) if at not in failing]
        done_ = self.streams.put(self.stream, entries, now=self.clock.now())
        self.taken += [
            one
            for entry, done in zip(entries, done_, strict=True)
            if done.record is not None and done.shard_id is not None
            for one in opened(
                entry.data,
                done.shard_id,
                str(done.record.sequence),
                datetime.fromtimestamp(done.record.arrived, UTC),
            )
        ]
        taken = iter(done_)
        if how == "lost":
            raise CallFailedError("ReadTimeoutError")
        results = []
        for at in range(len(records)):
            if at in failing:
                results.append(PutResult(None, None, "InternalFailure"))
                continue
            done = next(taken)
            assert done.record is not None
            results.append(PutResult(str(done.record.sequence), done.shard_id))
        return results

    def split(self) -> None:
        """Splits the widest open shard in the middle."""
        shard = max(self._open(), key=lambda one: one.end_hash - one.start_hash)
        resharding.split(self.stream, shard, (shard.start_hash + shard.end_hash) // 2, now=self.clock.now())

    def merge(self) -> None:
        """Merges the first two open shards, if there are two."""
        shards = sorted(self._open(), key=lambda one: one.start_hash)
        if len(shards) > 1:
            resharding.merge(self.stream, shards[0], shards[1], now=self.clock.now())

    def _open(self) -> list[Any]:
        return [shard for shard in self.stream.shards.values() if shard.is_open]

    # --------------------------------------------------------------------------------------- what happens then

    def run(self, seconds: float) -> None:
        """Does what falls due in so many seconds."""
        end = self.clock.time + seconds
        while True:
            tasks = self.mapping.step(self.clock.time)
            for task in tasks:
                self._do(task)
            archiving = self.archiver.step(self.clock.time)
            for task in archiving:
                self._archive(task)
            for stream in self.rows.values():
                stream.step()
            if tasks or archiving:
                continue
            due = min(filter(None, (self.mapping.next_due(), self.archiver.next_due())), default=None)
            if due is None or due > end:
                self.clock.time = max(end, self.clock.time)
                return
            self.clock.time = max(due, self.clock.time + 1e-6)

    def settle(self) -> None:
        """Runs until everything is at rest and every buffer is in an object."""
        began = self.clock.time
        while not (self.mapping.idle(self.clock.time) and self.archiver.idle(self.clock.time)):
            assert self.clock.time - began < LONGEST_S, "the pipeline never comes to rest"
            self.run(30.0)
        for stream in self.rows.values():
            while not stream.idle:
                stream.step(force=True)

    def _do(self, task: Task) -> None:
        action = task.action
        if isinstance(action, Invoke):
            follow_up = self.mapping.finished(task, self._invoke(task.shard_id, action.records), self.clock.time)
            if follow_up is not None:
                self._do(follow_up)
        elif isinstance(action, Discard):
            ok = self.trouble.of("OnFailure") is None
            if ok:
                self.dead += action.discarded.records
            self.mapping.written(task, ok, self.clock.time)

    def _archive(self, task: Task) -> None:
        action = task.action
        assert isinstance(action, Invoke), "the archiver gives nothing up"
        origin = Origin(stream_arn=self.stream.arn, shard_id=task.shard_id, region="us-east-1", role_arn="role")
        try:
            answer = archive(event(action.records, origin), self._put_archive)
            at = first_failed(answer, [str(record.sequence) for record in action.records])
            outcome = Succeeded() if at is None else Failed(request_id="r", at=at)
        except CrashError:
            outcome = Failed(request_id="r", error="Unhandled")
        assert self.archiver.finished(task, outcome, self.clock.time) is None

    def _put_archive(self, one: PackedObject) -> None:
        how = self.trouble.of("PutArchive")
        if how == "whole":
            raise TransientError("SlowDown")
        kept = self.objects.kept.setdefault(one.key, one.body)
        assert kept == one.body, "a key with other records"
        if how == "lost":
            raise TransientError("ReadTimeoutError")
        if how == "part":
            raise CrashError

    def archived(self) -> list[Entry | bytes]:
        """What a reader of the archive finds, objects in any order."""
        held = held_before(self.objects.kept)
        return [
            entry
            for key, after in held.items()
            for entry in entries_of(gzip.decompress(self.objects.kept[key]).splitlines(), after=after)
        ]

    def _invoke(self, shard_id: str, records: Sequence[Record]) -> Outcome:
        origin = Origin(stream_arn=self.stream.arn, shard_id=shard_id, region="us-east-1", role_arn="role")
        clock = VirtualClock(self.clock.time + self.consumer_skew)
        effects = Effects(
            Destinations("verdicts", "quarantine", 3600),
            streams=_Rows(self),
            bus=_Bus(self),
            statuses=_Table(self),
            clock=clock,
            retry=Retry(attempts=2),
            outages=self.outages,
        )
        lateness = Lateness(timedelta(days=30), timedelta(hours=24))
        consumer = Consumer(RowMaker(self.moderator, lateness, code_version="1"), effects, clock=clock)
        try:
            with _Logging(self.log):
                report = consumer.process(event(records, origin), deadline=clock.now() + 50)
        except CrashError:
            return Failed(request_id="r", error="Unhandled")
        except DefectError as error:
            self.log.write(str(error))
            return Failed(request_id="r", error="Unhandled")
        ended = clock.now()
        self.log.write(metric_line(report, function="f", policy=self.moderator.policy_id, started=ended, ended=ended))
        at = first_failed(report.answer, [str(record.sequence) for record in records])
        return Succeeded() if at is None else Failed(request_id="r", at=at)

    def may_crash(self) -> None:
        """Ends the function's process when it is its turn."""
        if self.trouble.of("Crash") is not None:
            raise CrashError


class _Rows:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        pipeline = self._pipeline
        pipeline.may_crash()
        how = pipeline.trouble.of("PutRecordBatch")
        if how == "whole":
            raise TransientError("ServiceUnavailableException")
        failing = set(range(0, len(records), 2)) if how == "part" else set()
        now = pipeline.clock.now()
        pipeline.rows[stream].accept(
            [SourceRecord(data, RowOrigin(f"{now}-{at}", now)) for at, data in enumerate(records) if at not in failing]
        )
        if how == "lost":
            raise TransientError("ReadTimeoutError")
        return ["ServiceUnavailableException" if at in failing else None for at in range(len(records))]


class _Bus:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        pipeline = self._pipeline
        pipeline.may_crash()
        how = pipeline.trouble.of("PutEvents")
        if how == "whole":
            raise TransientError("ThrottlingException")
        failing = set(range(0, len(notices), 2)) if how == "part" else set()
        pipeline.notices += [one for at, one in enumerate(notices) if at not in failing]
        if how == "lost":
            raise TransientError("ReadTimeoutError")
        return ["InternalException" if at in failing else None for at in range(len(notices))]


class _Table:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def put(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        pipeline = self._pipeline
        pipeline.may_crash()
        how = pipeline.trouble.of("PutStatuses")
        if how == "whole":
            raise TransientError("ProvisionedThroughputExceededException")
        failing = set(range(0, len(statuses), 2)) if how == "part" else set()
        for at, status in enumerate(statuses):
            kept = pipeline.statuses.get(status.content_id)
            if at not in failing and (kept is None or kept.order_key < status.order_key):
                pipeline.statuses[status.content_id] = status
        if how == "lost":
            raise TransientError("ReadTimeoutError")
        return ["ThrottlingError" if at in failing else None for at in range(len(statuses))]


class _Logging:
    """Everything that is logged meanwhile, at any level."""

    def __init__(self, text: io.StringIO) -> None:
        self._handler = logging.StreamHandler(text)

    def __enter__(self) -> None:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)


def _config(name: str) -> Any:
    body: dict[str, Any] = {
        "RoleARN": "arn:aws:iam::000000000000:role/firehose",
        "BucketARN": "arn:aws:s3:::lake",
        "Prefix": f"{name}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
    }
    return read_destination(
        body, name=name, arn=f"arn:{name}", region="us-east-1", account="000000000000", source_arn=None
    )


def landed(pipeline: Pipeline, name: str) -> list[dict[str, Any]]:
    """Every row of a table, in the order of the objects; a row may be there several times."""
    bodies = [body for key, body in sorted(pipeline.objects.kept.items()) if key.startswith(f"{name}/")]
    return [msgspec.json.decode(line) for body in bodies for line in body.splitlines() if line]


def payload_of(row: Mapping[str, Any]) -> bytes:
    """What a row of quarantine holds."""
    return base64.b64decode(row["payload"])
