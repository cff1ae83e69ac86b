"""What the webhook needs of the world: a queue, a way to subscribers, and who they are."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from consumers.webhooks.subscribers import Refusal, Subscriber


class Received(Struct, frozen=True):
    """A message that the queue handed out.

    Args:
        message_id, handle: the queue's names of it.
        body: what it holds.
        sent_at: when it was put into the queue, in seconds since 1970.
        receives: how often it was handed out, this time included.
    """

    message_id: str
    handle: str
    body: str
    sent_at: float
    receives: int


class Queue(Protocol):
    """The queue that the webhook is fed by, and the one for what it gives up."""

    def send(self, bodies: Sequence[tuple[str, str]]) -> Sequence[str | None]:
        """For each pair of a subscriber and a body, in order: None when it is in the queue, else the error's code.

        Args:
            bodies: at most ten.

        Raises:
            TransientError: the call failed; some may be in the queue.
            DefectError: no retry mends it.
        """

    def hide(self, handle: str, seconds: int) -> None:
        """Hides a message for that long from now on. Whether this succeeds is not said: the queue has a default."""

    def bury(self, body: str, reason: str) -> None:
        """Puts a message that is given up into the dead letters.

        Raises:
            TransientError: it may not be there.
            DefectError: no retry mends it.
        """


class Reply(Struct, frozen=True):
    """A subscriber's answer.

    Args:
        status: of HTTP.
        body: its first bytes, see :data:`glue.webhooks.MAX_ANSWER_BYTES`.
        retry_after: the header's value; empty when there is none.
    """

    status: int
    body: bytes = b""
    retry_after: str = ""


class UnreachableError(Exception):
    """A subscriber gave no answer.

    Args:
        reason: a word for it, such as ``timeout``; nothing of what was received.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Post(Protocol):
    """Sends one request. Called from several threads at once."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Reply:
        """The answer, whatever its status. A redirect is an answer like any other.

        Raises:
            UnreachableError: there was none, or the address is not allowed.
        """


class Directory(Protocol):
    """Who the subscribers are."""

    def read(self, now: float) -> Mapping[str, Subscriber | Refusal]:
        """By name, each subscriber, or why what is written of it cannot be used.

        Raises:
            TransientError: it cannot be read, and never was.
            DefectError: no retry mends it.
        """
