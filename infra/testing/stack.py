"""A running pipeline as a test sees it."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from infra.local.faults import TOOL_KEY
from infra.local.status_lines import in_flight, status_lines, troubles
from infra.testing.faults import Faults
from infra.testing.objects import StoredObject
from infra.testing.runtime import TestRuntime

Key = str | Callable[[Any], str] | None
_RESEND_SECONDS = 0.1
_RESENDS = 600
_LOOK_SECONDS = 0.05
_BATCH = 500
_BATCH_BYTES = 4_000_000
_ACCESS_KEY = "test"
_RESULTS = "streamkeeper-test-results"


class Invocation(Struct, frozen=True):
    """One invocation of a function.

    Args:
        function: its name.
        event: what it was given.
        answer: what it gave back; the error's document when it failed.
        error: ``Unhandled`` when it failed, else None.
        request_id: Lambda's.
        at: epoch seconds of the stack's clock at its end.
    """

    function: str
    event: Any
    answer: Any
    error: str | None
    request_id: str
    at: float


class Clock:
    """The stack's clock: windows, buffers, retries, ages and retention go by it.

    Functions read the machine's own time.
    """

    def __init__(self, runtime: TestRuntime) -> None:
        self._runtime = runtime

    def now(self) -> datetime:
        """What it shows, in UTC."""
        return datetime.fromtimestamp(self._runtime.ask("GET", "clock")["now"], UTC)

    def advance(self, **span: float) -> datetime:
        """Moves it by as much as ``timedelta`` takes, such as ``minutes=5``; gives what it shows then."""
        seconds = timedelta(**span).total_seconds()
        return datetime.fromtimestamp(self._runtime.ask("POST", "clock", {"advance": seconds})["now"], UTC)


class Stack:
    """A pipeline that runs on this machine, made from its template.

    Where a name is asked for, the logical id of the template is as good as the name in AWS; where the stack has only
    one resource of that kind, none is needed.
    """

    def __init__(self, runtime: TestRuntime) -> None:
        self._runtime = runtime
        self._clients: dict[tuple[str, str], Any] = {}
        self.clock = Clock(runtime)
        self.faults = Faults(runtime, lambda given: self.name("AWS::Lambda::Function", given) if given else "")
        self.outputs: Mapping[str, str] = runtime.outputs
        """The template's outputs by name."""
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": runtime.endpoint_url,
            "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": runtime.region,
            "AWS_REGION": runtime.region,
        }
        """What programs need to reach it. The fixture ``stack`` has it set."""

    # ------------------------------------------------------------------------------------------------ in

    def put(
        self, records: object, *, stream: str | None = None, delivery_stream: str | None = None, key: Key = None
    ) -> list[tuple[str, str]]:
        """Puts records and waits until all are taken; gives shard and sequence number of each.

        Args:
            records: a list, or one; bytes and text as they are, anything else as JSON.
            stream: of Kinesis.
            delivery_stream: of Firehose, instead; gives nothing back then.
            key: the partition key, or what gives it from a record; by default a hash of the record.
        """
        given: Iterable[Any] = records if isinstance(records, list | tuple) else [records]
        made = [(one, _bytes(one)) for one in given]
        if delivery_stream is not None:
            self._deliver(delivery_stream, [data for _, data in made])
            return []
        name = self.name("AWS::Kinesis::Stream", stream)
        entries = [{"Data": data, "PartitionKey": _key(key, one, data)} for one, data in made]
        client = self._tool("kinesis")
        return _all(
            entries,
            lambda batch: client.put_records(StreamName=name, Records=batch)["Records"],
            lambda answer: (answer["ShardId"], answer["SequenceNumber"]),
        )

    def _deliver(self, delivery_stream: str, records: Sequence[bytes]) -> None:
        name = self.name("AWS::KinesisFirehose::DeliveryStream", delivery_stream)
        client = self._tool("firehose")
        _all(
            [{"Data": data} for data in records],
            lambda batch: client.put_record_batch(DeliveryStreamName=name, Records=batch)["RequestResponses"],
            lambda answer: answer["RecordId"],
        )

    def drain(self, timeout: float = 60.0) -> None:
        """Waits until every record is dealt with and everything buffered has landed, without waiting for buffers.

        Raises:
            AssertionError: something is still in flight after so many seconds; the message says what, and why.
        """
        answer = self._runtime.ask("POST", "drain", {"timeout": timeout}, wait=timeout + 60)
        if not answer["drained"]:
            state = answer["state"]
            lines = [*status_lines(state), *(f"! {line}" for line in troubles(state))]
            raise AssertionError(f"still in flight after {timeout:.0f} s: {in_flight(state)}\n" + "\n".join(lines))

    def until(self, holds: Callable[[], object], timeout: float = 60.0) -> None:
        """Waits until something holds, such as an object that lands by itself.

        Raises:
            AssertionError: it does not, after so many seconds.
        """
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() >= deadline:
                raise AssertionError(f"waited {timeout:.0f} s in vain: {in_flight(self.state())}")
            time.sleep(_LOOK_SECONDS)

    # ------------------------------------------------------------------------------------------------ out

    def query(
        self, sql: str, parameters: Sequence[object] = (), *, database: str | None = None, workgroup: str | None = None
    ) -> list[dict[str, Any]]:
        """The rows of one statement on Athena, as dictionaries by column name.

        Args:
            sql: in Athena's dialect; ``?`` stands for a parameter.
            parameters: numbers and texts.
        """
        from athena.aws.engine import AthenaEngine
        from athena.values import text_literal

        groups = self._names("AWS::Athena::WorkGroup")
        group = self.name("AWS::Athena::WorkGroup", workgroup) if workgroup or groups else self._own_workgroup()
        literals = [text_literal(one) if isinstance(one, str) else str(one) for one in parameters]
        answer = AthenaEngine(self._tool("athena")).run(
            sql, literals, database=database or self.name("AWS::Glue::Database", None), workgroup=group
        )
        return answer.records()

    def objects(self, bucket: str | None = None, prefix: str = "") -> list[StoredObject]:
        """The objects in S3, with their bytes, by bucket and key.

        Args:
            bucket: all of the stack's buckets without it.
            prefix: that their keys begin with.
        """
        s3 = self._tool("s3")
        names = [self.name("AWS::S3::Bucket", bucket)] if bucket else self._names("AWS::S3::Bucket").values()
        found = []
        for name in sorted(names):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix):
                for item in page.get("Contents", []):
                    body = s3.get_object(Bucket=name, Key=item["Key"])["Body"].read()
                    found.append(StoredObject(name, item["Key"], body))
        return found

    def invocations(self, function: str | None = None) -> list[Invocation]:
        """The invocations of a function, or of all, in the order in which they ended."""
        name = self.name("AWS::Lambda::Function", function) if function else None
        return [
            Invocation(one["function"], one["event"], one["answer"], one["error"], one["request_id"], one["at"])
            for one in self._runtime.ask("GET", "invocations")
            if name in (None, one["function"])
        ]

    # ------------------------------------------------------------------------------------------------ more

    def client(self, service: str) -> Any:
        """A boto3 client, as your own code has it: faults meet it."""
        return self._client(service, _ACCESS_KEY)

    def state(self) -> dict[str, Any]:
        """What is in flight and what was done, as ``streamkeeper status --json`` has it."""
        return dict(self._runtime.ask("GET", "state"))

    def name(self, kind: str, given: str | None) -> str:
        """The name in AWS of a resource of the stack.

        Args:
            kind: its CloudFormation type.
            given: its logical id or its name; None for the only one of its kind.

        Raises:
            LookupError: there is none of that name, or more than one.
        """
        names = self._names(kind)
        if given is None and len(names) == 1:
            return next(iter(names.values()))
        if given is not None and given in names:
            return names[given]
        if given is not None and given in names.values():
            return given
        there = ", ".join(sorted(names)) or "none"
        asked = "several" if given is None else f"no {given!r}"
        raise LookupError(f"the stack has {asked} of {kind}; name one of: {there}")

    def clear(self) -> None:
        """Makes everything as it was when the stack was made: no records, no objects, no faults, the right time.

        Raises:
            RuntimeFailed: something of the stack was deleted or changed for good.
        """
        self._runtime.ask("POST", "clear")

    def _names(self, kind: str) -> Mapping[str, str]:
        return self._resources.get(kind, {})

    @cached_property
    def _resources(self) -> dict[str, dict[str, str]]:
        """By type, the names by logical id."""
        pages = self._tool("cloudformation").list_stack_resources(StackName="streamkeeper")
        found: dict[str, dict[str, str]] = {}
        for one in pages["StackResourceSummaries"]:
            found.setdefault(one["ResourceType"], {})[one["LogicalResourceId"]] = one["PhysicalResourceId"]
        return found

    def _own_workgroup(self) -> str:
        """A workgroup for stacks that have none. Its bucket is cleared with all that is not the stack's."""
        self._tool("s3").create_bucket(Bucket=_RESULTS)
        athena = self._tool("athena")
        if _RESULTS not in {one["Name"] for one in athena.list_work_groups()["WorkGroups"]}:
            location = {"ResultConfiguration": {"OutputLocation": f"s3://{_RESULTS}/"}}
            athena.create_work_group(Name=_RESULTS, Configuration=location)
        return _RESULTS

    def _tool(self, service: str) -> Any:
        return self._client(service, TOOL_KEY)

    def _client(self, service: str, key: str) -> Any:
        import boto3
        from botocore.config import Config

        from glue.aws.service_data import core_session

        if (service, key) not in self._clients:
            if ("session", key) not in self._clients:
                self._clients["session", key] = boto3.Session(
                    botocore_session=core_session(),
                    aws_access_key_id=key,
                    aws_secret_access_key="test",  # noqa: S106 - the runtime asks for none
                    region_name=self._runtime.region,
                )
            self._clients[service, key] = self._clients["session", key].client(
                service,
                endpoint_url=self._runtime.endpoint_url,
                config=Config(s3={"addressing_style": "path"}, proxies={}),
            )
        return self._clients[service, key]


def _all(
    entries: list[dict[str, Any]], send: Callable[[list[dict[str, Any]]], Any], place: Callable[[Any], Any]
) -> list[Any]:
    """Sends entries until all are taken; gives what ``place`` makes of each one's answer, in the entries' order."""
    places: dict[int, Any] = {}
    left = list(range(len(entries)))
    for _ in range(_RESENDS):
        refused: list[int] = []
        for batch in _batches(entries, left):
            for at, answer in zip(batch, send([entries[at] for at in batch]), strict=True):
                if answer.get("ErrorCode"):
                    refused.append(at)
                else:
                    places[at] = place(answer)
        if not refused:
            return [places[at] for at in range(len(entries))]
        left = refused
        # A shard takes 1,000 records a second: the rest of them come a little later.
        time.sleep(_RESEND_SECONDS)
    raise AssertionError(f"{len(left)} of {len(entries)} records were refused again and again")


def _batches(entries: Sequence[Mapping[str, Any]], places: Sequence[int]) -> Iterable[list[int]]:
    batch: list[int] = []
    size = 0
    for at in places:
        more = len(entries[at]["Data"])
        if batch and (len(batch) == _BATCH or size + more > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(at)
        size += more
    if batch:
        yield batch


def _bytes(record: object) -> bytes:
    if isinstance(record, bytes | bytearray):
        return bytes(record)
    return record.encode() if isinstance(record, str) else msgspec.json.encode(record)


def _key(key: Key, record: object, data: bytes) -> str:
    if key is None:
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    return key if isinstance(key, str) else key(record)
