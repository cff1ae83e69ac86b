"""One replay from start to end: earlier records, chosen, marked, put on the stream again, and counted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from glue.codec import Lateness
from glue.contract import BadInput, ContentEvent
from glue.ports import Clock
from producers.delivery.sending import Delivery
from producers.ports import OutRecord, StreamRefusedError
from producers.replay.costs import Estimate
from producers.replay.marking import Identity, Span, brought_back, first_arrival, identity, is_too_old
from producers.replay.records import ReplayRecord, ReplaySource
from producers.replay.runs import Run, RunTakenError
from producers.replay.selecting import Selection

LOOKUP_RECORDS = 50_000
"""Records whose first arrivals are asked for together."""
SAVE_RECORDS = 5_000
SAVE_SECONDS = 2.0
_LONGEST_NAP = 0.2


class FirstArrivals(Protocol):
    """What the verdicts that landed know."""

    def of(
        self, identities: Sequence[Identity], *, days: tuple[str, str], since: float, until: float
    ) -> Mapping[Identity, float]:
        """The first arrival (epoch seconds) of each event that has a verdict.

        Args:
            identities: the events.
            days: first and last day of their own time, YYYY-MM-DD; their verdicts are in these partitions.
            since, until: epoch seconds between which their copies at hand arrived.
        """
        ...


class NoArrivals:
    """Knows nothing: arrivals are as near as the archive tells."""

    def of(
        self, identities: Sequence[Identity], *, days: tuple[str, str], since: float, until: float
    ) -> Mapping[Identity, float]:
        """Nothing."""
        del identities, days, since, until
        return {}


class Pace(msgspec.Struct, frozen=True):
    """How fast.

    Args:
        rate: events a second at most; None: as fast as the stream takes them.
        speed: how many times faster than it was, gaps included; None: without gaps.
    """

    rate: float | None = None
    speed: float | None = None


class Replay(msgspec.Struct, kw_only=True):
    """What became of every record that was read: read = outside + not_selected + refused + own + repeated + too_old
    + sent + failed, of this process.

    Args:
        before: sent by earlier processes of the run.
        estimated: of those sent, first arrivals known only to within their archive object.
        is_refused: the stream takes nothing now.
    """

    run_id: str
    read: int = 0
    sent: int = 0
    failed: int = 0
    outside: int = 0
    not_selected: int = 0
    own: int = 0
    repeated: int = 0
    too_old: int = 0
    refused: dict[str, int] = {}
    ambiguous: int = 0
    estimated: int = 0
    bytes: int = 0
    days: dict[str, int] = {}
    before: int = 0
    seconds: float = 0.0
    throttled: int = 0
    is_finished: bool = False
    is_interrupted: bool = False
    is_refused: bool = False
    stopped: str | None = None


class Replayer:
    """Sends one run's events.

    Args:
        source: where records come from.
        selection: which of them.
        arrivals: knows when they had first arrived.
        lateness: the consumer's limits.
        clock: time.
        run_id: goes into every mark.
        notify: whether notices of the verdicts are sent as if they were the first.
        pace: how fast.
    """

    def __init__(
        self,
        source: ReplaySource,
        *,
        selection: Selection,
        arrivals: FirstArrivals,
        lateness: Lateness,
        clock: Clock,
        run_id: str,
        notify: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._selection = selection
        self._arrivals = arrivals
        self._lateness = lateness
        self._clock = clock
        self._run_id = run_id
        self._notify = notify
        self._pace = pace or Pace()
        self._refused: Counter[str] = Counter()
        self._days: Counter[str] = Counter()
        self._told: set[Identity] = set()
        self.account = Replay(run_id=run_id)
        self.estimate = Estimate()
        """What is sent, in billing units."""

    def size(self) -> tuple[int, int] | None:
        """How many objects and bytes are to be read; None when nobody knows before."""
        return self._source.size()

    def count(self, *, is_stopped: Callable[[], bool] = lambda: False, progress: "Progress | None" = None) -> Replay:
        """What would be sent; nothing is."""
        started = self._clock.now()
        for record, data in self._chosen({}, is_stopped):
            if data is not None:
                self.account.sent += 1
            if progress is not None:
                progress(self.account, record)
        self.account.is_interrupted = is_stopped()
        return self._closed(started)

    def send(
        self,
        delivery: Delivery,
        run: Run,
        *,
        is_stopped: Callable[[], bool] = lambda: False,
        progress: "Progress | None" = None,
    ) -> Replay:
        """Sends, saves how far it came, and gives the account; ``delivery`` is closed afterwards.

        Raises:
            RunTakenError: another process has taken the run over; nothing more is sent.
        """
        account = self.account
        account.before = run.state.counts.get("sent", 0)
        started = self._clock.now()
        saving = _Saving(run, delivery, self._clock, account)
        timeline = _Timeline(self._pace, self._clock)
        try:
            for record, found in self._chosen(run.state.position, is_stopped):
                if found is not None:
                    data, arrived = found
                    timeline.wait(arrived, is_stopped, saving.keep)
                    if is_stopped():
                        break
                    delivery.put(data)
                saving.passed(record)
                if progress is not None:
                    progress(account, record)
                if not saving.is_whole:
                    break
            else:
                account.is_finished = not is_stopped()
            saving.save()
        except StreamRefusedError as error:
            account.stopped = str(error)
        except BaseException as error:
            delivery.abandon()
            delivery.close()
            if not isinstance(error, RunTakenError):
                run.leave(is_finished=False)
            raise
        report = delivery.close()
        account.throttled = report.throttled
        account.failed = len(report.failed_ids)
        account.sent, account.bytes = report.accepted, report.bytes_sent
        account.is_interrupted = is_stopped()
        if report.stopped is not None:
            account.stopped, account.is_refused = str(report.stopped), True
        elif report.failed and account.stopped is None:
            account.stopped = f"{report.failed[0].reason}: {report.failed[0].next_step}"
        account.is_finished = account.is_finished and account.stopped is None
        run.leave(is_finished=account.is_finished)
        return self._closed(started)

    def _closed(self, started: float) -> Replay:
        self.account.refused = dict(self._refused.most_common())
        self.account.days = dict(sorted(self._days.items()))
        self.account.seconds = self._clock.now() - started
        return self.account

    def _chosen(
        self, position: Mapping[str, str], is_stopped: Callable[[], bool]
    ) -> Iterator[tuple[ReplayRecord, "tuple[OutRecord, float] | None"]]:
        """Every record, with what is sent for it and its first arrival; None when nothing is."""
        records = iter(self._source.records(position))
        while not is_stopped():
            some = list(islice(records, LOOKUP_RECORDS))
            if not some:
                return
            yield from self._group(some, is_stopped)

    def _group(
        self, some: Sequence[ReplayRecord], is_stopped: Callable[[], bool]
    ) -> Iterator[tuple[ReplayRecord, "tuple[OutRecord, float] | None"]]:
        account = self.account
        named = [(one, self._meant(one)) for one in some]
        known = self._known([(one, name) for one, name in named if name is not None])
        # Copies are left out where that costs little; where it would tell somebody twice, whatever it costs.
        seen = self._told if self._notify else set()
        now = self._clock.now()
        for one, name in named:
            if is_stopped():
                return
            account.read += 1
            account.ambiguous += one.is_ambiguous
            event = one.event
            if name is None or isinstance(event, BadInput):
                self._count_left_out(event)
                yield one, None
                continue
            arrived = first_arrival(event, one.span, known.get(name), self._lateness)
            if not self._covers(one.span, known.get(name)):
                account.outside += 1
            elif name in seen:
                account.repeated += 1
            elif is_too_old(arrived, now):
                account.too_old += 1
            else:
                seen.add(name)
                account.estimated += not (event.replay or name in known or one.span.earliest == one.span.latest)
                record = brought_back(event, run_id=self._run_id, arrived=arrived, notify=self._notify)
                account.bytes += record.size
                self.estimate.add(record.size)
                self._days[f"{event.created_at:%Y-%m-%d}"] += 1
                yield one, (record, arrived)
                continue
            yield one, None

    def _meant(self, one: ReplayRecord) -> Identity | None:
        """What the event is told by, if it is one and is meant."""
        event = one.event
        if isinstance(event, BadInput) or self._is_own(event) or not self._selection.wants(event):
            return None
        return identity(event)

    def _is_own(self, event: ContentEvent) -> bool:
        """Whether this very run put it there: a range that reaches into the present would else never end."""
        return event.replay is not None and event.replay.run_id == self._run_id

    def _count_left_out(self, event: ContentEvent | BadInput) -> None:
        if isinstance(event, BadInput):
            self._refused[event.reason] += 1
        elif self._is_own(event):
            self.account.own += 1
        else:
            self.account.not_selected += 1

    def _known(self, asked: Sequence[tuple[ReplayRecord, Identity]]) -> Mapping[Identity, float]:
        """First arrivals of those that no mark says it of."""
        unmarked = [
            (one, one.event, name)
            for one, name in asked
            if isinstance(one.event, ContentEvent) and one.event.replay is None
        ]
        if not unmarked:
            return {}
        times = [event.created_at for _, event, _ in unmarked]
        return self._arrivals.of(
            [name for _, _, name in unmarked],
            days=(f"{min(times):%Y-%m-%d}", f"{max(times):%Y-%m-%d}"),
            since=min(one.span.earliest for one, _, _ in unmarked),
            until=max(one.span.latest for one, _, _ in unmarked),
        )

    def _covers(self, span: Span, first: float | None) -> bool:
        """Whether the copy arrived in the range, or may have when nobody knows."""
        if first is not None and span.earliest <= first <= span.latest:
            return self._selection.covers(first)
        if span.earliest == span.latest:
            return self._selection.covers(span.latest)
        return span.earliest < self._selection.until and span.latest >= self._selection.since


class Progress(Protocol):
    """Told of every record that was read."""

    def __call__(self, account: Replay, record: ReplayRecord, /) -> None: ...


class _Timeline:
    """When the next event is due, by rate and by the gaps that there were."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._pace = pace
        self._clock = clock
        self._began = clock.now()
        self._first: float | None = None
        self._events = 0

    def wait(self, arrived: float, is_stopped: Callable[[], bool], keep: Callable[[], None]) -> None:
        due = self._began
        if self._pace.rate is not None:
            due = self._began + self._events / self._pace.rate
        if self._pace.speed is not None:
            if self._first is None:
                self._first = arrived
            due = max(due, self._began + (arrived - self._first) / self._pace.speed)
        self._events += 1
        while (ahead := due - self._clock.now()) > 0.01 and not is_stopped():
            self._clock.sleep(min(ahead, _LONGEST_NAP))
            keep()


class _Saving:
    """Remembers how far everything is in the stream, now and then."""

    def __init__(self, run: Run, delivery: Delivery, clock: Clock, account: Replay) -> None:
        self._run = run
        self._delivery = delivery
        self._clock = clock
        self._account = account
        self._passed: dict[str, str] = {}
        self._unsaved = 0
        self._saved_at = clock.now()
        self.is_whole = True
        """Whether the stream took everything so far; if not, the run stands where it did."""

    def passed(self, record: ReplayRecord) -> None:
        if record.place is not None:
            self._passed[record.place[0]] = record.place[1]
        self._unsaved += 1
        if self._unsaved >= SAVE_RECORDS:
            self.save()
        else:
            self.keep()

    def keep(self) -> None:
        if self._clock.now() - self._saved_at >= SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        self._delivery.flush()
        report = self._delivery.report
        self.is_whole = not report.failed and report.stopped is None
        if self.is_whole:
            counts = {"sent": self._account.before + report.accepted}
            self._run.save(self._passed, counts, now=self._clock.now())
            self._passed = {}
        self._unsaved, self._saved_at = 0, self._clock.now()
