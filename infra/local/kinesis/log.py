"""Keeps streams over restarts: their settings and lineage as a document, their records as they arrived."""

from collections.abc import Sequence

import msgspec

from infra.local.durable.store import Store
from infra.local.kinesis.records import Record, decode, encode
from infra.local.kinesis.shards import Shard
from infra.local.kinesis.streams import Stream, Streams

_TRIM_SECONDS = 60.0


class _ShardDocument(msgspec.Struct, frozen=True):
    index: int
    start_hash: str
    end_hash: str
    born: int
    opened_at: float
    closed_at: float | None
    parents: tuple[str, ...]
    children: tuple[str, ...]


class _StreamDocument(msgspec.Struct, frozen=True):
    name: str
    mode: str
    created_at: float
    max_record_bytes: int
    retention_hours: int
    tags: dict[str, str]
    key_id: str | None
    next_index: int
    shards: list[_ShardDocument]
    consumers: dict[str, float] = {}


_encode = msgspec.msgpack.Encoder().encode


class StreamLog:
    """Hands every change of the streams to a store, and reads them back.

    Args:
        store: of the runtime's folder.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._trimmed: dict[str, float] = {}

    def changed(self, stream: Stream) -> None:
        """Keeps a stream's settings and lineage."""
        document = _StreamDocument(
            name=stream.name,
            mode=stream.mode,
            created_at=stream.created_at,
            max_record_bytes=stream.max_record_bytes,
            retention_hours=stream.retention_hours,
            tags=stream.tags,
            key_id=stream.key_id,
            next_index=stream.next_index,
            consumers=stream.consumers,
            shards=[
                _ShardDocument(
                    index=shard.index,
                    start_hash=str(shard.start_hash),
                    end_hash=str(shard.end_hash),
                    born=shard.born,
                    opened_at=shard.opened_at,
                    closed_at=shard.closed_at,
                    parents=shard.parents,
                    children=shard.children,
                )
                for shard in stream.shards.values()
            ],
        )
        self._store.add("INSERT OR REPLACE INTO streams VALUES (?, ?)", (stream.name, _encode(document)))

    def appended(self, stream: Stream, shard: Shard, records: Sequence[Record]) -> None:
        """Keeps records of a shard; those that have expired go now and then."""
        newest = records[-1].arrived
        self._store.add(
            "INSERT INTO records (stream, shard, newest, entries) VALUES (?, ?, ?, ?)",
            (stream.name, shard.shard_id, newest, encode(records)),
        )
        if newest >= self._trimmed.setdefault(stream.name, newest) + _TRIM_SECONDS:
            self._trimmed[stream.name] = newest
            # The newest of a shard stays whatever its age: the numbers of the next ones follow from it.
            self._store.add(
                "DELETE FROM records WHERE stream = ?1 AND newest < ?2 AND id NOT IN "
                "(SELECT max(id) FROM records WHERE stream = ?1 GROUP BY shard)",
                (stream.name, stream.horizon(newest)),
            )

    def deleted(self, stream: Stream) -> None:
        """Forgets a stream and its records."""
        self._store.add("DELETE FROM streams WHERE name = ?", (stream.name,))
        self._store.add("DELETE FROM records WHERE stream = ?", (stream.name,))

    def restore(self, streams: Streams, *, now: float) -> list[Stream]:
        """The streams that were kept, with the records that have not expired."""
        found = []
        for _, document in self._store.rows("SELECT name, document FROM streams ORDER BY name"):
            stream = _stream(msgspec.msgpack.decode(document, type=_StreamDocument), streams)
            horizon = stream.horizon(now)
            for shard in stream.shards.values():
                self._fill(stream, shard, horizon)
            for shard_id in [s.shard_id for s in stream.shards.values() if s.closed_at and s.closed_at < horizon]:
                del stream.shards[shard_id]
            stream.reindex()
            found.append(stream)
        return found

    def _fill(self, stream: Stream, shard: Shard, horizon: float) -> None:
        newest: list[Record] = []
        for (entries,) in self._store.each(
            "SELECT entries FROM records WHERE stream = ? AND shard = ? ORDER BY id", (stream.name, shard.shard_id)
        ):
            for record in newest:
                if record.arrived >= horizon:
                    shard.restore(record)
            newest = decode(entries)
        for record in newest:
            shard.restore(record)


def _stream(document: _StreamDocument, streams: Streams) -> Stream:
    stream = Stream(
        name=document.name,
        arn=streams.arn(document.name),
        mode=document.mode,
        created_at=document.created_at,
        limits=streams.limits,
        segments=streams.segments,
        max_record_bytes=document.max_record_bytes,
        retention_hours=document.retention_hours,
        tags=document.tags,
        consumers=document.consumers,
        key_id=document.key_id,
        next_index=document.next_index,
    )
    for described in document.shards:
        shard = Shard(
            index=described.index,
            start_hash=int(described.start_hash),
            end_hash=int(described.end_hash),
            born=described.born,
            opened_at=described.opened_at,
            limits=streams.limits,
            segments=streams.segments,
            parents=described.parents,
            children=described.children,
            closed_at=described.closed_at,
        )
        stream.shards[shard.shard_id] = shard
    return stream
