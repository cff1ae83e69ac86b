"""The archive's objects, record by record, with their bytes."""

from collections.abc import Iterator, Set
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from glue.archive import FIELD_MARK
from glue.codec import Lateness, decode
from glue.contract import BadInput, ContentEvent
from infra.audit.identity import record_id
from infra.audit.lake import Lake, unpacked
from producers.replay.archived import begins_at, records_in

ANY_AGE = Lateness(past=timedelta(days=36_500), future=timedelta(days=36_500))
"""Whether a record arrived in time is the consumer's question. Here it is only where one record ends."""


_ID_FIELD = b'"event_id"'
_ID_LENGTH = 36


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
    lines: int
    joined: bytes
    arrived: datetime | None
    place: str

    @property
    def is_plain_event(self) -> bool:
        """Whether it is an event on a line of its own, which SQL sees as it is."""
        return self.event is not None and self.lines == 1 and not self.joined


def records_of(lake: Lake, key: str) -> Iterator[ArchivedRecord]:
    """The records of one object, in order.

    Raises:
        infra.audit.lake.UnreadableError: it is gone, or no whole gzip.
    """
    lines = _lines_of(lake, key)
    arrived = datetime.fromtimestamp(begins_at(key) or 0.0, UTC)

    def read(data: bytes, known: datetime | None) -> ContentEvent | BadInput:
        return decode(data, known or arrived, ANY_AGE)

    for found in records_in(key, lines, read):
        event = found.event if isinstance(found.event, ContentEvent) else None
        yield ArchivedRecord(found.data, event, found.lines, found.joined, found.arrived, found.place)


def lines_with(lake: Lake, key: str, names: Set[str]) -> Iterator[tuple[str, bytes]]:
    """The events of one object that have these ids, each with its id, as far as they are plain lines.

    No other line is read: a few are looked for among very many.

    Args:
        names: ids of events.

    Raises:
        infra.audit.lake.UnreadableError: it is gone, or no whole gzip.
    """
    for line in _lines_of(lake, key):
        at = line.find(_ID_FIELD)
        if at < 0:
            continue
        start = line.find(b'"', at + len(_ID_FIELD)) + 1
        name = line[start : start + _ID_LENGTH].decode("latin-1")
        if name in names and record_id(data := line.partition(FIELD_MARK)[0]) == name:
            yield name, data


def _lines_of(lake: Lake, key: str) -> list[bytes]:
    lines = unpacked(lake.read(key)).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
