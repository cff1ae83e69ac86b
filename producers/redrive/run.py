"""One redrive from start to end: what was set aside is claimed, fixed, marked, put on the stream, and written down."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

import msgspec

from glue.codec import Lateness, decode
from glue.contract import BadInput, ContentEvent
from glue.kpl.aggregation import MAGIC
from glue.kpl.aggregation import decode as open_aggregate
from glue.ports import Clock
from producers.delivery.sending import Delivery
from producers.ports import OutRecord, StreamRefusedError
from producers.redrive.fixes import Fix, FixFailedError
from producers.redrive.items import Item, Loaded, RawRecord
from producers.redrive.ledger import Claim, Ledger
from producers.replay.marking import brought_back, is_too_old, marked_arrival

BATCH_ITEMS = 200
"""Items that are claimed, sent and closed together."""
WORKERS = 16


class WithVerdict(Protocol):
    """Knows which events have a verdict."""

    def with_verdict(self, event_ids: Sequence[str], *, days: tuple[str, str]) -> set[str]:
        """Those of the events that have one; their own time lies in these days (YYYY-MM-DD)."""
        ...


class Group(msgspec.Struct, kw_only=True):
    """What is set aside for one reason."""

    reason: str
    oldest: float
    newest: float
    items: int = 0
    records: int = 0
    redriven: int = 0
    details: dict[str, int] = {}
    samples: list[str] = []


class Redrive(msgspec.Struct, kw_only=True):
    """What became of every item: found = redriven + already + held + still_bad + left_out + fix_failed + impossible +
    failed; and of the records in them.

    Args:
        already: redriven before.
        held: claimed by another process right now.
        still_bad: the contract would refuse them again.
        left_out: the fix gave None.
        impossible: their bytes can no longer be had.
        failed: the stream did not take them.
        events: events sent; ``raw``: records sent as they are, for quarantine to account for.
    """

    run_id: str
    found: int = 0
    redriven: int = 0
    already: int = 0
    held: int = 0
    still_bad: int = 0
    left_out: int = 0
    fix_failed: int = 0
    impossible: int = 0
    failed: int = 0
    events: int = 0
    raw: int = 0
    missing: int = 0
    fixed: int = 0
    told: int = 0
    still_bad_reasons: dict[str, int] = {}
    fix_failures: dict[str, int] = {}
    problems: list[str] = []
    seconds: float = 0.0
    is_interrupted: bool = False
    stopped: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left that was meant to be brought back."""
        return not (
            self.held
            or self.still_bad
            or self.fix_failed
            or self.impossible
            or self.failed
            or self.missing
            or self.stopped
            or self.is_interrupted
        )


class _StillBadError(Exception):
    """The contract would refuse the item again; the text is the reason."""


class _FixFailedError(Exception):
    """The fix raised something; the text is what."""


class _LeftOutError(Exception):
    """The fix gave nothing for the item."""


class _Ready(msgspec.Struct):
    """What is to be sent for an item."""

    item: Item
    missing: int
    events: list[tuple[ContentEvent, float]]
    raw: list[RawRecord]
    fixed: int

    @property
    def sent(self) -> int:
        """How many records it makes."""
        return len(self.events) + len(self.raw)


class Redriver:
    """Brings items back.

    Args:
        ledger: says what was brought back already.
        run_id: goes into the marks of what nobody has claimed before.
        lateness: the consumer's limits.
        clock: time.
        fix: makes good bytes of bad ones; None sends them as they are.
        keeps_bad: whether what is no event is put on the stream as it is, so that quarantine accounts for it. For
            records that quarantine never saw.
        with_verdict: given, events without a verdict are marked to be told of; None tells nobody.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        run_id: str,
        lateness: Lateness,
        clock: Clock,
        fix: Fix | None = None,
        keeps_bad: bool = False,
        with_verdict: WithVerdict | None = None,
    ) -> None:
        self._ledger = ledger
        self._lateness = lateness
        self._clock = clock
        self._fix = fix
        self._keeps_bad = keeps_bad
        self._with_verdict = with_verdict
        self._told: set[str] = set()
        self._bad: Counter[str] = Counter()
        self._fix_failures: Counter[str] = Counter()
        self.account = Redrive(run_id=run_id)

    def groups(self, items: Iterable[Item], *, sample: Callable[[bytes], str] | None, samples: int) -> list[Group]:
        """What there is, by reason, most first; nothing is changed.

        Args:
            items: what is set aside.
            sample: shows a payload without personal data; None shows none.
            samples: how many for each reason.
        """
        found: dict[str, Group] = {}
        rest = iter(items)
        with ThreadPoolExecutor(WORKERS) as pool:
            while some := list(islice(rest, BATCH_ITEMS)):
                for item, is_done in zip(some, pool.map(self._is_done, some), strict=True):
                    new = Group(reason=item.reason, oldest=item.arrived, newest=item.arrived)
                    group = found.setdefault(item.reason, new)
                    group.items += 1
                    group.records += item.count
                    group.oldest, group.newest = min(group.oldest, item.arrived), max(group.newest, item.arrived)
                    if is_done:
                        group.redriven += 1
                        continue
                    if item.detail:
                        group.details[item.detail] = group.details.get(item.detail, 0) + 1
                    if sample is not None and len(group.samples) < samples:
                        group.samples += [sample(one.payload) for one in item.load().records[:1]]
        return sorted(found.values(), key=lambda group: (-group.items, group.reason))

    def try_out(self, items: Iterable[Item], *, is_stopped: Callable[[], bool] = lambda: False) -> Redrive:
        """What would become of them; nothing is claimed, sent or written down."""
        started = self._clock.now()
        for item in items:
            if is_stopped():
                break
            self.account.found += 1
            if self._is_done(item):
                self.account.already += 1
            elif (ready := self._ready(item)) is not None:
                self.account.redriven += 1
                self._count_sent(ready)
        self.account.is_interrupted = is_stopped()
        return self._closed(started)

    def send(
        self,
        items: Iterable[Item],
        delivery: Delivery,
        *,
        is_stopped: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] | None = None,
    ) -> Redrive:
        """Brings the items back and gives the account; ``delivery`` is closed afterwards, whatever happens."""
        started = self._clock.now()
        rest = iter(items)
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                while not is_stopped() and (some := list(islice(rest, BATCH_ITEMS))):
                    self._send_batch(some, delivery, pool)
                    if progress is not None:
                        progress(self.account.found)
            except StreamRefusedError as error:
                self.account.stopped = str(error)
            except BaseException:
                delivery.abandon()
                delivery.close()
                raise
        delivery.close()
        self.account.told = len(self._told)
        self.account.is_interrupted = is_stopped()
        return self._closed(started)

    def _send_batch(self, some: Sequence[Item], delivery: Delivery, pool: ThreadPoolExecutor) -> None:
        self.account.found += len(some)
        claims = list(pool.map(self._claim, some))
        ready: list[tuple[_Ready, Claim]] = []
        given_back: list[Claim] = []
        for item, (claim, is_done) in zip(some, claims, strict=True):
            if claim is None:
                self.account.already += is_done
                self.account.held += not is_done
                if is_done:
                    item.settled()
                continue
            made = self._ready(item)
            if made is None:
                given_back.append(claim)
            else:
                ready.append((made, claim))
        untold = self._untold([one for one, _ in ready])
        failed_before = len(delivery.report.failed_ids)
        refused: StreamRefusedError | None = None
        try:
            for one, claim in ready:
                for record in self._records(one, claim.run_id, untold):
                    delivery.put(record)
        except StreamRefusedError as error:
            refused = error
        delivery.flush()
        refused = refused or delivery.report.stopped
        # An item is closed only when the stream has taken all of it.
        lost = set(delivery.report.failed_ids[failed_before:])
        whole: list[tuple[_Ready, Claim]] = []
        for one, claim in ready:
            if refused is None and not lost & self._ids(one):
                whole.append((one, claim))
            else:
                self.account.failed += 1
                given_back.append(claim)
        list(pool.map(self._give_back, given_back))
        for (one, _), is_closed in zip(whole, pool.map(self._close, whole), strict=True):
            if not is_closed:
                # Sent under the same run by whoever took the claim over, so it counts once all the same.
                self.account.problems.append(f"{one.item.name}: claimed by another process while it was sent")
            if not one.missing:
                one.item.settled()
            self.account.redriven += 1
            self._count_sent(one)
        if refused is not None:
            raise refused

    def _claim(self, item: Item) -> tuple[Claim | None, bool]:
        """The right to bring it back, and whether that was done before."""
        claim = self._ledger.claim(item.name, self.account.run_id, now=self._clock.now())
        return claim, claim is None and self._is_done(item)

    def _is_done(self, item: Item) -> bool:
        return self._ledger.is_redriven(item.name)

    def _close(self, sent: tuple[_Ready, Claim]) -> bool:
        one, claim = sent
        if one.missing:
            # Not all of it could be had: it may be tried again, under the same ids.
            return self._ledger.give_back(claim, now=self._clock.now(), events=one.sent)
        return self._ledger.close(claim, events=one.sent, now=self._clock.now())

    def _give_back(self, claim: Claim) -> bool:
        return self._ledger.give_back(claim, now=self._clock.now())

    def _ready(self, item: Item) -> _Ready | None:
        """What is to be sent for the item; None when it stays where it is, which is then counted."""
        account = self.account
        loaded = item.load()
        if loaded.problem and loaded.problem not in account.problems:
            account.problems.append(loaded.problem)
        if not loaded.records:
            account.impossible += 1
            account.missing += loaded.missing
            return None
        try:
            return self._made(item, loaded)
        except _StillBadError as left:
            account.still_bad += 1
            self._bad[str(left)] += 1
        except _FixFailedError as left:
            account.fix_failed += 1
            self._fix_failures[str(left)] += 1
        except _LeftOutError:
            account.left_out += 1
        return None

    def _made(self, item: Item, loaded: Loaded) -> _Ready:
        ready = _Ready(item, loaded.missing, [], [], 0)
        now = self._clock.now()
        for record in loaded.records:
            for payload in self._fixed(record, item.reason, ready):
                event = self._event(payload, record, now)
                if not isinstance(event, str):
                    ready.events.append((event, record.arrived))
                elif self._keeps_bad:
                    ready.raw.append(msgspec.structs.replace(record, payload=payload))
                else:
                    raise _StillBadError(event)
        if not ready.sent:
            raise _LeftOutError
        return ready

    def _fixed(self, record: RawRecord, reason: str, ready: _Ready) -> Iterator[bytes]:
        for payload in _opened(record.payload):
            if self._fix is None:
                yield payload
                continue
            try:
                fixed = self._fix(payload, reason)
            except FixFailedError as error:
                raise _FixFailedError(str(error)) from None
            if fixed is not None:
                ready.fixed += fixed != payload
                # A container that was mended holds records of its own.
                yield from _opened(fixed)

    def _event(self, payload: bytes, record: RawRecord, now: float) -> ContentEvent | str:
        """The event, or the reason for which the consumer would refuse it."""
        if payload[:4] == MAGIC:
            return "aggregate_corrupt"  # one that could be opened has been
        event = decode(payload, datetime.fromtimestamp(record.arrived, UTC), self._lateness)
        if isinstance(event, BadInput):
            return event.reason
        return "replay" if is_too_old(_first(event, record.arrived), now) else event

    def _untold(self, ready: Sequence[_Ready]) -> set[str]:
        """The events that are to be told of: those that have no verdict yet, when that was asked for."""
        events = [event for one in ready for event, _ in one.events]
        if self._with_verdict is None or not events:
            return set()
        days = (
            f"{min(event.created_at for event in events):%Y-%m-%d}",
            f"{max(event.created_at for event in events):%Y-%m-%d}",
        )
        ids = {event.event_id for event in events}
        return ids - self._with_verdict.with_verdict(sorted(ids), days=days)

    def _records(self, one: _Ready, run_id: str, untold: set[str]) -> Iterator[OutRecord]:
        for event, arrived in one.events:
            first = _first(event, arrived)
            is_told = event.event_id in untold and event.event_id not in self._told
            if is_told:
                # Copies of one event make one notice.
                self._told.add(event.event_id)
            yield brought_back(event, run_id=run_id, arrived=first, notify=is_told)
        for number, record in enumerate(one.raw):
            yield OutRecord(f"{one.item.name}#{number}", record.partition_key, record.payload)

    def _ids(self, one: _Ready) -> set[str]:
        return {event.event_id for event, _ in one.events} | {
            f"{one.item.name}#{number}" for number in range(len(one.raw))
        }

    def _count_sent(self, one: _Ready) -> None:
        self.account.events += len(one.events)
        self.account.raw += len(one.raw)
        self.account.fixed += one.fixed
        self.account.missing += one.missing

    def _closed(self, started: float) -> Redrive:
        self.account.still_bad_reasons = dict(self._bad.most_common())
        self.account.fix_failures = dict(self._fix_failures.most_common())
        self.account.seconds = self._clock.now() - started
        return self.account


def _opened(payload: bytes) -> list[bytes]:
    """The records in it: those of a KPL aggregate, or itself."""
    inside = open_aggregate(payload) if payload[:4] == MAGIC else None
    return [user.data for user in inside] if isinstance(inside, list) else [payload]


def _first(event: ContentEvent, arrived: float) -> float:
    """The event's first arrival: by its own mark, when it came by a replay before."""
    marked = marked_arrival(event)
    return arrived if marked is None else marked
