"""What a folder says about the spool in it: which numbers were given, what a segment costs, what is durable."""

from pathlib import Path

import pytest

from producers.ports import OutRecord
from producers.spool.findings import QUARANTINE, highest_number, look_all
from producers.spool.format import ack_entries
from producers.spool.spool import DEFAULT_BYTES, Spool
from tests.fakes.disk import MortalDisk


def records(start: int, count: int) -> list[OutRecord]:
    return [OutRecord(f"e{number}", "key", b"data") for number in range(start, start + count)]


def accept(spool: Spool, batch: list[OutRecord]) -> None:
    spool.sync(spool.append(batch, now=1.0, timeout=0))


def test_a_number_was_given_when_a_segment_or_its_acknowledgements_bear_it_and_no_other_file(tmp_path: Path) -> None:
    for name in ("7777", "7778.bak", "7779.segment.old", "notes.segment", "notes.acks", "7780.tmp"):
        (tmp_path / name).write_bytes(b"XX")
    assert highest_number(tmp_path) == 0
    (tmp_path / "0041.segment").write_bytes(b"")
    assert highest_number(tmp_path) == 42
    (tmp_path / QUARANTINE).mkdir()
    (tmp_path / QUARANTINE / "0099.acks").write_bytes(b"")
    (tmp_path / QUARANTINE / "0500.bak").write_bytes(b"")
    assert highest_number(tmp_path) == 100


def test_a_segment_of_which_nothing_was_sent_has_no_acknowledgements_to_pay_for(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        accept(spool, records(0, 3))
        [found] = look_all(spool.folder)
        assert (found.acks_size, found.acked, len(found.left)) == (0, set(), 3)
        assert found.size == found.path.stat().st_size


def test_the_end_of_a_segment_that_a_crash_left_behind_is_on_disk_before_anything_follows_it(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        accept(spool, records(0, 3))
        [segment] = spool.folder.glob("*.segment")
        crashed = segment.read_bytes()
    for left_behind in (crashed, crashed + b"torn"):
        segment.write_bytes(left_behind)
        disk = MortalDisk()
        with Spool(segment.parent, disk=disk) as again:
            assert again.opened.records == 3
            assert disk.synced[segment] == segment.stat().st_size > len(crashed)


def test_a_spool_takes_a_gibibyte_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        assert spool.max_bytes == DEFAULT_BYTES == 2**30


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_records_that_are_gone_from_the_end_of_a_segment_before_another_are_counted(tmp_path: Path, gone: int) -> None:
    for start in (0, 3):
        with Spool(tmp_path / "spool") as spool:
            accept(spool, records(start, 3))
    first, second = look_all(spool.folder)
    assert (len(first.frames), len(second.frames)) == (3, 3)
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[: first.frames[-gone].offset])
    cut, kept = look_all(spool.folder)
    assert [one.records_lost for one in cut.corrupt] == [gone]
    assert kept.corrupt == []
    # what was acknowledged is no loss
    first.path.with_suffix(".acks").write_bytes(ack_entries([2]))
    assert [one.records_lost for one in next(look_all(spool.folder)).corrupt] == [gone - 1]
