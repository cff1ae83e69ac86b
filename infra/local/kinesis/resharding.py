"""Splitting, merging and rescaling the shards of a stream. Parents close, children open; no record moves."""

from __future__ import annotations

from infra.local.errors import ApiError
from infra.local.kinesis.shards import Shard, even_ranges
from infra.local.kinesis.streams import Stream


def split(stream: Stream, shard: Shard, new_start: int, *, now: float) -> tuple[Shard, Shard]:
    """Closes a shard and opens two children, the second starting at hash key ``new_start``.

    Raises:
        ApiError: ResourceInUseException for a closed shard, InvalidArgumentException for a key outside the shard.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html
    """
    _require_open(stream, shard)
    if not shard.start_hash < new_start <= shard.end_hash:
        raise ApiError(
            "InvalidArgumentException",
            f"NewStartingHashKey {new_start} used in SplitShard() on shard {shard.shard_id} in stream {stream.name} "
            f"must be greater than the shard's StartingHashKey {shard.start_hash} and not greater than its "
            f"EndingHashKey {shard.end_hash}.",
        )
    stream.close_shard(shard, now)
    left = stream.open_shard((shard.start_hash, new_start - 1), now=now, parents=(shard,))
    right = stream.open_shard((new_start, shard.end_hash), now=now, parents=(shard,))
    return left, right


def merge(stream: Stream, shard: Shard, adjacent: Shard, *, now: float) -> Shard:
    """Closes two shards whose ranges adjoin and opens one child over both.

    Raises:
        ApiError: ResourceInUseException for a closed shard, InvalidArgumentException when they do not adjoin.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html
    """
    _require_open(stream, shard)
    _require_open(stream, adjacent)
    low, high = sorted((shard, adjacent), key=lambda s: s.start_hash)
    if low.end_hash + 1 != high.start_hash:
        raise ApiError(
            "InvalidArgumentException",
            f"Shards {shard.shard_id} and {adjacent.shard_id} in stream {stream.name} are not an adjacent pair of "
            "shards eligible for merging",
        )
    stream.close_shard(shard, now)
    stream.close_shard(adjacent, now)
    return stream.open_shard((low.start_hash, high.end_hash), now=now, parents=(shard, adjacent))


def rescale(stream: Stream, target: int, *, now: float) -> None:
    """Brings the stream to ``target`` shards of even ranges by splits and merges, as uniform scaling does.

    Raises:
        ApiError: InvalidArgumentException beyond twice or below half of the open shards.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
    """
    count = len(stream.open_shards)
    if target > 2 * count:
        raise ApiError(
            "InvalidArgumentException",
            f"UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: "
            f"{count} Target shard count: {target}",
        )
    if 2 * target < count:
        raise ApiError(
            "InvalidArgumentException",
            f"UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: "
            f"{count} Target shard count: {target}",
        )
    ranges = even_ranges(target)
    for start, _ in ranges:
        piece = stream.route(start)
        if piece.start_hash != start:
            split(stream, piece, start, now=now)
    for start, end in ranges:
        piece = stream.route(start)
        while piece.end_hash != end:
            piece = merge(stream, piece, stream.route(piece.end_hash + 1), now=now)


def _require_open(stream: Stream, shard: Shard) -> None:
    if not shard.is_open:
        raise ApiError(
            "ResourceInUseException",
            f"Shard {shard.shard_id} in stream {stream.name} is closed; only an open shard can be split or merged.",
        )
