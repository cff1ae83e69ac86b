"""The Lambda function that delivers verdicts to subscribers: ``consumers.aws.webhook_handler.handle``.

It is fed by an SQS queue, with partial batch answers: what it names comes again when its time to be hidden is over.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import logging
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from msgspec import Struct

from consumers.aws.application import DEFAULT_SECONDS, concurrently
from consumers.aws.handler import Handler
from consumers.aws.https_post import Addresses, HttpsPost
from consumers.aws.metrics import NAMESPACE
from consumers.aws.settings import SettingsError
from consumers.aws.sinks import FirehoseStreams, make_client
from consumers.aws.webhook_ports import ParameterDirectory, SqsQueue
from consumers.batch import MalformedEventError
from consumers.ports import DefectError
from consumers.resend import Retry
from consumers.webhooks.delivering import Delivered, Webhook
from consumers.webhooks.ports import Received
from glue.ports import Clock
from glue.redaction import redacted
from glue.system_clock import SystemClock

log = logging.getLogger("streamkeeper.webhook")

BATCH = 10
"""Messages of one batch at most: all are sent at the same time, by as many threads."""
RESERVE_SECONDS = 3.0
_COUNTS = ("verdicts", "due", "delivered", "unsaid", "tried_in_vain", "held_back", "given_up", "refused")


class WebhookSettings(Struct, frozen=True, kw_only=True):
    """Everything the function can be told.

    Args:
        receipts: the delivery stream of receipts.
        queue_url, dead_letter_queue_url: the queue that feeds it, and that of what is given up.
        subscribers: the path of the parameters that describe them.
        addresses: public, or any.
        timeout_seconds: how long a subscriber may take, 1 to 20.
    """

    receipts: str
    queue_url: str
    dead_letter_queue_url: str
    subscribers: str
    addresses: Addresses = "public"
    timeout_seconds: int = 5

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "WebhookSettings":
        """The settings in these environment variables.

        Raises:
            SettingsError: a variable is missing or not allowed.

        >>> WebhookSettings.read({})
        Traceback (most recent call last):
        consumers.aws.settings.SettingsError: RECEIPTS_DELIVERY_STREAM: not set; allowed: a name
        """
        addresses = environment.get("WEBHOOK_ADDRESSES", "public")
        if addresses not in ("public", "any"):
            raise SettingsError(f"WEBHOOK_ADDRESSES: received {addresses!r}; allowed: public, any")
        timeout = environment.get("WEBHOOK_TIMEOUT_SECONDS", "5")
        if not (timeout.isascii() and timeout.isdigit() and len(timeout) < 3 and 1 <= int(timeout) <= 20):
            raise SettingsError(f"WEBHOOK_TIMEOUT_SECONDS: received {timeout!r}; allowed: a whole number from 1 to 20")
        return cls(
            receipts=_given(environment, "RECEIPTS_DELIVERY_STREAM"),
            queue_url=_given(environment, "WEBHOOK_QUEUE_URL"),
            dead_letter_queue_url=_given(environment, "WEBHOOK_DEAD_LETTER_QUEUE_URL"),
            subscribers=_given(environment, "WEBHOOK_SUBSCRIBERS").rstrip("/"),
            addresses="any" if addresses == "any" else "public",
            timeout_seconds=int(timeout),
        )


def _given(environment: Mapping[str, str], key: str) -> str:
    if not (value := environment.get(key, "")):
        raise SettingsError(f"{key}: not set; allowed: a name")
    return value


class WebhookApplication:
    """The webhook inside a Lambda function.

    Args:
        environment: the function's.
        clock: time; left out, the machine's.
    """

    def __init__(self, environment: Mapping[str, str], *, clock: Clock | None = None) -> None:
        settings = WebhookSettings.read(environment)
        self._function = environment.get("AWS_LAMBDA_FUNCTION_NAME", "webhook")
        self._to_log = "AWS_LAMBDA_LOG_GROUP_NAME" in environment
        self._clock: Clock = clock or SystemClock()
        self._webhook = Webhook(
            settings.receipts,
            queue=SqsQueue(make_client("sqs"), url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url),
            post=HttpsPost(timeout=settings.timeout_seconds, addresses=settings.addresses),
            directory=ParameterDirectory(make_client("ssm"), settings.subscribers),
            streams=FirehoseStreams(make_client("firehose")),
            clock=self._clock,
            retry=Retry(attempts=4),
            timeout=settings.timeout_seconds,
            each=concurrently(ThreadPoolExecutor(BATCH, "deliveries")),
        )

    def handle(self, event: Any, context: Any) -> dict[str, list[dict[str, str]]]:
        """Delivers one batch and names the messages that come again.

        Raises:
            MalformedEventError: it is no event of an SQS queue.
            DefectError: anything that no retry mends; the message holds no content.
        """
        started = self._clock.now()
        seconds = DEFAULT_SECONDS if context is None else context.get_remaining_time_in_millis() / 1000
        messages = read_messages(event)
        try:
            report = self._webhook.process(messages, deadline=started + seconds - min(RESERVE_SECONDS, seconds / 5))
        except DefectError:
            raise
        except Exception as error:
            raise DefectError(redacted(error)) from None
        if report.refused:
            log.error("%d subscribers are refused; see: streamkeeper webhook list", report.refused)
        line = webhook_metric_line(report, function=self._function, at=self._clock.now())
        if self._to_log:
            sys.stdout.write(f"{line}\n")
        else:
            log.debug("%s", line)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in report.failed]}


def read_messages(event: Any) -> list[Received]:
    """The messages of an event of an SQS queue.

    Raises:
        MalformedEventError: it is none.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    try:
        return [
            Received(
                record["messageId"],
                record["receiptHandle"],
                record["body"],
                int(record["attributes"]["SentTimestamp"]) / 1000,
                int(record["attributes"]["ApproximateReceiveCount"]),
            )
            for record in event["Records"]
        ]
    except (KeyError, TypeError, ValueError):
        raise MalformedEventError("no event of an SQS queue; map the webhook's queue to this function") from None


def webhook_metric_names() -> list[str]:
    """The metrics of the webhook's function.

    >>> webhook_metric_names()[:3]
    ['WebhookVerdicts', 'WebhookDue', 'WebhookDelivered']
    """
    return [*(_metric(name) for name in _COUNTS), "WebhookOldest"]


def _metric(name: str) -> str:
    return "Webhook" + "".join(word.capitalize() for word in name.split("_"))


def webhook_metric_line(report: Delivered, *, function: str, at: float) -> str:
    """One JSON document in CloudWatch's embedded metric format: counts, and the age of the oldest delivery that waits.

    Args:
        report: what became of the batch.
        function: the one dimension; no subscriber is one, since each would be billed.
        at: seconds since 1970.
    """
    metrics = [{"Name": _metric(name), "Unit": "Count"} for name in _COUNTS]
    metrics.append({"Name": "WebhookOldest", "Unit": "Seconds"})
    document = {
        "_aws": {
            "Timestamp": int(at * 1000),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": metrics}],
        },
        "Function": function,
        **{_metric(name): getattr(report, name) for name in _COUNTS},
        "WebhookOldest": round(report.oldest, 1),
    }
    return msgspec.json.encode(document).decode()


handle: Handler[dict[str, list[dict[str, str]]]] = Handler(WebhookApplication)
