"""Firehose's API over the twin's delivery streams: one method, ``call(action, body)``.

An action or an option that is not modelled is refused by name, never answered with a silent success.
"""

import itertools
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.errors import ApiError
from infra.local.firehose.config import StreamConfig, read_destination
from infra.local.firehose.description import describe, merge_update
from infra.local.firehose.driver import DeliveryStreamDriver, RunningStream
from infra.local.firehose.limits import (
    SLOW_DOWN,
    DirectPutQuota,
    NoFaults,
    PutFaults,
    Throttle,
    read_record,
    read_records,
    violation,
)
from infra.local.firehose.processing import invalid
from infra.local.firehose.records import Origin, SourceRecord
from infra.local.firehose.source import Source

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
MAX_STREAMS = 5_000

OpenSource = Callable[[str, str, float], Source]
"""Opens a Kinesis stream by its ARN, to be read from a time (epoch seconds) on."""

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_DESTINATION_ID = "destinationId-000000000001"
_MODELLED = frozenset(
    {"DeliveryStreamName", "DeliveryStreamType", "KinesisStreamSourceConfiguration", "Tags"}
    | {"DeliveryStreamEncryptionConfigurationInput", "ExtendedS3DestinationConfiguration"}
)


@dataclass
class _Entry:
    """A stream as the API knows it."""

    name: str
    arn: str
    kind: str
    created: float
    destination: dict[str, Any]
    config: StreamConfig
    running: RunningStream
    source: dict[str, Any] | None = None
    encryption: dict[str, Any] = field(default_factory=lambda: {"Status": "DISABLED"})
    tags: dict[str, str] = field(default_factory=dict)
    updated: float | None = None
    throttle: Throttle | None = None


class FirehoseApi:
    """Firehose, as a client sees it.

    Args:
        driver: runs the streams.
        open_source: opens the Kinesis source of a delivery stream, by the names of both and the time from which it is
            read; without it, streams with one are refused.
        account, region: of every ARN.
        faults: which records a put refuses, for tests.
        quota: the Direct PUT quota of each stream; None for no throttling.
    """

    def __init__(
        self,
        driver: DeliveryStreamDriver,
        *,
        open_source: OpenSource | None = None,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        faults: PutFaults | None = None,
        quota: DirectPutQuota | None = None,
    ) -> None:
        self._driver = driver
        self._clock = driver.clock
        self._open_source = open_source
        self._account = account
        self._region = region
        self._faults: PutFaults = faults or NoFaults()
        self._quota = quota
        self._streams: dict[str, _Entry] = {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateDeliveryStream": self._create,
            "DeleteDeliveryStream": self._delete,
            "DescribeDeliveryStream": self._describe,
            "ListDeliveryStreams": self._list,
            "ListTagsForDeliveryStream": self._list_tags,
            "PutRecord": self._put_record,
            "PutRecordBatch": self._put_record_batch,
            "StartDeliveryStreamEncryption": self._start_encryption,
            "StopDeliveryStreamEncryption": self._stop_encryption,
            "TagDeliveryStream": self._tag,
            "UntagDeliveryStream": self._untag,
            "UpdateDestination": self._update,
        }

    def call(self, action: str, body: dict[str, object]) -> dict[str, object]:
        """The answer to one API call.

        Args:
            action: e.g. ``PutRecordBatch``.
            body: the JSON request; blobs are base64 text.

        Raises:
            ApiError: AWS's error; ``UnknownOperationException`` for an action that Firehose does not have.
        """
        handler = self._actions.get(action)
        if handler is None:
            raise ApiError("UnknownOperationException", f"Firehose has no action {action}")
        return handler(body)

    def arn(self, name: str) -> str:
        """The ARN of a delivery stream."""
        return f"arn:aws:firehose:{self._region}:{self._account}:deliverystream/{name}"

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        name = str(body.get("DeliveryStreamName") or "")
        if _NAME.fullmatch(name) is None:
            raise violation("deliveryStreamName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
        unknown = sorted(set(body) - _MODELLED)
        if unknown:
            raise invalid(f"{', '.join(unknown)}: not modelled by this twin; modelled: {', '.join(sorted(_MODELLED))}")
        destination = body.get("ExtendedS3DestinationConfiguration")
        if not isinstance(destination, dict):
            raise invalid("ExtendedS3DestinationConfiguration is required: the only destination of this twin")
        kind = body.get("DeliveryStreamType") or "DirectPut"
        source = body.get("KinesisStreamSourceConfiguration")
        self._check_source(kind, source)
        encryption = _encryption(body.get("DeliveryStreamEncryptionConfigurationInput"), kind)
        tags = _read_tags(body["Tags"]) if "Tags" in body else {}
        with self._lock:
            if name in self._streams:
                raise ApiError(
                    "ResourceInUseException",
                    f"Firehose {name} under accountId {self._account} already exists",
                )
            if len(self._streams) >= MAX_STREAMS:
                raise ApiError("LimitExceededException", f"A region holds at most {MAX_STREAMS} delivery streams")
            now = self._clock.now()
            config = self._read(name, destination, source)
            opened = None
            if source is not None and self._open_source is not None:
                opened = self._open_source(name, source["KinesisStreamARN"], now)
            entry = _Entry(
                name=name,
                arn=config.arn,
                kind=kind,
                created=now,
                destination=destination,
                config=config,
                running=self._driver.add(config, source=opened),
                source=None if source is None else {**source, "DeliveryStartTimestamp": now},
                encryption=encryption,
                tags=tags,
                throttle=Throttle(self._quota, now=now) if self._quota else None,
            )
            self._streams[name] = entry
        return {"DeliveryStreamARN": entry.arn}

    def _check_source(self, kind: str, source: Any) -> None:
        if kind not in ("DirectPut", "KinesisStreamAsSource"):
            raise invalid(
                f"DeliveryStreamType {kind} is not modelled by this twin; use DirectPut or KinesisStreamAsSource"
            )
        if kind == "DirectPut" and source is not None:
            raise invalid("KinesisStreamSourceConfiguration is only for the type KinesisStreamAsSource")
        if kind == "KinesisStreamAsSource":
            if not isinstance(source, dict) or not source.get("KinesisStreamARN") or not source.get("RoleARN"):
                raise invalid("KinesisStreamAsSource needs a KinesisStreamSourceConfiguration with both its ARNs")
            if self._open_source is None:
                raise invalid("this twin was started without Kinesis streams, so no delivery stream can read one")

    def _read(self, name: str, destination: Mapping[str, Any], source: Mapping[str, Any] | None) -> StreamConfig:
        return read_destination(
            destination,
            name=name,
            arn=self.arn(name),
            region=self._region,
            account=self._account,
            source_arn=None if source is None else source["KinesisStreamARN"],
        )

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        with self._lock:
            self._streams.pop(entry.name, None)
        self._driver.remove(entry.name)
        return {}

    def _describe(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        found = {
            "DeliveryStreamName": entry.name,
            "DeliveryStreamARN": entry.arn,
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamEncryptionConfiguration": entry.encryption,
            "DeliveryStreamType": entry.kind,
            "VersionId": entry.running.core.version,
            "CreateTimestamp": entry.created,
            "Destinations": [describe(entry.destination, entry.config, destination_id=_DESTINATION_ID)],
            "HasMoreDestinations": False,
        }
        if entry.updated is not None:
            found["LastUpdateTimestamp"] = entry.updated
        if entry.source is not None:
            found["Source"] = {"KinesisStreamSourceDescription": entry.source}
        return {"DeliveryStreamDescription": found}

    def _list(self, body: dict[str, Any]) -> dict[str, Any]:
        limit, after, kind = (
            body.get("Limit", 10),
            body.get("ExclusiveStartDeliveryStreamName"),
            body.get("DeliveryStreamType"),
        )
        if not isinstance(limit, int) or not 1 <= limit <= 10_000:
            raise violation("limit", "Member must have value between 1 and 10000")
        with self._lock:
            names = sorted(entry.name for entry in self._streams.values() if kind in (None, entry.kind))
        names = [name for name in names if after is None or name > after]
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def _put_record(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._direct(body)
        data = read_record(body.get("Record"), "record")
        answer = self._accept(entry, [data])[0]
        if "ErrorCode" in answer:
            raise ApiError(answer["ErrorCode"], answer["ErrorMessage"], 503)
        return {"RecordId": answer["RecordId"], "Encrypted": entry.encryption["Status"] == "ENABLED"}

    def _put_record_batch(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._direct(body)
        answers = self._accept(entry, read_records(body.get("Records")))
        return {
            "FailedPutCount": sum("ErrorCode" in answer for answer in answers),
            "Encrypted": entry.encryption["Status"] == "ENABLED",
            "RequestResponses": answers,
        }

    def _accept(self, entry: _Entry, records: list[bytes]) -> list[dict[str, str]]:
        """Takes in what is neither faulted nor over the quota; an answer for each record, in order."""
        now = self._clock.now()
        failing = set(range(len(records)) if entry.running.overloaded() else self._faults.failing(entry.name, records))
        if entry.throttle is not None:
            with self._lock:
                failing.update(range(entry.throttle.admit([len(data) for data in records], now=now), len(records)))
        answers: list[dict[str, str]] = []
        accepted: list[SourceRecord] = []
        for at, data in enumerate(records):
            if at in failing:
                answers.append({"ErrorCode": SLOW_DOWN[0], "ErrorMessage": SLOW_DOWN[1]})
                continue
            record_id = f"{int(now * 1000):020d}{next(self._numbers):036d}"
            accepted.append(SourceRecord(data, Origin(record_id, now)))
            answers.append({"RecordId": record_id})
        entry.running.counting.put(accepted, len(records) - len(accepted))
        entry.running.accept(accepted)
        return answers

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        other = sorted(
            key for key in body if key.endswith("DestinationUpdate") and key != "ExtendedS3DestinationUpdate"
        )
        update = body.get("ExtendedS3DestinationUpdate")
        if other or not isinstance(update, dict):
            raise invalid(f"UpdateDestination takes an ExtendedS3DestinationUpdate here; got {other or 'none'}")
        with self._lock:
            current = entry.running.core.version
            if body.get("CurrentDeliveryStreamVersionId") != current:
                raise ApiError(
                    "ConcurrentModificationException",
                    f"Cannot update firehose: {entry.name} since the current version id: {current} and specified "
                    f"version id: {body.get('CurrentDeliveryStreamVersionId')} do not match",
                )
            if body.get("DestinationId") != _DESTINATION_ID:
                raise invalid(f"Destination Id {body.get('DestinationId')} not found; it is {_DESTINATION_ID}")
            destination = merge_update(entry.destination, update)
            config = self._read(entry.name, destination, entry.source)
            if config.partitioned != entry.config.partitioned:
                raise invalid("Dynamic partitioning can be enabled only when the delivery stream is created")
            entry.destination, entry.config, entry.updated = destination, config, self._clock.now()
            entry.running.reconfigure(config)
        return {}

    def _tag(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        tags = {**entry.tags, **_read_tags(body.get("Tags"))}
        if len(tags) > 50:
            raise ApiError("LimitExceededException", "A delivery stream has at most 50 tags")
        entry.tags = tags
        return {}

    def _untag(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        keys = set(body.get("TagKeys") or [])
        entry.tags = {key: value for key, value in entry.tags.items() if key not in keys}
        return {}

    def _list_tags(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        after, limit = body.get("ExclusiveStartTagKey"), body.get("Limit", 50)
        keys = [key for key in entry.tags if after is None or key > after]
        keys.sort()
        return {
            "Tags": [{"Key": key, "Value": entry.tags[key]} for key in keys[:limit]],
            "HasMoreTags": len(keys) > limit,
        }

    def _start_encryption(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        given = body.get("DeliveryStreamEncryptionConfigurationInput") or {"KeyType": "AWS_OWNED_CMK"}
        entry.encryption = _encryption(given, entry.kind)
        return {}

    def _stop_encryption(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = self._entry(body)
        _encryption({"KeyType": "AWS_OWNED_CMK"}, entry.kind)
        entry.encryption = {"Status": "DISABLED"}
        return {}

    def _entry(self, body: Mapping[str, Any]) -> _Entry:
        name = body.get("DeliveryStreamName")
        if not isinstance(name, str):
            raise violation("deliveryStreamName", "Member must not be null")
        with self._lock:
            entry = self._streams.get(name)
        if entry is None:
            raise ApiError("ResourceNotFoundException", f"Firehose {name} under account {self._account} not found.")
        return entry

    def _direct(self, body: Mapping[str, Any]) -> _Entry:
        entry = self._entry(body)
        if entry.kind != "DirectPut":
            raise invalid(f"This operation is not permitted on {entry.kind} delivery stream type.")
        return entry


def _encryption(given: Any, kind: str) -> dict[str, Any]:
    if not given:
        return {"Status": "DISABLED"}
    if kind != "DirectPut":
        raise invalid("Server-side encryption of a delivery stream is for Direct PUT; a Kinesis source encrypts itself")
    key_type, key = given.get("KeyType"), given.get("KeyARN")
    if key_type not in ("AWS_OWNED_CMK", "CUSTOMER_MANAGED_CMK") or (key_type == "CUSTOMER_MANAGED_CMK") != bool(key):
        raise invalid("KeyType is AWS_OWNED_CMK without a KeyARN, or CUSTOMER_MANAGED_CMK with one")
    return {"Status": "ENABLED", "KeyType": key_type, **({"KeyARN": key} if key else {})}


def _read_tags(given: Any) -> dict[str, str]:
    if not isinstance(given, list) or not 1 <= len(given) <= 50:
        raise violation("tags", "Member must have length between 1 and 50")
    tags: dict[str, str] = {}
    for tag in given:
        key = tag.get("Key") if isinstance(tag, dict) else None
        if not isinstance(key, str) or not 1 <= len(key) <= 128 or key.startswith("aws:"):
            raise violation("tags.member.key", "Member must have length 1 to 128 and not begin with aws:")
        tags[key] = str(tag.get("Value") or "")
    return tags
