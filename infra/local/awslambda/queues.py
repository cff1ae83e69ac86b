"""Event source mappings of SQS queues: batches of messages to a function, deleted once it has taken them.

What it leaves becomes visible again, and goes to the queue's dead-letter queue, as the queue itself says.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html (read 2026-11-30).
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from infra.local.awslambda.filters import compile_filters, filtered_message
from infra.local.awslambda.functions import Functions
from infra.local.errors import ApiError

_logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.2
"""Between two looks at a queue."""
_RECEIVED_AT_ONCE: Final = 10
_WORKERS: Final = 2


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What AWS lets one set on a mapping of a queue."""

    uuid: str
    function_arn: str
    queue_arn: str
    batch_size: int = 10
    window_seconds: int = 0
    report_failures: bool = False
    filters: tuple[str, ...] = ()
    enabled: bool = True
    max_concurrency: int | None = None

    @property
    def workers(self) -> int:
        """Batches at the same time, on this machine."""
        return min(_WORKERS, self.max_concurrency or _WORKERS)


class QueueMapping:
    """One mapping, run by threads of its own.

    Args:
        client: a boto3 client of SQS.
        waiting: how many messages a queue holds that can be received, by its URL.
        reads: told before each time that the queue is read.
    """

    def __init__(
        self,
        settings: QueueSettings,
        *,
        functions: Functions,
        client: Any,
        url: str,
        waiting: Callable[[str], int],
        reads: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.counters = {"invocations": 0, "errors": 0, "succeeded": 0, "filtered": 0}
        self._passes = compile_filters(settings.filters)
        self._functions = functions
        self._client = client
        self._url = url
        self._waiting = waiting
        self._reads = reads
        self._under_way = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._pool = ThreadPoolExecutor(settings.workers, "queue-mapping")
        self._thread = threading.Thread(target=self._run, name="queue-mapping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it once what is under way is done."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(wait=True)

    def flush(self) -> None:
        """Sends incomplete batches without waiting for their window."""
        self._hurry.set()

    def idle(self) -> bool:
        """Whether nothing can be received and nothing is under way."""
        # In this order: a message that no longer waits is under way by then.
        waiting = self.settings.enabled and self._waiting(self._url) > 0
        with self._lock:
            return not waiting and self._under_way == 0

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                while self.settings.enabled and not self._stop.is_set() and self._free() and self._waiting(self._url):
                    with self._lock:
                        self._under_way += 1
                    try:
                        messages = self._receive()
                    except BaseException:
                        with self._lock:
                            self._under_way -= 1
                        raise
                    self._pool.submit(self._handle, messages)
            except Exception as error:
                # The queue may be gone; it is looked at again, since it may come back.
                _logger.warning("mapping %s: receiving failed: %s", self.settings.uuid, type(error).__name__)
                self._stop.wait(1.0)

    def _free(self) -> bool:
        with self._lock:
            return self._under_way < self.settings.workers

    def _receive(self) -> list[dict[str, Any]]:
        """Messages of one batch: as many as there are, or as come within the window."""
        settings = self.settings
        self._reads()
        found: list[dict[str, Any]] = []
        until = time.monotonic() + settings.window_seconds
        while len(found) < settings.batch_size:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_RECEIVED_AT_ONCE, settings.batch_size - len(found)),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            )
            messages = answer.get("Messages", [])
            found += messages
            if messages:
                continue
            if time.monotonic() >= until or self._hurry.is_set() or self._stop.wait(LOOK_SECONDS):
                break
        self._hurry.clear()
        return found

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        try:
            self._delete(self._invoke(messages))
        except Exception as error:
            _logger.warning("mapping %s: a batch failed: %s", self.settings.uuid, type(error).__name__)
        finally:
            with self._lock:
                self._under_way -= 1

    def _invoke(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The messages that are done with."""
        settings = self.settings
        records = [self._record(message) for message in messages]
        wanted: list[tuple[dict[str, Any], dict[str, Any]]] = []
        done: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for message, record in zip(messages, records, strict=True):
            passes = self._passes is None or self._passes(filtered_message(record, record["body"]))
            (wanted if passes else done).append((message, record))
        self.counters["filtered"] += len(done)
        if not wanted:
            return [message for message, _ in done]
        self.counters["invocations"] += 1
        try:
            outcome = self._functions.invoke(
                settings.function_arn, msgspec.json.encode({"Records": [record for _, record in wanted]})
            )
        except ApiError:
            return [message for message, _ in done]
        failed: set[str] | None = set()
        if outcome.error is not None:
            failed = None
        elif settings.report_failures:
            failed = failed_messages(outcome.payload, {message["MessageId"] for message, _ in wanted})
        if failed is None:
            self.counters["errors"] += 1
            return [message for message, _ in done]
        taken = [(message, record) for message, record in wanted if message["MessageId"] not in failed]
        self.counters["succeeded"] += len(taken)
        return [message for message, _ in done + taken]

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        for start in range(0, len(messages), _RECEIVED_AT_ONCE):
            entries = [
                {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]}
                for at, message in enumerate(messages[start : start + _RECEIVED_AT_ONCE])
            ]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message as the function gets it."""
        attributes = {}
        for name, given in message.get("MessageAttributes", {}).items():
            attributes[name] = {
                "stringValue": given.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": given["DataType"],
            }
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": attributes,
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.settings.queue_arn,
            "awsRegion": self.settings.queue_arn.split(":")[3],
        }


def failed_messages(payload: bytes, ids: set[str]) -> set[str] | None:
    """The ids that a function's answer reports as failed; None when the whole batch failed.

    >>> sorted(failed_messages(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', {"a", "b"}))
    ['b']
    >>> failed_messages(b'{"batchItemFailures": [{"itemIdentifier": "?"}]}', {"a", "b"}) is None
    True
    >>> failed_messages(b"null", {"a"})
    set()

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html (read 2026-11-30).
    """
    answer = msgspec.json.decode(payload) if payload else None
    if not answer:
        return set()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if failures is None:
        return set() if isinstance(answer, dict) else None
    if not isinstance(failures, list):
        return None
    found = {failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures}
    return found if found <= ids else None  # type: ignore[return-value]
