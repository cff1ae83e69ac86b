"""Firehose as delivery sees a stream: PutRecordBatch, for the deferred lane.

Source: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
"""

from collections.abc import Sequence
from typing import Any

from producers.aws.putting import Putting
from producers.ports import OutRecord, PutResult


class FirehoseStream:
    """A Firehose stream that is put into directly; safe to use from several threads.

    Each record is one event and ends in a line feed, so that what Firehose keeps of it is lines. Partition keys stay
    behind: nothing here keeps an order.

    Args:
        name: the delivery stream's name.
        in_flight: calls at the same time, for the size of the connection pool.
    """

    def __init__(self, name: str, *, in_flight: int = 4) -> None:
        self.name = name
        self._putting = Putting(
            "firehose",
            stream=name,
            right="firehose:PutRecordBatch",
            in_flight=in_flight,
        )
        self._client: Any = self._putting.client
        self.region = self._putting.region

    def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        """One PutRecordBatch call; results by position, a record's own id counting as its place.

        Errors as in :class:`producers.ports.Stream`.
        """
        answer = self._putting.call(
            self._client.put_record_batch,
            DeliveryStreamName=self.name,
            Records=[{"Data": record.data + b"\n"} for record in records],
        )
        return [
            PutResult(item.get("RecordId"), f"firehose/{self.name}", item.get("ErrorCode"))
            for item in answer.get("RequestResponses", ())
        ]
