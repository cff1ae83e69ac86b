"""Shard iterators: a position in a shard as an opaque string that expires after five minutes."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Final

import msgspec

from infra.local.errors import ApiError
from infra.local.kinesis.streams import Stream, Streams

LIFETIME_SECONDS = 300.0
TYPES: Final = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
_VERSION = b"\x01"
_CHECK = 8


class Iterator(msgspec.Struct, frozen=True, array_like=True):
    """A place to read on from: everything in the shard after ``after``.

    ``stream_born`` tells a stream from a later one of the same name.
    """

    stream: str
    stream_born: float
    shard_id: str
    after: str
    issued: float


def encode(iterator: Iterator) -> str:
    """The iterator as the string a client holds."""
    payload = _VERSION + msgspec.msgpack.encode(iterator)
    return base64.b64encode(hashlib.sha256(payload).digest()[:_CHECK] + payload).decode()


def decode(token: str, *, now: float) -> Iterator:
    """The iterator behind a client's string.

    Raises:
        ApiError: InvalidArgumentException when it is not one of ours, ExpiredIteratorException after five minutes.
    """
    iterator = _unpack(token)
    if iterator is None:
        raise ApiError("InvalidArgumentException", "Invalid ShardIterator.")
    if now - iterator.issued > LIFETIME_SECONDS:
        raise ApiError(
            "ExpiredIteratorException",
            f"Iterator expired. The iterator was created at time {_show(iterator.issued)} while right now it is "
            f"{_show(now)} which is further in the future than the tolerated delay of "
            f"{int(LIFETIME_SECONDS * 1000)} milliseconds.",
        )
    return iterator


def stream_of(token: str) -> str:
    """The name of the stream that an iterator is of, expired or not; ``*`` for what is none."""
    iterator = _unpack(token)
    return "*" if iterator is None else iterator.stream


def _unpack(token: str) -> Iterator | None:
    try:
        raw = base64.b64decode(token, validate=True)
        check, payload = raw[:_CHECK], raw[_CHECK:]
        if hashlib.sha256(payload).digest()[:_CHECK] != check or payload[:1] != _VERSION:
            return None
        return msgspec.msgpack.decode(payload[1:], type=Iterator)
    except (ValueError, msgspec.MsgspecError):
        return None


def issue(stream: Stream, shard_id: str, after: int, *, now: float) -> str:
    """A fresh iterator string for everything after a position."""
    return encode(Iterator(stream.name, stream.created_at, shard_id, str(after), now))


def start(
    streams: Streams,
    stream: Stream,
    shard_id: str,
    *,
    kind: str,
    now: float,
    sequence_number: str | None = None,
    timestamp: float | None = None,
) -> int:
    """The position that an iterator type stands for.

    Args:
        kind: one of ``TYPES``.
        sequence_number: for AT_ and AFTER_SEQUENCE_NUMBER.
        timestamp: for AT_TIMESTAMP, epoch seconds, not in the future.

    Raises:
        ApiError: InvalidArgumentException when what the type needs is missing or outside the shard.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
    """
    shard = streams.shard(stream, shard_id)
    if kind == "TRIM_HORIZON":
        return 0
    if kind == "LATEST":
        return shard.last
    if kind == "AT_TIMESTAMP":
        if timestamp is None:
            raise ApiError("InvalidArgumentException", f"A Timestamp is required for ShardIteratorType {kind}.")
        if timestamp > now:
            raise ApiError(
                "InvalidArgumentException",
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                f"timestampInMillis: {int(timestamp * 1000)}, currentTimestampInMillis: {int(now * 1000)}",
            )
        return shard.before(timestamp)
    if sequence_number is None:
        raise ApiError("InvalidArgumentException", f"StartingSequenceNumber is required for ShardIteratorType {kind}.")
    number = int(sequence_number)
    if not shard.starting <= number <= shard.last:
        raise ApiError(
            "InvalidArgumentException",
            f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard_id} in stream {stream.name} "
            f"under account {streams.account} is invalid because it did not come from this shard.",
        )
    return number - 1 if kind == "AT_SEQUENCE_NUMBER" else number


def _show(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
