"""One process's part of a load: each event is handed over when it is due, never because another was answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from glue.ports import Clock
from glue.terminal.signals import Stop
from producers.delivery.aggregated import AggregatedDelivery
from producers.delivery.aggregating import Packer
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.load.content import Content, FromFile, MadeUp, read_events
from producers.load.meter import Meter, Timed
from producers.load.plan import Plan
from producers.load.snapshot import Snapshot
from producers.ports import Stream, StreamRefusedError
from producers.spool.errors import SpoolError
from producers.spool.spool import Spool

TICK = 0.5
_SOON = 0.002
_LONGEST_NAP = 0.1


def content_of(plan: Plan, *, now: float) -> Content:
    """What the plan sends.

    Raises:
        SourceError: its file cannot be read, or holds no event.
    """
    if plan.content is None:
        return MadeUp(seed=plan.seed, now=now, shares=plan.shares)
    events = read_events(
        plan.content.path,
        columns=plan.content.columns,
        constants=plan.content.constants,
        defaults=plan.content.defaults,
        now=now,
    )
    return FromFile(events, seed=plan.seed, shares=plan.shares)


@contextmanager
def spool_of(plan: Plan) -> Iterator[Spool | None]:
    """This process's spool, open; None: the plan has none.

    Raises:
        SpoolError: it cannot be used, or holds records from before, which would be counted with the load's.
    """
    if plan.spool is None:
        yield None
        return
    folder = Path(plan.spool)
    if plan.processes > 1:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder /= f"process-{plan.process}"
    with Spool(folder, max_bytes=plan.spool_bytes) as spool:
        if spool.opened.records:
            raise SpoolError(
                f"spool {folder} holds {spool.opened.records:,} records from before, which would be counted with this "
                f"load's; send them first: streamkeeper spool flush {folder}"
            )
        yield spool


def send(
    plan: Plan,
    content: Content,
    stream: Stream,
    *,
    start: float,
    clock: Clock,
    stop: Stop,
    tick: Callable[[Snapshot], None],
    spool: Spool | None = None,
) -> Snapshot:
    """Sends this part of the load and gives its numbers.

    Args:
        plan: which part.
        content: see :func:`content_of`.
        stream: where to.
        start: epoch seconds at which the schedule begins, the same in all processes.
        clock: time; latencies of several processes can be compared as far as their clocks agree.
        stop: looked at before each event; what was offered before is still delivered.
        tick: gets the numbers every half second.
        spool: see :func:`spool_of`.
    """
    meter = Meter(clock=clock, start=start, planned=plan.planned)
    settings = DeliverySettings(
        in_flight=plan.in_flight, linger=plan.linger, keep_ids=False, paced=plan.paced, durable_put=False
    )
    if spool is not None:
        settings = replace(settings, max_seconds=plan.spool_wait)
    timed = Timed(stream, meter, clock=clock)
    inner = open_delivery(timed, clock=clock, settings=settings, on_accepted=meter.accepted, spool=spool)
    delivery: Delivery = inner
    if plan.aggregate:
        delivery = AggregatedDelivery(inner, Packer(buckets=plan.buckets, linger=plan.linger), clock=clock)
    stop.abandon = delivery.abandon
    created = start if plan.as_of is None else plan.as_of
    reported_at = start
    try:
        for number, offset in plan.profile.schedule(plan.process, plan.processes):
            record = content.record(number, at=created + offset)
            due = start + offset
            while not stop.is_wished:
                now = clock.now()
                if now >= reported_at + TICK:
                    reported_at = now
                    tick(meter.snapshot(delivery.report))
                if due - now <= _SOON:
                    break
                clock.sleep(min(due - now, _LONGEST_NAP))
            if stop.is_wished:
                break
            meter.offered(record, due=due)
            delivery.put(record)
    except StreamRefusedError:
        # The report says so.
        pass
    finally:
        report = delivery.close()
    return meter.snapshot(report, is_done=True, is_interrupted=stop.is_wished)
