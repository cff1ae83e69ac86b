"""What a read of a shard holds, as GetRecords and SubscribeToShard both show it."""

from __future__ import annotations

from pybase64 import b64encode

from infra.local.kinesis.control import shard_document
from infra.local.kinesis.streams import ShardRead, Stream


def records_document(stream: Stream, read: ShardRead) -> list[dict[str, object]]:
    """The records of a read."""
    encryption = {"EncryptionType": "KMS"} if stream.key_id else {}
    return [
        {
            "SequenceNumber": str(record.sequence),
            "ApproximateArrivalTimestamp": round(record.arrived, 3),
            "Data": b64encode(record.data).decode("ascii"),
            "PartitionKey": record.partition_key,
            **encryption,
        }
        for record in read.records
    ]


def children_document(stream: Stream, read: ShardRead) -> list[dict[str, object]]:
    """The shards that go on where a read came to the end of its own, as far as they are still there."""
    return [
        {
            "ShardId": child.shard_id,
            "ParentShards": list(child.parents),
            "HashKeyRange": shard_document(child)["HashKeyRange"],
        }
        for child in (stream.shards[name] for name in read.children if name in stream.shards)
    ]
