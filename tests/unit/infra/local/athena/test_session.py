import gc
import io
import weakref
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.files import Meter, open_objects
from infra.local.athena.session import Session, Sessions
from tests.fakes.query_ports import FakeCatalog, FakeObjects, parquet_table

NOW: Final = 1767225600.0


def taken(sessions: Sessions, *, memory: str = "256MB", threads: int = 1) -> Session:
    session = sessions.take(memory=memory, threads=threads)
    session.lock(open_objects(FakeObjects(), Meter()))
    return session


def test_the_next_query_gets_the_session_and_nothing_that_the_one_before_made() -> None:
    sessions = Sessions()
    first = taken(sessions)
    first.run("CREATE TEMP VIEW s0 AS SELECT 1 AS a")
    first.connection.register("lines", first.connection.sql("SELECT 2 AS b").to_arrow_table())
    first.refusals.append(QueryError("NOT_SUPPORTED", "a refusal"))
    sessions.give_back(first)

    second = taken(sessions)

    assert second is first
    second.check()
    for relation in ("s0", "lines"):
        with pytest.raises(QueryError):
            second.rows(f"SELECT * FROM {relation}")
    second.close()


@pytest.mark.parametrize("bounds", [{"memory": "300MB"}, {"threads": 2}], ids=["memory", "threads"])
def test_a_query_with_other_bounds_gets_a_session_with_them(bounds: dict[str, Any]) -> None:
    sessions = Sessions()
    first = taken(sessions)
    sessions.give_back(first)

    second = taken(sessions, **bounds)

    assert second is not first
    with pytest.raises(duckdb.Error):
        first.connection.execute("SELECT 1")  # it is closed, and holds no memory
    second.close()


def test_a_session_that_waits_stays_cut_off_from_the_machine() -> None:
    sessions = Sessions()
    sessions.give_back(taken(sessions))
    session = taken(sessions)
    for sql in ("SELECT * FROM read_text('/etc/hostname')", "SET enable_external_access = true"):
        with pytest.raises(QueryError):
            session.rows(sql)
    session.close()


def test_two_queries_at_once_have_a_session_each() -> None:
    sessions = Sessions()
    first, second = taken(sessions), taken(sessions)
    assert first is not second
    sessions.give_back(first)
    sessions.give_back(second)
    taken(sessions).close()


def ask(engine: QueryEngine, sql: str, running: Running) -> list[tuple[Any, ...]]:
    query = engine.translate(sql, database="default", now=NOW)
    return [row for batch in engine.rows(query, running, now=NOW) for row in batch]


def test_an_object_that_changed_between_two_queries_is_read_and_counted_anew() -> None:
    objects, catalog = FakeObjects(), FakeCatalog()
    catalog.create_table("default", parquet_table("t", {"a": "bigint"}, location="s3://lake/t/"))
    engine = QueryEngine(objects=objects, catalog=catalog)
    scanned = []
    for value in (1, 2):
        body = io.BytesIO()
        pq.write_table(pa.table({"a": pa.array([value], pa.int64())}), body)
        objects.put("lake", "t/part.parquet", body.getvalue())
        running = Running()
        assert ask(engine, "SELECT a FROM t", running) == [(value,)]
        scanned.append(running.meter.total)
    assert scanned[0] == scanned[1] > 0


def test_after_a_failure_or_a_cancellation_the_next_query_starts_afresh() -> None:
    engine = QueryEngine(objects=FakeObjects(), catalog=FakeCatalog())
    with pytest.raises(QueryError):
        ask(engine, "SELECT 1 / a FROM (VALUES 0) t (a)", Running())
    running = Running()
    rows = engine.rows(engine.translate("SELECT 1", database="default", now=NOW), running, now=NOW)
    assert next(rows) == [(1,)]
    running.cancel()
    del rows
    assert ask(engine, "SELECT 7", Running()) == [(7,)]


def test_a_session_that_nobody_holds_is_gone_although_its_functions_were_used() -> None:
    session = Session()
    with pytest.raises(QueryError):
        session.rows("SELECT sk_fail('a refusal')")
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None
