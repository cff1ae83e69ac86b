"""What to change first, by what it saves; and what breaks first when the load grows."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from glue.prices import Prices
from infra.cost.bill import bill, total
from infra.cost.traffic import Traffic
from infra.cost.units import Settings, shards_needed, units

AGGREGATE = 50
"""Events in a record where the producer is told to aggregate."""


class Change(Struct, frozen=True):
    """One thing that would cost less, alone.

    Args:
        change: what to set.
        saves: dollars a month.
        price: what it costs otherwise.
    """

    change: str
    saves: float
    price: str


class Variant(Struct, frozen=True):
    """The same month, deployed otherwise.

    Args:
        stream: provisioned or on-demand.
        aggregate: events in a record.
        dollars: a month.
        a_million: dollars for a million events.
    """

    stream: str
    aggregate: int
    dollars: float
    a_million: float


class Limit(Struct, frozen=True):
    """A quota, and how much of it is used.

    Args:
        what: the quota.
        used: of it, 1 being all.
        then: what to do before it is all.
        source: AWS's page.
    """

    what: str
    used: float
    then: str
    source: str


def changes(traffic: Traffic, settings: Settings, prices: Prices) -> list[Change]:
    """What would save money, the largest first."""
    now = _cost(traffic, settings, prices)
    found = [
        Change(what, now - _cost(other, deployed, prices), price)
        for what, other, deployed, price in _alternatives(traffic, settings)
    ]
    return sorted((one for one in found if one.saves >= 0.01 * now), key=lambda one: -one.saves)


def _alternatives(traffic: Traffic, settings: Settings) -> Iterator[tuple[str, Traffic, Settings, str]]:
    if traffic.aggregate == 1:
        other = replace(traffic, aggregate=AGGREGATE)
        yield f"send {AGGREGATE} events a record (--aggregate)", other, settings, "a record is retried as a whole"
    if settings.retention_hours > 24 and not settings.on_demand:
        short = replace(settings, retention_hours=24)
        yield "StreamRetentionHours=24", traffic, short, "a day to mend a consumer; the archive replays what is older"
    if settings.status_days > 30:
        yield "StatusTtlDays=30", traffic, replace(settings, status_days=30), "statuses are forgotten after a month"
    if settings.flag_notices:
        quiet = replace(settings, flag_notices=False)
        yield "FlagNotices=off", traffic, quiet, "flags are in the lake alone; nobody is told of them"
    if settings.archive_days > 90:
        yield "ArchiveRetentionDays=90", traffic, replace(settings, archive_days=90), "replay reaches back 90 days"
    if settings.verdict_days > 365:
        yield "VerdictRetentionDays=365", traffic, replace(settings, verdict_days=365), "reports reach back a year"
    needed = shards_needed(traffic)
    if settings.shards > needed and not settings.on_demand:
        yield f"ShardCount={needed}", traffic, replace(settings, shards=needed), "no room above the peak"
    if settings.batch_window < 5:
        yield "BatchWindowSeconds=5", traffic, replace(settings, batch_window=5.0), "verdicts come four seconds later"
    mode = "provisioned" if settings.on_demand else "on demand"
    other_mode = replace(settings, on_demand=not settings.on_demand)
    yield f"the stream {mode}", traffic, other_mode, "other limits; see --compare"


def variants(traffic: Traffic, settings: Settings, prices: Prices) -> list[Variant]:
    """Provisioned and on demand, with aggregation and without."""
    found = []
    for on_demand in (False, True):
        for aggregate in sorted({1, max(AGGREGATE, traffic.aggregate)}):
            dollars = _cost(replace(traffic, aggregate=aggregate), replace(settings, on_demand=on_demand), prices)
            a_million = dollars / (units(traffic, settings).records * traffic.aggregate / 1e6)
            found.append(Variant("on-demand" if on_demand else "provisioned", aggregate, dollars, a_million))
    return found


def _cost(traffic: Traffic, settings: Settings, prices: Prices) -> float:
    return total(bill(units(traffic, settings), settings, prices))


def limits(traffic: Traffic, settings: Settings, *, large_region: bool) -> list[Limit]:
    """The quotas that matter, the most used first, with AWS's defaults of a new account.

    Args:
        traffic: what is sent.
        settings: how the stack is deployed; a provisioned stream has the shards that it is deployed with.
        large_region: us-east-1, us-west-2 or eu-west-1, where some defaults are higher.
    """
    month = units(traffic, settings)
    busiest = traffic.rate * traffic.peak
    lanes = settings.shards * settings.parallelization
    records = busiest / traffic.aggregate
    rows = busiest * traffic.verdict_bytes
    kinesis = "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"
    firehose = "https://docs.aws.amazon.com/firehose/latest/dev/limits.html"
    found = [
        Limit("shards: records", records / (settings.shards * 1000), "raise ShardCount, or aggregate", kinesis),
        Limit(
            "shards: bytes",
            records * traffic.record_bytes / (settings.shards * 2**20),
            "raise ShardCount",
            kinesis,
        ),
        Limit(
            "shards: reads by consumer and archive",
            2 * records * traffic.record_bytes / (settings.shards * 2 * 2**20),
            "raise ShardCount: both share 2 MiB a second and shard",
            kinesis,
        ),
        Limit(
            "the consumer's time",
            busiest / (lanes * month.batch_events / month.batch_seconds),
            "raise ParallelizationFactor or FunctionMemoryMegabytes",
            "https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html",
        ),
        Limit(
            "Lambda: concurrency",
            lanes / 1000,
            "ask for more than 1,000 concurrent executions",
            "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        ),
        Limit(
            "Firehose: bytes put a second",
            rows / ((5 if large_region else 1) * 2**20),
            "ask for a higher Direct PUT quota",
            firehose,
        ),
        Limit(
            "EventBridge: events put a second",
            busiest * traffic.notice_share / (10_000 if large_region else 600),
            "ask for a higher PutEvents quota",
            "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
        ),
        Limit(
            "DynamoDB: writes a second",
            busiest * traffic.status_share / 40_000,
            "ask for a higher table quota",
            "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
        ),
    ]
    if settings.on_demand:
        found = [one for one in found if not one.what.startswith("shards")]
    return sorted(found, key=lambda one: -one.used)
