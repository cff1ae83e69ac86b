"""What a delivery stream has taken and not written is delivered by the next run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.durable.store import Store
from infra.local.firehose.journal import DeliveryJournal
from infra.local.firehose.records import KinesisCoordinate, Origin, SourceRecord


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def put(number: int, at: float) -> SourceRecord:
    return SourceRecord(b"%d" % number, Origin(str(number), at))


def read(shard: str, number: int) -> SourceRecord:
    return SourceRecord(b"%d" % number, Origin(str(number), 1.0, KinesisCoordinate(shard, "k", str(number))))


def kept(store: Store, name: str = "s") -> list[SourceRecord]:
    store.settle()
    return DeliveryJournal(store, name).records()


def test_records_put_directly_are_kept_with_their_bytes_until_they_are_written(store: Store) -> None:
    journal = DeliveryJournal(store, "s")
    records = [put(number, 10.0 + number) for number in range(4)]
    journal.accepted(records[:2])
    journal.accepted(records[2:])
    assert kept(store) == records
    assert kept(store, "another") == []

    journal.held([records[3].origin], read_to={}, now=20.0)
    assert kept(store) == records[2:], "a batch stays until all of it is written"
    journal.held([], read_to={}, now=21.0)
    assert kept(store) == []


def test_a_record_that_came_after_a_look_is_not_forgotten_by_it(store: Store) -> None:
    journal = DeliveryJournal(store, "s")
    journal.held([], read_to={}, now=20.0)
    late = put(1, 19.0)  # its time was read before it was taken in
    journal.accepted([late])
    journal.held([late.origin], read_to={}, now=30.0)
    assert kept(store) == [late]


def test_of_a_stream_the_place_is_kept_from_which_to_read_again(store: Store) -> None:
    journal = DeliveryJournal(store, "s")
    held = [read("a", 12).origin, read("a", 9).origin, read("b", 7).origin]
    journal.accepted([read("a", 12)])
    journal.held(held, read_to={"a": 15, "b": 7, "c": 3}, now=5.0)
    store.settle()
    assert DeliveryJournal(store, "s").positions() == {"a": 8, "b": 6, "c": 3}
    assert kept(store) == []
    journal.held([], read_to={"a": 15, "b": 7, "c": 3}, now=6.0)
    store.settle()
    assert DeliveryJournal(store, "s").positions() == {"a": 15, "b": 7, "c": 3}


def test_a_deleted_stream_leaves_nothing_behind(store: Store) -> None:
    journal = DeliveryJournal(store, "s")
    journal.accepted([put(1, 1.0)])
    journal.held([], read_to={"a": 1}, now=0.0)
    journal.forget()
    assert (kept(store), DeliveryJournal(store, "s").positions()) == ([], {})
