"""Streams over restarts: what was put is there, with its numbers and its lineage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.durable.store import Store
from infra.local.kinesis import resharding
from infra.local.kinesis.log import StreamLog
from infra.local.kinesis.shards import UNLIMITED
from infra.local.kinesis.streams import PutEntry, Stream, Streams

NOW = 1_700_000_000.0
FIRST = "shardId-000000000000"


class Runs:
    """Runs of a runtime over one folder, one after the other; a run ends without any farewell."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stores: list[Store] = []

    def next(self, now: float = NOW) -> Streams:
        for store in self._stores:
            store.settle()
        store = Store(self._folder)
        self._stores.append(store)
        log = StreamLog(store)
        streams = Streams(limits=UNLIMITED, log=log)
        streams.keep(log.restore(streams, now=now))
        streams.take_up_kept()
        return streams

    def close(self) -> None:
        for store in self._stores:
            store.close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    yield made
    made.close()


def fill(runs: Runs, count: int = 5) -> Stream:
    streams = runs.next()
    stream = streams.create("content", shard_count=1, now=NOW, tags={"a": "b"})
    streams.put(stream, [PutEntry(b"%d" % at, f"k{at}") for at in range(count)], now=NOW)
    return stream


def data_of(streams: Streams, shard: str = FIRST, now: float = NOW) -> list[bytes]:
    return [record.data for record in streams.read(streams.get("content"), shard, 0, now=now).records]


def test_a_stream_comes_back_with_settings_lineage_and_records(runs: Runs) -> None:
    streams = runs.next()
    stream = streams.create("content", shard_count=2, now=NOW, tags={"a": "b"})
    streams.put(stream, [PutEntry(b"x", "k", 0)], now=NOW)
    resharding.split(stream, stream.open_shards[0], 5, now=NOW + 1)
    stream.retention_hours = 48
    streams.changed(stream)

    again = runs.next()
    restored = again.get("content")
    assert restored.tags == {"a": "b"}
    assert restored.retention_hours == 48
    assert restored.created_at == NOW
    assert again.lineage(restored, now=NOW + 2) == streams.lineage(stream, now=NOW + 2)
    assert [s.shard_id for s in restored.open_shards] == [s.shard_id for s in stream.open_shards]
    read = again.read(restored, FIRST, 0, now=NOW + 2)
    assert list(read.records) == list(streams.read(stream, FIRST, 0, now=NOW + 2).records)
    assert read.ended


def test_a_stream_that_a_template_creates_again_goes_on_with_its_shards_and_records(tmp_path: Path, runs: Runs) -> None:
    stream = fill(runs)
    with_kept = runs.next()
    with_kept.delete(with_kept.get("content"))  # makes the log forget it: only what is held counts below
    streams = Streams(limits=UNLIMITED)
    streams.keep([stream])

    made = streams.create("content", shard_count=4, now=NOW + 9, max_record_kib=2048)

    assert data_of(streams) == [b"0", b"1", b"2", b"3", b"4"]
    assert (made.created_at, list(made.shards), made.max_record_bytes) == (NOW, [FIRST], 2048 * 1024)


def test_numbers_go_on_rising_after_a_restart(runs: Runs) -> None:
    before = fill(runs).shards[FIRST].last
    streams = runs.next()
    [result] = streams.put(streams.get("content"), [PutEntry(b"5", "k")], now=NOW)
    assert result.record is not None
    assert result.record.sequence > before
    assert len(data_of(streams)) == 6


def test_numbers_go_on_rising_when_everything_has_expired(runs: Runs) -> None:
    before = fill(runs).shards[FIRST].last
    later = NOW + 30 * 3600
    streams = runs.next(later)
    assert data_of(streams, now=later) == []
    [result] = streams.put(streams.get("content"), [PutEntry(b"new", "k")], now=later)
    assert result.record is not None
    assert result.record.sequence > before


def test_expired_records_leave_the_disk_while_the_stream_is_written(tmp_path: Path, runs: Runs) -> None:
    fill(runs)
    streams = runs.next()
    for hours in (30, 31):
        streams.put(streams.get("content"), [PutEntry(b"new", "k")], now=NOW + hours * 3600)
    runs.next(NOW + 31 * 3600)
    store = Store(tmp_path)
    assert store.rows("SELECT count(*) FROM records") == [(2,)]
    store.close()


def test_a_deleted_stream_leaves_nothing_behind(tmp_path: Path, runs: Runs) -> None:
    fill(runs)
    streams = runs.next()
    streams.delete(streams.get("content"))
    assert runs.next().names() == []
    store = Store(tmp_path)
    assert store.rows("SELECT count(*) FROM records") == [(0,)]
    store.close()
