"""Batches, partition keys and the check before sending."""

import hashlib
import itertools
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.rejection import Rejection
from producers.delivery.batching import Batcher, UnsendableError, batches
from producers.limits import MAX_CALL_BYTES, MAX_CALL_RECORDS, MAX_EVENT_BYTES, MAX_RECORD_BYTES
from producers.mapping.check import outgoing
from producers.partitioning import partition_key
from producers.ports import OutRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZES = st.lists(st.integers(0, 120), max_size=120)


def record(number: int, size: int, key: str = "k€y") -> OutRecord:
    return OutRecord(str(number), key, bytes(size))


@given(SIZES, st.integers(1, 10), st.integers(150, 600))
def test_no_batch_exceeds_a_limit_and_no_record_is_lost_or_moved(
    sizes: list[int], max_records: int, max_bytes: int
) -> None:
    records = [record(number, size) for number, size in enumerate(sizes)]
    made = list(batches(records, max_records=max_records, max_bytes=max_bytes))
    assert [one for batch in made for one in batch] == records
    for batch in made:
        assert 1 <= len(batch) <= max_records
        assert sum(len(one.data) + len(one.partition_key.encode()) for one in batch) <= max_bytes


@given(SIZES, st.integers(1, 10), st.integers(150, 600))
def test_a_batch_is_closed_only_when_the_next_record_would_not_fit(
    sizes: list[int], max_records: int, max_bytes: int
) -> None:
    records = [record(number, size) for number, size in enumerate(sizes)]
    made = list(batches(records, max_records=max_records, max_bytes=max_bytes))
    for batch, following in itertools.pairwise(made):
        assert len(batch) == max_records or sum(one.size for one in batch) + following[0].size > max_bytes


def test_the_defaults_are_five_hundred_records_and_the_call_bytes() -> None:
    assert [len(batch) for batch in batches(record(n, 1) for n in range(1001))] == [500, 500, 1]
    big = [record(n, MAX_RECORD_BYTES - 5) for n in range(6)]
    assert [len(batch) for batch in batches(big)] == [5, 1]
    assert MAX_CALL_RECORDS == 500
    assert MAX_CALL_BYTES <= 10 * 1024 * 1024


@pytest.mark.parametrize(
    "bad", [record(0, MAX_RECORD_BYTES), OutRecord("0", "", b"x"), OutRecord("0", "k" * 257, b"x")]
)
def test_a_record_that_no_call_can_carry_is_refused_and_leaves_the_batch_alone(bad: OutRecord) -> None:
    batcher = Batcher()
    batcher.add(record(1, 1))
    with pytest.raises(UnsendableError, match="allowed"):
        batcher.add(bad)
    assert [one.event_id for one in batcher.drain()] == ["1"]


def test_partition_keys_spread_ids_that_count_up_and_hide_them() -> None:
    # given ids that differ only at their end
    keys = [partition_key(f"user@example.com:{number}") for number in range(8_000)]
    # when they are split over 8 shards by the top bits of what Kinesis makes of them
    shards = Counter(hashlib.md5(key.encode()).digest()[0] >> 5 for key in keys)
    # then every shard has its share
    assert len(shards) == 8
    assert all(850 < count < 1_150 for count in shards.values())
    assert all("user" not in key and len(key) == 16 for key in keys)
    assert partition_key("a") == partition_key("a")


def event(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "schema_version": 1,
        "event_id": "0198c0de-0000-7000-8000-000000000001",
        "content_id": "c-1",
        "author_id": "a-1",
        "surface": "chat",
        "created_at": "2026-03-01T11:59:00Z",
        "text": "hello",
    }
    return msgspec.json.encode({name: value for name, value in {**fields, **changes}.items() if value is not ...})


def test_a_good_event_becomes_a_record_with_its_bytes_untouched() -> None:
    payload = event(extra={"a": 1})
    sent = outgoing(payload, now=NOW.timestamp())
    assert sent == OutRecord("0198c0de-0000-7000-8000-000000000001", partition_key("c-1"), payload)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (event(text="x" * MAX_EVENT_BYTES), "size"),
        (event(text="x" * 65_537), "text_size"),
        (event(event_id="1"), "id"),
        (event(author_id="a b"), "id"),
        (event(text=...), "missing:text"),
        (event(text=1), "type"),
        (event(created_at="2026-01-29T11:59:00Z"), "time_range"),
        (event(created_at="2026-03-02T13:00:00Z"), "time_range"),
        (event(created_at="2026-03-01T11:59:00"), "tz"),
        (event(schema_version=2), "schema_future"),
        (b"{", "json"),
        (b"", "empty"),
        (b"[]", "not_object"),
    ],
)
def test_what_would_be_quarantined_is_refused_before_it_is_sent(payload: bytes, reason: str) -> None:
    refused = outgoing(payload, now=NOW.timestamp())
    assert isinstance(refused, Rejection)
    assert refused.reason == reason
