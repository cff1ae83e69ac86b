"""What became of every record, as sets of ids: nothing is counted that is not named."""

from collections.abc import Set as AbstractSet

from msgspec import Struct

Coordinate = tuple[str, str]
"""Where a record lies in the stream: shard id and sequence number. Every accepted record has one, readable or not."""


class Account(Struct, frozen=True, kw_only=True):
    """Where the records of a run are; the sets are disjoint but for ``doubled``.

    Args:
        accepted: what the stream said it took.
        landed: what a verdict row names.
        quarantined: what a quarantine row names.
        dead_lettered: what an object in the dead-letter bucket holds.
    """

    accepted: AbstractSet[Coordinate]
    landed: AbstractSet[Coordinate]
    quarantined: AbstractSet[Coordinate]
    dead_lettered: AbstractSet[Coordinate]

    @property
    def missing(self) -> AbstractSet[Coordinate]:
        """Accepted and in no terminal state: in flight while the pipeline runs, lost when it has come to rest.

        >>> one, two = ("shard", "1"), ("shard", "2")
        >>> nothing: set[Coordinate] = set()
        >>> account = Account(accepted={one, two}, landed={one}, quarantined=nothing, dead_lettered=nothing)
        >>> account.missing == {two}
        True
        """
        return self.accepted - self.landed - self.quarantined - self.dead_lettered

    @property
    def ghosts(self) -> AbstractSet[Coordinate]:
        """In a terminal state though the stream never said that it took them."""
        return (self.landed | self.quarantined | self.dead_lettered) - self.accepted

    @property
    def doubled(self) -> AbstractSet[Coordinate]:
        """In more than one terminal state."""
        return (self.landed & self.quarantined) | ((self.landed | self.quarantined) & self.dead_lettered)

    @property
    def balanced(self) -> bool:
        """Whether every accepted record is in one terminal state, and nothing else is."""
        return not (self.missing or self.ghosts or self.doubled)
