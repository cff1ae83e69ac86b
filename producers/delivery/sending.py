"""Puts records on a stream until each is taken or given up: resends only what failed, and says which ids failed.

At least once: when the answer to a call is lost, its records are sent again and may be there twice; readers keep one
row per event id. PutRecords keeps no order, and a resend even less.

Source: https://docs.aws.amazon.com/streams/latest/dev/developing-producers-with-sdk.html (failures in PutRecords)
"""

from collections.abc import Iterable
from typing import Protocol

from glue.ports import Clock
from producers.delivery.batches import BatchDelivery
from producers.delivery.batching import Batcher
from producers.delivery.report import Accepted, DeliveryReport, DeliverySettings
from producers.delivery.spooled import LaneDelivery
from producers.ports import OutRecord, Stream, StreamRefusedError
from producers.spool.spool import Spool


class Delivery(Protocol):
    """What takes records and answers for every one of them."""

    @property
    def report(self) -> DeliveryReport:
        """What became of the events so far."""
        ...

    def put(self, record: OutRecord, *, timeout: float | None = None) -> None:
        """Takes the record over. With a spool, it is durable on return.

        Args:
            record: what to send.
            timeout: seconds to wait for room in a spool; None: as long as it takes, 0: not at all.

        Raises:
            StreamRefusedError: the stream can take nothing now; this record is in the report as failed, and so are all
                that are not yet sent, but for those that are in a spool: they stay there.
            SpoolFullError: no room in that time; the record was not taken.
            SpoolBrokenError: the disk failed; whether the record is in the spool is not known.
        """
        ...

    def flush(self) -> None:
        """Sends what waits and comes back when nothing is under way."""
        ...

    def abandon(self) -> None:
        """No more retries: what the stream has not taken by its current call is reported as failed or stays spooled."""
        ...

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Sends the rest, waits for every answer and gives the account of all records.

        Args:
            timeout: with a spool, seconds after which what is not sent stays there; None: ``settings.max_seconds``.
                Without a spool nothing could stay, and each batch has its own limit.
        """
        ...


def open_delivery(
    stream: Stream,
    *,
    clock: Clock,
    settings: DeliverySettings | None = None,
    on_accepted: Accepted | None = None,
    batcher: Batcher | None = None,
    spool: Spool | None = None,
) -> Delivery:
    """A delivery to this stream: through a lane for each shard with a spool or at a pace, else in batches.

    Args:
        stream: where to.
        clock: time and chance.
        settings: limits of the retries.
        on_accepted: called with the records of a call that were taken and where they lie, one call at a time.
        batcher: what one call can carry; None: PutRecords. Lanes make their own batches.
        spool: events go to disk first: ``put`` comes back once they are there, and whoever opens the spool next sends
            what was left. A full one makes ``put`` wait. Closed by whoever made it, after this.

    ``put`` and ``flush`` belong to one thread; with a spool, ``put`` to any, and they share its syncs. After ``close``
    every record is accounted for in the report.
    """
    settings = settings or DeliverySettings()
    if spool is not None or settings.paced:
        return LaneDelivery(stream, clock=clock, settings=settings, on_accepted=on_accepted, spool=spool)
    return BatchDelivery(stream, clock=clock, settings=settings, on_accepted=on_accepted, batcher=batcher)


def deliver(
    records: Iterable[OutRecord],
    stream: Stream,
    *,
    clock: Clock,
    settings: DeliverySettings | None = None,
    on_accepted: Accepted | None = None,
) -> DeliveryReport:
    """The account of all records after each was taken or given up.

    When the stream refuses everything, records not yet read from ``records`` are not in the report; ``report.stopped``
    says so.
    """
    delivery = open_delivery(stream, clock=clock, settings=settings, on_accepted=on_accepted)
    try:
        for record in records:
            delivery.put(record)
    except StreamRefusedError:
        pass
    except BaseException:
        delivery.abandon()
        delivery.close()
        raise
    return delivery.close()
