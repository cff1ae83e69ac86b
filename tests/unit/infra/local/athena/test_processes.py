"""Queries in processes of their own: the same answers, and no query that takes the runtime or the others with it."""

import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena.engine import Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import Meter
from infra.local.athena.isolated import IsolatedEngine
from infra.local.athena.processes import Budget
from tests.fakes.query_ports import FakeCatalog, FakeObjects

NOW = 1_704_888_000.0
ENDLESS = "WITH RECURSIVE t(n) AS (VALUES 1 UNION ALL SELECT n % 7 + 1 FROM t) SELECT max(n) FROM t"


class Athena:
    """An engine over one table of numbers."""

    def __init__(self, **settings: Any) -> None:
        self.objects, catalog = FakeObjects(), FakeCatalog()
        storage = {
            "Columns": [{"Name": "n", "Type": "bigint"}],
            "Location": "s3://lake/t/",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        }
        catalog.create_table("default", {"Name": "t", "StorageDescriptor": storage})
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"n": list(range(200_000))}), sink)
        self.objects.put("lake", "t/a.parquet", sink.getvalue().to_pybytes())
        settings = {"budget": Budget(whole=2_000, most=500), **settings}
        self.engine = IsolatedEngine(objects=self.objects, catalog=catalog, **settings)

    def ask(self, sql: str, running: Running | None = None) -> list[tuple[Any, ...]]:
        query = self.engine.translate(sql, database="default", now=NOW)
        return [row for batch in self.engine.rows(query, running or Running(), now=NOW) for row in batch]


@pytest.fixture(scope="module")
def athena() -> Iterator[Athena]:
    made = Athena()
    yield made
    made.engine.close()


def test_rows_and_bytes_are_those_of_an_engine_in_this_process(athena: Athena) -> None:
    running = Running()
    assert athena.ask("SELECT count(*), max(n), sum(n) FROM t", running) == [(200_000, 199_999, 19_999_900_000)]
    assert 0 < running.meter.total <= len(athena.objects.stored["lake", "t/a.parquet"])
    assert len(athena.ask("SELECT n FROM t WHERE n < 25000")) == 25_000
    table = athena.engine.table(
        athena.engine.translate("SELECT n FROM t", database="default", now=NOW), Running(), now=NOW
    )
    assert table.num_rows == 200_000


def test_a_query_that_fails_says_why_and_the_next_one_is_answered(athena: Athena) -> None:
    for sql, name in (
        ("SELECT 1 / (n - n) FROM t", "DIVISION_BY_ZERO"),
        ("SELECT cast('x' || cast(n AS varchar) AS bigint) FROM t", "INVALID_CAST_ARGUMENT"),
    ):
        with pytest.raises(QueryError, match=name):
            athena.ask(sql)
    assert athena.ask("SELECT 1") == [(1,)]


def test_the_limit_of_scanned_bytes_holds(athena: Athena) -> None:
    with pytest.raises(QueryError, match="EXCEEDED_SCAN_LIMIT"):
        athena.ask("SELECT sum(n) FROM t", Running(meter=Meter(1_000)))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT cardinality(sequence(1, 100000000))",
        "SELECT count(*) FROM (SELECT array_agg(x) OVER () FROM UNNEST(sequence(1, 100000)) u(x))",
    ],
)
def test_a_query_without_measure_ends_by_itself_and_others_go_on(athena: Athena, sql: str) -> None:
    with pytest.raises(QueryError, match=r"EXCEEDED_LOCAL_MEMORY_LIMIT|INVALID_FUNCTION_ARGUMENT|NUMERIC_VALUE"):
        athena.ask(sql)
    assert athena.ask("SELECT count(*) FROM t") == [(200_000,)]


def test_a_query_that_does_not_end_is_stopped_while_others_go_on(athena: Athena) -> None:
    running, failed = Running(), []
    query = athena.engine.translate(ENDLESS, database="default", now=NOW)

    def ask() -> None:
        try:
            list(athena.engine.rows(query, running, now=NOW))
        except QueryError as error:
            failed.append(error.name)

    thread = threading.Thread(target=ask)
    thread.start()
    while running.end is None:
        thread.join(0.01)
    assert athena.ask("SELECT 1") == [(1,)]
    running.cancel()
    thread.join()
    assert failed == ["USER_CANCELED"]


def test_a_query_that_runs_too_long_is_ended() -> None:
    athena = Athena(seconds=0.0)
    with pytest.raises(QueryError, match="Query timeout"):
        athena.ask(ENDLESS)
    athena.engine.close()


def test_a_process_that_died_while_it_waited_is_replaced(athena: Athena) -> None:
    athena.ask("SELECT 1")
    for process in athena.engine._processes._idle:
        process.end()
        process._process.wait()
    assert athena.ask("SELECT 2") == [(2,)]


def test_memory_is_shared_out_and_given_back() -> None:
    budget = Budget(whole=8_000, most=4_000)
    shares = [budget.take() for _ in range(8)]
    assert shares == [4_000, 2_000, 1_000, 500, 256, 256, 256, 256]
    for share in shares:
        budget.give_back(share)
    assert budget.take() == 4_000
