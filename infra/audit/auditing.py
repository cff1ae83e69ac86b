"""One audit: compare in SQL, look again at what was named, decide again if asked, and keep what was found."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
import pyarrow as pa
from msgspec import Struct

from athena.engine import Engine, QueryFailed
from athena.values import text_literal
from glue.archive import PREFIX, object_name
from glue.catalog import lake as parquet
from glue.catalog.render.hive import columns
from glue.catalog.tables import AUDITS
from glue.codec import landed_timestamp
from glue.contract import AuditRow
from infra.audit import seals
from infra.audit.deciding import Again, Moderators, decide_again
from infra.audit.findings import AuditReport, Finding
from infra.audit.lake import Lake, LakeObject, UnreadableError, day_of, days, unpacked
from infra.audit.reconciling import compare
from infra.audit.retention import Retention
from infra.audit.tracing import Traced, Tracer

_A_DAY = timedelta(days=1)
_ADDRESS = re.compile(r"s3://[^\s,;]+")
_LANDED_AMONG = (
    "SELECT DISTINCT event_id FROM verdicts "
    "WHERE dt BETWEEN ? AND ? AND mode IN ('live', 'backfill') AND event_id IN ({names})"
)


class Deciding(Struct, frozen=True):
    """How verdicts are decided again.

    Args:
        moderators: the policies at hand.
        share: of the events, above 0 and up to 1.
    """

    moderators: Moderators
    share: float = 1.0


class Auditor:
    """Audits windows of arrivals.

    Args:
        engine, database, workgroup: Athena.
        lake: the lake bucket.
        letters: the dead-letter bucket.
        late_days: how far before arrivals partitions are read, in days; verdicts further back are looked up by id.
        retention: how long the lake keeps what is compared.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        database: str,
        workgroup: str,
        lake: Lake,
        letters: Lake,
        late_days: int = 31,
        retention: Retention | None = None,
    ) -> None:
        self._engine = engine
        self._database = database
        self._workgroup = workgroup
        self._lake = lake
        self._letters = letters
        self._late_days = late_days
        self.retention = retention or Retention()

    def audit(
        self,
        *,
        audit_id: str,
        start: datetime,
        end: datetime,
        now: datetime,
        deciding: Deciding | None = None,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> AuditReport:
        """What an audit of the window finds.

        Args:
            audit_id: names the run.
            start, end: the arrivals that are judged, in UTC.
            now: the time of the audit.
            deciding: None decides nothing again.
            on_step: told what is being done.

        Raises:
            athena.engine.EngineError: Athena gave no answer, for another reason than an object it cannot read.
        """
        first, last = day_of(start), day_of(end - timedelta(milliseconds=1))
        on_step("listing")
        seen = seals.present(self._lake, first, last, late_days=self._late_days)
        findings = seals.broken(self._lake, first, last, seen, retention=self.retention, now=now)
        findings += [_misnamed(self._lake.address, one.key) for one in seen if _is_misnamed(one.key)]
        on_step("comparing")
        try:
            named, answer = compare(
                self._engine,
                database=self._database,
                workgroup=self._workgroup,
                start=start,
                end=end,
                late_days=self._late_days,
                addresses=lambda: self._addresses(first - _A_DAY, last + _A_DAY),
            )
        except QueryFailed as error:
            broken = self._unreadable(error, seen, f"{first}")
            if not broken:
                raise
            return self._report(audit_id, start, end, now, [*findings, *broken], None, None, 0)
        on_step("looking again")
        tracer = Tracer(lake=self._lake, letters=self._letters, landed_among=self._landed_among, start=start, end=end)
        traced = tracer.trace(named)
        again = None
        if deciding is not None:
            on_step("deciding again")
            again = decide_again(
                self._lake,
                archive=[one for one in seen if one.key.startswith("archive/")],
                verdicts=[one for one in seen if one.key.startswith("verdicts/")],
                moderators=deciding.moderators,
                share=deciding.share,
            )
        return self._report(audit_id, start, end, now, findings, traced, again, answer.bytes_scanned)

    def keep(self, report: AuditReport) -> None:
        """Puts the counts into the ``audits`` table, and seals the objects that there are."""
        pairs = [(column.name, column.type) for column in columns(AUDITS)]
        schema = parquet.arrow_schema(pairs)
        for row in report.days:
            values = msgspec.structs.asdict(row)
            for name, kind in pairs:
                if kind == "timestamp":
                    values[name] = datetime.fromisoformat(values[name])
            body = parquet.write_table(pa.Table.from_pylist([values], schema=schema), schema)
            self._lake.write(f"{AUDITS.prefix}dt={row.window_start[:10]}/{report.audit_id}.parquet", body)
        if report.is_judged:
            first, last = day_of(report.window_start), day_of(report.window_end - timedelta(milliseconds=1))
            seals.write(
                self._lake,
                seals.Seal(
                    report.audit_id,
                    report.audited_at.timestamp(),
                    f"{first}",
                    f"{last}",
                    tuple(seals.present(self._lake, first, last, late_days=self._late_days)),
                ),
            )

    def _addresses(self, first: date, last: date) -> list[str]:
        listed = seals.present(self._lake, first, last, late_days=self._late_days)
        return [self._lake.address + one.key for one in listed]

    def _unreadable(self, error: QueryFailed, seen: Sequence[LakeObject], day: str) -> list[Finding]:
        """The objects because of which there is no answer: the one that Athena names, else those not readable here."""
        named = _ADDRESS.search(error.reason)
        addresses = [named[0].rstrip(".")] if named else []
        for one in () if named else seen:
            body = self._lake.read(one.key)
            try:
                if one.key.startswith("archive/"):
                    unpacked(body)
                else:
                    parquet.read_table(body).validate(full=True)
            except (UnreadableError, parquet.DriftError, OSError, ValueError, ArithmeticError):
                addresses.append(self._lake.address + one.key)
        detail = "unreadable; nothing was compared: restore it, or move it away and look for its ids"
        return [Finding(kind="object", id=address, day=day, seen="Athena", detail=detail) for address in addresses]

    def _landed_among(self, names: Sequence[str], first_day: str, last_day: str) -> set[str]:
        literals = ", ".join(text_literal(name) for name in names)
        answer = self._engine.run(
            _LANDED_AMONG.format(names=literals),
            [text_literal(first_day), text_literal(last_day)],
            database=self._database,
            workgroup=self._workgroup,
        )
        return {str(row[0]) for row in answer.rows}

    @staticmethod
    def _report(
        audit_id: str,
        start: datetime,
        end: datetime,
        now: datetime,
        findings: list[Finding],
        traced: Traced | None,
        again: Again | None,
        bytes_scanned: int,
    ) -> AuditReport:
        every = [*findings, *(traced.findings if traced else ()), *(again.findings if again else ())]
        return AuditReport(
            audit_id=audit_id,
            window_start=start,
            window_end=end,
            audited_at=now,
            days=tuple(_rows(audit_id, start, end, now, traced, every, again is not None) if traced else ()),
            findings=tuple(sorted(every)),
            unnamed=dict(traced.unnamed) if traced else {},
            unjudged=dict(again.unjudged) if again else {},
            bytes_scanned=bytes_scanned,
            is_judged=traced is not None,
        )


def _is_misnamed(key: str) -> bool:
    """Whether an object would be one of the archiver's but for its name, which it is made by."""
    folder, _, name = key.rpartition("/")
    return f"{folder}/".startswith(PREFIX) and name.startswith("records-") and object_name(key) is None


def _misnamed(address: str, key: str) -> Finding:
    detail = "nothing of ours has such a name: look who wrote it, and move it away"
    return Finding(kind="object", id=address + key, day=key.partition("/dt=")[2][:10], seen="lake", detail=detail)


def _rows(
    audit_id: str,
    start: datetime,
    end: datetime,
    now: datetime,
    traced: Traced,
    findings: Sequence[Finding],
    is_decided: bool,
) -> list[AuditRow]:
    # An object of late events lies under a day before the window; it counts on the window's first.
    first = f"{day_of(start)}"
    found: Counter[tuple[str, str]] = Counter((max(finding.day, first), finding.kind) for finding in findings)
    rows = []
    for day in days(day_of(start), day_of(end - timedelta(milliseconds=1))):
        name = f"{day}"

        def count(*states: str, name: str = name) -> int:
            return sum(traced.counts[name, state] for state in states)

        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        both = count("in two states")
        landed = count("landed", "conflict", "doubled", "copies") + both
        rows.append(
            AuditRow(
                audit_id=audit_id,
                audited_at=landed_timestamp(now),
                window_start=landed_timestamp(max(start, midnight)),
                window_end=landed_timestamp(min(end, midnight + timedelta(days=1))),
                archived=landed + count("quarantined", "dead-lettered", "missing"),
                landed=landed,
                quarantined=count("quarantined"),
                dead_lettered=count("dead-lettered"),
                missing=count("missing"),
                ghosts=count("ghost"),
                doubled=count("doubled", "copies") + both,
                conflicts=count("conflict"),
                altered=found[name, "altered"] if is_decided else None,
                objects=found[name, "object"],
            )
        )
    return rows
