"""Firehose, EventBridge and DynamoDB behind the consumer's ports.

Every failure is one of two: it may pass (TransientError), or it will not (DefectError). Neither carries what was sent.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, TypeVar

import msgspec
import pybase64
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionError_
from botocore.session import Session, get_session
from msgspec.structs import astuple

from consumers.ports import DefectError, Status, TransientError
from glue.aws.bodies import OwnBody
from glue.aws.errors import EXPIRED, PASSING, code_of, passes
from glue.contract import Notice
from glue.ports import TimeSource

SOURCE = "streamkeeper"
DETAIL_TYPE = "Content Verdict"

SETTLE_SECONDS = 20
"""How far ahead the time of a change lies: more than one call takes, and than clocks differ."""
EVERYBODY = "*"
"""The feed of all who are of no tenant; no tenant may have this name."""

_CONFIG = Config(
    # Two tries inside the SDK; the consumer's own retry resends what is left, within the invocation's time.
    retries={"mode": "standard", "total_max_attempts": 2},
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=16,
    tcp_keepalive=True,
    # Parameters are made here, in one form; checking them on every call costs more than making them.
    parameter_validation=False,
)

Answer = TypeVar("Answer")
_session_lock = threading.Lock()
"""A session is not made for several threads; its clients are."""


def make_client(service: str, config: Config = _CONFIG) -> Any:
    """A client for one service, with short time-outs; region, endpoint and credentials come from the environment."""
    with _session_lock:
        session = _session()
        # botocore puts its description of itself together anew for every call, for a tenth of the call's cost.
        return session.create_client(service, config=config.merge(Config(user_agent=session.user_agent())))


@cache
def _session() -> Session:
    # The clients are those that boto3 would make: it adds resources and transfers, which nothing here needs, and an
    # eighth to a cold start.
    return get_session()


def call(operation: str, method: Callable[..., Answer], **parameters: object) -> Answer:
    """The answer to one call.

    Raises:
        TransientError: it may pass.
        DefectError: it will not.
    """
    try:
        return method(**parameters)
    except ClientError as error:
        code = code_of(error)
        # Credentials of a role that have just run out are renewed by the next try.
        if passes(error) or code in EXPIRED:
            raise TransientError(code) from None
        raise RefusedError(operation, code) from None
    except (HTTPClientError, ConnectionError_) as error:
        raise TransientError(type(error).__name__) from None
    except BotoCoreError as error:
        raise DefectError(f"{operation} cannot be called: {type(error).__name__}") from None


class RefusedError(DefectError):
    """AWS refused a call in a way that no retry mends.

    Args:
        operation: as IAM names it.
        code: AWS's name of the error.
    """

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(
            f"{operation} was refused: {code}. Check the function's role, and that the names in its settings exist."
        )
        self.code = code


class FirehoseStreams:
    """Delivery streams of Firehose. Source: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html"""

    def __init__(self, client: Any) -> None:
        self._put = OwnBody(client, "put_record_batch")

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        """For each record None or the error's code; see :class:`consumers.ports.DeliveryStreams`."""
        response = call(
            "firehose:PutRecordBatch",
            self._put,
            body=_put_record_batch(stream, records),
            DeliveryStreamName=stream,
            Records=[],
        )
        # A record counts only with its own id, whatever FailedPutCount says.
        return [
            None if entry.get("RecordId") else str(entry.get("ErrorCode") or "NoRecordId")
            for entry in response["RequestResponses"]
        ]


def _put_record_batch(stream: str, records: Sequence[bytes]) -> bytes:
    """One PutRecordBatch request as JSON.

    >>> _put_record_batch("rows", [b"data"])
    b'{"DeliveryStreamName":"rows","Records":[{"Data":"ZGF0YQ=="}]}'
    """
    data = b'"},{"Data":"'.join(map(pybase64.b64encode, records))
    return b'{"DeliveryStreamName":%s,"Records":[{"Data":"%s"}]}' % (msgspec.json.encode(stream), data)


class EventBridgeBus:
    """One EventBridge bus. Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

    def __init__(self, client: Any, bus_name: str) -> None:
        self._put = client.put_events
        self._bus_name = bus_name

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        """For each notice None or the error's code; see :class:`consumers.ports.EventBus`."""
        entries = [
            {
                "EventBusName": self._bus_name,
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": msgspec.json.encode(notice).decode(),
            }
            for notice in notices
        ]
        response = call("events:PutEvents", self._put, Entries=entries)
        errors: list[str | None] = []
        for entry in response["Entries"]:
            code = None if entry.get("EventId") else str(entry.get("ErrorCode") or "NoEventId")
            if code is not None and code not in PASSING | EXPIRED and code != "NoEventId":
                raise RefusedError("events:PutEvents", code)
            errors.append(code)
        return errors


class Changes:
    """Puts a status into the feed of changes, of which a reader is told in the order of times.

    A reader that has got to a time asks for what came later, so nothing may come into the feed before a time that was
    told already. One call here ends after two tries of seven seconds and a pause, or fails; so a status has a time that
    lies ahead by more than that, and is told when its time has come. A call that failed is made again with a later one:
    docs/decisions/0049-waiting-by-a-function-changes-by-an-index.md.

    Args:
        clock: time.
        tenants: whether each tenant, whose name stands before the colon of its content's ids, has a feed of its own.
    """

    def __init__(self, clock: TimeSource, *, tenants: bool) -> None:
        self._clock = clock
        self._tenants = tenants

    def of(self, status: Status) -> dict[str, dict[str, object]]:
        """The attributes of a status that is about to be written."""
        tenant, colon, _ = status.content_id.partition(":")
        at = int((self._clock.now() + SETTLE_SECONDS) * 1000)
        return {
            "feed": {"S": tenant if self._tenants and colon else EVERYBODY},
            "changed": {"S": f"{at:013d}-{status.verdict_id}"},
        }


class DynamoDBStatusTable:
    """One DynamoDB table, key ``content_id``, time to live in ``expires_at``.

    Most statuses are the first of their content, so that many are inserted by one call. What is there already is judged
    by its order key, in a call of its own: docs/decisions/0023-statuses-by-the-batch.md.
    """

    def __init__(self, client: Any, table: str, *, changes: Changes | None = None) -> None:
        self._insert = OwnBody(client, "batch_execute_statement")
        self._update = client.update_item
        self._table = table
        self._changes = changes
        fields = [*_FIELDS, *(("feed", "changed") if changes else ())]
        # A table's name holds no quotes; values go as parameters, never into the text.
        item = "{" + ", ".join(f"'{name}': ?" for name in fields) + "}"
        self._statement = f'INSERT INTO "{table}" VALUE {item}'
        others = [name for name in fields if name != "content_id"]
        self._set = "SET " + ", ".join(f"#{name} = :{name}" for name in others)
        # Every name by alias: some, such as "action", are reserved words of DynamoDB.
        self._names = {f"#{name}": name for name in others}

    def put(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        """For each status None or the error's code; see :class:`consumers.ports.StatusTable`."""
        if len(statuses) == 1:
            self._write(statuses[0])
            return [None]
        response = call(
            "dynamodb:PartiQLInsert",
            self._insert,
            body=msgspec.json.encode(
                {
                    "Statements": [
                        {"Statement": self._statement, "Parameters": list(self._values(status).values())}
                        for status in statuses
                    ]
                }
            ),
            Statements=[],
        )
        answers = response.get("Responses") or ()
        return [self._outcome(status, answer) for status, answer in zip_longest(statuses, answers[: len(statuses)])]

    def _outcome(self, status: Status, answer: Mapping[str, Any] | None) -> str | None:
        if answer is not None:
            if not (error := answer.get("Error")):
                return None
            code = str(error.get("Code") or "Unknown")
            if code in _PASSING_STATEMENTS:
                return code
            if code != "DuplicateItem":
                raise RefusedError("dynamodb:PartiQLInsert", code)
        # A status of this content is there, or nothing was said of it.
        try:
            self._write(status)
        except TransientError as error:
            return error.code
        return None

    def _write(self, status: Status) -> None:
        values = self._values(status)
        content_id = values.pop("content_id")
        try:
            call(
                "dynamodb:UpdateItem",
                self._update,
                TableName=self._table,
                Key={"content_id": content_id},
                UpdateExpression=self._set,
                # The greatest key wins in whatever order writes come, and a repeated write changes nothing.
                ConditionExpression="attribute_not_exists(#order_key) OR #order_key < :order_key",
                ExpressionAttributeNames=self._names,
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
            )
        except RefusedError as refused:
            if refused.code != "ConditionalCheckFailedException":
                raise

    def _values(self, status: Status) -> dict[str, dict[str, object]]:
        return _values(status) | (self._changes.of(status) if self._changes else {})


def _values(status: Status) -> dict[str, dict[str, object]]:
    """The attributes of a status's item, in the order of its fields."""
    values: dict[str, dict[str, object]] = {
        name: {"S": value} for name, value in zip(_FIELDS, astuple(status), strict=True)
    }
    values["labels"] = {"L": [{"S": label} for label in status.labels]}
    values["expires_at"] = {"N": str(status.expires_at)}
    return values


_FIELDS = Status.__struct_fields__
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html
_PASSING_STATEMENTS = frozenset(
    {
        "RequestLimitExceeded",
        "ProvisionedThroughputExceeded",
        "TransactionConflict",
        "ThrottlingError",
        "InternalServerError",
    }
)
