"""Records that wait for their shard, a lane for each: a shard that throttles holds up its own records alone. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

from producers.delivery.shard_map import ShardMap, hash_key
from producers.delivery.shard_rates import RateSettings, ShardRate
from producers.limits import MAX_CALL_BYTES, MAX_CALL_RECORDS
from producers.ports import OutRecord, ShardRange


class Waiting(Struct, gc=False, eq=False):
    """A record in a lane.

    Args:
        key: its hash key.
        size: bytes that count against the shard.
        record: None when it was left where ``ticket`` says, to save memory.
        ticket: whatever its owner needs to find it again.
        attempts: calls that it was in.
        first_call: epoch seconds of the first of them.
    """

    key: int
    size: int
    record: OutRecord | None
    ticket: object = None
    attempts: int = 0
    first_call: float = 0.0


class Lanes:
    """Records by shard, and what may be put now.

    Args:
        settings: of the rates; None: no pacing, for comparison.
        max_records: of a call.
        max_bytes: of a call.
        linger: seconds between two calls that are not full.

    >>> lanes = Lanes(RateSettings(), linger=0.0)
    >>> lanes.add([lanes.waiting(OutRecord("e1", "key", b"x"))])
    >>> [one.record.event_id for one in lanes.take(0.0)]
    ['e1']
    """

    def __init__(
        self,
        settings: RateSettings | None,
        *,
        max_records: int = MAX_CALL_RECORDS,
        max_bytes: int = MAX_CALL_BYTES,
        linger: float = 0.1,
    ) -> None:
        self._settings = settings
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._linger = linger
        self._map = ShardMap()
        self._lanes: dict[str | None, deque[Waiting]] = {}
        self._rates: dict[str, ShardRate] = {}
        self._pause_until: dict[str | None, float] = {}
        self._order: deque[str | None] = deque()
        self._last_part = float("-inf")
        self.held_bytes = 0
        self.count = 0

    @staticmethod
    def waiting(record: OutRecord, ticket: object = None) -> Waiting:
        """A record as it stands in a lane."""
        return Waiting(hash_key(record.partition_key), record.size, record, ticket)

    def tell(self, ranges: Iterable[ShardRange]) -> None:
        """Takes the open shards' ranges, and sorts what waits anew."""
        self._map.tell(ranges)
        self._sort_anew()

    def add(self, items: Iterable[Waiting]) -> None:
        """Puts records at the end of their lanes."""
        for item in items:
            self._lane(self._map.shard_of(item.key)).append(item)
            self._count(item, 1)

    def lane_bytes(self, key: int) -> int:
        """About how many bytes wait where a record with this hash key would."""
        lane = self._lanes.get(self._map.shard_of(key))
        return 0 if not lane else len(lane) * lane[0].size

    def take(self, now: float) -> list[Waiting]:
        """What to put in one call now; empty when it is better to wait, see :meth:`wait`."""
        if not self._is_worth_a_call(now):
            return []
        taken: list[Waiting] = []
        size = 0
        for _ in range(len(self._order)):
            shard_id = self._order[0]
            # Each call starts with another lane, so that none is always last.
            self._order.rotate(-1)
            size = self._take_from(shard_id, taken, size, now)
            if len(taken) >= self._max_records:
                break
        for item in taken:
            self._count(item, -1)
            item.attempts += 1
            item.first_call = item.first_call or now
        if taken and len(taken) < self._max_records:
            self._last_part = now
        return taken

    def wait(self, now: float) -> float | None:
        """Seconds until :meth:`take` may give something, None when nothing waits."""
        waits = [
            max(self._pause_until.get(shard_id, now) - now, self._rate_wait(shard_id, lane[0], now))
            for shard_id, lane in self._lanes.items()
            if lane
        ]
        if not waits:
            return None
        return max(min(waits), self._last_part + self._linger - now, 0.0)

    def went(self, items: Sequence[tuple[Waiting, str | None]]) -> bool:
        """Notes which shard took each record. True: the shards are not the ones that were known."""
        changed = False
        unknown = False
        for item, shard_id in items:
            if shard_id is not None and self._map.shard_of(item.key) != shard_id:
                unknown = True
                changed |= self._map.saw(item.key, shard_id)
        if changed or (unknown and self._lanes.get(None)):
            self._sort_anew()
        return changed

    def put_back(self, items: Sequence[Waiting]) -> None:
        """Puts records that were not taken back to the front of their lanes, in order."""
        for item in reversed(items):
            self._lane(self._map.shard_of(item.key)).appendleft(item)
            self._count(item, 1)

    def throttled(self, items: Sequence[tuple[Waiting, str | None]], now: float, *, pause: float) -> None:
        """Puts throttled records back and slows their shards down.

        Args:
            items: each with the shard that the answer named, if it did.
            now: epoch seconds.
            pause: seconds for records whose shard is not known.
        """
        self.went(items)
        shards = {self._map.shard_of(item.key) for item, _ in items}
        self.put_back([item for item, _ in items])
        for shard_id in shards:
            if shard_id is None or self._settings is None:
                self._pause_until[shard_id] = now + pause
            else:
                self._rate(shard_id, now).throttled(now)

    def clear(self) -> list[Waiting]:
        """Takes out everything that waits."""
        items = [item for lane in self._lanes.values() for item in lane]
        self._lanes.clear()
        self._order.clear()
        self.held_bytes = self.count = 0
        return items

    def shares(self) -> dict[str, float]:
        """The share of its limits that each shard is used with now."""
        return {shard_id: rate.share for shard_id, rate in sorted(self._rates.items())}

    # ------------------------------------------------------------------------------------------------ inside

    def _is_worth_a_call(self, now: float) -> bool:
        if not self.count:
            return False
        if now - self._last_part >= self._linger:
            return True
        if self.count < self._max_records:
            return False
        ready = 0
        for shard_id, lane in self._lanes.items():
            if lane and self._pause_until.get(shard_id, now) <= now:
                paced = shard_id is not None and self._settings is not None
                ready += min(len(lane), self._rate(shard_id, now).allowed(now)) if paced and shard_id else len(lane)
        return ready >= self._max_records

    def _take_from(self, shard_id: str | None, taken: list[Waiting], size: int, now: float) -> int:
        lane = self._lanes[shard_id]
        if self._pause_until.get(shard_id, now) > now:
            return size
        rate = self._rate(shard_id, now) if shard_id is not None and self._settings is not None else None
        while lane and len(taken) < self._max_records:
            item = lane[0]
            if size + item.size > self._max_bytes or (rate is not None and not rate.take(item.size, now)):
                break
            taken.append(lane.popleft())
            size += item.size
        return size

    def _rate(self, shard_id: str, now: float) -> ShardRate:
        rate = self._rates.get(shard_id)
        if rate is None:
            rate = self._rates[shard_id] = ShardRate(self._settings or RateSettings(), at=now)
        return rate

    def _rate_wait(self, shard_id: str | None, item: Waiting, now: float) -> float:
        if shard_id is None or self._settings is None:
            return 0.0
        return self._rate(shard_id, now).wait(item.size, now)

    def _lane(self, shard_id: str | None) -> deque[Waiting]:
        lane = self._lanes.get(shard_id)
        if lane is None:
            lane = self._lanes[shard_id] = deque()
            self._order.append(shard_id)
        return lane

    def _sort_anew(self) -> None:
        items = [item for lane in self._lanes.values() for item in lane]
        self._lanes.clear()
        self._order.clear()
        for item in items:
            self._lane(self._map.shard_of(item.key)).append(item)

    def _count(self, item: Waiting, sign: int) -> None:
        self.count += sign
        if item.record is not None:
            self.held_bytes += sign * item.size
