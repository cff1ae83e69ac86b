"""One statement on Athena from start to end; stopped there too when nobody waits any more."""

from collections.abc import Callable, Sequence
from typing import Any

from glue.aws.errors import AWS_ERRORS
from glue.terminal.signals import interruptible

TIME_LIMIT = 1800.0
"""Seconds that a statement may take; Athena's own limit on DML, by default.

Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
"""
FIRST_POLL = 0.02
LONGEST_POLL = 2.0


class StatementError(Exception):
    """A statement that ended without an answer.

    Args:
        reason: what Athena said, or that it took too long.
        query_id: Athena's id of the execution.
        is_stopped: whether it was stopped, by somebody or by the time limit, rather than failed.
        is_late: whether it was the time limit.
    """

    def __init__(self, reason: str, *, query_id: str, is_stopped: bool, is_late: bool = False) -> None:
        super().__init__(reason)
        self.query_id = query_id
        self.is_stopped = is_stopped
        self.is_late = is_late


def run_statement(
    client: Any,
    sql: str,
    parameters: Sequence[str] = (),
    *,
    database: str,
    workgroup: str,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
    time_limit: float = TIME_LIMIT,
) -> dict[str, Any]:
    """The execution that has succeeded, as GetQueryExecution describes it.

    Whatever ends the wait before that (the time limit, Ctrl-C, a broken connection) stops the query at Athena too, so
    that it scans and bills no further.

    Args:
        client: of Athena.
        sql: one statement; ``?`` stands for a parameter.
        parameters: SQL literals.
        database: where unqualified names are looked up.
        workgroup: whose limits and result location hold.
        sleep: how to wait so many seconds.
        clock: seconds that only ever grow.
        time_limit: seconds.

    Raises:
        StatementError: it failed, was stopped, or took too long.
        Exception: one of :data:`glue.aws.errors.AWS_ERRORS`: a call failed.
    """
    request: dict[str, Any] = {
        "QueryString": sql,
        "QueryExecutionContext": {"Database": database},
        "WorkGroup": workgroup,
    }
    if parameters:
        request["ExecutionParameters"] = list(parameters)
    query_id = str(client.start_query_execution(**request)["QueryExecutionId"])
    try:
        with interruptible():
            return _wait(client, query_id, sleep=sleep, clock=clock, time_limit=time_limit)
    except BaseException:
        stop_statement(client, query_id)
        raise


def stop_statement(client: Any, query_id: str) -> None:
    """Stops a query; a finished one stays as it is."""
    try:
        client.stop_query_execution(QueryExecutionId=query_id)
    except AWS_ERRORS:
        # The reason for stopping is on its way to the caller and matters more.
        return


def _wait(
    client: Any, query_id: str, *, sleep: Callable[[float], None], clock: Callable[[], float], time_limit: float
) -> dict[str, Any]:
    deadline = clock() + time_limit
    pause = FIRST_POLL
    while True:
        execution = client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        state = execution["Status"]["State"]
        if state == "SUCCEEDED":
            return dict(execution)
        if state in ("FAILED", "CANCELLED"):
            reason = execution["Status"].get("StateChangeReason") or f"the query ended as {state} without a reason"
            raise StatementError(reason, query_id=query_id, is_stopped=state == "CANCELLED")
        if clock() + pause > deadline:
            raise StatementError(
                f"no answer after {time_limit:g} s; the query was stopped",
                query_id=query_id,
                is_stopped=True,
                is_late=True,
            )
        sleep(pause)
        pause = min(pause * 1.5, LONGEST_POLL)
