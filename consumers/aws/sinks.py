"""Firehose, EventBridge and DynamoDB behind the consumer's ports.

Every failure is one of two: it may pass (TransientError), or it will not (DefectError). Neither carries what was sent.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionError_
from botocore.session import Session, get_session

from consumers.ports import DefectError, Notice, Status, TransientError

SOURCE = "streamkeeper"
DETAIL_TYPE = "Content Verdict"

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

# Error codes that pass, beside every 5xx. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_PASSING = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "ReplicatedWriteConflictException",
        # Credentials that have just run out are renewed by the next try.
        "ExpiredToken",
        "ExpiredTokenException",
    }
)

Answer = TypeVar("Answer")
_session_lock = threading.Lock()
"""A session is not made for several threads; its clients are."""


def make_client(service: str, config: Config = _CONFIG) -> Any:
    """A client for one service, with short time-outs; region, endpoint and credentials come from the environment."""
    with _session_lock:
        return _session().create_client(service, config=config)


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
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _PASSING or status >= 500 or status == 429:
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
        self._put = client.put_record_batch

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        """For each record None or the error's code; see :class:`consumers.ports.DeliveryStreams`."""
        response = call(
            "firehose:PutRecordBatch",
            self._put,
            DeliveryStreamName=stream,
            Records=[{"Data": record} for record in records],
        )
        # A record counts only with its own id, whatever FailedPutCount says.
        return [
            None if entry.get("RecordId") else str(entry.get("ErrorCode") or "NoRecordId")
            for entry in response["RequestResponses"]
        ]


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
            if code is not None and code not in _PASSING and code != "NoEventId":
                raise RefusedError("events:PutEvents", code)
            errors.append(code)
        return errors


class DynamoDBStatusTable:
    """One DynamoDB table, key ``content_id``, time to live in ``expires_at``."""

    def __init__(self, client: Any, table: str) -> None:
        self._update = client.update_item
        self._table = table

    def write(self, status: Status) -> None:
        """Keeps the status unless a later one is there; see :class:`consumers.ports.StatusTable`."""
        values: dict[str, dict[str, object]] = {
            f":{name}": {"S": getattr(status, name)} for name in status.__struct_fields__ if name not in _OTHERWISE
        }
        values[":labels"] = {"L": [{"S": label} for label in status.labels]}
        values[":expires_at"] = {"N": str(status.expires_at)}
        try:
            call(
                "dynamodb:UpdateItem",
                self._update,
                TableName=self._table,
                Key={"content_id": {"S": status.content_id}},
                UpdateExpression=_UPDATE,
                # The greatest key wins in whatever order writes come, and a repeated write changes nothing.
                ConditionExpression="attribute_not_exists(#order_key) OR #order_key < :order_key",
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=values,
            )
        except RefusedError as refused:
            if refused.code != "ConditionalCheckFailedException":
                raise


_OTHERWISE = {"content_id", "labels", "expires_at"}
_FIELDS = [name for name in Status.__struct_fields__ if name != "content_id"]
_UPDATE = "SET " + ", ".join(f"#{name} = :{name}" for name in _FIELDS)
# Every name by alias: some, such as "action", are reserved words of DynamoDB.
_NAMES = {f"#{name}": name for name in _FIELDS}


class SystemClock:
    """The real clock, and real chance."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def random(self) -> float:
        """At least 0, less than 1."""
        return random.random()  # noqa: S311 - jitter, not a secret
