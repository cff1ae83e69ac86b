"""A lake on the laptop runtime, filled row by row, and its Athena."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from athena.aws.engine import AthenaEngine
from athena.engine import Answer
from glue.catalog.tables import TABLES, VERDICTS, Table
from infra.local.twin import Twin
from tests.sql.golden import ROWS, Row, day_of, parquet


@dataclass
class Lake:
    """The verdicts of one stack: fill it with files of rows, ask it in SQL."""

    twin: Twin
    holds_golden: bool = False
    """Whether the verdicts are the golden rows, so that tests which only read need not write them again."""

    @property
    def bucket(self) -> str:
        return self.twin.outputs["LakeBucketName"]

    @property
    def database(self) -> str:
        return self.twin.outputs["DatabaseName"]

    @property
    def workgroup(self) -> str:
        return self.twin.outputs["WorkGroupName"]

    @property
    def engine(self) -> AthenaEngine:
        return AthenaEngine(self.twin.client("athena"))

    def fill(self, files: Sequence[Sequence[Row]], table: Table = VERDICTS) -> None:
        """Puts these rows where the table lies, and nothing else: each file once for every day its rows lie in."""
        self.clear(table)
        for number, rows in enumerate(files):
            for day in sorted({day_of(row) for row in rows}):
                body = parquet([row for row in rows if day_of(row) == day], table)
                self.twin.objects.put(self.bucket, f"{table.prefix}dt={day}/part-{number:04d}.parquet", body)

    def clear(self, *tables: Table) -> None:
        """Takes all rows out of these tables; of every table when none is named."""
        self.holds_golden = self.holds_golden and bool(tables) and VERDICTS not in tables
        for table in tables or TABLES:
            for found in self.twin.objects.list(self.bucket, table.prefix):
                self.twin.objects.delete(self.bucket, found.key)

    def ask(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        return self.engine.run(sql, parameters, database=self.database, workgroup=self.workgroup)


@pytest.fixture(scope="package")
def stack() -> Iterator[Twin]:
    """A runtime for the files here that follow one another; a process has one, and other tests start theirs."""
    with Twin() as twin:
        yield twin


@pytest.fixture(scope="module")
def lake(stack: Twin) -> Lake:
    """An empty lake; the runtime below it is started once."""
    lake = Lake(stack)
    lake.clear()
    return lake


@pytest.fixture
def golden(lake: Lake) -> Lake:
    """The lake with the golden rows, each in a file of its own."""
    if not lake.holds_golden:
        lake.fill([[row] for row in ROWS])
        lake.holds_golden = True
    return lake
