"""Tumbling windows: state from batch to batch, one last invocation, early ends, what fails."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from infra.local.awslambda.documents import event_json
from infra.local.awslambda.lane import Failed, Invoke, Outcome, Succeeded
from infra.local.awslambda.mapping import Task
from tests.unit.infra.local.awslambda.test_mapping import START, World

Rule = Callable[[dict[str, Any]], Outcome]


class Windowed(World):
    """A world whose function sees the whole event."""

    def __init__(self, rule: Rule, **options: Any) -> None:
        super().__init__(**options)
        self.by_event = rule
        self.events: list[dict[str, Any]] = []

    def do(self, task: Task) -> None:
        action = task.action
        if not isinstance(action, Invoke):
            super().do(task)
            return
        origin = self.mapping.readers[task.shard_id].origin
        self.events.append(json.loads(event_json(action.records, origin, action.beside)))
        follow_up = self.mapping.finished(task, self.by_event(self.events[-1]), self.now)
        if follow_up is not None:
            self.do(follow_up)


def count(event: dict[str, Any]) -> Succeeded:
    return Succeeded({"count": event["state"].get("count", 0) + len(event["Records"])})


def final(world: Windowed) -> list[dict[str, Any]]:
    return [event for event in world.events if event["isFinalInvokeForWindow"]]


def test_the_state_goes_on_from_batch_to_batch_and_the_last_invocation_gets_all_of_it() -> None:
    world = Windowed(count, batch_size=2, tumbling_seconds=60)
    for number in range(5):
        world.put(str(number).encode())
    world.run(10)
    assert [event["state"] for event in world.events] == [{}, {"count": 2}, {"count": 4}]
    assert final(world) == []
    world.run(60)
    [last] = final(world)
    assert (last["Records"], last["state"], last["isWindowTerminatedEarly"]) == ([], {"count": 5}, False)
    assert (last["shardId"], last["eventSourceARN"]) == ("shardId-000000000000", world.stream.arn)
    assert world.mapping.idle(world.now)


def test_a_batch_never_spans_two_windows_and_each_begins_with_an_empty_state() -> None:
    world = Windowed(count, batch_size=100, tumbling_seconds=60)
    world.now = START - START % 60 + 50
    world.put(b"a")
    world.put(b"b")
    world.now += 20
    world.put(b"c")
    world.run(120)
    seen = [(len(event["Records"]), event["isFinalInvokeForWindow"], event["state"]) for event in world.events]
    assert seen == [
        (2, False, {}),
        (0, True, {"count": 2}),
        (1, False, {}),
        (0, True, {"count": 1}),
    ]
    starts = [event["window"]["start"] for event in world.events]
    assert starts[0] == starts[1] < starts[2] == starts[3]
    assert world.events[0]["window"]["end"] == starts[2]


def test_an_empty_window_is_no_window() -> None:
    world = Windowed(count, tumbling_seconds=60)
    world.run(300)
    assert world.events == []


def test_a_failed_batch_is_tried_again_with_the_state_of_before() -> None:
    outcomes: Iterator[Outcome] = iter(
        [Succeeded({"count": 1}), Failed(request_id="r", error="Unhandled"), Succeeded({"count": 2})]
    )
    world = Windowed(lambda event: next(outcomes, Succeeded()), batch_size=1, tumbling_seconds=60)
    world.put(b"a")
    world.put(b"b")
    world.run(10)
    assert [event["state"] for event in world.events] == [{}, {"count": 1}, {"count": 1}]


def test_a_state_over_one_megabyte_ends_the_window_early() -> None:
    world = Windowed(lambda event: Succeeded({"all": "x" * (1 << 20)}), batch_size=1, tumbling_seconds=600)
    world.put(b"a")
    world.put(b"b")
    world.run(1)
    assert [event["isFinalInvokeForWindow"] for event in world.events] == [False, True, False, True]
    assert all(event["isWindowTerminatedEarly"] for event in final(world))


def test_a_last_invocation_that_fails_for_good_ends_the_window_and_the_next_begins() -> None:
    def rule(event: dict[str, Any]) -> Outcome:
        return Failed(request_id="r", error="Unhandled") if event["isFinalInvokeForWindow"] else count(event)

    world = Windowed(rule, tumbling_seconds=60, max_retries=2)
    world.put(b"a")
    world.run(200)
    assert len(final(world)) == 3
    world.put(b"b")
    world.run(1)
    assert (len(world.events[-1]["Records"]), world.events[-1]["state"]) == (1, {})


def test_a_drain_ends_windows_early() -> None:
    world = Windowed(count, tumbling_seconds=900)
    world.put(b"a")
    world.run(1)
    assert not world.mapping.idle(world.now)
    for task in world.mapping.step(world.now, hurry=True):
        world.do(task)
    [last] = final(world)
    assert (last["state"], last["isWindowTerminatedEarly"]) == ({"count": 1}, True)
    assert world.mapping.idle(world.now)
