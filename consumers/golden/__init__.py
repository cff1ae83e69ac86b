"""The golden batch: events whose verdicts are compared before a new version gets any traffic.

Made up, so that nobody's content is in it, and in the bundle, so that it is the one that the build was tested with:
``make golden`` writes it anew.
"""

import lzma
from base64 import b64encode
from pkgutil import get_data
from typing import Any, Final

import msgspec

FILE: Final = "batch.msgpack.xz"
ARRIVED_AT: Final = 1_767_225_600.0
"""When every one of them arrived: 2026-01-01."""
BATCH_SIZE: Final = 500
SHARD: Final = "shardId-golden"


def golden_records() -> list[dict[str, Any]]:
    """The records of the batch as Lambda sends those of a stream; each is known by its sequence number."""
    data = get_data(__name__, FILE)
    assert data is not None  # noqa: S101 - it is in the bundle
    payloads = msgspec.msgpack.decode(lzma.decompress(data), type=list[bytes])
    return [_record(number, b64encode(payload).decode()) for number, payload in enumerate(payloads, 1)]


def pack(payloads: list[bytes]) -> bytes:
    """The file of these payloads; the same bytes every time."""
    return lzma.compress(msgspec.msgpack.encode(payloads), preset=9 | lzma.PRESET_EXTREME)


def _record(number: int, data: str) -> dict[str, Any]:
    return {
        "eventSource": "aws:kinesis",
        "eventID": f"{SHARD}:{number}",
        "kinesis": {
            "sequenceNumber": str(number),
            "partitionKey": "golden",
            "approximateArrivalTimestamp": ARRIVED_AT,
            "data": data,
        },
    }
