"""Prices of what sends and takes in, as a dated table that anybody can edit."""

import tomllib
from pathlib import Path

import msgspec

SHIPPED = Path(__file__).with_name("prices.toml")


class Provisioned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stream of so many shards; a unit is a 25 KB step of a record."""

    shard_hour: float
    million_put_units: float


class OnDemand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stream that scales by itself; each record is rounded up to 1 KB."""

    stream_hour: float
    gigabyte_in: float


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars, and when somebody looked."""

    as_of: str
    provisioned: Provisioned
    on_demand: OnDemand


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
