"""Policies for consumers under test."""

from collections.abc import Iterator
from typing import Any

from consumers.policy_keeper import PolicyKeeper, StoredPolicy


class FixedPolicy(PolicyKeeper):
    """One moderator for ever, whatever it is."""

    def __init__(self, moderator: Any) -> None:
        self.moderator = moderator
        self.refused = ""

    def refresh(self, now: float) -> bool:
        return False


class FakePolicyStore:
    """A policy that can be exchanged, taken away, or made unreadable."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.last_good: str | None = None
        self.versions: list[str] = []
        self.failure: Exception | None = None
        self.reads = 0

    def read(self, etag: str | None) -> StoredPolicy | None:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        assert self.text is not None
        tag = str(hash(self.text))
        return None if tag == etag else StoredPolicy(self.text, tag)

    def earlier(self) -> Iterator[StoredPolicy]:
        for text in (self.text, *self.versions, self.last_good):
            if text is not None:
                yield StoredPolicy(text, "earlier")
