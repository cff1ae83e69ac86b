"""The archiver: what a Kinesis batch holds, as objects for the archive. It carries records and judges none.

It reads batches by itself and shares no step with moderation, so that the audit finds what moderation loses.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from consumers.ports import TransientError
from glue.archive import Entry, PackedObject, opened, pack

Put = Callable[[PackedObject], None]
"""Makes an object durable.

Raises:
    TransientError: it may not be, and may be the next time.
    consumers.ports.DefectError: no retry mends it.
"""


class UnreadableBatchError(ValueError):
    """What came in is not as Lambda sends it. The message holds nothing of it."""


def read_entries(event: Any) -> list[Entry]:
    """Every record of a batch, in the stream's order; aggregates are opened.

    Raises:
        UnreadableBatchError: it is no event of a Kinesis event source mapping.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
    """
    entries: list[Entry] = []
    number = 0
    try:
        for one in event["Records"]:
            entries += _entries(one)
            number += 1
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError, OSError, ValueError) as error:
        # Only the kind of error: its text can hold a piece of a record.
        raise UnreadableBatchError(
            f"record {number} is not as Lambda sends it ({type(error).__name__}); "
            "allowed: an event of a Kinesis event source mapping"
        ) from None
    return entries


def _entries(record: Any) -> list[Entry]:
    kinesis = record["kinesis"]
    shard_id, _, sequence_number = record["eventID"].partition(":")
    if sequence_number != kinesis["sequenceNumber"]:
        raise ValueError("two places")
    arrived_at = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
    return opened(base64.b64decode(kinesis["data"], validate=True), shard_id, sequence_number, arrived_at)


def archive(event: Any, put: Put) -> dict[str, Sequence[dict[str, str]]]:
    """Lambda's answer to one batch: nothing failed, or all of it from its first record on.

    Args:
        event: the batch.
        put: makes one object durable; the same key always comes with the same records.

    Raises:
        UnreadableBatchError: it is no batch.
        consumers.ports.DefectError: from ``put``.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    entries = read_entries(event)
    try:
        objects = pack(entries)
    except ValueError as error:
        raise UnreadableBatchError(str(error)) from None
    try:
        for one in objects:
            put(one)
    except TransientError:
        # From the first record on: the same batch comes again, and gives the same objects.
        return {"batchItemFailures": [{"itemIdentifier": entries[0].sequence_number}]}
    return {"batchItemFailures": []}
