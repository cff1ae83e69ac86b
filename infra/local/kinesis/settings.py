"""The Kinesis actions that change and show the settings of a stream: mode, record size, retention, encryption, tags."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.errors import ApiError
from infra.local.kinesis.streams import DEFAULT_RETENTION_HOURS, MAX_RETENTION_HOURS, Stream, Streams
from infra.local.parameters import Parameters, invalid

NAME = "[a-zA-Z0-9_.-]+"
MODES = ("PROVISIONED", "ON_DEMAND")
TAG_LIMIT = 50


def find(streams: Streams, p: Parameters) -> Stream:
    """The stream that a request names by StreamName or StreamARN.

    Raises:
        ApiError: when it names none, two different ones, or one that does not exist.
    """
    name = p.text("StreamName", pattern=NAME, max_length=128)
    arn = p.text("StreamARN", max_length=2048)
    if arn is not None:
        stream = streams.by_arn(arn)
        if name is not None and name != stream.name:
            raise ApiError("InvalidArgumentException", f"StreamName {name} does not match StreamARN {arn}.")
        return stream
    if name is None:
        raise ApiError("InvalidArgumentException", "Either StreamName or StreamARN must be given.")
    return streams.get(name)


def require_settled(stream: Stream, now: float) -> None:
    """Refuses data calls on a stream that is still being created."""
    if stream.status(now) == "CREATING":
        raise ApiError("ResourceNotFoundException", f"Stream {stream.name} is CREATING; wait until it is ACTIVE.")


def require_active(stream: Stream, now: float) -> None:
    """Refuses changes to a stream that is not ACTIVE."""
    status = stream.status(now)
    if status != "ACTIVE":
        raise ApiError("ResourceInUseException", f"Stream {stream.name} not ACTIVE, instead in state {status}")


def settle(streams: Streams, stream: Stream, now: float) -> None:
    """Marks a stream as changed; it is UPDATING for as long as streams take to settle."""
    stream.busy, stream.busy_until = "UPDATING", now + streams.settle_seconds
    streams.changed(stream)


class KinesisSettings:
    """Handlers by action name, as ``actions()`` gives them."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def actions(self) -> dict[str, Callable[[Parameters, float], dict[str, object]]]:
        """Every handler, taking the request's members and the time."""
        return {
            "UpdateStreamMode": self._update_mode,
            "UpdateMaxRecordSize": self._update_max_record_size,
            "IncreaseStreamRetentionPeriod": lambda p, now: self._retention(p, now, longer=True),
            "DecreaseStreamRetentionPeriod": lambda p, now: self._retention(p, now, longer=False),
            "StartStreamEncryption": self._start_encryption,
            "StopStreamEncryption": self._stop_encryption,
            "AddTagsToStream": lambda p, now: self._tag(find(self.streams, p), p),
            "RemoveTagsFromStream": lambda p, now: self._untag(find(self.streams, p), p),
            "ListTagsForStream": self._list_tags,
            "TagResource": lambda p, now: self._tag(self._resource(p), p),
            "UntagResource": lambda p, now: self._untag(self._resource(p), p),
            "ListTagsForResource": lambda p, now: {"Tags": _tags(self._resource(p))},
        }

    def _update_mode(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_active(stream, now)
        details = p.structure("StreamModeDetails")
        if details is None:
            raise invalid("StreamModeDetails", None, "Member must not be null")
        with self.streams.lock:
            stream.mode = details.required_text("StreamMode", one_of=MODES)
            settle(self.streams, stream, now)
        return {}

    def _update_max_record_size(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_active(stream, now)
        with self.streams.lock:
            stream.max_record_bytes = p.required_integer("MaxRecordSizeInKiB", low=1024, high=10_240) * 1024
            settle(self.streams, stream, now)
        return {}

    def _retention(self, p: Parameters, now: float, *, longer: bool) -> dict[str, object]:
        stream = find(self.streams, p)
        require_active(stream, now)
        hours = p.required_integer("RetentionPeriodHours", low=-(2**31), high=2**31)
        low, high = (
            (stream.retention_hours, MAX_RETENTION_HOURS)
            if longer
            else (DEFAULT_RETENTION_HOURS, stream.retention_hours)
        )
        if not low <= hours <= high:
            raise ApiError(
                "InvalidArgumentException",
                f"RetentionPeriodHours {hours} cannot {'increase' if longer else 'decrease'} the retention of "
                f"stream {stream.name}, now {stream.retention_hours} hours; allowed: {low} to {high}.",
            )
        with self.streams.lock:
            stream.retention_hours = hours
            settle(self.streams, stream, now)
        return {}

    def _start_encryption(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_active(stream, now)
        p.required_text("EncryptionType", one_of=("NONE", "KMS"))
        with self.streams.lock:
            stream.key_id = p.required_text("KeyId", max_length=2048)
            settle(self.streams, stream, now)
        return {}

    def _stop_encryption(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_active(stream, now)
        with self.streams.lock:
            stream.key_id = None
            settle(self.streams, stream, now)
        return {}

    def _resource(self, p: Parameters) -> Stream:
        return self.streams.by_arn(p.required_text("ResourceARN", max_length=2048))

    def _tag(self, stream: Stream, p: Parameters) -> dict[str, object]:
        tags = {**stream.tags, **p.text_map("Tags")}
        if len(tags) > TAG_LIMIT:
            raise ApiError("InvalidArgumentException", f"{len(tags)} tags; a stream takes at most {TAG_LIMIT}.")
        with self.streams.lock:
            stream.tags = tags
            self.streams.changed(stream)
        return {}

    def _untag(self, stream: Stream, p: Parameters) -> dict[str, object]:
        keys = {str(key) for key in p.items("TagKeys")}
        with self.streams.lock:
            stream.tags = {key: value for key, value in stream.tags.items() if key not in keys}
            self.streams.changed(stream)
        return {}

    def _list_tags(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        limit = p.integer("Limit", low=1, high=50) or 50
        after = p.text("ExclusiveStartTagKey") or ""
        tags = [tag for tag in _tags(stream) if tag["Key"] > after]
        return {"Tags": tags[:limit], "HasMoreTags": len(tags) > limit}


def _tags(stream: Stream) -> list[dict[str, str]]:
    return [{"Key": key, "Value": stream.tags[key]} for key in sorted(stream.tags)]
