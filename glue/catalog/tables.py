"""The tables of the lake: which record lands where, and what one of its rows is called by."""

from typing import Literal

from msgspec import Struct

from glue.contract import ArchivedLine, AuditRow, BadRow, ReceiptRow, VerdictRow

DATABASE = "streamkeeper"
PARTITION = "dt"
"""Each table's one partition column: a day, YYYY-MM-DD, in UTC. Partition projection knows it; no crawler, no null."""

FIRST_DAY = "2020-01-01"
"""Where partition projection begins. Lateness limits keep any event out that is older than the lake."""


class Table(Struct, frozen=True):
    """One table of the lake.

    Args:
        name: its name in the Glue catalog.
        record: the struct whose fields are its columns, in order.
        prefix: where it lies in the lake bucket; one folder a day below.
        day_of: whose day is the partition: a column, a pure function of the record, so that all its copies meet; of
            lines, which have none, the time at which they arrived.
        key: the column that says which rows are copies of one another; of lines the line itself.
        comment: what a row is.
        form: of its objects: Parquet, or lines of text in gzip.
    """

    name: str
    record: type[Struct]
    prefix: str
    day_of: str
    key: str
    comment: str
    form: Literal["parquet", "lines"] = "parquet"


VERDICTS = Table(
    name="verdicts",
    record=VerdictRow,
    prefix="verdicts/",
    day_of="created_at",
    key="verdict_id",
    comment="One row for every time a verdict landed. Count current_verdicts instead: it holds each event once.",
)
QUARANTINE = Table(
    name="quarantine",
    record=BadRow,
    prefix="quarantine/",
    day_of="arrived_at",
    key="bad_row_id",
    comment="Records that are not events: why, where, and their bytes.",
)
AUDITS = Table(
    name="audits",
    record=AuditRow,
    prefix="audits/",
    day_of="window_start",
    key="audit_id",
    comment="What audits found, a row for each day that they looked at. The last one of a day counts.",
)
RECEIPTS = Table(
    name="receipts",
    record=ReceiptRow,
    prefix="receipts/",
    day_of="created_at",
    key="receipt_id",
    comment="How far each verdict's way to each subscriber of the webhook came. Count current_receipts instead.",
)
ARCHIVE = Table(
    name="archive",
    record=ArchivedLine,
    prefix="archive/",
    day_of="arrival",
    key="line",
    comment="The raw records as they were sent, full texts and all.",
    form="lines",
)
TABLES = (VERDICTS, QUARANTINE, AUDITS, RECEIPTS)
"""The tables of Parquet objects."""

ALL_TABLES = (*TABLES, ARCHIVE)

CURRENT_VERDICTS = "current_verdicts"
"""The view that holds each event once; reports read it and nothing else."""
