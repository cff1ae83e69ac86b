"""What delivery is told and what it tells: settings, and the account of every record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from producers.ports import OutRecord, PutResult, StreamRefusedError

THROTTLED = "ProvisionedThroughputExceededException"
THROTTLES = frozenset({THROTTLED, "ServiceUnavailableException"})
"""Kinesis's word for it, and Firehose's."""

INTERRUPTED = "interrupted"

Accepted = Callable[[Sequence[tuple[OutRecord, PutResult]]], None]


_LATENCIES = 100_000


class DeliverySettings(Struct, frozen=True, kw_only=True):
    """How hard delivery tries.

    Args:
        in_flight: calls at the same time, 1 to 64; ``put`` waits when all are busy.
        max_attempts: calls in a row that brought none of a batch's records through before the rest is given up.
        max_seconds: the longest one batch may take from its first call to its last. With a spool nothing is given up:
            it is how long ``close`` goes on sending when it is not told.
        base_delay: seconds; the n-th wait is a random part of ``base_delay * 2**n`` (full jitter).
        max_delay: seconds; the longest wait between two calls.
        linger: seconds after which a batch that is not full is sent; None: only when it is full or flushed.
        keep_ids: whether the report lists the accepted ids, or only counts them.
        paced: keep a lane for each shard and a rate that follows its throttles; always so with a spool.
        durable_put: with a spool, ``put`` comes back once the event is on disk; else soon after, and what is not yet
            there when the process dies was never accepted.
    """

    in_flight: int = 4
    max_attempts: int = 10
    max_seconds: float = 120.0
    base_delay: float = 0.1
    max_delay: float = 5.0
    linger: float | None = None
    keep_ids: bool = True
    paced: bool = False
    durable_put: bool = True


class NotDeliverable(Struct, frozen=True):
    """Events that were not taken, why, and what to do next."""

    event_ids: tuple[str, ...]
    reason: str
    attempts: int
    next_step: str


@dataclass(kw_only=True)
class DeliveryReport:
    """What became of every record that was put: each id is in ``accepted_ids`` or in one of ``failed``.

    Events are counted, also those inside an aggregate; ``resent`` and ``throttled`` count Kinesis records.

    With a spool an event is accepted once it is on disk, so accepted = sent + spooled, but for what was left over from
    before: ``sent`` and ``spooled`` count that too. An accepted event that the stream refuses is in ``failed`` as well
    and stays in the spool. Without a spool ``sent`` is ``accepted`` and ``spooled`` is 0.
    """

    accepted: int = 0
    sent: int = 0
    spooled: int = 0
    left_over: int = 0
    accepted_ids: list[str] = field(default_factory=list)
    failed: list[NotDeliverable] = field(default_factory=list)
    calls: int = 0
    resent: int = 0
    throttled: int = 0
    bytes_sent: int = 0
    latencies: list[float] = field(default_factory=list)
    stopped: StreamRefusedError | None = None

    @property
    def failed_ids(self) -> list[str]:
        """The ids that are not in the stream as far as its answers say."""
        return [event_id for group in self.failed for event_id in group.event_ids]

    def count_call(self, seconds: float, sent: Sequence[OutRecord], *, resent: int, throttled: int) -> int:
        """Adds one call; gives the number of events that it brought into the stream.

        The newest latencies are kept, so that a producer that runs for weeks does not grow.

        Args:
            seconds: how long it took.
            sent: the records that the stream took.
            resent: how many of the call's records had been sent before.
            throttled: how many met a throttle.
        """
        if len(self.latencies) >= _LATENCIES:
            del self.latencies[: _LATENCIES // 2]
        self.latencies.append(seconds)
        events = sum(len(record.inside) or 1 for record in sent)
        self.calls += 1
        self.resent += resent
        self.throttled += throttled
        self.sent += events
        self.bytes_sent += sum(record.size for record in sent)
        return events

    def accept(self, records: Sequence[OutRecord], *, keep_ids: bool) -> None:
        """Counts the events of these records as accepted.

        Args:
            records: what is durable now.
            keep_ids: whether to list their ids as well.
        """
        self.accepted += sum(len(record.inside) or 1 for record in records)
        if keep_ids:
            self.accepted_ids += [event_id for record in records for event_id in record.event_ids]

    def fail(self, records: Sequence[OutRecord], reason: str, attempts: int) -> None:
        """Lists the events of these records as not delivered.

        Args:
            records: what the stream did not take.
            reason: why, as a word of AWS's or ours.
            attempts: calls that were made for them.
        """
        event_ids = tuple(event_id for record in records for event_id in record.event_ids)
        self.failed.append(NotDeliverable(event_ids, reason, attempts, next_step(reason)))

    def latency(self, share: float) -> float | None:
        """Seconds that this share (0 to 1) of the calls stayed under, None before the first call.

        >>> DeliveryReport(latencies=[0.1, 0.2, 0.3, 0.4]).latency(0.5)
        0.2
        """
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def next_step(reason: str) -> str:
    """What to do about events that were not taken for this reason."""
    if reason in THROTTLES:
        return "Lower the rate, or add shards (Firehose: ask for a higher quota), then send these ids again"
    if reason.startswith("unsendable"):
        return "Make the record smaller or its key shorter; it can never be sent as it is"
    if reason == INTERRUPTED:
        return "Send these ids again; an id that was taken after all is kept once"
    return "Send these ids again when the cause is gone; an id that was taken after all is kept once"
