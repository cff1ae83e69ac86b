"""Kinesis as a reader sees it: ListShards, GetShardIterator, GetRecords."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from glue.aws.clients import make_client
from glue.aws.errors import code_of
from glue.aws.reaching import reaching
from glue.ports import Clock
from producers.replay.records import Page, Shard, StreamRecord

_THROTTLED = "ProvisionedThroughputExceededException"
_ATTEMPTS = 20


class ExpiredError(Exception):
    """The stream no longer keeps what was asked for."""


class KinesisReader:
    """A stream to read from, beside its consumers; it takes part of the five reads a second that a shard allows.

    Args:
        name: the stream's name.
        clock: for waits when reads are throttled.
    """

    def __init__(self, name: str, *, clock: Clock, client: Any = None) -> None:
        self.name = name
        self._clock = clock
        self._client = client or make_client("kinesis")

    def open_shards(self) -> int:
        """How many shards take records now."""
        with reaching(f"stream {self.name}"):
            answer = self._client.describe_stream_summary(StreamName=self.name)
        return int(answer["StreamDescriptionSummary"]["OpenShardCount"])

    def retention_seconds(self) -> float:
        """How long the stream keeps a record."""
        with reaching(f"stream {self.name}"):
            answer = self._client.describe_stream_summary(StreamName=self.name)
        return float(answer["StreamDescriptionSummary"]["RetentionPeriodHours"]) * 3600

    def shards(self) -> Sequence[Shard]:
        """All shards that the stream still keeps."""
        found: list[Shard] = []
        request: dict[str, Any] = {"StreamName": self.name}
        with reaching(f"stream {self.name}"):
            while True:
                answer = self._client.list_shards(**request)
                for shard in answer["Shards"]:
                    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                    found.append(Shard(shard["ShardId"], tuple(parent for parent in parents if parent)))
                if not answer.get("NextToken"):
                    return found
                request = {"NextToken": answer["NextToken"]}

    def start(
        self, shard_id: str, *, at: float | None = None, after: str | None = None, sequence: str | None = None
    ) -> str:
        """Where to read from: a time, behind a sequence number, or at one.

        Raises:
            ExpiredError: the record at ``sequence`` is no longer kept, or its shard is not.
        """
        request: dict[str, Any] = {"StreamName": self.name, "ShardId": shard_id}
        if sequence is not None:
            request |= {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence}
        elif after is not None:
            request |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        else:
            request |= {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": at or 0.0}
        with reaching(f"shard {shard_id} of stream {self.name}"):
            try:
                return str(self._client.get_shard_iterator(**request)["ShardIterator"])
            except ClientError as error:
                gone = {"ResourceNotFoundException", "InvalidArgumentException"}
                if sequence is not None and code_of(error) in gone:
                    raise ExpiredError(shard_id) from None
                raise

    def get(self, iterator: str) -> Page:
        """The next records; waits when reads are throttled."""
        with reaching(f"stream {self.name}"):
            for attempt in range(_ATTEMPTS):
                try:
                    answer = self._client.get_records(ShardIterator=iterator, Limit=10_000)
                    break
                except ClientError as error:
                    if code_of(error) != _THROTTLED or attempt == _ATTEMPTS - 1:
                        raise
                    self._clock.sleep(min(5.0, 0.2 * 2**attempt) * (0.5 + self._clock.random() / 2))
        records = [
            StreamRecord(
                record["SequenceNumber"],
                record["ApproximateArrivalTimestamp"].timestamp(),
                record["PartitionKey"],
                record["Data"],
            )
            for record in answer["Records"]
        ]
        return Page(records, answer.get("NextShardIterator"), answer.get("MillisBehindLatest", 0) == 0)
