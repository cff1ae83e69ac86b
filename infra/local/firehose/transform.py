"""The contract between a delivery stream and its transform function: the event, and what an answer means.

Sources, read 2026-11-20:
    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html
    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
    https://github.com/floci-io/floci/pull/3393 (codes and messages, probed on AWS)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pybase64

from infra.local.firehose.config import StreamConfig
from infra.local.firehose.errors import PROCESSING
from infra.local.firehose.processing import TransformSettings
from infra.local.firehose.records import FailedRecord, SourceRecord

MAX_PAYLOAD = 6 * 1024 * 1024
"""Bytes of a synchronous invocation, of the event and of the answer."""

_RECORD_OVERHEAD = 420  # one record's members other than its data, with a Kinesis coordinate

FUNCTION_ERROR = "The Lambda function was successfully invoked but it returned an error result."
MISSING = "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids."
DUPLICATED = (
    "Multiple records were returned with the same record Id. Ensure that the Lambda function returns a unique record "
    "Id for each record."
)
FAILED_STATUS = "ProcessingFailed status set for record"
NO_DATA = (
    "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and processing result is "
    "Ok. The value field cannot be null when the SourceType is MSKAsSource and processing result is Ok."
)

Invoke = Callable[[str, bytes], bytes]
"""Calls a function by its ARN with an event; raises when the invocation or the function fails."""


@dataclass(frozen=True)
class TransformBatch:
    """Records for one invocation, in order; their ids are their places: unique within the event."""

    records: Sequence[SourceRecord]


@dataclass(frozen=True)
class Transformed:
    """One record that came back: its new bytes, where it came from, and the partition keys the function gave."""

    data: bytes
    original: SourceRecord
    partition_keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TransformOutcome:
    """What became of a batch: every record is in one of the three; whether its function could be called at all."""

    good: list[Transformed]
    failed: list[FailedRecord]
    dropped: int
    invoked: bool = True


def batches(records: Sequence[SourceRecord], *, size: int) -> list[TransformBatch]:
    """Records in batches of at most ``size`` bytes, none over the payload limit once encoded; a record alone always
    makes a batch."""
    found: list[TransformBatch] = []
    current: list[SourceRecord] = []
    held = encoded = 0
    for record in records:
        length = len(record.data)
        cost = (length + 2) // 3 * 4 + _RECORD_OVERHEAD
        if current and (held + length > size or encoded + cost > MAX_PAYLOAD - 2048):
            found.append(TransformBatch(current))
            current, held, encoded = [], 0, 0
        current.append(record)
        held += length
        encoded += cost
    if current:
        found.append(TransformBatch(current))
    return found


def event_of(batch: TransformBatch, config: StreamConfig, *, invocation_id: str) -> bytes:
    """The event, as Firehose sends it."""
    event: dict[str, Any] = {"invocationId": invocation_id, "deliveryStreamArn": config.arn, "region": config.region}
    if config.source_arn:
        event["sourceKinesisStreamArn"] = config.source_arn
    event["records"] = [_event_record(record) for record in batch.records]
    return msgspec.json.encode(event)


def invoke(
    batch: TransformBatch,
    config: StreamConfig,
    settings: TransformSettings,
    call: Invoke,
    *,
    invocation_id: str,
    ended: Callable[[], float],
) -> TransformOutcome:
    """What became of a batch after its function was called, and called again when it failed.

    Args:
        ended: gives the time after the last try.
    """
    event = event_of(batch, config, invocation_id=invocation_id)
    for attempt in range(1, settings.retries + 2):
        try:
            answer = call(settings.function, event)
        except Exception:  # noqa: S112  whatever the function does, Firehose counts a failed try
            continue
        if len(answer) <= MAX_PAYLOAD:
            return read_answer(batch, answer, function=settings.function, attempts=attempt, ended=ended())
    moment = ended()
    return TransformOutcome(
        [],
        [
            FailedRecord(
                *(PROCESSING, "Lambda.FunctionError", FUNCTION_ERROR, record.data, record.origin, moment),
                attempts=settings.retries + 1,
                lambda_arn=settings.function,
            )
            for record in batch.records
        ],
        0,
        invoked=False,
    )


def read_answer(
    batch: TransformBatch, answer: bytes, *, function: str, attempts: int, ended: float
) -> TransformOutcome:
    """What a function's answer says of each record of a batch.

    An id that was not sent is ignored; a missing or repeated id, an unknown result and data that is not base64 fail
    that record alone.
    """
    results, repeated = _results(answer)
    good: list[Transformed] = []
    failed: list[FailedRecord] = []
    dropped = 0
    for record in batch.records:
        record_id = record.origin.record_id
        verdict = _verdict(results.get(record_id), repeated=record_id in repeated)
        if isinstance(verdict, tuple):
            if verdict[0] == "Dropped":
                dropped += 1
            else:
                code, message = verdict
                failed.append(
                    FailedRecord(
                        *(PROCESSING, code, message, record.data, record.origin, ended),
                        attempts=attempts,
                        lambda_arn=function,
                    )
                )
        else:
            good.append(Transformed(verdict.data, record, verdict.partition_keys))
    return TransformOutcome(good, failed, dropped)


@dataclass(frozen=True)
class _Good:
    data: bytes
    partition_keys: tuple[tuple[str, str], ...]


def _verdict(result: Any, *, repeated: bool) -> _Good | tuple[str, str]:
    if repeated:
        return "Lambda.DuplicatedRecordId", DUPLICATED
    if result is None:
        return "Lambda.MissingRecordId", MISSING
    status = result.get("result")
    if status == "Dropped":
        return "Dropped", ""
    if status == "ProcessingFailed":
        return "Lambda.ProcessingFailedStatus", FAILED_STATUS
    if status != "Ok":
        return "Lambda.InvalidReturnFormat", "The result field must be one of Ok, Dropped or ProcessingFailed."
    data = result.get("data")
    if not isinstance(data, str):
        return "Lambda.InvalidReturnFormat", NO_DATA
    try:
        decoded = pybase64.b64decode(data, validate=True)
    except ValueError:
        return "Lambda.InvalidReturnFormat", "The data field must be base64 encoded."
    metadata = result.get("metadata")
    keys = metadata.get("partitionKeys") if isinstance(metadata, dict) else None
    pairs = keys.items() if isinstance(keys, dict) else ()
    return _Good(decoded, tuple((str(name), "" if value is None else str(value)) for name, value in pairs))


def _results(answer: bytes) -> tuple[dict[str, Any], set[str]]:
    """The answers by record id, and the ids that come more than once; nothing when the answer has no records."""
    try:
        document = msgspec.json.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        return {}, set()
    listed = document.get("records") if isinstance(document, dict) else None
    results: dict[str, Any] = {}
    repeated: set[str] = set()
    for item in listed if isinstance(listed, list) else []:
        record_id = item.get("recordId") if isinstance(item, dict) else None
        if not isinstance(record_id, str):
            continue
        if record_id in results:
            repeated.add(record_id)
        results[record_id] = item
    return results, repeated


def _event_record(record: SourceRecord) -> dict[str, Any]:
    origin = record.origin
    found: dict[str, Any] = {
        "recordId": origin.record_id,
        "approximateArrivalTimestamp": origin.arrival_millis,
        "data": pybase64.b64encode(record.data).decode(),
    }
    if origin.kinesis is not None:
        found["kinesisRecordMetadata"] = {
            "shardId": origin.kinesis.shard_id,
            "partitionKey": origin.kinesis.partition_key,
            "approximateArrivalTimestamp": origin.arrival_millis,
            "sequenceNumber": origin.kinesis.sequence_number,
            "subsequenceNumber": origin.kinesis.sub_sequence_number,
        }
    return found
