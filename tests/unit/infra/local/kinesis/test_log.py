"""Streams and checkpoints that outlive the process."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.awslambda.checkpoints import CheckpointFile
from infra.local.kinesis import resharding
from infra.local.kinesis.log import StreamLog
from infra.local.kinesis.shards import UNLIMITED
from infra.local.kinesis.streams import PutEntry, Streams

NOW = 1_700_000_000.0
FIRST = "shardId-000000000000"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "streams"


def fresh(folder, now=NOW):
    log = StreamLog(folder)
    streams = Streams(limits=UNLIMITED, log=log)
    log.restore(streams, now=now)
    return streams, log


def fill(folder, count=5):
    streams, log = fresh(folder)
    stream = streams.create("content", shard_count=1, now=NOW, tags={"a": "b"})
    streams.put(stream, [PutEntry(b"%d" % at, f"k{at}") for at in range(count)], now=NOW)
    log.close()
    return stream


def data_of(streams, shard=FIRST, now=NOW):
    return [record.data for record in streams.read(streams.get("content"), shard, 0, now=now).records]


def test_a_stream_comes_back_with_settings_lineage_and_records(folder):
    streams, log = fresh(folder)
    stream = streams.create("content", shard_count=2, now=NOW, tags={"a": "b"})
    streams.put(stream, [PutEntry(b"x", "k", 0)], now=NOW)
    resharding.split(stream, stream.open_shards[0], 5, now=NOW + 1)
    stream.retention_hours = 48
    streams.changed(stream)
    log.close()

    again, log = fresh(folder)
    restored = again.get("content")
    assert restored.tags == {"a": "b"}
    assert restored.retention_hours == 48
    assert restored.created_at == NOW
    assert again.lineage(restored, now=NOW + 2) == streams.lineage(stream, now=NOW + 2)
    assert [s.shard_id for s in restored.open_shards] == [s.shard_id for s in stream.open_shards]
    read = again.read(restored, FIRST, 0, now=NOW + 2)
    assert list(read.records) == list(streams.read(stream, FIRST, 0, now=NOW + 2).records)
    assert read.ended
    log.close()


def test_numbers_go_on_rising_after_a_restart(folder):
    before = fill(folder).shards[FIRST].last
    streams, log = fresh(folder)
    [result] = streams.put(streams.get("content"), [PutEntry(b"5", "k")], now=NOW)
    assert result.record.sequence > before
    assert len(data_of(streams)) == 6
    log.close()


def test_numbers_go_on_rising_when_everything_has_expired(folder):
    before = fill(folder).shards[FIRST].last
    later = NOW + 30 * 3600
    streams, log = fresh(folder, later)
    assert data_of(streams, now=later) == []
    [result] = streams.put(streams.get("content"), [PutEntry(b"new", "k")], now=later)
    assert result.record.sequence > before
    log.close()
    assert len(list(StreamLog(folder).folder.glob("content/*.log"))) == 1


@given(cut=st.integers(1, 200))
@settings(max_examples=30)
def test_a_torn_tail_is_cut_off_and_the_log_goes_on(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("torn")
    fill(folder)
    path = folder / "content" / f"{FIRST}.log"
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - cut)])

    streams, log = fresh(folder)
    kept = data_of(streams)
    assert kept == [b"%d" % at for at in range(len(kept))]
    assert len(kept) < 5
    streams.put(streams.get("content"), [PutEntry(b"after", "k")], now=NOW)
    log.close()
    streams, log = fresh(folder)
    assert data_of(streams) == [*kept, b"after"]
    log.close()


def test_a_flipped_bit_ends_what_is_read_back(folder):
    fill(folder)
    path = folder / "content" / f"{FIRST}.log"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    streams, log = fresh(folder)
    kept = data_of(streams)
    assert kept == [b"%d" % at for at in range(len(kept))]
    assert len(kept) < 5
    log.close()


def test_a_deleted_stream_leaves_nothing_behind(folder):
    fill(folder)
    streams, log = fresh(folder)
    streams.delete(streams.get("content"))
    log.close()
    assert fresh(folder)[0].names() == []
    assert list(folder.iterdir()) == []


def test_checkpoints_are_kept_by_key_and_forgotten_by_key(tmp_path):
    path = tmp_path / "checkpoints.json"
    file = CheckpointFile(path)
    assert file.get("a") is None
    assert file.keep({"a": {FIRST: 2**185}})
    assert not file.keep({"a": {FIRST: 2**185}})
    assert file.keep({"b": {FIRST: 1}})
    assert CheckpointFile(path).get("a") == {FIRST: 2**185}
    assert file.forget("a")
    assert CheckpointFile(path).get("a") is None
    assert CheckpointFile(path).get("b") == {FIRST: 1}
