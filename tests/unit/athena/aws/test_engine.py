"""Athena through boto3's client: waiting, paging, types, errors, and stopping what nobody reads."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from athena.aws.engine import AthenaEngine, failure_of
from athena.engine import Column, EngineUnreachable, QueryFailed, QueryStopped
from athena.values import Value, from_text


class VirtualTime:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class FakeAthena:
    """Answers as Athena does: states one after another, results in pages of so many rows."""

    def __init__(
        self,
        *,
        columns: list[tuple[str, str]],
        rows: list[list[str | None]],
        states: tuple[str, ...] = ("SUCCEEDED",),
        reason: str = "",
        statement: str = "DML",
        page: int = 1000,
    ) -> None:
        header: list[list[str | None]] = [[name for name, _ in columns]] if statement == "DML" else []
        self.columns, self.rows, self.page = columns, header + rows, page
        self.reason, self.statement = reason, statement
        self.states: Iterator[str] = iter(states)
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.raises: Exception | None = None

    def start_query_execution(self, **request: Any) -> dict[str, Any]:
        if self.raises:
            raise self.raises
        self.started.append(request)
        return {"QueryExecutionId": "id-1"}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        status = {"State": next(self.states), "StateChangeReason": self.reason}
        statistics = {"DataScannedInBytes": 4096, "EngineExecutionTimeInMillis": 12}
        execution = {"QueryExecutionId": QueryExecutionId, "Status": status, "Statistics": statistics}
        return {"QueryExecution": {**execution, "StatementType": self.statement}}

    def stop_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        self.stopped.append(QueryExecutionId)
        return {}

    def get_query_results(self, *, QueryExecutionId: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:
        assert MaxResults == 1000
        start = int(NextToken)
        rows = [
            {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
            for row in self.rows[start : start + self.page]
        ]
        info = [{"Name": name, "Type": kind} for name, kind in self.columns]
        answer: dict[str, Any] = {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": info}}}
        if start + self.page < len(self.rows):
            answer["NextToken"] = str(start + self.page)
        return answer


def engine(client: FakeAthena, time: VirtualTime | None = None, timeout_s: float = 60) -> AthenaEngine:
    time = time or VirtualTime()
    return AthenaEngine(client, timeout_s=timeout_s, sleep=time.sleep, clock=time.clock)


def test_an_answer_is_typed_and_says_what_it_cost() -> None:
    client = FakeAthena(columns=[("n", "bigint"), ("word", "varchar")], rows=[["1", ""], [None, None]])
    answer = engine(client).run("SELECT 1", ["'x'"], database="lake", workgroup="people")
    assert answer.columns == (Column("n", "bigint"), Column("word", "varchar"))
    assert answer.rows == [(1, ""), (None, None)]
    assert (answer.bytes_scanned, answer.engine_ms, answer.query_id) == (4096, 12, "id-1")
    [request] = client.started
    assert request["ExecutionParameters"] == ["'x'"]
    assert request["QueryExecutionContext"] == {"Database": "lake"}
    assert request["WorkGroup"] == "people"


def test_all_pages_are_read_and_the_header_is_no_row() -> None:
    client = FakeAthena(columns=[("n", "bigint")], rows=[[str(n)] for n in range(25)], page=10)
    assert [row for (row,) in engine(client).run("q", database="d", workgroup="w").rows] == list(range(25))


def test_a_row_that_looks_like_the_header_is_kept() -> None:
    client = FakeAthena(columns=[("word", "varchar")], rows=[["word"]])
    assert engine(client).run("q", database="d", workgroup="w").rows == [("word",)]


def test_show_has_no_header_and_may_leave_cells_out() -> None:
    client = FakeAthena(columns=[("a", "string"), ("b", "string")], rows=[["x"]], statement="UTILITY")
    assert engine(client).run("SHOW TABLES", database="d", workgroup="w").rows == [("x", None)]


def test_the_one_cell_of_describe_is_parted_into_its_columns() -> None:
    columns = [("col_name", "string"), ("data_type", "string"), ("comment", "string")]
    rows: list[list[str | None]] = [["dt                  \tstring              \t                    "]]
    client = FakeAthena(columns=columns, rows=rows, statement="DDL")
    assert engine(client).run("DESCRIBE verdicts", database="d", workgroup="w").rows == [("dt", "string", None)]


def test_waiting_grows_longer_up_to_two_seconds() -> None:
    time = VirtualTime()
    client = FakeAthena(columns=[("n", "bigint")], rows=[], states=("QUEUED", *["RUNNING"] * 20, "SUCCEEDED"))
    engine(client, time).run("q", database="d", workgroup="w")
    assert time.pauses[0] < 0.1
    assert time.pauses == sorted(time.pauses)
    assert time.pauses[-1] == 2.0
    assert client.stopped == []


def test_a_query_that_takes_too_long_is_stopped_at_athena() -> None:
    client = FakeAthena(columns=[], rows=[], states=("RUNNING",) * 100)
    with pytest.raises(QueryStopped, match="no answer after 5 s"):
        engine(client, timeout_s=5).run("q", database="d", workgroup="w")
    assert client.stopped == ["id-1"]


def test_ctrl_c_stops_the_query_at_athena() -> None:
    client = FakeAthena(columns=[], rows=[], states=("RUNNING",) * 100)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AthenaEngine(client, sleep=interrupted, clock=lambda: 0.0).run("q", database="d", workgroup="w")
    assert client.stopped == ["id-1"]


def test_a_failure_carries_athenas_reason_and_what_to_do_next() -> None:
    reason = "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"
    client = FakeAthena(columns=[], rows=[], states=("FAILED",), reason=reason)
    with pytest.raises(QueryFailed) as caught:
        engine(client).run("q", database="d", workgroup="w")
    assert caught.value.reason == reason
    assert "DESCRIBE current_verdicts" in caught.value.hint
    assert caught.value.query_id == "id-1"


def test_a_query_that_somebody_stopped_is_no_answer() -> None:
    client = FakeAthena(columns=[], rows=[], states=("CANCELLED",))
    with pytest.raises(QueryStopped, match="CANCELLED"):
        engine(client).run("q", database="d", workgroup="w")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (NoCredentialsError(), EngineUnreachable, "streamkeeper up"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), EngineUnreachable, "http://127.0.0.1:1"),
        (
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "StartQueryExecution"),
            EngineUnreachable,
            "glue:Get",
        ),
        (
            ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "no"}}, "GetQueryExecution"),
            EngineUnreachable,
            "later",
        ),
        (ClientError({"Error": {"Code": "InvalidRequestException", "Message": "odd"}}, "x"), QueryFailed, "odd"),
    ],
)
def test_what_boto3_raises_becomes_what_to_do(error: Exception, kind: type[Exception], said: str) -> None:
    client = FakeAthena(columns=[], rows=[])
    client.raises = error
    with pytest.raises(kind, match=said):
        engine(client).run("q", database="d", workgroup="w")


@pytest.mark.parametrize(
    ("code", "hint"),
    [("AccessDenied", ""), ("AccessDeniedException", ""), ("ThrottlingException", " (try again later)")],
)
def test_what_another_service_refuses_is_not_explained_by_athenas_rights(code: str, hint: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "no"}}, "ListStackResources")
    assert str(failure_of(error)) == f"{code}: no{hint}"


def test_a_statement_longer_than_athena_takes_is_not_sent() -> None:
    client = FakeAthena(columns=[], rows=[])
    with pytest.raises(QueryFailed, match="262144 bytes"):
        engine(client).run("x" * 262_145, database="d", workgroup="w")
    assert client.started == []


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bigint", "9007199254740993", 9007199254740993),
        ("tinyint", "-1", -1),
        ("double", "1.0E10", 1e10),
        ("double", "Infinity", float("inf")),
        ("decimal(38,2)", "12345678901234567890123456789012345.67", Decimal("12345678901234567890123456789012345.67")),
        ("boolean", "false", False),
        ("date", "2026-11-20", date(2026, 11, 20)),
        ("timestamp", "2026-11-20 09:30:00.125", datetime(2026, 11, 20, 9, 30, 0, 125000)),
        ("timestamp(6)", "2026-11-20 09:30:00.000001", datetime(2026, 11, 20, 9, 30, 0, 1)),
        ("timestamp with time zone", "2026-11-20 09:30:00.000 UTC", datetime(2026, 11, 20, 9, 30)),
        ("timestamp with time zone", "2026-11-20 09:30:00.000 Asia/Tokyo", datetime(2026, 11, 20, 0, 30)),
        ("timestamp(3) with time zone", "2026-11-20 09:30:00.000 +02:00", datetime(2026, 11, 20, 7, 30)),
        ("json", '{"a":[1,2]}', {"a": [1, 2]}),
        ("array", "[a, b]", "[a, b]"),
        ("varchar", "NULL", "NULL"),
        ("varchar", None, None),
    ],
)
def test_each_type_of_athena_has_one_value_in_python(kind: str, text: str | None, value: Value) -> None:
    found = from_text(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("timestamp", "12345-01-01 00:00:00"), ("double", "1e999"), ("date", "-0044-03-15"), ("bigint", "secret")],
)
def test_a_cell_out_of_range_is_refused_without_being_shown(kind: str, text: str) -> None:
    client = FakeAthena(columns=[("at", kind)], rows=[[text]])
    with pytest.raises(QueryFailed, match=f"column at: a cell of type {kind}") as caught:
        engine(client).run("q", database="d", workgroup="w")
    assert text not in str(caught.value)
