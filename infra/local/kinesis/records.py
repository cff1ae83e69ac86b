"""A record of a stream, and a run of them as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

_SEQUENCE_BYTES: Final = 24


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record at rest in a shard: its number, arrival time (epoch seconds), key and bytes."""

    sequence: int
    arrived: float
    partition_key: str
    data: bytes

    @property
    def sequence_number(self) -> str:
        """The number as the API shows it, 56 digits."""
        return str(self.sequence)

    @property
    def size(self) -> int:
        """Bytes that count against the limits: data and partition key."""
        return len(self.data) + len(self.partition_key.encode())


class _Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    sequence: bytes
    arrived: float
    partition_key: str
    data: bytes


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[_Entry])


def encode(records: Sequence[Record]) -> bytes:
    """Records as bytes."""
    return _encode(
        [(one.sequence.to_bytes(_SEQUENCE_BYTES, "big"), one.arrived, one.partition_key, one.data) for one in records]
    )


def decode(body: bytes) -> list[Record]:
    """The records of ``encode``.

    >>> decode(encode([Record(2**185, 1.5, "key", b"data")])) == [Record(2**185, 1.5, "key", b"data")]
    True
    """
    number = int.from_bytes
    return [
        Record(number(entry.sequence, "big"), entry.arrived, entry.partition_key, entry.data)
        for entry in _decoder.decode(body)
    ]
