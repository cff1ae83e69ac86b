"""A statement on Athena: waited for, and stopped there when nobody waits any more."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from glue.aws.statements import StatementError, run_statement
from glue.terminal.signals import Stop, stopping


class Athena:
    """Answers with these states, one a call."""

    def __init__(self, *states: str, reason: str | None = None) -> None:
        self._states: Iterator[str] = iter(states)
        self._reason = {} if reason is None else {"StateChangeReason": reason}
        self.stopped: list[str] = []
        self.request: dict[str, Any] = {}

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.request = request
        return {"QueryExecutionId": "id-1"}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        return {
            "QueryExecution": {
                "QueryExecutionId": QueryExecutionId,
                "Status": {"State": next(self._states, "RUNNING"), **self._reason},
            }
        }

    def stop_query_execution(self, *, QueryExecutionId: str) -> None:
        self.stopped.append(QueryExecutionId)


class Time:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def run(athena: Athena, time: Time, **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"sleep": time.sleep, "clock": time.clock, **more}
    return run_statement(athena, "SELECT 1", database="d", workgroup="w", **settings)


def test_the_execution_that_succeeded_is_given_back() -> None:
    athena = Athena("QUEUED", "RUNNING", "SUCCEEDED")
    assert run(athena, Time())["QueryExecutionId"] == "id-1"
    assert athena.stopped == []
    assert athena.request == {
        "QueryString": "SELECT 1",
        "QueryExecutionContext": {"Database": "d"},
        "WorkGroup": "w",
    }


@pytest.mark.parametrize(("state", "is_stopped"), [("FAILED", False), ("CANCELLED", True)])
def test_a_statement_that_ends_without_an_answer_says_why(state: str, is_stopped: bool) -> None:
    with pytest.raises(StatementError, match="no such table") as caught:
        run(Athena("RUNNING", state, reason="no such table"), Time())
    assert (caught.value.query_id, caught.value.is_stopped, caught.value.is_late) == ("id-1", is_stopped, False)


def test_a_statement_beyond_its_time_limit_is_stopped_at_athena() -> None:
    athena, time = Athena(), Time()
    with pytest.raises(StatementError, match="no answer after 60 s") as caught:
        run(athena, time, time_limit=60)
    assert caught.value.is_late
    assert athena.stopped == ["id-1"]
    assert 55 < time.now <= 60


def test_the_time_limit_is_half_an_hour() -> None:
    time = Time()
    with pytest.raises(StatementError):
        run(Athena(), time)
    assert 1795 < time.now <= 1800


def test_a_wish_to_stop_ends_the_wait_and_the_statement() -> None:
    athena, stop = Athena(), Stop()

    def sleep(seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with stopping(stop), pytest.raises(KeyboardInterrupt):
        run(athena, Time(), sleep=sleep)
    assert athena.stopped == ["id-1"]
    assert stop()


def test_a_connection_that_breaks_stops_the_statement_when_it_can() -> None:
    broken = ClientError({"Error": {"Code": "InternalServerException"}}, "GetQueryExecution")

    class Breaking(Athena):
        def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
            raise broken

        def stop_query_execution(self, *, QueryExecutionId: str) -> None:
            super().stop_query_execution(QueryExecutionId=QueryExecutionId)
            raise broken

    athena = Breaking()
    with pytest.raises(ClientError):
        run(athena, Time())
    assert athena.stopped == ["id-1"]
