"""The event source mapping part of Lambda's API: what a request may ask for, and how a mapping is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from uuid import NAMESPACE_OID, uuid5

import msgspec

from infra.local.awslambda.driver import EventSourceDriver, MappingEntry
from infra.local.awslambda.functions import Functions
from infra.local.awslambda.queues_api import QueueMappings
from infra.local.awslambda.refusals import filter_patterns, refused
from infra.local.awslambda.settings import MappingSettings
from infra.local.awslambda.versions import function_name
from infra.local.errors import ApiError
from infra.local.kinesis.streams import Streams

_LIMITS = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "ParallelizationFactor": (1, 10),
    "MaximumRetryAttempts": (-1, 10_000),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "TumblingWindowInSeconds": (0, 900),
}
_FIELDS = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "window_seconds",
    "ParallelizationFactor": "parallelization",
    "MaximumRetryAttempts": "max_retries",
    "MaximumRecordAgeInSeconds": "max_age_seconds",
    "TumblingWindowInSeconds": "tumbling_seconds",
}
_KNOWN = {
    *_LIMITS,
    "UUID",
    "EventSourceArn",
    "FunctionName",
    "Enabled",
    "FilterCriteria",
    "StartingPosition",
    "StartingPositionTimestamp",
    "DestinationConfig",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "MetricsConfig",
    "Tags",
}
_POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
_YOUNGEST_AGE = 60


class EventSourceApi:
    """Creates, shows, changes and deletes mappings.

    Args:
        driver: runs the mappings.
        functions: where the named functions must exist.
        streams: where the named streams must exist.
        queues: makes the mappings of queues.
    """

    def __init__(
        self, driver: EventSourceDriver, functions: Functions, streams: Streams, queues: QueueMappings | None = None
    ) -> None:
        self.queues = queues
        self.driver = driver
        self.functions = functions
        self.streams = streams
        self._pairs: Counter[str] = Counter()

    def _new_uuid(self, function_arn: str, stream_arn: str) -> str:
        """An id that the same call made again gives again: the pair's, and how often it was mapped."""
        pair = f"{function_arn} {stream_arn}"
        self._pairs[pair] += 1
        return str(uuid5(NAMESPACE_OID, f"{pair} {self._pairs[pair]}"))

    def create(self, body: Mapping[str, object]) -> dict[str, object]:
        """Makes a mapping from a CreateEventSourceMapping request.

        Raises:
            ApiError: InvalidParameterValueException for what cannot be taken or is not modelled,
                ResourceConflictException when the function already reads the stream.
        """
        function_arn = self._function_arn(body.get("FunctionName"))
        stream_arn = body.get("EventSourceArn")
        if isinstance(stream_arn, str) and ":sqs:" in stream_arn and self.queues is not None:
            return self.queues.create(function_arn, body)
        _check_known(body)
        if not isinstance(stream_arn, str) or ":kinesis:" not in stream_arn:
            raise refused(
                f"EventSourceArn {stream_arn!r}: the laptop runtime maps Kinesis streams and SQS queues only "
                "(arn:aws:kinesis:REGION:ACCOUNT:stream/NAME, arn:aws:sqs:REGION:ACCOUNT:NAME)."
            )
        if "/consumer/" in stream_arn:
            stream = stream_arn.partition("/consumer/")[0]
            raise refused(
                f"EventSourceArn {stream_arn!r}: a consumer with enhanced fan-out as an event source is not modelled. "
                f"Functions read by GetRecords on the laptop runtime; give the stream: {stream}"
            )
        position = body.get("StartingPosition")
        if position is None:
            raise refused(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
                "Member must not be null."
            )
        if position not in _POSITIONS:
            raise refused(f"StartingPosition {position!r}: allowed are {', '.join(_POSITIONS)}.")
        timestamp = body.get("StartingPositionTimestamp")
        if (position == "AT_TIMESTAMP") != (timestamp is not None):
            raise refused("StartingPositionTimestamp goes with StartingPosition AT_TIMESTAMP, and with that only.")
        if timestamp is not None and (not isinstance(timestamp, int | float) or isinstance(timestamp, bool)):
            raise refused("StartingPositionTimestamp must be a number of seconds since 1970.")
        settings = _apply(
            MappingSettings(
                uuid=self._new_uuid(function_arn, stream_arn),
                function_arn=function_arn,
                stream_arn=stream_arn,
                starting_position=str(position),
                starting_timestamp=None if timestamp is None else float(timestamp),
            ),
            body,
        )
        enabled = _flag(body, "Enabled", default=True)
        with self.driver.lock:
            try:
                self.streams.by_arn(stream_arn)
            except ApiError:
                raise refused(f"Stream not found: {stream_arn}") from None
            for entry in self.driver.entries.values():
                if (entry.settings.stream_arn, entry.settings.function_arn) == (stream_arn, function_arn):
                    raise ApiError(
                        "ResourceConflictException",
                        f'The event source arn (" {stream_arn} ") and function (" {function_name(function_arn)} ") '
                        "provided mapping already exists. Please update or delete the existing mapping with UUID "
                        f"{entry.settings.uuid}",
                        409,
                    )
            self.driver.add(settings, enabled=enabled)
            return self._document(self.driver.entries[settings.uuid], state="Creating")

    def get(self, uuid: str) -> dict[str, object]:
        """A mapping as GetEventSourceMapping shows it.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        if self.queues is not None and uuid in self.queues:
            return self.queues.get(uuid)
        return self._document(self._entry(uuid))

    def list(self, query: Mapping[str, str]) -> dict[str, object]:
        """The mappings of a stream, a function or both, in pages of ``MaxItems``."""
        stream_arn, function, after = query.get("EventSourceArn"), query.get("FunctionName"), query.get("Marker", "")
        function_arn = self._function_arn(function) if function else None
        size = int(query.get("MaxItems", "100"))
        with self.driver.lock:
            chosen = [
                entry
                for uuid, entry in sorted(self.driver.entries.items())
                if uuid > after
                and stream_arn in (None, entry.settings.stream_arn)
                and function_arn in (None, entry.settings.function_arn)
            ]
            found = [self._document(entry) for entry in chosen[:size]]
        if self.queues is not None and len(chosen) <= size:
            found += [
                document
                for document in self.queues.documents()
                if stream_arn in (None, document["EventSourceArn"]) and function_arn in (None, document["FunctionArn"])
            ]
        answer: dict[str, object] = {"EventSourceMappings": found}
        if len(chosen) > size:
            answer["NextMarker"] = chosen[size - 1].settings.uuid
        return answer

    def update(self, uuid: str, body: Mapping[str, object]) -> dict[str, object]:
        """Changes a mapping; it goes on at its checkpoint.

        Raises:
            ApiError: ResourceNotFoundException, or InvalidParameterValueException.
        """
        if self.queues is not None and uuid in self.queues:
            return self.queues.update(uuid, body)
        _check_known(body)
        with self.driver.lock:
            entry = self._entry(uuid)
            settings = _apply(entry.settings, body)
            if "FunctionName" in body:
                settings = msgspec.structs.replace(settings, function_arn=self._function_arn(body["FunctionName"]))
            self.driver.update(settings, enabled=_flag(body, "Enabled", default=entry.enabled))
            return self._document(entry)

    def delete(self, uuid: str) -> dict[str, object]:
        """Ends a mapping.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        if self.queues is not None and uuid in self.queues:
            return self.queues.delete(uuid)
        with self.driver.lock:
            document = self._document(self._entry(uuid), state="Deleting")
            self.driver.remove(uuid)
        return document

    def _entry(self, uuid: str) -> MappingEntry:
        entry = self.driver.entries.get(uuid)
        if entry is None:
            raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return entry

    def _function_arn(self, name: object) -> str:
        if not isinstance(name, str) or not name:
            raise refused("FunctionName is required: a name or an ARN.")
        try:
            return self.functions.qualified_arn(name)
        except ApiError:
            raise refused(f"Function does not exist: {name}") from None

    def _document(self, entry: MappingEntry, *, state: str | None = None) -> dict[str, object]:
        settings = entry.settings
        document: dict[str, object] = {
            "UUID": settings.uuid,
            "EventSourceMappingArn": settings.function_arn.partition(":function:")[0]
            + f":event-source-mapping:{settings.uuid}",
            "EventSourceArn": settings.stream_arn,
            "FunctionArn": settings.function_arn,
            "StartingPosition": settings.starting_position,
            "BatchSize": settings.batch_size,
            "MaximumBatchingWindowInSeconds": settings.window_seconds,
            "ParallelizationFactor": settings.parallelization,
            "BisectBatchOnFunctionError": settings.bisect,
            "MaximumRetryAttempts": settings.max_retries,
            "MaximumRecordAgeInSeconds": settings.max_age_seconds,
            "TumblingWindowInSeconds": settings.tumbling_seconds,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if settings.report_failures else [],
            "DestinationConfig": {"OnFailure": {"Destination": settings.destination} if settings.destination else {}},
            "LastModified": round(entry.modified_at, 3),
            "LastProcessingResult": entry.last_result,
            "State": state or entry.state,
            "StateTransitionReason": "User action",
        }
        if settings.counts_events:
            document["MetricsConfig"] = {"Metrics": ["EventCount"]}
        if settings.filters:
            document["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in settings.filters]}
        if settings.starting_timestamp is not None:
            document["StartingPositionTimestamp"] = settings.starting_timestamp
        return document


def _check_known(body: Mapping[str, object]) -> None:
    unknown = sorted(name for name in body.keys() - _KNOWN if body[name])
    if unknown:
        raise refused(
            f"{', '.join(unknown)}: not modelled by the laptop runtime for a Kinesis event source; leave it out."
        )


def _apply(settings: MappingSettings, body: Mapping[str, object]) -> MappingSettings:
    changes: dict[str, object] = {}
    for name, (low, high) in _LIMITS.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise refused(f"{name} {value!r}: an integer from {low} to {high} is allowed.")
        if name in _FIELDS:
            changes[_FIELDS[name]] = value
    age = body.get("MaximumRecordAgeInSeconds")
    if isinstance(age, int) and 0 <= age < _YOUNGEST_AGE:
        raise refused(f"MaximumRecordAgeInSeconds {age}: -1 (no limit) or {_YOUNGEST_AGE} to 604800 is allowed.")
    if "BisectBatchOnFunctionError" in body:
        changes["bisect"] = _flag(body, "BisectBatchOnFunctionError", default=False)
    types = body.get("FunctionResponseTypes")
    if types is not None:
        if not isinstance(types, list) or any(kind != "ReportBatchItemFailures" for kind in types):
            raise refused(f"FunctionResponseTypes {types!r}: a list of ReportBatchItemFailures, or empty, is allowed.")
        changes["report_failures"] = bool(types)
    if body.get("DestinationConfig") is not None:
        changes["destination"] = _destination(body["DestinationConfig"])
    if body.get("MetricsConfig") is not None:
        changes["counts_events"] = _counts_events(body["MetricsConfig"])
    if "FilterCriteria" in body:
        changes["filters"] = filter_patterns(body["FilterCriteria"])
    found = msgspec.structs.replace(settings, **changes)
    if found.tumbling_seconds and found.parallelization > 1:
        raise refused("TumblingWindowInSeconds with a ParallelizationFactor above 1 is not modelled; use 1.")
    return found


def _counts_events(config: object) -> bool:
    metrics = config.get("Metrics") if isinstance(config, Mapping) else None
    if not isinstance(metrics, list) or any(one != "EventCount" for one in metrics):
        raise refused(f"MetricsConfig {config!r}: Metrics with EventCount, or with nothing, is modelled.")
    return bool(metrics)


def _destination(config: object) -> str | None:
    if not isinstance(config, Mapping):
        raise refused("DestinationConfig must be a structure with OnFailure.")
    if isinstance(config.get("OnSuccess"), Mapping) and config["OnSuccess"].get("Destination"):
        raise refused("DestinationConfig.OnSuccess is not there for a Kinesis event source.")
    failure = config.get("OnFailure")
    arn = failure.get("Destination") if isinstance(failure, Mapping) else None
    if not arn:
        return None
    if not isinstance(arn, str) or not any(arn.startswith(f"arn:aws:{service}:") for service in ("s3", "sqs", "sns")):
        raise refused(
            f"DestinationConfig.OnFailure.Destination {arn!r}: the ARN of a bucket, queue or topic is needed."
        )
    return arn


def _flag(body: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise refused(f"{name} {value!r}: true or false is allowed.")
    return value
