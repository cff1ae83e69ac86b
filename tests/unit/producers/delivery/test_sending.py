"""Delivery on a virtual clock: every record is accounted for, and only what failed is sent again."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.delivery.report import THROTTLED, DeliveryReport, DeliverySettings
from producers.delivery.sending import deliver, open_delivery
from producers.limits import MAX_RECORD_BYTES
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, StreamRefusedError
from tests.fakes.stream import THROTTLE, FakeStream, VirtualClock

ONE_AT_A_TIME = DeliverySettings(in_flight=1)


def records(count: int, size: int = 10) -> list[OutRecord]:
    return [OutRecord(f"e{number}", "key", bytes(size)) for number in range(count)]


def run(stream: FakeStream, count: int, *, settings: DeliverySettings = ONE_AT_A_TIME) -> DeliveryReport:
    clock = stream.clock or VirtualClock()
    return deliver(records(count), stream, clock=clock, settings=settings)


def test_everything_is_taken_at_once_when_nothing_fails() -> None:
    stream = FakeStream(clock=VirtualClock())
    report = run(stream, 1_200)
    assert [len(call) for call in stream.calls] == [500, 500, 200]
    assert report.accepted == 1_200
    assert report.accepted_ids == [one.event_id for one in stream.taken]
    assert (report.failed, report.resent, report.throttled, report.calls) == ([], 0, 0, 3)
    assert report.bytes_sent == 1_200 * 13
    assert report.latency(0.5) == pytest.approx(0.01)


def test_only_the_failed_positions_are_sent_again() -> None:
    stream = FakeStream()

    def every_third_throttled_once(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if call:
            return None
        return [THROTTLE if place % 3 == 0 else stream.take(one) for place, one in enumerate(batch)]

    stream.behaviour = every_third_throttled_once
    report = run(stream, 10)
    assert stream.calls[1] == ["e0", "e3", "e6", "e9"]
    assert sorted(report.accepted_ids) == sorted(one.event_id for one in records(10))
    assert len(stream.taken) == 10
    assert (report.throttled, report.resent) == (4, 4)


def test_a_record_counts_as_sent_only_with_its_own_sequence_number() -> None:
    stream = FakeStream()

    def short_and_empty_answers(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if call == 0:
            return [PutResult("1"), PutResult(""), PutResult(None)]
        if call == 1:
            return []
        return None

    stream.behaviour = short_and_empty_answers
    report = run(stream, 5)
    assert stream.calls == [["e0", "e1", "e2", "e3", "e4"], ["e1", "e2", "e3", "e4"], ["e1", "e2", "e3", "e4"]]
    assert report.accepted == 5


def test_waits_grow_exponentially_with_full_jitter_and_end_after_the_last_attempt() -> None:
    clock = VirtualClock(chance=0.5)
    stream = FakeStream(lambda call, batch: [THROTTLE] * len(batch), clock=clock)
    report = run(stream, 3, settings=DeliverySettings(in_flight=1, max_attempts=5, base_delay=0.1, max_delay=1.0))
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4, 0.5])
    assert len(stream.calls) == 5
    assert report.accepted == 0
    [group] = report.failed
    assert group.event_ids == ("e0", "e1", "e2")
    assert (group.reason, group.attempts) == (THROTTLED, 5)
    assert "add shards" in group.next_step


def test_attempts_start_again_when_something_got_through_but_time_is_bounded() -> None:
    # given a stream that takes one record a call
    clock = VirtualClock()
    stream = FakeStream(clock=clock)
    stream.behaviour = lambda call, batch: [stream.take(batch[0]), *[THROTTLE] * (len(batch) - 1)]
    # when there are more records than attempts
    report = run(stream, 40, settings=DeliverySettings(in_flight=1, max_attempts=3))
    # then all arrive, since each call brought something through
    assert report.accepted == 40
    # but not when it takes too long
    limited = run(FakeStream(stream.behaviour, clock=clock), 40, settings=DeliverySettings(in_flight=1, max_seconds=1))
    assert 0 < limited.accepted < 40
    assert limited.accepted + len(limited.failed_ids) == 40


@pytest.mark.parametrize("code", ["ReadTimeoutError", "InternalFailure", "ThrottlingException"])
def test_a_call_that_failed_whole_is_sent_again_whole(code: str) -> None:
    def fail_twice(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if call < 2:
            raise CallFailedError(code)
        return None

    stream = FakeStream(fail_twice)
    report = run(stream, 3)
    assert [len(call) for call in stream.calls] == [3, 3, 3]
    assert report.accepted == 3


def test_a_lost_answer_makes_a_second_copy_and_no_loss() -> None:
    stream = FakeStream()

    def taken_but_unanswered(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if call == 0:
            for one in batch:
                stream.take(one)
            raise CallFailedError("ReadTimeoutError")
        return None

    stream.behaviour = taken_but_unanswered
    report = run(stream, 3)
    assert sorted(report.accepted_ids) == ["e0", "e1", "e2"]
    assert len(stream.taken) == 6


def test_a_stream_that_refuses_stops_delivery_at_once_and_every_record_put_is_accounted_for() -> None:
    refusal = StreamRefusedError(stream="content", region="eu-west-1", code="AccessDeniedException", next_step="Ask.")

    def refuse(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if call == 1:
            raise refusal
        return None

    stream = FakeStream(refuse)
    delivery = open_delivery(stream, clock=VirtualClock(), settings=ONE_AT_A_TIME)
    put: list[OutRecord] = []

    def put_all() -> None:
        for one in records(5_000):
            put.append(one)
            delivery.put(one)

    with pytest.raises(StreamRefusedError, match=r"content in eu-west-1 .* AccessDeniedException. Ask."):
        put_all()
    report = delivery.close()
    assert len(stream.calls) == 2
    assert report.stopped is refusal
    assert report.accepted == 500
    assert report.accepted + len(report.failed_ids) == len(put)
    assert {group.reason for group in report.failed} == {"AccessDeniedException"}


def test_one_record_that_spoils_its_call_is_found_and_the_others_pass() -> None:
    def refuse_e7(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if any(one.event_id == "e7" for one in batch):
            raise CallRefusedError("ValidationException")
        return None

    stream = FakeStream(refuse_e7)
    report = run(stream, 100)
    assert report.failed_ids == ["e7"]
    assert report.failed[0].reason == "ValidationException"
    assert sorted(report.accepted_ids) == sorted(one.event_id for one in records(100) if one.event_id != "e7")


def test_a_record_too_large_for_any_call_fails_alone() -> None:
    stream = FakeStream()
    big = OutRecord("big", "key", bytes(MAX_RECORD_BYTES))
    report = deliver([*records(2), big], stream, clock=VirtualClock(), settings=ONE_AT_A_TIME)
    assert report.failed_ids == ["big"]
    assert report.failed[0].reason.startswith("unsendable")
    assert report.accepted == 2


def test_abandoning_ends_retries_and_reports_what_is_not_there() -> None:
    stream = FakeStream(lambda call, batch: [THROTTLE] * len(batch))
    delivery = open_delivery(stream, clock=VirtualClock(), settings=ONE_AT_A_TIME)
    for one in records(3):
        delivery.put(one)
    delivery.abandon()
    report = delivery.close()
    assert len(stream.calls) == 1
    assert sorted(report.failed_ids) == ["e0", "e1", "e2"]
    assert report.failed[0].reason == "interrupted"


def test_a_defect_in_the_adapter_surfaces_and_is_not_swallowed() -> None:
    def broken(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise ZeroDivisionError

    delivery = open_delivery(FakeStream(broken), clock=VirtualClock(), settings=ONE_AT_A_TIME)
    delivery.put(records(1)[0])
    with pytest.raises(ZeroDivisionError):
        delivery.close()
    assert delivery.report.failed_ids == ["e0"]


def test_no_more_calls_are_under_way_than_allowed_and_put_waits() -> None:
    # given a stream whose calls wait for a sign
    sign = threading.Event()
    entered = threading.Semaphore(0)
    busy = 0
    most = 0
    lock = threading.Lock()

    def slow(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        entered.release()
        sign.wait(600)
        with lock:
            busy -= 1
        return None

    stream = FakeStream(slow)
    delivery = open_delivery(stream, clock=VirtualClock(), settings=DeliverySettings(in_flight=3))
    # when another thread puts more than three batches
    writer = threading.Thread(target=lambda: [delivery.put(one) for one in records(3_001)])
    writer.start()
    for _ in range(3):
        assert entered.acquire(timeout=600)
    # then it waits until calls have ended
    assert writer.is_alive()
    sign.set()
    writer.join(600)
    assert delivery.close().accepted == 3_001
    assert most <= 3


def test_a_batch_that_is_not_full_is_sent_after_the_linger_time() -> None:
    arrived = threading.Event()

    def note(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        arrived.set()
        return None

    delivery = open_delivery(
        FakeStream(note), clock=VirtualClock(), settings=DeliverySettings(in_flight=1, linger=0.01)
    )
    delivery.put(records(1)[0])
    assert arrived.wait(600)
    assert delivery.close().accepted == 1


def test_the_callback_sees_each_accepted_record_with_its_place() -> None:
    places: dict[str, str | None] = {}
    report = deliver(
        records(700),
        FakeStream(),
        clock=VirtualClock(),
        settings=DeliverySettings(in_flight=2, keep_ids=False),
        on_accepted=lambda taken: places.update({one.event_id: result.sequence_number for one, result in taken}),
    )
    assert report.accepted == len(places) == 700
    assert report.accepted_ids == []


OUTCOMES = st.sampled_from(["taken", "throttled", "internal", "nothing"])


@given(
    st.lists(st.one_of(st.lists(OUTCOMES, max_size=12), st.sampled_from(["lost", "failed", "refused"])), max_size=12),
    st.integers(0, 12),
)
def test_whatever_happens_each_record_is_accepted_or_failed_once_and_accepted_means_taken(
    script: list[list[str] | str], count: int
) -> None:
    stream = FakeStream()

    def behave(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        step = script[call] if call < len(script) else []
        if step == "failed":
            raise CallFailedError("InternalFailure")
        if step == "refused":
            raise CallRefusedError("ValidationException")
        if step == "lost":
            for one in batch:
                stream.take(one)
            raise CallFailedError("ReadTimeoutError")
        answers = []
        for place, one in enumerate(batch):
            outcome = step[place] if place < len(step) else "taken"
            if outcome == "taken":
                answers.append(stream.take(one))
            elif outcome == "nothing":
                return answers
            else:
                answers.append(THROTTLE if outcome == "throttled" else PutResult(None, None, "InternalFailure"))
        return answers

    stream.behaviour = behave
    report = run(stream, count)
    everyone = sorted(one.event_id for one in records(count))
    assert sorted(report.accepted_ids + report.failed_ids) == everyone
    assert {one.event_id for one in stream.taken} >= set(report.accepted_ids)
    lost = sum(step == "lost" for step in script)
    assert len(stream.taken) <= len(report.accepted_ids) + lost * count


def test_a_defect_is_raised_by_the_next_put_too_so_that_no_more_is_read_for_nothing() -> None:
    def broken(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise ZeroDivisionError

    delivery = open_delivery(FakeStream(broken), clock=VirtualClock(), settings=ONE_AT_A_TIME)
    delivery.put(records(1)[0])
    delivery.flush()
    with pytest.raises(ZeroDivisionError):
        delivery.put(records(2)[1])
    with pytest.raises(ZeroDivisionError):
        delivery.close()
    assert sorted(delivery.report.failed_ids) == ["e0", "e1"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([], "no answer for the record"),
        ([PutResult(None)], "no sequence number"),
        ([PutResult(None, None, "InternalFailure")], "InternalFailure"),
        ([THROTTLE], "ProvisionedThroughputExceededException"),
    ],
)
def test_a_record_that_is_never_taken_is_reported_with_the_reason_of_its_last_answer(
    answer: list[PutResult], reason: str
) -> None:
    report = run(FakeStream(lambda call, batch: answer), 1, settings=DeliverySettings(in_flight=1, max_attempts=2))
    assert (report.failed_ids, [one.reason for one in report.failed]) == (["e0"], [reason])


def test_a_call_that_failed_whole_for_good_is_the_reason_of_each_of_its_records() -> None:
    def away(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise CallFailedError("ServiceUnavailable")

    report = run(FakeStream(away), 3, settings=DeliverySettings(in_flight=1, max_attempts=2))
    assert {one.reason for one in report.failed} == {"ServiceUnavailable"}
    assert sorted(report.failed_ids) == ["e0", "e1", "e2"]
