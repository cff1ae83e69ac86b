"""Streams: routing, numbering, lineage, limits and retention, on a clock the test moves."""

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.errors import ApiError
from infra.local.kinesis import iterators, resharding
from infra.local.kinesis.shards import HASH_SPACE, MIB, UNLIMITED, ShardLimits, even_ranges
from infra.local.kinesis.streams import PutEntry, Streams

NOW = 1_700_000_000.0


def make(shards=1, *, limits=UNLIMITED):
    streams = Streams(limits=limits)
    return streams, streams.create("content", shard_count=shards, now=NOW)


def everything(streams, stream, now=NOW + 10):
    return {
        info.shard_id: [r.data for r in streams.read(stream, info.shard_id, 0, now=now).records]
        for info in streams.lineage(stream, now=now)
    }


@given(st.integers(1, 64))
def test_even_ranges_cover_every_hash_key_once(count):
    ranges = even_ranges(count)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == HASH_SPACE - 1
    assert all(left[1] + 1 == right[0] for left, right in itertools.pairwise(ranges))


@given(st.integers(1, 9), st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30))
def test_a_record_goes_to_the_shard_that_holds_the_md5_of_its_key(shards, keys):
    streams, stream = make(shards)
    results = streams.put(stream, [PutEntry(b"", key) for key in keys], now=NOW)
    for key, result in zip(keys, results, strict=True):
        number = int(hashlib.md5(key.encode()).hexdigest(), 16)
        shard = stream.shards[result.shard_id]
        assert shard.start_hash <= number <= shard.end_hash


def test_both_edges_of_a_range_belong_to_the_shard():
    streams, stream = make(2)
    edges = [0, 2**127 - 1, 2**127, 2**128 - 1]
    results = streams.put(stream, [PutEntry(b"", "k", edge) for edge in edges], now=NOW)
    assert [result.shard_id[-1] for result in results] == ["0", "0", "1", "1"]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=40))
def test_sequence_numbers_rise_and_have_56_digits_even_when_the_clock_steps_back(steps):
    streams, stream = make()
    now, numbers, arrivals = NOW, [], []
    for step in steps:
        now += step
        [result] = streams.put(stream, [PutEntry(b"x", "k")], now=now)
        numbers.append(result.record.sequence)
        arrivals.append(result.record.arrived)
    assert numbers == sorted(set(numbers))
    assert arrivals == sorted(arrivals)
    assert {len(str(number)) for number in numbers} == {56}


def test_after_a_split_records_go_to_the_children_and_the_parent_ends():
    streams, stream = make()
    streams.put(stream, [PutEntry(b"before", "k")], now=NOW)
    parent = stream.open_shards[0]
    left, right = resharding.split(stream, parent, 2**127, now=NOW + 1)
    streams.put(stream, [PutEntry(b"low", "k", 0), PutEntry(b"high", "k", 2**127)], now=NOW + 2)

    read = streams.read(stream, parent.shard_id, 0, now=NOW + 3)
    assert [record.data for record in read.records] == [b"before"]
    assert read.ended
    assert read.children == (left.shard_id, right.shard_id)
    assert everything(streams, stream)[left.shard_id] == [b"low"]
    assert everything(streams, stream)[right.shard_id] == [b"high"]
    assert left.starting > parent.last
    assert left.parents == right.parents == (parent.shard_id,)


def test_an_empty_shard_that_is_closed_ends_at_once():
    streams, stream = make()
    resharding.split(stream, stream.open_shards[0], 2**127, now=NOW)
    assert streams.read(stream, "shardId-000000000000", 0, now=NOW).ended


def test_a_closed_shard_whose_records_have_expired_ends():
    streams, stream = make()
    streams.put(stream, [PutEntry(b"x", "k")], now=NOW)
    resharding.split(stream, stream.open_shards[0], 2**127, now=NOW + 10)
    read = streams.read(stream, "shardId-000000000000", 0, now=NOW + 24 * 3600 + 5)
    assert read.ended
    assert not read.records


def test_after_a_merge_the_child_has_both_parents():
    _streams, stream = make(2)
    first, second = stream.open_shards
    child = resharding.merge(stream, second, first, now=NOW + 1)
    assert child.parents == (second.shard_id, first.shard_id)
    assert (child.start_hash, child.end_hash) == (0, HASH_SPACE - 1)
    assert not first.is_open
    assert not second.is_open


def test_shards_that_do_not_adjoin_cannot_be_merged():
    _, stream = make(3)
    with pytest.raises(ApiError, match="not an adjacent pair"):
        resharding.merge(stream, stream.open_shards[0], stream.open_shards[2], now=NOW)


@pytest.mark.parametrize("key", [0, 2**127])
def test_a_split_needs_a_key_inside_the_shard(key):
    _, stream = make(2)
    with pytest.raises(ApiError, match="NewStartingHashKey"):
        resharding.split(stream, stream.open_shards[0], key, now=NOW)


def test_a_closed_shard_cannot_be_split_again():
    _, stream = make()
    shard = stream.open_shards[0]
    resharding.split(stream, shard, 5, now=NOW)
    with pytest.raises(ApiError, match="closed"):
        resharding.split(stream, shard, 5, now=NOW)


@given(st.integers(1, 12), st.data())
def test_rescaling_gives_even_open_shards_and_loses_no_record(count, data):
    target = data.draw(st.integers((count + 1) // 2, 2 * count))
    streams, stream = make(count)
    streams.put(stream, [PutEntry(b"%d" % i, f"k{i}") for i in range(50)], now=NOW)
    resharding.rescale(stream, target, now=NOW + 1)
    streams.put(stream, [PutEntry(b"%d" % i, f"k{i}") for i in range(50, 100)], now=NOW + 2)

    assert [(s.start_hash, s.end_hash) for s in stream.open_shards] == even_ranges(target)
    assert sorted(int(d) for found in everything(streams, stream).values() for d in found) == list(range(100))
    assert all(len(shard.parents) <= 2 for shard in stream.shards.values())
    for shard in stream.shards.values():
        for parent in shard.parents:
            assert stream.shards[parent].last < shard.starting


@pytest.mark.parametrize("target", [1, 9])
def test_rescaling_stops_at_half_and_double(target):
    _, stream = make(4)
    with pytest.raises(ApiError, match="UpdateShardCount"):
        resharding.rescale(stream, target, now=NOW)


def test_a_shard_takes_1000_records_a_second_and_says_which_it_did_not():
    streams, stream = make(limits=ShardLimits())
    results = streams.put(stream, [PutEntry(b"x", "k")] * 1_200, now=NOW)
    assert [result.record is not None for result in results] == [True] * 1000 + [False] * 200
    results = streams.put(stream, [PutEntry(b"x", "k")] * 1_200, now=NOW + 0.5)
    assert sum(result.record is not None for result in results) == 500


def test_a_shard_takes_one_mib_a_second_keys_included():
    streams, stream = make(limits=ShardLimits())
    half = PutEntry(b"x" * (MIB // 2 - 1), "k")
    results = streams.put(stream, [half, half, half], now=NOW)
    assert [result.record is not None for result in results] == [True, True, False]


def test_a_throttled_shard_does_not_hold_back_another():
    streams, stream = make(2, limits=ShardLimits(write_records=1))
    low, high = PutEntry(b"x", "k", 0), PutEntry(b"x", "k", HASH_SPACE - 1)
    results = streams.put(stream, [low, low, high], now=NOW)
    assert [result.record is not None for result in results] == [True, False, True]


@given(st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 300_000)), min_size=1, max_size=60))
def test_no_second_takes_more_than_twice_the_limit_and_the_long_run_keeps_to_it(puts):
    streams, stream = make(limits=ShardLimits())
    now, taken = NOW, []
    for wait, size in puts:
        now += wait
        [result] = streams.put(stream, [PutEntry(b"x" * size, "k")], now=now)
        if result.record:
            taken.append((now, size + 1))
    total = sum(size for _, size in taken)
    assert total <= MIB * (1 + now - NOW) + 1


def test_a_ten_mib_record_passes_a_full_bucket_and_is_paid_back():
    streams, stream = make(limits=ShardLimits())
    [big] = streams.put(stream, [PutEntry(b"x" * (10 * MIB), "k")], now=NOW)
    assert big.record is not None
    assert streams.put(stream, [PutEntry(b"x", "k")], now=NOW + 8.9)[0].record is None
    assert streams.put(stream, [PutEntry(b"x", "k")], now=NOW + 9.1)[0].record is not None


def test_records_older_than_the_retention_are_gone():
    streams, stream = make()
    streams.put(stream, [PutEntry(b"old", "k")], now=NOW)
    streams.put(stream, [PutEntry(b"new", "k")], now=NOW + 3600)
    assert everything(streams, stream, now=NOW + 24 * 3600 + 1) == {"shardId-000000000000": [b"new"]}


def test_a_closed_shard_is_listed_until_its_records_have_expired():
    streams, stream = make()
    resharding.split(stream, stream.open_shards[0], 2**127, now=NOW)
    assert len(streams.lineage(stream, now=NOW + 24 * 3600)) == 3
    assert len(streams.lineage(stream, now=NOW + 24 * 3600 + 1)) == 2


@given(st.integers(1, 20), st.integers(1, 3000))
def test_reading_page_by_page_gives_every_record_once(limit, max_bytes):
    streams, stream = make()
    streams.put(stream, [PutEntry(b"%05d" % i * 20, "k") for i in range(60)], now=NOW)
    position, seen = 0, []
    while True:
        read = streams.read(stream, "shardId-000000000000", position, now=NOW, limit=limit, max_bytes=max_bytes)
        if not read.records:
            break
        assert len(read.records) <= limit
        assert len(read.records) == 1 or sum(record.size for record in read.records) <= max_bytes
        seen.extend(record.data for record in read.records)
        position = read.position
    assert seen == [b"%05d" % i * 20 for i in range(60)]


def test_a_timestamp_finds_the_first_record_at_or_after_it():
    streams, stream = make()
    for at in range(5):
        streams.put(stream, [PutEntry(b"%d" % at, "k")], now=NOW + at)

    def read_from(moment):
        position = streams.at_timestamp(stream, "shardId-000000000000", moment)
        return [r.data for r in streams.read(stream, "shardId-000000000000", position, now=NOW + 9).records]

    assert read_from(NOW + 2) == [b"2", b"3", b"4"]
    assert read_from(NOW + 2.5) == [b"3", b"4"]
    assert read_from(NOW - 100) == [b"0", b"1", b"2", b"3", b"4"]
    assert read_from(NOW + 8) == []


@given(st.binary(max_size=200))
def test_a_string_that_is_no_iterator_is_refused(junk):
    import base64

    for token in (base64.b64encode(junk).decode(), junk.decode("latin-1")):
        with pytest.raises(ApiError, match="Invalid ShardIterator"):
            iterators.decode(token, now=NOW)


def test_an_iterator_lives_for_five_minutes():
    _, stream = make()
    token = iterators.issue(stream, "shardId-000000000000", 5, now=NOW)
    assert iterators.decode(token, now=NOW + 300).after == "5"
    with pytest.raises(ApiError, match="Iterator expired") as error:
        iterators.decode(token, now=NOW + 301)
    assert error.value.code == "ExpiredIteratorException"


def test_a_change_of_one_character_spoils_an_iterator():
    _, stream = make()
    token = iterators.issue(stream, "shardId-000000000000", 5, now=NOW)
    other = "A" if token[20] != "A" else "B"
    with pytest.raises(ApiError, match="Invalid ShardIterator"):
        iterators.decode(token[:20] + other + token[21:], now=NOW)


def test_streams_are_found_by_their_own_arn_only():
    streams, stream = make()
    assert streams.by_arn(stream.arn) is stream
    for other in (stream.arn.replace("us-east-1", "eu-west-1"), "arn:aws:kinesis", stream.arn + "x"):
        with pytest.raises(ApiError, match="not found"):
            streams.by_arn(other)
