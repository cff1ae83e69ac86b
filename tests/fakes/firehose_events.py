"""Firehose's transform events for tests, in the shape that AWS sends."""

import base64

from tests.fakes.kinesis_events import NOW

STREAM = "streamkeeper-deferred"
FIRST = 49546986683135544286507457936321625675700192471156785154000000


def record_id(number: int) -> str:
    """The id of the record at a place in :func:`transform_event`."""
    return str(FIRST + number)


def transform_event(payloads: list[bytes]) -> dict[str, object]:
    """A batch with one record a payload."""
    return {
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "deliveryStreamArn": f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{STREAM}",
        "region": "us-east-1",
        "records": [
            {
                "recordId": record_id(number),
                "approximateArrivalTimestamp": int(NOW.timestamp() * 1000) + number,
                "data": base64.b64encode(data).decode(),
            }
            for number, data in enumerate(payloads)
        ],
    }
