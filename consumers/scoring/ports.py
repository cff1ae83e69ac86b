"""What scoring needs of the world: who may ask, how often, and where content goes that is to be kept."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class Client(Struct, frozen=True):
    """Whoever a key belongs to.

    Args:
        name: for logs and metrics.
        per_minute: texts a minute; 0: any number.
        number: tells clients apart that are counted in one table.
    """

    name: str
    per_minute: int = 0
    number: int = 0


class Keys(Protocol):
    """The keys that are good."""

    def find(self, key: str, /) -> Client | None:
        """Whose key it is; None: nobody's."""
        ...


class Quota(Protocol):
    """Counts what each client asks for."""

    def take(self, client: Client, count: int = 1, /) -> bool:
        """Counts texts; False: this minute's are used up, and none of these is counted."""
        ...


class Submission(Struct, frozen=True):
    """A text that was scored, on its way to the stream.

    Args:
        text: as it was sent.
        client: who sent it.
        language: as given by the caller; None: not given.
        surface: where it was posted.
        author_id, content_id: as given by the caller; empty: not given.
        context: the scores, and what the caller said of the text.
    """

    text: str
    client: str
    language: str | None = None
    surface: str = "comment"
    author_id: str = ""
    content_id: str = ""
    context: Mapping[str, str] = {}


class Submissions(Protocol):
    """Takes texts that shall be archived and reported."""

    def submit(self, submission: Submission, /) -> None:
        """Takes it over at once, or counts it as lost; never waits."""
        ...
