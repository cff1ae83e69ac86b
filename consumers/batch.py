"""A Lambda invocation's Kinesis event as records, and what became of them as Lambda's answer."""

import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pybase64
from msgspec import Struct

from glue.aggregation import MAGIC
from glue.aggregation import decode as open_aggregate
from glue.codec import landed_timestamp
from glue.contract import BadInput

EVENT_SOURCE = "aws:kinesis"


class MalformedEventError(ValueError):
    """What came in is no Kinesis event: the mapping or the caller is set up wrongly, so nothing can be answered."""


class Record(Struct, frozen=True, gc=False):
    """One user record and where it came from.

    Args:
        position: of its Kinesis record in the batch, from 0; records of one aggregate share it.
        payload: its bytes.
        arrived_at: when the stream took it.
        arrived: the same, as rows have it.
        shard_id, sequence_number, sub_sequence_number, partition_key: its coordinate.
    """

    position: int
    payload: bytes
    arrived_at: datetime
    arrived: str
    shard_id: str
    sequence_number: str
    sub_sequence_number: int
    partition_key: str


class Batch(Struct, frozen=True):
    """The records of one invocation.

    Args:
        records: every user record, in stream order.
        refused: containers that cannot be opened, each with the reason.
        ids: of the batch's own records, by position, as the answer names them: sequence numbers, or record ids.
    """

    records: list[Record]
    refused: list[tuple[Record, BadInput]]
    ids: list[str]


def read_batch(event: object) -> Batch:
    """The records in a Lambda event from a Kinesis stream; aggregates are opened. An event without records is empty.

    Raises:
        MalformedEventError: ``Records`` is missing, or a record is not one of a Kinesis stream.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
    """
    entries = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(entries, list):
        raise MalformedEventError(
            f"received {_kind(event)} without a list of Records; allowed: an event of a Kinesis event source mapping"
        )
    records: list[Record] = []
    refused: list[tuple[Record, BadInput]] = []
    sequence_numbers: list[str] = []
    arrivals: dict[float, tuple[datetime, str]] = {}
    decode, add = pybase64.b64decode, records.append
    try:
        for position, entry in enumerate(entries):
            if entry["eventSource"] != EVENT_SOURCE:
                raise MalformedEventError(f"record {position} is not from Kinesis; allowed: eventSource {EVENT_SOURCE}")
            kinesis = entry["kinesis"]
            sequence_number = kinesis["sequenceNumber"]
            stamp = kinesis["approximateArrivalTimestamp"]
            arrival = arrivals.get(stamp)
            if arrival is None:
                moment = datetime.fromtimestamp(stamp, UTC)
                arrival = arrivals[stamp] = (moment, landed_timestamp(moment))
            # shardId-000000000006:4959...
            shard_id = entry["eventID"][: -len(sequence_number) - 1]
            payload = decode(kinesis["data"], None, True)
            sequence_numbers.append(sequence_number)
            record = Record(
                position, payload, arrival[0], arrival[1], shard_id, sequence_number, 0, kinesis["partitionKey"]
            )
            if payload[:4] != MAGIC:
                add(record)
                continue
            opened = open_aggregate(payload)
            if isinstance(opened, list):
                records += [
                    Record(position, user.data, *arrival, shard_id, sequence_number, sub, user.partition_key)
                    for sub, user in enumerate(opened)
                ]
            elif isinstance(opened, BadInput):
                refused.append((record, opened))
            else:
                add(record)
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError, OSError, binascii.Error) as error:
        # Only the kind of error: its text can hold a piece of the event.
        raise MalformedEventError(
            f"record {len(sequence_numbers)} is not as Lambda sends it ({type(error).__name__}); "
            "allowed: an event of a Kinesis event source mapping"
        ) from None
    return Batch(records, refused, sequence_numbers)


def answer(not_durable: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """What Lambda is told: at most one identifier, the lowest sequence number that is not durable.

    Lambda takes the lowest as its checkpoint and runs everything from there again, so one says it all.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html

    >>> answer(["10", "9"])
    {'batchItemFailures': [{'itemIdentifier': '9'}]}
    >>> answer([])
    {'batchItemFailures': []}
    """
    lowest = min(not_durable, key=int, default=None)
    return {"batchItemFailures": [] if lowest is None else [{"itemIdentifier": lowest}]}


def check_answer(value: Any, sequence_numbers: Iterable[str]) -> None:
    """Makes sure that an answer means what it should: Lambda takes a mistyped key for complete success.

    Raises:
        ValueError: it has another shape, or names a record that is not in the batch.
    """
    failures = value.get("batchItemFailures") if isinstance(value, dict) else None
    if not isinstance(failures, list) or value.keys() != {"batchItemFailures"} or len(failures) > 1:
        raise ValueError("the answer is not batchItemFailures with at most one item")
    for failure in failures:
        if failure.keys() != {"itemIdentifier"} or failure["itemIdentifier"] not in set(sequence_numbers):
            raise ValueError("the answer names no record of the batch")


def _kind(event: object) -> str:
    return "an object" if isinstance(event, dict) else type(event).__name__
