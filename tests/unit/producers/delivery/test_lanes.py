"""A rate for each shard, against the twin's shards with their limits, on a virtual clock."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.kinesis.resharding import split
from infra.local.kinesis.shards import ShardLimits
from producers.delivery.lanes import Lanes
from producers.delivery.paced import Paced
from producers.delivery.report import DeliveryReport, DeliverySettings
from producers.delivery.sending import deliver
from producers.delivery.shard_map import ShardMap, hash_key
from producers.delivery.shard_rates import RateSettings, ShardRate
from producers.ports import OutRecord, PutResult, ShardRange
from tests.fakes.shards import ShardedStream
from tests.fakes.stream import VirtualClock

HOT_KEY = "hot"


def records(count: int, *, hot: float, size: int = 500) -> list[OutRecord]:
    chance = random.Random(1)
    return [
        OutRecord(f"e{number}", HOT_KEY if chance.random() < hot else f"k{number}", bytes(size))
        for number in range(count)
    ]


class Sent:
    """A run of lanes to its end, one call at a time."""

    def __init__(self, stream: ShardedStream, batch: list[OutRecord], *, tell: bool = True) -> None:
        clock = stream.clock
        started = clock.now()
        self.report = DeliveryReport()
        paced = Paced(
            stream,
            clock=clock,
            settings=DeliverySettings(in_flight=1),
            report=self.report,
            rates=RateSettings(),
            shards=stream.shards() if tell else (),
        )
        for record in batch:
            paced.hold(record)
        while (stream.ids and len(stream.ids) < len(batch)) or not stream.ids:
            nap = paced.step()
            assert nap is not None
            clock.sleep(nap)
        self.shares = paced.shares()
        self.hot_shard = stream.stream.route(hash_key(HOT_KEY)).shard_id
        self.seconds = {shard_id: times[-1] - started for shard_id, times in stream.arrivals.items()}
        self.attempts = stream.attempts / len(batch)


def test_lanes_need_one_attempt_a_record_where_plain_resending_needs_several() -> None:
    # given one key in half of all records, far more of them than its shard takes
    batch = records(8_000, hot=0.5)
    plain = ShardedStream(VirtualClock(), shards=4)
    # when they are sent with and without a rate for each shard
    report = deliver(batch, plain, clock=plain.clock, settings=DeliverySettings(in_flight=1))
    laned = ShardedStream(VirtualClock(), shards=4)
    sent = Sent(laned, batch)
    # then all arrive either way, and the lanes ask for each record once
    assert report.accepted == sent.report.accepted == 8_000
    assert plain.attempts / 8_000 > 1.8
    assert sent.attempts < 1.05


def test_other_shards_are_not_held_up_by_a_hot_one() -> None:
    batch = records(8_000, hot=0.5)
    plain = ShardedStream(VirtualClock(), shards=4)
    deliver(batch, plain, clock=plain.clock, settings=DeliverySettings(in_flight=1))
    laned = ShardedStream(VirtualClock(), shards=4)
    sent = Sent(laned, batch)
    others = [seconds for shard_id, seconds in sent.seconds.items() if shard_id != sent.hot_shard]
    # About a thousand records each, at a thousand a second.
    assert max(others) < 1.5
    started = VirtualClock().now()
    slowed = [times[-1] - started for shard_id, times in plain.arrivals.items() if shard_id != sent.hot_shard]
    assert min(slowed) > 2 * max(others)


@pytest.mark.parametrize("capacity", [300, 700])
def test_the_rate_comes_close_to_what_a_shard_takes_when_others_use_it_too(capacity: int) -> None:
    # given shards that take less from us than AWS's limits
    stream = ShardedStream(VirtualClock(), shards=2, limits=ShardLimits(write_records=capacity))
    # when only one of them gets records
    sent = Sent(stream, records(20 * capacity, hot=1.0))
    # then it is used nearly to the full, and hardly a record is throttled
    throughput = 20 * capacity / sent.seconds[sent.hot_shard]
    assert throughput > 0.85 * capacity
    assert sent.attempts < 1.1
    assert 0.6 * capacity / 1_000 < sent.shares[sent.hot_shard] < 1.3 * capacity / 1_000


def test_shards_are_learned_from_answers_when_they_cannot_be_listed() -> None:
    stream = ShardedStream(VirtualClock(), shards=4, names_shards=False)
    sent = Sent(stream, records(6_000, hot=0.4), tell=False)
    assert sent.report.accepted == 6_000
    assert sent.attempts < 1.15


def test_large_records_are_paced_by_bytes() -> None:
    stream = ShardedStream(VirtualClock(), shards=2)
    sent = Sent(stream, records(60, hot=0.5, size=200_000))
    assert sent.report.accepted == 60
    assert sent.attempts < 1.1


def test_a_split_while_sending_is_noticed_and_both_children_are_used() -> None:
    stream = ShardedStream(VirtualClock(), shards=1)
    ranges = stream.shards()
    split(stream.stream, stream.stream.open_shards[0], 2**127, now=stream.clock.now())
    lanes = ShardMap(ranges)
    low, high = (next(str(n) for n in range(100) if (hash_key(str(n)) >= 2**127) is half) for half in (False, True))
    children = [one.shard_id for one in stream.shards()]
    assert lanes.saw(hash_key(low), children[0])
    assert lanes.saw(hash_key(high), children[1]) is False
    assert [lanes.shard_of(hash_key(key)) for key in (low, high)] == children


def test_records_go_on_to_both_children_of_a_shard_that_is_split_while_they_are_sent() -> None:
    # given one shard that is being sent to
    calls = 0

    class Splits(ShardedStream):
        def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
            nonlocal calls
            calls += 1
            if calls == 5:
                # when it is split
                split(self.stream, self.stream.open_shards[0], 2**127, now=self.clock.now())
            return super().put(records)

    stream = Splits(VirtualClock(), shards=1)
    sent = Sent(stream, records(6_000, hot=0.0))
    # then everything arrives, at the speed of two, and still with hardly a record throttled
    assert len(set(stream.ids)) == sent.report.accepted == 6_000
    assert len(stream.arrivals) == 3
    assert max(sent.seconds.values()) < 4.5
    assert sent.attempts < 1.1


def test_what_lies_between_two_records_of_a_shard_belongs_to_it() -> None:
    known = ShardMap()
    assert known.saw(10, "a") is False
    assert known.saw(30, "a") is False
    assert known.saw(50, "b") is False
    assert [known.shard_of(key) for key in (9, 10, 20, 30, 40, 50)] == [None, "a", "a", "a", None, "b"]
    # when a record contradicts it, what was known of that shard is forgotten
    assert known.saw(20, "c") is True
    assert [known.shard_of(key) for key in (10, 20, 50)] == [None, "c", "b"]


@given(st.lists(st.integers(0, 999), max_size=60), st.lists(st.integers(1, 998), unique=True, max_size=6))
def test_a_learned_map_never_names_a_wrong_shard_while_shards_stay(keys: list[int], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 1_000]
    truth = ShardMap(ShardRange(f"s{n}", edges[n], edges[n + 1] - 1) for n in range(len(edges) - 1))
    learned = ShardMap()
    for key in keys:
        shard_id = truth.shard_of(key)
        assert shard_id is not None
        assert learned.saw(key, shard_id) is False
        assert learned.shard_of(key) == shard_id
    assert all(learned.shard_of(key) in (None, truth.shard_of(key)) for key in range(1_000))


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans(), st.integers(1, 2_000_000)), max_size=60))
def test_a_rate_stays_within_its_bounds_whatever_happens(steps: list[tuple[float, bool, int]]) -> None:
    rate = ShardRate(RateSettings(), at=0.0)
    now = 0.0
    for passed, is_throttled, size in steps:
        now += passed
        if is_throttled:
            rate.throttled(now)
        else:
            rate.take(size, now)
        assert 0.02 <= rate.share <= 1.0
        assert rate.tokens <= 0.5
        # The share may grow meanwhile, and what a large record needs with it.
        for _ in range(5):
            now += rate.wait(size, now) + 1e-6
        assert rate.take(size, now)


def test_what_is_put_back_is_sent_first_and_nothing_is_lost_or_doubled() -> None:
    lanes = Lanes(RateSettings(), linger=0.0, max_records=10)
    lanes.add([Lanes.waiting(OutRecord(f"e{n}", "key", b"x")) for n in range(25)])
    first = lanes.take(0.0)
    lanes.put_back(first[3:])
    second = lanes.take(0.1)
    names = [one.record.event_id for one in [*first[:3], *second] if one.record]
    assert names == [f"e{n}" for n in range(13)]
    rest = lanes.take(0.2) + lanes.take(0.3)
    assert len(rest) == 12
    assert (lanes.count, lanes.held_bytes, lanes.wait(1.0)) == (0, 0, None)


def test_records_whose_shard_is_not_known_are_not_paced_but_pause_when_they_are_throttled() -> None:
    lanes = Lanes(RateSettings(), linger=0.0)
    # Far more than one shard takes in a second.
    lanes.add([Lanes.waiting(OutRecord(f"e{n}", f"k{n}", bytes(900_000))) for n in range(3)])
    assert lanes.wait(0.0) == 0.0
    taken = lanes.take(0.0)
    assert len(taken) == 3
    lanes.throttled([(one, None) for one in taken], 0.0, pause=2.0)
    assert lanes.wait(0.0) == 2.0
    assert lanes.take(1.9) == []
    assert lanes.take(2.0) == taken
    assert lanes.shares() == {}


def test_a_record_that_no_shard_took_says_nothing_about_the_shards() -> None:
    lanes = Lanes(None, linger=0.0)
    lanes.tell([ShardRange("a", 0, 2**128 - 1)])
    first = Lanes.waiting(OutRecord("e0", "k", b"x"))
    assert not lanes.went([(first, None)])
    assert not lanes.went([(first, "a")])


def test_without_pacing_a_throttled_shard_pauses_as_a_whole() -> None:
    lanes = Lanes(None, linger=0.0)
    lanes.tell([ShardRange("a", 0, 2**128 - 1)])
    lanes.add([Lanes.waiting(OutRecord(f"e{n}", f"k{n}", bytes(900_000))) for n in range(3)])
    assert lanes.wait(0.0) == 0.0
    taken = lanes.take(0.0)
    assert len(taken) == 3
    lanes.throttled([(one, "a") for one in taken], 0.0, pause=2.0)
    assert (lanes.wait(0.0), lanes.take(1.9)) == (2.0, [])
    assert lanes.take(2.0) == taken


def test_with_pacing_the_second_large_record_waits_until_its_shard_has_room_and_then_goes() -> None:
    lanes = Lanes(RateSettings(), linger=0.0)
    lanes.tell([ShardRange("a", 0, 2**128 - 1)])
    lanes.add([Lanes.waiting(OutRecord(f"e{n}", "k", bytes(900_000))) for n in range(2)])
    assert len(lanes.take(0.0)) == 1
    wait = lanes.wait(0.0)
    assert wait is not None
    assert wait > 0.0
    assert lanes.take(0.0) == []
    assert len(lanes.take(wait + 1e-6)) == 1


def test_after_a_call_that_was_not_full_a_full_one_goes_at_once_and_another_part_lingers() -> None:
    lanes = Lanes(None, linger=0.1, max_records=3)
    lanes.tell([ShardRange("a", 0, 2**127 - 1), ShardRange("b", 2**127, 2**128 - 1)])

    def add(count: int) -> None:
        lanes.add([Lanes.waiting(OutRecord("e", "key", b"x")) for _ in range(count)])

    add(1)
    assert len(lanes.take(0.0)) == 1
    add(2)
    assert lanes.take(0.09) == []
    assert lanes.wait(0.09) == pytest.approx(0.01)
    add(1)
    assert len(lanes.take(0.09)) == 3  # full: there is nothing to wait for
    add(2)
    assert lanes.take(0.099) == []
    assert len(lanes.take(0.1)) == 2


def test_a_full_call_is_worth_it_only_of_records_whose_shards_take_them_now() -> None:
    lanes = Lanes(None, linger=0.1, max_records=3)
    lanes.tell([ShardRange("a", 0, 2**128 - 1)])
    lanes.add([Lanes.waiting(OutRecord(f"e{n}", "key", b"x")) for n in range(2)])
    part = lanes.take(0.0)
    lanes.throttled([(one, "a") for one in part], 0.0, pause=0.05)
    lanes.add([Lanes.waiting(OutRecord(f"f{n}", "key", b"x")) for n in range(2)])
    assert lanes.take(0.04) == []
    assert len(lanes.take(0.05)) == 3


def test_shards_take_turns_even_when_one_alone_would_fill_every_call() -> None:
    lanes = Lanes(None, linger=0.0, max_records=2)
    lanes.tell([ShardRange("a", 0, 2**127 - 1), ShardRange("b", 2**127, 2**128 - 1)])
    keys = {
        shard: next(key for key in map(str, range(99)) if (hash_key(key) < 2**127) == (shard == "a")) for shard in "ab"
    }
    lanes.add([Lanes.waiting(OutRecord(shard, keys[shard], b"x")) for shard in "ab" for _ in range(4)])
    taken = [[one.record.event_id for one in lanes.take(0.0) if one.record] for _ in range(4)]
    assert taken == [["a", "a"], ["b", "b"], ["a", "a"], ["b", "b"]]


def test_what_is_taken_out_at_once_is_counted_no_longer() -> None:
    lanes = Lanes(None, linger=0.0)
    lanes.add([Lanes.waiting(OutRecord(f"e{n}", "key", b"x")) for n in range(3)])
    assert [one.record.event_id for one in lanes.clear() if one.record] == ["e0", "e1", "e2"]
    assert (lanes.count, lanes.held_bytes, lanes.wait(0.0), lanes.take(0.0)) == (0, 0, None, [])
