"""A month's units times their prices, by service."""

from msgspec import Struct

from glue.prices import FIREHOSE_STEPS_GB, Prices
from infra.cost.units import HOURS, Settings, Units


class Line(Struct, frozen=True):
    """What one thing costs.

    Args:
        service: whose bill it is on.
        what: what is paid for.
        dollars: a month.
        because: the units that it comes from.
    """

    service: str
    what: str
    dollars: float
    because: str


def bill(units: Units, settings: Settings, prices: Prices) -> list[Line]:
    """A month, line by line. Not in it: queries, KMS, data transfer, taxes, discounts and free tiers."""
    s3, table, cloudwatch = prices.s3, prices.dynamodb, prices.cloudwatch
    delivered = units.verdicts_gb + units.quarantine_gb
    seldom, hardly = units.verdict_gb_unread
    moved = units.archive_objects if units.archive_gb_rare else 0.0
    functions = prices.functions
    return [
        *_stream(units, settings, prices),
        Line(
            "Lambda",
            "moderation",
            units.invocations / 1e6 * functions.million_requests + units.gb_seconds * functions.gb_second,
            f"{units.invocations:,.0f} batches of {units.batch_events:,.0f} events, {units.batch_seconds:.3f} s each",
        ),
        Line(
            "Lambda",
            "archive",
            units.archive_invocations / 1e6 * functions.million_requests
            + units.archive_gb_seconds * functions.gb_second,
            f"{units.archive_invocations:,.0f} batches of {units.archive_batch_events:,.0f} events",
        ),
        Line(
            "Firehose",
            "verdicts and quarantine",
            _firehose(delivered, prices)
            + delivered * (prices.firehose.gb_converted + prices.firehose.gb_partitioned)
            + units.partition_objects / 1000 * prices.firehose.thousand_objects,
            f"{delivered:,.0f} GB in, converted, partitioned; {units.partition_objects:,.0f} objects",
        ),
        Line(
            "S3",
            "archive",
            units.archive_gb_kept * s3.gb_month
            + units.archive_gb_rare * s3.rare_gb_month
            + units.archive_objects / 1000 * s3.thousand_puts
            + moved / 1000 * s3.thousand_moves,
            f"{units.archive_gb_kept:,.0f} GB, {units.archive_gb_rare:,.0f} GB infrequent, when the retention is full; "
            f"{units.archive_objects:,.0f} objects written",
        ),
        Line(
            "S3",
            "verdicts",
            (units.verdict_gb_kept - seldom - hardly) * s3.gb_month
            + seldom * s3.unread_gb_month[0]
            + hardly * s3.unread_gb_month[1]
            + units.verdict_objects_kept / 1000 * s3.thousand_watched
            + units.objects / 1000 * (s3.thousand_puts + s3.thousand_moves),
            f"{units.verdict_gb_kept:,.0f} GB when the retention is full, {seldom + hardly:,.0f} of it unread; "
            f"{units.objects:,.0f} objects written",
        ),
        Line(
            "EventBridge",
            "notices",
            units.events_notified / 1e6 * prices.eventbridge.million_events,
            f"{units.events_notified:,.0f} events",
        ),
        Line(
            "SQS",
            "notices",
            units.queue_requests / 1e6 * prices.sqs.million_requests,
            f"{units.queue_requests:,.0f} requests",
        ),
        Line(
            "DynamoDB",
            "statuses",
            units.writes / 1e6 * table.million_writes + units.status_gb * (table.gb_month + table.backup_gb_month),
            f"{units.writes:,.0f} writes; {units.status_gb:,.0f} GB when the first expire",
        ),
        Line(
            "CloudWatch",
            "metrics, alarms, logs",
            settings.metrics * cloudwatch.metric_month
            + settings.alarms * cloudwatch.alarm_month
            + units.log_gb * cloudwatch.gb_logs,
            f"{settings.metrics} metrics, alarms on {settings.alarms}, {units.log_gb:,.1f} GB of logs",
        ),
    ]


def total(lines: list[Line]) -> float:
    """Dollars a month."""
    return sum(line.dollars for line in lines)


def _stream(units: Units, settings: Settings, prices: Prices) -> list[Line]:
    kinesis = prices.kinesis
    beyond = max(0, settings.retention_hours - 168) / HOURS
    kept = Line("Kinesis", "retention", 0.0, "24 hours are in the price")
    if settings.on_demand:
        return [
            Line(
                "Kinesis",
                "stream",
                HOURS * kinesis.stream_hour + units.stream_gb * (kinesis.gb_in + 2 * kinesis.gb_out),
                f"on demand, {units.stream_gb:,.0f} GB in, read twice",
            )
        ]
    if settings.retention_hours > 24:
        dollars = units.shards * HOURS * kinesis.extended_shard_hour
        dollars += units.stream_gb * beyond * kinesis.long_term_gb_month
        kept = Line("Kinesis", "retention", dollars, f"{settings.retention_hours} hours")
    return [
        Line(
            "Kinesis",
            "stream",
            units.shards * HOURS * kinesis.shard_hour + units.put_units / 1e6 * kinesis.million_put_units,
            f"{units.shards} shards, {units.put_units:,.0f} PUT units",
        ),
        kept,
    ]


def _firehose(gigabytes: float, prices: Prices) -> float:
    """Dollars for what goes into Firehose in a month, by its three prices."""
    left, dollars = gigabytes, 0.0
    for step, price in zip((*FIREHOSE_STEPS_GB, float("inf")), prices.firehose.gb_in, strict=True):
        dollars += min(left, step) * price
        left -= min(left, step)
    return dollars
