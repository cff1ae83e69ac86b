"""Filter patterns: each comparison as documented, and what happens to the records that do not pass."""

import json
from typing import Any

import pytest

from infra.local.awslambda.filters import PatternError, compile_filters, filtered_message, filtered_record
from infra.local.awslambda.lane import Succeeded
from tests.unit.infra.local.awslambda.test_mapping import World

SEEN = {"city": "Los Angeles", "degrees": 31, "tags": ["a", "b"], "none": None, "empty": "", "on": True, "at": {"x": 1}}


def passes(pattern: Any, found: Any = None) -> bool:
    test = compile_filters([json.dumps({"data": pattern})])
    assert test is not None
    return test({"data": SEEN if found is None else found})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"city": ["Los Angeles"]}, True),
        ({"city": ["los angeles"]}, False),
        ({"city": ["Rome", "Los Angeles"]}, True),
        ({"city": ["Los Angeles"], "degrees": [30]}, False),
        ({"degrees": [31]}, True),
        ({"degrees": ["31"]}, False),
        ({"on": [True]}, True),
        ({"on": [1]}, False),
        ({"degrees": [True]}, False),
        ({"none": [None]}, True),
        ({"empty": [""]}, True),
        ({"missing": [None]}, False),
        ({"tags": ["b"]}, True),
        ({"at": {"x": [1]}}, True),
        ({"at": {"x": [2]}}, False),
        ({"city": {"x": [1]}}, False),
        ({"city": [{"prefix": "Los"}]}, True),
        ({"city": [{"suffix": "les"}]}, True),
        ({"city": [{"prefix": "los"}]}, False),
        ({"city": [{"prefix": {"equals-ignore-case": "los"}}]}, True),
        ({"city": [{"equals-ignore-case": "LOS ANGELES"}]}, True),
        ({"degrees": [{"prefix": "3"}]}, False),
        ({"degrees": [{"numeric": [">", 30]}]}, True),
        ({"degrees": [{"numeric": [">", 0, "<=", 30]}]}, False),
        ({"degrees": [{"numeric": ["=", 31.0]}]}, True),
        ({"on": [{"numeric": [">", 0]}]}, False),
        ({"city": [{"exists": True}]}, True),
        ({"missing": [{"exists": True}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"at": {"y": [{"exists": False}]}}, True),
        ({"city": [{"anything-but": ["Rome", "Paris"]}]}, True),
        ({"city": [{"anything-but": "Los Angeles"}]}, False),
        ({"city": [{"anything-but": {"prefix": "Los"}}]}, False),
        ({"missing": [{"anything-but": ["x"]}]}, False),
        ({"$or": [{"city": ["Rome"]}, {"degrees": [31]}]}, True),
        ({"$or": [{"city": ["Rome"]}, {"degrees": [30]}]}, False),
        ({"tags": ["a"], "$or": [{"city": ["Rome"]}, {"degrees": [31]}]}, True),
    ],
)
def test_a_pattern_passes_what_the_documentation_says(pattern: Any, expected: bool) -> None:
    assert passes(pattern) is expected


def test_of_several_filters_one_is_enough_and_metadata_are_beside_the_data() -> None:
    test = compile_filters(['{"data": {"a": [1]}}', '{"partitionKey": ["k"]}'])
    assert test is not None
    assert test({"partitionKey": "k", "data": {"a": 2}})
    assert test({"partitionKey": "x", "data": {"a": 1}})
    assert not test({"partitionKey": "x", "data": {"a": 2}})


def test_data_that_is_not_json_passes_no_pattern_for_data_and_every_other() -> None:
    found = filtered_record({"partitionKey": "k"}, b"\xff no JSON")
    for pattern, expected in (('{"data": {"a": [1]}}', False), ('{"partitionKey": ["k"]}', True)):
        test = compile_filters([pattern])
        assert test is not None
        assert test(found) is expected
    assert filtered_message({}, "plain")["body"] == "plain"
    assert filtered_message({}, '{"a": 1}')["body"] == {"a": 1}


@pytest.mark.parametrize(
    "pattern",
    [
        "no JSON",
        "[]",
        "{}",
        '{"data": "text"}',
        '{"data": {"a": "b"}}',
        '{"data": {"a": []}}',
        '{"data": {"a": [["b"]]}}',
        '{"data": {"a": [{"like": "b"}]}}',
        '{"data": {"a": [{"prefix": 1}]}}',
        '{"data": {"a": [{"prefix": "b", "suffix": "c"}]}}',
        '{"data": {"a": [{"numeric": [">"]}]}}',
        '{"data": {"a": [{"numeric": ["near", 3]}]}}',
        '{"data": {"a": [{"exists": 1}]}}',
        '{"data": {"$or": [{"a": [1]}]}}',
        '{"data": {"a": ["' + "x" * 5000 + '"]}}',
    ],
)
def test_a_pattern_that_lambda_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_filters([pattern])


def test_records_that_do_not_pass_count_as_processed_and_hold_nothing_up() -> None:
    world = World(batch_size=2, filters=('{"data": {"keep": [true]}}',))
    for number in range(6):
        world.put(json.dumps({"keep": number % 3 == 0, "n": number}).encode())
    world.put(b"no JSON at all")
    world.run(1)
    assert [[json.loads(data)["n"] for data in batch] for _, _, batch in world.batches] == [[0, 3]]
    [reader] = world.mapping.readers.values()
    assert (reader.undone, reader.checkpoint) == (0, reader.position)
    assert (world.mapping.counters.succeeded, world.mapping.counters.filtered) == (2, 5)
    assert world.mapping.idle(world.now)


def test_the_checkpoint_does_not_pass_a_record_that_is_in_work() -> None:
    outcomes: list[Any] = []
    world = World(lambda batch: outcomes.append(batch) or Succeeded(), filters=('{"data": {"keep": [true]}}',))
    first = world.put(b'{"keep": true}')
    world.put(b'{"keep": false}')
    [task] = world.mapping.step(world.now)
    [reader] = world.mapping.readers.values()
    assert reader.checkpoint < first.sequence
    world.do(task)
    assert reader.checkpoint == reader.position
