"""What Kinesis and Firehose take in one call and one record, and what we allow an event to be. Each number once.

Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html (botocore 1.44, read 2026-11-20)
"""

from glue.units import KIB, MIB

MAX_CALL_RECORDS = 500
"""Records in one PutRecords call."""

MAX_CALL_BYTES = 5 * MIB
"""Data and partition keys in one call. AWS takes 10 MiB since late 2025 and took 5 before; half costs nothing."""

MAX_RECORD_BYTES = MIB
"""Data and partition key of one record on a stream with default settings."""

MAX_PARTITION_KEY_CHARACTERS = 256

MAX_EVENT_BYTES = 256 * KIB
"""One event as JSON. Ours, not AWS's: Lambda's 6 MB batch carries records in base64, and so do error documents."""

SHARD_RECORDS_PER_SECOND = 1_000
SHARD_BYTES_PER_SECOND = MIB
"""What one shard takes before it throttles."""

FIREHOSE_CALL_RECORDS = 500
FIREHOSE_CALL_BYTES = 3_500_000 - FIREHOSE_CALL_RECORDS
"""In one PutRecordBatch call, without the line feeds. AWS allows 4 MiB; above 3.5 MB some calls failed unsaid."""

FIREHOSE_RECORD_BYTES = 1000 * KIB - 1
"""One Firehose record, without its line feed."""
