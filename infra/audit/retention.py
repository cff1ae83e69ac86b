"""How long the lake keeps what an audit compares."""

from datetime import datetime, timedelta

from msgspec import Struct


class Retention(Struct, frozen=True):
    """Days that objects are kept, by what they are; the template's parameters of the same names.

    Args:
        archive_days: raw records.
        verdict_days: verdicts.
        quarantine_days: what could not be read.
        error_days: dead letters, and what Firehose could not deliver.
    """

    archive_days: int = 400
    verdict_days: int = 730
    quarantine_days: int = 90
    error_days: int = 90

    def may_be_gone(self, key: str, written: float, now: datetime) -> bool:
        """Whether an object may have reached its end.

        Args:
            key: its key in the lake.
            written: seconds since 1970.
            now: the time of the audit.

        >>> from datetime import UTC
        >>> Retention().may_be_gone("quarantine/dt=1970-01-01/a.parquet", 0.0, datetime(1970, 4, 15, tzinfo=UTC))
        True
        """
        prefix = key.partition("/")[0]
        days = {"archive": self.archive_days, "verdicts": self.verdict_days, "quarantine": self.quarantine_days}
        # Lifecycle rules act once a day, at midnight UTC after the object's time is up.
        return written < (now - timedelta(days=days.get(prefix, self.error_days) - 1)).timestamp()

    def judged_from(self, now: datetime) -> datetime:
        """The first arrival of which everything is still there.

        >>> from datetime import UTC
        >>> Retention(error_days=30).judged_from(datetime(2026, 3, 2, tzinfo=UTC))
        datetime.datetime(2026, 2, 1, 0, 0, tzinfo=datetime.timezone.utc)
        """
        shortest = min(self.archive_days, self.verdict_days, self.quarantine_days, self.error_days)
        return now - timedelta(days=shortest - 1)
