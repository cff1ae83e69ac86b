"""What sending so many records costs, by a table of prices that can be edited."""

from msgspec import Struct

from producers.load.prices import Prices

PUT_UNIT_BYTES = 25 * 1024
"""A record is billed in steps of this size. Source: https://aws.amazon.com/kinesis/data-streams/pricing/"""
FIREHOSE_UNIT_BYTES = 5 * 1024
"""A record is billed in steps of this size. Source: https://aws.amazon.com/firehose/pricing/"""


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

        >>> from producers.load.prices import read_prices
        >>> estimate = Estimate()
        >>> estimate.add(600)
        >>> round(estimate.dollars(read_prices()) * 1_000_000, 3)
        0.162
        """
        return (
            self.put_units / 1e6 * prices.provisioned.million_put_units
            + self.archive_bytes / 1e9 * prices.firehose.gigabyte_in
        )
