"""The least a consumer can do with a batch: base64 and a typed decode of every event."""

from typing import Any

import msgspec
import pybase64

from glue.contract import WireEvent
from glue.kpl import aggregation

_decode = msgspec.json.Decoder(WireEvent).decode


def floor(event: dict[str, Any]) -> int:
    """How many events there were."""
    count = 0
    for record in event["Records"]:
        payload = pybase64.b64decode(record["kinesis"]["data"], None, True)
        users = aggregation.decode(payload)
        if isinstance(users, list):
            for user in users:
                _decode(user.data)
            count += len(users)
        else:
            _decode(payload)
            count += 1
    return count
