"""Athena's API through boto3: start, wait, read; and stop, when nobody waits any more."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from athena.engine import (
    MAX_SQL_BYTES,
    Answer,
    Column,
    EngineError,
    EngineUnreachable,
    QueryFailed,
    QueryStopped,
    hint_for,
)
from athena.values import Value, from_text

FIRST_POLL_S = 0.02
LONGEST_POLL_S = 2.0
TIMEOUT_S = 1800.0
"""How long a query may take; Athena's own limit on DML, by default.

Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html (2026-11-20)
"""

WHERE_TO_LOOK = (
    "start the laptop runtime with `streamkeeper up` and paste the lines it prints, or configure AWS credentials"
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"})


class AthenaEngine:
    """Runs statements on Athena, or on the laptop runtime when the environment names its endpoint.

    Args:
        client: a boto3 Athena client; :func:`connect` makes one.
        timeout_s: seconds after which a query is stopped.
        sleep: how to wait so many seconds.
        clock: seconds that only ever grow.
    """

    def __init__(
        self,
        client: Any,
        *,
        timeout_s: float = TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._clock = clock

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        """The answer to one statement; see :class:`athena.engine.Engine`.

        Ctrl-C stops the query at Athena too, so that it scans and bills no further.
        """
        if len(sql.encode("utf-8", "surrogatepass")) > MAX_SQL_BYTES:
            raise QueryFailed(f"the statement is longer than {MAX_SQL_BYTES} bytes", hint="put long lists into a table")
        request: dict[str, Any] = {
            "QueryString": sql,
            "QueryExecutionContext": {"Database": database},
            "WorkGroup": workgroup,
        }
        if parameters:
            request["ExecutionParameters"] = list(parameters)
        query_id = str(self._call("start_query_execution", request)["QueryExecutionId"])
        try:
            execution = self._wait(query_id)
        except BaseException:
            # Ctrl-C, a timeout or a lost connection: nobody will read this answer.
            self._stop(query_id)
            raise
        columns, rows = self._read(query_id, has_header=execution.get("StatementType") == "DML")
        statistics = execution.get("Statistics", {})
        return Answer(
            columns=columns,
            rows=rows,
            bytes_scanned=int(statistics.get("DataScannedInBytes", 0)),
            engine_ms=int(statistics.get("EngineExecutionTimeInMillis", 0)),
            query_id=query_id,
        )

    def _wait(self, query_id: str) -> dict[str, Any]:
        deadline = self._clock() + self._timeout_s
        pause = FIRST_POLL_S
        while True:
            execution = self._call("get_query_execution", {"QueryExecutionId": query_id})["QueryExecution"]
            status = execution["Status"]
            state = status["State"]
            if state == "SUCCEEDED":
                return dict(execution)
            if state in ("FAILED", "CANCELLED"):
                reason = status.get("StateChangeReason") or f"the query ended as {state} without a reason"
                failure = QueryFailed if state == "FAILED" else QueryStopped
                raise failure(reason, hint=hint_for(reason), query_id=query_id)
            if self._clock() + pause > deadline:
                raise QueryStopped(
                    f"no answer after {self._timeout_s:g} s; the query was stopped",
                    hint="ask for fewer days with a condition on dt",
                    query_id=query_id,
                )
            self._sleep(pause)
            pause = min(pause * 1.5, LONGEST_POLL_S)

    def _stop(self, query_id: str) -> None:
        try:
            self._client.stop_query_execution(QueryExecutionId=query_id)
        except (ClientError, BotoCoreError):
            # The reason for stopping is on its way to the caller and matters more; a finished query cannot be stopped.
            return

    def _read(self, query_id: str, *, has_header: bool) -> tuple[tuple[Column, ...], list[tuple[Value, ...]]]:
        columns: tuple[Column, ...] = ()
        rows: list[tuple[Value, ...]] = []
        for number, page in enumerate(self._pages(query_id)):
            result = page["ResultSet"]
            found = result.get("Rows", [])
            if number == 0:
                described = result.get("ResultSetMetadata", {}).get("ColumnInfo", [])
                columns = tuple(Column(str(column["Name"]), str(column["Type"])) for column in described)
                # A SELECT's first row repeats the column names; that of SHOW and DESCRIBE is already data.
                if has_header and found and _texts(found[0], len(columns)) == [column.name for column in columns]:
                    found = found[1:]
            for row in found:
                texts = _texts(row, len(columns))
                rows.append(tuple(_value(column, text) for column, text in zip(columns, texts, strict=True)))
        return columns, rows

    def _pages(self, query_id: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"QueryExecutionId": query_id, "MaxResults": 1000}
        while True:
            page = self._call("get_query_results", request)
            yield page
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            raise failure_of(error) from error
        return answer


def connect(*, timeout_s: float = TIMEOUT_S) -> AthenaEngine:
    """An engine on the Athena that the environment names: region, credentials, and ``AWS_ENDPOINT_URL`` if set.

    Raises:
        EngineUnreachable: no region is configured.
    """
    try:
        client = boto3.client(
            "athena", region_name=region(), config=Config(retries={"mode": "standard", "max_attempts": 6})
        )
    except BotoCoreError as error:
        raise failure_of(error) from error
    return AthenaEngine(client, timeout_s=timeout_s)


def region() -> str | None:
    """The region to ask: ``AWS_REGION``, which boto3 leaves out, else what boto3 finds in environment and profile."""
    return os.environ.get("AWS_REGION") or boto3.Session().region_name


def failure_of(error: Exception) -> EngineError:
    """What a boto3 error means to somebody who asked a question."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return EngineUnreachable("no AWS credentials were found", hint=WHERE_TO_LOOK)
    if isinstance(error, NoRegionError):
        return EngineUnreachable("no AWS region is configured", hint=f"set AWS_REGION; {WHERE_TO_LOOK}")
    if isinstance(error, EndpointConnectionError):
        url = error.kwargs.get("endpoint_url", "the endpoint")
        return EngineUnreachable(f"nothing answers at {url}", hint=WHERE_TO_LOOK)
    if isinstance(error, ConnectionError):
        return EngineUnreachable(f"the connection to Athena broke ({type(error).__name__})", hint="try again")
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        message = str(error.response.get("Error", {}).get("Message", ""))
        if code in _DENIED:
            return EngineUnreachable(f"{code}: {message}", hint=hint_for("ACCESS DENIED"))
        if code in ("TooManyRequestsException", "ThrottlingException"):
            return EngineUnreachable(
                f"{code}: {message}", hint="Athena takes no more queries just now; try again later"
            )
        return QueryFailed(f"{code}: {message}", hint=hint_for(message))
    return EngineUnreachable(f"{type(error).__name__}: {error}", hint=WHERE_TO_LOOK)


def _texts(row: dict[str, Any], width: int) -> list[str | None]:
    texts = [cell.get("VarCharValue") for cell in row.get("Data", [])]
    if len(texts) == 1 < width and texts[0] is not None:
        # DESCRIBE answers with one cell, its columns padded and parted by tabs.
        texts = [part.strip() or None for part in texts[0].split("\t")][:width]
    # SHOW and DESCRIBE leave cells out where the last ones are null.
    return [*texts, *([None] * (width - len(texts)))]


def _value(column: Column, text: str | None) -> Value:
    try:
        return from_text(column.type, text)
    except ValueError as error:
        raise QueryFailed(f"column {column.name}: {error}") from None
