"""Prices as a dated table that anybody can edit."""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

SHIPPED = Path(__file__).with_name("prices.toml")
FIREHOSE_STEPS_GB = (500_000.0, 1_500_000.0)
"""What the first two of Firehose's prices are for, in a month."""


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Kinesis(_Table, frozen=True):
    """Of the stream, provisioned and on demand."""

    shard_hour: float
    extended_shard_hour: float
    long_term_gb_month: float
    million_put_units: float
    stream_hour: float
    gb_in: float
    gb_out: float


class Lambda(_Table, frozen=True):
    """Of the functions."""

    million_requests: float
    gb_second: float


class Firehose(_Table, frozen=True):
    """Of the delivery streams."""

    gb_in: tuple[float, float, float]
    gb_converted: float
    gb_partitioned: float
    thousand_objects: float


class DynamoDB(_Table, frozen=True):
    """Of the status table."""

    million_writes: float
    gb_month: float
    backup_gb_month: float


class EventBridge(_Table, frozen=True):
    """Of the bus."""

    million_events: float


class Sqs(_Table, frozen=True):
    """Of the queue."""

    million_requests: float


class S3(_Table, frozen=True):
    """Of the lake."""

    gb_month: float
    rare_gb_month: float
    unread_gb_month: tuple[float, float]
    thousand_puts: float
    thousand_moves: float
    thousand_watched: float


class CloudWatch(_Table, frozen=True):
    """Of metrics, alarms and logs."""

    metric_month: float
    alarm_month: float
    gb_logs: float


class Prices(_Table, frozen=True):
    """US dollars, and when somebody looked."""

    as_of: str
    kinesis: Kinesis
    functions: Lambda = msgspec.field(name="lambda")
    firehose: Firehose
    dynamodb: DynamoDB
    eventbridge: EventBridge
    sqs: Sqs
    s3: S3
    cloudwatch: CloudWatch


def read_prices(path: Path | None = None) -> Prices:
    """The prices in a TOML file, or in the one that comes with this.

    Raises:
        ValueError: it cannot be read, or lacks a price.

    >>> read_prices().sqs.million_requests
    0.4
    """
    path = path or SHIPPED
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Prices)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; give a file like {SHIPPED}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"{path}: {error}; allowed: a file like {SHIPPED}") from None
