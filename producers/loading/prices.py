"""What a load has cost so far on Kinesis, by a dated table of prices that anybody can edit."""

import tomllib
from pathlib import Path

import msgspec

from producers.loading.snapshot import Snapshot

SHIPPED = Path(__file__).with_name("prices.toml")


class Provisioned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stream of so many shards."""

    shard_hour: float
    million_put_units: float


class OnDemand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stream that scales by itself."""

    stream_hour: float
    gigabyte_in: float


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars, and when somebody looked."""

    as_of: str
    provisioned: Provisioned
    on_demand: OnDemand


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for one load, in either mode; for provisioned, on as many shards as it needs."""

    provisioned: float
    on_demand: float
    prices_as_of: str


def read_prices(path: Path | None = None) -> Prices:
    """The prices in a TOML file, or in the one that comes with this.

    Raises:
        ValueError: it cannot be read, or lacks a price.

    >>> read_prices().as_of
    '2025-01-01, us-east-1, an example'
    """
    path = path or SHIPPED
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Prices)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; give a file like {SHIPPED}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}; allowed: a file like {SHIPPED}") from None


def cost(load: Snapshot, prices: Prices) -> Cost:
    """What Kinesis asks for a load of such numbers.

    >>> from producers.loading.snapshot import Snapshot
    >>> round(cost(Snapshot(accepted=1, records=1, put_units=10**6, elapsed=3600.0), read_prices()).provisioned, 3)
    0.029
    """
    hours = load.elapsed / 3600
    return Cost(
        provisioned=round(
            load.shards_needed * hours * prices.provisioned.shard_hour
            + load.put_units / 1e6 * prices.provisioned.million_put_units,
            6,
        ),
        on_demand=round(
            hours * prices.on_demand.stream_hour + load.kilobytes * 1024 / 1e9 * prices.on_demand.gigabyte_in, 6
        ),
        prices_as_of=prices.as_of,
    )
