"""What sending so many records costs, by a table of prices that can be edited.

The table is a help to judge the size of a bill, not a bill: it holds list prices of us-east-1 as they stood in 2025,
not checked since. ``--prices FILE`` takes another one, in the same names.
"""

import tomllib
from pathlib import Path

from msgspec import Struct, ValidationError, convert

PUT_UNIT_BYTES = 25 * 1024
"""A record is billed in steps of this size. Source: https://aws.amazon.com/kinesis/data-streams/pricing/"""
FIREHOSE_UNIT_BYTES = 5 * 1024
"""A record is billed in steps of this size. Source: https://aws.amazon.com/firehose/pricing/"""


class Prices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars.

    Args:
        as_of: when somebody looked.
        put_million: a million PUT payload units of 25 KB on a provisioned stream.
        firehose_gb: a GB, each record rounded up to 5 KB, into a delivery stream.
    """

    as_of: str = "2025, us-east-1, not checked since"
    put_million: float = 0.014
    firehose_gb: float = 0.029


class Estimate(Struct, kw_only=True):
    """Billing units and what they cost."""

    put_units: int = 0
    archive_bytes: int = 0

    def add(self, size: int) -> None:
        """Counts one record of so many bytes: put on the stream, and archived once more."""
        self.put_units += max(1, -(-size // PUT_UNIT_BYTES))
        self.archive_bytes += max(1, -(-size // FIREHOSE_UNIT_BYTES)) * FIREHOSE_UNIT_BYTES

    def dollars(self, prices: Prices) -> float:
        """What it costs; the consumers and their rows come on top, as for any other event.

        >>> estimate = Estimate()
        >>> estimate.add(600)
        >>> round(estimate.dollars(Prices()) * 1_000_000, 3)
        0.162
        """
        return self.put_units / 1e6 * prices.put_million + self.archive_bytes / 1e9 * prices.firehose_gb


def read_prices(path: Path | None) -> Prices:
    """The prices in a TOML file, or ours.

    Raises:
        ValueError: it cannot be read, or has other names.
    """
    if path is None:
        return Prices()
    try:
        return convert(tomllib.loads(path.read_text("utf-8")), Prices)
    except (OSError, ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        allowed = ", ".join(Prices.__struct_fields__)
        raise ValueError(f"{path}: {type(error).__name__}; allowed: a TOML file with {allowed}") from None
