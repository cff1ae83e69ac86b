"""The event source mapping's core on a virtual clock, with a function that fails on command."""

import json
import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.awslambda.documents import Origin, event
from infra.local.awslambda.driver import StreamSource
from infra.local.awslambda.functions import PAYLOAD_LIMIT
from infra.local.awslambda.lane import Discard, Failed, Invoke, NotInvoked, Succeeded
from infra.local.awslambda.mapping import EventSourceMapping
from infra.local.awslambda.settings import Backoff, MappingSettings, first_failed
from infra.local.kinesis import resharding
from infra.local.kinesis.shards import UNLIMITED
from infra.local.kinesis.streams import PutEntry, Streams

START = 1_700_000_000.0
QUEUE = "arn:aws:sqs:us-east-1:000000000000:failed"
BUCKET = "arn:aws:s3:::failed"
ORIGIN = Origin(stream_arn="arn", shard_id="shardId-000000000000", region="us-east-1", role_arn="role")


class World:
    """A stream, a mapping and a clock.

    ``rule`` answers each batch with an outcome; ``write`` says whether a write holds.
    """

    def __init__(self, rule=None, *, write=None, shards=1, before=(), **options):
        self.now = START
        self.streams = Streams(limits=UNLIMITED)
        self.stream = self.streams.create("content", shard_count=shards, now=self.now)
        for entry in before:
            self.put(*entry)
        options.setdefault("starting_position", "TRIM_HORIZON")
        self.mapping = EventSourceMapping(
            MappingSettings(uuid="u", function_arn="f", stream_arn=self.stream.arn, **options),
            StreamSource(self.streams, self.stream),
            region="us-east-1",
            role_arn=lambda: "role",
            backoff=Backoff(),
            new_id=lambda: "new",
        )
        self.mapping.start(self.now)
        self.rule = rule or (lambda batch: Succeeded())
        self.write = write or (lambda discarded: True)
        self.batches = []
        self.written = []
        self.outstanding = []

    def put(self, data, key="k", *, hash_key=None):
        [result] = self.streams.put(self.stream, [PutEntry(data, key, hash_key)], now=self.now)
        return result.record

    def do(self, task):
        action = task.action
        if isinstance(action, Invoke):
            batch = [record.data for record in action.records]
            self.batches.append((self.now, task.shard_id, batch))
            follow_up = self.mapping.finished(task, self.rule(action.records), self.now)
            if follow_up is not None:
                self.do(follow_up)
        elif isinstance(action, Discard):
            ok = self.write(action.discarded)
            if ok:
                self.written.append(action.discarded)
            self.mapping.written(task, ok, self.now)

    def run(self, seconds=0.0, *, order=None):
        """Does everything that falls due within ``seconds``."""
        end = self.now + seconds
        while True:
            tasks = self.mapping.step(self.now)
            for task in order(tasks) if order else tasks:
                self.do(task)
            if tasks:
                continue
            due = self.mapping.next_due()
            if due is None or due > end:
                self.now = end
                return
            self.now = max(due, self.now + 1e-6)

    @property
    def delivered(self):
        return [batch for _, _, batch in self.batches]

    def gave_up_on(self):
        return [[record.data for record in discarded.records] for discarded in self.written]


def poison(*bad, error="Unhandled"):
    """Fails a batch that holds one of these, as an exception does."""

    def rule(records):
        hit = any(record.data in bad for record in records)
        return Failed(request_id="r", error=error) if hit else Succeeded()

    return rule


def reporting(*bad):
    """Reports the first of these in a batch, as ReportBatchItemFailures does."""

    def rule(records):
        answer = {"batchItemFailures": [{"itemIdentifier": str(r.sequence)} for r in records if r.data in bad]}
        at = first_failed(answer, [str(record.sequence) for record in records])
        return Succeeded() if at is None else Failed(request_id="r", at=at)

    return rule


def letters(text):
    return [(bytes([letter]),) for letter in text.encode()]


def test_a_batch_holds_at_most_batch_size_records_in_order():
    world = World(before=letters("abcdefg"), batch_size=3)
    world.run()
    assert world.delivered == [[b"a", b"b", b"c"], [b"d", b"e", b"f"], [b"g"]]
    assert world.mapping.idle(world.now)


def test_an_incomplete_batch_waits_for_its_window_and_a_full_one_does_not():
    world = World(batch_size=3, window_seconds=10)
    world.put(b"a")
    world.put(b"b")
    world.run(9)
    assert world.delivered == []
    assert not world.mapping.idle(world.now)
    world.run(1)
    assert world.delivered == [[b"a", b"b"]]
    for letter in (b"c", b"d", b"e"):
        world.put(letter)
    world.run()
    assert world.delivered[1:] == [[b"c", b"d", b"e"]]


def test_hurry_ships_without_waiting_for_the_window():
    world = World(before=letters("a"), window_seconds=300)
    [task] = world.mapping.step(world.now, hurry=True)
    world.do(task)
    assert world.delivered == [[b"a"]]


def test_a_batch_stays_under_six_megabytes_of_json():
    world = World(before=[(bytes([at]) * 900_000,) for at in range(12)], batch_size=100)
    sizes = []
    world.rule = lambda records: sizes.append(len(json.dumps(event(records, ORIGIN)))) or Succeeded()
    world.run()
    assert [len(batch) for batch in world.delivered] == [5, 5, 2]
    assert max(sizes) <= PAYLOAD_LIMIT


@given(st.lists(st.tuples(st.binary(max_size=50), st.text(min_size=1, max_size=20)), max_size=40), st.integers(1, 12))
def test_batches_never_break_their_bounds_and_lose_nothing(records, batch_size):
    world = World(before=records, batch_size=batch_size)
    world.run()
    assert [data for batch in world.delivered for data in batch] == [data for data, _ in records]
    assert all(1 <= len(batch) <= batch_size for batch in world.delivered)


@given(st.lists(st.tuples(st.binary(max_size=400_000), st.text(min_size=1, max_size=256)), max_size=30))
def test_the_size_that_bounds_a_batch_is_never_below_the_real_one(records):
    world = World(before=records, batch_size=10_000)
    sizes = []
    arn = world.stream.arn
    world.rule = lambda found: (
        sizes.append(
            len(
                json.dumps(
                    event(found, Origin(stream_arn=arn, shard_id=ORIGIN.shard_id, region="us-east-1", role_arn="role")),
                    ensure_ascii=False,
                    separators=(",", ":"),
                ).encode()
            )
        )
        or Succeeded()
    )
    world.run()
    assert all(size <= PAYLOAD_LIMIT for size in sizes)


def test_without_limits_a_bad_batch_blocks_its_shard_until_the_records_expire():
    world = World(poison(b"b"), before=letters("ab"), batch_size=1)
    world.run(3600 * 23)
    assert world.delivered[0] == [b"a"]
    assert set(map(tuple, world.delivered[1:])) == {(b"b",)}
    assert not world.mapping.idle(world.now)
    world.run(3600 * 2)
    world.put(b"c")
    world.run()
    assert world.delivered[-1] == [b"c"]
    assert world.mapping.counters.discarded == 1


def test_retries_wait_longer_each_time():
    world = World(poison(b"a"), before=letters("a"), max_retries=4)
    world.run(60)
    moments = [moment - START for moment, _, _ in world.batches]
    assert moments == pytest.approx([0, 0.5, 1.5, 3.5, 7.5])


def test_the_last_failed_attempt_writes_the_batch_down_and_goes_on():
    world = World(poison(b"b"), before=letters("abc"), batch_size=2, max_retries=2, destination=QUEUE)
    world.run(60)
    assert world.delivered == [[b"a", b"b"]] * 3 + [[b"c"]]
    [discarded] = world.written
    assert discarded.invoke_count == 3
    assert discarded.condition == "RetryAttemptsExhausted"
    assert world.gave_up_on() == [[b"a", b"b"]]
    assert world.mapping.idle(world.now)


def test_no_retries_means_one_attempt():
    world = World(poison(b"a"), before=letters("a"), max_retries=0, destination=QUEUE)
    world.run(60)
    assert len(world.batches) == 1
    assert world.written[0].invoke_count == 1


def test_a_checkpoint_that_moves_restarts_the_count():
    world = World(reporting(b"f"), before=letters("def"), batch_size=3, max_retries=3, destination=QUEUE)
    world.run(60)
    assert world.delivered == [[b"d", b"e", b"f"]] + [[b"f"]] * 4
    assert world.written[0].invoke_count == 4


def test_everything_from_the_lowest_reported_record_runs_again():
    failed_once = []

    def rule(records):
        if not failed_once:
            failed_once.append(1)
            return Failed(request_id="r", at=1)
        return Succeeded()

    world = World(rule, before=letters("abcd"))
    world.run(60)
    assert world.delivered == [[b"a", b"b", b"c", b"d"], [b"b", b"c", b"d"]]


def test_bisection_finds_the_one_bad_record_and_uses_up_no_retries():
    world = World(poison(b"f"), before=letters("abcdefgh"), bisect=True, max_retries=1, destination=QUEUE)
    world.run(60)
    assert world.gave_up_on() == [[b"f"]]
    assert world.written[0].invoke_count == 2
    assert world.delivered == [
        [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"],
        [b"a", b"b", b"c", b"d"],
        [b"e", b"f", b"g", b"h"],
        [b"e", b"f"],
        [b"e"],
        [b"f"],
        [b"f"],
        [b"g", b"h"],
    ]


def test_without_bisection_the_good_neighbours_are_given_up_on_too():
    world = World(poison(b"b"), before=letters("abc"), max_retries=0, destination=QUEUE)
    world.run(60)
    assert world.gave_up_on() == [[b"a", b"b", b"c"]]


def test_with_both_on_a_report_splits_at_the_reported_record():
    world = World(reporting(b"c"), before=letters("abcd"), bisect=True, max_retries=0, destination=QUEUE)
    world.run(60)
    assert world.delivered == [[b"a", b"b", b"c", b"d"], [b"c", b"d"], [b"c"], [b"d"]]
    assert world.gave_up_on() == [[b"c"]]


def test_a_record_over_age_is_given_up_on_before_its_invocation():
    world = World(before=letters("a"), batch_size=10, max_age_seconds=60, destination=QUEUE, window_seconds=1)
    world.now += 60
    world.put(b"b")
    world.run(5)
    assert world.gave_up_on() == [[b"a"]]
    assert world.written[0].condition == "RecordAgeExceeded"
    assert world.written[0].invoke_count == 1
    assert world.delivered == [[b"b"]]


def test_a_record_can_grow_too_old_between_retries():
    world = World(poison(b"a"), before=letters("a"), max_age_seconds=60, destination=QUEUE)
    world.run(120)
    assert len(world.batches) == 7
    assert world.written[0].invoke_count == 8


def test_a_failure_destination_that_fails_is_tried_until_it_takes_the_record():
    answers = iter([False, False, True])
    world = World(
        poison(b"a"),
        write=lambda _: next(answers),
        before=letters("ab"),
        batch_size=1,
        max_retries=0,
        destination=BUCKET,
    )
    world.run(0.1)
    assert world.delivered == [[b"a"]]
    assert not world.mapping.idle(world.now)
    world.run(60)
    assert world.gave_up_on() == [[b"a"]]
    assert world.delivered == [[b"a"], [b"b"]]
    assert world.mapping.counters.write_errors == 2


def test_a_function_that_cannot_be_invoked_uses_up_no_attempt():
    answers = iter([NotInvoked(), NotInvoked(), NotInvoked(), Succeeded()])
    world = World(lambda _: next(answers), before=letters("a"), max_retries=0, destination=QUEUE)
    world.run(60)
    assert len(world.batches) == 4
    assert world.written == []


def test_latest_starts_at_creation_and_a_timestamp_at_its_moment():
    world = World(before=letters("ab"), starting_position="LATEST")
    world.put(b"c")
    world.run()
    assert world.delivered == [[b"c"]]

    world = World(before=letters("ab"), starting_position="AT_TIMESTAMP", starting_timestamp=START + 5)
    world.now += 5
    world.put(b"c")
    world.run()
    assert world.delivered == [[b"c"]]


def test_children_wait_until_the_parent_is_done():
    world = World(poison(b"b"), before=letters("ab"), batch_size=1, max_retries=2, destination=QUEUE)
    resharding.split(world.stream, world.stream.open_shards[0], 2**127, now=world.now)
    world.put(b"c", hash_key=0)
    world.put(b"d", hash_key=2**127)
    world.run(0.2)
    assert world.delivered == [[b"a"], [b"b"]]
    world.run(60)
    assert sorted(world.delivered[-2:]) == [[b"c"], [b"d"]]
    assert world.gave_up_on() == [[b"b"]]
    assert world.mapping.idle(world.now)


def test_a_merged_child_waits_for_both_parents():
    world = World(poison(b"x"), shards=2, batch_size=1, max_retries=1, destination=QUEUE)
    world.put(b"a", hash_key=0)
    world.put(b"x", hash_key=2**127)
    resharding.merge(world.stream, *world.stream.open_shards, now=world.now)
    world.put(b"after")
    world.run(0.1)
    assert [b"after"] not in world.delivered
    world.run(10)
    assert world.delivered[-1] == [b"after"]


def test_latest_reads_shards_that_open_later_from_their_beginning():
    world = World(before=letters("a"), starting_position="LATEST")
    resharding.split(world.stream, world.stream.open_shards[0], 2**127, now=world.now)
    world.put(b"b", hash_key=0)
    world.run()
    assert world.delivered == [[b"b"]]


def test_lanes_run_at_the_same_time_and_keep_a_key_in_one():
    entries = [(b"%s%d" % (key.encode(), at), key) for at in range(4) for key in "abcdef"]
    world = World(before=entries, batch_size=2, parallelization=4)
    tasks = world.mapping.step(world.now)
    assert 1 < len(tasks) <= 4
    world.batches.clear()
    for task in tasks:
        world.do(task)
    world.run()
    by_key = defaultdict(list)
    for batch in world.delivered:
        for data in batch:
            by_key[data[:1]].append(data)
    assert all(found == sorted(found) for found in by_key.values())
    assert sum(map(len, world.delivered)) == len(entries)


def test_the_checkpoint_is_the_lowest_record_that_is_not_done():
    world = World(before=[(b"a", "a"), (b"b", "b"), (b"c", "c"), (b"d", "d")], batch_size=1, parallelization=10)
    reader = world.mapping.readers["shardId-000000000000"]
    tasks = world.mapping.step(world.now)
    by_data = {task.action.records[0].data: task for task in tasks}
    assert len(by_data) > 1
    held = min(by_data)
    for data, task in by_data.items():
        if data != held:
            world.do(task)
    assert reader.checkpoint < by_data[held].action.records[0].sequence
    world.do(by_data[held])
    world.run()
    assert reader.checkpoint == world.stream.shards["shardId-000000000000"].last


def test_a_reset_goes_back_to_the_checkpoint_and_ignores_late_outcomes():
    world = World(before=letters("abc"), batch_size=1)
    [first] = world.mapping.step(world.now)
    world.do(first)
    [late] = world.mapping.step(world.now)
    world.mapping.reset()
    world.mapping.finished(late, Succeeded(), world.now)
    world.run()
    assert world.delivered == [[b"a"], [b"b"], [b"c"]]


def test_a_mapping_taken_up_again_goes_on_at_its_checkpoints():
    world = World(before=letters("abc"), batch_size=2)
    [task] = world.mapping.step(world.now)
    world.do(task)
    kept = world.mapping.checkpoints()
    again = EventSourceMapping(
        world.mapping.settings,
        StreamSource(world.streams, world.stream),
        region="us-east-1",
        role_arn=lambda: "role",
        backoff=Backoff(),
        new_id=lambda: "new",
    )
    again.start(world.now, kept)
    [task] = again.step(world.now)
    assert [record.data for record in task.action.records] == [b"c"]


@given(
    records=st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=25),
    batch_size=st.integers(1, 8),
    parallelization=st.integers(1, 4),
    bisect=st.booleans(),
    reports=st.booleans(),
    retries=st.integers(0, 3),
    split_after=st.integers(0, 25),
    writes=st.lists(st.booleans(), max_size=6),
    seed=st.integers(0, 2**32),
)
def test_every_record_succeeds_or_is_written_down_in_order_per_key(
    records, batch_size, parallelization, bisect, reports, retries, split_after, writes, seed
):
    """Whatever fails and however tasks interleave: nothing is lost, and a key's records are never overtaken."""
    names = {b"%03d" % at: key for at, (key, _) in enumerate(records)}
    bad = {b"%03d" % at for at, (_, is_bad) in enumerate(records) if is_bad}
    done = Counter()
    order = defaultdict(list)
    answers, shuffle = iter(writes), random.Random(seed)

    def rule(batch):
        outcome = (reporting if reports else poison)(*bad)(batch)
        taken = len(batch) if isinstance(outcome, Succeeded) else outcome.at
        for record in batch[:taken]:
            done[record.data] += 1
            order[record.partition_key].append(record.data)
        return outcome

    world = World(
        rule,
        write=lambda _: next(answers, True),
        batch_size=batch_size,
        parallelization=parallelization,
        bisect=bisect,
        max_retries=retries,
        destination=BUCKET,
    )
    for at, (key, _) in enumerate(records):
        if at == split_after:
            resharding.split(world.stream, world.stream.open_shards[0], 2**127, now=world.now)
        world.put(b"%03d" % at, key)
    for _ in range(20):
        world.run(60, order=lambda tasks: shuffle.sample(tasks, len(tasks)))
    assert world.mapping.idle(world.now)

    given_up = [record.data for discarded in world.written for record in discarded.records]
    assert len(given_up) == len(set(given_up))
    assert set(done) | set(given_up) == set(names)
    assert not set(done) & set(given_up)
    assert set(done.values()) <= {1}
    assert bad <= set(given_up)
    if bisect:
        assert set(given_up) == bad
    for found in order.values():
        assert found == sorted(found)
