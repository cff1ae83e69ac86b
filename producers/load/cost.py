"""What a load has cost so far on Kinesis."""

import msgspec

from glue.prices import Prices
from producers.load.snapshot import Snapshot


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for one load, in either mode; for provisioned, on as many shards as it needs."""

    provisioned: float
    on_demand: float
    prices_as_of: str


def cost(load: Snapshot, prices: Prices) -> Cost:
    """What Kinesis asks for a load of such numbers.

    >>> from glue.prices import read_prices
    >>> round(cost(Snapshot(accepted=1, records=1, put_units=10**6, elapsed=3600.0), read_prices()).provisioned, 3)
    0.029
    """
    hours = load.elapsed / 3600
    return Cost(
        provisioned=round(
            load.shards_needed * hours * prices.kinesis.shard_hour
            + load.put_units / 1e6 * prices.kinesis.million_put_units,
            6,
        ),
        on_demand=round(hours * prices.kinesis.stream_hour + load.kilobytes * 1024 / 1e9 * prices.kinesis.gb_in, 6),
        prices_as_of=prices.as_of,
    )
