"""The runtime's state in words, from a mapping and a delivery stream that are driven by hand."""

from infra.local.awslambda.lane import Failed, NotInvoked, Succeeded
from infra.local.kinesis.resharding import split
from infra.local.status_lines import done, in_flight, status_lines, troubles
from tests.fakes.driven_mapping import Driven, failing


def test_a_runtime_with_nothing_to_do_says_so() -> None:
    driven = Driven()
    driven.core.step(0.0)
    state = driven.state(0.0)
    assert status_lines(state) == [
        "moderate on content (enabled): 0 records done in 0 invocations",
        "  shardId-000000000000  nothing to do",
        "delivery streams",
        "  verdicts  10 records landed in 2 objects; nothing buffered",
    ]
    assert troubles(state) == []


def test_shards_with_nothing_to_do_share_a_line_behind_those_that_have() -> None:
    driven = Driven(shards=16, window_seconds=20)
    driven.core.step(0.0)
    assert status_lines(driven.state(0.0))[1] == "  16 shards  nothing to do"
    driven.put(1, 1.0)
    driven.core.step(1.0)
    busy, others, *_ = status_lines(driven.state(1.0))[1:]
    assert busy.startswith("  shardId-0000000000")
    assert "1 record at hand" in busy
    assert others == "  15 shards             nothing to do"


def test_a_disk_that_takes_no_more_comes_before_what_fails_for_it() -> None:
    driven = Driven()
    driven.put(1, 0.0)
    driven.run(failing, 1.0)
    found = troubles({**driven.state(1.0), "failure": "/data takes no more; make room"})
    assert found[0] == "/data takes no more; make room"
    assert len(found) == 2


def test_a_failing_batch_is_named_with_its_attempts_its_error_and_when_it_is_tried_again() -> None:
    driven = Driven(max_retries=8)
    driven.put(3, 0.0)
    driven.run(failing, 1.0)
    driven.run(failing, 1.5)
    [trouble] = troubles(driven.state(1.5))
    assert trouble == (
        "moderate on content, shardId-000000000000: 3 records, attempt 2 of 9 failed (KeyError), tried again in 1.0 s"
    )


def test_a_batch_that_is_retried_for_ever_has_no_number_of_attempts() -> None:
    driven = Driven()
    driven.put(1, 0.0)
    driven.run(failing, 1.0)
    assert "attempt 1 failed (KeyError)" in troubles(driven.state(1.0))[0]


def test_records_that_the_function_reports_stay_and_are_named() -> None:
    driven = Driven(report_failures=True)
    driven.put(5, 0.0)
    driven.run(lambda _: Failed(request_id="r", at=2), 1.0)
    state = driven.state(1.0)
    assert done(state) == 2
    assert "3 records, failed (reported as failed), tried again in 0.5 s" in troubles(state)[0]
    assert in_flight(state) == "3 records with consumers, 0 in buffers"


def test_a_function_that_cannot_be_invoked_is_a_trouble_and_no_attempt() -> None:
    driven = Driven(max_retries=2)
    driven.put(1, 0.0)
    driven.run(lambda _: NotInvoked(), 1.0)
    assert "1 record, failed (could not be invoked)" in troubles(driven.state(1.0))[0]


def test_a_batch_that_waits_for_its_window_says_for_how_long() -> None:
    driven = Driven(window_seconds=20)
    driven.put(4, 0.0)
    driven.run(lambda _: Succeeded(), 1.0)
    lines = status_lines(driven.state(6.0))
    assert lines[1].endswith("4 records at hand; the oldest 6 s old; the batch goes out in 15 s")


def test_the_child_of_a_split_waits_until_its_parent_is_read() -> None:
    driven = Driven(max_retries=5)
    driven.put(2, 0.0)
    driven.run(failing, 1.0)
    split(driven.stream, driven.stream.shards["shardId-000000000000"], 2**126, now=2.0)
    driven.core.step(2.0)
    assert "waits until shardId-000000000000 is read to its end" in status_lines(driven.state(2.0))[2]


def test_a_buffer_says_what_it_waits_for() -> None:
    state = Driven().state(0.0, buffered_records=1200, buffered_bytes=3 << 20, oldest_age_seconds=45.0)
    assert status_lines(state)[-1].endswith("1,200 records buffered, 3.0 of 64 MiB, written in 255 s or when full")


def test_objects_that_cannot_be_written_are_a_trouble() -> None:
    failing = {"last_write_failure": "ApiError", "tried_again_in_seconds": 4.0, "objects_waiting": 3}
    state = Driven().state(0.0, **failing)
    assert troubles(state) == ["verdicts: objects cannot be written (ApiError); tried again in 4 s"]
    assert "3 objects to be written" in in_flight(state)


def test_the_name_of_an_error_acts_on_no_terminal() -> None:
    driven = Driven()
    driven.put(1, 0.0)
    driven.run(lambda _: Failed(request_id="r", error="Unhandled", cause="\x1b[2J"), 1.0)
    assert "\x1b" not in troubles(driven.state(1.0))[0]


def test_an_alarm_that_went_off_is_named_with_its_reason_and_one_that_has_no_data_is_not() -> None:
    alarms = [
        {"name": "stack-SilentAlarm", "state": "ALARM", "reason": "Threshold Crossed: \x1b[31m", "since": 1.0},
        {"name": "stack-NewAlarm", "state": "INSUFFICIENT_DATA", "reason": "Unchecked", "since": 1.0},
    ]
    lines = status_lines({"mappings": {}, "delivery_streams": {}, "alarms": alarms})
    assert lines[0] == "alarms"
    assert [line for line in lines if "NewAlarm" in line] == []
    assert lines[1].startswith("  stack-SilentAlarm: Threshold Crossed")
    assert "\x1b" not in lines[1]


def test_an_alarm_says_what_it_means_when_its_template_does() -> None:
    alarm = {"name": "SilentAlarm", "description": "Nothing has come.", "state": "ALARM", "reason": "1", "since": 1.0}
    lines = status_lines({"mappings": {}, "delivery_streams": {}, "alarms": [alarm]})
    assert lines[1] == "  SilentAlarm: Nothing has come."
