"""Mappings of SQS queues in Lambda's API: what a request may ask for, and how a mapping is shown."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import msgspec

from infra.local.awslambda.functions import Functions
from infra.local.awslambda.queues import QueueMapping, QueueSettings
from infra.local.awslambda.refusals import filter_patterns, refused
from infra.local.clock import Clock
from infra.local.errors import ApiError
from infra.local.moto_backend import MotoBackend

_KNOWN: Final = frozenset(
    {"EventSourceArn", "FunctionName", "Enabled", "BatchSize", "MaximumBatchingWindowInSeconds", "UUID"}
    | {"FunctionResponseTypes", "FilterCriteria", "ScalingConfig", "Tags"}
)
_WINDOWLESS_BATCH: Final = 10


class QueueMappings:
    """The mappings of queues: made, changed, ended.

    Args:
        moto: whose queues they are.
        client: gives a boto3 client of SQS.
        functions: invoked.
        clock: where the time is read.
    """

    def __init__(self, moto: MotoBackend, client: Callable[[str], Any], functions: Functions, clock: Clock) -> None:
        self._moto = moto
        self._client = client
        self._functions = functions
        self._clock = clock
        self._entries: dict[str, tuple[QueueMapping, float]] = {}
        self._lock = threading.Lock()
        self.reads: Callable[[str, str], None] = lambda role, queue: None
        """Told of each time that a function's role reads a queue, both by their ARNs."""

    def __contains__(self, uuid: str) -> bool:
        return uuid in self._entries

    def documents(self) -> Iterable[dict[str, object]]:
        """Each mapping as Lambda shows it."""
        return [self.get(uuid) for uuid in sorted(self._entries)]

    def create(self, function_arn: str, body: Mapping[str, object]) -> dict[str, object]:
        """Makes a mapping of a queue.

        Raises:
            ApiError: InvalidParameterValueException for what cannot be taken or is not modelled,
                ResourceConflictException when the function already reads the queue.
        """
        arn = str(body["EventSourceArn"])
        if self._queue(arn) is None:
            raise refused(f"Queue not found: {arn}")
        uuid = str(uuid5(NAMESPACE_OID, f"{function_arn} {arn}"))
        if uuid in self._entries:
            raise ApiError(
                "ResourceConflictException",
                f"An event source mapping with {arn} and {function_arn} already exists: {uuid}",
                409,
            )
        settings = _apply(QueueSettings(uuid=uuid, function_arn=function_arn, queue_arn=arn), body)
        self._start(settings)
        return {**self.get(uuid), "State": "Creating"}

    def get(self, uuid: str) -> dict[str, object]:
        """A mapping as GetEventSourceMapping shows it."""
        mapping, modified = self._entries[uuid]
        settings = mapping.settings
        document: dict[str, object] = {
            "UUID": uuid,
            "EventSourceMappingArn": settings.function_arn.partition(":function:")[0] + f":event-source-mapping:{uuid}",
            "EventSourceArn": settings.queue_arn,
            "FunctionArn": settings.function_arn,
            "BatchSize": settings.batch_size,
            "MaximumBatchingWindowInSeconds": settings.window_seconds,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if settings.report_failures else [],
            "LastModified": round(modified, 3),
            "State": "Enabled" if settings.enabled else "Disabled",
            "StateTransitionReason": "USER_INITIATED",
        }
        if settings.max_concurrency is not None:
            document["ScalingConfig"] = {"MaximumConcurrency": settings.max_concurrency}
        if settings.filters:
            document["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in settings.filters]}
        return document

    def update(self, uuid: str, body: Mapping[str, object]) -> dict[str, object]:
        """Changes a mapping once its batches under way are done.

        Raises:
            ApiError: InvalidParameterValueException.
        """
        settings = _apply(self._entries[uuid][0].settings, body)
        self._entries[uuid][0].stop()
        self._start(settings)
        return {**self.get(uuid), "State": "Updating"}

    def delete(self, uuid: str) -> dict[str, object]:
        """Ends a mapping."""
        document = {**self.get(uuid), "State": "Deleting"}
        with self._lock:
            mapping, _ = self._entries.pop(uuid)
        mapping.stop()
        return document

    def idle(self) -> bool:
        """Whether no message can be received and none is under way."""
        return all(mapping.idle() for mapping, _ in list(self._entries.values()))

    def flush(self) -> None:
        """Sends incomplete batches without waiting."""
        for mapping, _ in list(self._entries.values()):
            mapping.flush()

    def close(self) -> None:
        """Ends all of them."""
        with self._lock:
            entries, self._entries = self._entries, {}
        for mapping, _ in entries.values():
            mapping.stop()

    def _start(self, settings: QueueSettings) -> None:
        queue = self._queue(settings.queue_arn)
        mapping = QueueMapping(
            settings,
            functions=self._functions,
            client=self._client("sqs"),
            url=self._client("sqs").get_queue_url(QueueName=queue.name)["QueueUrl"] if queue is not None else "",
            waiting=self._waiting,
            reads=lambda: self.reads(self._functions.get(settings.function_arn).settings.role, settings.queue_arn),
        )
        with self._lock:
            self._entries[settings.uuid] = (mapping, self._clock.now())

    def _queue(self, arn: str) -> Any:
        return self._moto.backend("sqs").queues.get(arn.rpartition(":")[2])

    def _waiting(self, url: str) -> int:
        queue = self._moto.backend("sqs").queues.get(url.rpartition("/")[2])
        return int(queue.approximate_number_of_messages) if queue is not None else 0


def _apply(settings: QueueSettings, body: Mapping[str, object]) -> QueueSettings:
    unknown = sorted(name for name in body.keys() - _KNOWN if body[name])
    if unknown:
        raise refused(f"{', '.join(unknown)}: not modelled by the laptop runtime for an SQS event source.")
    changes: dict[str, Any] = {}
    for name, field, low, high in (
        ("BatchSize", "batch_size", 1, 10_000),
        ("MaximumBatchingWindowInSeconds", "window_seconds", 0, 300),
    ):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise refused(f"{name} {value!r}: an integer from {low} to {high} is allowed.")
        changes[field] = value
    types = body.get("FunctionResponseTypes")
    if types is not None:
        changes["report_failures"] = "ReportBatchItemFailures" in (types if isinstance(types, list) else [])
    scaling = body.get("ScalingConfig")
    if scaling is not None:
        most = scaling.get("MaximumConcurrency") if isinstance(scaling, dict) else None
        if most is not None and not (isinstance(most, int) and not isinstance(most, bool) and 2 <= most <= 1_000):
            raise refused(f"MaximumConcurrency {most!r}: an integer from 2 to 1000 is allowed.")
        changes["max_concurrency"] = most
    if "Enabled" in body:
        changes["enabled"] = bool(body["Enabled"])
    if "FilterCriteria" in body:
        changes["filters"] = filter_patterns(body["FilterCriteria"])
    found = msgspec.structs.replace(settings, **changes)
    if found.batch_size > _WINDOWLESS_BATCH and not found.window_seconds:
        raise refused("Maximum batch window in seconds must be greater than 0 for a BatchSize above 10.")
    return found
