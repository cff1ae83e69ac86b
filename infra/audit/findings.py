"""What an audit says: findings that name ids and objects, and the counts of each day."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from glue.contract import AuditRow

Kind = Literal["missing", "ghost", "altered", "in two states", "conflict", "doubled", "copies", "object"]

FAILING: frozenset[Kind] = frozenset({"missing", "ghost", "altered", "in two states", "object"})
"""Kinds that mean that the numbers are wrong. The others are what a pipeline that repeats itself leaves behind, which
``current_verdicts`` takes out."""

MEANINGS: dict[Kind, str] = {
    "missing": "archived, and neither landed nor set aside",
    "ghost": "landed or set aside, and not archived",
    "altered": "a verdict that the archived event does not lead to",
    "in two states": "landed and quarantined",
    "conflict": "one id, two payloads: the one that arrived first counts",
    "doubled": "a row that landed more than once",
    "copies": "archived more or fewer times than it landed",
    "object": "an object that is unreadable, changed or gone",
}


class Finding(Struct, frozen=True, order=True, kw_only=True):
    """One thing that is not as it should be. Holds nothing of any content.

    Args:
        kind: what it is.
        id: the event id; of what is no event ``md5:`` and the hash of its bytes; of an object its address.
        day: on which it arrived, YYYY-MM-DD.
        seen: the hop where it was last seen.
        detail: what else is known.
    """

    kind: Kind
    id: str
    day: str
    seen: str
    detail: str = ""


class AuditReport(Struct, frozen=True, kw_only=True):
    """What an audit found.

    Args:
        audit_id: names the run.
        window_start, window_end: the arrivals that were judged, in UTC.
        audited_at: when.
        days: the counts, a row for each day of arrival.
        findings: everything that is named, worst first.
        unnamed: how many more there are than are named, by kind.
        unjudged: verdicts that could not be decided again, or not wholly, and why.
        bytes_scanned: by Athena.
        is_judged: False when the comparison itself was not possible; the findings say why.
    """

    audit_id: str
    window_start: datetime
    window_end: datetime
    audited_at: datetime
    days: tuple[AuditRow, ...]
    findings: tuple[Finding, ...]
    unnamed: dict[str, int]
    unjudged: dict[str, int]
    bytes_scanned: int
    is_judged: bool

    def count(self, name: str) -> int:
        """The sum of one count over all days."""
        return sum(getattr(day, name) or 0 for day in self.days)

    @property
    def completeness(self) -> float | None:
        """The share of archived ids that are in a terminal state; None when there is nothing, or nothing is known."""
        archived = self.count("archived")
        return None if not archived or not self.is_judged else 1 - self.count("missing") / archived

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to judge: no record of the window is in the archive, nor in a finding."""
        return self.is_judged and not self.count("archived") and not self.findings

    @property
    def is_clean(self) -> bool:
        """Whether there was something to judge, every record of it is accounted for, and nothing else is there."""
        failing = any(finding.kind in FAILING for finding in self.findings)
        return self.is_judged and not self.is_empty and not failing
