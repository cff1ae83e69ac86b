"""Switching the event source mapping off and on, and what is said when it does not follow."""

from typing import Any

import pytest

from infra.operating.consuming import NotSwitchedError, Switched, switch

ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/content"


class Functions:
    """Lambda, with one mapping that takes its time to change."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked: list[bool] = []

    def get_event_source_mapping(self, *, UUID: str) -> dict[str, Any]:
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        return {"UUID": UUID, "State": state, "EventSourceArn": ARN}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> dict[str, Any]:
        self.asked.append(Enabled)
        return self.get_event_source_mapping(UUID=UUID)


class Streams:
    def describe_stream_summary(self, *, StreamARN: str) -> dict[str, Any]:
        assert StreamARN == ARN
        return {"StreamDescriptionSummary": {"RetentionPeriodHours": 168}}


def test_a_mapping_is_switched_off_and_waited_for() -> None:
    functions, waits, states = Functions("Enabled", "Disabling", "Disabling", "Disabled"), list[float](), list[str]()
    found = switch(functions, Streams(), "m", on=False, sleep=waits.append, on_wait=states.append)
    assert found == Switched("m", "Disabled", changed=True, kept_hours=168)
    assert functions.asked == [False]
    assert (len(waits), states) == (2, ["Disabling", "Disabling"])


@pytest.mark.parametrize(("on", "state"), [(True, "Enabled"), (False, "Disabled")])
def test_a_mapping_that_is_so_already_is_left_alone(on: bool, state: str) -> None:
    functions = Functions(state)
    assert not switch(functions, Streams(), "m", on=on, sleep=lambda _: None).changed
    assert functions.asked == []


def test_a_mapping_that_does_not_follow_is_named_with_its_state() -> None:
    functions = Functions("Disabled", "Enabling")
    with pytest.raises(NotSwitchedError, match="m is still Enabling after 5 seconds"):
        switch(functions, Streams(), "m", on=True, sleep=lambda _: None, wait_seconds=5)
