"""Keeps what a delivery stream has taken and not yet written to S3, so that a restarted runtime delivers it.

Records put directly are kept with their bytes. Those of a Kinesis stream are in that stream already: of them only the
place from which to read again is kept. After a kill, what had been written of a record's neighbours may be written
again, as Firehose itself may do: delivery is at least once.
"""

from collections.abc import Iterable, Sequence

import msgspec

from infra.local.durable.store import Store
from infra.local.firehose.records import Origin, SourceRecord


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    record_id: str
    arrival: float
    data: bytes


_encode = msgspec.msgpack.Encoder().encode


class DeliveryJournal:
    """What one delivery stream holds, in a store.

    Args:
        store: of the runtime's folder.
        name: the stream's.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._released = float("-inf")
        self._positions: dict[str, str] = {}

    def accepted(self, records: Sequence[SourceRecord]) -> None:
        """Keeps records that were put directly; call it before they are taken in."""
        entries = [_Entry(r.origin.record_id, r.origin.arrival, r.data) for r in records if r.origin.kinesis is None]
        if entries:
            self._store.add(
                "INSERT INTO buffers (stream, newest, entries) VALUES (?, ?, ?)",
                (self._name, max(entry.arrival for entry in entries), _encode(entries)),
            )

    def held(self, origins: Iterable[Origin], *, read_to: dict[str, int], now: float) -> None:
        """Forgets what is neither here any more: call it with the origins of all that is still held.

        Args:
            read_to: by shard, the position up to which the source has been read.
            now: epoch seconds; all that was put before this and is not among the origins has been written.
        """
        oldest = now
        positions = dict(read_to)
        for origin in origins:
            oldest = min(oldest, origin.arrival)
            if origin.kinesis is not None:
                before = int(origin.kinesis.sequence_number) - 1
                positions[origin.kinesis.shard_id] = min(before, positions.get(origin.kinesis.shard_id, before))
        if read_to:
            fresh = {shard_id: str(position) for shard_id, position in positions.items()}
            if fresh != self._positions:
                self._positions = fresh
                self._store.add("INSERT OR REPLACE INTO positions VALUES (?, ?)", (self._name, _encode(fresh)))
        elif oldest > self._released:
            self._released = oldest
            self._store.add("DELETE FROM buffers WHERE stream = ? AND newest < ?", (self._name, oldest))

    def records(self) -> list[SourceRecord]:
        """The records put directly that were kept."""
        rows = self._store.rows("SELECT entries FROM buffers WHERE stream = ? ORDER BY id", (self._name,))
        return [
            SourceRecord(entry.data, Origin(entry.record_id, entry.arrival))
            for (entries,) in rows
            for entry in msgspec.msgpack.decode(entries, type=list[_Entry])
        ]

    def positions(self) -> dict[str, int]:
        """The places in the source stream from which to read again."""
        rows = self._store.rows("SELECT positions FROM positions WHERE stream = ?", (self._name,))
        if not rows:
            return {}
        kept = msgspec.msgpack.decode(rows[0][0], type=dict[str, str])
        return {shard_id: int(position) for shard_id, position in kept.items()}

    def forget(self) -> None:
        """Removes all that is kept of the stream, which is deleted."""
        self._store.add("DELETE FROM buffers WHERE stream = ?", (self._name,))
        self._store.add("DELETE FROM positions WHERE stream = ?", (self._name,))
