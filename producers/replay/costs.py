"""What sending so many records costs, by a table of prices that can be edited."""

from msgspec import Struct

from glue.prices import Prices

PUT_UNIT_BYTES = 25 * 1024
"""A record is billed in steps of this size. Source: https://aws.amazon.com/kinesis/data-streams/pricing/"""


class Estimate(Struct, kw_only=True):
    """Billing units and what they cost."""

    put_units: int = 0

    def add(self, size: int) -> None:
        """Counts one record of so many bytes."""
        self.put_units += max(1, -(-size // PUT_UNIT_BYTES))

    def dollars(self, prices: Prices) -> float:
        """What the stream asks; consumers, rows and the archive come on top, as for any other event.

        >>> from glue.prices import read_prices
        >>> estimate = Estimate()
        >>> estimate.add(600)
        >>> round(estimate.dollars(read_prices()) * 1_000_000, 3)
        0.014
        """
        return self.put_units / 1e6 * prices.kinesis.million_put_units
