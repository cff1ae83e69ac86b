"""The archive's objects, record by record, with their bytes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from glue.codec import Lateness, decode
from glue.contract import BadInput, ContentEvent
from infra.audit.lake import Lake, unpacked
from producers.replay.archived import begins_at, records_in

ANY_AGE = Lateness(past=timedelta(days=36_500), future=timedelta(days=36_500))
"""Whether a record arrived in time is the consumer's question. Here it is only where one record ends."""


class ArchivedRecord(Struct, frozen=True):
    """One record of the archive.

    Args:
        data: its bytes.
        event: the event in them; None when there is none.
        lines: how many lines it stands on; of records that share lines, the first has them all.
        joined: the lines that it shares with other records; empty when it has its own.
        arrived: when it reached the stream; None where the archive does not know.
        place: shard, sequence and sub-sequence number, with colons between; empty where the archive does not know.
    """

    data: bytes
    event: ContentEvent | None
    lines: int = 1
    joined: bytes = b""
    arrived: datetime | None = None
    place: str = ""

    @property
    def is_plain_event(self) -> bool:
        """Whether it is an event on a line of its own, which SQL sees as it is."""
        return self.event is not None and self.lines == 1 and not self.joined


def records_of(lake: Lake, key: str) -> Iterator[ArchivedRecord]:
    """The records of one object, in order.

    Raises:
        infra.audit.lake.UnreadableError: it is gone, or no whole gzip.
    """
    body = unpacked(lake.read(key))
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    arrived = datetime.fromtimestamp(begins_at(key) or 0.0, UTC)

    def read(data: bytes, known: datetime | None) -> ContentEvent | BadInput:
        return decode(data, known or arrived, ANY_AGE)

    for found in records_in(key, lines, read):
        event = found.event if isinstance(found.event, ContentEvent) else None
        yield ArchivedRecord(found.data, event, found.lines, found.joined, found.arrived, found.place)
