"""What a load sends: made-up events, or a file's under new ids, each made by its number and the time it is due."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from struct import unpack
from typing import Protocol

import msgspec

from glue.codec import wire_timestamp
from glue.readers.rows import SourceError
from glue.readers.sources import Source
from producers.mapping.datasets import Dataset, PassedOver, RejectedRow
from producers.mapping.fields import Mapping
from producers.partitioning import partition_key
from producers.ports import OutRecord
from producers.synthetic.content import Maker, Shares
from producers.synthetic.malformed import REASONS, malformed

MAX_ROWS = 10_000
"""Of a file, kept in memory; a longer one repeats from its start after so many."""

_ONE = 65_536
_RECENT = 256
_DAY = 86_400.0


class Content(Protocol):
    """What can be sent."""

    def record(self, number: int, *, at: float) -> OutRecord:
        """The record of this number, as if it were sent at ``at`` (epoch seconds)."""
        ...


class MadeUp:
    """Events that are made up.

    Args:
        seed: another one makes others.
        now: epoch seconds of the first.
        shares: how much of what.
    """

    def __init__(self, *, seed: int, now: float, shares: Shares) -> None:
        self._maker = Maker(now=now, seed=seed, window=60.0, shares=shares)

    def record(self, number: int, *, at: float) -> OutRecord:
        """See :class:`Content`."""
        made = self._maker.make(number, at=at)
        return OutRecord(made.event_id or f"malformed-{number}", made.partition_key, made.payload)


class FromFile:
    """A file's events, over and over, each time under an event id of its own and created when it is sent.

    Args:
        events: as decoded JSON, at least one.
        seed: another one gives other ids.
        shares: of duplicates, late, malformed and hot ones; the others do not apply.
    """

    def __init__(self, events: Sequence[dict[str, object]], *, seed: int, shares: Shares) -> None:
        self._events = events
        self._key = blake2b(b"load %d" % seed, digest_size=32).digest()
        self._duplicate = round(shares.duplicate * _ONE)
        self._late = self._duplicate + round(shares.late * _ONE)
        self._malformed = self._late + round(shares.malformed * _ONE)
        self._hot = round(shares.hot * _ONE)
        self._recent: list[OutRecord] = []
        self._made = 0

    def record(self, number: int, *, at: float) -> OutRecord:
        """See :class:`Content`."""
        chance = blake2b(number.to_bytes(8, "big"), key=self._key)
        draw: tuple[int, ...] = unpack("<32H", chance.digest())
        made, self._made = self._made, self._made + 1
        if draw[0] < self._duplicate and self._recent:
            return self._recent[draw[1] % len(self._recent)]
        created = at - _DAY - draw[2] if self._duplicate <= draw[0] < self._late else at
        event = dict(self._events[number % len(self._events)])
        hexa = chance.hexdigest()
        millis = f"{int(created * 1000):012x}"
        event_id = f"{millis[:8]}-{millis[8:]}-7{hexa[:3]}-{'89ab'[draw[3] & 3]}{hexa[3:6]}-{hexa[6:18]}"
        if draw[4] < self._hot:
            event["content_id"] = "hot"
        event |= {"event_id": event_id, "created_at": wire_timestamp(datetime.fromtimestamp(created, UTC))}
        payload = msgspec.json.encode(event)
        key = partition_key(str(event["content_id"]))
        if self._late <= draw[0] < self._malformed:
            broken = malformed(REASONS[draw[5] % len(REASONS)], payload, draw[6])
            return OutRecord(f"malformed-{number}", key, broken)
        record = OutRecord(event_id, key, payload)
        if made % 16 == 0:
            place = made // 16 % _RECENT
            self._recent[place : place + 1] = [record]
        return record


def read_events(
    path: str, *, columns: dict[str, str], constants: dict[str, str], defaults: dict[str, str], now: float
) -> list[dict[str, object]]:
    """The events in a file's first rows, without those that cannot become one.

    Times and ids are not read: a load makes its own.

    Raises:
        SourceError: it cannot be read, or none of its rows is an event; the text names the first reason.
        ValueError: a name that is no field.
    """
    events: list[dict[str, object]] = []
    first: RejectedRow | None = None
    with Source(path) as source:
        mapping = Mapping(
            source=source.name,
            columns={**columns, "created_at": "", "event_id": ""},
            constants=constants,
            defaults=defaults,
        )
        for item in Dataset(source, mapping, now=now):
            if isinstance(item, RejectedRow):
                first = first or item
                continue
            if isinstance(item, PassedOver):
                continue
            events.append(msgspec.json.decode(item.data, type=dict[str, object]))
            if len(events) >= MAX_ROWS:
                break
    if not events:
        why = f"line {first.line}: {first.reason}: {first.detail}" if first else "it is empty"
        raise SourceError(f"{path}: no row is an event; {why}. Map columns with --map, --set or --default")
    return events
