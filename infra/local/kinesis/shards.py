"""One shard of a stream: its records, its place in the lineage, its limits, and the arithmetic of hash keys.

Everything here is a pure function of its arguments; the time is an argument (epoch seconds).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.local.kinesis.history import History
from infra.local.kinesis.records import Record
from infra.local.kinesis.segments import Segments

HASH_SPACE = 2**128
MIB = 1024 * 1024
GET_RECORDS_LIMIT = 10_000
GET_BYTES_LIMIT = 10 * MIB


@dataclass(frozen=True, kw_only=True)
class ShardLimits:
    """What one shard takes and gives per second, and how many calls of GetRecords it answers.

    Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html (read 2026-11-20).
    """

    write_bytes: int = MIB
    write_records: int = 1_000
    read_bytes: int = 2 * MIB
    read_calls: int = 5


UNLIMITED = ShardLimits(write_bytes=2**50, write_records=2**40, read_bytes=2**50, read_calls=2**40)


@dataclass
class TokenBucket:
    """Lets through ``rate`` units a second with one second's worth in hand.

    A unit larger than the bucket passes when the bucket is full and is paid back afterwards: that is how a 10 MiB
    record fits through a shard of 1 MiB/s.

    >>> bucket = TokenBucket(rate=10.0)
    >>> [bucket.take(4.0, now=0.0) for _ in range(3)]
    [True, True, False]
    >>> bucket.take(4.0, now=0.2)
    True
    """

    rate: float
    level: float = 0.0
    at: float = float("-inf")

    def available(self, now: float) -> float:
        """Refills up to ``now`` and gives what is in the bucket (negative: a debt)."""
        if now > self.at:
            self.level = min(self.rate, self.level + (now - self.at) * self.rate)
            self.at = now
        return self.level

    def fits(self, amount: float, *, now: float) -> bool:
        """Whether ``amount`` could be taken now."""
        # Refilling adds rounding errors; a millionth of a unit must not turn into a throttled record.
        return self.available(now) + 1e-6 >= min(amount, self.rate)

    def take(self, amount: float, *, now: float) -> bool:
        """Takes ``amount`` if it fits now."""
        if not self.fits(amount, now=now):
            return False
        self.level -= amount
        return True

    def spend(self, amount: float, *, now: float) -> None:
        """Takes ``amount`` whether it fits or not; more than a second's worth is paid for from now on."""
        self.level = min(self.available(now), self.rate if amount <= self.rate else 0.0) - amount


def hash_key(partition_key: str) -> int:
    """The 128-bit hash key of a partition key: its MD5 as an unsigned integer.

    >>> hash_key("author-1") == int(hashlib.md5(b"author-1").hexdigest(), 16)
    True

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html
    """
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def even_ranges(count: int) -> list[tuple[int, int]]:
    """``count`` adjoining inclusive hash key ranges that cover all 128 bits.

    >>> even_ranges(2)[0] == (0, 2**127 - 1)
    True
    """
    bounds = [HASH_SPACE * i // count for i in range(count + 1)]
    return [(bounds[i], bounds[i + 1] - 1) for i in range(count)]


def shard_name(index: int) -> str:
    """The shard's id as AWS writes it.

    >>> shard_name(3)
    'shardId-000000000003'
    """
    return f"shardId-{index:012d}"


def first_sequence(*, index: int, born: int) -> int:
    """The lowest sequence number of a shard: 186 bits, so 56 digits, ordered by the second the shard was born.

    Layout, from the top: 2 (version) · birth in seconds (36 bits) · running number (64 bits) · arrival in seconds
    (36 bits) · shard index (44 bits) · 2.

    >>> len(str(first_sequence(index=0, born=1_700_000_000)))
    56
    """
    return (2 << 184) | (born << 148) | ((index & 0xFFF_FFFF_FFFF) << 4) | 2


@dataclass(kw_only=True)
class Shard:
    """A shard: an inclusive range of hash keys, its parents, and its records in the order they arrived."""

    index: int
    start_hash: int
    end_hash: int
    born: int
    opened_at: float
    limits: ShardLimits
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    closed_at: float | None = None
    count: int = 0
    segments: Segments = field(default_factory=Segments, repr=False)

    def __post_init__(self) -> None:
        self._history = History(self.segments)
        self.shard_id = shard_name(self.index)
        self.starting = first_sequence(index=self.index, born=self.born)
        self.last = self.starting
        self.write_bytes = TokenBucket(rate=float(self.limits.write_bytes))
        self.write_records = TokenBucket(rate=float(self.limits.write_records))
        self.read_bytes = TokenBucket(rate=float(self.limits.read_bytes))
        self.read_calls = TokenBucket(rate=float(self.limits.read_calls))

    @property
    def is_open(self) -> bool:
        """Whether records still arrive here."""
        return self.closed_at is None

    def admit(self, size: int, now: float) -> bool:
        """Takes ``size`` bytes and one record out of the write budget; false when the shard throttles."""
        if not self.write_records.fits(1.0, now=now) or not self.write_bytes.take(float(size), now=now):
            return False
        self.write_records.level -= 1.0
        return True

    def append(self, *, partition_key: str, data: bytes, now: float) -> Record:
        """Stores a record and gives it with its number and arrival time. Constant time."""
        self.count += 1
        # Arrival never runs backwards inside a shard, whatever the machine's clock does.
        newest = self._history.newest
        arrived = now if newest is None else max(now, newest.arrived)
        seconds = int(arrived) & 0xF_FFFF_FFFF
        sequence = self.starting + (self.count << 84) + (seconds << 48)
        record = Record(sequence, arrived, partition_key, data)
        self._history.append(record)
        self.last = sequence
        return record

    def restore(self, record: Record) -> None:
        """Takes back a record written earlier, with the number it was given then."""
        self.count = (record.sequence - self.starting) >> 84
        self._history.append(record)
        self.last = record.sequence

    def trim(self, horizon: float) -> None:
        """Forgets the records that arrived before ``horizon``."""
        self._history.trim(horizon)

    def before(self, moment: float) -> int:
        """The position just before the first record that arrived at ``moment`` or later."""
        found = self._history.arrived_since(moment)
        return self.last if found is None else found.sequence - 1

    def read(self, after: int, *, limit: int, max_bytes: int, horizon: float) -> Sequence[Record]:
        """Up to ``limit`` records after position ``after``, at least one if there is one, within ``max_bytes``."""
        found: list[Record] = []
        total = 0
        for run in self._history.after(after, since=horizon):
            for record in run[: limit - len(found)]:
                total += record.size
                if total > max_bytes and found:
                    return found
                found.append(record)
            if len(found) >= limit:
                break
        return found

    def behind(self, after: int, *, now: float, horizon: float) -> int:
        """Milliseconds between ``now`` and the arrival of the first record after ``after``; 0 at the tip."""
        arrived = self._history.arrival_after(after, since=horizon)
        return 0 if arrived is None else max(0, int((now - arrived) * 1000))

    def exhausted(self, after: int, horizon: float) -> bool:
        """Whether the shard is closed and nothing comes after ``after``."""
        return not self.is_open and not self._history.has_after(after, since=horizon)
