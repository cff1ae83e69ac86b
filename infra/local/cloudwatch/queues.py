"""What CloudWatch counts of SQS queues.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from typing import Any, Final

from infra.local.clock import Clock
from infra.local.cloudwatch.meter import Meter
from infra.local.moto_backend import MotoBackend

_NAMESPACE: Final = "AWS/SQS"
_SENT_AT: Final = "_streamkeeper_sent_at"
_ACTIVE_SECONDS: Final = 6 * 3600.0
"""Without messages and calls. A queue that is not active has no metrics."""


_TRIED_IN_VAIN: Final = 3
"""Receives after which a message that is still there no longer counts as the oldest.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""


class QueueCounting:
    """Emits queues' metrics.

    Args:
        moto: whose queues they are.
        clock: what messages age by.
    """

    def __init__(self, moto: MotoBackend, meter: Meter, clock: Clock) -> None:
        self._moto = moto
        self._meter = meter
        self._clock = clock
        self._used: dict[str, float] = {}

    def sent(self, queue: str, message: Any) -> None:
        """A message has come in."""
        setattr(message, _SENT_AT, self._clock.now())
        self._add(queue, "NumberOfMessagesSent", 1)

    def received(self, queue: str, count: int) -> None:
        """A receive has brought so many messages."""
        self._add(queue, "NumberOfMessagesReceived", count)
        self._add(queue, "NumberOfEmptyReceives", not count)

    def deleted(self, queue: str) -> None:
        """A message was deleted."""
        self._add(queue, "NumberOfMessagesDeleted", 1)

    def gauges(self) -> None:
        """Emits what lies in each queue now."""
        now = self._clock.now()
        for name, queue in list(self._moto.backend("sqs").queues.items()):
            messages = list(queue._messages)
            if messages:
                self._used[name] = now
            if now - self._used.get(name, float("-inf")) > _ACTIVE_SECONDS:
                continue
            visible = sum(message.visible and not message.delayed for message in messages)
            tried = [message for message in messages if message.approximate_receive_count < _TRIED_IN_VAIN]
            ages = [now - getattr(message, _SENT_AT, now) for message in tried]
            self._gauge(name, "ApproximateNumberOfMessagesVisible", visible)
            self._gauge(name, "ApproximateNumberOfMessagesNotVisible", len(messages) - visible)
            self._gauge(name, "ApproximateAgeOfOldestMessage", max(ages, default=0.0), "Seconds")

    def _add(self, queue: str, name: str, value: float) -> None:
        self._used[queue] = self._clock.now()
        self._gauge(queue, name, value)

    def _gauge(self, queue: str, name: str, value: float, unit: str = "Count") -> None:
        self._meter.add(_NAMESPACE, name, {"QueueName": queue}, value, unit)
