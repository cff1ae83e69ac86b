"""The Kinesis Data Streams API over :class:`infra.local.kinesis.streams.Streams`: one method, ``call(action, body)``.

An action that is not modelled is refused with UnknownOperationException, never answered with a silent success.
"""

from __future__ import annotations

from collections.abc import Callable

from pybase64 import b64decode

from infra.local.clock import Clock
from infra.local.errors import ApiError
from infra.local.kinesis import iterators
from infra.local.kinesis.consumers import ConsumerControl, FanOut
from infra.local.kinesis.control import KinesisControl
from infra.local.kinesis.documents import children_document, records_document
from infra.local.kinesis.settings import find, require_settled
from infra.local.kinesis.shards import GET_BYTES_LIMIT, GET_RECORDS_LIMIT, HASH_SPACE
from infra.local.kinesis.streams import PutEntry, Stream, Streams
from infra.local.parameters import Parameters, invalid, wrong_type

PUT_RECORDS_LIMIT = 500
PUT_BYTES_LIMIT = 10 * 1024 * 1024
PARTITION_KEY_LIMIT = 256
_DIGITS = r"0|([1-9]\d{0,128})"


class KinesisApi:
    """Answers Kinesis calls.

    Args:
        streams: the streams to serve.
        clock: where the time is read, once per call.

    >>> from infra.local.clock import SystemClock
    >>> api = KinesisApi(Streams(), SystemClock())
    >>> api.call("CreateStream", {"StreamName": "content", "ShardCount": 1})
    {}
    >>> api.call("PutRecord", {"StreamName": "content", "PartitionKey": "a", "Data": "aGVsbG8="})["ShardId"]
    'shardId-000000000000'
    """

    def __init__(self, streams: Streams, clock: Clock) -> None:
        self.streams = streams
        self.clock = clock
        self.fan_out = FanOut(streams, clock)
        self._actions: dict[str, Callable[[Parameters, float], dict[str, object]]] = {
            "PutRecord": self._put_record,
            "PutRecords": self._put_records,
            "GetShardIterator": self._get_shard_iterator,
            "GetRecords": self._get_records,
            **KinesisControl(streams).actions(),
            **ConsumerControl(streams).actions(),
        }

    def call(self, action: str, body: dict[str, object]) -> dict[str, object]:
        """The answer to one call.

        Raises:
            ApiError: with AWS's code and message; UnknownOperationException for an action that is not modelled.
        """
        handler = self._actions.get(action)
        if handler is None:
            raise ApiError(
                "UnknownOperationException",
                f"Kinesis action {action} is not modelled by the laptop runtime. "
                f"Modelled: {', '.join(sorted(self._actions))}.",
            )
        if body.get("DryRun"):
            raise ApiError("InvalidArgumentException", "DryRun is not modelled by the laptop runtime; leave it out.")
        return handler(Parameters(body), self.clock.now())

    def _entry(self, stream: Stream, raw: object, place: str) -> PutEntry:
        if not isinstance(raw, dict):
            raise wrong_type(place, "a structure")
        key, text, explicit = raw.get("PartitionKey"), raw.get("Data"), raw.get("ExplicitHashKey")
        if key is None or text is None:
            raise invalid(f"{place}.{'partitionKey' if key is None else 'data'}", None, "Member must not be null")
        if not isinstance(key, str) or not isinstance(text, str):
            raise wrong_type(place, "a structure of a string PartitionKey and base64 Data")
        if not 1 <= len(key) <= PARTITION_KEY_LIMIT:
            raise invalid(
                f"{place}.partitionKey", f"({len(key)} characters)", "Member must have length between 1 and 256"
            )
        try:
            data = b64decode(text, validate=True)
        except ValueError:
            raise wrong_type(f"{place}.Data", "base64") from None
        if len(data) + len(key.encode()) > stream.max_record_bytes:
            raise ApiError(
                "InvalidArgumentException",
                f"Record at '{place}' has {len(data)} bytes of data and a partition key of {len(key.encode())} bytes; "
                f"stream {stream.name} takes up to {stream.max_record_bytes // 1024} KiB, partition key included.",
            )
        return PutEntry(data, key, None if explicit is None else _explicit(explicit, place))

    def _put_record(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_settled(stream, now)
        p.text("SequenceNumberForOrdering", pattern=_DIGITS)
        [result] = self.streams.put(stream, [self._entry(stream, p.body, "record")], now=now)
        if result.record is None:
            raise ApiError("ProvisionedThroughputExceededException", self._throttled(stream, result.shard_id))
        answer: dict[str, object] = {
            "ShardId": result.shard_id,
            "SequenceNumber": result.record.sequence_number,
            "EncryptionType": "KMS" if stream.key_id else "NONE",
        }
        return answer

    def _put_records(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_settled(stream, now)
        raw = p.items("Records")
        if not 1 <= len(raw) <= PUT_RECORDS_LIMIT:
            raise invalid(
                "Records",
                f"({len(raw)} records)",
                f"Member must have length between 1 and {PUT_RECORDS_LIMIT}",
            )
        entries = [self._entry(stream, entry, f"records.{at + 1}.member") for at, entry in enumerate(raw)]
        total = sum(len(entry.data) + len(entry.partition_key.encode()) for entry in entries)
        if total > PUT_BYTES_LIMIT:
            raise ApiError(
                "InvalidArgumentException",
                f"Records size of {total} bytes, partition keys included, exceeds the limit of {PUT_BYTES_LIMIT} bytes "
                "per PutRecords request.",
            )
        failed = 0
        answers: list[dict[str, str]] = []
        for result in self.streams.put(stream, entries, now=now):
            if result.record is None:
                failed += 1
                answers.append(
                    {
                        "ErrorCode": "ProvisionedThroughputExceededException",
                        "ErrorMessage": self._throttled(stream, result.shard_id),
                    }
                )
            else:
                answers.append({"SequenceNumber": str(result.record.sequence), "ShardId": result.shard_id})
        return {
            "FailedRecordCount": failed,
            "Records": answers,
            "EncryptionType": "KMS" if stream.key_id else "NONE",
        }

    def _throttled(self, stream: Stream, shard_id: str) -> str:
        return f"Rate exceeded for shard {shard_id} in stream {stream.name} under account {self.streams.account}."

    def _get_shard_iterator(self, p: Parameters, now: float) -> dict[str, object]:
        stream = find(self.streams, p)
        require_settled(stream, now)
        shard_id = p.required_text("ShardId", pattern="[a-zA-Z0-9_.-]+", max_length=128)
        kind = p.required_text("ShardIteratorType", one_of=iterators.TYPES)
        with self.streams.lock:
            after = iterators.start(
                self.streams,
                stream,
                shard_id,
                kind=kind,
                now=now,
                sequence_number=p.text("StartingSequenceNumber", pattern=_DIGITS),
                timestamp=p.timestamp("Timestamp"),
            )
        return {"ShardIterator": iterators.issue(stream, shard_id, after, now=now)}

    def _get_records(self, p: Parameters, now: float) -> dict[str, object]:
        limit = p.integer("Limit", low=1, high=GET_RECORDS_LIMIT) or GET_RECORDS_LIMIT
        iterator = iterators.decode(p.required_text("ShardIterator", max_length=512), now=now)
        with self.streams.lock:
            stream = self.streams.get(iterator.stream)
            if stream.created_at != iterator.stream_born:
                raise ApiError(
                    "InvalidArgumentException", "Invalid ShardIterator: its stream was deleted and made again."
                )
            shard = self.streams.shard(stream, iterator.shard_id)
            if not shard.read_calls.take(1.0, now=now) or shard.read_bytes.available(now) <= 0:
                self.streams.count_read_throttled(stream)
                raise ApiError("ProvisionedThroughputExceededException", self._throttled(stream, shard.shard_id))
            read = self.streams.read(
                stream, shard.shard_id, int(iterator.after), now=now, limit=limit, max_bytes=GET_BYTES_LIMIT
            )
            shard.read_bytes.spend(float(sum(record.size for record in read.records)), now=now)
            self.streams.count_read(stream, read, now)
            children = children_document(stream, read)
        answer: dict[str, object] = {
            "Records": records_document(stream, read),
            "NextShardIterator": None,
            "MillisBehindLatest": read.behind_ms,
        }
        if read.ended:
            answer["ChildShards"] = children
        else:
            answer["NextShardIterator"] = iterators.issue(stream, shard.shard_id, read.position, now=now)
        return answer


def _explicit(value: object, place: str) -> int:
    if not isinstance(value, str):
        raise wrong_type(f"{place}.ExplicitHashKey", "a string of decimal digits")
    if not value.isascii() or not value.isdecimal() or len(value) > 39 or int(value) >= HASH_SPACE:
        raise ApiError(
            "InvalidArgumentException",
            f"Invalid ExplicitHashKey at '{place}'. ExplicitHashKey must be in the range: [0, 2^128-1].",
        )
    return int(value)
