"""Statistics of columns: kept with their table or partition, given back as they came, gone with it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.front import Front
from infra.local.moto_backend import MotoBackend
from infra.local.server import LoopbackServer
from tests.fakes.clients import client

STATISTICS: dict[str, Any] = {
    "ColumnName": "a",
    "ColumnType": "bigint",
    "AnalyzedTime": datetime(2026, 3, 1, tzinfo=UTC),
    "StatisticsData": {"Type": "LONG", "LongColumnStatisticsData": {"NumberOfNulls": 0, "NumberOfDistinctValues": 3}},
}
TABLE = {"DatabaseName": "db", "TableName": "t"}
PARTITION = {**TABLE, "PartitionValues": ["1"]}


@pytest.fixture
def glue() -> Iterator[Any]:
    moto = MotoBackend()
    moto.reset()
    with LoopbackServer(Front(moto)) as server:
        made = client("glue", server.url)
        made.create_database(DatabaseInput={"Name": "db"})
        storage = {"Columns": [{"Name": "a", "Type": "bigint"}], "Location": "s3://b/t/"}
        made.create_table(DatabaseName="db", TableInput={"Name": "t", "StorageDescriptor": storage})
        made.create_partition(**TABLE, PartitionInput={"Values": ["1"], "StorageDescriptor": storage})
        yield made
    moto.reset()


def test_statistics_of_a_table_are_given_back_and_those_that_are_not_there_are_named(glue: Any) -> None:
    assert glue.update_column_statistics_for_table(**TABLE, ColumnStatisticsList=[STATISTICS])["Errors"] == []
    found = glue.get_column_statistics_for_table(**TABLE, ColumnNames=["a", "b"])
    assert found["ColumnStatisticsList"] == [STATISTICS]
    assert [(one["ColumnName"], one["Error"]["ErrorCode"]) for one in found["Errors"]] == [
        ("b", "EntityNotFoundException")
    ]
    glue.delete_column_statistics_for_table(**TABLE, ColumnName="a")
    assert glue.get_column_statistics_for_table(**TABLE, ColumnNames=["a"])["ColumnStatisticsList"] == []
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.delete_column_statistics_for_table(**TABLE, ColumnName="a")


def test_a_partition_has_statistics_of_its_own(glue: Any) -> None:
    glue.update_column_statistics_for_partition(**PARTITION, ColumnStatisticsList=[STATISTICS])
    found = glue.get_column_statistics_for_partition(**PARTITION, ColumnNames=["a"])
    assert found["ColumnStatisticsList"] == [STATISTICS]
    assert glue.get_column_statistics_for_table(**TABLE, ColumnNames=["a"])["ColumnStatisticsList"] == []
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.get_column_statistics_for_partition(**TABLE, PartitionValues=["2"], ColumnNames=["a"])
