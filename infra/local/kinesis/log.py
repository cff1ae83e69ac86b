"""Keeps streams on disk: settings as a document, records as append-only logs, one per shard.

A put is in the operating system's hands when it is answered (no fsync), so it survives the process and not a power cut.
A torn tail, as a crash leaves it, is cut off when the log is read back. Expired records leave the disk at the next
start.
"""

from __future__ import annotations

import logging
import os
import shutil
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from infra.local.kinesis.shards import Record, Shard, ShardLimits
from infra.local.kinesis.streams import Stream, Streams

logger = logging.getLogger(__name__)

_FRAME = struct.Struct(">II")
_SETTINGS = "stream.json"
_SEQUENCE_BYTES = 24


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    sequence: bytes
    arrived: float
    partition_key: str
    data: bytes


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


class StreamLog:
    """Writes every change of the streams below a folder, and reads them back.

    Args:
        folder: made when missing; one folder per stream inside.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[tuple[str, str], BinaryIO] = {}

    def changed(self, stream: Stream) -> None:
        """Writes a stream's settings and lineage, in one step."""
        folder = self.folder / stream.name
        folder.mkdir(parents=True, exist_ok=True)
        document = _StreamDocument(
            name=stream.name,
            mode=stream.mode,
            created_at=stream.created_at,
            max_record_bytes=stream.max_record_bytes,
            retention_hours=stream.retention_hours,
            tags=stream.tags,
            key_id=stream.key_id,
            next_index=stream.next_index,
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
        replace_file(folder / _SETTINGS, msgspec.json.format(msgspec.json.encode(document)))

    def appended(self, stream: Stream, shard: Shard, records: Sequence[Record]) -> None:
        """Adds records to a shard's log."""
        key = (stream.name, shard.shard_id)
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = (self.folder / stream.name / f"{shard.shard_id}.log").open("ab")
        file.write(b"".join(_frame(record) for record in records))
        file.flush()

    def deleted(self, stream: Stream) -> None:
        """Removes a stream's folder."""
        for key in [key for key in self._files if key[0] == stream.name]:
            self._files.pop(key).close()
        shutil.rmtree(self.folder / stream.name, ignore_errors=True)

    def close(self) -> None:
        """Closes the logs."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def restore(self, streams: Streams, *, now: float) -> int:
        """Brings back every stream on disk; gives how many records came back."""
        count = 0
        for path in sorted(self.folder.glob(f"*/{_SETTINGS}")):
            document = msgspec.json.decode(path.read_bytes(), type=_StreamDocument)
            stream = Stream(
                name=document.name,
                arn=streams.arn(document.name),
                mode=document.mode,
                created_at=document.created_at,
                limits=streams.limits,
                max_record_bytes=document.max_record_bytes,
                retention_hours=document.retention_hours,
                tags=document.tags,
                key_id=document.key_id,
                next_index=document.next_index,
            )
            horizon = stream.horizon(now)
            for described in document.shards:
                if described.closed_at is not None and described.closed_at < horizon:
                    continue
                shard = _shard(described, streams.limits)
                count += _replay(path.with_name(f"{shard.shard_id}.log"), shard, horizon)
                stream.shards[shard.shard_id] = shard
            stream.reindex()
            streams.adopt(stream)
        return count


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a crash, meets the old content or the new, never a mixture."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    os.replace(fresh, path)


def _shard(document: _ShardDocument, limits: ShardLimits) -> Shard:
    return Shard(
        index=document.index,
        start_hash=int(document.start_hash),
        end_hash=int(document.end_hash),
        born=document.born,
        opened_at=document.opened_at,
        limits=limits,
        parents=document.parents,
        children=document.children,
        closed_at=document.closed_at,
    )


def _replay(path: Path, shard: Shard, horizon: float) -> int:
    if not path.exists():
        return 0
    content = path.read_bytes()
    records, good = [], 0
    for record, end in _frames(content):
        records.append(record)
        good = end
    if good < len(content):
        logger.warning("%s: %d bytes of a torn tail were cut off", path, len(content) - good)
        with path.open("r+b") as file:
            file.truncate(good)
    # The newest record stays whatever its age: the numbers of the next ones follow from it.
    kept = [record for at, record in enumerate(records) if record.arrived >= horizon or at == len(records) - 1]
    if len(kept) < len(records):
        replace_file(path, b"".join(_frame(record) for record in kept))
    for record in kept:
        shard.restore(record)
    return len(kept)


def _frame(record: Record) -> bytes:
    body = msgspec.msgpack.encode(
        _Entry(record.sequence.to_bytes(_SEQUENCE_BYTES, "big"), record.arrived, record.partition_key, record.data)
    )
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _frames(content: bytes) -> Iterator[tuple[Record, int]]:
    at = 0
    while at + _FRAME.size <= len(content):
        length, check = _FRAME.unpack_from(content, at)
        end = at + _FRAME.size + length
        body = content[at + _FRAME.size : end]
        if len(body) < length or zlib.crc32(body) != check:
            return
        entry = msgspec.msgpack.decode(body, type=_Entry)
        yield Record(int.from_bytes(entry.sequence, "big"), entry.arrived, entry.partition_key, entry.data), end
        at = end
