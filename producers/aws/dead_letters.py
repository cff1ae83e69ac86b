"""Batches that Lambda gave up on: whole in S3, or told of in SQS and SNS messages that only say where they were.

Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from glue.aws.clients import make_client
from glue.aws.reaching import reaching
from glue.codec import parse_timestamp
from glue.terminal.errors import UnreachableError
from producers.aws.reading import ExpiredError, KinesisReader
from producers.redrive.items import Item, Loaded, PlainItem, RawRecord

_PREFIX = "aws/lambda/"
_HELD_SECONDS = 300
_ARCHIVER = "-archive"
"""How the archiver's function is called in the template, behind the stack's name."""


class UnreadableLetterError(ValueError):
    """A document that is no invocation record; the message holds nothing of it."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation record says about its batch, its records aside."""

    condition: str
    function_error: str
    stream_arn: str
    shard_id: str
    start: str
    end: str
    first_arrival: float
    last_arrival: float
    batch_size: int


def read_letter(document: Mapping[str, Any]) -> Letter:
    """The metadata of an invocation record.

    Raises:
        UnreadableLetterError: it is none.
    """
    try:
        info, context = document["KinesisBatchInfo"], document["requestContext"]
        response = document.get("responseContext") or {}
        return Letter(
            condition=str(context["condition"]),
            function_error=str(response.get("functionError") or ""),
            stream_arn=str(info["streamArn"]),
            shard_id=str(info["shardId"]),
            start=str(int(info["startSequenceNumber"])),
            end=str(int(info["endSequenceNumber"])),
            first_arrival=_seconds(info["approximateArrivalOfFirstRecord"]),
            last_arrival=_seconds(info["approximateArrivalOfLastRecord"]),
            batch_size=int(info["batchSize"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableLetterError(f"no invocation record of a Kinesis batch ({type(error).__name__})") from None


def is_of_archiver(document: Mapping[str, Any]) -> bool:
    """Whether a batch was given up by the archiver: its records were moderated, and are only not in the archive.

    >>> is_of_archiver({"requestContext": {"functionArn": "arn:aws:lambda:eu-west-1:1:function:sk-archive:live"}})
    True
    """
    context = document.get("requestContext")
    arn = context.get("functionArn") if isinstance(context, Mapping) else None
    return str(arn).partition(":function:")[2].partition(":")[0].endswith(_ARCHIVER)


def read_records(document: Mapping[str, Any]) -> tuple[RawRecord, ...]:
    """The records of a whole invocation record; its payload may be an object or a text that holds one.

    Raises:
        UnreadableLetterError: there are none in it.
    """
    try:
        payload = document["payload"]
        if isinstance(payload, str | bytes):
            payload = msgspec.json.decode(payload)
        return tuple(
            RawRecord(
                base64.b64decode(entry["kinesis"]["data"], validate=True),
                float(entry["kinesis"]["approximateArrivalTimestamp"]),
                str(entry["kinesis"]["partitionKey"]),
                str(entry["eventID"]),
            )
            for entry in payload["Records"]
        )
    except (KeyError, TypeError, ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise UnreadableLetterError(f"no records in its payload ({type(error).__name__})") from None


class BucketLetters:
    """Dead letters of moderation in a bucket, whole. The archiver's are not among them.

    Args:
        bucket: its name.
        since, until: epoch seconds at which Lambda gave up.
        reasons: only these conditions; empty takes all.
    """

    def __init__(self, bucket: str, *, since: float, until: float, reasons: frozenset[str], client: Any = None) -> None:
        self._bucket = bucket
        self._since = since
        self._until = until
        self._reasons = reasons
        self._client = client or make_client("s3")
        self.unreadable: list[str] = []
        """Keys of objects that are no invocation records."""

    def items(self) -> Iterator[Item]:
        """All of them that are meant, oldest first."""
        where = f"s3://{self._bucket}"
        with reaching(where):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_PREFIX)
            listed = [
                (item["LastModified"].timestamp(), str(item["Key"]))
                for page in pages
                for item in page.get("Contents", ())
            ]
        for written, key in sorted(listed):
            if self._since <= written + 1.0 and written < self._until:
                with reaching(f"{where}/{key}"):
                    body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                item = self._item(key, body)
                if item is not None and (not self._reasons or item.reason in self._reasons):
                    yield item

    def close(self) -> None:
        """Nothing is left to put back."""

    def _item(self, key: str, body: bytes) -> PlainItem | None:
        try:
            document = msgspec.json.decode(body, type=dict[str, Any])
            if is_of_archiver(document):
                return None
            letter, records = read_letter(document), read_records(document)
        except (UnreadableLetterError, msgspec.MsgspecError, UnicodeDecodeError):
            self.unreadable.append(key)
            return None
        return PlainItem(
            name=f"dead-letters/{hashlib.sha256(key.encode()).hexdigest()[:32]}",
            reason=letter.condition,
            arrived=letter.first_arrival,
            records=records,
            detail=_detail(letter),
        )


class PointedItem:
    """A batch of which only the place in the stream is known."""

    def __init__(self, letter: Letter, reader: KinesisReader, *, handle: "Handle | None" = None) -> None:
        self._letter = letter
        self._reader = reader
        self._handle = handle
        place = f"{letter.stream_arn}|{letter.shard_id}|{letter.start}|{letter.end}"
        self.name = f"dead-letters/{hashlib.sha256(place.encode()).hexdigest()[:32]}"
        self.reason = letter.condition
        self.detail = _detail(letter)
        self.arrived = letter.first_arrival
        self.count = letter.batch_size

    def load(self) -> Loaded:
        """Its records, read back from the stream as far as it still keeps them."""
        letter = self._letter
        stream = letter.stream_arn.rpartition("/")[2]
        if stream != self._reader.name:
            return Loaded((), letter.batch_size, f"{letter.shard_id}: of stream {stream}; give --stream {stream}")
        found: list[RawRecord] = []
        try:
            iterator: str | None = self._reader.start(letter.shard_id, sequence=letter.start)
        except ExpiredError:
            iterator = self._from_what_is_left()
            if iterator is None:
                return Loaded((), letter.batch_size, self._too_late(letter.batch_size))
        done = False
        while iterator is not None and not done:
            page = self._reader.get(iterator)
            for record in page.records:
                if int(record.sequence_number) > int(letter.end):
                    done = True
                    break
                if int(record.sequence_number) >= int(letter.start):
                    place = f"{letter.shard_id}:{record.sequence_number}"
                    found.append(RawRecord(record.data, record.arrived, record.partition_key, place))
                    done = record.sequence_number == letter.end
            iterator = None if page.is_at_tip and not page.records else page.following
        missing = max(0, letter.batch_size - len(found))
        return Loaded(tuple(found), missing, self._too_late(missing) if missing else "")

    def settled(self) -> None:
        """Takes the message off its queue."""
        if self._handle is not None:
            self._handle.done()

    def _from_what_is_left(self) -> str | None:
        try:
            return self._reader.start(self._letter.shard_id, at=self._letter.first_arrival)
        except UnreachableError:
            return None

    def _too_late(self, missing: int) -> str:
        letter = self._letter
        since, until = _iso(letter.first_arrival), _iso(letter.last_arrival + 1.0)
        return (
            f"too late for {missing:,} of {letter.batch_size:,} records of {letter.shard_id}, the first of {since}: "
            f"the stream no longer keeps them. The archive may: streamkeeper replay --since {since} --until {until}"
        )


class Handle:
    """A message on a queue that is to be deleted when it is done with."""

    def __init__(self, client: Any, queue_url: str, receipt: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._receipt = receipt
        self._is_done = False

    def done(self) -> None:
        """Deletes it."""
        self._is_done = True
        with reaching(f"queue {self._queue_url}"):
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=self._receipt)

    def put_back(self) -> None:
        """Lets others see it again, unless it was deleted."""
        if self._is_done:
            return
        # Else it shows up again by itself after a while.
        with suppress(ClientError, BotoCoreError):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=self._receipt, VisibilityTimeout=0
            )


class PointedLetters:
    """Dead letters told of by messages: of a queue, or of a file with one message a line.

    Args:
        messages: the texts, each with what to do when it is done with.
        reader: the stream.
        since, until: epoch seconds of arrival.
        reasons: only these conditions; empty takes all.
    """

    def __init__(
        self,
        messages: "Iterable[tuple[str, Handle | None]]",
        reader: KinesisReader,
        *,
        since: float,
        until: float,
        reasons: frozenset[str],
    ) -> None:
        self._messages = messages
        self._reader = reader
        self._since = since
        self._until = until
        self._reasons = reasons
        self._seen: list[Handle] = []
        self.unreadable: list[str] = []
        """Which messages are no invocation records, by number."""

    def items(self) -> Iterator[Item]:
        """All of them that are meant, in the order they come."""
        seen: set[str] = set()
        for number, (text, handle) in enumerate(self._messages, start=1):
            if handle is not None:
                self._seen.append(handle)
            try:
                document = unwrapped(text)
                letter = read_letter(document)
            except UnreadableLetterError:
                self.unreadable.append(f"message {number}")
                continue
            if is_of_archiver(document):
                continue
            item = PointedItem(letter, self._reader, handle=handle)
            in_range = self._since <= letter.last_arrival and letter.first_arrival < self._until
            if in_range and item.name not in seen and (not self._reasons or item.reason in self._reasons):
                seen.add(item.name)
                yield item

    def close(self) -> None:
        """Puts messages back that were not done with."""
        for handle in self._seen:
            handle.put_back()


def unwrapped(text: str) -> dict[str, Any]:
    """The invocation record in a message: itself, or inside what SNS puts around it.

    Raises:
        UnreadableLetterError: it is no JSON object.
    """
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        inner = document.get("Message")
        if "KinesisBatchInfo" not in document and isinstance(inner, str):
            document = msgspec.json.decode(inner, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise UnreadableLetterError("no JSON object") from None
    return document


def queue_messages(queue_url: str, *, client: Any = None) -> Iterator[tuple[str, Handle]]:
    """The messages of a queue, each hidden from others for five minutes; until there are no more."""
    sqs = client or make_client("sqs")
    while True:
        with reaching(f"queue {queue_url}"):
            answer = sqs.receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=_HELD_SECONDS, WaitTimeSeconds=1
            )
        messages = answer.get("Messages", [])
        if not messages:
            return
        for message in messages:
            yield str(message["Body"]), Handle(sqs, queue_url, str(message["ReceiptHandle"]))


def _detail(letter: Letter) -> str:
    return f"function error {letter.function_error}" if letter.function_error else ""


def _seconds(text: Any) -> float:
    read = parse_timestamp(str(text))
    if not isinstance(read, datetime):
        raise UnreadableLetterError(read.detail)
    return read.timestamp()


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
