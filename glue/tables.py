"""The tables of the lake: which record lands where, and what one of its rows is called by."""

from msgspec import Struct

from glue.contract import BadRow, VerdictRow

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
        day_of: the column whose day is the partition, a pure function of the record, so that all its copies meet.
        key: the column that says which rows are copies of one another.
        comment: what a row is.
    """

    name: str
    record: type[Struct]
    prefix: str
    day_of: str
    key: str
    comment: str


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
TABLES = (VERDICTS, QUARANTINE)

CURRENT_VERDICTS = "current_verdicts"
"""The view that holds each event once; reports read it and nothing else."""
