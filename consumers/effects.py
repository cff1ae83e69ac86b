"""What a batch does to the world: rows land, then those are told who have to act, then statuses are kept.

The order is the caller's; each step leaves out records of which an earlier one failed, and takes note of its own
failures in a flow. How a flow goes on from there differs: a Kinesis batch comes again from its first failure on
(:class:`InOrder`), a Firehose batch never does (:class:`Apart`).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from consumers.breaker import Breaker
from consumers.ports import DeliveryStreams, Each, EventBus, Status, StatusTable
from consumers.resend import Retry, Sent, send
from consumers.rows import Judged, Pack, Rows, notice, status
from glue.contract import ContentEvent, Notice
from glue.ports import Clock

MAX_PUT_RECORDS = 500
MAX_PUT_BYTES = 3_500_000
"""Of one PutRecordBatch. AWS allows 4 MiB; above that some calls failed without an error."""
MAX_NOTICES = 10
"""Of one PutEvents. Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

MAX_STATUSES = 25
"""Of one call. Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html"""


class Destinations(Struct, frozen=True):
    """Names of the delivery streams, and how long a status is kept.

    Args:
        verdicts, quarantine: delivery streams.
        status_seconds: how long a status is kept.
        tells_flags: whether verdicts of flag, on which nobody acts, make notices and statuses too.
        every_status: whether a status is kept of what is allowed and not held, too.
    """

    verdicts: str
    quarantine: str
    status_seconds: int
    tells_flags: bool = True
    every_status: bool = False


class Outages:
    """Which destinations do not answer, remembered from one batch to the next.

    Without it, every retry during an outage of the bus or of the table would land the rows before it again.

    Args:
        seconds: how long a destination that failed through all its tries is left alone before one record tries it.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        self.rows, self.bus, self.table = (Breaker(failures=1, seconds=seconds) for _ in range(3))


class Flow(Protocol):
    """How far a batch has come; positions are those of its records."""

    resent: int
    notified: int
    statuses: int

    def is_open(self, position: int) -> bool:
        """Whether nothing of the record at this position has failed, so that there is a point in going on with it."""
        ...

    def fail(self, positions: Iterable[int]) -> None:
        """Takes note that something of these records failed."""
        ...


class InOrder:
    """A batch that comes again from its first failure on: what lies behind it is left alone.

    Args:
        limit: how many records it has; everything before ``limit`` is durable and known so far.
    """

    def __init__(self, limit: int) -> None:
        self._whole = self.limit = limit
        self.resent = self.notified = self.statuses = 0

    def is_open(self, position: int) -> bool:
        """Whether the record lies before the first failure."""
        return position < self.limit

    def fail(self, positions: Iterable[int]) -> None:
        """Brings the limit down to the lowest of these."""
        self.limit = min(self.limit, *positions, self.limit)

    @property
    def all_open(self) -> bool:
        """Whether nothing has failed."""
        return self.limit == self._whole


class Apart:
    """A batch whose records fail each for themselves."""

    def __init__(self) -> None:
        self.failed: set[int] = set()
        self.resent = self.notified = self.statuses = 0

    def is_open(self, position: int) -> bool:
        """Whether nothing of this record has failed."""
        return position not in self.failed

    def fail(self, positions: Iterable[int]) -> None:
        """Takes note of these."""
        self.failed.update(positions)

    @property
    def all_open(self) -> bool:
        """Whether nothing has failed."""
        return not self.failed


class Effects:
    """Lands rows, tells of verdicts and keeps statuses. May be used from several threads.

    Args:
        destinations: names of the delivery streams, and how long a status is kept.
        streams, bus, statuses: where it goes.
        clock: time and jitter.
        retry: how often one call is tried.
        each: applies a function to several items, perhaps at the same time.
        outages: who does not answer, as earlier batches found.
    """

    def __init__(
        self,
        destinations: Destinations,
        *,
        streams: DeliveryStreams,
        bus: EventBus,
        statuses: StatusTable,
        clock: Clock,
        retry: Retry,
        each: Each = map,
        outages: Outages | None = None,
    ) -> None:
        self.destinations = destinations
        self._streams = streams
        self._bus = bus
        self._statuses = statuses
        self._clock = clock
        self._retry = retry
        self._each = each
        self._outages = outages or Outages()

    def hold_back(self, rows: Rows, flow: Flow) -> None:
        """Fails, before anything lands, the records that need a destination which does not answer.

        Where it is time to try it again, the first of them goes on alone. Only for batches that come again from their
        first failure on.
        """
        now = self._clock.now()
        every = [one.record.position for one in rows.judged] + [one.record.position for one in rows.refused]
        for breaker, needing in (
            (self._outages.rows, every),
            (self._outages.bus, [one.record.position for one in rows.to_notify if self._is_notified(one)]),
            (self._outages.table, [one.record.position for one in self._kept(rows)]),
        ):
            if needing and (state := breaker.state(now)) != "closed":
                first = min(needing)
                flow.fail(one for one in every if one > first or (one == first and state == "open"))

    def _note(self, breaker: Breaker, sent: Sent, *, of: int) -> None:
        """Takes note of whether anything got through."""
        if len(sent.left) < of:
            breaker.succeeded()
        else:
            breaker.failed(self._clock.now())

    def land(self, stream: str, packs: Sequence[Pack], flow: Flow, *, deadline: float) -> None:
        """Makes packs durable; a pack that is not fails every record that it holds a row of."""
        for some in _puts(packs):
            open_ = [one for one in some if flow.is_open(one.position)]
            if not open_:
                continue
            put = partial(self._streams.put, stream)
            sent = send([one.data for one in open_], put, retry=self._retry, clock=self._clock, deadline=deadline)
            self._note(self._outages.rows, sent, of=len(open_))
            flow.resent += sent.resent
            flow.fail(position for index in sent.left for position in open_[index].positions)

    def notify(self, rows: Rows, flow: Flow, *, deadline: float) -> None:
        """Tells of every verdict but allow, once an event; of a replay nobody is told unless it asks for it."""
        notices: dict[str, Notice] = {}
        positions: list[int] = []
        for one in rows.to_notify:
            row, position = one.row, one.record.position
            # Copies of one event in a batch make one notice; a replay makes none unless its mark says so.
            if not self._is_notified(one) or row.verdict_id in notices:
                continue
            if flow.is_open(position):
                notices[row.verdict_id] = notice(one.event, row, rows.handling)
                positions.append(position)
        every = list(notices.values())
        starts = range(0, len(every), MAX_NOTICES)

        def tell(start: int) -> Sent:
            some = every[start : start + MAX_NOTICES]
            return send(some, self._bus.put, retry=self._retry, clock=self._clock, deadline=deadline)

        flow.notified = len(every)
        for start, sent in zip(starts, self._each(tell, starts), strict=True):
            self._note(self._outages.bus, sent, of=len(every[start : start + MAX_NOTICES]))
            flow.resent += sent.resent
            flow.notified -= len(sent.left)
            flow.fail(positions[start + index] for index in sent.left)

    def keep_statuses(self, rows: Rows, flow: Flow, *, deadline: float, now: float) -> None:
        """Keeps the latest status of each piece of content that was acted on or is held, or of all content."""
        latest: dict[str, Status] = {}
        positions: dict[str, list[int]] = {}
        expires_at = int(now) + self.destinations.status_seconds
        for judged in self._kept(rows):
            position = judged.record.position
            if flow.is_open(position):
                one = status(judged.row, expires_at)
                kept = latest.get(one.content_id)
                if kept is None or one.order_key > kept.order_key:
                    latest[one.content_id] = one
                positions.setdefault(one.content_id, []).append(position)

        every = list(latest.values())
        starts = range(0, len(every), MAX_STATUSES)

        def keep(start: int) -> Sent:
            some = every[start : start + MAX_STATUSES]
            return send(some, self._statuses.put, retry=self._retry, clock=self._clock, deadline=deadline)

        flow.statuses = len(every)
        for start, sent in zip(starts, self._each(keep, starts), strict=True):
            self._note(self._outages.table, sent, of=len(every[start : start + MAX_STATUSES]))
            flow.resent += sent.resent
            flow.statuses -= len(sent.left)
            for index in sent.left:
                flow.fail(positions[every[start + index].content_id])

    def _is_notified(self, one: Judged) -> bool:
        """Whether somebody is told of this verdict."""
        action = one.row.action
        is_told = action != "allow" and (action != "flag" or self.destinations.tells_flags)
        return is_told and not _is_quiet(one.event)

    def _kept(self, rows: Rows) -> list[Judged]:
        """The verdicts that the table is told of; a quiet replay changes it only where somebody still waits for it."""
        if self.destinations.every_status:
            return [one for one in rows.judged if one.event.hold or not _is_quiet(one.event)]
        return [one for one in rows.to_notify if one.event.hold or self._is_notified(one)]


def _is_quiet(event: ContentEvent) -> bool:
    """Whether it came back by a replay that tells nobody."""
    return event.replay is not None and not event.replay.notify


def _puts(packs: Sequence[Pack]) -> Iterator[list[Pack]]:
    """The packs in groups that one PutRecordBatch takes."""
    some: list[Pack] = []
    size = 0
    for one in packs:
        if some and (len(some) == MAX_PUT_RECORDS or size + len(one.data) > MAX_PUT_BYTES):
            yield some
            some, size = [], 0
        some.append(one)
        size += len(one.data)
    if some:
        yield some
