"""The summary of a load: its figures, the gates that it passed or missed, and the lines that show both."""

from collections.abc import Iterator

import msgspec

from producers.load.cost import Cost
from producers.load.snapshot import Snapshot

_SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What a load must keep to; None asks nothing.

    Args:
        max_lost: events that the stream may leave untaken.
        p95_ms, p99_ms: milliseconds from when an event was due until it was accepted.
        min_rate: events accepted a second, over the whole load.
    """

    max_lost: int | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    min_rate: float | None = None

    def missed(self, load: Snapshot) -> list[str]:
        """One line for each gate that was not kept to.

        >>> Gates(max_lost=0, min_rate=10).missed(Snapshot(planned=100, offered=100, accepted=99, elapsed=5.0))
        ['--max-lost 0: 1 lost']
        """
        lines = []
        if self.max_lost is not None and load.lost > self.max_lost:
            lines.append(f"--max-lost {self.max_lost}: {load.lost:,} lost")
        for name, limit, share in (("p95", self.p95_ms, 0.95), ("p99", self.p99_ms, 0.99)):
            if limit is None:
                continue
            found = milliseconds(load, "response", share)
            if found is None or found > limit:
                shown = "nothing was accepted" if found is None else f"{found:,.0f} ms"
                lines.append(f"--{name}-ms {limit:g}: {shown}")
        if self.min_rate is not None and rate(load) < self.min_rate:
            lines.append(f"--min-rate {self.min_rate:g}: {rate(load):,.0f}/s")
        return lines


class Summary(msgspec.Struct, kw_only=True):
    """What ``--json`` prints."""

    planned: int
    offered: int
    accepted: int
    spooled: int
    failed: int
    lost: int
    failures: dict[str, int]
    records: int
    calls: int
    failed_calls: int
    throttled: int
    resent: int
    bytes: int
    seconds: float
    rate: float
    peak_rate: int
    most_behind_ms: float
    put_ms: dict[str, float | None]
    response_ms: dict[str, float | None]
    shards_needed: int
    cost_usd: Cost
    is_interrupted: bool
    stopped: str | None
    broken_off: list[int]
    missed_gates: list[str]
    as_of: str
    seed: int
    processes: int
    next_steps: list[str]


def summarize(
    load: Snapshot, gates: Gates, *, cost: Cost, as_of: str, seed: int, processes: int, broken_off: list[int]
) -> Summary:
    """The account of a load that is over."""
    return Summary(
        planned=load.planned,
        offered=load.offered,
        accepted=load.accepted,
        spooled=load.spooled,
        failed=load.failed,
        lost=load.lost,
        failures=load.failures,
        records=load.records,
        calls=load.calls,
        failed_calls=load.failed_calls,
        throttled=load.throttled,
        resent=load.resent,
        bytes=load.bytes,
        seconds=round(load.elapsed, 3),
        rate=round(rate(load), 1),
        peak_rate=max((second.accepted for second in load.seconds.values()), default=0),
        most_behind_ms=round(load.most_behind * 1000, 1),
        put_ms={name: milliseconds(load, "put", share) for name, share in _SHARES},
        response_ms={name: milliseconds(load, "response", share) for name, share in _SHARES},
        shards_needed=load.shards_needed,
        cost_usd=cost,
        is_interrupted=load.is_interrupted,
        stopped=load.stopped,
        broken_off=broken_off,
        missed_gates=gates.missed(load),
        as_of=as_of,
        seed=seed,
        processes=processes,
        next_steps=load.next_steps,
    )


def summary_lines(summary: Summary) -> Iterator[str]:
    """The account in words."""
    yield (
        f"{summary.accepted:,} of {summary.planned:,} accepted in {summary.seconds:,.1f} s: {summary.rate:,.0f}/s, "
        f"at most {summary.peak_rate:,} in a second; {summary.bytes / 1e6:,.1f} MB in {summary.records:,} records, "
        f"{summary.calls:,} calls"
    )
    if summary.spooled:
        yield f"{summary.spooled:,} are still in the spool, safe; to send them: streamkeeper spool flush"
    yield f"{summary.lost:,} lost" + _counted(summary.failures)
    yield f"{summary.throttled:,} throttled, {summary.resent:,} sent again, {summary.failed_calls:,} calls failed"
    yield f"a call took {_latencies(summary.put_ms)}"
    yield (
        f"an event, from when it was due until it was accepted, {_latencies(summary.response_ms)}; "
        f"at most {summary.most_behind_ms:,.0f} ms behind the schedule"
    )
    yield (
        f"shards needed for the busiest second: {summary.shards_needed}; Kinesis about "
        f"${summary.cost_usd.provisioned:,.4f} provisioned, ${summary.cost_usd.on_demand:,.4f} on demand "
        f"(prices: {summary.cost_usd.prices_as_of})"
    )
    for step in summary.next_steps:
        yield f"  {step}"
    if summary.stopped is not None:
        yield f"stopped: {summary.stopped}"
    if summary.broken_off:
        codes = ", ".join(str(code) for code in summary.broken_off)
        yield f"{len(summary.broken_off)} of {summary.processes} processes broke off (exit codes {codes})"
    if summary.is_interrupted:
        yield f"stopped by Ctrl-C after {summary.offered:,} events; all of them are accounted for above"
    for line in summary.missed_gates:
        yield f"gate missed: {line}"
    yield f"the same load again: the same command with --seed {summary.seed} --as-of {summary.as_of}"


def rate(load: Snapshot) -> float:
    """Events accepted a second, from the first one's time to the last answer."""
    return load.accepted / load.elapsed if load.elapsed > 0 else 0.0


def milliseconds(load: Snapshot, of: str, share: float) -> float | None:
    """A quantile in milliseconds."""
    seconds = load.latency(of, share)
    return None if seconds is None else round(seconds * 1000, 2)


def _latencies(of: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {'-' if value is None else f'{value:,.0f} ms'}" for name, value in of.items())


def _counted(counts: dict[str, int]) -> str:
    return ": " + ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) if counts else ""
