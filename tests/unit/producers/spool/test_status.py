"""What a spool holds, looked at from outside."""

from pathlib import Path

from producers.ports import OutRecord
from producers.spool.findings import QUARANTINE
from producers.spool.spool import Spool
from producers.spool.status import status


def test_a_status_names_only_the_segments_that_were_put_aside(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with Spool(folder) as spool:
        spool.append([OutRecord(f"e{n}", "key", b"data") for n in range(3)], now=1.0)
        spool.sync()
        assert (status(folder, now=5.0).put_aside, status(folder, now=5.0).is_damaged) == ([], False)
    aside = folder / QUARANTINE
    aside.mkdir(exist_ok=True)
    for name in ("00000000000000000002.segment", "00000000000000000001.segment", "00000000000000000001.acks"):
        (aside / name).write_bytes(b"")
    found = status(folder, now=5.0)
    assert found.put_aside == ["00000000000000000001.segment", "00000000000000000002.segment"]
    assert (found.is_damaged, found.records, found.segments, found.oldest_age) == (True, 3, 1, 4.0)
    assert found.writer is None
