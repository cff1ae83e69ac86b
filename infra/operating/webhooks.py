"""Subscribers of the webhook, written and read in the Parameter Store, and what they did not take."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from consumers.aws.webhook_ports import ParameterDirectory
from consumers.webhooks.messages import Delivery, read_body
from consumers.webhooks.subscribers import MAX_KEYS, Key, Refusal, Subscriber, read_subscriber

_AT_ONCE = 10
_HIDDEN_SECONDS = 120


class NotWrittenError(Exception):
    """A subscriber that is not written; the message says why and what to do."""


class Letter(Struct, frozen=True):
    """A dead letter: its body, and whom and why; the subscriber is empty for a verdict that was not spread yet."""

    handle: str
    body: str
    subscriber: str
    reason: str


class Subscribers:
    """The subscribers of one stack.

    Args:
        client: boto3's of the Parameter Store (SSM).
        stack: whose.
    """

    def __init__(self, client: Any, stack: str) -> None:
        self._client = client
        self._path = f"/{stack}/webhooks"

    def found(self) -> Mapping[str, Subscriber | Refusal]:
        """Each by its name, or why what is written cannot be used."""
        return ParameterDirectory(self._client, self._path).read(0.0)

    def write(self, name: str, subscriber: Subscriber) -> None:
        """Writes one, encrypted.

        Raises:
            NotWrittenError: it could not be read back as it is.
        """
        text = msgspec.json.encode(subscriber).decode()
        if isinstance(refused := read_subscriber(text), Refusal):
            raise NotWrittenError(refused.reason)
        self._client.put_parameter(Name=f"{self._path}/{name}", Value=text, Type="SecureString", Overwrite=True)

    def remove(self, name: str) -> None:
        """Forgets one; what is on its way to it ends there."""
        self._client.delete_parameter(Name=f"{self._path}/{name}")


def free_key_id(keys: Sequence[Key], day: str) -> str:
    """An id for a key that is made on this day: the day, with a number when a key has that id already.

    >>> free_key_id((Key("2026-12-01", "whsec_eA=="),), "2026-12-01")
    '2026-12-01-2'
    """
    taken = {one.id for one in keys}
    return next(made for number in count(1) if (made := day if number == 1 else f"{day}-{number}") not in taken)


def with_key(subscriber: Subscriber, key: Key) -> Subscriber:
    """The subscriber with one more key, which comes last.

    Raises:
        NotWrittenError: it has two already, or one of that id.
    """
    if len(subscriber.keys) == MAX_KEYS:
        raise NotWrittenError("two keys sign already; once the receiver knows the newer one, drop the older: --finish")
    if any(one.id == key.id for one in subscriber.keys):
        raise NotWrittenError(f"there is a key {key.id} already; name another with --key-id")
    return replace(subscriber, keys=(*subscriber.keys, key))


def with_newest_key(subscriber: Subscriber) -> Subscriber:
    """The subscriber with its newest key alone.

    Raises:
        NotWrittenError: it has one only.
    """
    if len(subscriber.keys) == 1:
        raise NotWrittenError("one key signs; there is none to drop")
    return replace(subscriber, keys=subscriber.keys[-1:])


class Letters:
    """The dead letters of the webhook.

    Args:
        client: boto3's of SQS.
        queue_url, dead_letter_url: the queue of deliveries, and that of dead letters.
    """

    def __init__(self, client: Any, *, queue_url: str, dead_letter_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._url = dead_letter_url

    def _received(self) -> Iterator[list[Letter]]:
        """All of them, each hidden for two minutes from when it is handed out."""
        while True:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=1,
                MessageAttributeNames=["reason"],
            )
            if not (messages := answer.get("Messages")):
                return
            yield [_letter(message) for message in messages]

    def _show_again(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=letter.handle, VisibilityTimeout=0)

    def counted(self) -> Counter[tuple[str, str]]:
        """How many there are, by subscriber and reason. All are there afterwards."""
        letters = [letter for some in self._received() for letter in some]
        self._show_again(letters)
        return Counter((letter.subscriber, letter.reason) for letter in letters)

    def redrive(self, wanted: Callable[[Letter], bool], *, on_sent: Callable[[int], object]) -> int:
        """How many were put into the queue again, as new messages that have another day; the others stay.

        A letter is deleted once it is in the queue; if this is stopped between the two, it is sent twice, with one id.

        Raises:
            NotWrittenError: SQS took some of a batch only; what it did not take stays a dead letter.
        """
        count = 0
        left: list[Letter] = []
        try:
            for some in self._received():
                chosen = [letter for letter in some if wanted(letter)]
                left += [letter for letter in some if not wanted(letter)]
                if not chosen:
                    continue
                entries = [
                    {
                        "Id": str(at),
                        "MessageBody": letter.body,
                        **({"MessageGroupId": letter.subscriber} if letter.subscriber else {}),
                    }
                    for at, letter in enumerate(chosen)
                ]
                answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
                taken = [chosen[int(entry["Id"])] for entry in answer.get("Successful", ())]
                for letter in taken:
                    self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.handle)
                count += len(taken)
                on_sent(count)
                if len(taken) < len(chosen):
                    raise NotWrittenError(f"{len(chosen) - len(taken)} messages were not taken by SQS; run it again")
        finally:
            self._show_again(left)
        return count


def _letter(message: Mapping[str, Any]) -> Letter:
    read = read_body(message["Body"])
    attributes = message.get("MessageAttributes", {})
    reason = attributes.get("reason", {}).get("StringValue", "received too often")
    return Letter(
        message["ReceiptHandle"], message["Body"], read.subscriber if isinstance(read, Delivery) else "", reason
    )
