"""Whether an event can ever be accepted, asked before it is sent. The rule is the consumers': ``glue.codec.decode``."""

from datetime import UTC, datetime

from glue.codec import DEFAULT_LATENESS, Lateness, decode
from glue.contract import BadInput
from glue.readers.rejection import Rejection
from producers.limits import MAX_EVENT_BYTES
from producers.partitioning import partition_key
from producers.ports import OutRecord


def outgoing(
    payload: bytes, *, now: float, max_bytes: int = MAX_EVENT_BYTES, lateness: Lateness = DEFAULT_LATENESS
) -> OutRecord | Rejection:
    """The record that carries this event, or why it can never be accepted.

    Args:
        payload: one event as JSON (``glue.contract.WireEvent``, plus any fields of your own).
        now: epoch seconds; the event's time is judged as if it arrived now.
        max_bytes: the most an event may take, 256 KiB unless set.
        lateness: the consumers' limits on an event's time.

    >>> outgoing(b'{"schema_version": 1}', now=0.0).reason
    'missing:event_id'
    """
    if len(payload) > max_bytes:
        return Rejection("size", f"{len(payload)} bytes; allowed: at most {max_bytes}")
    event = decode(payload, datetime.fromtimestamp(now, UTC), lateness)
    if isinstance(event, BadInput):
        return Rejection(event.reason, event.detail)
    return OutRecord(event.event_id, partition_key(event.content_id), payload)
