"""How large a spool and its segments become, to the byte, and what its files' bytes cost when they are damaged."""

import threading
from pathlib import Path

import pytest

from producers.ports import OutRecord
from producers.spool.errors import SpoolError, SpoolFullError, SpoolTooSmallError
from producers.spool.findings import QUARANTINE, look_all
from producers.spool.format import FRAME_HEADER_BYTES, SEGMENT_MAGIC, encode_body, end_frame, frame, scan
from producers.spool.spool import SMALLEST_BYTES, Spool, Spooled
from producers.spool.status import status
from tests.fakes.disk import MortalDisk
from tests.fakes.until import until


def record(number: int, size: int) -> OutRecord:
    return OutRecord(f"e{number:04d}", "key", bytes(size))


def framed(size: int) -> int:
    """The bytes of a record's frame."""
    return len(encode_body(record(0, size))) + FRAME_HEADER_BYTES


def accept(spool: Spool, batch: list[OutRecord]) -> None:
    spool.sync(spool.append(batch, now=1.0, timeout=0))


def fill(spool: Spool, size: int) -> None:
    for number in range(10_000):
        try:
            accept(spool, [record(number, size)])
        except SpoolFullError:
            return


def everything(spool: Spool) -> list[Spooled]:
    return [one for chunk in iter(spool.read, []) for one in chunk]


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for kind in ("*.segment", "*.acks") for path in folder.glob(kind))


def test_records_of_a_quarter_of_the_bound_are_taken_and_of_a_byte_more_are_not(tmp_path: Path) -> None:
    size = SMALLEST_BYTES // 4 - framed(0)
    while framed(size) < SMALLEST_BYTES // 4:
        size += 1
    while framed(size) > SMALLEST_BYTES // 4:
        size -= 1
    assert framed(size) == SMALLEST_BYTES // 4
    with Spool(tmp_path / "spool", max_bytes=SMALLEST_BYTES) as spool:
        accept(spool, [record(0, size)])
        with pytest.raises(SpoolTooSmallError):
            spool.append([record(1, size + 1)], now=1.0)


def test_a_segment_is_filled_to_the_byte(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool", segment_bytes=len(SEGMENT_MAGIC) + 4 * framed(100)) as spool:
        accept(spool, [record(number, 100) for number in range(8)])
        assert [len(one.frames) for one in look_all(spool.folder)] == [4, 4]


def test_acknowledgements_are_part_of_what_a_spool_takes(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool", max_bytes=SMALLEST_BYTES, segment_bytes=4096) as spool:
        fill(spool, 1)
        # One record of each segment stays, so each segment does.
        found = everything(spool)
        kept = {one.place.segment: one.number for one in found}.values()
        spool.acknowledge([(one.number, one.place) for one in found if one.number not in kept])
        assert list(spool.folder.glob("*.acks"))
        assert spool.size >= on_disk(spool.folder)


def test_what_is_saved_from_a_damaged_segment_is_part_of_what_a_spool_takes(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        accept(spool, [record(number, 1_000) for number in range(10)])
    [segment] = folder.glob("*.segment")
    content = segment.read_bytes()
    at = content.index(b"e0003")
    segment.write_bytes(content[:at] + b"X" + content[at + 1 :])
    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        assert spool.opened.records == 9
        assert spool.size >= on_disk(folder) > 9_000
        fill(spool, 1_000)
        assert on_disk(folder) <= SMALLEST_BYTES
    assert list((folder / QUARANTINE).glob("*.segment"))


def test_a_segment_without_its_beginning_is_damaged_from_its_first_byte() -> None:
    one = frame(b"one", number=7, at=1.0)
    [damage] = scan(b"\x00" * len(SEGMENT_MAGIC) + one, 7).damages
    assert (damage.offset, damage.length) == (0, len(SEGMENT_MAGIC))


def test_what_stands_behind_the_end_of_a_segment_is_damage_and_no_record() -> None:
    one, more = frame(b"one", number=7, at=1.0), frame(b"two", number=8, at=1.0)
    content = SEGMENT_MAGIC + one + end_frame(8)
    found = scan(content + more, 7)
    assert [each.number for each in found.frames] == [7]
    assert [(damage.offset, damage.length) for damage in found.damages] == [(len(content), len(more))]


def test_damage_that_nobody_has_put_aside_yet_asks_for_a_look(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with Spool(folder) as spool:
        accept(spool, [record(number, 100) for number in range(3)])
    [segment] = folder.glob("*.segment")
    content = segment.read_bytes()
    at = content.index(b"e0001")
    segment.write_bytes(content[:at] + b"X" + content[at + 1 :])
    found = status(folder, now=2.0)
    assert (found.is_damaged, found.put_aside) == (True, [])


def test_a_lock_that_cannot_be_taken_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    (tmp_path / "spool" / "lock").mkdir()
    with pytest.raises(SpoolError, match="cannot be opened"):
        Spool(tmp_path / "spool")


def test_a_put_that_does_not_wait_finds_the_room_there_is_while_another_thread_writes(tmp_path: Path) -> None:
    """What is half written is counted twice until it is written whole: such a put asks again then."""
    refused: list[Exception] = []
    putting: list[threading.Thread] = []

    def put() -> None:
        try:
            accept(spool, [record(9, 8_000)])
        except SpoolFullError as error:
            refused.append(error)

    class Busy(MortalDisk):
        """While the third segment is written, somebody else puts."""

        def sync(self, path: Path, descriptor: int) -> None:
            super().sync(path, descriptor)
            if len(list(path.parent.glob("*.segment"))) == 3 and not putting:
                putting.append(threading.Thread(target=put))
                putting[0].start()
                # It either ends at once, refused, or waits for this write.
                putting[0].join(0.2)

    with Spool(tmp_path / "spool", max_bytes=SMALLEST_BYTES, segment_bytes=12_000, disk=Busy()) as spool:
        for number in range(4):
            spool.append([record(number, 10_000)], now=1.0, timeout=0)
        spool.sync()
        putting[0].join(600)
        assert refused == []
        assert len(everything(spool)) == 5


def test_a_put_that_waits_for_room_first_writes_what_could_be_sent_to_make_some(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool", max_bytes=SMALLEST_BYTES) as spool:
        for number in range(6):
            spool.append([record(number, 10_000)], now=1.0, timeout=0)
        waiting = threading.Thread(target=lambda: spool.append([record(6, 10_000)], now=1.0), daemon=True)
        waiting.start()
        sent: list[Spooled] = []
        until(lambda: bool(sent.extend(everything(spool)) or len(sent) == 6), "what waits to be sent is on disk")
        spool.acknowledge([(one.number, one.place) for one in sent])
        waiting.join(600)
        assert not waiting.is_alive()
