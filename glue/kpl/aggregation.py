"""The KPL's aggregation format, both directions: many user records inside one Kinesis record.

``F3 89 9A C2`` + a protobuf message (a table of partition keys, a table of explicit hash keys, the records, which name
their keys by index) + the message's MD5. A container gives all of its records or is quarantined whole, never some of
them.

Source: https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import md5

from msgspec import Struct

from glue.contract import BadInput
from glue.kpl.wire_format import (
    HASH_KEY_TAG,
    PARTITION_KEY_TAG,
    RECORD_TAG,
    AggregateError,
    AggregateLimitError,
    UserRecord,
    read_message,
    read_table_entry,
)

__all__ = [
    "MAGIC",
    "MAX_AGGREGATE_BYTES",
    "MAX_RECORDS",
    "Aggregate",
    "Aggregator",
    "RecordTooLargeError",
    "UserRecord",
    "decode",
    "encode",
]

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16
FRAME_BYTES = len(MAGIC) + DIGEST_BYTES
MAX_RECORDS = 10_000
MAX_AGGREGATE_BYTES = 1024 * 1024
"""One Kinesis record on a stream with default settings: data and partition key together."""


class Aggregate(Struct, frozen=True):
    """One Kinesis record that holds many: what PutRecords takes, and how many are inside."""

    partition_key: str
    explicit_hash_key: str | None
    data: bytes
    count: int


class RecordTooLargeError(ValueError):
    """A user record that fits into no aggregate, not even alone."""


def decode(data: bytes, *, max_records: int = MAX_RECORDS) -> list[UserRecord] | BadInput | None:
    """All user records of an aggregate, or why it has none; ``None`` when the bytes are a plain record.

    Total: never raises, whatever the bytes. What begins with the magic but is not whole is no plain record here: it is
    ``aggregate_corrupt``, while other readers pass such bytes on as content or lose a part of them.

    Args:
        data: one Kinesis record's bytes, not base64.
        max_records: how many user records (and keys) one container may hold; more are ``aggregate_limit``.

    >>> decode(b'{"text": "plain"}') is None
    True
    >>> [record.data for record in decode(encode([UserRecord("key", None, b"one"), UserRecord("key", None, b"two")]))]
    [b'one', b'two']
    >>> decode(encode([UserRecord("key", None, b"one")])[:-1]).reason
    'aggregate_corrupt'
    """
    if not data.startswith(MAGIC):
        return None
    end = len(data) - DIGEST_BYTES
    if end < len(MAGIC):
        return BadInput("aggregate_corrupt", f"{len(data)} bytes; allowed: at least {FRAME_BYTES}")
    if md5(memoryview(data)[len(MAGIC) : end], usedforsecurity=False).digest() != data[end:]:
        return BadInput("aggregate_corrupt", "the MD5 at the end is not that of the message")
    try:
        records = _decode_usual(data, end, max_records)
        if records is None:
            records = read_message(data, len(MAGIC), end, max_records)
    except AggregateError as error:
        return BadInput("aggregate_corrupt", str(error))
    except AggregateLimitError:
        return BadInput("aggregate_limit", f"more than {max_records} records or keys; allowed: at most {max_records}")
    if not records:
        return BadInput("aggregate_empty", "no user records; allowed: at least one")
    return records


# What stood before a record of 126 to 16,383 bytes: the partition key's index, and the length of all. Sizes repeat.
_HEADS: dict[bytes, tuple[int, int]] = {}
_HEAD_BYTES = 8
_MAX_HEADS = 8192


def _decode_usual(data: bytes, end: int, max_records: int) -> list[UserRecord] | None:
    """The records of a message laid out as every known producer does: tables first, fields in order, short indexes.

    None for anything else; the careful reader then looks at it. Bytes are read a little ahead: the digest is there.
    """
    keys: list[str] = []
    hash_keys: list[str | None] = []
    pos = len(MAGIC)
    while pos < end and (tag := data[pos]) != RECORD_TAG:
        if tag not in (PARTITION_KEY_TAG, HASH_KEY_TAG):
            return None
        key, pos = read_table_entry(data, pos + 1, end, is_hash_key=tag == HASH_KEY_TAG)
        (keys if tag == PARTITION_KEY_TAG else hash_keys).append(key)
        if len(keys) > max_records or len(hash_keys) > max_records:
            raise AggregateLimitError

    records: list[UserRecord] = []
    append, known_head, key_count = records.append, _HEADS.get, len(keys)
    while pos < end:
        known = known_head(data[pos : pos + _HEAD_BYTES])
        if known is not None:
            # One look-up instead of eight: half of the time that the MD5 leaves.
            key_index, size = known
            if key_index >= key_count:
                return None
            append(UserRecord(keys[key_index], None, data[pos + _HEAD_BYTES : (pos := pos + size)]))
            continue
        head = _usual_head(data, pos)
        if head is None:
            return None
        key_index, hash_key_index, begin, stop = head
        if key_index >= key_count or hash_key_index >= len(hash_keys) or stop > end:
            return None
        hash_key = None if hash_key_index < 0 else hash_keys[hash_key_index]
        append(UserRecord(keys[key_index], hash_key, data[begin:stop]))
        if begin - pos == _HEAD_BYTES and hash_key_index < 0:
            if len(_HEADS) >= _MAX_HEADS:
                _HEADS.clear()
            _HEADS[data[pos:begin]] = (key_index, stop - pos)
        pos = stop
        if len(records) > max_records:
            raise AggregateLimitError
    if len(records) > max_records:
        raise AggregateLimitError
    # Beyond the end: the last record claims more than there is, and the careful reader says so.
    return records if pos == end else None


def _usual_head(data: bytes, pos: int) -> tuple[int, int, int, int] | None:
    """Of the record at ``pos``: the indexes of its keys (-1: no hash key), where its data begins and ends."""
    length = data[pos + 1]
    if data[pos] != RECORD_TAG:
        return None
    if length < 128:
        pos += 2
    elif (high := data[pos + 2]) < 128:
        length += (high << 7) - 128
        pos += 3
    elif (higher := data[pos + 3]) < 128:
        length += (high << 7) + (higher << 14) - 16512
        pos += 4
    else:
        return None
    stop = pos + length
    key_index = data[pos + 1]
    if data[pos] != 0x08 or key_index > 127:
        return None
    hash_key_index = -1
    pos += 2
    if data[pos] == 0x10:
        hash_key_index = data[pos + 1]
        if hash_key_index > 127:
            return None
        pos += 2
    length = data[pos + 1]
    if data[pos] != 0x1A:
        return None
    if length < 128:
        pos += 2
    elif (high := data[pos + 2]) < 128:
        length += (high << 7) - 128
        pos += 3
    elif (higher := data[pos + 3]) < 128:
        length += (high << 7) + (higher << 14) - 16512
        pos += 4
    else:
        return None
    return (key_index, hash_key_index, pos, stop) if pos + length == stop else None


class Aggregator:
    """Packs user records into one Kinesis record and knows its exact size before each is added.

    The size is what Kinesis counts: magic, message, MD5 and the outer partition key, which is the first record's.

    Args:
        max_bytes: the most one aggregate may count, 1 MiB unless set.
        max_records: the most user records in one aggregate.

    >>> aggregator = Aggregator(max_bytes=60)
    >>> [aggregator.add(UserRecord("key", None, b"0123456789")) for _ in range(3)]
    [True, True, False]
    >>> aggregator.size, aggregator.drain().count, aggregator.drain() is None
    (60, 2, True)
    """

    __slots__ = (
        "_append",
        "_hash_key_indexes",
        "_hash_tables",
        "_heads",
        "_key_indexes",
        "_max_bytes",
        "_max_parts",
        "_outer",
        "_parts",
        "_tables",
        "size",
    )

    def __init__(self, *, max_bytes: int = MAX_AGGREGATE_BYTES, max_records: int = MAX_RECORDS) -> None:
        self._max_bytes = max_bytes
        # A record is two parts: what stands before its data, and the data.
        self._max_parts = 2 * max_records
        self._clear()

    def _clear(self) -> None:
        self._tables: list[bytes] = []
        self._hash_tables: list[bytes] = []
        self._key_indexes: dict[str, int] = {}
        self._heads: dict[str, _Heads] = {}
        self._hash_key_indexes: dict[str | None, int] = {None: -1}
        self._parts: list[bytes] = []
        self._append = self._parts.append
        self._outer: tuple[str, str | None] | None = None
        self.size = 0

    @property
    def count(self) -> int:
        """How many records are in it."""
        return len(self._parts) // 2

    def add(self, record: UserRecord) -> bool:
        """True when the record was taken, False when it does not fit beside the others: drain, then add it again.

        Raises:
            RecordTooLargeError: it would not fit into an empty aggregate either.
        """
        key, hash_key, data = record.partition_key, record.explicit_hash_key, record.data
        heads = self._heads.get(key)
        if heads is None or hash_key is not None:
            return self._add_with_keys(record)
        length = len(data)
        head = heads[length]
        size = self.size + len(head) + length
        if size > self._max_bytes or len(self._parts) >= self._max_parts:
            return False
        self.size = size
        append = self._append
        append(head)
        append(data)
        return True

    def _add_with_keys(self, record: UserRecord) -> bool:
        """The same for a record whose keys may be new."""
        key, hash_key, data = record.partition_key, record.explicit_hash_key, record.data
        added = 0
        key_index = self._key_indexes.get(key)
        if key_index is None:
            key_index = len(self._key_indexes)
            key_entry = _table_entry(PARTITION_KEY_TAG, key)
            added += len(key_entry)
        hash_key_index = self._hash_key_indexes.get(hash_key)
        if hash_key_index is None:
            assert hash_key is not None  # noqa: S101 - None is always in the table
            hash_key_index = len(self._hash_key_indexes) - 1
            hash_key_entry = _table_entry(HASH_KEY_TAG, hash_key)
            added += len(hash_key_entry)
        head = _record_head(key_index, hash_key_index, len(data))
        added += len(head) + len(data)
        if self._outer is None:
            added += FRAME_BYTES + len(key.encode())
        if self.size + added > self._max_bytes or len(self._parts) >= self._max_parts:
            if self._outer is None:
                raise RecordTooLargeError(
                    f"a record of {len(data)} bytes counts {added} alone in an aggregate; allowed: at most "
                    f"{self._max_bytes}. Send it as a plain record or make it smaller"
                )
            return False
        if key_index == len(self._key_indexes):
            self._key_indexes[key] = key_index
            self._heads[key] = _heads_of(key_index)
            self._tables.append(key_entry)
        if hash_key_index == len(self._hash_key_indexes) - 1:
            self._hash_key_indexes[hash_key] = hash_key_index
            self._hash_tables.append(hash_key_entry)
        self._parts += (head, data)
        self._outer = self._outer or (key, hash_key)
        self.size += added
        return True

    def drain(self) -> Aggregate | None:
        """What was added, as one Kinesis record, and an empty aggregator again; None when there was nothing."""
        if self._outer is None:
            return None
        message = b"".join((*self._tables, *self._hash_tables, *self._parts))
        aggregate = Aggregate(*self._outer, _framed(message), self.count)
        self._clear()
        return aggregate


def encode(records: Iterable[UserRecord]) -> bytes:
    """The records as one aggregate, whatever its size; :class:`Aggregator` keeps to a limit.

    Raises:
        ValueError: there are no records; an aggregate of none would be quarantined.
    """
    key_heads: dict[str, _Heads] = {}
    hash_key_indexes: dict[str, int] = {}
    parts: list[bytes] = []
    append = parts.append
    for record in records:
        key, data = record.partition_key, record.data
        heads = key_heads.get(key)
        if heads is None:
            heads = key_heads[key] = _heads_of(len(key_heads))
        hash_key = record.explicit_hash_key
        if hash_key is None:
            append(heads[len(data)])
        else:
            hash_key_index = hash_key_indexes.setdefault(hash_key, len(hash_key_indexes))
            append(_record_head(heads.key_index, hash_key_index, len(data)))
        append(data)
    if not parts:
        raise ValueError("no records; an aggregate holds at least one")
    tables = [_table_entry(PARTITION_KEY_TAG, key) for key in key_heads]
    tables += [_table_entry(HASH_KEY_TAG, key) for key in hash_key_indexes]
    return _framed(b"".join(tables + parts))


def _framed(message: bytes) -> bytes:
    return b"".join((MAGIC, message, md5(message, usedforsecurity=False).digest()))


def _table_entry(tag: int, key: str) -> bytes:
    value = key.encode()
    return b"%c%b%b" % (tag, _varint(len(value)), value)


def _record_head(key_index: int, hash_key_index: int, size: int) -> bytes:
    """What stands before a record's data: tag, length, its keys' indexes (-1: no hash key), the data's length."""
    inner = b"\x08" + _varint(key_index)
    if hash_key_index >= 0:
        inner += b"\x10" + _varint(hash_key_index)
    inner += b"\x1a" + _varint(size)
    return b"\x1a" + _varint(len(inner) + size) + inner


class _Heads(dict[int, bytes]):
    """What stands before a record's data, by the data's length, for the partition key of one index and no hash key.

    Sizes repeat within a stream; a look-up takes a tenth of the time of making it, or of an ``lru_cache``'s.
    """

    __slots__ = ("key_index",)

    def __init__(self, key_index: int) -> None:
        self.key_index = key_index

    def __missing__(self, size: int) -> bytes:
        if len(self) >= _MAX_HEADS:
            self.clear()
        head = self[size] = _record_head(self.key_index, -1, size)
        return head


@lru_cache(maxsize=32)
def _heads_of(key_index: int) -> _Heads:
    return _Heads(key_index)


def _varint(value: int) -> bytes:
    """A protobuf varint. Source: https://protobuf.dev/programming-guides/encoding/#varints

    >>> _varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
