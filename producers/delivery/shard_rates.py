"""How fast to put on one shard: tokens at a rate that grows while all is well and falls when the shard throttles."""

from dataclasses import dataclass, field

from msgspec import Struct

from producers.limits import SHARD_BYTES_PER_SECOND, SHARD_RECORDS_PER_SECOND


class RateSettings(Struct, frozen=True, kw_only=True):
    """How a shard's rate moves: additive increase, multiplicative decrease.

    Args:
        records: a second that one shard takes at most, by AWS's limits.
        bytes: the same in bytes.
        smallest: share of the limits that is always tried, so that the end of a throttling is noticed.
        decrease: what a throttle leaves of the share.
        increase: added to the share for each second in which the shard was kept waiting by us and not throttled.
        deaf: seconds after a decrease in which further throttles say nothing new: they answer the old rate.
        burst: seconds' worth of tokens in hand after a pause.
    """

    records: float = SHARD_RECORDS_PER_SECOND
    bytes: float = SHARD_BYTES_PER_SECOND
    smallest: float = 0.02
    decrease: float = 0.8
    increase: float = 0.05
    deaf: float = 0.3
    burst: float = 0.5


@dataclass
class ShardRate:
    """The tokens of one shard, in seconds of its full capacity; a record costs what it takes of the scarcer limit.

    Time never goes back here: a ``now`` before the last one counts as that.

    >>> rate = ShardRate(RateSettings(), at=0.0)
    >>> rate.share
    1.0
    >>> rate.throttled(0.0)
    >>> rate.share
    0.8
    """

    settings: RateSettings
    at: float
    share: float = 1.0
    tokens: float = field(init=False)
    _decreased_at: float = field(default=float("-inf"), init=False)
    _waited: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.tokens = self.settings.burst

    def cost(self, size: int) -> float:
        """Seconds of the shard's capacity that a record of ``size`` bytes takes."""
        return max(1 / self.settings.records, size / self.settings.bytes)

    def take(self, size: int, now: float) -> bool:
        """Whether a record may be put now; if so its tokens are gone. One larger than the burst leaves a debt."""
        self._advance(now)
        cost = self.cost(size)
        if self.tokens + 1e-9 < self._needed(cost):
            self._waited = True
            return False
        self.tokens -= cost
        return True

    def wait(self, size: int, now: float) -> float:
        """Seconds until a record of that size may be put."""
        self._advance(now)
        missing = self._needed(self.cost(size)) - self.tokens
        return max(0.0, missing / self.share)

    def allowed(self, now: float) -> int:
        """About how many small records may be put now."""
        self._advance(now)
        return max(0, int(self.tokens * self.settings.records + 1e-6))

    def throttled(self, now: float) -> None:
        """The shard said no: its bucket is empty, and so is ours."""
        self._advance(now)
        self.tokens = min(self.tokens, 0.0)
        if now - self._decreased_at >= self.settings.deaf:
            self._decreased_at = now
            self.share = max(self.settings.smallest, self.share * self.settings.decrease)

    def _needed(self, cost: float) -> float:
        # All but full is enough for a record larger than the burst: the share, and what full means, grow meanwhile.
        return min(cost, 0.9 * self.settings.burst * self.share)

    def _advance(self, now: float) -> None:
        passed = now - self.at
        if passed <= 0:
            return
        self.at = now
        if self._waited and now - self._decreased_at >= self.settings.deaf:
            # Only a rate that was used to the full can be known to be too low.
            self.share = min(1.0, self.share + min(passed, 1.0) * self.settings.increase)
            self._waited = False
        self.tokens = min(self.settings.burst * self.share, self.tokens + passed * self.share)
