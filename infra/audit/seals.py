"""Which objects there were when a window was audited, so that a later audit sees what was changed behind its back.

A lake only grows: Firehose writes each object once, and nothing rewrites one in place. So an object that an audit has
seen must be there, unchanged, until its retention ends.
"""

import gzip
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct

from infra.audit.findings import Finding
from infra.audit.lake import Lake, LakeObject, UnreadableError, days, unpacked
from infra.audit.retention import Retention

SEALS = "seals/"
_BY_ARRIVAL = ("archive", "quarantine")


class Seal(Struct, frozen=True):
    """What an audit saw.

    Args:
        audit_id: its run.
        audited_at: epoch seconds.
        first_day, last_day: of arrival, YYYY-MM-DD.
        objects: all objects that could hold something of these arrivals.
    """

    audit_id: str
    audited_at: float
    first_day: str
    last_day: str
    objects: tuple[LakeObject, ...]


def present(lake: Lake, first: date, last: date, *, late_days: int) -> list[LakeObject]:
    """The objects that can hold something of these days' arrivals.

    Args:
        first, last: days of arrival.
        late_days: how far before them verdicts are looked for; their partition is the day of creation.
    """
    found = [
        one
        for folder in _BY_ARRIVAL
        for day in days(first, last)
        for one in lake.objects(f"{folder}/dt={day:%Y-%m-%d}/")
    ]
    created = days(first - timedelta(days=late_days + 1), last + timedelta(days=2))
    return found + [one for day in created for one in lake.objects(f"verdicts/dt={day:%Y-%m-%d}/")]


def seal_name(first: date, audit_id: str) -> str:
    """Where a seal is kept.

    >>> seal_name(date(2026, 1, 2), "a1")
    'seals/dt=2026-01-02/a1.json.gz'
    """
    return f"{SEALS}dt={first:%Y-%m-%d}/{audit_id}.json.gz"


def write(lake: Lake, seal: Seal) -> None:
    """Keeps a seal."""
    name = seal_name(date.fromisoformat(seal.first_day), seal.audit_id)
    lake.write(name, gzip.compress(msgspec.json.encode(seal), mtime=0))


def broken(
    lake: Lake, first: date, last: date, seen: Iterable[LakeObject], *, retention: Retention, now: datetime
) -> list[Finding]:
    """What has changed since these days were audited before.

    Args:
        first, last: the days that are audited now.
        seen: the objects that are there now.
        retention: how long objects are kept.
        now: the time of the audit.
    """
    there = {one.key: one for one in seen}
    findings: dict[str, Finding] = {}
    for seal, problem in _seals(lake, first, last):
        if seal is None:
            findings[problem] = Finding(
                kind="object", id=problem, day=f"{first}", seen="seals", detail="unreadable: no seal of an audit"
            )
            continue
        for before in seal.objects:
            today = there.get(before.key)
            day = before.key.partition("/dt=")[2][:10]
            if today is None and retention.may_be_gone(before.key, before.written, now):
                continue
            if today is None or (today.etag, today.size) != (before.etag, before.size):
                what = "is gone" if today is None else "was written again"
                findings[before.key] = Finding(
                    kind="object",
                    id=lake.address + before.key,
                    day=day,
                    seen=f"audit {seal.audit_id}",
                    detail=f"it {what} since it was audited",
                )
    return list(findings.values())


def _seals(lake: Lake, first: date, last: date) -> Sequence[tuple[Seal | None, str]]:
    found: list[tuple[Seal | None, str]] = []
    for day in days(first, last):
        for one in lake.objects(f"{SEALS}dt={day:%Y-%m-%d}/"):
            try:
                found.append((msgspec.json.decode(unpacked(lake.read(one.key)), type=Seal), ""))
            except (UnreadableError, msgspec.MsgspecError, UnicodeDecodeError):
                found.append((None, lake.address + one.key))
    return found
