"""A shard's records, most of them in files: found as if all were in memory."""

import errno
import gc
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.kinesis.history import RECORD_BYTES, TRIM_RECORDS, History
from infra.local.kinesis.records import Record
from infra.local.kinesis.segments import Chunk, Segments
from tests.fakes.full_disk import files_of_at_most

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 3), st.integers(0, 2_000)),
        st.tuples(st.just("trim"), st.integers(0, 40), st.just(0)),
    ),
    max_size=60,
)


class _Full(Segments):
    """A disk that takes nothing until there is room again."""

    full = True

    def write(self, records: list[Record]) -> Chunk:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(records)


def _all(history: History, number: int = 0, since: float = 0.0) -> list[Record]:
    return [record for run in history.after(number, since=since) for record in run]


def _record(number: int, arrived: float = 0.0, size: int = 10) -> Record:
    return Record(number, arrived, f"key-{number}", bytes(size))


@given(_steps, st.integers(1, 5_000), st.integers(-1, 70), st.integers(-1, 190))
def test_whatever_has_left_memory_is_found_by_number_and_by_arrival(
    steps: list[tuple[str, int, int]], window: int, number: int, since: int
) -> None:
    history = History(Segments(file_bytes=3_000, cached_bytes=2_000), window=window)
    kept: list[Record] = []
    now = 0
    for kind, amount, size in steps:
        if kind == "append":
            now += amount
            kept.append(_record(len(kept) + 1, float(now), size))
            history.append(kept[-1])
        else:
            # Records that have expired may stay for a while, so only what is asked for since then is compared.
            history.trim(float(amount))
            since = max(since, amount)
    wanted = [one for one in kept if one.sequence > number and one.arrived >= since]
    assert _all(history, number, float(since)) == wanted
    assert history.has_after(number, since=float(since)) == bool(wanted)
    assert history.arrival_after(number, since=float(since)) == (wanted[0].arrived if wanted else None)
    first = next((one for one in kept if one.arrived >= since), None)
    assert history.arrived_since(float(since)) == first
    assert history.newest == (kept[-1] if kept and history.newest else None)


def test_memory_holds_two_windows_at_most_however_many_records_come() -> None:
    history = History(Segments(), window=50 * RECORD_BYTES)
    for number in range(1, 5_001):
        history.append(_record(number))
        in_memory = list(history.after(number - 101, since=0.0))[-1]
        assert len(in_memory) <= 100
    assert [one.sequence for one in _all(history)] == list(range(1, 5_001))


def test_a_full_disk_loses_no_record_and_they_leave_memory_once_there_is_room() -> None:
    disk = _Full()
    history = History(disk, window=20 * RECORD_BYTES)
    for number in range(1, 201):
        history.append(_record(number))
    assert len(list(history.after(0, since=0.0))) == 1
    disk.full = False
    for number in range(201, 301):
        history.append(_record(number))
    assert len(list(history.after(0, since=0.0))) > 10
    assert [one.sequence for one in _all(history)] == list(range(1, 301))


def test_files_have_no_name_and_are_closed_when_all_in_them_have_expired(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    history = History(Segments(tmp_path, file_bytes=10_000), window=20 * RECORD_BYTES)
    for number in range(1, 1_001):
        history.append(_record(number, float(number)))
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) > before + 2
    history.trim(10_000.0)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert (_all(history), history.newest) == ([], None)


def test_few_expired_records_in_memory_stay_until_there_are_many() -> None:
    history = History(Segments())
    for number in range(1, TRIM_RECORDS + 2):
        history.append(_record(number, float(number), size=0))
    history.trim(10.0)
    assert len(_all(history)) == TRIM_RECORDS + 1
    history.trim(float(TRIM_RECORDS + 1))
    assert len(_all(history)) == 1


def test_a_file_that_was_cut_is_named_instead_of_giving_less() -> None:
    segments = Segments(cached_bytes=0)
    chunk = segments.write([_record(1)])
    other = segments.write([_record(2)])
    os.ftruncate(chunk.piece.file.descriptor, chunk.piece.length)
    assert segments.read(chunk) == [_record(1)]
    with pytest.raises(OSError, match="missing from a temporary file"):
        segments.read(other)


def test_a_disk_that_takes_nothing_is_said_once_for_all_shards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segments = Segments(tmp_path)
    with files_of_at_most(10):
        for _ in range(3):
            with pytest.raises(OSError, match="File too large"):
                segments.write([Record(1, 0.0, "key", b"data" * 100)])
    assert caplog.messages == ["older records of streams stay in memory: File too large"]
