"""Athena's API through boto3: start, wait, read; and stop, when nobody waits any more."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004
    EndpointConnectionError,
)
from botocore.parsers import ResponseParserError

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
from glue.aws.clients import make_client
from glue.aws.errors import AWS_ERRORS, NO_CREDENTIALS, NOT_AWS, code_of
from glue.aws.statements import TIME_LIMIT, StatementError, run_statement

WHERE_TO_LOOK = (
    "start the laptop runtime with `streamkeeper up` and paste the lines it prints, or configure AWS credentials"
)
_QUESTIONS = frozenset({"StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"})
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
        timeout_s: float = TIME_LIMIT,
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
        try:
            execution = run_statement(
                self._client,
                sql,
                parameters,
                database=database,
                workgroup=workgroup,
                sleep=self._sleep,
                clock=self._clock,
                time_limit=self._timeout_s,
            )
        except StatementError as error:
            failure = QueryStopped if error.is_stopped else QueryFailed
            hint = "ask for fewer days with a condition on dt" if error.is_late else hint_for(str(error))
            raise failure(str(error), hint=hint, query_id=error.query_id) from None
        except AWS_ERRORS as error:
            raise failure_of(error) from error
        query_id = str(execution["QueryExecutionId"])
        columns, rows = self._read(query_id, has_header=execution.get("StatementType") == "DML")
        statistics = execution.get("Statistics", {})
        return Answer(
            columns=columns,
            rows=rows,
            bytes_scanned=int(statistics.get("DataScannedInBytes", 0)),
            engine_ms=int(statistics.get("EngineExecutionTimeInMillis", 0)),
            query_id=query_id,
        )

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
        except AWS_ERRORS as error:
            raise failure_of(error) from error
        return answer


def connect(*, timeout_s: float = TIME_LIMIT) -> AthenaEngine:
    """An engine on the Athena that the environment names: region, credentials, and ``AWS_ENDPOINT_URL`` if set.

    Raises:
        UnreachableError, WrongUseError: as :func:`glue.aws.clients.make_client`.
    """
    return AthenaEngine(make_client("athena"), timeout_s=timeout_s)


def failure_of(error: Exception) -> EngineError:
    """What a boto3 error means to somebody who asked a question."""
    if isinstance(error, NO_CREDENTIALS):
        return EngineUnreachable("no AWS credentials were found", hint=WHERE_TO_LOOK)
    if isinstance(error, EndpointConnectionError):
        url = error.kwargs.get("endpoint_url", "the endpoint")
        return EngineUnreachable(f"nothing answers at {url}", hint=WHERE_TO_LOOK)
    if isinstance(error, ConnectionError):
        return EngineUnreachable(f"the connection to Athena broke ({type(error).__name__})", hint="try again")
    if isinstance(error, ClientError):
        code = code_of(error)
        message = str(error.response.get("Error", {}).get("Message", ""))
        asks = error.operation_name in _QUESTIONS
        if code in _DENIED:
            return EngineUnreachable(f"{code}: {message}", hint=hint_for("ACCESS DENIED") if asks else "")
        if code in ("TooManyRequestsException", "ThrottlingException"):
            hint = "Athena takes no more queries just now; try again later" if asks else "try again later"
            return EngineUnreachable(f"{code}: {message}", hint=hint)
        return QueryFailed(f"{code}: {message}", hint=hint_for(message))
    if isinstance(error, ResponseParserError):
        return EngineUnreachable(NOT_AWS, hint=WHERE_TO_LOOK)
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
