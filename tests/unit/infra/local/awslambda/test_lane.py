"""One lane by itself: what counts as empty, and when it may next have something to say."""

from infra.local.awslambda.documents import Origin
from infra.local.awslambda.lane import Discard, Failed, Invoke, Lane, NotInvoked, Outcome, Succeeded
from infra.local.awslambda.settings import Backoff, MappingSettings
from infra.local.kinesis.records import Record

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


def sequences(invoke: object) -> list[int]:
    assert isinstance(invoke, Invoke)
    return [record.sequence for record in invoke.records]


def test_a_tumbling_window_that_hurries_is_ended_early_and_takes_nothing_more() -> None:
    one = Subject()
    one.lane.push(Record(1, 3.0, "key", b"a"), 3.0)
    first = one.due(3.0, tumbling_seconds=10)
    assert sequences(first) == [1]
    one.lane.finished(Succeeded({"count": 1}), settings(), now=3.0)
    assert one.due(4.0, tumbling_seconds=10) is None
    last = one.due(4.0, hurry=True, tumbling_seconds=10)
    assert isinstance(last, Invoke)
    assert (last.records, last.beside) == ([], last.beside)
    assert last.beside is not None
    assert (last.beside["isFinalInvokeForWindow"], last.beside["isWindowTerminatedEarly"]) == (True, True)
    assert last.beside["state"] == {"count": 1}
    # What arrives for the same time now belongs to a window of its own.
    one.lane.push(Record(2, 5.0, "key", b"b"), 5.0)
    one.lane.finished(Succeeded(), settings(), now=5.0)
    again = one.due(5.0, tumbling_seconds=10)
    assert sequences(again) == [2]
    assert isinstance(again, Invoke)
    assert again.beside is not None
    assert (again.beside["state"], again.beside["isWindowTerminatedEarly"]) == ({}, False)


def test_a_tumbling_window_ends_at_its_end_once_nothing_that_arrived_is_unread() -> None:
    one = Subject()
    one.lane.push(Record(1, 3.0, "key", b"a"), 3.0)
    one.due(3.0, tumbling_seconds=10)
    one.lane.finished(Succeeded(), settings(), now=3.0)
    assert one.lane.next_due(settings(tumbling_seconds=10)) == 10.0
    known = settings(tumbling_seconds=10)
    assert one.lane.due(known, now=9.9, expire_after=1e9, hurry=False) is None
    assert one.lane.due(known, now=10.0, expire_after=1e9, hurry=False, at_tip=False) is None
    assert sequences(one.lane.due(known, now=10.0, expire_after=1e9, hurry=False)) == []


def test_a_final_call_of_a_window_that_fails_too_often_or_too_long_lets_the_window_go() -> None:
    for changes, expire_after, later in (({"max_retries": 0}, 1e9, 10.0), ({}, 5.0, 15.0)):
        one = Subject()
        one.lane.push(Record(1, 3.0, "key", b"a"), 3.0)
        one.due(3.0, tumbling_seconds=10)
        one.lane.finished(Succeeded(), settings(), now=3.0)
        known = settings(tumbling_seconds=10, **changes)
        assert sequences(one.lane.due(known, now=10.0, expire_after=expire_after, hurry=False)) == []
        one.lane.finished(Failed(request_id="r", error="E"), known, now=10.0)
        assert one.lane.due(known, now=later, expire_after=expire_after, hurry=False) is None
        assert one.is_empty()


def test_a_destination_that_cannot_be_written_is_tried_again_after_waits_that_grow_and_start_anew() -> None:
    one, last = Subject(), settings(max_retries=0, destination="arn:queue")
    one.push(1, 2)
    for sequence in (1, 2):
        now = one.lane.not_before
        assert sequences(one.due(now, batch_size=1)) == [sequence]
        one.lane.finished(Failed(request_id="r", error="E"), last, now=now)
        waits = []
        for _ in range(3):
            one.lane.written(False, now=now)
            waits.append(one.lane.not_before - now)
            now = one.lane.not_before
            assert isinstance(one.due(now), Discard)
        assert waits == [Backoff().seconds(failures) for failures in (1, 2, 3)]
        one.lane.written(True, now=now)
        assert one.lane.not_before == 0.0
    assert one.done == [([1], False), ([2], False)]


def test_what_is_written_down_says_how_often_it_was_tried_and_by_which_call() -> None:
    one, last = Subject(), settings(max_retries=1, destination="arn:queue")
    one.push(1)
    one.due(0.0)
    assert one.lane.finished(Failed(request_id="first", error="Unhandled"), last, now=0.0) is None
    one.due(0.5)
    discard = one.lane.finished(Failed(request_id="second", error="Unhandled"), last, now=1.0)
    assert isinstance(discard, Discard)
    said = discard.discarded
    assert (said.condition, said.invoke_count, said.request_id) == ("RetryAttemptsExhausted", 2, "second")
    assert (said.function_error, said.at, len(said.records)) == ("Unhandled", 1.0, 1)


def test_what_expired_before_any_call_is_written_down_with_an_id_made_up_for_it() -> None:
    one = Subject()
    one.push(1)
    discard = one.due(60.0, expire_after=60.0, destination="arn:queue")
    assert isinstance(discard, Discard)
    said = discard.discarded
    assert (said.condition, said.invoke_count, said.request_id, said.function_error) == (
        "RecordAgeExceeded",
        1,
        "made up",
        None,
    )


def test_what_is_left_of_a_batch_that_was_taken_in_part_waits_and_counts_its_attempts_anew() -> None:
    one = Subject()
    one.push(1, 2, 3)
    for _ in range(2):
        now = one.lane.not_before
        assert sequences(one.due(now)) == [1, 2, 3]
        one.lane.finished(Failed(request_id="r", error="E"), settings(), now=now)
    now = one.lane.not_before
    assert isinstance(one.due(now), Invoke)
    one.lane.finished(Failed(request_id="r", at=2), settings(), now=now)
    assert one.done == [([1, 2], True)]
    assert one.lane.not_before == one.lane.next_due(settings()) == now + Backoff().seconds(1)
    left = one.due(one.lane.not_before)
    assert isinstance(left, Invoke)
    assert (sequences(left), left.attempt) == ([3], 1)


def test_halves_of_a_batch_wait_as_after_a_first_failure_however_often_it_had_failed() -> None:
    one, halving = Subject(), settings(bisect=True)
    one.push(1, 2, 3)
    now = 0.0
    for tried in ([1, 2, 3], [1]):
        assert sequences(one.due(now)) == tried
        one.lane.finished(Failed(request_id="r", error="E"), halving, now=now)
        assert one.lane.not_before == now + Backoff().seconds(1)
        now = one.lane.not_before
    assert one.done == []
    # one record is not halved: it is tried again, later each time
    assert isinstance(one.due(now), Invoke)
    one.lane.finished(Failed(request_id="r", error="E"), halving, now=now)
    assert one.lane.not_before == now + Backoff().seconds(2)


def test_a_batch_says_why_it_waits() -> None:
    said: dict[str, Outcome] = {
        "ValueError": Failed(request_id="r", error="Unhandled", cause="ValueError"),
        "Unhandled": Failed(request_id="r", error="Unhandled"),
        "reported as failed": Failed(request_id="r"),
        "could not be invoked": NotInvoked(),
    }
    for cause, outcome in said.items():
        for halving in (settings(), settings(bisect=True)):
            one = Subject()
            one.push(1, 2)
            one.due(0.0)
            one.lane.finished(outcome, halving, now=0.0)
            waiting = one.lane.batch()
            assert waiting is not None
            assert waiting.cause == cause
    one = Subject()
    one.push(1, 2)
    one.due(0.0)
    one.lane.finished(Failed(request_id="r", at=1), settings(), now=0.0)
    waiting = one.lane.batch()
    assert waiting is not None
    assert (waiting.cause, waiting.request_id) == ("reported as failed", "r")


def test_a_tumbling_window_ends_when_the_next_record_belongs_to_a_later_one() -> None:
    for arrived, belongs in ((9.9, True), (10.0, False), (12.0, False)):
        one = Subject()
        one.lane.push(Record(1, 3.0, "key", b"a"), 3.0)
        assert sequences(one.due(3.0, tumbling_seconds=10)) == [1]
        one.lane.finished(Succeeded({"count": 1}), settings(), now=3.0)
        one.lane.push(Record(2, arrived, "key", b"b"), arrived)
        following = one.due(arrived, tumbling_seconds=10)
        assert sequences(following) == ([2] if belongs else [])
        one.lane.finished(Succeeded(), settings(), now=arrived)
        if not belongs:
            assert sequences(one.due(arrived, tumbling_seconds=10)) == [2]
