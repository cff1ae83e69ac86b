"""The careful reader of a KPL aggregate's message: one protobuf field at a time, each checked against what is left.

Messages say where and what, never the content.
"""

import re

from msgspec import Struct

PARTITION_KEY_TAG, HASH_KEY_TAG, RECORD_TAG = 0x0A, 0x12, 0x1A

_MAX_VARINT_BYTES = 10
_MAX_HASH_KEY = 2**128 - 1
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,38})")


class UserRecord(Struct, frozen=True, gc=False):
    """One record as its producer made it: its key, its explicit hash key when it has one, its bytes."""

    partition_key: str
    explicit_hash_key: str | None
    data: bytes


class AggregateError(ValueError):
    """Why a message is not one; the text is fit for a quarantine row."""


class AggregateLimitError(ValueError):
    """More records or keys than allowed."""


def read_varint(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """The number at ``pos`` and where it ends.

    >>> read_varint(bytes.fromhex("ac02"), 0, 2)
    (300, 2)
    """
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if pos + count >= end:
            raise AggregateError(f"a number is cut off at byte {end}")
        byte = data[pos + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value, pos + count + 1
    raise AggregateError(f"a number at byte {pos} is longer than {_MAX_VARINT_BYTES} bytes")


def read_bytes(data: bytes, pos: int, end: int) -> tuple[bytes, int]:
    """A length and that many bytes, and where they end."""
    length, pos = read_varint(data, pos, end)
    if length > end - pos:
        raise AggregateError(f"a field of {length} bytes at byte {pos} where {end - pos} are left")
    return data[pos : pos + length], pos + length


def read_table_entry(data: bytes, pos: int, end: int, *, is_hash_key: bool) -> tuple[str, int]:
    """One entry of a key table and where it ends. An explicit hash key must be a decimal of 128 bits."""
    value, stop = read_bytes(data, pos, end)
    try:
        key = value.decode()
    except UnicodeDecodeError:
        raise AggregateError(f"a key at byte {pos} is not UTF-8") from None
    if is_hash_key and (_DECIMAL.fullmatch(key) is None or int(key) > _MAX_HASH_KEY):
        raise AggregateError(f"an explicit hash key at byte {pos} is not a decimal number of 128 bits")
    return key, stop


def read_user_record(data: bytes, pos: int, end: int, *, number: int) -> tuple[tuple[int, int | None, bytes], int]:
    """One record as (partition key index, explicit hash key index or None, data), and where it ends.

    Tags (field 4) are in the format but no producer ever wrote them; they are read over. A field that appears twice
    would leave one of two contents unseen, so it is refused.
    """
    length, pos = read_varint(data, pos, end)
    stop = pos + length
    if stop > end:
        raise AggregateError(f"record {number} has {length} bytes where {end - pos} are left")
    indexes: dict[int, int] = {}
    content: bytes | None = None
    while pos < stop:
        tag, pos = read_varint(data, pos, stop)
        if tag in (0x08, 0x10):
            if tag in indexes:
                raise AggregateError(f"record {number} has field {tag >> 3} twice")
            indexes[tag], pos = read_varint(data, pos, stop)
        elif tag == 0x1A:
            if content is not None:
                raise AggregateError(f"record {number} has its data twice")
            content, pos = read_bytes(data, pos, stop)
        elif tag == 0x22:
            _, pos = read_bytes(data, pos, stop)
        else:
            raise AggregateError(f"record {number} has field {tag >> 3} of wire type {tag & 7}")
    if content is None or 0x08 not in indexes:
        raise AggregateError(f"record {number} lacks its {'data' if content is None else 'partition key'}")
    return (indexes[0x08], indexes.get(0x10), content), stop


def read_message(data: bytes, pos: int, end: int, max_records: int) -> list[UserRecord]:
    """The records of any well-formed message: fields in any order, any varint that protobuf allows."""
    keys: list[str] = []
    hash_keys: list[str] = []
    found: list[tuple[int, int | None, bytes]] = []
    while pos < end:
        tag, pos = read_varint(data, pos, end)
        if tag == RECORD_TAG:
            record, pos = read_user_record(data, pos, end, number=len(found))
            found.append(record)
        elif tag in (PARTITION_KEY_TAG, HASH_KEY_TAG):
            key, pos = read_table_entry(data, pos, end, is_hash_key=tag == HASH_KEY_TAG)
            (keys if tag == PARTITION_KEY_TAG else hash_keys).append(key)
        else:
            raise AggregateError(
                f"field {tag >> 3} of wire type {tag & 7} in the message; allowed: 1, 2 and 3 as bytes"
            )
        if max(len(found), len(keys), len(hash_keys)) > max_records:
            raise AggregateLimitError
    records = []
    for number, (key_index, hash_key_index, content) in enumerate(found):
        if key_index >= len(keys):
            raise AggregateError(f"record {number} names partition key {key_index} of {len(keys)}")
        if hash_key_index is not None and hash_key_index >= len(hash_keys):
            raise AggregateError(f"record {number} names explicit hash key {hash_key_index} of {len(hash_keys)}")
        hash_key = None if hash_key_index is None else hash_keys[hash_key_index]
        records.append(UserRecord(keys[key_index], hash_key, content))
    return records
