"""What lets a new version pass, and what refuses it."""

import msgspec
import pytest

from consumers.gate import Failure, Limits, Rehearsed, answer_in, judge, report_in
from consumers.golden import golden_records
from consumers.rehearsal import is_rehearsal

OLD = Rehearsed("default@1", False, {str(n): ["allow", "", "d"] for n in range(1_000)}, 100.0, 100.0)
ONE = {**OLD.verdicts, "7": ["flag", "spam", "e"]}


def refusals(limits: Limits | None = None, **new: object) -> list[str]:
    return judge(OLD, msgspec.structs.replace(OLD, **new), limits or Limits()).refusals


def test_the_same_passes() -> None:
    assert refusals() == []


def test_one_verdict_in_a_thousand_is_refused_under_the_same_policy() -> None:
    [why] = refusals(verdicts=ONE)
    assert "1 of 1000 verdicts differ" in why


def test_another_policy_may_change_as_many_as_are_allowed_and_no_more() -> None:
    assert refusals(verdicts=ONE, policy="default@2") == []
    [why] = refusals(Limits(changed_percent=0), verdicts=ONE, policy="default@2")
    assert "under another policy; at most 0 %" in why


def test_what_was_changed_is_said() -> None:
    notes = judge(OLD, msgspec.structs.replace(OLD, verdicts=ONE, policy="default@2"), Limits()).notes
    assert {"policy default@1 -> default@2", "1 from allow to flag spam", "the first records: 7"} <= set(notes)


@pytest.mark.parametrize(("milliseconds", "passes"), [(200.0, True), (201.0, False), (300.0, False)])
def test_a_version_may_take_twice_the_time(milliseconds: float, passes: bool) -> None:
    assert (refusals(milliseconds=milliseconds) == []) == passes


def test_a_version_that_needs_more_memory_refuses_the_policy_or_fails_is_refused() -> None:
    assert refusals(megabytes=151.0)
    assert refusals(refused=True)
    assert any("make it fail" in one for one in refusals(verdicts={**ONE, "7": ["quarantine", "poison", "KeyError"]}))


def test_a_record_without_a_verdict_is_a_failure() -> None:
    answer = {"rehearsal": {"policy": "p", "refused": False, "verdicts": {"1.0": ["allow", "", ""]}}}
    assert answer_in(answer, ["1"])[2].keys() == {"1.0"}
    with pytest.raises(Failure, match="1 of 2 records"):
        answer_in(answer, ["1", "2"])
    with pytest.raises(Failure, match="none to a rehearsal"):
        answer_in({"batchItemFailures": []}, ["1"])


def test_lambdas_report_is_read_in_both_formats() -> None:
    line = '{"type":"platform.report","record":{"metrics":{"durationMs":12.5,"maxMemoryUsedMB":90}}}'
    assert report_in(f"noise\n{line}\n").milliseconds == 12.5
    with pytest.raises(Failure):
        report_in("START\nEND\n")


def test_the_golden_batch_is_as_it_was_made() -> None:
    records = golden_records()
    assert len(records) == 4_000
    assert len({one["kinesis"]["sequenceNumber"] for one in records}) == 4_000


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"rehearsal": {}, "Records": []}, [], None])
def test_what_a_mapping_sends_is_no_rehearsal(event: object) -> None:
    assert not is_rehearsal(event)
