"""Bringing back what was set aside: claimed once, fixed in a process apart, sent, and written down."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.rows import RowMaker
from glue.codec import DEFAULT_LATENESS, MAX_REPLAY_AGE
from glue.kpl.aggregation import UserRecord, encode
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import OutRecord, PutResult, StreamRefusedError
from producers.redrive.fixes import FixFailedError
from producers.redrive.items import Item, Loaded, PlainItem, RawRecord
from producers.redrive.ledger import CLAIM_SECONDS, Entry, Ledger
from producers.redrive.run import BATCH_ITEMS, Redrive, Redriver
from producers.replay.runs import Holder
from tests.fakes.documents import MemoryStore
from tests.fakes.kinesis_events import aggregate
from tests.fakes.sample_events import event_id, payload
from tests.fakes.stream import FakeStream, VirtualClock, WatchedDelivery

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ARRIVAL.timestamp()
ROWS = RowMaker(Moderator(Policy.load(read_policy("default"))), DEFAULT_LATENESS, code_version="1")


def item(number: int, data: bytes | None = None, *, reason: str = "type", more: Sequence[bytes] = ()) -> PlainItem:
    records = [RawRecord(one, NOW, "key", f"s:{number}") for one in (payload(number) if data is None else data, *more)]
    return PlainItem(name=f"quarantine/{number}", reason=reason, arrived=NOW + number, records=tuple(records))


def ledger(store: MemoryStore, pid: int = 1) -> Ledger:
    return Ledger(store, holder=Holder("here", pid), is_alive=lambda other: None)


def redrive(
    items: Sequence[Item],
    stream: FakeStream,
    store: MemoryStore,
    *,
    run_id: str = "run",
    now: float = NOW,
    progress: Callable[[int], None] | None = None,
    **more: Any,
) -> Redrive:
    clock = VirtualClock(now)
    redriver = Redriver(ledger(store), run_id=run_id, lateness=DEFAULT_LATENESS, clock=clock, **more)
    one = open_delivery(stream, clock=clock, settings=DeliverySettings(in_flight=1, max_attempts=2))
    account = redriver.send(items, one, progress=progress)
    # Whatever happened, every item became one thing.
    became = (account.redriven, account.already, account.held, account.still_bad, account.left_out)
    assert account.stopped or account.found == len(items)
    assert account.found == sum(became) + account.fix_failed + account.impossible + account.failed
    assert account.seconds == clock.now() - now
    return account


def sent(stream: FakeStream) -> list[tuple[int, str]]:
    found = [msgspec.json.decode(one.data) for one in stream.taken]
    return [(int(one["event_id"][-12:], 16), one["replay"]["run_id"]) for one in found]


def test_each_is_sent_once_and_a_second_redrive_does_nothing() -> None:
    stream, store = FakeStream(), MemoryStore()
    items = [item(number) for number in range(450)]
    told: list[int] = []
    done = redrive(items, stream, store, progress=told.append)
    assert (done.found, done.redriven, done.events, done.is_whole) == (450, 450, 450, True)
    assert (told, done.problems) == ([200, 400, 450], [])
    assert sent(stream) == [(number, "run") for number in range(450)]
    assert b'"arrived_at":"2026-03-01T12:00:00.000000Z"' in stream.taken[0].data
    again = redrive(items, stream, store, run_id="again")
    assert (again.already, again.events, len(stream.taken)) == (450, 0, 450)


def test_what_would_be_refused_again_stays_free_for_a_fix() -> None:
    stream, store = FakeStream(), MemoryStore()
    broken = item(1, payload(1, text=5))
    done = redrive([broken, item(2)], stream, store)
    assert ledger(store).look(broken.name) == Entry(state="free", run_id="run", at=NOW, events=0)
    assert (done.still_bad, done.still_bad_reasons, done.redriven, done.is_whole) == (1, {"type": 1}, 1, False)

    def fix(data: bytes, reason: str) -> bytes | None:
        assert reason == "type"
        return data.replace(b'"text":5', b'"text":"5"')

    done = redrive([broken, item(2)], stream, store, fix=fix, run_id="two")
    assert (done.fixed, done.redriven, done.already) == (1, 1, 1)
    assert sent(stream) == [(2, "run"), (1, "two")]


def test_a_container_that_cannot_be_opened_stays_and_one_that_can_gives_its_records() -> None:
    stream = FakeStream()
    whole = aggregate([payload(1), payload(2)])
    done = redrive([item(1, whole[:-1] + b"?"), item(2, whole)], stream, MemoryStore())
    assert (done.redriven, done.events) == (1, 2)
    assert (done.still_bad, done.still_bad_reasons) == (1, {"aggregate_corrupt": 1})
    assert len(stream.taken) == 2
    mended = redrive([item(1, whole[:-1] + b"?")], stream, MemoryStore(), fix=lambda data, reason: whole)
    assert (mended.redriven, mended.events, mended.fixed) == (1, 2, 1)


def test_a_fix_may_leave_a_record_or_fail_on_it_and_the_others_pass() -> None:
    def fix(data: bytes, reason: str) -> bytes | None:
        if b"0001" in data:
            return None
        if b"0002" in data:
            raise FixFailedError("KeyError (line 3)")
        return data

    stream, store = FakeStream(), MemoryStore()
    done = redrive([item(1), item(2), item(3)], stream, store, fix=fix)
    assert (done.left_out, done.fix_failed, done.redriven, done.fixed) == (1, 1, 1, 0)
    assert done.fix_failures == {"KeyError (line 3)": 1}
    assert sent(stream) == [(3, "run")]


def test_what_the_stream_does_not_take_is_given_back() -> None:
    stream, store = FakeStream(), MemoryStore()

    def refuse_one(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult]:
        return [
            PutResult(None, None, "InternalFailure") if one.event_id.endswith("2") else stream.take(one)
            for one in batch
        ]

    stream.behaviour = refuse_one
    done = redrive([item(1), item(2), item(3)], stream, store)
    assert (done.redriven, done.failed) == (2, 1)
    stream.behaviour = None
    again = redrive([item(1), item(2), item(3)], stream, store, run_id="two")
    assert (again.already, again.redriven) == (2, 1)
    assert sent(stream) == [(1, "run"), (3, "run"), (2, "two")]


@pytest.mark.parametrize("count", [1, 600])
def test_a_stream_that_refuses_ends_the_redrive_and_says_why(count: int) -> None:
    refusal = StreamRefusedError(stream="s", region="r", code="KMSDisabledException", next_step="Enable the key.")

    def refuse(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult]:
        raise refusal

    items = [item(number) for number in range(count)]
    store = MemoryStore()
    account = redrive(items, FakeStream(refuse), store)
    assert account.stopped == str(refusal)
    assert (account.redriven, account.failed, account.is_whole) == (0, min(count, BATCH_ITEMS), False)
    # Nothing is lost: each is free for the next run.
    assert redrive(items, FakeStream(), store, run_id="later").redriven == count


def test_of_a_stream_that_refuses_in_the_middle_of_a_batch_nothing_is_written_down_as_brought_back() -> None:
    # given a refusal before the third record, when the first two are under way and the rest were never put
    refusal = StreamRefusedError(stream="s", region="r", code="AccessDeniedException", next_step="Allow it.")

    def refuse(record: OutRecord) -> None:
        if record.event_id.endswith("3"):
            raise refusal

    stream, store, clock = FakeStream(), MemoryStore(), VirtualClock(NOW)
    redriver = Redriver(ledger(store), run_id="run", lateness=DEFAULT_LATENESS, clock=clock)
    settings = DeliverySettings(in_flight=1, max_attempts=2)
    sending = WatchedDelivery(open_delivery(stream, clock=clock, settings=settings), before_put=refuse)
    items = [item(number) for number in range(1, 6)]
    account = redriver.send(items, sending)
    assert (account.redriven, account.failed, account.stopped) == (0, 5, str(refusal))
    assert sending.ended == ["close"]
    assert redrive(items, stream, store, run_id="later").redriven == 5


@pytest.mark.parametrize("error", [RuntimeError("a defect"), OSError(5, "a disk"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_that_nobody_foresaw_ends_the_delivery_without_retries(error: BaseException) -> None:
    class Broken(PlainItem):
        def load(self) -> Loaded:
            raise error

    clock = VirtualClock(NOW)
    sending = WatchedDelivery(open_delivery(FakeStream(), clock=clock, settings=DeliverySettings(in_flight=1)))
    redriver = Redriver(ledger(MemoryStore()), run_id="run", lateness=DEFAULT_LATENESS, clock=clock)
    broken = Broken(name="quarantine/1", reason="type", arrived=NOW, records=())
    with pytest.raises(type(error)):
        redriver.send([item(2), broken], sending)
    assert sending.ended == ["abandon", "close"]


def test_what_a_redrive_would_do_is_what_it_does() -> None:
    store = MemoryStore()
    redrive([item(1), item(2)], FakeStream(), store)
    ledger(store).claim("quarantine/6", "a run that died", now=NOW - CLAIM_SECONDS - 1)
    gone = GoneItem(name="dead/1", reason="type", arrived=NOW, records=())
    items = [item(1), item(2), item(3), item(4, payload(4, text=5)), item(5, more=[payload(7)]), item(6), gone]
    before = dict(store.kept)
    redriver = Redriver(ledger(store), run_id="run", lateness=DEFAULT_LATENESS, clock=VirtualClock(NOW))
    tried = redriver.try_out(items)
    assert store.kept == before
    done = redrive(items, FakeStream(), store)
    assert tried == done
    assert (tried.redriven, tried.already, tried.still_bad, tried.events) == (3, 2, 1, 4)


def test_a_process_that_dies_after_it_sent_leaves_nothing_that_would_count_twice() -> None:
    class Died(BaseException):
        pass

    class MortalStore(MemoryStore):
        closes = 0

        def write(self, name: str, data: bytes, version: str | None) -> str:
            if msgspec.json.decode(data)["state"] == "redriven":
                raise Died
            return super().write(name, data, version)

    stream, store = FakeStream(), MortalStore()
    with pytest.raises(Died):
        redrive([item(1)], stream, store, run_id="first")
    heir = MemoryStore()
    heir.kept = store.kept
    assert redrive([item(1)], stream, heir, run_id="second", now=NOW + 1).held == 1
    done = redrive([item(1)], stream, heir, run_id="third", now=NOW + CLAIM_SECONDS + 1)
    assert done.redriven == 1
    assert {one.data for one in stream.taken} == {stream.taken[0].data}
    assert sent(stream) == [(1, "first"), (1, "first")]


def test_records_of_a_dead_letter_that_are_no_events_go_back_as_they_are() -> None:
    container = encode([UserRecord("key", None, payload(number)) for number in (3, 4)])
    letter = item(1, more=(b"no event", container, container[:-1]))
    stream = FakeStream()
    store = MemoryStore()
    done = redrive([letter], stream, store, keeps_bad=True)
    assert (done.events, done.raw, done.redriven) == (3, 2, 1)
    entry = ledger(store).look(letter.name)
    assert entry is not None
    assert (entry.state, entry.events) == ("redriven", 5)
    assert [one.data for one in stream.taken[-2:]] == [b"no event", container[:-1]]
    assert all(one.partition_key == "key" for one in stream.taken[-2:])


def test_an_item_of_which_a_part_is_gone_is_sent_under_the_same_run_each_time_and_never_settled() -> None:
    class Partly:
        name, reason, detail, arrived, count = "dead-letters/1", "RecordAgeExceeded", "", NOW, 3
        settlements = 0

        def load(self) -> Loaded:
            whole = RawRecord(payload(1), NOW, "key", "s:1")
            return Loaded((whole, RawRecord(b"no event", NOW, "key", "s:2")), 2, "too late for 2 of 4")

        def settled(self) -> None:
            self.settlements += 1

    partly, stream, store = Partly(), FakeStream(), MemoryStore()
    for run in ("one", "two"):
        done = redrive([partly], stream, store, run_id=run, keeps_bad=True)
        assert (done.events, done.raw, done.missing, done.is_whole) == (1, 1, 2, False)
        assert done.problems == ["too late for 2 of 4"]
        entry = ledger(store).look(partly.name)
        assert entry is not None
        assert (entry.state, entry.events) == ("free", 2)
    assert partly.settlements == 0
    assert [msgspec.json.decode(one.data)["replay"]["run_id"] for one in stream.taken[::2]] == ["one", "one"]
    assert [one.data for one in stream.taken[1::2]] == [b"no event"] * 2


class GoneItem(PlainItem):
    """An item whose records can no longer be had."""

    def load(self) -> Loaded:
        return Loaded((), 2, "the stream keeps 24 hours")


def test_an_item_of_which_nothing_can_be_had_is_impossible_and_stays() -> None:
    store, stream = MemoryStore(), FakeStream()
    gone = GoneItem(name="dead/1", reason="type", arrived=NOW, records=())
    account = redrive([gone, item(2), msgspec.structs.replace(gone, name="dead/2")], stream, store)
    assert (account.found, account.impossible, account.missing, account.redriven) == (3, 2, 4, 1)
    assert account.problems == ["the stream keeps 24 hours"]
    assert not account.is_whole
    # Another run may find it again.
    assert redrive([gone], stream, store, run_id="later").impossible == 1


def test_only_events_without_a_verdict_are_told_of_and_only_when_asked() -> None:
    class Verdicts:
        def with_verdict(self, event_ids: Sequence[str], *, days: tuple[str, str]) -> set[str]:
            assert days in {("2026-02-28", "2026-03-01"), ("2026-03-01", "2026-03-01")}
            assert list(event_ids) == sorted(event_ids)
            return {one for one in event_ids if one.endswith("1")}

    stream = FakeStream()
    copy = PlainItem(name="quarantine/copy", reason="type", arrived=NOW, records=item(2).records)
    earlier = item(1, payload(1, created_at="2026-02-28T12:00:00Z"))
    done = redrive([earlier, item(2), copy], stream, MemoryStore(), with_verdict=Verdicts())
    assert done.told == 1
    assert [b'"notify":true' in one.data for one in stream.taken] == [False, True, False]
    bad = redrive([item(3, b"no event")], FakeStream(), MemoryStore(), with_verdict=Verdicts(), keeps_bad=True)
    assert (bad.raw, bad.told) == (1, 0)
    quiet = FakeStream()
    redrive([item(1), item(2)], quiet, MemoryStore())
    assert not any(b"notify" in one.data for one in quiet.taken)


def test_a_listing_shows_reasons_ages_and_masked_samples_and_changes_nothing() -> None:
    store = MemoryStore()
    redrive([item(1)], FakeStream(), store)
    ledger(store).claim("quarantine/3", "a run under way", now=NOW)
    kept = dict(store.kept)
    redriver = Redriver(ledger(store), run_id="x", lateness=DEFAULT_LATENESS, clock=VirtualClock(NOW))
    items = [item(1), item(2, more=[b"more"]), item(3), item(4, reason="json"), item(5, reason="id")]
    groups = redriver.groups(items, sample=lambda data: f"{len(data)} bytes", samples=1)
    assert [(one.reason, one.items, one.redriven, one.oldest - NOW, one.newest - NOW) for one in groups] == [
        ("type", 3, 1, 1.0, 3.0),
        ("id", 1, 0, 5.0, 5.0),
        ("json", 1, 0, 4.0, 4.0),
    ]
    assert (groups[0].samples, groups[0].details) == ([f"{len(payload(2))} bytes"], {})
    [group] = redriver.groups([item(2, more=[b"more"]), item(3)], sample=bytes.hex, samples=3)
    assert group.samples == [payload(2).hex(), payload(3).hex()]
    assert store.kept == kept


def test_a_listing_counts_records_and_details_of_what_is_still_open_oldest_whatever_the_order() -> None:
    store = MemoryStore()
    redrive([item(9)], FakeStream(), store)
    redriver = Redriver(ledger(store), run_id="x", lateness=DEFAULT_LATENESS, clock=VirtualClock(NOW))
    items = [item(5, more=[payload(6), payload(7)]), item(3), item(9), item(8)]
    told = [msgspec.structs.replace(one, detail=text) for one, text in zip(items, ["a", "b", "a", "a"], strict=True)]
    [group] = redriver.groups(told, sample=None, samples=2)
    assert (group.items, group.records, group.redriven) == (4, 6, 1)
    assert (group.oldest, group.newest) == (NOW + 3, NOW + 9)
    assert (group.details, group.samples) == ({"a": 2, "b": 1}, [])


def test_a_redrive_is_whole_unless_something_stays_that_was_meant() -> None:
    done: dict[str, Any] = {
        "found": 9,
        "redriven": 3,
        "already": 1,
        "left_out": 1,
        "events": 5,
        "raw": 1,
        "fixed": 1,
        "told": 1,
    }
    assert Redrive(run_id="run", **done, problems=["one"], seconds=1.5).is_whole
    stays = ("held", "still_bad", "fix_failed", "impossible", "failed", "missing")
    faults: list[dict[str, Any]] = [*({name: 1} for name in stays), {"stopped": "no access"}, {"is_interrupted": True}]
    for fault in faults:
        assert not msgspec.structs.replace(Redrive(run_id="run", **done), **fault).is_whole


def test_a_redrive_that_is_stopped_takes_nothing_more_and_says_so() -> None:
    taken: list[int] = []

    def items() -> Iterator[Item]:
        for number in range(3 * BATCH_ITEMS):
            taken.append(number)
            yield item(number)

    redriver = Redriver(ledger(MemoryStore()), run_id="run", lateness=DEFAULT_LATENESS, clock=VirtualClock(NOW))
    tried = redriver.try_out(items(), is_stopped=lambda: len(taken) == 3)
    assert (tried.found, tried.redriven, tried.is_interrupted, len(taken)) == (2, 2, True, 3)
    taken.clear()
    clock = VirtualClock(NOW)
    redriver = Redriver(ledger(MemoryStore()), run_id="run", lateness=DEFAULT_LATENESS, clock=clock)
    sending = open_delivery(FakeStream(), clock=clock, settings=DeliverySettings(in_flight=1))
    done = redriver.send(items(), sending, is_stopped=lambda: bool(taken))
    assert (done.found, done.redriven, done.is_interrupted, len(taken)) == (BATCH_ITEMS, BATCH_ITEMS, True, BATCH_ITEMS)


def test_an_item_is_settled_when_it_was_brought_back_by_whomever_and_not_while_another_has_it() -> None:
    class Settled(PlainItem):
        def settled(self) -> None:
            names.append(self.name)

    names: list[str] = []
    store = MemoryStore()
    mine, theirs = (Settled(name=name, reason="type", arrived=NOW, records=item(1).records) for name in "ab")
    ledger(store).claim("b", "a run under way", now=NOW)
    assert redrive([mine, theirs], FakeStream(), store).held == 1
    assert names == ["a"]
    assert redrive([mine, theirs], FakeStream(), store).already == 1
    assert names == ["a", "a"]


def test_an_item_that_another_took_over_while_it_was_sent_counts_once_and_is_told_of() -> None:
    store, clock = MemoryStore(), VirtualClock(NOW)

    def take_over(record: OutRecord) -> None:
        ledger(store, 2).claim("quarantine/1", "heir", now=NOW + CLAIM_SECONDS)

    redriver = Redriver(ledger(store), run_id="run", lateness=DEFAULT_LATENESS, clock=clock)
    one = open_delivery(FakeStream(), clock=clock, settings=DeliverySettings(in_flight=1))
    done = redriver.send([item(1)], WatchedDelivery(one, before_put=take_over))
    assert (done.redriven, done.problems) == (1, ["quarantine/1: claimed by another process while it was sent"])
    entry = ledger(store).look("quarantine/1")
    assert entry is not None
    assert (entry.state, entry.run_id, entry.holder) == ("claimed", "run", Holder("here", 2))


def test_an_event_goes_back_with_its_own_first_arrival_and_not_when_that_is_too_long_ago() -> None:
    stream = FakeStream()
    mark = {"run_id": "earlier", "arrived_at": "2026-02-28T06:00:00.000000Z"}
    later = (datetime(2026, 2, 28, 6, tzinfo=UTC) + MAX_REPLAY_AGE).timestamp()
    items = [item(1, payload(1, created_at="2026-02-28T05:00:00Z", replay=mark)), item(2)]
    assert redrive(items, stream, MemoryStore(), now=later).redriven == 2
    arrivals = [msgspec.json.decode(one.data)["replay"]["arrived_at"] for one in stream.taken]
    assert arrivals == ["2026-02-28T06:00:00.000000Z", "2026-03-01T12:00:00.000000Z"]
    done = redrive(items, stream, MemoryStore(), now=later + 1)
    assert (done.redriven, done.still_bad_reasons) == (1, {"replay": 1})


def test_what_was_lost_of_one_item_keeps_it_open_and_no_later_one() -> None:
    stream, store = FakeStream(), MemoryStore()

    # A first call that takes the others, and two that take nothing.
    refusals = ["quarantine/0#0", event_id(1)] * 3

    def answer(one: OutRecord) -> PutResult:
        if one.event_id not in refusals:
            return stream.take(one)
        refusals.remove(one.event_id)
        return PutResult(None, None, "InternalFailure")

    stream.behaviour = lambda call, batch: [answer(one) for one in batch]
    items = [item(0, b"no event"), *(item(number) for number in range(1, BATCH_ITEMS))]
    copy = msgspec.structs.replace(item(1), name="quarantine/copy")
    done = redrive([*items, copy], stream, store, keeps_bad=True)
    assert (done.failed, done.redriven, done.raw) == (2, BATCH_ITEMS - 1, 0)
