"""What travels through a delivery stream: source records, the pieces they are split into, and records that failed.

There are hundreds of thousands of these at a time, so the garbage collector is kept from looking at each: they hold
texts, bytes and one another, and no circle can come of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec


class KinesisCoordinate(msgspec.Struct, frozen=True, gc=False):
    """Where a record lay in its source stream."""

    shard_id: str
    partition_key: str
    sequence_number: str
    sub_sequence_number: int = 0


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where and when a record came in.

    Args:
        record_id: Firehose's id of the record, unique within the stream.
        arrival: epoch seconds.
        kinesis: its coordinate when the source is a Kinesis stream.
    """

    record_id: str
    arrival: float
    kinesis: KinesisCoordinate | None = None

    @property
    def arrival_millis(self) -> int:
        """The arrival in epoch milliseconds, as Firehose writes it."""
        return round(self.arrival * 1000)


class SourceRecord(msgspec.Struct, frozen=True, gc=False):
    """One record as it came in, after any KPL de-aggregation."""

    data: bytes
    origin: Origin


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Sub-records of one source record that go the same way.

    Args:
        records: the sub-records' bytes, at least one.
        origin: the source record they come from.
    """

    records: Sequence[bytes]
    origin: Origin

    @property
    def size(self) -> int:
        """Bytes, without delimiters."""
        return sum(map(len, self.records))


class FailedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record for the error output.

    Args:
        output_type: the ``error-output-type``, e.g. ``processing-failed``.
        code, message: AWS's error code and what happened, with nothing of the payload in it.
        data: the record's bytes.
        origin: where it came from.
        attempts: how often it was tried.
        ended: epoch seconds of the last try.
        lambda_arn: the function, for ``processing-failed``.
    """

    output_type: str
    code: str
    message: str
    data: bytes
    origin: Origin
    ended: float
    attempts: int = 1
    lambda_arn: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionKeys:
    """The dynamic partition of some records; empty for a stream without dynamic partitioning."""

    query: tuple[tuple[str, str], ...] = ()
    function: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Buffer:
    """Pieces that will be one object.

    Args:
        opened: epoch seconds at which the first piece came in.
    """

    opened: float
    pieces: list[Piece] = field(default_factory=list)
    size: int = 0

    def add(self, piece: Piece) -> None:
        """Appends a piece."""
        self.grow(piece, piece.size)

    def grow(self, piece: Piece, size: int) -> None:
        """Appends a piece whose size is known."""
        self.pieces.append(piece)
        self.size += size

    @property
    def records(self) -> int:
        """Sub-records in it."""
        return sum(len(piece.records) for piece in self.pieces)

    @property
    def oldest(self) -> float:
        """Epoch seconds of the oldest arrival in it."""
        return min(piece.origin.arrival for piece in self.pieces)
