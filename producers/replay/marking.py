"""Events on their way back: which run brings them, when they had first arrived, and the bytes that say so."""

from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from glue.codec import MAX_REPLAY_AGE, Lateness, canonical, encode, parse_timestamp, wire_timestamp
from glue.contract import ContentEvent, ReplayMark
from producers.partitioning import partition_key
from producers.ports import OutRecord

Identity = tuple[str, str]
"""What tells one payload from all others: event id and fingerprint."""


class Span(msgspec.Struct, frozen=True):
    """When a record arrived, as far as is known: not before ``earliest``, not after ``latest`` (epoch seconds)."""

    earliest: float
    latest: float


def identity(event: ContentEvent) -> Identity:
    """The event's id and the fingerprint that its verdict row carries; a replay mark changes neither."""
    return event.event_id, sha256(canonical(event)).hexdigest()[:32]


def marked_arrival(event: ContentEvent) -> float | None:
    """The first arrival that the event itself tells, because it came by a replay before; None when it did not."""
    if event.replay is None:
        return None
    moment = parse_timestamp(event.replay.arrived_at)
    return moment.timestamp() if isinstance(moment, datetime) else None


def first_arrival(event: ContentEvent, span: Span, known: float | None, lateness: Lateness) -> float:
    """When the event reached the stream for the first time, in epoch seconds.

    By its own mark when it came by a replay before; else by the verdict that it has; else the end of the span: a copy
    that seems to arrive later than it did never displaces the payload that was there first. The one exception is an
    event that would then be too late: it was accepted once, so it arrived while it was not.

    Args:
        event: the event.
        span: when this copy arrived.
        known: its first arrival by the verdict that it has; None without one.
        lateness: the consumer's limits.
    """
    marked = marked_arrival(event)
    if marked is not None:
        return marked
    if known is not None:
        return min(known, span.latest)
    last_in_time = (event.created_at + lateness.past).timestamp()
    return max(span.earliest, min(span.latest, last_in_time))


def brought_back(event: ContentEvent, *, run_id: str, arrived: float, notify: bool = False) -> OutRecord:
    """The record that carries the event once more.

    Args:
        event: the event; a mark it has is replaced.
        run_id: the run that brings it back; event, policy and run make the verdict's id.
        arrived: epoch seconds of its first arrival.
        notify: whether a notice of its verdict is sent as if it were the first.

    >>> from glue.contract import ContentEvent
    >>> created = datetime(2026, 1, 1, tzinfo=UTC)
    >>> event = ContentEvent("01890a5d-ac96-774b-bcce-b302099a8057", "c", "a", "chat", created, "x")
    >>> brought_back(event, run_id="r-1", arrived=1767225600.5).data[-70:]
    b',"replay":{"run_id":"r-1","arrived_at":"2026-01-01T00:00:00.500000Z"}}'
    """
    moment = datetime.fromtimestamp(arrived, UTC)
    marked = msgspec.structs.replace(event, replay=ReplayMark(run_id, wire_timestamp(moment), notify))
    return OutRecord(event.event_id, partition_key(event.content_id), encode(marked))


def is_too_old(arrived: float, now: float) -> bool:
    """Whether the consumer would refuse a mark with this first arrival; both in epoch seconds."""
    return now - arrived > MAX_REPLAY_AGE.total_seconds()
