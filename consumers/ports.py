"""What the consumer needs of the world: places for rows, notices and statuses, managed AI, and a clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from glue.contract import Notice
from glue.vocabulary import Action

T = TypeVar("T")
R = TypeVar("R")


class TransientError(Exception):
    """A call failed in a way that may pass: throttling, 5xx, time-out. Some of it may have been done.

    Args:
        code: AWS's name of the error; nothing of what was sent.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DefectError(Exception):
    """Something that no retry mends, such as a missing right or a missing stream. The invocation fails.

    Its message holds names of operations and errors, never content.
    """


class Status(Struct, frozen=True):
    """Where a piece of content stands, as whoever shows it asks.

    Args:
        order_key: created_at, event id and decided_at; the greatest wins, in whatever order statuses are written.
        expires_at: when the table may forget it, in seconds since 1970.
    """

    content_id: str
    order_key: str
    event_id: str
    verdict_id: str
    author_id: str
    surface: str
    action: Action
    labels: tuple[str, ...]
    policy_id: str
    policy_version: str
    decided_at: str
    expires_at: int


class DeliveryStreams(Protocol):
    """Where rows are made durable."""

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        """For each record, in order: None when it is durable, else the error's code.

        Raises:
            TransientError: the call failed; some of it may have been taken.
            DefectError: no retry mends it.
        """


class EventBus(Protocol):
    """Where those are told who have to act."""

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        """For each notice, in order: None when it was taken, else the error's code. At most ten at a time.

        Raises:
            TransientError: the call failed; some of it may have been taken.
            DefectError: no retry mends it.
        """


class StatusTable(Protocol):
    """The latest status of each piece of content."""

    def put(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        """Keeps each status unless one with the same or a greater order key is there.

        Args:
            statuses: at most 25, of different contents.

        Returns:
            For each, in order: None when it, or a later one, is kept, else the error's code.

        Raises:
            TransientError: the call failed; some may have been kept.
            DefectError: no retry mends it.
        """


class Question(Struct, frozen=True):
    """One call to a managed AI service, within its limits.

    Args:
        service: comprehend, bedrock or rekognition.
        parts: texts; of images, their S3 addresses.
        guardrail, guardrail_version: of bedrock, else empty.
        at_least: scores below this are of no interest, 0 to 1.
    """

    service: str
    parts: tuple[str, ...]
    guardrail: str = ""
    guardrail_version: str = ""
    at_least: float = 0.0


class UnanswerableError(Exception):
    """The service will not judge this content, now or later, such as an image of a form that it does not read.

    Args:
        code: the service's name of the error; nothing of what was sent.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ManagedServices(Protocol):
    """Managed AI, asked about content. Called from several threads at once."""

    def ask(self, question: Question) -> Sequence[Mapping[str, float]]:
        """For each part, in order, scores from 0 to 1 by the service's labels.

        Raises:
            TransientError: it may answer next time.
            UnanswerableError: it will not, because of this content.
            DefectError: it will not, whatever is asked.
        """


class Each(Protocol):
    """Applies a function to every item, perhaps several at a time, like ``map``."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...
