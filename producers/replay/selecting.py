"""Which events a replay sends."""

from datetime import datetime

from msgspec import Struct

from glue.contract import ContentEvent


class Selection(Struct, frozen=True, kw_only=True):
    """What to take; every condition that is given must hold.

    Args:
        since, until: epoch seconds of arrival; ``until`` is not included.
        created_since, created_until: of the event's own time; the end is not included.
        authors, surfaces, event_ids: one of these; empty takes all.
    """

    since: float
    until: float
    created_since: datetime | None = None
    created_until: datetime | None = None
    authors: frozenset[str] = frozenset()
    surfaces: frozenset[str] = frozenset()
    event_ids: frozenset[str] = frozenset()

    def wants(self, event: ContentEvent) -> bool:
        """Whether the event is meant, its arrival aside."""
        return not (
            (self.authors and event.author_id not in self.authors)
            or (self.surfaces and event.surface not in self.surfaces)
            or (self.event_ids and event.event_id not in self.event_ids)
            or (self.created_since is not None and event.created_at < self.created_since)
            or (self.created_until is not None and event.created_at >= self.created_until)
        )

    def covers(self, arrived: float) -> bool:
        """Whether an arrival lies in the range."""
        return self.since <= arrived < self.until
