"""The spool keeps what it accepted through kills, power cuts and bad bytes, and is never larger than it may be."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.ports import OutRecord
from producers.spool.errors import SpoolBrokenError, SpoolError, SpoolFullError, SpoolLockedError, SpoolTooSmallError
from producers.spool.findings import QUARANTINE, look_all
from producers.spool.lock import writer
from producers.spool.spool import SMALLEST_BYTES, Spool, Spooled
from tests.fakes.disk import Crash, MortalDisk


def records(start: int, count: int, size: int = 40) -> list[OutRecord]:
    numbers = range(start, start + count)
    return [OutRecord(f"e{number}", f"key-{number}", bytes([number % 251]) * size) for number in numbers]


def accept(spool: Spool, batch: list[OutRecord], now: float = 1.0) -> None:
    spool.sync(spool.append(batch, now=now, timeout=0))


def fill(spool: Spool) -> int:
    """Accepts records of 1,000 bytes until there is no room."""
    for place in itertools.count():
        try:
            accept(spool, records(place, 1, size=1_000))
        except SpoolFullError:
            return place
    raise AssertionError


def everything(spool: Spool) -> list[Spooled]:
    return [one for chunk in iter(spool.read, []) for one in chunk]


def ids(spooled: list[Spooled]) -> list[str]:
    return [one.record.event_id for one in spooled]


def acknowledge(spool: Spool, spooled: list[Spooled]) -> None:
    spool.acknowledge([(one.number, one.place) for one in spooled])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_what_is_accepted_comes_out_in_order_with_all_its_fields(folder: Path) -> None:
    with Spool(folder) as spool:
        accept(spool, records(0, 3), now=7.5)
        out = everything(spool)
        assert [one.record for one in out] == records(0, 3)
        assert [(one.number, one.at) for one in out] == [(0, 7.5), (1, 7.5), (2, 7.5)]
        assert spool.fetch(out[1].place) == out[1].record
        assert everything(spool) == []


def test_a_segment_that_is_drained_goes_on_being_used_until_it_is_half_full(folder: Path) -> None:
    with Spool(folder, segment_bytes=4_000) as spool:

        def accept_and_drain(number: int) -> str:
            accept(spool, records(number, 1, size=500))
            acknowledge(spool, everything(spool))
            return ",".join(one.name for one in folder.glob("*.segment"))

        first = [accept_and_drain(number) for number in range(3)]
        assert len(set(first)) == 1
        assert first[0]
        # Four of some 560 bytes are more than half: then it is removed, and the next record begins another.
        assert accept_and_drain(3) == ""
        assert accept_and_drain(4) not in ("", first[0])


def test_records_larger_than_a_segment_have_one_each(folder: Path) -> None:
    with Spool(folder, segment_bytes=1_000) as spool:
        accept(spool, records(0, 3, size=5_000))
        accept(spool, records(3, 1, size=10))
        assert len(list(folder.glob("*.segment"))) == 4
        assert [one.record for one in everything(spool)] == [*records(0, 3, size=5_000), *records(3, 1, size=10)]
    with Spool(folder) as again:
        assert [one.record for one in everything(again)] == [*records(0, 3, size=5_000), *records(3, 1, size=10)]


def test_a_record_is_readable_only_once_it_is_on_disk(folder: Path) -> None:
    with Spool(folder) as spool:
        upto = spool.append(records(0, 1), now=1.0)
        assert (everything(spool), spool.durable) == ([], 0)
        spool.sync(upto)
        assert ids(everything(spool)) == ["e0"]


def test_a_clean_restart_gives_exactly_what_was_not_acknowledged(folder: Path) -> None:
    with Spool(folder, segment_bytes=4_000) as spool:
        accept(spool, records(0, 200))
        out = everything(spool)
        acknowledge(spool, out[:50] + out[60:150])
    with Spool(folder) as spool:
        assert spool.opened.records == 60
        assert (spool.opened.torn, spool.opened.corrupt) == ([], [])
        assert ids(everything(spool)) == ids(out[50:60] + out[150:])


def test_segments_of_which_nothing_is_left_are_removed(folder: Path) -> None:
    with Spool(folder, segment_bytes=1_000) as spool:
        accept(spool, records(0, 100))
        assert len(list(folder.glob("*.segment"))) > 5
        acknowledge(spool, everything(spool))
        assert len(list(folder.glob("*.segment"))) <= 1
    assert sorted(path.name for path in folder.iterdir()) == ["lock"]


def test_a_full_spool_accepts_nothing_and_says_so_until_records_leave(folder: Path) -> None:
    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        kept = fill(spool)
        with pytest.raises(SpoolFullError, match=r"is full: .* more room"):
            accept(spool, records(kept, 1, size=1_000))
        assert spool.size <= SMALLEST_BYTES
        out = everything(spool)
        assert len(out) == kept > 50
        acknowledge(spool, out)
        accept(spool, records(kept, 1, size=1_000))


def test_a_put_into_a_full_spool_waits_for_room(folder: Path) -> None:
    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        fill(spool)
        waiting = threading.Thread(target=lambda: spool.sync(spool.append(records(900, 1, size=1_000), now=1.0)))
        waiting.start()
        assert waiting.is_alive()
        acknowledge(spool, everything(spool))
        waiting.join(600)
        assert ids(everything(spool)) == ["e900"]


def test_what_can_never_fit_is_refused_at_once(folder: Path) -> None:
    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool, pytest.raises(SpoolTooSmallError, match="give it more room"):
        spool.append(records(0, 1, size=SMALLEST_BYTES), now=1.0)


def test_only_one_process_writes_a_spool_and_the_other_is_named(folder: Path) -> None:
    with Spool(folder):
        assert writer(folder) == str(os.getpid())
        with pytest.raises(SpoolLockedError, match=f"in use by process {os.getpid()};"):
            Spool(folder)
        code = "import sys; from pathlib import Path; from producers.spool.spool import Spool; Spool(Path(sys.argv[1]))"
        other = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
        assert f"in use by process {os.getpid()};" in other.stderr
    assert writer(folder) is None
    Spool(folder).close()


def test_only_the_owner_can_read_it(folder: Path, tmp_path: Path) -> None:
    with Spool(folder) as spool:
        accept(spool, records(0, 2))
        acknowledge(spool, everything(spool)[:1])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    public = tmp_path / "public"
    public.mkdir(mode=0o755)
    with pytest.raises(SpoolError, match="chmod 700"):
        Spool(public)


def test_a_torn_end_is_cut_off_and_reported(folder: Path) -> None:
    disk = MortalDisk()
    spool = Spool(folder, disk=disk)
    accept(spool, records(0, 5))
    [segment] = folder.glob("*.segment")
    whole = segment.read_bytes()
    disk.dies_at = 0
    with pytest.raises(Crash):
        spool.close()
    segment.write_bytes(whole + b"\xf7SKr-half a frame")
    with Spool(folder) as again:
        [torn] = again.opened.torn
        assert (torn.file, torn.bytes) == (segment.name, 17)
        assert ids(everything(again)) == ids_of(5)
    with Spool(folder) as third:
        assert third.opened.torn == []


def ids_of(count: int) -> list[str]:
    return [f"e{number}" for number in range(count)]


def test_damage_in_the_middle_is_named_put_aside_and_everything_intact_still_comes_out(folder: Path) -> None:
    with Spool(folder, segment_bytes=4_000) as spool:
        accept(spool, records(0, 100))
        places = [one.place for one in everything(spool)]
    broken = places[7]
    path = folder / f"{broken.segment:020d}.segment"
    content = bytearray(path.read_bytes())
    content[broken.offset + broken.length - 1] ^= 1
    path.write_bytes(content)
    with Spool(folder) as again:
        [corrupt] = again.opened.corrupt
        assert (corrupt.file, corrupt.offset, corrupt.bytes) == (path.name, broken.offset, broken.length)
        assert (corrupt.first_number, corrupt.records_lost) == (7, 1)
        assert sorted(ids(everything(again))) == sorted(set(ids_of(100)) - {"e7"})
        assert not path.exists()
        assert (folder / QUARANTINE / path.name).read_bytes() == content
        assert "1 records from number 7" in str(corrupt)
    with Spool(folder) as third:
        assert third.opened.corrupt == []
        assert len(everything(third)) == 99


def test_a_segment_that_is_cut_short_though_it_was_finished_is_damage(folder: Path) -> None:
    with Spool(folder, segment_bytes=2_000) as spool:
        accept(spool, records(0, 60))
    path = sorted(folder.glob("*.segment"))[0]
    path.write_bytes(path.read_bytes()[:-200])
    with Spool(folder) as again:
        [corrupt] = again.opened.corrupt
        assert corrupt.records_lost
        assert len(everything(again)) == 60 - corrupt.records_lost


def test_an_acknowledgement_that_is_damaged_sends_again_and_never_less(folder: Path) -> None:
    with Spool(folder) as spool:
        accept(spool, records(0, 50))
        out = everything(spool)
        acknowledge(spool, out[:10])
        acknowledge(spool, out[20:30])
    [acks] = folder.glob("*.acks")
    content = bytearray(acks.read_bytes())
    content[3] ^= 0xFF
    acks.write_bytes(bytes(content) + b"half")
    with Spool(folder) as again:
        left = everything(again)
        assert ids(left) == ids(out[:20] + out[30:])
        acknowledge(again, left[:5])
    with Spool(folder) as third:
        assert ids(everything(third)) == ids(left[5:])


def test_a_disk_that_fails_ends_the_accepting_and_keeps_what_was_accepted(folder: Path) -> None:
    class FullDisk(MortalDisk):
        is_full = False

        def append(self, path: Path, descriptor: int, data: bytes) -> None:
            if self.is_full:
                raise OSError(28, "No space left on device")
            super().append(path, descriptor, data)

    disk = FullDisk()
    spool = Spool(folder, disk=disk)
    accept(spool, records(0, 5))
    out = everything(spool)
    disk.is_full = True
    upto = spool.append(records(5, 1), now=1.0)
    with pytest.raises(SpoolBrokenError, match="No space left on device"):
        spool.sync(upto)
    with pytest.raises(SpoolBrokenError, match="Make room on that disk"):
        spool.append(records(6, 1), now=1.0)
    acknowledge(spool, out[:1])
    spool.close()
    with Spool(folder) as again:
        assert set(ids(everything(again))) >= set(ids_of(5))


def test_a_disk_that_fails_while_opening_or_closing_is_told_in_words_and_the_lock_is_free_again(folder: Path) -> None:
    class ReadOnlyDisk(MortalDisk):
        def sync_folder(self, folder: Path) -> None:
            raise OSError(30, "Read-only file system", str(folder / "x"))

    with pytest.raises(SpoolError, match=r"cannot be opened: Read-only file system \(.*x\)"):
        Spool(folder, disk=ReadOnlyDisk())
    folder.mkdir(mode=0o700, exist_ok=True)

    class Worn(MortalDisk):
        def sync_folder(self, folder: Path) -> None:
            if self.steps > 6:
                raise OSError(5, "Input/output error")
            super().sync_folder(folder)

    spool = Spool(folder, disk=Worn())
    accept(spool, records(0, 3))
    with pytest.raises(SpoolBrokenError, match="Input/output error"):
        spool.close()
    with Spool(folder) as again:
        assert len(everything(again)) == 3


def test_many_threads_share_the_syncs_and_each_record_is_there_once(folder: Path) -> None:
    disk = MortalDisk()
    with Spool(folder, segment_bytes=20_000, disk=disk) as spool:

        def work(part: int) -> None:
            for number in range(part * 100, part * 100 + 100):
                accept(spool, records(number, 1))

        threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(600)
        assert sorted(ids(everything(spool))) == sorted(ids_of(800))


def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 12)),
        st.tuples(st.just("sync"), st.just(0)),
        st.tuples(st.just("acknowledge"), st.integers(1, 9)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    min_size=2,
    max_size=25,
)


class Life:
    """A spool through several deaths, and what it owes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.appended: list[str] = []
        self.accepted: set[str] = set()
        self.acknowledged: set[str] = set()

    def run(self, steps: list[tuple[str, int]], disk: MortalDisk) -> None:
        spool = self.open(disk)
        mine: list[str] = []
        unread: list[Spooled] = []
        try:
            for step, amount in steps:
                if step == "append":
                    batch = records(len(self.appended), amount, size=700)
                    self.appended += [one.event_id for one in batch]
                    mine += [one.event_id for one in batch]
                    spool.append(batch, now=1.0)
                elif step == "sync":
                    spool.sync()
                    self.accepted |= set(mine)
                elif step == "acknowledge":
                    unread += everything(spool)
                    sent, unread = unread[::amount], [one for place, one in enumerate(unread) if place % amount]
                    self.acknowledged |= set(ids(sent))
                    acknowledge(spool, sent)
                else:
                    spool.close()
                    self.accepted |= set(mine)
                    spool, unread = self.open(disk), []
        finally:
            spool.close()

    def open(self, disk: MortalDisk) -> Spool:
        return Spool(self.folder, segment_bytes=4_000, disk=disk)


@given(STEPS, st.lists(st.tuples(st.integers(1, 40), st.booleans(), st.integers(0, 999)), min_size=1, max_size=3))
def test_through_any_deaths_every_accepted_record_is_sent_or_comes_back(
    steps: list[tuple[str, int]], deaths: list[tuple[int, bool, int]]
) -> None:
    for folder in _scratch():
        life = Life(folder / "spool")
        for dies_at, is_power_cut, seed in deaths:
            disk = MortalDisk(dies_at, seed)
            try:
                life.run([*steps, ("reopen", 0)], disk)
            except Crash:
                if is_power_cut:
                    disk.cut_power()
        with Spool(life.folder) as spool:
            back = ids(everything(spool))
            assert spool.opened.corrupt == []
            assert life.accepted - life.acknowledged <= set(back)
            assert set(back) <= set(life.appended)
            numbers = [one.number for found in look_all(life.folder) for one in found.frames]
            assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("is_power_cut", [False, True])
def test_a_death_while_damage_is_being_put_aside_loses_nothing_intact(tmp_path: Path, *, is_power_cut: bool) -> None:
    whole = tmp_path / "whole"
    with Spool(whole, segment_bytes=3_000) as spool:
        accept(spool, records(0, 60))
        out = everything(spool)
        places = [one.place for one in out]
        acknowledge(spool, out[:4])
    for number in (7, 30):
        path = whole / f"{places[number].segment:020d}.segment"
        content = bytearray(path.read_bytes())
        content[places[number].offset + 40] ^= 1
        path.write_bytes(content)
    steps = MortalDisk()
    for dies_at in itertools.count(1):
        folder = tmp_path / f"dies-at-{dies_at}"
        shutil.copytree(whole, folder)
        disk = MortalDisk(dies_at, seed=dies_at)
        try:
            Spool(folder, disk=disk).close()
            break
        except Crash:
            if is_power_cut:
                disk.cut_power()
        with Spool(folder, disk=steps) as spool:
            assert set(ids(everything(spool))) == set(ids(out[4:])) - {"e7", "e30"}
        shutil.rmtree(folder)
    assert dies_at > 8


@given(st.integers(0, 100_000), st.integers(0, 30))
def test_a_segment_cut_at_any_byte_gives_back_every_whole_record_before_the_cut(cut: int, sent: int) -> None:
    for folder in _scratch():
        disk = MortalDisk()
        spool = Spool(folder / "spool", disk=disk)
        accept(spool, records(0, 30))
        out = everything(spool)
        acknowledge(spool, out[:sent])
        disk.dies_at = 0
        with pytest.raises(Crash):
            spool.close()
        for path in (folder / "spool").glob("*.segment"):
            content = path.read_bytes()
            path.write_bytes(content[: cut % (len(content) + 1)])
        whole = [one for one in out[sent:] if one.place.offset + one.place.length <= cut % (len(content) + 1)]
        with Spool(folder / "spool") as again:
            assert ids(everything(again)) == ids(whole)
            # A number that was given once is never given again, so an old acknowledgement cannot hide a new record.
            accept(again, records(30, 1))
        with Spool(folder / "spool") as third:
            assert "e30" in ids(everything(third))


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_in_a_finished_segment_is_always_found(place: int, change: int) -> None:
    for folder in _scratch():
        with Spool(folder / "spool") as spool:
            accept(spool, records(0, 20))
        [path] = (folder / "spool").glob("*.segment")
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= change
        path.write_bytes(content)
        with Spool(folder / "spool") as again:
            back = set(ids(everything(again)))
            if len(back) < 20:
                assert again.opened.corrupt or again.opened.torn
            if place % len(content) < len(content) - 30:
                assert again.opened.corrupt
            assert len(back) >= 19


def test_what_is_called_durable_lies_in_files_whose_names_are_durable_too(tmp_path: Path) -> None:
    """A power cut may take a new file's name with it, whatever was synced inside."""
    disk = MortalDisk()
    with Spool(tmp_path, segment_bytes=2_000, disk=disk) as spool:
        for number in range(40):
            accept(spool, records(number, 1))
            assert {path for path in disk.unsure if path.suffix == ".segment"} == set()
    assert len(list(tmp_path.glob("*.segment"))) > 2


def test_a_spool_that_takes_over_segments_leaves_no_file_open(folder: Path) -> None:
    for number in range(3):
        with Spool(folder) as spool:
            accept(spool, records(10 * number, 10))
            shutil.copytree(folder, folder.parent / f"killed{number}")
    # Copied while it was written, the segment has no end of its own.
    before = len(os.listdir("/dev/fd"))
    for number in range(3):
        with Spool(folder.parent / f"killed{number}") as again:
            assert len(everything(again)) == 10 * (number + 1)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("max_bytes", [1, 20, 100, 10_000])
def test_a_record_comes_out_whole_however_little_is_read_at_once(folder: Path, max_bytes: int) -> None:
    with Spool(folder) as spool:
        accept(spool, records(0, 5, size=2_000))
        found: list[Spooled] = []
        while some := spool.read(max_bytes):
            found += some
        assert ids(found) == ids_of(5)
