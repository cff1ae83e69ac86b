"""What was set aside, in one form: a quarantined record, a whole dead letter, or one that only says where it was."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec


class RawRecord(msgspec.Struct, frozen=True):
    """One record's bytes and what is known of it.

    Args:
        payload: as they were on the stream; a KPL aggregate is opened later.
        arrived: epoch seconds of its arrival.
        partition_key: as it was.
        place: shard and sequence number, for people.
    """

    payload: bytes
    arrived: float
    partition_key: str
    place: str


class Loaded(msgspec.Struct, frozen=True):
    """The records of one item, as far as they can still be had.

    Args:
        records: those that can.
        missing: how many cannot.
        problem: why not, and what to do; empty when nothing is missing.
    """

    records: Sequence[RawRecord]
    missing: int = 0
    problem: str = ""


class Item(Protocol):
    """One thing to bring back."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        ...

    @property
    def reason(self) -> str:
        """Why it was set aside."""
        ...

    @property
    def arrived(self) -> float:
        """Epoch seconds at which its oldest record arrived."""
        ...

    @property
    def count(self) -> int:
        """How many records it stands for."""
        ...

    @property
    def detail(self) -> str:
        """What is known beyond the reason; holds nothing of a payload."""
        ...

    def load(self) -> Loaded:
        """Its records."""
        ...

    def settled(self) -> None:
        """Called when it was brought back, and the ledger says so."""
        ...


class RedriveSource(Protocol):
    """Where things are set aside."""

    def items(self) -> Iterator[Item]:
        """All of them that are meant, oldest first."""
        ...

    def close(self) -> None:
        """Puts back what was taken out and not brought back."""
        ...

    @property
    def unreadable(self) -> list[str]:
        """What lies there and cannot be read, by name."""
        ...


class PlainItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item whose records are at hand."""

    name: str
    reason: str
    arrived: float
    records: tuple[RawRecord, ...]
    detail: str = ""

    @property
    def count(self) -> int:
        """How many records it stands for."""
        return len(self.records)

    def load(self) -> Loaded:
        """Its records."""
        return Loaded(self.records)

    def settled(self) -> None:
        """Nothing more is to be done."""
