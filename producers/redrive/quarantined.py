"""A record that was set aside, as it lies in the quarantine table."""

from msgspec import Struct


class QuarantinedRow(Struct, frozen=True, kw_only=True):
    """One quarantined record: :class:`glue.contract.BadRow`, as far as bringing it back needs it.

    Args:
        payload: base64, or empty when it was too large to be kept with the row.
        arrived: epoch seconds.
    """

    bad_row_id: str
    reason: str
    detail: str
    stage: str
    payload: str
    payload_bytes: int
    shard_id: str
    sequence_number: str
    sub_sequence_number: int
    partition_key: str
    arrived: float
