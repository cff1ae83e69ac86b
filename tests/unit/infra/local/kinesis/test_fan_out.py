"""Consumers with enhanced fan-out: registered, subscribed by boto3 over HTTP, taken over, ended with their shard."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from typing import Any

import cbor2
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.session import Session

from infra.local.cbor import CborDoor
from infra.local.clock import SystemClock
from infra.local.front import Front
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.consumers import FanOut
from infra.local.kinesis.streams import Streams
from infra.local.server import LoopbackServer

TARGET = "Kinesis_20131202.SubscribeToShard"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = 1_700_000_000.0

    def now(self) -> float:
        return self.moment


@pytest.fixture(scope="module")
def kinesis() -> Iterator[Any]:
    streams, clock = Streams(), SystemClock()
    subscribers = {TARGET: FanOut(streams, clock).subscribe}

    def nothing(environ: object, start: object) -> list[bytes]:
        return []

    front = Front(nothing, apis={"kinesis": KinesisApi(streams, clock)}, subscribers=subscribers)
    with LoopbackServer(CborDoor(front)) as server:
        yield Session().create_client(
            "kinesis",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )


def registered(kinesis: Any, name: str, shards: int = 1) -> tuple[str, str]:
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    stream = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    return stream, kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="fan")["Consumer"]["ConsumerARN"]


def put(kinesis: Any, name: str, *data: bytes) -> None:
    kinesis.put_records(StreamName=name, Records=[{"Data": one, "PartitionKey": "k"} for one in data])


Subscribe = Callable[..., Iterator[Any]]


@pytest.fixture
def subscribe(kinesis: Any) -> Iterator[Subscribe]:
    with ExitStack() as opened:

        def made(arn: str, kind: str = "TRIM_HORIZON", **more: str) -> Iterator[Any]:
            given = {"ConsumerARN": arn, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": kind, **more}}
            events = kinesis.subscribe_to_shard(**given)["EventStream"]
            opened.callback(events.close)
            return iter(events)

        yield made


def records(events: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        found += next(events)["SubscribeToShardEvent"]["Records"]
    return found


def test_a_consumer_is_registered_shown_listed_and_removed(kinesis: Any, subscribe: Subscribe) -> None:
    stream, arn = registered(kinesis, "shown")
    assert arn.startswith(f"{stream}/consumer/fan:")
    described = kinesis.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"]
    by_name = kinesis.describe_stream_consumer(StreamARN=stream, ConsumerName="fan")["ConsumerDescription"]
    assert described == by_name
    assert described["ConsumerStatus"] == "ACTIVE"
    assert [one["ConsumerARN"] for one in kinesis.list_stream_consumers(StreamARN=stream)["Consumers"]] == [arn]
    assert kinesis.describe_stream_summary(StreamName="shown")["StreamDescriptionSummary"]["ConsumerCount"] == 1
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="fan")
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.delete_stream(StreamName="shown")
    kinesis.deregister_stream_consumer(ConsumerARN=arn)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        subscribe(arn)
    kinesis.delete_stream(StreamName="shown")


def test_events_carry_what_is_there_and_what_comes(kinesis: Any, subscribe: Subscribe) -> None:
    _, arn = registered(kinesis, "flowing")
    put(kinesis, "flowing", b"one", b"two")
    events = subscribe(arn)
    assert [one["Data"] for one in records(events, 2)] == [b"one", b"two"]
    with ThreadPoolExecutor(1) as elsewhere:
        waiting = elsewhere.submit(records, events, 1)
        put(kinesis, "flowing", b"three")
        [third] = waiting.result(timeout=30)
    assert third["Data"] == b"three"
    assert third["PartitionKey"] == "k"


def test_a_subscription_goes_on_after_a_number(kinesis: Any, subscribe: Subscribe) -> None:
    _, arn = registered(kinesis, "resumed")
    put(kinesis, "resumed", b"one", b"two")
    first = next(subscribe(arn, "TRIM_HORIZON"))["SubscribeToShardEvent"]
    kinesis.register_stream_consumer(StreamARN=arn.partition("/consumer/")[0], ConsumerName="other")
    other = kinesis.describe_stream_consumer(StreamARN=arn.partition("/consumer/")[0], ConsumerName="other")
    put(kinesis, "resumed", b"three")
    events = subscribe(
        other["ConsumerDescription"]["ConsumerARN"],
        "AFTER_SEQUENCE_NUMBER",
        SequenceNumber=first["ContinuationSequenceNumber"],
    )
    assert [one["Data"] for one in records(events, 1)] == [b"three"]


def test_a_closed_shard_ends_the_events_and_names_its_children(kinesis: Any, subscribe: Subscribe) -> None:
    _, arn = registered(kinesis, "split")
    put(kinesis, "split", b"one")
    kinesis.split_shard(StreamName="split", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
    last = [event["SubscribeToShardEvent"] for event in subscribe(arn)][-1]
    assert [one["ShardId"] for one in last["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert "ContinuationSequenceNumber" not in last


def fan_out() -> tuple[KinesisApi, FanOut, Clock, str]:
    streams, clock = Streams(), Clock()
    api = KinesisApi(streams, clock)
    api.call("CreateStream", {"StreamName": "s", "ShardCount": 1})
    consumer: Any = api.call("RegisterStreamConsumer", {"StreamARN": streams.arn("s"), "ConsumerName": "fan"})
    return api, FanOut(streams, clock), clock, str(consumer["Consumer"]["ConsumerARN"])


def messages(stream: Any) -> Iterator[Any]:
    buffer = EventStreamBuffer()
    for chunk in stream:
        buffer.add_data(chunk)
        yield from buffer


def wanted(arn: str) -> dict[str, object]:
    return {"ConsumerARN": arn, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": "TRIM_HORIZON"}}


def test_a_subscription_is_taken_over_after_five_seconds_and_not_before() -> None:
    _, fan, clock, arn = fan_out()
    first = messages(fan.subscribe(wanted(arn)))
    assert [next(first).headers[":event-type"] for _ in range(2)] == ["initial-response", "SubscribeToShardEvent"]
    clock.moment += 4.9
    with pytest.raises(Exception, match="Another active subscription"):
        fan.subscribe(wanted(arn))
    clock.moment += 0.2
    second = messages(fan.subscribe(wanted(arn)))
    assert next(second).headers[":event-type"] == "initial-response"
    fan._note()  # as a record would
    assert next(first).headers[":exception-type"] == "ResourceInUseException"


def test_a_subscription_ends_after_five_minutes() -> None:
    api, fan, clock, arn = fan_out()
    events = messages(fan.subscribe(wanted(arn)))
    assert [next(events).headers[":event-type"] for _ in range(2)] == ["initial-response", "SubscribeToShardEvent"]
    clock.moment += 301
    api.call("PutRecord", {"StreamName": "s", "PartitionKey": "k", "Data": "aGk="})
    assert list(events) == []


def test_events_are_in_cbor_where_the_call_is() -> None:
    api, fan, _, arn = fan_out()
    api.call("PutRecord", {"StreamName": "s", "PartitionKey": "k", "Data": "aGk="})
    front = Front(lambda environ, start: [], apis={"kinesis": api}, subscribers={TARGET: fan.subscribe})
    sent = cbor2.dumps(wanted(arn))
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "CONTENT_TYPE": "application/x-amz-cbor-1.1",
        "CONTENT_LENGTH": str(len(sent)),
        "HTTP_X_AMZ_TARGET": TARGET,
        "wsgi.input": BytesIO(sent),
    }
    given: list[Any] = []

    def start(*answered: Any) -> Callable[[bytes], object]:
        given.append(answered)
        return lambda data: None

    found = messages(CborDoor(front)(environ, start))
    first, event = next(found), next(found)
    assert first.headers[":content-type"] == "application/x-amz-cbor-1.1"
    assert dict(given[0][1])["Content-Type"] == "application/vnd.amazon.eventstream"
    [record] = cbor2.loads(event.payload, semantic_decoders={1: lambda value, _: value})["Records"]
    assert record["Data"] == b"hi"
    assert record["ApproximateArrivalTimestamp"] == 1_700_000_000_000
