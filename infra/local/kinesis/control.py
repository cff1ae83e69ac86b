"""The Kinesis actions that make, change, describe and list streams and their shards."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.errors import ApiError
from infra.local.kinesis import resharding
from infra.local.kinesis.settings import MODES, NAME, KinesisSettings, find, require_active, settle
from infra.local.kinesis.shards import Shard
from infra.local.kinesis.streams import (
    ON_DEMAND_SHARDS,
    Stream,
    Streams,
)
from infra.local.parameters import Parameters

SHARD_QUOTA = 10_000
# Of an account, by default; they are told and not enforced.
# Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
ACCOUNT_SHARDS, ACCOUNT_SHARDS_ELSEWHERE, ON_DEMAND_STREAMS = 500, 200, 50
_LARGE_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
# A larger Limit or MaxResults is taken, and answered with this many.
STREAMS_PAGE, DESCRIBE_PAGE, SHARDS_PAGE = 100, 100, 1000
_FILTERS = ("AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP")


def shard_document(shard: Shard) -> dict[str, object]:
    """A shard as DescribeStream and ListShards show it."""
    numbers = {"StartingSequenceNumber": str(shard.starting)}
    if not shard.is_open:
        numbers["EndingSequenceNumber"] = str(shard.last)
    document: dict[str, object] = {
        "ShardId": shard.shard_id,
        "HashKeyRange": {"StartingHashKey": str(shard.start_hash), "EndingHashKey": str(shard.end_hash)},
        "SequenceNumberRange": numbers,
    }
    if shard.parents:
        document["ParentShardId"] = shard.parents[0]
    if len(shard.parents) > 1:
        document["AdjacentParentShardId"] = shard.parents[1]
    return document


class KinesisControl:
    """The control plane; ``actions()`` gives its handlers by name."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def actions(self) -> dict[str, Callable[[Parameters, float], dict[str, object]]]:
        """Every handler, taking the request's members and the time."""
        return {
            "CreateStream": self._create,
            "DeleteStream": self._delete,
            "DescribeStream": self._describe,
            "DescribeStreamSummary": self._summary,
            "DescribeLimits": self._limits,
            "ListStreams": self._list_streams,
            "ListShards": self._list_shards,
            "SplitShard": self._split,
            "MergeShards": self._merge,
            "UpdateShardCount": self._update_shard_count,
            **KinesisSettings(self.streams).actions(),
        }

    def _create(self, p: Parameters, now: float) -> dict[str, object]:
        name = p.required_text("StreamName", pattern=NAME, max_length=128)
        details = p.structure("StreamModeDetails")
        mode = details.required_text("StreamMode", one_of=MODES) if details else "PROVISIONED"
        count = p.integer("ShardCount", low=1, high=SHARD_QUOTA)
        if mode == "ON_DEMAND" and count is not None:
            raise ApiError("ValidationException", "ShardCount must not be given for a stream in ON_DEMAND mode.")
        if mode == "PROVISIONED" and count is None:
            raise ApiError("ValidationException", "ShardCount is required for a stream in PROVISIONED mode.")
        strategy = p.text("RecordDistributionStrategy", one_of=("AUTO", "USER_PARTITION_KEY"))
        if strategy == "AUTO":
            raise ApiError(
                "InvalidArgumentException",
                "RecordDistributionStrategy AUTO is not modelled by the laptop runtime; use USER_PARTITION_KEY.",
            )
        self.streams.create(
            name,
            shard_count=count or ON_DEMAND_SHARDS,
            now=now,
            mode=mode,
            max_record_kib=p.integer("MaxRecordSizeInKiB", low=1024, high=10_240) or 1024,
            tags=p.text_map("Tags"),
        )
        return {}

    def _delete(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        if stream.consumers and not p.body.get("EnforceConsumerDeletion"):
            raise ApiError(
                "ResourceInUseException",
                f"Stream {stream.name} has registered consumers; set EnforceConsumerDeletion to delete it with them.",
            )
        self.streams.delete(stream)
        return {}

    def _common(self, stream: Stream, now: float) -> dict[str, object]:
        document: dict[str, object] = {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "StreamStatus": stream.status(now),
            "StreamModeDetails": {"StreamMode": stream.mode},
            "RetentionPeriodHours": stream.retention_hours,
            "StreamCreationTimestamp": round(stream.created_at, 3),
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "EncryptionType": "KMS" if stream.key_id else "NONE",
        }
        if stream.key_id:
            document["KeyId"] = stream.key_id
        return document

    def _describe(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        limit = min(p.integer("Limit", low=1, high=10_000) or DESCRIBE_PAGE, DESCRIBE_PAGE)
        after = p.text("ExclusiveStartShardId", pattern=NAME, max_length=128) or ""
        with self.streams.lock:
            listed = [shard for shard in stream.visible_shards(now) if shard.shard_id > after]
            return {
                "StreamDescription": {
                    **self._common(stream, now),
                    "Shards": [shard_document(shard) for shard in listed[:limit]],
                    "HasMoreShards": len(listed) > limit,
                }
            }

    def _summary(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        return {
            "StreamDescriptionSummary": {
                **self._common(stream, now),
                "OpenShardCount": len(stream.open_shards),
                "ConsumerCount": len(stream.consumers),
                "MaxRecordSizeInKiB": stream.max_record_bytes // 1024,
            }
        }

    def _limits(self, p: Parameters, now: float) -> dict[str, object]:
        with self.streams.lock:
            streams = [self.streams.get(name) for name in self.streams.names()]
        large = self.streams.region in _LARGE_REGIONS
        return {
            "ShardLimit": ACCOUNT_SHARDS if large else ACCOUNT_SHARDS_ELSEWHERE,
            "OpenShardCount": sum(len(stream.open_shards) for stream in streams),
            "OnDemandStreamCount": sum(stream.mode == "ON_DEMAND" for stream in streams),
            "OnDemandStreamCountLimit": ON_DEMAND_STREAMS,
        }

    def _list_streams(self, p: Parameters, now: float) -> dict[str, object]:
        limit = min(p.integer("Limit", low=1, high=10_000) or STREAMS_PAGE, STREAMS_PAGE)
        after = p.text("NextToken") or p.text("ExclusiveStartStreamName", pattern=NAME) or ""
        with self.streams.lock:
            names = [name for name in self.streams.names() if name > after]
            page = [self.streams.get(name) for name in names[:limit]]
        answer: dict[str, object] = {
            "StreamNames": [stream.name for stream in page],
            "HasMoreStreams": len(names) > limit,
            "StreamSummaries": [
                {
                    "StreamName": stream.name,
                    "StreamARN": stream.arn,
                    "StreamStatus": stream.status(now),
                    "StreamModeDetails": {"StreamMode": stream.mode},
                    "StreamCreationTimestamp": round(stream.created_at, 3),
                }
                for stream in page
            ],
        }
        if len(names) > limit:
            answer["NextToken"] = page[-1].name
        return answer

    def _list_shards(self, p: Parameters, now: float) -> dict[str, object]:
        limit = min(p.integer("MaxResults", low=1, high=10_000) or SHARDS_PAGE, SHARDS_PAGE)
        token = p.text("NextToken")
        chosen = p.structure("ShardFilter")
        if token is not None:
            # The token carries what the first call named, since AWS refuses a name beside it.
            if p.body.get("StreamName") or p.body.get("StreamARN") or chosen or p.body.get("ExclusiveStartShardId"):
                raise ApiError("InvalidArgumentException", "NextToken and StreamName cannot be provided together.")
            arn, _, rest = token.partition("|")
            after, _, kind = rest.partition("|")
            stream = self.streams.by_arn(arn)
            filter_kind, filter_at = kind.partition("@")[0] or None, float(kind.partition("@")[2] or 0)
        else:
            stream = find(self.streams, p)
            after = p.text("ExclusiveStartShardId", pattern=NAME, max_length=128) or ""
            filter_kind, filter_at = None, 0.0
            if chosen is not None:
                filter_kind = chosen.required_text("Type", one_of=_FILTERS)
                filter_at = chosen.timestamp("Timestamp") or 0.0
                if filter_kind == "AFTER_SHARD_ID":
                    after = max(after, chosen.required_text("ShardId", pattern=NAME))
                if filter_kind.endswith("_TIMESTAMP") and chosen.timestamp("Timestamp") is None:
                    raise ApiError("InvalidArgumentException", f"ShardFilter type {filter_kind} needs a Timestamp.")
        with self.streams.lock:
            shards = [
                s
                for s in stream.visible_shards(now)
                if s.shard_id > after and _passes(stream, s, kind=filter_kind, moment=filter_at, now=now)
            ]
        answer: dict[str, object] = {"Shards": [shard_document(shard) for shard in shards[:limit]]}
        if len(shards) > limit:
            suffix = f"{filter_kind}@{filter_at}" if filter_kind else ""
            answer["NextToken"] = f"{stream.arn}|{shards[limit - 1].shard_id}|{suffix}"
        return answer

    def _split(self, p: Parameters, now: float) -> dict[str, object]:
        stream = self._changing(p, now)
        shard_id = p.required_text("ShardToSplit", pattern=NAME, max_length=128)
        start = int(p.required_text("NewStartingHashKey", pattern=r"0|([1-9]\d{0,38})"))
        with self.streams.lock:
            resharding.split(stream, self.streams.shard(stream, shard_id), start, now=now)
            settle(self.streams, stream, now)
        return {}

    def _merge(self, p: Parameters, now: float) -> dict[str, object]:
        stream = self._changing(p, now)
        first = p.required_text("ShardToMerge", pattern=NAME, max_length=128)
        second = p.required_text("AdjacentShardToMerge", pattern=NAME, max_length=128)
        with self.streams.lock:
            resharding.merge(stream, self.streams.shard(stream, first), self.streams.shard(stream, second), now=now)
            settle(self.streams, stream, now)
        return {}

    def _update_shard_count(self, p: Parameters, now: float) -> dict[str, object]:
        stream = self._changing(p, now)
        target = p.required_integer("TargetShardCount", low=1, high=SHARD_QUOTA)
        p.required_text("ScalingType", one_of=("UNIFORM_SCALING",))
        with self.streams.lock:
            current = len(stream.open_shards)
            resharding.rescale(stream, target, now=now)
            settle(self.streams, stream, now)
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "CurrentShardCount": current,
            "TargetShardCount": target,
        }

    def _changing(self, p: Parameters, now: float) -> Stream:
        stream = find(self.streams, p)
        require_active(stream, now)
        if stream.mode == "ON_DEMAND":
            raise ApiError(
                "ValidationException", f"Stream {stream.name} is in ON_DEMAND mode; its shards are not changed by hand."
            )
        return stream


def _passes(stream: Stream, shard: Shard, *, kind: str | None, moment: float, now: float) -> bool:
    """Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ShardFilter.html."""
    if kind in (None, "AFTER_SHARD_ID", "FROM_TRIM_HORIZON"):
        return True
    if kind == "AT_LATEST":
        return shard.is_open
    if kind == "AT_TRIM_HORIZON":
        moment = max(stream.horizon(now), stream.created_at)
    ends_after = shard.closed_at is None or shard.closed_at >= moment
    return ends_after and (kind == "FROM_TIMESTAMP" or shard.opened_at <= moment)
