"""Quarantine rows as an audit reads them: which bytes each stands for, also when the row does not keep them."""

import base64
from datetime import UTC, datetime
from hashlib import sha256

from msgspec import Struct

from glue.catalog import lake as parquet
from infra.audit.identity import record_id

_COLUMNS = (
    "bad_row_id",
    "payload",
    "payload_bytes",
    "shard_id",
    "sequence_number",
    "sub_sequence_number",
    "arrived_at",
)


class QuarantinedRow(Struct, frozen=True):
    """One quarantined record.

    Args:
        name: its id in the comparison.
        bad_row_id: names the row.
        data: its bytes; None when the row does not keep them.
        size: how many bytes it has.
        coordinate: what stands before the bytes where the row's name is made.
        arrived: epoch seconds.
    """

    name: str
    bad_row_id: str
    data: bytes | None
    size: int
    coordinate: bytes
    arrived: float

    @property
    def lines(self) -> list[bytes]:
        """The lines that it stands on; none when its bytes are not kept."""
        return [] if self.data is None else self.data.split(b"\n")

    def is_of(self, data: bytes) -> bool:
        """Whether these are its bytes: a row's name is the hash of its place in the stream and its bytes."""
        if self.data is not None or len(data) != self.size:
            return data == self.data
        return sha256(self.coordinate + data).hexdigest()[:32] == self.bad_row_id


def rows_of(body: bytes) -> list[QuarantinedRow]:
    """The rows of a quarantine object.

    Raises:
        glue.catalog.lake.DriftError, OSError, ValueError, ArithmeticError: it cannot be read.
    """
    return [_row(**values) for values in parquet.read_table(body, columns=list(_COLUMNS)).to_pylist()]


def _row(
    *,
    bad_row_id: str,
    payload: str | None,
    payload_bytes: int,
    shard_id: str,
    sequence_number: str,
    sub_sequence_number: int,
    arrived_at: datetime,
) -> QuarantinedRow:
    try:
        data = None if payload is None else base64.b64decode(payload, validate=True)
    except ValueError:
        data = None
    return QuarantinedRow(
        name=f"row:{bad_row_id}" if data is None else record_id(data),
        bad_row_id=bad_row_id,
        data=data,
        size=payload_bytes if data is None else len(data),
        coordinate=f"{shard_id}\n{sequence_number}\n{sub_sequence_number}\n".encode(),
        arrived=arrived_at.replace(tzinfo=UTC).timestamp(),
    )
