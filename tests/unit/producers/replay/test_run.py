"""A replay on a virtual clock: marked, paced, saved as it goes, taken up again, and never worked on by two."""

import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.codec import DEFAULT_LATENESS, decode
from glue.contract import BadInput, ContentEvent
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.ports import OutRecord, PutResult, StreamRefusedError
from producers.replay.marking import Identity, Span, identity
from producers.replay.records import ReplayRecord
from producers.replay.run import LOOKUP_RECORDS, SAVE_RECORDS, SAVE_SECONDS, NoArrivals, Pace, Replay, Replayer
from producers.replay.run_files import FolderStore, is_alive, this_process
from producers.replay.runs import LEASE_SECONDS, ChangedError, Holder, OtherPlanError, Run, RunTakenError
from producers.replay.selecting import Selection
from tests.fakes.documents import MemoryStore
from tests.fakes.stream import FakeStream, VirtualClock, WatchedDelivery

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ARRIVAL.timestamp()
EVERYTHING = Selection(since=0.0, until=1e12)
ME = Holder("here", 1)


def event(number: int, **fields: object) -> ContentEvent:
    made = decode(
        msgspec.json.encode(
            {
                "schema_version": 1,
                "event_id": f"00000000-0000-7000-8000-{number:012x}",
                "content_id": f"c{number}",
                "author_id": f"a{number % 3}",
                "surface": "chat",
                "created_at": "2026-03-01T12:00:00Z",
                "text": "x",
                **fields,
            }
        ),
        ARRIVAL,
    )
    assert isinstance(made, ContentEvent)
    return made


class ListedSource:
    """Records in a list; a position is how many are done. ``dies_after`` kills the reader there."""

    def __init__(self, events: Sequence[ContentEvent | BadInput], *, span: Callable[[int], Span] | None = None) -> None:
        self.events = events
        self.span = span or (lambda at: Span(NOW + at, NOW + at))

    def size(self) -> None:
        return None

    def records(self, position: Mapping[str, str]) -> Iterator[ReplayRecord]:
        for at in range(int(position.get("list", "0")), len(self.events)):
            yield ReplayRecord(self.events[at], self.span(at), ("list", str(at + 1)))


class KnownArrivals:
    def __init__(self, known: Mapping[Identity, float]) -> None:
        self.known = known
        self.asked: list[int] = []

    def of(
        self, identities: Sequence[Identity], *, days: tuple[str, str], since: float, until: float
    ) -> Mapping[Identity, float]:
        self.asked.append(len(identities))
        return {name: self.known[name] for name in identities if name in self.known}


def taken(store: MemoryStore | FolderStore, *, now: float = 0.0, holder: Holder = ME, plan: str = "p") -> Run:
    return Run.take(store, run_id="run", plan={"since": plan}, holder=holder, is_alive=lambda other: None, now=now)


def replayer(past: ListedSource, clock: VirtualClock, **more: object) -> Replayer:
    given: dict[str, object] = {"selection": EVERYTHING, "arrivals": NoArrivals(), **more}
    return Replayer(past, lateness=DEFAULT_LATENESS, clock=clock, run_id="run", **given)  # type: ignore[arg-type]


def delivery(stream: FakeStream, clock: VirtualClock) -> Delivery:
    return open_delivery(stream, clock=clock, settings=DeliverySettings(in_flight=1, max_attempts=2))


def run_all(past: ListedSource, stream: FakeStream, store: MemoryStore, **more: object) -> Replay:
    clock = stream.clock or VirtualClock(NOW + 1e6)
    return replayer(past, clock, **more).send(delivery(stream, clock), taken(store, now=clock.now()))


def marks(stream: FakeStream) -> list[tuple[int, str, str]]:
    found = [msgspec.json.decode(one.data) for one in stream.taken]
    return [(int(one["event_id"][-12:], 16), one["replay"]["run_id"], one["replay"]["arrived_at"]) for one in found]


def test_every_event_is_sent_once_with_the_run_and_its_first_arrival() -> None:
    stream, store = FakeStream(), MemoryStore()
    events: list[ContentEvent | BadInput] = [event(1), BadInput("json", ""), event(2), event(1)]
    known = KnownArrivals({identity(event(2)): NOW + 0.25})
    done = run_all(ListedSource(events), stream, store, arrivals=known)
    assert marks(stream) == [(1, "run", "2026-03-01T12:00:00.000000Z"), (2, "run", "2026-03-01T12:00:00.250000Z")]
    assert (done.read, done.sent, done.repeated, done.refused) == (4, 2, 1, {"json": 1})
    assert done.is_finished
    assert known.asked == [3]


def test_what_came_back_before_keeps_its_first_arrival_and_a_run_never_sends_its_own_again() -> None:
    stream, store = FakeStream(), MemoryStore()
    earlier = event(1, replay={"run_id": "other", "arrived_at": "2026-03-01T11:59:00Z"})
    own = event(2, replay={"run_id": "run", "arrived_at": "2026-03-01T11:59:00Z"})
    done = run_all(ListedSource([earlier, own]), stream, store)
    assert marks(stream) == [(1, "run", "2026-03-01T11:59:00.000000Z")]
    assert (done.own, done.estimated) == (1, 0)


def test_only_what_is_selected_and_arrived_in_the_range_is_sent() -> None:
    selection = Selection(
        since=NOW + 2,
        until=NOW + 9,
        created_since=ARRIVAL,
        created_until=datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC),
        authors=frozenset({"a1", "a2"}),
        surfaces=frozenset({"chat"}),
        event_ids=frozenset(event(number).event_id for number in range(8)),
    )
    events = [event(number) for number in range(10)]
    events[4] = event(4, created_at="2026-03-01T11:59:59Z")
    events[5] = event(5, surface="forum")
    stream = FakeStream()
    done = run_all(ListedSource(events), stream, MemoryStore(), selection=selection)
    assert [number for number, _, _ in marks(stream)] == [2, 7]
    assert (done.not_selected, done.outside) == (7, 1)


def test_an_arrival_that_nobody_knows_is_in_the_range_when_its_object_overlaps_it() -> None:
    selection = Selection(since=NOW + 100, until=NOW + 200)
    spans = [Span(NOW, NOW + 90), Span(NOW, NOW + 101), Span(NOW + 150, NOW + 400), Span(NOW + 200, NOW + 300)]
    stream = FakeStream()
    past = ListedSource([event(number) for number in range(4)], span=lambda at: spans[at])
    done = run_all(past, stream, MemoryStore(), selection=selection)
    assert [number for number, _, _ in marks(stream)] == [1, 2]
    assert (done.estimated, done.outside) == (2, 2)
    # and when a verdict knows it, by that
    known = KnownArrivals({identity(event(1)): NOW + 99, identity(event(2)): NOW + 199})
    stream = FakeStream()
    run_all(past, stream, MemoryStore(), selection=selection, arrivals=known)
    assert [number for number, _, _ in marks(stream)] == [2]


def test_an_arrival_over_four_hundred_days_ago_is_not_sent_and_counted() -> None:
    clock = VirtualClock(NOW + 401 * 86_400)
    done = run_all(ListedSource([event(1)]), FakeStream(clock=clock), MemoryStore())
    assert (done.too_old, done.sent) == (1, 0)


LEFT_OUT: dict[str, ContentEvent | BadInput] = {
    "refused": BadInput("json", ""),
    "own": event(2, replay={"run_id": "run", "arrived_at": "2026-03-01T11:59:00Z"}),
    "not_selected": event(2, surface="forum"),
    "outside": event(2),
    "repeated": event(1),
    "too_old": event(2),
}


@pytest.mark.parametrize("reason", LEFT_OUT)
def test_what_is_left_out_for_whatever_reason_is_told_counted_and_done_with(reason: str) -> None:
    store, stream, clock = MemoryStore(), FakeStream(), VirtualClock(NOW + 1e6)
    long_ago = clock.now() - 401 * 86_400
    spans = {"outside": Span(-2.0, -1.0), "too_old": Span(long_ago, long_ago)}
    past = ListedSource(
        [event(1), LEFT_OUT[reason]], span=lambda at: spans.get(reason, Span(NOW, NOW)) if at else Span(NOW, NOW)
    )
    selection = Selection(since=0.0, until=1e12, surfaces=frozenset({"chat"}))
    told: list[str] = []
    one = replayer(past, clock, selection=selection)
    run = taken(store, now=clock.now())
    done = one.send(delivery(stream, clock), run, progress=lambda account, record: told.append(str(record.place)))
    counted = sum(done.refused.values()) if reason == "refused" else getattr(done, reason)
    assert (done.read, done.sent, counted, len(told)) == (2, 1, 1, 2)
    assert run.state.position == {"list": "2"}


def test_a_rate_and_the_gaps_that_there_were_are_kept() -> None:
    for pace, seconds in ((Pace(rate=10.0), 0.9), (Pace(speed=10.0), 0.9), (Pace(rate=1.0, speed=10.0), 9.0)):
        clock = VirtualClock(NOW + 1e6)
        stream = FakeStream()
        past = ListedSource([event(number) for number in range(10)])
        began = clock.now()
        done = replayer(past, clock, pace=pace).send(delivery(stream, clock), taken(MemoryStore(), now=began))
        assert clock.now() - began == pytest.approx(seconds, abs=0.05)
        assert done.seconds == pytest.approx(seconds, abs=0.05)


def test_long_gaps_keep_the_run_held_and_what_was_sent_saved() -> None:
    clock, store = VirtualClock(NOW + 1e6), MemoryStore()
    saved: list[tuple[int, float]] = []

    class Watched(MemoryStore):
        def write(self, name: str, data: bytes, version: str | None) -> str:
            state = msgspec.json.decode(data)
            saved.append((state["counts"].get("sent", 0), state["held_until"] - clock.now()))
            return super().write(name, data, version)

    store = Watched()
    past = ListedSource([event(1), event(2)], span=lambda at: Span(NOW + 3_600 * at, NOW + 3_600 * at))
    run = taken(store, now=clock.now())
    replayer(past, clock, pace=Pace(speed=60.0)).send(delivery(FakeStream(), clock), run)
    assert len(saved) > 10
    assert saved[5][0] == 1
    assert all(left == pytest.approx(LEASE_SECONDS) for _, left in saved[:-1])


@pytest.mark.parametrize("is_event", [True, False])
def test_a_source_that_is_slow_keeps_the_run_held_and_how_far_it_came_saved(is_event: bool) -> None:
    clock, saves = VirtualClock(NOW + 1e6), list[tuple[str | None, float]]()

    class Watched(MemoryStore):
        def write(self, name: str, data: bytes, version: str | None) -> str:
            saves.append((msgspec.json.decode(data)["position"].get("list"), clock.now()))
            return super().write(name, data, version)

    def slow(account: Replay, record: ReplayRecord) -> None:
        clock.sleep(SAVE_SECONDS / 2)

    events = [event(number) if is_event else BadInput("json", "") for number in range(9)]
    began = clock.now()
    replayer(ListedSource(events), clock).send(
        delivery(FakeStream(), clock), taken(Watched(), now=began), progress=slow
    )
    saved = [(position, time - began) for position, time in saves if position is not None]
    assert saved[:3] == [("3", SAVE_SECONDS), ("5", 2 * SAVE_SECONDS), ("7", 3 * SAVE_SECONDS)]


@pytest.mark.parametrize("notify", [False, True])
def test_events_are_marked_as_ones_to_tell_of_when_that_is_asked_for(notify: bool) -> None:
    stream = FakeStream()
    run_all(ListedSource([event(1)]), stream, MemoryStore(), notify=notify)
    [record] = stream.taken
    assert msgspec.json.decode(record.data)["replay"].get("notify", False) is notify


def test_what_the_stream_does_not_take_holds_the_position_back() -> None:
    # given a stream that takes the first calls and then refuses one record for good
    stream, store = FakeStream(), MemoryStore()
    stream.behaviour = lambda call, batch: (
        [PutResult(None, None, "InternalFailure")] * len(batch) if call >= SAVE_RECORDS // 500 else None
    )
    events = [event(number) for number in range(SAVE_RECORDS + 700)]
    done = run_all(ListedSource(events), stream, store)
    assert (done.sent, done.failed, done.is_finished) == (SAVE_RECORDS, 700, False)
    assert done.stopped is not None
    state = msgspec.json.decode(store.kept["run"][0])
    assert state["position"] == {"list": str(SAVE_RECORDS)}
    # when it is taken up again
    stream.behaviour = None
    again = run_all(ListedSource(events), stream, store)
    assert (again.before, again.sent, again.is_finished) == (SAVE_RECORDS, 700, True)
    assert {number for number, _, _ in marks(stream)} == set(range(SAVE_RECORDS + 700))


def test_a_stream_that_refuses_stops_the_run_where_it_was() -> None:
    def refuse(call: int, batch: Sequence[OutRecord]) -> None:
        raise StreamRefusedError(stream="s", region="r", code="AccessDeniedException", next_step="Ask.")

    store = MemoryStore()
    done = run_all(ListedSource([event(1)]), FakeStream(refuse), store)
    assert (done.sent, done.is_finished) == (0, False)
    assert "AccessDeniedException" in str(done.stopped)
    assert msgspec.json.decode(store.kept["run"][0])["position"] == {}


@given(st.integers(1, 30), st.lists(st.integers(0, 29), max_size=4))
def test_killed_anywhere_and_taken_up_again_every_event_is_sent_under_one_run(count: int, deaths: list[int]) -> None:
    class Killed(BaseException):
        pass

    class MortalPast(ListedSource):
        lives = 0

        def records(self, position: Mapping[str, str]) -> Iterator[ReplayRecord]:
            for number, record in enumerate(super().records(position)):
                if number == self.lives:
                    raise Killed
                yield record

    past, store, stream = MortalPast([event(number) for number in range(count)]), MemoryStore(), FakeStream()
    clock = VirtualClock(NOW + 1e6)
    for death in deaths:
        past.lives = death
        run = taken(store, now=clock.now())
        one = delivery(stream, clock)
        # A kill: nothing after it runs, so the run is not left in order either.
        generator = replayer(past, clock)
        try:
            generator.send(one, run)
        except Killed:
            clock.time += LEASE_SECONDS + 1
    past.lives = 10_000
    done = replayer(past, clock).send(delivery(stream, clock), taken(store, now=clock.now()))
    assert done.is_finished
    sent = marks(stream)
    assert {number for number, _, _ in sent} == set(range(count))
    # Whatever was sent twice was sent with the same bytes, so it makes the same verdict.
    assert len({one.data for one in stream.taken}) == count


def test_a_run_that_is_stopped_while_it_waits_for_its_pace_waits_no_longer() -> None:
    clock = VirtualClock(NOW + 1e6)
    began = clock.now()
    run = taken(MemoryStore(), now=began)
    slow = replayer(ListedSource([event(1), event(2)]), clock, pace=Pace(rate=0.001))
    done = slow.send(delivery(FakeStream(), clock), run, is_stopped=lambda: clock.now() > began + 5)
    assert (done.is_interrupted, done.is_finished, done.sent) == (True, False, 1)
    assert clock.now() < began + 10


def test_a_process_that_was_thought_dead_stops_at_its_next_save() -> None:
    store, clock = MemoryStore(), VirtualClock(NOW + 1e6)
    sleeper = taken(store, now=clock.now())
    with pytest.raises(RunTakenError, match="process 1 on here"):
        taken(store, now=clock.now() + LEASE_SECONDS - 1, holder=Holder("there", 2))
    heir = taken(store, now=clock.now() + LEASE_SECONDS + 1, holder=Holder("there", 2))
    assert heir.state.fence == 2
    stream = FakeStream()
    with pytest.raises(RunTakenError, match="taken run run over"):
        replayer(ListedSource([event(1)]), clock).send(delivery(stream, clock), sleeper)
    heir.save({"list": "1"}, {"sent": 1}, now=clock.now())


@pytest.mark.parametrize("error", [RuntimeError("a defect"), OSError(5, "a disk"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_that_nobody_foresaw_ends_the_delivery_without_retries_and_gives_the_run_back(
    error: BaseException,
) -> None:
    store, clock = MemoryStore(), VirtualClock(NOW + 1e6)
    sending = WatchedDelivery(delivery(FakeStream(), clock))

    def told(account: Replay, record: ReplayRecord) -> None:
        raise error

    with pytest.raises(type(error)):
        replayer(ListedSource([event(1)]), clock).send(
            sending,
            taken(store, now=clock.now()),
            progress=told,
        )
    assert sending.ended == ["abandon", "close"]
    assert taken(store, now=clock.now(), holder=Holder("there", 2)).state.fence == 2


def test_a_run_that_was_taken_over_ends_its_delivery_and_leaves_the_run_to_who_has_it() -> None:
    store, clock = MemoryStore(), VirtualClock(NOW + 1e6)
    sleeper = taken(store, now=clock.now())
    heir = taken(store, now=clock.now() + LEASE_SECONDS + 1, holder=Holder("there", 2))
    sending = WatchedDelivery(delivery(FakeStream(), clock))
    with pytest.raises(RunTakenError):
        replayer(ListedSource([event(1)]), clock).send(sending, sleeper)
    assert sending.ended == ["abandon", "close"]
    heir.save({"list": "1"}, {"sent": 1}, now=clock.now())


def test_a_dead_process_of_this_machine_need_not_be_waited_for(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    gone = Holder(this_process().host, 2**22 - 3)
    assert is_alive(this_process()) is True
    assert is_alive(gone) is False
    assert is_alive(Holder("elsewhere", 1)) is None
    for holder in (gone, this_process()):
        Run.take(store, run_id="run", plan={}, holder=holder, is_alive=is_alive, now=0.0)
    with pytest.raises(RunTakenError):
        Run.take(store, run_id="run", plan={}, holder=gone, is_alive=is_alive, now=1.0)


def test_a_run_goes_on_only_with_the_options_it_was_begun_with_and_begins_anew_when_finished() -> None:
    store = MemoryStore()
    run = taken(store)
    run.save({"list": "7"}, {"sent": 7}, now=1.0)
    run.leave(is_finished=False)
    with pytest.raises(OtherPlanError) as refused:
        taken(store, plan="another")
    assert (refused.value.names, str(refused.value)) == (["since"], "['since']")
    for plan in ({}, {"since": "p", "rate": "5"}):
        with pytest.raises(OtherPlanError):
            Run.take(store, run_id="run", plan=plan, holder=ME, is_alive=lambda other: None, now=0.0)
    again = taken(store, now=50.0)
    assert (again.is_resumed, again.state.position, again.state.started_at) == (True, {"list": "7"}, 0.0)
    again.leave(is_finished=True)
    anew = taken(store, now=90.0)
    assert (anew.is_resumed, anew.state.position, anew.state.started_at) == (False, {}, 90.0)


def test_a_run_whose_process_died_without_a_word_goes_on_from_its_last_save() -> None:
    store = MemoryStore()
    for lives, (position, sent) in enumerate((("3", 3), ("7", 7)), start=1):
        run = taken(store, now=lives * 100.0)
        assert run.is_resumed is (lives > 1)
        run.save({"list": position}, {"sent": sent}, now=lives * 100.0)
    last = taken(store, now=900.0)
    assert (last.is_resumed, last.state.fence, last.state.started_at) == (True, 3, 100.0)
    assert (last.state.position, last.state.counts) == ({"list": "7"}, {"sent": 7})
    assert (last.state.holder, last.state.held_until, last.state.is_finished) == (ME, 900.0 + LEASE_SECONDS, False)


def test_states_in_a_folder_are_whole_private_and_compared(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "runs")
    assert store.read("a") is None
    first = store.write("a", b"1", None)
    with pytest.raises(ChangedError):
        store.write("a", b"2", None)
    second = store.write("a", b"2", first)
    with pytest.raises(ChangedError):
        store.write("a", b"3", first)
    assert store.read("a") == (b"2", second)
    assert (tmp_path / "runs" / "a.json").stat().st_mode & 0o077 == 0
    assert [path.name for path in sorted((tmp_path / "runs").iterdir())] == [".lock", "a.json"]


def test_a_state_is_on_the_disk_before_it_takes_the_place_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen = FolderStore(tmp_path), []

    def synced(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        kept = store.read("a")
        seen.append(("folder" if is_folder else "state", kept[0] if kept else None))

    monkeypatch.setattr(os, "fsync", synced)
    store.write("a", b"1", None)
    assert seen == [("state", None), ("folder", b"1")]


def test_of_many_who_write_at_once_one_wins(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    won: list[int] = []

    def write(number: int) -> None:
        try:
            store.write("a", str(number).encode(), None)
        except ChangedError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("a") == (str(won[0]).encode(), store.read("a")[1])  # type: ignore[index]


def test_first_arrivals_are_asked_for_in_groups() -> None:
    known = KnownArrivals({})
    clock = VirtualClock(NOW + 1e6)
    one = event(1)
    past = ListedSource([one] * (LOOKUP_RECORDS + 5))
    done = replayer(past, clock, arrivals=known).count()
    assert known.asked == [LOOKUP_RECORDS, 5]
    assert (done.sent, done.repeated) == (2, LOOKUP_RECORDS + 3)
