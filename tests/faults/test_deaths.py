"""A replay and a redrive die at every single step, before it is done and after; the next one brings all to an end.

A step is a call that another process can see: a document written to the store, a batch put on the stream. Between the
put and the ledger is a step like any other.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from glue.codec import DEFAULT_LATENESS, decode
from glue.contract import BadInput, ContentEvent
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import OutRecord, PutResult
from producers.redrive.items import PlainItem, RawRecord
from producers.redrive.ledger import CLAIM_SECONDS, Ledger
from producers.redrive.run import Redriver
from producers.replay.marking import Span
from producers.replay.records import ReplayRecord
from producers.replay.run import NoArrivals, Pace, Replayer
from producers.replay.runs import Holder, Run
from producers.replay.selecting import Selection
from tests.fakes.documents import MemoryStore
from tests.fakes.sample_events import payload
from tests.fakes.stream import FakeStream, VirtualClock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


class Death(BaseException):
    """The process is gone; nothing that it would do next happens."""


class Steps:
    """Counts what a process does, and ends it at a step."""

    def __init__(self, dies_at: int | None = None, *, done_before: bool = False) -> None:
        self.count = 0
        self._dies_at = dies_at
        self._done_before = done_before
        self._lock = threading.Lock()

    def may(self) -> bool:
        """Counts a step. True: it is done, and then the process dies.

        Raises:
            Death: the process dies, or has died, before the step.
        """
        with self._lock:
            self.count += 1
            if self._dies_at is None or self.count < self._dies_at:
                return False
            if self.count == self._dies_at and self._done_before:
                return True
        raise Death


class MortalStore(MemoryStore):
    """The shared store as one process sees it."""

    def __init__(self, shared: MemoryStore, steps: Steps) -> None:
        super().__init__()
        self.kept, self.lock = shared.kept, shared.lock
        self._steps = steps

    def write(self, name: str, data: bytes, version: str | None) -> str:
        dies = self._steps.may()
        written = super().write(name, data, version)
        if dies:
            raise Death
        return written


class MortalStream:
    """The shared stream as one process sees it."""

    def __init__(self, shared: FakeStream, steps: Steps) -> None:
        self._shared = shared
        self._steps = steps

    def put(self, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        dies = self._steps.may()
        taken = self._shared.put(records)
        if dies:
            raise Death
        return taken


def runs_by_event(stream: FakeStream) -> dict[int, set[str]]:
    """By event, the runs that its copies in the stream are marked with; one run is one verdict."""
    found: dict[int, set[str]] = {}
    for record in stream.taken:
        event = msgspec.json.decode(record.data)
        found.setdefault(int(event["event_id"][-12:], 16), set()).add(event["replay"]["run_id"])
    return found


# ---------------------------------------------------------------------------------------------------- redrive

ITEMS = 7


def redrive(stream: FakeStream, store: MemoryStore, steps: Steps, *, pid: int, now: float) -> None:
    clock = VirtualClock(now)
    items = [
        PlainItem(
            name=f"quarantine/{number}",
            reason="type",
            arrived=NOW + number,
            records=(RawRecord(payload(number), NOW, "key", f"s:{number}"),),
        )
        for number in range(ITEMS)
    ]
    ledger = Ledger(MortalStore(store, steps), holder=Holder("here", pid), is_alive=lambda other: None)
    redriver = Redriver(ledger, run_id=f"run-{pid}", lateness=DEFAULT_LATENESS, clock=clock)
    settings = DeliverySettings(in_flight=1, max_attempts=2)
    redriver.send(items, open_delivery(MortalStream(stream, steps), clock=clock, settings=settings))


def all_redriven(store: MemoryStore) -> bool:
    ledger = Ledger(store, holder=Holder("here", 99), is_alive=lambda other: None)
    entries = [ledger.look(f"quarantine/{number}") for number in range(ITEMS)]
    return all(entry is not None and entry.state == "redriven" for entry in entries)


def steps_of_a_redrive() -> int:
    steps = Steps()
    redrive(FakeStream(), MemoryStore(), steps, pid=1, now=NOW)
    return steps.count


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("done_before", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("second", [None, 2, 5, 9])
def test_a_redrive_that_dies_at_any_step_is_finished_by_the_next_and_each_event_counts_once(
    done_before: bool, second: int | None
) -> None:
    last = steps_of_a_redrive()
    assert last > 2 * ITEMS
    between = 0
    for dies_at in range(1, last + 1):
        stream, store = FakeStream(), MemoryStore()
        with pytest.raises(Death):
            redrive(stream, store, Steps(dies_at, done_before=done_before), pid=1, now=NOW)
        between += bool(stream.taken) and not all_redriven(store)
        if second is not None:
            with contextlib.suppress(Death):
                redrive(stream, store, Steps(second, done_before=done_before), pid=2, now=NOW + CLAIM_SECONDS + 1)
        redrive(stream, store, Steps(), pid=3, now=NOW + 2 * CLAIM_SECONDS + 2)
        assert all_redriven(store), dies_at
        found = runs_by_event(stream)
        assert found.keys() == set(range(ITEMS)), dies_at
        assert {len(runs) for runs in found.values()} == {1}, dies_at
    assert between >= ITEMS, "no death fell between the stream and the ledger"


# ---------------------------------------------------------------------------------------------------- replay

EVENTS = 60


class ListedSource:
    """Records in a list; a position is how many are done."""

    def __init__(self) -> None:
        self.began_at: list[int] = []
        made = [decode(payload(number), datetime(2026, 3, 1, 12, tzinfo=UTC)) for number in range(EVENTS)]
        self.events: list[ContentEvent | BadInput] = list(made)

    def size(self) -> None:
        return None

    def records(self, position: Mapping[str, str]) -> Iterator[ReplayRecord]:
        first = int(position.get("list", "0"))
        self.began_at.append(first)
        return iter(
            [
                ReplayRecord(self.events[at], Span(NOW + at, NOW + at), ("list", str(at + 1)))
                for at in range(first, EVENTS)
            ]
        )


def replay(stream: FakeStream, store: MemoryStore, steps: Steps, past: ListedSource, *, pid: int, now: float) -> bool:
    clock = VirtualClock(now)
    run = Run.take(
        MortalStore(store, steps),
        run_id="run",
        plan={"since": "p"},
        holder=Holder("here", pid),
        is_alive=lambda other: False,
        now=clock.now(),
    )
    replayer = Replayer(
        past,
        selection=Selection(since=0.0, until=1e12),
        arrivals=NoArrivals(),
        lateness=DEFAULT_LATENESS,
        clock=clock,
        run_id="run",
        # Slow enough that it is saved many times on the way.
        pace=Pace(rate=1.0),
    )
    settings = DeliverySettings(in_flight=1, max_attempts=2)
    done = replayer.send(open_delivery(MortalStream(stream, steps), clock=clock, settings=settings), run)
    return done.is_finished


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("done_before", [False, True], ids=["before", "after"])
def test_a_replay_that_dies_at_any_step_goes_on_from_where_it_was_saved(done_before: bool) -> None:
    steps = Steps()
    assert replay(FakeStream(), MemoryStore(), steps, ListedSource(), pid=1, now=NOW + 1e6)
    assert steps.count > 20
    from_the_middle = 0
    for dies_at in range(1, steps.count + 1):
        stream, store, past = FakeStream(), MemoryStore(), ListedSource()
        with pytest.raises(Death):
            replay(stream, store, Steps(dies_at, done_before=done_before), past, pid=1, now=NOW + 1e6)
        assert replay(stream, store, Steps(), past, pid=2, now=NOW + 2e6)
        found = runs_by_event(stream)
        assert found.keys() == set(range(EVENTS)), dies_at
        assert {len(runs) for runs in found.values()} == {1}
        from_the_middle += 0 < past.began_at[-1] < EVENTS
    assert from_the_middle > 10, "no replay went on from the middle"
