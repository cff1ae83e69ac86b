"""One Kinesis batch, from event to answer: decode, moderate, land, then notify, then answer.

The answer never lets the checkpoint pass a record whose row is not durable or whose notice did not get through. It
stops at the first transient failure; Lambda runs everything from there again, and what had landed already lands twice,
with the same ids.
"""

from datetime import UTC, datetime
from typing import Any

from consumers.batch import answer, read_batch
from consumers.effects import Effects, InOrder
from consumers.escalation import Escalation
from consumers.ports import DefectError
from consumers.report import Report, report_of
from consumers.rows import RowMaker, Rows, pack
from glue.ports import Clock


class Consumer:
    """Moderates batches of a Kinesis stream. Holds no state between them, but for the escalation's.

    Args:
        rows: makes rows.
        effects: lands, notifies, keeps statuses.
        clock: time.
        escalation: asks managed AI where the policy wants it; left out, nobody is asked.
    """

    def __init__(self, rows: RowMaker, effects: Effects, *, clock: Clock, escalation: Escalation | None = None) -> None:
        self._rows = rows
        self._effects = effects
        self._clock = clock
        self._escalation = escalation or Escalation(None, clock=clock)

    def process(self, event: Any, *, deadline: float) -> Report:
        """Lands, notifies, and says what to answer.

        Args:
            event: what Lambda gave.
            deadline: seconds since 1970 after which nothing more is sent; what is open then is answered as not durable.

        Raises:
            MalformedEventError: it is no Kinesis event.
            DefectError: something that no retry mends, or code that fails on every record.
        """
        batch = read_batch(event)
        if not batch.ids:
            return Report(answer([]))
        now = self._clock.now()
        decided_at = datetime.fromtimestamp(now, UTC)
        rows = self._rows.make(batch, decided_at)
        refuse_if_all_poison(rows, records=len(batch.records))
        if cases := rows.open:
            rows = self._rows.with_opinions(rows, *self._escalation.ask(cases, deadline=deadline))
        flow = InOrder(len(batch.ids))
        effects, to = self._effects, self._effects.destinations
        effects.hold_back(rows, flow)
        packs, too_large = pack([one for one in rows.judged if flow.is_open(one.record.position)])
        rows = self._rows.without(rows, too_large, decided_at)
        effects.land(to.verdicts, packs, flow, deadline=deadline)
        bad_packs, unpackable = pack([one for one in rows.refused if flow.is_open(one.record.position)])
        if unpackable:
            raise DefectError(f"{len(unpackable)} quarantine rows are larger than a Firehose record may be")
        effects.land(to.quarantine, bad_packs, flow, deadline=deadline)
        effects.notify(rows, flow, deadline=deadline)
        effects.keep_statuses(rows, flow, deadline=deadline, now=now)
        return report_of(batch, rows, flow, answer(batch.ids[flow.limit :]))


def refuse_if_all_poison(rows: Rows, *, records: int) -> None:
    """Fails the invocation when nothing at all gets through: then it is the code, not the records.

    Raises:
        DefectError: bisecting and dead letters, or Firehose's error prefix, keep the records.
    """
    if (poison := rows.poison) > 1 and poison == records:
        kinds = ", ".join(sorted({row.detail for row in rows.bad if row.reason == "poison"}))
        raise DefectError(f"all {poison} records of the batch failed with {kinds}")
