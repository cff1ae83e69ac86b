"""The body of PutRecords, written here and sent by botocore: its own way takes longer than all the rest of a put."""

import threading
from collections.abc import Sequence
from typing import Any

import msgspec
import pybase64

from producers.ports import OutRecord


class RecordBodies:
    """PutRecords of a client with bodies made by :func:`body_of`; safe to use from several threads.

    botocore puts base64 into Python strings and has ``json`` look for characters to escape in each of them, which is
    half of a producer's CPU. Its documented event ``before-call`` hands over the request before it is signed; endpoint,
    signature, connection and answer stay botocore's.

    Args:
        client: a boto3 client of Kinesis, with parameter validation off: it gets no records to validate.
        stream: the stream's name.

    Source: https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """

    def __init__(self, client: Any, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._call = threading.local()
        client.meta.events.register("before-call.kinesis.PutRecords", self._put_in)

    def put_records(self, *, records: Sequence[OutRecord]) -> Any:
        """botocore's answer to one PutRecords call, and its exceptions."""
        self._call.body = body_of(self._stream, records)
        try:
            return self._client.put_records(StreamName=self._stream, Records=[])
        finally:
            self._call.body = None

    def _put_in(self, params: dict[str, Any], **_: object) -> None:
        body = getattr(self._call, "body", None)
        if body is not None:
            params["body"] = body


def body_of(stream: str, records: Sequence[OutRecord]) -> bytes:
    """One PutRecords request as JSON.

    >>> body_of("content", [OutRecord("id", "key", b"data")])
    b'{"StreamName":"content","Records":[{"Data":"ZGF0YQ==","PartitionKey":"key"}]}'

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
    """
    text = msgspec.json.encode
    encode = pybase64.b64encode
    parts = [b'{"StreamName":', text(stream), b',"Records":[']
    for record in records:
        parts += (b'{"Data":"', encode(record.data), b'","PartitionKey":', text(record.partition_key), b"},")
    # The comma after the last one.
    parts[-1] = b"}"
    parts.append(b"]}")
    return b"".join(parts)
