"""One batch, from event to answer: decode, moderate, land, then notify, then answer.

The answer never lets the checkpoint pass a record whose row is not durable or whose notice did not get through. It
stops at the first transient failure; Lambda runs everything from there again, and what had landed already lands twice,
with the same ids.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from consumers.batch import Batch, answer, read_batch
from consumers.ports import Clock, DefectError, DeliveryStreams, EventBus, Notice, Status, StatusTable
from consumers.resend import Retry, Sent, send
from consumers.rows import MAX_PACK_BYTES, Pack, RowMaker, Rows, notice, pack, status
from glue.codec import landed_timestamp
from glue.contract import BadInput
from glue.vocabulary import ACTIONS

MAX_PUT_RECORDS = 500
MAX_PUT_BYTES = 3_500_000
"""Of one PutRecordBatch. AWS allows 4 MiB; above that some calls failed without an error."""
MAX_NOTICES = 10
"""Of one PutEvents. Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

STATUSES_PER_TASK = 8
"""Statuses written one after the other by one task: fewer are not worth a hand-over to another thread."""

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """Applies a function to every item, perhaps several at a time, like ``map``."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...


class Report(Struct, frozen=True):
    """What became of one batch, and the answer to give.

    Args:
        answer: for Lambda.
        sequence_numbers: of the batch's Kinesis records.
        records: Kinesis records; ``events``: user records in them and containers that could not be opened.
        verdicts, bad, to_retry: where the events are: they add up to ``events``.
        actions: how many verdicts there are of each action.
        poison: how many of the bad made the code fail.
        resent: items sent again.
        notified, statuses: notices taken, statuses kept.
        oldest_arrival, latest_arrival: seconds since 1970; None without records.
    """

    answer: dict[str, list[dict[str, str]]]
    sequence_numbers: list[str] = []
    records: int = 0
    events: int = 0
    verdicts: int = 0
    bad: int = 0
    to_retry: int = 0
    actions: dict[str, int] = {}
    poison: int = 0
    resent: int = 0
    notified: int = 0
    statuses: int = 0
    oldest_arrival: float | None = None
    latest_arrival: float | None = None


class Destinations(Struct, frozen=True):
    """Names of the delivery streams, and how long a status is kept.

    Args:
        verdicts, quarantine: delivery streams.
        status_seconds: how long a status is kept.
    """

    verdicts: str
    quarantine: str
    status_seconds: int


class Consumer:
    """Moderates batches. Holds no state between them; may be used from several threads."""

    def __init__(
        self,
        rows: RowMaker,
        *,
        destinations: Destinations,
        streams: DeliveryStreams,
        bus: EventBus,
        statuses: StatusTable,
        clock: Clock,
        retry: Retry,
        each: Each = map,
    ) -> None:
        self._rows = rows
        self._destinations = destinations
        self._streams = streams
        self._bus = bus
        self._statuses = statuses
        self._clock = clock
        self._retry = retry
        self._each = each

    def process(self, event: Any, *, deadline: float) -> Report:
        """Lands, notifies, and says what to answer.

        Args:
            event: what Lambda gave.
            deadline: seconds since 1970 after which nothing more is sent; what is open then is answered as not durable.

        Raises:
            MalformedEventError: it is no Kinesis event.
            DefectError: something that no retry mends, or code that fails on every record.
        """
        batch = read_batch(event)
        if not batch.sequence_numbers:
            return Report(answer([]))
        now = self._clock.now()
        decided_at = datetime.fromtimestamp(now, UTC)
        rows = self._rows.make(batch, decided_at)
        if rows.poison > 1 and rows.poison == len(batch.records):
            # Nothing at all gets through, so it is the code, not the records: bisecting and dead letters keep them.
            kinds = ", ".join(sorted({row.detail for row in rows.bad if row.reason == "poison"}))
            raise DefectError(f"all {rows.poison} records of the batch failed with {kinds}")
        flow = _Flow(len(batch.sequence_numbers))
        packs, too_large = pack(rows.verdicts, rows.records)
        if too_large:
            rows = self._without(rows, too_large, decided_at)
        self._land(self._destinations.verdicts, packs, flow, deadline)
        bad_packs, unpackable = pack(rows.bad, rows.bad_records)
        if unpackable:
            raise DefectError(f"{len(unpackable)} quarantine rows are larger than a Firehose record may be")
        self._land(self._destinations.quarantine, bad_packs, flow, deadline)
        self._notify(rows, flow, deadline)
        self._keep_statuses(rows, flow, deadline, now=now)
        return _report(batch, rows, flow)

    def _without(self, rows: Rows, too_large: dict[int, int], decided_at: datetime) -> Rows:
        """The rows with those that no Firehose record can hold quarantined instead."""
        kept = [index for index in range(len(rows.verdicts)) if index not in too_large]
        gone = {id(rows.verdicts[index]) for index in too_large}
        refused = [
            (rows.records[index], BadInput("size", f"a row of {size} bytes; allowed: at most {MAX_PACK_BYTES}"))
            for index, size in too_large.items()
        ]
        decided = landed_timestamp(decided_at)
        bad = [self._rows.bad_row(record, refusal, "moderate", decided) for record, refusal in refused]
        return Rows(
            [rows.verdicts[index] for index in kept],
            [rows.records[index] for index in kept],
            rows.bad + bad,
            rows.bad_records + [record for record, _ in refused],
            [effect for effect in rows.effects if id(effect[2]) not in gone],
            rows.poison,
        )

    def _land(self, stream: str, packs: Sequence[Pack], flow: "_Flow", deadline: float) -> None:
        # What lies behind the first open record comes again anyway.
        for some in _puts([one for one in packs if one.position < flow.limit]):
            put = partial(self._streams.put, stream)
            sent = send([one.data for one in some], put, retry=self._retry, clock=self._clock, deadline=deadline)
            flow.resent += sent.resent
            if sent.left:
                flow.stop_at(some[index].position for index in sent.left)
                return

    def _notify(self, rows: Rows, flow: "_Flow", deadline: float) -> None:
        notices: dict[str, Notice] = {}
        positions: list[int] = []
        for record, event, row in rows.effects:
            # Copies of one event in a batch make one notice; a replay makes none.
            told = row.action == "allow" or event.replay is not None or row.verdict_id in notices
            if not told and record.position < flow.limit:
                notices[row.verdict_id] = notice(event, row)
                positions.append(record.position)
        every = list(notices.values())
        starts = range(0, len(every), MAX_NOTICES)

        def tell(start: int) -> Sent:
            some = every[start : start + MAX_NOTICES]
            return send(some, self._bus.put, retry=self._retry, clock=self._clock, deadline=deadline)

        flow.notified = len(every)
        for start, sent in zip(starts, self._each(tell, starts), strict=True):
            flow.resent += sent.resent
            flow.notified -= len(sent.left)
            flow.stop_at(positions[start + index] for index in sent.left)

    def _keep_statuses(self, rows: Rows, flow: "_Flow", deadline: float, *, now: float) -> None:
        latest: dict[str, Status] = {}
        positions: dict[str, int] = {}
        expires_at = int(now) + self._destinations.status_seconds
        for record, event, row in rows.effects:
            # A replay changes what the table says only where somebody still waits for it.
            wanted = event.hold or (row.action != "allow" and event.replay is None)
            if wanted and record.position < flow.limit:
                one = status(row, expires_at)
                kept = latest.get(one.content_id)
                if kept is None or one.order_key > kept.order_key:
                    latest[one.content_id] = one
                positions[one.content_id] = min(record.position, positions.get(one.content_id, record.position))

        every = list(latest.values())
        starts = range(0, len(every), STATUSES_PER_TASK)

        def keep(start: int) -> list[Sent]:
            some = every[start : start + STATUSES_PER_TASK]
            return [send([one], self._write, retry=self._retry, clock=self._clock, deadline=deadline) for one in some]

        for start, kept_some in zip(starts, self._each(keep, starts), strict=True):
            for one, sent in zip(every[start:], kept_some, strict=False):
                flow.resent += sent.resent
                flow.statuses += not sent.left
                if sent.left:
                    flow.stop_at([positions[one.content_id]])

    def _write(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        for one in statuses:
            self._statuses.write(one)
        return [None] * len(statuses)


class _Flow:
    """How far a batch has come: everything before ``limit``, a position, is durable and known so far."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.resent = 0
        self.notified = 0
        self.statuses = 0

    def stop_at(self, positions: Iterable[int]) -> None:
        self.limit = min(self.limit, *positions, self.limit)


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


def _report(batch: Batch, rows: Rows, flow: _Flow) -> Report:
    limit = flow.limit
    events = len(batch.records) + len(batch.refused)
    verdicts, bad = len(rows.verdicts), len(rows.bad)
    if limit < len(batch.sequence_numbers):
        verdicts = sum(record.position < limit for record in rows.records)
        bad = sum(record.position < limit for record in rows.bad_records)
    actions = Counter[str](row.action for record, _, row in rows.effects if record.position < limit)
    actions["allow"] = verdicts - sum(actions[action] for action in ACTIONS if action != "allow")
    arrivals = [record.arrived_at for record in batch.records] or [record.arrived_at for record, _ in batch.refused]
    return Report(
        answer(batch.sequence_numbers[limit:]),
        batch.sequence_numbers,
        records=len(batch.sequence_numbers),
        events=events,
        verdicts=verdicts,
        bad=bad,
        to_retry=events - verdicts - bad,
        actions=dict(actions),
        poison=rows.poison,
        resent=flow.resent,
        notified=flow.notified,
        statuses=flow.statuses,
        oldest_arrival=arrivals[0].timestamp(),
        latest_arrival=arrivals[-1].timestamp(),
    )
