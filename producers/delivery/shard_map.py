"""Which shard a partition key leads to: told by ListShards, or learned from where records went."""

from bisect import bisect_right, insort
from collections.abc import Iterable
from hashlib import md5

from producers.ports import ShardRange


def hash_key(partition_key: str) -> int:
    """The 128-bit number that Kinesis routes a partition key by.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html (MD5, read 2026-11-20)

    >>> hash_key("a") >> 112
    3265
    """
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


class ShardMap:
    """Hash keys to shards. A shard's range is what is known of it: all of it, or what lies between records seen there.

    >>> known = ShardMap([ShardRange("s0", 0, 99), ShardRange("s1", 100, 199)])
    >>> known.shard_of(100), known.shard_of(500)
    ('s1', None)
    """

    def __init__(self, ranges: Iterable[ShardRange] = ()) -> None:
        self._ranges: list[tuple[int, int, str]] = []
        self._starts: list[int] = []
        self.tell(ranges)

    def tell(self, ranges: Iterable[ShardRange]) -> None:
        """Takes the ranges of the open shards instead of all that was known."""
        self._ranges = sorted((one.start, one.end, one.shard_id) for one in ranges)
        self._starts = [one[0] for one in self._ranges]

    def shard_of(self, key: int) -> str | None:
        """The shard that a hash key leads to, None when that is not known."""
        place = bisect_right(self._starts, key) - 1
        if place < 0:
            return None
        _, end, shard_id = self._ranges[place]
        return shard_id if key <= end else None

    def saw(self, key: int, shard_id: str) -> bool:
        """Takes note that a record went there. True: this contradicts what was known, so shards have changed."""
        known = self.shard_of(key)
        if known == shard_id:
            return False
        if known is not None:
            # The shard was split or merged; what is left of its range is not known any more.
            self._ranges = [one for one in self._ranges if one[2] != known]
        mine = [one for one in self._ranges if one[2] == shard_id]
        start = min([key, *(one[0] for one in mine)])
        end = max([key, *(one[1] for one in mine)])
        # What is in between belongs to it too, since ranges are contiguous.
        self._ranges = [one for one in self._ranges if one[2] != shard_id and (one[1] < start or one[0] > end)]
        insort(self._ranges, (start, end, shard_id))
        self._starts = [one[0] for one in self._ranges]
        return known is not None
