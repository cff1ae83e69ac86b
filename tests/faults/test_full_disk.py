"""The disk under a spool is full after so many bytes: what was accepted is there, and goes out when there is room."""

import contextlib
import errno
from pathlib import Path

import pytest

from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import OutRecord
from producers.spool.disk import Disk
from producers.spool.errors import SpoolError
from producers.spool.spool import Spool
from tests.fakes.stream import FakeStream, VirtualClock


class FullDisk(Disk):
    """A disk with room for so many bytes; a write that does not fit is done in part, as by a real one."""

    def __init__(self, room: int) -> None:
        self.room = room

    def append(self, path: Path, descriptor: int, data: bytes) -> None:
        fitting = data[: self.room]
        self.room -= len(fitting)
        super().append(path, descriptor, fitting)
        if len(fitting) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")


def records(count: int) -> list[OutRecord]:
    return [OutRecord(f"e{number}", f"key-{number}", b"x" * 90) for number in range(count)]


@pytest.mark.parametrize("room", range(0, 6_000, 37))
def test_what_was_accepted_before_the_disk_was_full_is_sent_by_the_next_run(tmp_path: Path, room: int) -> None:
    accepted: list[str] = []
    with contextlib.suppress(SpoolError, OSError), Spool(tmp_path / "spool", disk=FullDisk(room)) as spool:
        for record in records(40):
            spool.sync(spool.append([record], now=1.0, timeout=0))
            accepted.append(record.event_id)
    settings = DeliverySettings(in_flight=1, linger=0.0)
    stream = FakeStream()
    with Spool(tmp_path / "spool") as spool:
        delivery = open_delivery(stream, clock=VirtualClock(), settings=settings, spool=spool)
        report = delivery.close(timeout=600)
    assert report.spooled == 0
    assert set(accepted) <= {record.event_id for record in stream.taken} <= {record.event_id for record in records(40)}
