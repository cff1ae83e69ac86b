"""Who is told of verdicts: where, of which, and under which secrets. One JSON document a subscriber."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from glue.contract import Notice
from glue.vocabulary import Action
from glue.webhooks import secret_bytes

MAX_KEYS = 2


class Key(Struct, frozen=True, forbid_unknown_fields=True):
    """A secret that requests are signed with, and what it is called by."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
    secret: str

    def __repr__(self) -> str:
        return f"Key({self.id!r})"


class Subscriber(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who is told of verdicts.

    Args:
        url: where requests go.
        keys: one, or two while a receiver changes from one to the other; every request is signed with each.
        actions: of these verdicts; none of them: of every one but allow.
        labels: of verdicts with at least one of these; none of them: whatever the labels.
        surfaces: of content from these; none of them: from everywhere.
        enabled: whether anything is sent; what is off keeps its deliveries waiting, for a day.
    """

    url: Annotated[str, Meta(min_length=8, max_length=2048)]
    keys: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=MAX_KEYS)]
    actions: tuple[Action, ...] = ()
    labels: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    enabled: bool = True

    def wants(self, notice: Notice) -> bool:
        """Whether it is told of this verdict."""
        return (
            notice.action != "allow"
            and (not self.actions or notice.action in self.actions)
            and (not self.labels or not set(self.labels).isdisjoint(notice.labels))
            and (not self.surfaces or notice.surface in self.surfaces)
        )


class Refusal(Struct, frozen=True):
    """Why what is written of a subscriber cannot be used; nothing of a secret in it."""

    reason: str


def read_subscriber(text: str) -> Subscriber | Refusal:
    """The subscriber that a document describes, or why there is none.

    Args:
        text: JSON; see :class:`Subscriber`.

    >>> read_subscriber('{"url": "https://example.org/hook", "keys": []}')
    Refusal(reason='Expected `array` of length >= 1 - at `$.keys`')
    """
    try:
        found = msgspec.json.decode(text, type=Subscriber)
        if len({key.id for key in found.keys}) != len(found.keys):
            return Refusal("two keys with one id; give each an id of its own")
        for key in found.keys:
            secret_bytes(key.secret)
        if not found.url.startswith(("https://", "http://")):
            return Refusal("a url that does not begin with https://")
    except (msgspec.ValidationError, ValueError) as error:
        # msgspec names the place and the type, never the value; a document that is no JSON is not quoted either.
        is_form = isinstance(error, msgspec.ValidationError) or not isinstance(error, msgspec.DecodeError)
        return Refusal(str(error) if is_form else "no JSON document")
    return found
