"""Delivery through a spool: accepted is on disk, sent is acknowledged, and what is not sent stays."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from producers.delivery.report import DeliveryReport, DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.limits import MAX_RECORD_BYTES
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, StreamRefusedError
from producers.spool.errors import SpoolBrokenError, SpoolFullError
from producers.spool.spool import SMALLEST_BYTES, Spool
from tests.fakes.disk import MortalDisk
from tests.fakes.stream import THROTTLE, FakeStream, VirtualClock

SETTINGS = DeliverySettings(in_flight=2, linger=0.0)
REFUSAL = StreamRefusedError(stream="content", region="eu-west-1", code="KMSDisabledException", next_step="Enable it.")


def records(count: int, size: int = 10, start: int = 0) -> list[OutRecord]:
    return [OutRecord(f"e{number}", f"key-{number}", bytes(size)) for number in range(start, start + count)]


def delivery(stream: FakeStream, spool: Spool, settings: DeliverySettings = SETTINGS) -> Delivery:
    return open_delivery(stream, clock=stream.clock or VirtualClock(), settings=settings, spool=spool)


def run(stream: FakeStream, spool: Spool, batch: list[OutRecord], *, timeout: float | None = None) -> DeliveryReport:
    sending = delivery(stream, spool)
    for record in batch:
        sending.put(record)
    return sending.close(timeout)


def refuse_all(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
    raise REFUSAL


def fail_all(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
    raise CallFailedError("EndpointConnectionError")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    with Spool(folder) as opened:
        yield opened


def test_everything_put_is_accepted_and_sent_once_and_the_spool_is_empty(spool: Spool) -> None:
    stream = FakeStream()
    report = run(stream, spool, records(1_200))
    assert (report.accepted, report.sent, report.spooled) == (1_200, 1_200, 0)
    assert sorted(report.accepted_ids) == sorted(one.event_id for one in stream.taken)
    assert spool.left == 0


def test_put_returns_only_once_the_event_is_on_disk_and_before_the_stream_has_it(folder: Path) -> None:
    disk = MortalDisk()
    with Spool(folder, disk=disk) as spool:
        sending = delivery(FakeStream(fail_all), spool)
        for record in records(3):
            sending.put(record)
            [segment] = folder.glob("*.segment")
            assert disk.synced[segment] == segment.stat().st_size
            assert record.event_id.encode() in segment.read_bytes()
        assert sending.report.accepted == 3
        report = sending.close(0)
        assert (report.sent, report.spooled, spool.left) == (0, 3, 3)


def test_what_was_left_is_sent_first_after_a_restart_and_what_was_sent_is_not(folder: Path) -> None:
    def two_then_none(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        return [first.take(one) if one.event_id in {"e0", "e3"} else THROTTLE for one in batch]

    first = FakeStream(two_then_none, clock=VirtualClock())
    with Spool(folder) as spool:
        report = run(first, spool, records(5), timeout=3)
        assert (report.accepted, report.sent, report.spooled, report.failed) == (5, 2, 3, [])
    second = FakeStream()
    with Spool(folder) as spool:
        report = run(second, spool, records(2, start=5))
        assert (report.left_over, report.accepted, report.sent, report.spooled) == (3, 2, 5, 0)
    assert {one.event_id for one in second.taken} == {"e1", "e2", "e4", "e5", "e6"}
    assert second.calls[0][0] == "e1"


def test_a_stream_that_is_away_for_long_is_waited_for_and_nothing_is_given_up(spool: Spool) -> None:
    def away_for_an_hour(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if clock.now() < 4_600:
            raise CallFailedError("EndpointConnectionError")
        return None

    clock = VirtualClock()
    stream = FakeStream(away_for_an_hour, clock=clock)
    report = run(stream, spool, records(10), timeout=7_200)
    assert (report.sent, report.failed, report.spooled) == (10, [], 0)
    # The waits grow to their longest and stay there, however many there are.
    assert 1_100 < len(stream.calls) < 2_000


def test_a_stream_that_refuses_ends_the_putting_at_once_and_keeps_what_was_accepted(spool: Spool) -> None:
    sending = delivery(FakeStream(refuse_all), spool)
    put: list[str] = []

    def put_all() -> None:
        for record in records(100_000):
            put.append(record.event_id)
            sending.put(record)

    with pytest.raises(StreamRefusedError, match=r"content in eu-west-1 .* KMSDisabledException. Enable it."):
        put_all()
    report = sending.close()
    assert report.stopped is REFUSAL
    assert report.failed_ids == put[-1:]
    assert report.failed[0].reason == "KMSDisabledException"
    assert report.accepted == report.spooled == spool.left == len(put) - 1


def test_an_oversize_event_is_refused_with_its_id_and_never_enters_the_spool(spool: Spool) -> None:
    big = OutRecord("big", "key", bytes(MAX_RECORD_BYTES))
    report = run(FakeStream(), spool, [*records(2), big])
    assert (report.accepted, report.sent, report.failed_ids) == (2, 2, ["big"])
    assert report.failed[0].reason.startswith("unsendable: 1048579 bytes")


def test_an_event_that_the_stream_refuses_is_found_and_named_and_stays(folder: Path) -> None:
    def refuse_e7(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if any(one.event_id == "e7" for one in batch):
            raise CallRefusedError("ValidationException")
        return None

    with Spool(folder) as spool:
        report = run(FakeStream(refuse_e7), spool, records(50))
        assert (report.accepted, report.sent, report.spooled) == (50, 49, 1)
        assert report.failed_ids == ["e7"]
    with Spool(folder) as spool:
        assert spool.opened.records == 1


def fits(sending: Delivery, record: OutRecord) -> bool:
    """Whether the spool had room for it at once."""
    try:
        sending.put(record, timeout=0)
    except SpoolFullError:
        return False
    return True


def test_a_full_spool_holds_put_up_until_the_stream_takes_records(folder: Path) -> None:
    is_open = threading.Event()

    def closed_at_first(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        is_open.wait(600)
        return None

    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        stream = FakeStream(closed_at_first)
        sending = delivery(stream, spool)

        waiting = iter(records(200, size=1_000))
        refused = next(record for record in waiting if not fits(sending, record))
        assert spool.size <= SMALLEST_BYTES
        assert 0 < sending.report.accepted < 70

        def put_the_rest() -> None:
            for record in (refused, *waiting):
                sending.put(record)

        writer = threading.Thread(target=put_the_rest)
        writer.start()
        assert writer.is_alive()
        is_open.set()
        writer.join(600)
        report = sending.close()
        assert (report.accepted, report.sent, report.spooled) == (200, 200, 0)


def test_a_disk_that_fails_is_told_to_whoever_puts(folder: Path) -> None:
    class FailingDisk(MortalDisk):
        is_failing = False

        def sync(self, path: Path, descriptor: int) -> None:
            if self.is_failing:
                raise OSError(5, "Input/output error")
            super().sync(path, descriptor)

    disk = FailingDisk()
    with Spool(folder, disk=disk) as spool:
        sending = delivery(FakeStream(), spool)
        sending.put(records(1)[0])
        disk.is_failing = True
        with pytest.raises(SpoolBrokenError, match="Input/output error"):
            sending.put(records(1, start=1)[0])
        assert sending.report.accepted == 1


def test_puts_that_do_not_wait_for_the_disk_are_accepted_soon_after(spool: Spool) -> None:
    stream = FakeStream()
    sending = open_delivery(
        stream,
        clock=VirtualClock(),
        settings=DeliverySettings(in_flight=1, linger=0.0, durable_put=False),
        spool=spool,
    )
    for record in records(700):
        sending.put(record)
    report = sending.close()
    assert (report.accepted, report.sent, report.spooled, len(stream.taken)) == (700, 700, 0, 700)


def test_an_aggregate_counts_as_the_events_inside(spool: Spool) -> None:
    aggregate = OutRecord("a", "key", b"packed", inside=("a", "b", "c"))
    report = run(FakeStream(), spool, [aggregate, *records(1)])
    assert (report.accepted, report.sent, report.spooled) == (4, 4, 0)
    assert sorted(report.accepted_ids) == ["a", "b", "c", "e0"]


def test_abandoning_ends_a_close_that_waits(spool: Spool) -> None:
    stream = FakeStream(fail_all)
    sending = delivery(stream, spool)
    for record in records(5):
        sending.put(record)
    sending.abandon()
    report = sending.close(3_600)
    assert (report.accepted, report.spooled, report.failed) == (5, 5, [])


def test_without_a_spool_lanes_give_up_as_batches_do() -> None:
    stream = FakeStream(lambda call, batch: [THROTTLE] * len(batch), clock=VirtualClock())
    sending = open_delivery(
        stream,
        clock=stream.clock or VirtualClock(),
        settings=DeliverySettings(in_flight=1, linger=0.0, paced=True, max_attempts=4),
    )
    for record in records(3):
        sending.put(record)
    report = sending.close()
    assert report.accepted == 0
    assert sorted(report.failed_ids) == ["e0", "e1", "e2"]
    assert "add shards" in report.failed[0].next_step


def breaks(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
    raise RuntimeError("a defect")


def raised_at_the_end(sending: Delivery) -> bool:
    with contextlib.suppress(RuntimeError):
        sending.put(records(1)[0])
    try:
        sending.close()
    except RuntimeError as error:
        return str(error) == "a defect"
    return False


def test_a_defect_of_the_stream_is_raised_at_the_end_and_with_a_spool_nothing_is_gone(spool: Spool) -> None:
    paced = DeliverySettings(in_flight=2, linger=0.0, paced=True)
    assert raised_at_the_end(open_delivery(FakeStream(breaks), clock=VirtualClock(), settings=paced))
    sending = delivery(FakeStream(breaks), spool)
    assert raised_at_the_end(sending)
    assert sending.report.accepted == spool.left == 1


def test_a_put_that_waits_for_room_ends_when_the_delivery_is_abandoned_and_says_so(folder: Path) -> None:
    is_open = threading.Event()

    def closed(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        is_open.wait(600)
        return None

    with Spool(folder, max_bytes=SMALLEST_BYTES) as spool:
        sending = delivery(FakeStream(closed), spool)
        refused = next(record for record in records(200, size=1_000) if not fits(sending, record))
        putting = threading.Thread(target=sending.put, args=(refused,))
        putting.start()
        sending.abandon()
        putting.join()
        assert sending.report.failed_ids == [refused.event_id]
        is_open.set()
        sending.close(0)


class FullAtFirst(Spool):
    """A spool that has no room for the first looks."""

    looks = 0

    def append(self, records: Sequence[OutRecord], *, now: float, timeout: float | None = None) -> int:
        self.looks += 1
        if self.looks <= 2:
            raise SpoolFullError("full")
        return super().append(records, now=now, timeout=timeout)


def test_a_put_looks_for_room_again_and_again(folder: Path) -> None:
    with FullAtFirst(folder) as spool:
        report = run(FakeStream(), spool, records(1))
        assert (report.accepted, report.sent, report.failed, spool.looks) == (1, 1, [], 3)


def test_a_delivery_that_nobody_closed_does_not_keep_its_process_from_ending(spool: Spool) -> None:
    sending = delivery(FakeStream(), spool, DeliverySettings(durable_put=False))
    sending.put(records(1)[0])
    ours = [thread for thread in threading.enumerate() if thread.name == "spool-sync"]
    assert ours
    assert all(thread.daemon for thread in ours)
    sending.close()


class Crowded(Spool):
    """A spool without room that knows how long it was asked to wait for some."""

    asked: list[float | None]
    clock: VirtualClock

    def append(self, records: Sequence[OutRecord], *, now: float, timeout: float | None = None) -> int:
        self.asked.append(timeout)
        self.clock.sleep(timeout or 0)
        raise SpoolFullError("full")


def test_a_put_that_asked_for_no_wait_waits_nowhere_and_another_as_long_as_it_asked(folder: Path) -> None:
    with Crowded(folder) as spool:
        spool.clock = VirtualClock()
        sending = delivery(FakeStream(clock=spool.clock), spool)
        for timeout in (0, 0.0, 1.0):
            spool.asked, began = [], spool.clock.now()
            with pytest.raises(SpoolFullError):
                sending.put(records(1)[0], timeout=timeout)
            assert timeout <= spool.clock.now() - began <= timeout * 1.5
            assert spool.asked == [0] or timeout
        sending.close()
