"""Consumers with enhanced fan-out: registered by name, and subscribed to a shard for up to five minutes at a time.

Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html (2026-12-01)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from infra.local.clock import Clock
from infra.local.errors import ApiError
from infra.local.eventstream import Events, EventStream
from infra.local.kinesis import iterators
from infra.local.kinesis.documents import children_document, records_document
from infra.local.kinesis.settings import NAME, require_settled
from infra.local.kinesis.shards import Shard
from infra.local.kinesis.streams import ShardRead, Stream, Streams
from infra.local.parameters import Parameters, invalid

CONSUMER_QUOTA: Final = 20
SUBSCRIPTION_SECONDS: Final = 300.0
TAKEOVER_SECONDS: Final = 5.0
# What a consumer gets of a shard in a second, and at most in one event.
BYTES_A_SECOND: Final = 2 << 20
EVENT_BYTES: Final = 1 << 20
# An event comes without records, too.
_HEARTBEAT_SECONDS: Final = 5.0
_DIGITS = r"0|([1-9]\d{0,128})"


def consumer_arn(stream: Stream, name: str) -> str:
    """The ARN of a registered consumer; a later one of the same name has another."""
    return f"{stream.arn}/consumer/{name}:{int(stream.consumers[name])}"


class ConsumerControl:
    """Registers, shows and removes consumers; ``actions()`` gives the handlers by name."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def actions(self) -> dict[str, Callable[[Parameters, float], dict[str, object]]]:
        """Every handler, taking the request's members and the time."""
        return {
            "RegisterStreamConsumer": self._register,
            "DeregisterStreamConsumer": self._deregister,
            "DescribeStreamConsumer": self._describe,
            "ListStreamConsumers": self._list,
        }

    def _register(self, p: Parameters, now: float) -> dict[str, object]:
        stream = self.streams.by_arn(p.required_text("StreamARN", max_length=2048))
        require_settled(stream, now)
        name = p.required_text("ConsumerName", pattern=NAME, max_length=128)
        if p.text_map("Tags"):
            raise ApiError("InvalidArgumentException", "Tags of a consumer are not modelled by the laptop runtime.")
        with self.streams.lock:
            if name in stream.consumers:
                raise ApiError("ResourceInUseException", f"Consumer {name} of stream {stream.name} already exists.")
            if len(stream.consumers) >= CONSUMER_QUOTA:
                raise ApiError("LimitExceededException", f"A stream has at most {CONSUMER_QUOTA} consumers.")
            stream.consumers[name] = now
            self.streams.changed(stream)
        return {"Consumer": _document(stream, name)}

    def _deregister(self, p: Parameters, now: float) -> dict[str, object]:
        with self.streams.lock:
            stream, name = self._named(p)
            del stream.consumers[name]
            self.streams.changed(stream)
        return {}

    def _describe(self, p: Parameters, now: float) -> dict[str, object]:
        stream, name = self._named(p)
        return {"ConsumerDescription": {**_document(stream, name), "StreamARN": stream.arn}}

    def _list(self, p: Parameters, now: float) -> dict[str, object]:
        stream = self.streams.by_arn(p.required_text("StreamARN", max_length=2048))
        most = p.integer("MaxResults", low=1, high=10_000) or 100
        names = [name for name in sorted(stream.consumers) if name > (p.text("NextToken") or "")]
        answer: dict[str, object] = {"Consumers": [_document(stream, name) for name in names[:most]]}
        if len(names) > most:
            answer["NextToken"] = names[most - 1]
        return answer

    def _named(self, p: Parameters) -> tuple[Stream, str]:
        arn = p.text("ConsumerARN", max_length=2048)
        if arn is not None:
            return find_consumer(self.streams, arn)
        stream = self.streams.by_arn(p.required_text("StreamARN", max_length=2048))
        name = p.required_text("ConsumerName", pattern=NAME, max_length=128)
        if name not in stream.consumers:
            raise _missing(f"{stream.arn}/consumer/{name}")
        return stream, name


def _document(stream: Stream, name: str) -> dict[str, object]:
    return {
        "ConsumerName": name,
        "ConsumerARN": consumer_arn(stream, name),
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": round(stream.consumers[name], 3),
    }


def _missing(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Consumer {arn} not found.")


def find_consumer(streams: Streams, arn: str) -> tuple[Stream, str]:
    """The stream and name of a registered consumer.

    Raises:
        ApiError: ResourceNotFoundException.
    """
    place, _, rest = arn.partition("/consumer/")
    stream, name = streams.by_arn(place), rest.rpartition(":")[0]
    if name not in stream.consumers or consumer_arn(stream, name) != arn:
        raise _missing(arn)
    return stream, name


class FanOut:
    """SubscribeToShard: one subscription at a time for a consumer and a shard.

    Args:
        streams: where records are.
        clock: what times are read from.
    """

    def __init__(self, streams: Streams, clock: Clock) -> None:
        self._streams = streams
        self._clock = clock
        self._open: dict[tuple[str, str], float] = {}
        self._changes = 0
        self._changed = threading.Condition()
        streams.watchers.append(self._note)

    def _note(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def subscribe(self, body: dict[str, object]) -> EventStream:
        """The events of a subscription.

        Raises:
            ApiError: ResourceNotFoundException, ResourceInUseException, InvalidArgumentException, ValidationException.
        """
        p, now = Parameters(body), self._clock.now()
        arn = p.required_text("ConsumerARN", max_length=2048)
        shard_id = p.required_text("ShardId", pattern=NAME, max_length=128)
        position = p.structure("StartingPosition")
        if position is None:
            raise invalid("StartingPosition", None, "Member must not be null")
        with self._streams.lock:
            stream, _ = find_consumer(self._streams, arn)
            require_settled(stream, now)
            after = iterators.start(
                self._streams,
                stream,
                shard_id,
                kind=position.required_text("Type", one_of=iterators.TYPES),
                now=now,
                sequence_number=position.text("SequenceNumber", pattern=_DIGITS),
                timestamp=position.timestamp("Timestamp"),
            )
            before = self._open.get((arn, shard_id))
            if before is not None and now - before < TAKEOVER_SECONDS:
                raise ApiError(
                    "ResourceInUseException",
                    f"Another active subscription exists for this consumer: {arn} and shard {shard_id}. "
                    f"It can be taken over {TAKEOVER_SECONDS:.0f} seconds after it began.",
                )
            self._open[arn, shard_id] = now
        return EventStream(self._events(arn, shard_id, after, now))

    def _events(self, arn: str, shard_id: str, after: int, began: float) -> Events:
        try:
            while (now := self._clock.now()) < began + SUBSCRIPTION_SECONDS:
                changes = self._changes
                with self._streams.lock:
                    stream, _ = find_consumer(self._streams, arn)
                    if self._open.get((arn, shard_id)) != began:
                        raise ApiError("ResourceInUseException", "Another subscription has taken over this one.")
                    shard = self._streams.shard(stream, shard_id)
                    read = self._streams.read(stream, shard_id, after, now=now, max_bytes=EVENT_BYTES)
                after = read.position
                yield "SubscribeToShardEvent", _event(stream, shard, read)
                if read.ended:
                    return
                if read.records:
                    self._wait(sum(record.size for record in read.records) / BYTES_A_SECOND)
                else:
                    self._wait(_HEARTBEAT_SECONDS, unless=changes)
        finally:
            with self._streams.lock:
                if self._open.get((arn, shard_id)) == began:
                    del self._open[arn, shard_id]

    def _wait(self, seconds: float, unless: int | None = None) -> None:
        """Waits so long; or, with a count of changes, until there are more."""
        with self._changed:
            self._changed.wait_for(lambda: unless is not None and self._changes != unless, timeout=seconds)


def _event(stream: Stream, shard: Shard, read: ShardRead) -> dict[str, object]:
    event: dict[str, object] = {"Records": records_document(stream, read), "MillisBehindLatest": read.behind_ms}
    if not read.ended:
        # Nothing was read yet: from here on is from the shard's beginning.
        return {**event, "ContinuationSequenceNumber": str(max(read.position, shard.starting))}
    return {**event, "ChildShards": children_document(stream, read)}
