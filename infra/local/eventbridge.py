"""EventBridge's PutEvents on moto's buses, rules and queues, in time that does not grow with the queue.

moto parses a JSON path eight times for every event and counts the target queue's messages twice: 25 ms an event with a
thousand in the queue. What has no transformer and goes to a plain queue is delivered here; any other target is moto's.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from infra.local.clock import Clock
from infra.local.cloudwatch.meter import Meter, NoMeter
from infra.local.errors import ApiError
from infra.local.moto_backend import MotoBackend

_logger = logging.getLogger(__name__)

MAX_ENTRIES = 10
"""Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

MAX_TOTAL_BYTES = 1 << 20
_PLAIN_TARGET = frozenset({"Id", "Arn", "DeadLetterConfig", "RetryPolicy", "RoleArn"})


class EventBuses:
    """``PutEvents`` on moto's buses.

    Args:
        moto: whose EventBridge and SQS they are.
        clock: gives an event without ``Time`` its time.
        meter: takes what CloudWatch counts of a rule.
    """

    def __init__(self, moto: MotoBackend, clock: Clock, *, meter: Meter | None = None) -> None:
        self._moto = moto
        self._clock = clock
        self._lock = moto.lock("events")
        self._meter: Meter = meter or NoMeter()

    def put_events(self, body: Mapping[str, Any]) -> dict[str, object] | None:
        """The answer to a ``PutEvents``, or None when it is moto's to answer (nothing was done then).

        Raises:
            ApiError: ``ValidationException`` for none or more than ten entries, or for more than 1 MB of them.
        """
        entries = body.get("Entries")
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_ENTRIES:
            raise ApiError("ValidationException", f"Entries: a list of 1 to {MAX_ENTRIES} is needed")
        if sum(_size(entry) for entry in entries) > MAX_TOTAL_BYTES:
            raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.")
        backend = self._moto.backend("events")
        with self._lock:
            buses = [_bus(backend, entry) for entry in entries]
            if any(bus is None for bus in buses):
                return None
            answers = [self._put(backend, bus, entry) for bus, entry in zip(buses, entries, strict=True)]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put(self, backend: Any, bus: Any, entry: Mapping[str, Any]) -> dict[str, str]:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return _failed(
                    "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
                )
        try:
            detail = msgspec.json.decode(str(entry["Detail"]))
        except (msgspec.DecodeError, UnicodeEncodeError):
            detail = None
        if not isinstance(detail, dict):
            return _failed("MalformedDetail", "Detail is malformed.")
        event: dict[str, Any] = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": backend.account_id,
            "time": float(entry.get("Time", self._clock.now())),
            "region": backend.region_name,
            "resources": entry.get("Resources", []),
            "detail": detail,
        }
        for rule in list(bus.rules.values()):
            if rule.state == "ENABLED" and rule.event_pattern.get_pattern() and _matches(rule.event_pattern, event):
                self._count(rule, "MatchedEvents", 1)
                self._count(rule, "TriggeredRules", 1)
                self._count(rule, "Invocations", len(rule.targets))
                try:
                    self._deliver(rule, event)
                except Exception:
                    # What a target does not take is no matter of who put the event.
                    _logger.exception("rule %s: delivery failed", rule.name)
                    self._count(rule, "FailedInvocations", len(rule.targets))
        return {"EventId": event["id"]}

    def _count(self, rule: Any, metric: str, value: float) -> None:
        # "Metrics that specify only the RuleName dimension refer to the default event bus" (eb-monitoring.html).
        bus = {} if rule.event_bus_name == "default" else {"EventBusName": rule.event_bus_name}
        self._meter.add("AWS/Events", metric, {**bus, "RuleName": rule.name}, value)

    def _deliver(self, rule: Any, event: Mapping[str, Any]) -> None:
        queues = [self._plain_queue(target) for target in rule.targets]
        if any(queue is None for queue in queues):
            rule.send_to_targets({**event, "ingestion-time": _shown(self._clock.now())})
            return
        shown = {**event, "time": _shown(event["time"])}
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        for queue in queues:
            _send(queue, text)

    def _plain_queue(self, target: Mapping[str, Any]) -> Any:
        arn = str(target.get("Arn", "")).split(":")
        if not _PLAIN_TARGET.issuperset(target) or len(arn) != 6 or arn[2] != "sqs":
            return None
        queue = self._moto.backend("sqs").queues.get(arn[5])
        if queue is None or queue.fifo_queue or queue.lambda_event_source_mappings:
            return None
        return queue


def _bus(backend: Any, entry: Mapping[str, Any]) -> Any:
    name = str(entry.get("EventBusName") or "default")
    return backend.event_buses.get(name.rpartition("event-bus/")[2])


def _matches(pattern: Any, event: Mapping[str, Any]) -> bool:
    # What moto's matches_event does, without a copy by way of JSON text.
    return bool(pattern._does_event_match(pattern._flatten_dict(event), pattern.get_pattern()))


def _send(queue: Any, text: str) -> None:
    from moto.sqs.models import Message

    message = Message(str(uuid4()), text)
    message.mark_sent(delay_seconds=int(queue.delay_seconds or 0))
    queue.add_message(message)


def _size(entry: Mapping[str, Any]) -> int:
    """Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size"""
    texts = [str(entry.get(name, "")) for name in ("Source", "DetailType", "Detail")]
    texts += [str(resource) for resource in entry.get("Resources", [])]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + (14 if "Time" in entry else 0)


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _failed(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
