"""The comparison itself, in SQL: one statement over archive, verdicts and quarantine, grouped by id."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import md5
from importlib.resources import files
from typing import Any

from msgspec import Struct, structs

from athena.engine import Answer, Engine
from athena.values import day_literal, timestamp_literal

_SQL = files("athena") / "audits" / "reconcile.sql"
_A_DAY = timedelta(days=1)


class Named(Struct, frozen=True):
    """One row of the comparison: an id that needs a look, or (``id`` empty) all ids of a day that are well.

    Args:
        day: of arrival.
        state: what the comparison takes it for.
        id: see :mod:`infra.audit.identity`.
        ids_of_state: how many ids of that day are in that state.
        ids: how many this row stands for.
        archived, landed, quarantined: rows.
        archive_object, landed_object: an address each, where there is one.
    """

    day: str
    state: str
    id: str
    ids_of_state: int
    ids: int
    archived: int
    landed: int
    quarantined: int
    archive_object: str | None
    landed_object: str | None


def statement() -> str:
    """The comparison in Athena's dialect."""
    lines = _SQL.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def parameters(start: datetime, end: datetime, *, late_days: int) -> list[str]:
    """The literals for its question marks.

    Args:
        start, end: the arrivals that are judged.
        late_days: how long before its arrival an event may have been created.
    """
    early, late = start - _A_DAY, end + _A_DAY
    arrivals = [timestamp_literal(_whole(early)), timestamp_literal(_whole(late))]
    near = [day_literal(early), day_literal(late)]
    created = [day_literal(early - timedelta(days=late_days)), day_literal(late + _A_DAY)]
    return [*near, *created, *arrivals, *near, *arrivals, _object_time(start), _object_time(end)]


def compare(
    engine: Engine,
    *,
    database: str,
    workgroup: str,
    start: datetime,
    end: datetime,
    late_days: int,
    addresses: Callable[[], Iterable[str]],
) -> tuple[list[Named], Answer]:
    """What the comparison says, with the answer that it is made of.

    Args:
        addresses: lists the objects that the comparison may have read; asked when it names any.

    Raises:
        athena.engine.EngineError: there is no answer.
    """
    answer = engine.run(
        statement(), parameters(start, end, late_days=late_days), database=database, workgroup=workgroup
    )
    found = [_named(row) for row in answer.rows]
    known = {_tag(one): one for one in addresses()} if any(row.id for row in found) else {}
    return [_addressed(row, known) for row in found], answer


def _named(row: Sequence[Any]) -> Named:
    return Named(*row)


def _tag(address: str) -> str:
    """What the comparison calls an object: carrying addresses for each of millions of ids would take gigabytes."""
    return md5(address.encode(), usedforsecurity=False).hexdigest()[:12].upper()


def _addressed(row: Named, known: Mapping[str, str]) -> Named:
    if not row.id:
        return structs.replace(row, archive_object=None, landed_object=None)
    archive, landed = (
        tag and known.get(tag, "an object that has gone since") for tag in (row.archive_object, row.landed_object)
    )
    return structs.replace(row, archive_object=archive, landed_object=landed)


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _object_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")
