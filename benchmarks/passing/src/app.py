"""Hands what a batch holds to Firehose as it came: what the runtime costs without what a function does."""

import base64
import os
from typing import Any

from botocore.session import Session

from glue.kpl.aggregation import decode

firehose = Session().create_client("firehose")
DELIVERY_STREAM = os.environ["DELIVERY_STREAM"]
_RECORD_BYTES = 900_000


def handler(event: dict[str, Any], context: Any) -> None:
    """Lines, in records of nearly 1 MB. When one is not taken the batch fails, and is read again."""
    lines: list[bytes] = []
    for record in event["Records"]:
        data = base64.b64decode(record["kinesis"]["data"])
        opened = decode(data)
        lines += [one.data for one in opened] if isinstance(opened, list) else [data]
    records: list[dict[str, bytes]] = []
    held: list[bytes] = []
    size = 0
    for line in lines:
        if held and size + len(line) > _RECORD_BYTES:
            records.append({"Data": b"\n".join(held) + b"\n"})
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    records.append({"Data": b"\n".join(held) + b"\n"})
    for at in range(0, len(records), 4):
        answer = firehose.put_record_batch(DeliveryStreamName=DELIVERY_STREAM, Records=records[at : at + 4])
        if answer["FailedPutCount"]:
            raise RuntimeError(f"{answer['FailedPutCount']} records were not taken")
