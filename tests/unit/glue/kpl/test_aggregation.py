"""The KPL format: what goes in comes out whole, and a bad container gives no records at all."""

import base64
import hashlib
import subprocess
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.contract import BadInput
from glue.kpl.aggregation import (
    FRAME_BYTES,
    MAGIC,
    MAX_AGGREGATE_BYTES,
    Aggregator,
    RecordTooLargeError,
    UserRecord,
    decode,
    encode,
)

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
HASH_KEYS = st.none() | st.integers(0, 2**128 - 1).map(str)
RECORDS = st.builds(UserRecord, KEYS, HASH_KEYS, st.binary(max_size=400))


def frame(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message).digest()


def reason_of(data: bytes, **limits: int) -> str:
    result = decode(data, **limits)
    assert isinstance(result, BadInput), result
    return result.reason


@pytest.fixture(scope="module")
def peer() -> tuple[ModuleType, ModuleType]:
    """aws_kinesis_agg, without what its import does to sys.path."""
    before = list(sys.path)
    from aws_kinesis_agg import aggregator, deaggregator

    sys.path[:] = before
    return aggregator, deaggregator


@given(st.lists(RECORDS, min_size=1, max_size=40))
def test_what_is_encoded_is_decoded_in_order_with_every_key(records: list[UserRecord]) -> None:
    assert decode(encode(records)) == records


@given(st.lists(RECORDS, min_size=1, max_size=40))
def test_the_aggregator_makes_the_same_bytes_and_knows_their_size(records: list[UserRecord]) -> None:
    aggregator = Aggregator()
    assert all(aggregator.add(record) for record in records)
    size = aggregator.size
    aggregate = aggregator.drain()
    assert aggregate is not None
    assert aggregate.data == encode(records)
    assert aggregate.count == len(records)
    assert size == len(aggregate.data) + len(aggregate.partition_key.encode())
    assert (aggregate.partition_key, aggregate.explicit_hash_key) == (
        records[0].partition_key,
        records[0].explicit_hash_key,
    )


@given(st.lists(RECORDS, max_size=60), st.integers(500, 2000))
def test_an_aggregator_never_exceeds_its_limit_and_loses_nothing(records: list[UserRecord], limit: int) -> None:
    aggregator = Aggregator(max_bytes=limit, max_records=7)
    aggregates = []
    for record in records:
        if not aggregator.add(record):
            aggregates.append(aggregator.drain())
            assert aggregator.add(record)
    aggregates.append(aggregator.drain())
    made = [aggregate for aggregate in aggregates if aggregate is not None]
    assert all(len(one.data) + len(one.partition_key.encode()) <= limit and one.count <= 7 for one in made)
    decoded = [record for aggregate in made for record in decode(aggregate.data)]
    assert decoded == records


@pytest.mark.parametrize("size", range(MAX_AGGREGATE_BYTES - 60, MAX_AGGREGATE_BYTES))
def test_at_the_edge_of_one_mebibyte_a_record_fits_or_is_refused_aloud(size: int) -> None:
    aggregator = Aggregator()
    record = UserRecord("k", None, bytes(size))
    if len(encode([record])) + 1 > MAX_AGGREGATE_BYTES:
        with pytest.raises(RecordTooLargeError, match=str(MAX_AGGREGATE_BYTES)):
            aggregator.add(record)
        assert aggregator.drain() is None
        return
    assert aggregator.add(record)
    aggregate = aggregator.drain()
    assert aggregate is not None
    assert decode(aggregate.data) == [record]


@given(st.lists(st.builds(UserRecord, KEYS, st.none(), st.binary(max_size=200)), min_size=1, max_size=200))
def test_the_peer_reads_what_we_write(peer: tuple[ModuleType, ModuleType], records: list[UserRecord]) -> None:
    assert peer_decode(peer[1], encode(records)) == records


def opened(found: list[UserRecord] | BadInput | None) -> list[UserRecord]:
    """The records of an aggregate that must be one."""
    assert isinstance(found, list)
    return found


def peer_decode(deaggregator: ModuleType, data: bytes) -> list[UserRecord]:
    event = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "sequenceNumber": "1",
            "approximateArrivalTimestamp": 1.0,
            "partitionKey": "outer",
            "data": base64.b64encode(data),
        }
    }
    return [
        UserRecord(
            one["kinesis"]["partitionKey"], one["kinesis"]["explicitHashKey"], base64.b64decode(one["kinesis"]["data"])
        )
        for one in deaggregator.deaggregate_records([event])
    ]


@given(st.lists(RECORDS, min_size=1, max_size=200))
def test_we_read_what_the_peer_writes_and_write_the_same_bytes(
    peer: tuple[ModuleType, ModuleType], records: list[UserRecord]
) -> None:
    aggregator = peer[0].RecordAggregator()
    for record in records:
        assert aggregator.add_user_record(record.partition_key, record.data, record.explicit_hash_key) is None
    outer_key, outer_hash_key, data = aggregator.clear_and_get().get_contents()
    ours = Aggregator()
    assert all(ours.add(record) for record in records)
    aggregate = ours.drain()
    assert aggregate is not None
    assert decode(data) == records
    assert (aggregate.data, aggregate.partition_key, aggregate.explicit_hash_key) == (data, outer_key, outer_hash_key)


@given(st.binary(max_size=200))
def test_bytes_without_the_magic_are_a_plain_record(data: bytes) -> None:
    assert data.startswith(MAGIC) or decode(data) is None


@given(st.binary(max_size=300), st.booleans())
def test_decode_never_raises_and_never_gives_an_empty_list(message: bytes, framed: bool) -> None:
    result = decode(frame(message) if framed else MAGIC + message)
    assert isinstance(result, BadInput) or (isinstance(result, list) and result)


@given(st.lists(RECORDS, min_size=1, max_size=8), st.data())
def test_a_changed_message_gives_all_its_records_or_none(records: list[UserRecord], data: st.DataObject) -> None:
    # given a message with one byte changed under a digest that is right again
    message = bytearray(encode(records)[len(MAGIC) : -16])
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    # when it is read by the usual and by the careful way
    result = decode(frame(bytes(message)))
    # then no record is missing from what the protobuf says is there
    if isinstance(result, list):
        assert len(encode(result)) >= FRAME_BYTES
        assert decode(encode(result)) == result
    else:
        assert isinstance(result, BadInput)
        assert result.reason in {"aggregate_corrupt", "aggregate_empty"}


@given(st.lists(RECORDS, min_size=1, max_size=8), st.data())
def test_a_truncated_aggregate_is_corrupt(records: list[UserRecord], data: st.DataObject) -> None:
    whole = encode(records)
    cut = data.draw(st.integers(len(MAGIC), len(whole) - 1))
    assert reason_of(whole[:cut]) == "aggregate_corrupt"


def test_a_wrong_digest_is_corrupt_and_not_a_plain_record() -> None:
    whole = encode([UserRecord("k", None, b"x")])
    assert reason_of(whole[:-1] + bytes([whole[-1] ^ 1])) == "aggregate_corrupt"


def test_no_records_under_a_right_digest_are_an_empty_aggregate() -> None:
    assert reason_of(frame(b"")) == "aggregate_empty"
    assert reason_of(frame(b"\x0a\x01k")) == "aggregate_empty"


KEY_K = b"\x0a\x01k"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (KEY_K + b"\x1a\x05\x08\x01\x1a\x01x", "names partition key 1 of 1"),
        (KEY_K + b"\x1a\x07\x08\x00\x10\x00\x1a\x01x", "names explicit hash key 0 of 0"),
        (KEY_K + b"\x1a\x05\x08\x00\x1a\x01x" * 4 + b"\x1a\x05\x08\x09\x1a\x01x", "record 4"),
        (b"\x1a\x05\x08\x00\x1a\x01x", "partition key 0 of 0"),
        (KEY_K + b"\x1a\x02\x08\x00", "lacks its data"),
        (KEY_K + b"\x1a\x03\x1a\x01x", "lacks its partition key"),
        (KEY_K + b"\x1a\x09\x08\x00\x1a\x01x", "bytes where"),
        (KEY_K + b"\x1a\x05\x08\x00\x1a\x02x", "where 1 are left"),
        (KEY_K + b"\x1a\x08\x08\x00\x1a\x01x\x1a\x01y", "data twice"),
        (KEY_K + b"\x1a\x07\x08\x00\x08\x00\x1a\x01x", "field 1 twice"),
        (KEY_K + b"\x1a\x07\x08\x00\x1a\x01x\x28\x00", "field 5 of wire type 0"),
        (KEY_K + b"\x1a\x06\x08\x00\x1a\x01x\x0f", "field 1 of wire type 7"),
        (KEY_K + b"\x20\x01", "field 4 of wire type 0"),
        (KEY_K + b"\x0b\x0c", "field 1 of wire type 3"),
        (KEY_K + b"\x1a" + b"\xff" * 10 + b"\x01", "longer than 10 bytes"),
        (b"\x0a\x7f\x01\x02", "where 2 are left"),
        (b"\x0a\x01\xff", "not UTF-8"),
        (KEY_K + b"\x12\x02-1", "not a decimal number"),
        (KEY_K + b"\x12\x27" + str(2**128).encode(), "not a decimal number"),
    ],
)
def test_a_message_that_is_not_well_formed_is_corrupt_and_says_where(message: bytes, words: str) -> None:
    result = decode(frame(message))
    assert isinstance(result, BadInput)
    assert result.reason == "aggregate_corrupt"
    assert words in result.detail


def test_fields_in_another_order_long_varints_and_tags_are_read() -> None:
    # given records before their tables, a padded number and a tag field, all of which protobuf allows
    message = b"\x1a\x06\x1a\x01x\x08\x80\x00" + b"\x1a\x0b\x08\x00\x1a\x01y\x22\x04\x0a\x02tt" + KEY_K
    assert decode(frame(message)) == [UserRecord("k", None, b"x"), UserRecord("k", None, b"y")]


def test_more_than_a_hundred_and_twenty_seven_keys_and_large_records_round_trip() -> None:
    records = [UserRecord(f"key-{n}", str(n) if n % 3 else None, bytes(n * 40)) for n in range(300)]
    records.append(UserRecord("big", None, bytes(3_000_000)))
    assert decode(encode(records)) == records


SIZES = st.sampled_from([0, 1, 100, 122, 123, 124, 125, 126, 127, 128, 500, 16_376, 16_377, 16_383, 16_384, 17_000])


@given(st.lists(st.tuples(st.sampled_from("abc"), HASH_KEYS, SIZES), min_size=1, max_size=12))
def test_sizes_at_the_edges_of_a_number_s_length_are_read_alike_the_first_time_and_again(
    made: list[tuple[str, str | None, int]],
) -> None:
    # given records whose heads may have been seen before
    records = [UserRecord(key, hash_key, bytes(size)) for key, hash_key, size in made]
    whole = encode(records)
    # when they are read twice
    # then both readings are what went in
    assert decode(whole) == records
    assert decode(whole) == records


def test_a_head_that_was_seen_before_is_no_licence_to_read_beyond_the_end_or_the_table() -> None:
    # given a head that is known: partition key 1, 500 bytes
    known = encode([UserRecord("a", None, b""), UserRecord("b", None, bytes(500))])
    assert isinstance(decode(known), list)
    record = known[known.index(b"\x1a\xf9\x03") : -16]
    assert len(record) == 508
    # when it stands in a message that is shorter, or has no such key, or holds too many of it
    # then none of the message is read
    assert reason_of(frame(b"\x0a\x01k\x0a\x01l" + record[:-1])) == "aggregate_corrupt"
    assert reason_of(frame(b"\x0a\x01k" + record)) == "aggregate_corrupt"
    assert reason_of(frame(b"\x0a\x01k\x0a\x01l" + record * 6), max_records=5) == "aggregate_limit"
    assert len(opened(decode(frame(b"\x0a\x01k\x0a\x01l" + record * 5), max_records=5))) == 5


def test_a_record_without_a_hash_key_does_not_inherit_its_neighbours() -> None:
    records = [UserRecord("a", "1", b"x"), UserRecord("b", None, b"y")]
    assert decode(encode(records)) == records


def test_a_bomb_is_refused_before_its_records_are_made() -> None:
    bomb = frame(KEY_K + b"\x1a\x04\x08\x00\x1a\x00" * 174_000)
    assert reason_of(bomb) == "aggregate_limit"
    assert reason_of(frame(b"\x0a\x00" * 500_000)) == "aggregate_limit"
    assert reason_of(frame(b"\x1a\x05\x08\x80\x00\x1a\x00" * 20_000 + KEY_K)) == "aggregate_limit"


def test_the_limit_on_records_is_inclusive() -> None:
    whole = encode([UserRecord("k", None, b"x")] * 5)
    assert len(opened(decode(whole, max_records=5))) == 5
    assert reason_of(whole, max_records=4) == "aggregate_limit"


def test_details_hold_nothing_of_the_content() -> None:
    secret = UserRecord("secret-key", None, b"secret-text")
    for damaged in (encode([secret])[:-1], frame(encode([secret])[4:-16] + b"\x1a\x09secret-te")):
        result = decode(damaged)
        assert isinstance(result, BadInput)
        assert "secret" not in result.detail


def test_encoding_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        encode([])


def test_our_codec_imports_without_the_peer_and_without_protobuf() -> None:
    code = (
        "import sys, glue.kpl.aggregation; "
        "sys.exit('google.protobuf' in sys.modules or 'aws_kinesis_agg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
