"""One lane by itself: what counts as empty, and when it may next have something to say."""

from infra.local.awslambda.documents import Origin
from infra.local.awslambda.lane import Discard, Failed, Invoke, Lane, NotInvoked, Succeeded
from infra.local.awslambda.settings import Backoff, MappingSettings
from infra.local.kinesis.shards import Record

ORIGIN = Origin(stream_arn="arn:stream", shard_id="shardId-000000000000", region="eu-central-1", role_arn="arn:role")


def settings(**changes: object) -> MappingSettings:
    known = {"uuid": "u", "function_arn": "arn:function", "stream_arn": "arn:stream", "starting_position": "LATEST"}
    return MappingSettings(**{**known, **changes})  # type: ignore[arg-type]


class Subject:
    """A lane, and the records that it is done with."""

    def __init__(self) -> None:
        self.done: list[tuple[list[int], bool]] = []
        self.lane = Lane(
            origin=ORIGIN,
            overhead=400,
            backoff=Backoff(),
            new_id=lambda: "made up",
            done=lambda records, ok: self.done.append(([one.sequence for one in records], ok)),
        )

    def push(self, *sequences: int, now: float = 0.0) -> None:
        for sequence in sequences:
            self.lane.push(Record(sequence, 0.0, "key", b"data"), now)

    def is_empty(self) -> bool:
        return self.lane.empty

    def due(self, now: float, *, hurry: bool = False, expire_after: float = 1e9, **changes: object) -> object:
        return self.lane.due(settings(**changes), now=now, expire_after=expire_after, hurry=hurry)


def test_a_lane_is_empty_only_when_nothing_is_queued_in_work_or_under_way() -> None:
    one = Subject()
    assert one.is_empty()
    one.push(1)
    assert not one.is_empty()
    assert isinstance(one.due(0.0), Invoke)
    assert not one.is_empty()  # the queue is, the batch is under way
    one.lane.finished(Failed(request_id="r", error="Unhandled"), settings(), now=0.0)
    assert not one.is_empty()  # it waits for its next attempt
    assert isinstance(one.due(0.5), Invoke)
    one.lane.finished(Succeeded(), settings(), now=0.5)
    assert one.is_empty()
    assert one.done == [([1], True)]


def test_a_lane_that_writes_down_what_it_gave_up_on_is_not_empty() -> None:
    one, last = Subject(), settings(max_retries=0, destination="arn:queue")
    one.push(1)
    one.due(0.0)
    assert isinstance(one.lane.finished(Failed(request_id="r", error="E"), last, now=0.0), Discard)
    assert not one.is_empty()
    one.lane.written(False, now=0.0)
    assert not one.is_empty()
    assert one.lane.next_due(last) == 0.5
    assert isinstance(one.due(0.5), Discard)
    one.lane.written(True, now=0.5)
    assert one.is_empty()
    assert one.done == [([1], False)]


def test_nothing_is_due_while_the_function_works_and_nothing_can_be_said_until_it_answers() -> None:
    one = Subject()
    assert one.lane.next_due(settings()) is None
    one.push(1, now=3.0)
    assert one.lane.next_due(settings(window_seconds=4)) == 7.0
    assert isinstance(one.due(3.0), Invoke)
    one.push(2, now=3.0)
    assert one.lane.next_due(settings()) is None
    assert one.due(99.0) is None
    one.lane.finished(NotInvoked(), settings(), now=3.0)
    assert one.lane.next_due(settings()) == 3.5
    assert one.due(3.4) is None
    again = one.due(3.5)
    assert isinstance(again, Invoke)
    assert again.attempt == 1


def test_a_window_begins_with_the_first_record_and_anew_with_each_batch() -> None:
    one = Subject()
    one.push(1, now=10.0)
    one.push(2, now=12.0)
    assert one.due(13.9, window_seconds=4, batch_size=9) is None
    first = one.due(14.0, window_seconds=4, batch_size=1)
    assert isinstance(first, Invoke)
    assert [record.sequence for record in first.records] == [1]
    one.lane.finished(Succeeded(), settings(), now=14.0)
    assert one.lane.next_due(settings(window_seconds=4)) == 18.0
    assert one.due(17.9, window_seconds=4, batch_size=9) is None
    assert isinstance(one.due(18.0, window_seconds=4, batch_size=9), Invoke)


def test_what_is_left_of_an_expired_batch_goes_on_with_its_attempts_counted_anew() -> None:
    one = Subject()
    one.lane.push(Record(1, 0.0, "key", b"old"), 0.0)
    one.lane.push(Record(2, 50.0, "key", b"young"), 50.0)
    assert one.due(60.0, expire_after=60.0) is None
    assert one.done == [([1], False)]
    left = one.due(60.0, expire_after=60.0)
    assert isinstance(left, Invoke)
    assert ([record.sequence for record in left.records], left.attempt) == ([2], 1)
