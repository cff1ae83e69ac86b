"""Kinesis as delivery sees a stream: PutRecords.

Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from glue.aws.bodies import OwnBody
from producers.aws.bodies import body_of
from producers.aws.putting import Putting
from producers.ports import OutRecord, PutResult, ShardRange

_SHARD = re.compile(r"shardId-[0-9]{12}")


class KinesisStream:
    """A Kinesis stream; safe to use from several threads.

    Args:
        name: the stream's name.
        in_flight: calls at the same time, for the size of the connection pool.
    """

    def __init__(self, name: str, *, in_flight: int = 4) -> None:
        self.name = name
        self._putting = Putting(
            "kinesis",
            stream=name,
            right="kinesis:PutRecords",
            in_flight=in_flight,
        )
        self._client: Any = self._putting.client
        self._put_records = OwnBody(self._client, "put_records")
        self.region = self._putting.region

    def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        """One PutRecords call; results by position. Errors as in :class:`producers.ports.Stream`."""
        answer = self._putting.call(
            self._put_records, body=body_of(self.name, records), StreamName=self.name, Records=[]
        )
        return [
            PutResult(item.get("SequenceNumber"), item.get("ShardId") or _shard_in(item), item.get("ErrorCode"))
            for item in answer.get("Records", ())
        ]

    def shards(self) -> list[ShardRange]:
        """The open shards; empty when they cannot be listed, which pacing can do without."""
        ranges: list[ShardRange] = []
        # A page after the first is asked for by its token alone, which boto3's paginator does not do.
        # Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html (NextToken)
        request: dict[str, object] = {"StreamName": self.name, "ShardFilter": {"Type": "AT_LATEST"}}
        try:
            while request:
                page = self._client.list_shards(**request)
                for shard in page["Shards"]:
                    hashes = shard["HashKeyRange"]
                    ranges.append(
                        ShardRange(shard["ShardId"], int(hashes["StartingHashKey"]), int(hashes["EndingHashKey"]))
                    )
                request = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
        except (ClientError, BotoCoreError):
            return []
        return ranges


def _shard_in(item: Mapping[str, Any]) -> str | None:
    """The shard that a throttled record's message names.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsResultEntry.html (ErrorMessage)
    """
    found = _SHARD.search(item.get("ErrorMessage") or "")
    return found[0] if found else None
