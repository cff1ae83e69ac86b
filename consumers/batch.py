"""What Lambda hands in as records, and what became of them as an answer: Kinesis batches, and Firehose's transforms."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from json import dumps
from typing import Any, Literal, get_args

import pybase64
from msgspec import Struct

from glue.codec import landed_timestamp
from glue.contract import BadInput
from glue.kpl.aggregation import MAGIC
from glue.kpl.aggregation import decode as open_aggregate

EVENT_SOURCE = "aws:kinesis"

TransformResult = Literal["Ok", "Dropped", "ProcessingFailed"]

# Of an answer as Lambda's runtime writes it, with a space after each comma and colon; the longest result.
_ENTRY_BYTES = len('{"recordId": , "result": "ProcessingFailed", "data": ""}, ')
_METADATA_BYTES = len(', "metadata": {"partitionKeys": {"dt": "2026-11-20"}}')


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


def _refuse_source(position: int) -> None:
    raise MalformedEventError(f"record {position} is not from Kinesis; allowed: eventSource {EVENT_SOURCE}")


def _require_place(shard_id: object, sequence_number: str, partition_key: object) -> None:
    if not (sequence_number.isascii() and sequence_number.isdigit()):
        raise ValueError("a sequence number is of decimal digits")
    if not (isinstance(shard_id, str) and isinstance(partition_key, str)):
        raise TypeError("a shard's id and a partition key are texts")


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
                _refuse_source(position)
            kinesis = entry["kinesis"]
            sequence_number = kinesis["sequenceNumber"]
            stamp = kinesis["approximateArrivalTimestamp"]
            arrival = arrivals.get(stamp)
            if arrival is None:
                moment = datetime.fromtimestamp(stamp, UTC)
                arrival = arrivals[stamp] = (moment, landed_timestamp(moment))
            # shardId-000000000006:4959...
            shard_id, key = entry["eventID"][: -len(":" + sequence_number)], kinesis["partitionKey"]
            _require_place(shard_id, sequence_number, key)
            payload = decode(kinesis["data"], None, True)
            sequence_numbers.append(sequence_number)
            record = Record(position, payload, arrival[0], arrival[1], shard_id, sequence_number, 0, key)
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
    except MalformedEventError:
        raise
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError, OSError, ValueError) as error:
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


# ------------------------------------------------------------------------------------------------ Firehose

MAX_ANSWER_BYTES = 5_800_000
"""What a transform answers at most, as JSON. Lambda gives back no more than 6 MB (6,291,456 bytes)."""


class Result(Struct, frozen=True):
    """What became of one record of a transform batch.

    Args:
        result: Ok hands ``row`` to Firehose; Dropped says that its row is durable elsewhere; ProcessingFailed leaves
            the record, as it came, to Firehose's error prefix.
        row: of Ok, the bytes to deliver, ending in a newline.
        day: of Ok, the partition it goes to, ``YYYY-MM-DD``.
    """

    result: TransformResult
    row: bytes = b""
    day: str = ""


DROPPED, PROCESSING_FAILED = Result("Dropped"), Result("ProcessingFailed")


def read_transform_batch(event: object) -> Batch:
    """The records in an event from a Firehose stream, one user record each; one without records is empty.

    Firehose numbers no shards: a record's coordinate is ``firehose/<delivery stream>`` and its record id. A stream that
    reads from Kinesis tells the coordinate there, and opens aggregates itself.

    Raises:
        MalformedEventError: it is not as Firehose sends it, or names a record twice.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    """
    entries = event.get("records") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(entries, list):
        raise MalformedEventError(
            f"received {_kind(event)} without a list of records; allowed: a transform event of a Firehose stream"
        )
    # Firehose always names the stream; the events that tools make for trying a function out do not.
    shard = f"firehose/{str(event.get('deliveryStreamArn') or 'unnamed').rpartition('/')[2]}"
    records: list[Record] = []
    ids: list[str] = []
    try:
        for position, entry in enumerate(entries):
            record_id = entry["recordId"]
            moment = datetime.fromtimestamp(entry["approximateArrivalTimestamp"] / 1000, UTC)
            # The line feed is what parts records in the archive; a record does not end in one of its own.
            payload = pybase64.b64decode(entry["data"], None, True).removesuffix(b"\n")
            coordinate = (shard, record_id, 0, "")
            if (source := entry.get("kinesisRecordMetadata")) is not None:
                coordinate = (
                    source["shardId"],
                    source["sequenceNumber"],
                    int(source.get("subsequenceNumber") or 0),
                    source["partitionKey"],
                )
                _require_place(coordinate[0], coordinate[1], coordinate[3])
            ids.append(record_id)
            records.append(Record(position, payload, moment, landed_timestamp(moment), *coordinate))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        # Only the kind of error: its text can hold a piece of the event.
        raise MalformedEventError(
            f"record {len(ids)} is not as Firehose sends it ({type(error).__name__}); "
            "allowed: a transform event of a Firehose stream"
        ) from None
    if not all(isinstance(one, str) for one in ids) or len(set(ids)) != len(ids):
        raise MalformedEventError("a record id is no text or comes twice; allowed: each once, as Firehose sends them")
    return Batch(records, [], ids)


def bare_answer_bytes(ids: Sequence[str]) -> int:
    """The size of an answer, as JSON, that carries no row: always less than the event that it answers."""
    return 16 + sum(_ENTRY_BYTES + len(dumps(record_id)) for record_id in ids)


def row_bytes(row: bytes) -> int:
    """What one row adds to the size of an answer.

    >>> row_bytes(b"{}\\n") - row_bytes(b"")
    4
    """
    return _METADATA_BYTES + (len(row) + 2) // 3 * 4


def transform_answer(ids: Sequence[str], results: Sequence[Result]) -> dict[str, list[dict[str, Any]]]:
    """What Firehose is told of each record, in order: every id once, with the three members it asks for.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html

    >>> transform_answer(["1"], [DROPPED])
    {'records': [{'recordId': '1', 'result': 'Dropped', 'data': ''}]}
    """
    records: list[dict[str, Any]] = []
    for record_id, one in zip(ids, results, strict=True):
        entry: dict[str, Any] = {
            "recordId": record_id,
            "result": one.result,
            "data": pybase64.b64encode(one.row).decode(),
        }
        if one.result == "Ok":
            entry["metadata"] = {"partitionKeys": {"dt": one.day}}
        records.append(entry)
    return {"records": records}


def check_transform_answer(value: Any, ids: Sequence[str]) -> None:
    """Makes sure that an answer means what it should: what Firehose cannot read, it puts among the errors.

    Raises:
        ValueError: an id is missing, repeated or foreign, or an Ok has no row or no partition.
    """
    entries = value.get("records") if isinstance(value, dict) else None
    if not isinstance(entries, list) or [entry.get("recordId") for entry in entries] != list(ids):
        raise ValueError("the answer does not name every record of the batch once, in order")
    for entry in entries:
        if entry["result"] not in get_args(TransformResult):
            raise ValueError("a result is neither Ok nor Dropped nor ProcessingFailed")
        if entry["result"] == "Ok" and not (entry["data"] and entry["metadata"]["partitionKeys"]["dt"]):
            raise ValueError("an Ok without a row or a partition")
