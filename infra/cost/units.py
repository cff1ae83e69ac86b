"""What a month of traffic comes to in the units that AWS bills."""

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from consumers.effects import MAX_NOTICES
from consumers.rows import MAX_PACK_BYTES, MAX_PACK_ROWS
from infra.cost.traffic import Traffic

HOURS = 730
SECONDS = HOURS * 3600
GB = 1e9
PUT_UNIT = 25 * 1024
"""Source: https://aws.amazon.com/kinesis/data-streams/pricing/"""
FIREHOSE_STEP = 5 * 1024
"""Source: https://aws.amazon.com/firehose/pricing/"""
RARE_DAYS = 30
"""After which the archive goes into a cheaper class; by the lake's lifecycle rules."""
UNREAD_DAYS = (30, 90)
"""After which S3's intelligent tiering takes what nobody reads for less, and for less still.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
"""
EVENT_STEP = 64 * 1024
"""Source: https://aws.amazon.com/eventbridge/pricing/"""
ITEM_STEP = 1024
"""Source: https://aws.amazon.com/dynamodb/pricing/on-demand/"""
INVOCATION_BYTES = 6 * 1024 * 1024
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
_RECORD_ENVELOPE = 560
"""Bytes that Lambda's event has around a record's data, as the laptop runtime writes it."""
_ARCHIVE_LOG = 700
"""Bytes that Lambda and the archiver log of a batch. An estimate."""
ONE_CPU_MB = 1769
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""


class Settings(Struct, frozen=True, kw_only=True):
    """What the template's parameters say, as far as a bill depends on it."""

    shards: int
    on_demand: bool
    retention_hours: int
    batch_size: int
    batch_window: float
    parallelization: int
    memory_mb: int
    landing_mb: int
    landing_seconds: int
    archive_seconds: int
    archive_batch: int
    archive_mb: int
    status_days: int
    archive_days: int
    verdict_days: int
    flag_notices: bool
    alarms: int
    metrics: int

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Any],
        *,
        on_demand: bool,
        alarms: int,
        metrics: int,
        archive_batch: int,
        archive_mb: int,
    ) -> "Settings":
        """The settings that a template's parameters and resources come to."""
        return cls(
            shards=int(parameters["ShardCount"]),
            on_demand=on_demand,
            retention_hours=int(parameters["StreamRetentionHours"]),
            batch_size=int(parameters["BatchSize"]),
            batch_window=float(parameters["BatchWindowSeconds"]),
            parallelization=int(parameters["ParallelizationFactor"]),
            memory_mb=int(parameters["FunctionMemoryMegabytes"]),
            landing_mb=int(parameters["LandingBufferMegabytes"]),
            landing_seconds=int(parameters["LandingIntervalSeconds"]),
            archive_seconds=int(parameters["ArchiveIntervalSeconds"]),
            archive_batch=archive_batch,
            archive_mb=archive_mb,
            status_days=int(parameters["StatusTtlDays"]),
            archive_days=int(parameters["ArchiveRetentionDays"]),
            verdict_days=int(parameters["VerdictRetentionDays"]),
            flag_notices=parameters["FlagNotices"] == "on",
            alarms=alarms,
            metrics=metrics,
        )


class Units(Struct, frozen=True, kw_only=True):
    """A month, in what AWS counts. Bytes are in GB of 10^9; storage is what is there when the retention is full."""

    shards: int
    records: float
    put_units: float
    stream_gb: float
    invocations: float
    gb_seconds: float
    batch_events: float
    batch_seconds: float
    archive_invocations: float
    archive_gb_seconds: float
    archive_batch_events: float
    archive_objects: float
    verdicts_gb: float
    quarantine_gb: float
    partition_objects: float
    objects: float
    events_notified: float
    queue_requests: float
    writes: float
    status_gb: float
    archive_gb_kept: float
    archive_gb_rare: float
    verdict_gb_kept: float
    verdict_gb_unread: tuple[float, float]
    verdict_objects_kept: float
    log_gb: float


def shards_needed(traffic: Traffic) -> int:
    """How many shards the busiest second takes: 1,000 records and 1 MiB each.

    >>> shards_needed(Traffic(rate=1000, size=321, peak=1.5))
    2

    Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
    """
    records = traffic.rate * traffic.peak / traffic.aggregate
    return max(1, math.ceil(records / 1000), math.ceil(records * traffic.record_bytes / 2**20))


def packed(rows: float, row_bytes: int) -> float:
    """Bytes that Firehose bills for a batch's rows, which are sent packed.

    >>> packed(2, 876), packed(1000, 876)
    (5120.0, 880640.0)
    """
    each = max(1, min(MAX_PACK_ROWS, MAX_PACK_BYTES // row_bytes))
    whole, rest = divmod(rows, each)
    return whole * _step(each * row_bytes) + (_step(rest * row_bytes) if rest else 0.0)


def units(traffic: Traffic, settings: Settings) -> Units:
    """What a month of traffic comes to.

    Args:
        traffic: what is sent.
        settings: how the stack is deployed; a provisioned stream gets the shards that it needs at least.
    """
    events = traffic.rate * SECONDS
    records = events / traffic.aggregate
    shards = max(settings.shards, shards_needed(traffic))
    batch_records = _batch(traffic, settings.batch_size, settings.batch_window, lanes=shards * settings.parallelization)
    archive_records = _batch(traffic, settings.archive_batch, settings.archive_seconds, lanes=shards)
    archives = records / archive_records
    invocations = records / batch_records
    batch_events = batch_records * traffic.aggregate
    cpu = min(1.0, settings.memory_mb / ONE_CPU_MB)
    batch_seconds = traffic.batch_seconds + batch_events * traffic.event_seconds / cpu
    verdicts = invocations * packed(batch_events * (1 - traffic.bad_share), traffic.verdict_bytes) / GB
    # A bad row repeats its payload in base64; most batches that have one have one.
    bad_batches = min(invocations, events * traffic.bad_share)
    bad = events * traffic.bad_share
    quarantine = bad_batches * _step(bad / bad_batches * _bad_bytes(traffic)) / GB if bad else 0.0
    row_gb = events * traffic.verdict_bytes / GB
    objects = _objects(row_gb, settings.landing_mb, settings.landing_seconds) * (1 + traffic.late_partitions)
    archived = events * traffic.size / GB
    month_days = HOURS / 24
    flags = events * traffic.flag_share if settings.flag_notices else 0.0
    notices = events * traffic.notice_share + flags
    statuses = events * traffic.status_share + flags
    archive_seconds = traffic.batch_seconds + archive_records * traffic.aggregate * traffic.size / 1e6 * (
        traffic.archive_mb_seconds / min(1.0, settings.archive_mb / ONE_CPU_MB)
    )
    verdict_gb = events * traffic.parquet_bytes / month_days / GB
    seldom, hardly = (traffic.report_days + days for days in UNREAD_DAYS)
    return Units(
        shards=shards,
        records=records,
        put_units=records * math.ceil(traffic.record_bytes / PUT_UNIT),
        stream_gb=records * _step(traffic.record_bytes, 1024) / GB,
        invocations=invocations,
        gb_seconds=invocations * batch_seconds * settings.memory_mb / 1024,
        batch_events=batch_events,
        batch_seconds=batch_seconds,
        verdicts_gb=verdicts,
        archive_invocations=archives,
        archive_gb_seconds=archives * archive_seconds * settings.archive_mb / 1024,
        archive_batch_events=archive_records * traffic.aggregate,
        archive_objects=archives,
        quarantine_gb=quarantine,
        partition_objects=objects + min(objects, bad_batches),
        objects=objects,
        events_notified=notices * math.ceil(traffic.notice_bytes / EVENT_STEP),
        # One request to send, and one in ten each to receive and to delete.
        queue_requests=notices * (1 + 2 / MAX_NOTICES),
        writes=statuses * math.ceil(traffic.status_bytes / ITEM_STEP),
        status_gb=statuses * (traffic.status_bytes + 100) * settings.status_days / month_days / GB,
        archive_gb_kept=archived * traffic.archive_ratio * min(settings.archive_days, RARE_DAYS) / month_days,
        archive_gb_rare=archived * traffic.archive_ratio * max(0, settings.archive_days - RARE_DAYS) / month_days,
        verdict_gb_kept=verdict_gb * settings.verdict_days,
        verdict_gb_unread=(
            verdict_gb * max(0.0, min(settings.verdict_days, hardly) - seldom),
            verdict_gb * max(0.0, settings.verdict_days - hardly),
        ),
        verdict_objects_kept=objects * settings.verdict_days / month_days,
        log_gb=(invocations * traffic.log_bytes + archives * _ARCHIVE_LOG) / GB,
    )


def _batch(traffic: Traffic, most: int, window: float, *, lanes: int) -> float:
    """Records in one batch: what gathers in the window, as far as size and payload allow."""
    lane = traffic.rate / traffic.aggregate / lanes
    payload = INVOCATION_BYTES / (math.ceil(traffic.record_bytes / 3) * 4 + _RECORD_ENVELOPE)
    # Without a window Lambda asks a shard once a second.
    gathered = lane * max(window, 1.0)
    return max(1.0, min(float(most), payload, gathered))


def _objects(gigabytes: float, buffer_mb: int, interval: int) -> float:
    return max(SECONDS / interval, gigabytes * GB / (buffer_mb * 2**20))


def _bad_bytes(traffic: Traffic) -> int:
    return 420 + math.ceil(traffic.size / 3) * 4


def _step(size: float, step: int = FIREHOSE_STEP) -> float:
    return float(math.ceil(size / step) * step)
