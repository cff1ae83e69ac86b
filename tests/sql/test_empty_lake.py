"""Reports on a lake in which nothing ever landed, which is what everybody asks first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from athena import reports
from athena.saved import saved_query


@pytest.mark.parametrize("name", reports.names())
def test_a_report_on_an_empty_lake_has_no_rows_and_no_error(lake: Any, name: str) -> None:
    until = datetime.now(UTC).replace(microsecond=0)
    values = {"since": until - timedelta(days=7), "until": until}
    report = reports.load(name)
    asked = reports.run(report, values, lake.engine, database=lake.database, workgroup=lake.workgroup)
    assert asked.rows == []
    assert asked.bytes_scanned == 0
    assert [column.name for column in asked.columns] == [column.name for column in report.columns]
    assert lake.ask(saved_query(report)).rows == []
