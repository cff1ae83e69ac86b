"""Many events in one Kinesis record, and never an event in a shard that is not its own.

The key space is cut into buckets; each has one partition key. All events of a bucket travel under that key, alone or in
an aggregate, so the keys inside an aggregate are the key outside: wherever the stream routes the record, before, during
and after a split or a merge, it routes everything inside. Readers that drop what does not belong to their shard (KCL
2.x) have nothing to drop. See docs/decisions/0008.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import md5

from glue.kpl.aggregation import MAGIC, Aggregator, RecordTooLargeError, UserRecord
from glue.units import KIB
from producers.ports import OutRecord

DEFAULT_BUCKETS = 64
MAX_BUCKETS = 4096
AGGREGATE_BYTES = 50 * KIB
"""Two of the 25 KiB units that provisioned streams bill by; the KPL's own default."""
AGGREGATE_RECORDS = 500
DEFAULT_LINGER = 0.1


def hash_key(partition_key: str) -> int:
    """Where a key lies in a stream's key space, 0 to 2**128 - 1.

    Source: https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html (MD5 maps partition keys to 128 bits)
    """
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


@lru_cache(maxsize=16)
def bucket_keys(count: int) -> tuple[str, ...]:
    """The partition keys of so many buckets: the n-th lies in the n-th of as many equal parts of the key space.

    So every shard of an evenly split stream gets as many buckets as any other, or one less. The keys are the same in
    every process and every release.

    Args:
        count: a power of two up to 4096.

    Raises:
        ValueError: any other number.

    >>> [hash_key(key) >> 126 for key in bucket_keys(4)]
    [0, 1, 2, 3]
    """
    if not 1 <= count <= MAX_BUCKETS or count & (count - 1):
        raise ValueError(f"{count} buckets; allowed: a power of two from 1 to {MAX_BUCKETS}")
    found: dict[int, str] = {}
    number = 0
    while len(found) < count:
        key = f"bucket-{number}"
        found.setdefault(hash_key(key) * count >> 128, key)
        number += 1
    return tuple(found[bucket] for bucket in range(count))


class Packer:
    """Collects events by bucket and gives the records to send: aggregates, or an event as it is when it is alone.

    Events of one content keep their order: they share a bucket, and a bucket's records come out in order. What no
    aggregate can hold (too large, or itself an aggregate's bytes) comes out as it is, under its bucket's key.

    Args:
        buckets: a power of two. Fewer fill faster, more spread better: eight or more for each shard.
        max_bytes: the most one aggregate may count, its key included.
        max_records: the most events in one.
        linger: seconds after which a bucket's first event is due, however few came after it.

    >>> packer = Packer(buckets=1, max_records=3)
    >>> events = [OutRecord(str(n), f"key-{n}", b"event") for n in range(4)]
    >>> [len(packer.add(event, now=0.0)) for event in events], packer.held
    ([0, 0, 0, 1], 1)
    >>> [record.event_ids for record in packer.due(now=0.1)]
    [('3',)]
    """

    def __init__(
        self,
        *,
        buckets: int = DEFAULT_BUCKETS,
        max_bytes: int = AGGREGATE_BYTES,
        max_records: int = AGGREGATE_RECORDS,
        linger: float = DEFAULT_LINGER,
    ) -> None:
        self.linger = linger
        self.held = 0
        self._keys = bucket_keys(buckets)
        self._shift = 128 - (buckets.bit_length() - 1)
        self._aggregators = [Aggregator(max_bytes=max_bytes, max_records=max_records) for _ in range(buckets)]
        self._waiting: list[list[OutRecord]] = [[] for _ in range(buckets)]
        self._since: dict[int, float] = {}

    def add(self, event: OutRecord, *, now: float) -> Sequence[OutRecord]:
        """The records to send now because of this event, in order; usually none.

        Args:
            event: its own partition key says which bucket it belongs to.
            now: epoch seconds.
        """
        bucket = hash_key(event.partition_key) >> self._shift
        data, key, aggregator = event.data, self._keys[bucket], self._aggregators[bucket]
        user = UserRecord(key, None, data)
        full: Sequence[OutRecord] = ()
        try:
            if data[:4] == MAGIC:
                return (*self._take(bucket), OutRecord(event.event_id, key, data))
            if not aggregator.add(user):
                full = self._take(bucket)
                aggregator.add(user)
        except RecordTooLargeError:
            return (*full, OutRecord(event.event_id, key, data))
        waiting = self._waiting[bucket]
        if not waiting:
            self._since[bucket] = now
        waiting.append(event)
        self.held += 1
        return full

    def due(self, now: float) -> list[OutRecord]:
        """The records of all buckets whose first event has waited as long as it may."""
        records: list[OutRecord] = []
        # In the order in which buckets got their first event: the first that may still wait ends it.
        for bucket, since in list(self._since.items()):
            if since + self.linger > now:
                break
            records += self._take(bucket)
        return records

    def drain(self) -> list[OutRecord]:
        """All that is left; the packer is empty afterwards."""
        return [record for bucket in list(self._since) for record in self._take(bucket)]

    def _take(self, bucket: int) -> Sequence[OutRecord]:
        events = self._waiting[bucket]
        aggregate = self._aggregators[bucket].drain()
        if aggregate is None:
            return ()
        self._waiting[bucket] = []
        del self._since[bucket]
        self.held -= len(events)
        first = events[0]
        if len(events) == 1:
            return (OutRecord(first.event_id, self._keys[bucket], first.data),)
        return (
            OutRecord(first.event_id, aggregate.partition_key, aggregate.data, tuple([one.event_id for one in events])),
        )
