"""The JSON documents that Firehose writes under a stream's error output prefix, one a line.

Each kind has its own fields, in AWS's order.

Sources, read 2026-11-20:
    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html and
    https://github.com/floci-io/floci/pull/3393 (an object captured on AWS: order of the fields, ``lambdaARN``)
    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
    https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-error-handling.html
"""

from collections.abc import Iterable

import msgspec
import pybase64

from infra.local.firehose.config import SchemaSource
from infra.local.firehose.records import FailedRecord

PROCESSING = "processing-failed"
CONVERSION = "format-conversion-failed"
PARTITIONING = "metadata-extraction-failed"
PARTITION_LIMIT = "partition-limit-exceeded"

_encoder = msgspec.json.Encoder()


def error_lines(failures: Iterable[FailedRecord], schema: SchemaSource | None) -> bytes:
    """The body of one error object.

    Args:
        failures: records of one ``error-output-type``.
        schema: the Glue table of the stream's format conversion, named in a conversion's documents.
    """
    return _encoder.encode_lines([_document(failure, schema) for failure in failures])


def _document(failure: FailedRecord, schema: SchemaSource | None) -> dict[str, object]:
    ended = round(failure.ended * 1000)
    raw = pybase64.b64encode(failure.data).decode()
    arrival = failure.origin.arrival_millis
    if failure.output_type == PROCESSING:
        return {
            "rawData": raw,
            "errorCode": failure.code,
            "errorMessage": failure.message,
            "attemptsMade": failure.attempts,
            "arrivalTimestamp": arrival,
            "attemptEndingTimestamp": ended,
            "lambdaARN": failure.lambda_arn,
        }
    if failure.output_type == CONVERSION and schema is not None:
        kinesis = failure.origin.kinesis
        return {
            "attemptsMade": failure.attempts,
            "arrivalTimestamp": arrival,
            "lastErrorCode": failure.code,
            "lastErrorMessage": failure.message,
            "attemptEndingTimestamp": ended,
            "rawData": raw,
            "sequenceNumber": kinesis.sequence_number if kinesis else failure.origin.record_id,
            "subSequenceNumber": kinesis.sub_sequence_number if kinesis else None,
            "dataCatalogTable": {
                "catalogId": schema.catalog_id,
                "databaseName": schema.database,
                "tableName": schema.table,
                "region": schema.region,
                "versionId": schema.version,
                "roleArn": schema.role,
            },
        }
    return {
        "attemptsMade": failure.attempts,
        "arrivalTimestamp": arrival,
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptEndingTimestamp": ended,
        "rawData": raw,
    }
