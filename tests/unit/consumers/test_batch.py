"""Lambda's event in, Lambda's answer out."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.batch import Batch, MalformedEventError, Record, answer, check_answer, read_batch, read_transform_batch
from tests.fakes.firehose_events import transform_event
from tests.fakes.kinesis_events import aggregate, kinesis_event, payload

SAMPLE = json.loads((Path(__file__).parents[2] / "events" / "kinesis.json").read_text("utf-8"))


def test_the_sample_event_is_read_with_its_coordinates_and_times() -> None:
    batch = read_batch(SAMPLE)
    first = batch.records[0]
    assert first.payload.startswith(b'{"schema_version":1')
    assert first.arrived_at == datetime(2026, 11, 20, 11, 0, 0, 987_000, tzinfo=UTC)
    assert first.arrived == "2026-11-20 11:00:00.987000"
    assert first.shard_id == "shardId-000000000006"
    assert first.partition_key == "comment-1"
    assert batch.ids == [entry["kinesis"]["sequenceNumber"] for entry in SAMPLE["Records"]]


def test_an_aggregate_gives_all_its_records_with_their_places() -> None:
    inside = [payload(number, "text") for number in range(3)]
    batch = read_batch(kinesis_event([b"plain", aggregate(inside), b"last"]))
    assert [(one.position, one.sub_sequence_number) for one in batch.records] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (1, 2),
        (2, 0),
    ]
    assert [one.payload for one in batch.records[1:4]] == inside
    assert {one.partition_key for one in batch.records[1:4]} == {"key"}
    assert len(batch.ids) == 3


def test_a_damaged_aggregate_is_refused_whole() -> None:
    container = aggregate([b"one", b"two"])
    batch = read_batch(kinesis_event([container[:-1] + b"?", b"next"]))
    assert [one.payload for one in batch.records] == [b"next"]
    [(record, why)] = batch.refused
    assert (record.position, record.payload, why.reason) == (0, container[:-1] + b"?", "aggregate_corrupt")


@pytest.mark.parametrize("event", [{"Records": []}])
def test_no_records_are_no_trouble(event: object) -> None:
    assert read_batch(event).ids == []


@pytest.mark.parametrize(
    "event",
    [None, [], "x", {}, {"Records": None}, {"Records": "x"}, {"records": []}, {"Records": [None]}, {"Records": [{}]}],
    ids=repr,
)
def test_what_is_no_event_is_a_typed_error(event: object) -> None:
    with pytest.raises(MalformedEventError, match="allowed: "):
        read_batch(event)


@pytest.mark.parametrize(("event", "said"), [({}, "received an object"), ([], "received list"), ("x", "received str")])
def test_what_is_no_event_is_called_by_its_kind(event: object, said: str) -> None:
    for read in (read_batch, read_transform_batch):
        with pytest.raises(MalformedEventError, match=said):
            read(event)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eventSource", "aws:sqs"),
        ("eventSource", None),
        ("kinesis", {}),
        ("kinesis.data", "not base64 secret!"),
        ("kinesis.data", 5),
        ("kinesis.sequenceNumber", None),
        ("kinesis.approximateArrivalTimestamp", "yesterday"),
        ("kinesis.approximateArrivalTimestamp", 1e300),
        ("kinesis.approximateArrivalTimestamp", float("nan")),
        ("kinesis.data", "né secret"),
        ("kinesis.sequenceNumber", ["1"]),
        ("kinesis.sequenceNumber", ""),
        ("kinesis.sequenceNumber", "1e5"),
        ("kinesis.sequenceNumber", "²"),
        ("kinesis.sequenceNumber", "٣"),
        ("kinesis.partitionKey", 5),
        ("kinesis.partitionKey", None),
        ("eventID", None),
        ("eventID", ["shardId-000000000000:1"]),
    ],
)
def test_a_record_of_another_shape_is_a_typed_error_without_content(field: str, value: object) -> None:
    event = copy.deepcopy(SAMPLE)
    place, _, name = field.rpartition(".")
    (event["Records"][1][place] if place else event["Records"][1])[name] = value
    with pytest.raises(MalformedEventError, match=r"record 1 .*allowed: ") as caught:
        read_batch(event)
    assert "secret" not in str(caught.value)


TRANSFORM = json.loads(json.dumps(transform_event([b"one", b"two"])))
_PLACE = {"shardId": "s", "sequenceNumber": "1", "subsequenceNumber": "0", "partitionKey": "k"}
FROM_A_STREAM = {**TRANSFORM, "records": [{**one, "kinesisRecordMetadata": _PLACE} for one in TRANSFORM["records"]]}
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in pairs for found in places(inner, (*path, key)))]


DOORS = [(read_batch, SAMPLE), (read_transform_batch, TRANSFORM), (read_transform_batch, FROM_A_STREAM)]


@given(st.data(), st.sampled_from(DOORS))
def test_anything_in_any_place_of_an_event_is_read_or_a_typed_error(data: st.DataObject, door: Any) -> None:
    read, sample = door
    path = data.draw(st.sampled_from(places(sample)))
    event = {"": copy.deepcopy(sample)}
    inside: Any = event
    for step in ("", *path)[:-1]:
        inside = inside[step]
    inside[("", *path)[-1]] = data.draw(ANYTHING)
    said = ""
    batch = Batch([], [], [])
    try:
        batch = read(event[""])
    except MalformedEventError as error:
        said = str(error)
    assert not said or "allowed: " in said
    assert all(isinstance(one, str) for one in batch.ids)
    assert len(answer(batch.ids if read is read_batch else [])["batchItemFailures"]) <= 1
    for record in batch.records:
        msgspec.convert(msgspec.structs.asdict(record), Record)


@given(st.lists(st.integers(0, 2**200).map(str), unique=True, max_size=20))
def test_the_answer_names_the_lowest_sequence_number_as_a_number(open_ones: list[str]) -> None:
    told = answer(open_ones)
    check_answer(told, open_ones)
    if open_ones:
        assert told == {"batchItemFailures": [{"itemIdentifier": str(min(map(int, open_ones)))}]}
    else:
        assert told == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"batchItemFailure": []},
        {"batchItemFailures": None},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": "7"}]},
        {"batchItemFailures": [{"itemIdentifer": "1"}]},
        {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]},
        {"batchItemFailures": [], "more": 1},
    ],
    ids=repr,
)
def test_an_answer_that_lambda_would_misread_is_noticed(value: object) -> None:
    with pytest.raises(ValueError, match="the answer "):
        check_answer(value, ["1", "2"])
