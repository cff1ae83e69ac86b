"""Aggregated sending: within every limit, in order, none lost, and never an event in a shard that is not its own."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from glue.kpl import aggregation
from infra.commands.produce import produce as command
from infra.local.kinesis import resharding
from infra.local.kinesis.shards import UNLIMITED
from infra.local.kinesis.streams import PutEntry, Stream, Streams
from producers.commands.produce import World
from producers.delivery.aggregated import AggregatedDelivery
from producers.delivery.aggregating import MAX_BUCKETS, Packer, bucket_keys, hash_key
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.partitioning import partition_key
from producers.ports import OutRecord, PutResult, StreamRefusedError
from tests.fakes.stream import THROTTLE, FakeStream, VirtualClock

EVENTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400)), min_size=1, max_size=80)
NOW = 1_772_362_800.0


def events_of(drawn: Sequence[tuple[int, int]]) -> list[OutRecord]:
    """One event for each (content, size), numbered."""
    return [
        OutRecord(f"e{number}", partition_key(f"content-{content}"), b"%d|" % content + bytes(size))
        for number, (content, size) in enumerate(drawn)
    ]


def opened(record: OutRecord) -> list[tuple[str, bytes]]:
    """The partition key and the bytes of every event in a record."""
    inside = aggregation.decode(record.data)
    if inside is None:
        return [(record.partition_key, record.data)]
    assert isinstance(inside, list)
    assert len(inside) == len(record.inside) > 1
    assert all(user.explicit_hash_key is None for user in inside)
    return [(user.partition_key, user.data) for user in inside]


def packed(events: Sequence[OutRecord], packer: Packer) -> list[OutRecord]:
    records: list[OutRecord] = []
    for event in events:
        records += packer.add(event, now=NOW)
    return records + packer.drain()


@pytest.mark.parametrize("count", [1, 2, 64, 512])
def test_each_bucket_has_a_key_in_its_own_part_of_the_key_space(count: int) -> None:
    keys = bucket_keys(count)
    assert [int(hashlib.md5(key.encode()).hexdigest(), 16) * count // 2**128 for key in keys] == list(range(count))


@pytest.mark.parametrize("count", [0, -1, 3, 100, 2 * MAX_BUCKETS])
def test_a_number_of_buckets_that_is_no_power_of_two_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Packer(buckets=count)


@given(EVENTS, st.sampled_from([1, 4, 64]), st.integers(120, 900), st.integers(1, 9))
def test_every_event_comes_out_once_in_order_by_content_and_within_the_limits(
    drawn: list[tuple[int, int]], buckets: int, max_bytes: int, max_records: int
) -> None:
    # given events and a packer with tight limits
    events = events_of(drawn)
    packer = Packer(buckets=buckets, max_bytes=max_bytes, max_records=max_records)
    # when all have gone through it
    records = packed(events, packer)
    # then nothing is left or lost, each record names just what is in it, and one content's events keep their order
    assert packer.held == 0
    data = {event.event_id: event.data for event in events}
    assert sorted(one for record in records for one in record.event_ids) == sorted(data)
    for record in records:
        assert [bytes_ for _, bytes_ in opened(record)] == [data[one] for one in record.event_ids]
        assert len(record.event_ids) <= max_records
        assert record.size <= max_bytes or len(record.event_ids) == 1
    order = [bytes_ for record in records for _, bytes_ in opened(record)]
    for content in {event.data.split(b"|")[0] for event in events}:
        of_content = [event.data for event in events if event.data.split(b"|")[0] == content]
        assert [one for one in order if one.split(b"|")[0] == content] == of_content


class Resharded:
    """A stream of the laptop runtime that is split and merged as drawn."""

    def __init__(self, shards: int) -> None:
        self.streams = Streams(limits=UNLIMITED)
        self.stream: Stream = self.streams.create("content", shard_count=shards, now=NOW)
        self.now = NOW

    def put(self, record: OutRecord) -> tuple[int, int]:
        """The inclusive range of the shard that took it."""
        self.now += 1
        [result] = self.streams.put(self.stream, [PutEntry(record.data, record.partition_key)], now=self.now)
        shard = self.stream.shards[result.shard_id]
        return shard.start_hash, shard.end_hash

    def reshard(self, place: int, *, is_split: bool) -> None:
        self.now += 1
        shards = self.stream.open_shards
        shard = shards[place % len(shards)]
        if is_split:
            width = shard.end_hash - shard.start_hash
            # Not in the middle: borders run through buckets.
            resharding.split(self.stream, shard, shard.start_hash + 1 + width * 3 // 7, now=self.now)
        elif len(shards) > 1:
            low = shards[place % (len(shards) - 1)]
            resharding.merge(self.stream, low, shards[shards.index(low) + 1], now=self.now)


@given(
    EVENTS,
    st.integers(1, 5),
    st.sampled_from([1, 2, 16, 64]),
    st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=12),
)
def test_no_event_is_ever_in_a_shard_that_its_key_does_not_hash_into_also_while_resharding(
    drawn: list[tuple[int, int]], shards: int, buckets: int, changes: list[tuple[int, bool]]
) -> None:
    # given a stream that is split and merged between any two records
    stream = Resharded(shards)
    todo = list(changes)
    events, seen = events_of(drawn), 0
    # when aggregates are put on it
    for record in packed(events, Packer(buckets=buckets, max_records=6)):
        low, high = stream.put(record)
        # then every key inside, hashed anew, lies in the range of the shard that took the record: KCL drops nothing
        for key, _ in opened(record):
            assert low <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= high
            seen += 1
        if todo:
            place, is_split = todo.pop()
            stream.reshard(place, is_split=is_split)
    assert seen == len(events)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50), st.sampled_from([1, 2, 4, 8]))
def test_content_goes_to_the_shard_it_goes_to_without_aggregates_when_shards_are_made_of_whole_buckets(
    contents: list[int], shards: int
) -> None:
    stream = Streams(limits=UNLIMITED).create("content", shard_count=shards, now=NOW)
    packer = Packer(buckets=64)
    for content in contents:
        event = OutRecord("e", partition_key(str(content)), b"x")
        packer.add(event, now=NOW)
        [record] = packer.drain()
        assert stream.route(hash_key(record.partition_key)) is stream.route(hash_key(event.partition_key))


def test_buckets_of_an_evenly_split_stream_are_even() -> None:
    for shards in (2, 3, 5, 8):
        stream = Streams(limits=UNLIMITED).create("content", shard_count=shards, now=NOW)
        routed = [stream.route(hash_key(key)).shard_id for key in bucket_keys(64)]
        counts = [routed.count(shard) for shard in set(routed)]
        assert max(counts) - min(counts) <= 2


def test_an_event_that_is_an_aggregate_s_bytes_is_never_put_inside_one() -> None:
    # given an event's bytes that would be opened a second time
    nested = aggregation.encode([aggregation.UserRecord("k", None, b"x")])
    events = [OutRecord(str(number), "key", data) for number, data in enumerate((b"one", b"two", nested, b"three"))]
    # when it is packed
    records = packed(events, Packer(buckets=1))
    # then what came before it is sent before it, and it goes alone
    assert [record.event_ids for record in records] == [("0", "1"), ("2",), ("3",)]
    assert records[1].data == nested


def test_an_event_waits_no_longer_than_the_linger_and_the_oldest_go_first() -> None:
    packer = Packer(buckets=64, linger=0.1)
    keys = [partition_key(str(number)) for number in range(3)]
    for number, key in enumerate(keys):
        packer.add(OutRecord(str(number), key, b"x"), now=NOW + number * 0.05)
    packer.add(OutRecord("3", keys[0], b"x"), now=NOW + 0.09)
    assert packer.due(NOW + 0.099) == []
    assert [record.event_ids for record in packer.due(NOW + 0.151)] == [("0", "3"), ("1",)]
    assert packer.held == 1


def until_taken(number: int, records: Sequence[OutRecord]) -> list[PutResult] | None:
    """The first call is half throttled, the second not answered in full."""
    if number == 0:
        return [THROTTLE if place % 2 else PutResult(str(place)) for place in range(len(records))]
    return None


def test_the_report_counts_and_names_events_and_a_throttled_aggregate_is_sent_again_whole() -> None:
    clock = VirtualClock()
    stream = FakeStream(until_taken)
    inner = open_delivery(stream, clock=clock, settings=DeliverySettings(in_flight=1))
    delivery = AggregatedDelivery(inner, Packer(buckets=8, linger=60), clock=clock)
    events = events_of([(number % 30, 100) for number in range(300)])
    for event in events:
        delivery.put(event)
    report = delivery.close()
    assert sorted(report.accepted_ids) == sorted(event.event_id for event in events)
    assert (report.accepted, report.failed) == (300, [])
    assert report.throttled == report.resent == 4


def test_events_that_wait_when_the_stream_is_gone_are_named_as_failed() -> None:
    def gone(number: int, records: Sequence[OutRecord]) -> None:
        raise StreamRefusedError(stream="content", region="here", code="ResourceNotFoundException", next_step="Look")

    clock = VirtualClock()
    inner = open_delivery(FakeStream(gone), clock=clock, settings=DeliverySettings(in_flight=1))
    delivery = AggregatedDelivery(inner, Packer(buckets=2, max_records=5, linger=60), clock=clock)
    events = events_of([(number, 10) for number in range(40)])
    refused = 0
    for event in events:
        try:
            delivery.put(event)
        except StreamRefusedError:
            refused += 1
        if event.event_id == "e20":
            inner.flush()
    report = delivery.close()
    assert refused == 19
    assert report.accepted == 0
    assert sorted(report.failed_ids) == sorted(event.event_id for event in events)


def run(stream: FakeStream, *arguments: str, troubles: Sequence[str] = ()) -> Any:
    world = World(
        stream_of=lambda stack: f"{stack}-content",
        connect=lambda name, in_flight: stream,
        aggregate_troubles=lambda name: list(troubles),
        clock=VirtualClock(NOW),
    )
    return CliRunner().invoke(command, ("--synthetic", "500", *arguments), obj=world)


def test_produce_sends_aggregates_when_asked_to_and_only_then() -> None:
    plain, aggregated = FakeStream(), FakeStream()
    assert run(plain).exit_code == 0
    result = run(aggregated, "--aggregate", "--buckets", "4")
    assert result.exit_code == 0, result.output
    assert "500 accepted by the stream" in result.output
    assert not any(record.inside for record in plain.taken)
    assert sum(len(record.event_ids) for record in aggregated.taken) == 500
    assert len(aggregated.taken) < 30
    sent = sorted(data for record in aggregated.taken for _, data in opened_or_broken(record))
    assert sent == sorted(record.data for record in plain.taken)
    assert {record.partition_key for record in aggregated.taken} <= set(bucket_keys(4))


def opened_or_broken(record: OutRecord) -> list[tuple[str, bytes]]:
    """Made-up content also has broken aggregates, which go as they are."""
    return opened(record) if record.inside else [(record.partition_key, record.data)]


def test_aggregates_go_through_a_spool_and_every_event_in_them_is_counted(tmp_path: Path) -> None:
    stream = FakeStream()
    result = run(stream, "--aggregate", "--buckets", "4", "--spool", str(tmp_path / "spool"), "--json")
    assert result.exit_code == 0, result.output
    account = json.loads(result.stdout)
    assert (account["read"], account["accepted"], account["sent"], account["spooled"]) == (500, 500, 500, 0)
    assert sum(len(record.event_ids) for record in stream.taken) == 500
    assert len(stream.taken) < 100


def test_produce_refuses_aggregates_that_the_stream_s_reader_cannot_read() -> None:
    stream = FakeStream()
    result = run(stream, "--aggregate", troubles=["function f reads the stream with ParallelizationFactor 4"])
    assert result.exit_code == 2
    assert "ParallelizationFactor 4" in result.output
    assert stream.taken == []
    assert run(FakeStream(), "--aggregate", "--buckets", "6").exit_code == 2
