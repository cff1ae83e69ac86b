"""What a segment's bytes hold when some of them are not what was written."""

from pathlib import Path

from producers.ports import OutRecord
from producers.spool.spool import SMALLEST_BYTES, Spool


def test_what_was_put_between_two_records_costs_neither_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with Spool(folder) as spool:
        spool.append([OutRecord(f"e{number}", "key", b"data") for number in range(20)], now=1.0)
        spool.sync()
    [segment] = folder.glob("*.segment")
    with Spool(folder) as spool:
        third = spool.read()[3].place
    content = segment.read_bytes()
    segment.write_bytes(content[: third.offset] + b"not written by us" + content[third.offset :])
    with Spool(folder) as again:
        [corrupt] = again.opened.corrupt
        assert (corrupt.bytes, corrupt.records_lost) == (17, 0)
        assert [one.record.event_id for one in again.read()] == [f"e{number}" for number in range(20)]


def test_a_small_spool_has_small_segments_so_that_room_comes_back_in_parts(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        size = 1_000
        for number in range(SMALLEST_BYTES // (2 * size)):
            spool.append([OutRecord(f"e{number}", "key", bytes(size))], now=1.0)
            spool.sync()
        sizes = [path.stat().st_size for path in folder.glob("*.segment")]
    assert len(sizes) >= 2
    assert max(sizes) <= SMALLEST_BYTES // 4 + 2 * size
