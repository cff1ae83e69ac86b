"""What topics and log groups send on: to our functions and streams, where moto would look for its own.

Sources (read 2026-11-30): https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html (the event of a topic),
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html (the document of a log group).
"""

import gzip
import json
import logging
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.awslambda.functions import Functions
from infra.local.errors import ApiError
from infra.local.moto_backend import MotoBackend

_logger = logging.getLogger(__name__)

ATTEMPTS: Final = 3
"""Of an asynchronous invocation, at once one after the other. Source: lambda/latest/dg/invocation-async.html"""
_CONTROL: Final = "CWL CONTROL MESSAGE: Checking health of destination"
_MOTOS: Final[dict[str, Any]] = {}
"""moto's own methods, which are put back."""

Put = Callable[[str, bytes, str], object]
"""Puts data into the stream of that name; the last is a partition key."""


class Subscriptions:
    """Sends on what topics and log groups have for functions and streams.

    Args:
        moto: whose topics and log groups they are.
        functions: invoked asynchronously.
        put_firehose, put_kinesis: ApiError when there is no such stream.
    """

    def __init__(self, moto: MotoBackend, functions: Functions, *, put_firehose: Put, put_kinesis: Put) -> None:
        self._moto = moto
        self._functions = functions
        self._put = {"firehose": put_firehose, "kinesis": put_kinesis}
        self._pool = ThreadPoolExecutor(4, "asynchronous-invocations")
        self._under_way = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Takes the place of moto's own ways."""
        from moto.logs.models import LogsBackend, LogStream
        from moto.sns.models import Subscription

        publish = _MOTOS.setdefault("publish", Subscription.publish)
        put_filter = _MOTOS.setdefault("put_subscription_filter", LogsBackend.put_subscription_filter)
        _MOTOS.setdefault("_send_log_events", LogStream._send_log_events)

        def published(subscription: Any, message: str, message_id: str, *given: Any, **named: Any) -> None:
            if subscription.protocol == "lambda":
                self._publish(subscription, message, message_id, *given, **named)
            else:
                publish(subscription, message, message_id, *given, **named)

        def filter_put(
            backend: Any,
            log_group_name: str,
            filter_name: str,
            filter_pattern: str,
            destination_arn: str,
            role_arn: str,
        ) -> None:
            group = backend.groups.get(log_group_name)
            if group is None or destination_arn.split(":")[2] not in ("lambda", "firehose", "kinesis"):
                put_filter(backend, log_group_name, filter_name, filter_pattern, destination_arn, role_arn)
                return
            self._greet(destination_arn)
            group.put_subscription_filter(filter_name, filter_pattern, destination_arn, role_arn)

        def sent(
            stream: Any, service: str, destination_arn: str, filter_name: str, log_events: list[dict[str, Any]]
        ) -> None:
            self._send_log(stream, destination_arn, filter_name, log_events)

        Subscription.publish = published
        LogsBackend.put_subscription_filter = filter_put
        LogStream._send_log_events = sent

    def stop(self) -> None:
        """Puts moto's ways back, once what is under way is done."""
        from moto.logs.models import LogsBackend, LogStream
        from moto.sns.models import Subscription

        self._pool.shutdown(wait=True, cancel_futures=True)
        if _MOTOS:
            Subscription.publish = _MOTOS["publish"]
            LogsBackend.put_subscription_filter = _MOTOS["put_subscription_filter"]
            LogStream._send_log_events = _MOTOS["_send_log_events"]

    def idle(self) -> bool:
        """Whether no invocation is under way."""
        with self._lock:
            return self._under_way == 0

    def flush(self) -> None:
        """Nothing waits here."""

    def invoke(self, function_arn: str, event: bytes) -> None:
        """Invokes a function later, up to three times."""
        with self._lock:
            self._under_way += 1
        try:
            self._pool.submit(self._invoke, function_arn, event)
        except RuntimeError:  # the runtime is ending
            self._done()

    def _invoke(self, function_arn: str, event: bytes) -> None:
        try:
            for _ in range(ATTEMPTS):
                if self._functions.invoke(function_arn, event).error is None:
                    return
            _logger.warning("%s failed %d times with an asynchronous event", function_arn, ATTEMPTS)
        except ApiError as error:
            _logger.warning("%s was not invoked: %s", function_arn, error.code)
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._under_way -= 1

    # ------------------------------------------------------------------------------------------------ topics

    def _publish(
        self,
        subscription: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        matcher = subscription._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if message_structure == "json":
            message = subscription._parse_message_structure(message, "lambda")
        event = {
            "Records": [
                {
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": subscription.arn,
                    "EventSource": "aws:sns",
                    "Sns": {
                        "SignatureVersion": "1",
                        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                        "Signature": "EXAMPLE",
                        "SigningCertUrl": "EXAMPLE",
                        "MessageId": message_id,
                        "Message": message,
                        "MessageAttributes": message_attributes or {},
                        "Type": "Notification",
                        "UnsubscribeUrl": "EXAMPLE",
                        "TopicArn": subscription.topic.arn,
                        "Subject": subject,
                    },
                }
            ]
        }
        self.invoke(subscription.endpoint, json.dumps(event).encode())

    # ------------------------------------------------------------------------------------------------ log groups

    def _send_log(self, stream: Any, arn: str, filter_name: str, log_events: list[dict[str, Any]]) -> None:
        from moto.logs.utils import EventMessageFilter

        pattern = stream.log_group.subscription_filters[filter_name].filter_pattern or ""
        passing = [event for event in log_events if EventMessageFilter(pattern).matches(event["message"])]
        if not passing:
            return
        document = {
            "messageType": "DATA_MESSAGE",
            "owner": stream.account_id,
            "logGroup": stream.log_group.name,
            "logStream": stream.log_stream_name,
            "subscriptionFilters": [filter_name],
            "logEvents": [{**event, "id": f"{event['id']:056d}"} for event in passing],
        }
        try:
            self._hand_over(arn, document)
        except ApiError as error:
            _logger.warning("a log group's events were not taken by %s: %s", arn, error.code)

    def _greet(self, arn: str) -> None:
        """What a new subscription sends first.

        Raises:
            InvalidParameterException: moto's, when there is no such destination.
        """
        from moto.logs.exceptions import InvalidParameterException

        event = {"id": "", "timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": _CONTROL}
        try:
            if ":lambda:" in arn:
                self._functions.get(arn)
                return
            self._hand_over(
                arn,
                {
                    "messageType": "CONTROL_MESSAGE",
                    "owner": "CloudwatchLogs",
                    "logGroup": "",
                    "logStream": "",
                    "subscriptionFilters": [],
                    "logEvents": [event],
                },
            )
        except ApiError as error:
            raise InvalidParameterException(f"Could not deliver test message to {arn}: {error.message}") from None

    def _hand_over(self, arn: str, document: dict[str, Any]) -> None:
        packed = gzip.compress(json.dumps(document).encode(), compresslevel=1, mtime=0)
        service = arn.split(":")[2]
        if service == "lambda":
            self.invoke(arn, json.dumps({"awslogs": {"data": b64encode(packed).decode()}}).encode())
        else:
            self._put[service](arn.rpartition("/")[2], packed, str(document["logStream"] or "control"))
