"""One batch of the deferred lane, from Firehose's event to its answer: the same rows, landed by Firehose itself.

A Kinesis batch that fails comes again from a checkpoint. Here there is none: what is answered is final, and Firehose
repeats an invocation only when it fails as a whole. So

* each record is answered for itself, and what cannot be made durable is ``ProcessingFailed``: Firehose then keeps the
  record as it came under its error prefix;
* ``Ok`` hands the verdict's row to Firehose, which lands it in the partition that comes with it;
* ``Dropped`` is only said of a record whose row is durable already: quarantined, or landed ahead through the verdicts
  delivery stream.

Rows go ahead in two cases. Of verdicts that somebody is told of, so that here, too, nobody acts on a verdict that may
still get lost: land, then notify, then answer. And what does not fit into the 6 MB that an answer may have. Neither
ever goes back into the deferred stream, so that nothing can go round in circles.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from consumers.batch import (
    DROPPED,
    MAX_ANSWER_BYTES,
    PROCESSING_FAILED,
    Batch,
    Result,
    bare_answer_bytes,
    read_transform_batch,
    row_bytes,
    transform_answer,
)
from consumers.effects import Apart, Effects
from consumers.escalation import Escalation
from consumers.pipeline import refuse_if_all_poison
from consumers.ports import DefectError
from consumers.report import Report, report_of
from consumers.rows import RowMaker, Rows, lines, pack
from glue.ports import Clock


class DeferredConsumer:
    """Moderates transform batches of a Firehose stream. Holds no state between them.

    Args:
        rows: makes rows.
        effects: lands, notifies, keeps statuses. Its retries should last: nothing runs a record again by itself.
        clock: time.
        escalation: asks managed AI where the policy wants it; left out, nobody is asked.
        max_answer_bytes: of an answer as JSON.
    """

    def __init__(
        self,
        rows: RowMaker,
        effects: Effects,
        *,
        clock: Clock,
        escalation: Escalation | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._rows = rows
        self._effects = effects
        self._clock = clock
        self._escalation = escalation or Escalation(None, clock=clock)
        self._max_answer_bytes = max_answer_bytes

    def process(self, event: Any, /, *, deadline: float) -> Report:
        """Lands what must be durable before the answer, notifies, and says what becomes of each record.

        Args:
            event: what Firehose gave.
            deadline: seconds since 1970 after which nothing more is sent; what is open then is ``ProcessingFailed``.

        Raises:
            MalformedEventError: it is no transform event.
            DefectError: something that no retry mends, or code that fails on every record.
        """
        batch = read_transform_batch(event)
        if not batch.ids:
            return Report(transform_answer([], []))
        now = self._clock.now()
        decided_at = datetime.fromtimestamp(now, UTC)
        rows = self._rows.make(batch, decided_at)
        refuse_if_all_poison(rows, records=len(batch.records))
        if cases := rows.open:
            rows = self._rows.with_opinions(rows, *self._escalation.ask(cases, deadline=deadline))
        encoded, too_large = lines(rows.judged)
        rows = self._rows.without(rows, too_large, decided_at)
        encoded = [line for index, line in enumerate(encoded) if index not in too_large]
        stays = self._that_stay(batch, rows, encoded)
        self._land_ahead(rows, stays, flow := Apart(), deadline)
        self._effects.notify(rows, flow, deadline=deadline)
        self._effects.keep_statuses(rows, flow, deadline=deadline, now=now)
        # Every record is a verdict or a bad row; whatever is not Ok and not failed has landed.
        results = [DROPPED] * len(batch.ids)
        for index in stays:
            one = rows.judged[index]
            results[one.record.position] = Result("Ok", encoded[index], one.row.created_at[:10])
        for position in flow.failed:
            results[position] = PROCESSING_FAILED
        return report_of(batch, rows, flow, transform_answer(batch.ids, results))

    def _that_stay(self, batch: Batch, rows: Rows, encoded: Sequence[bytes]) -> list[int]:
        """Which verdicts the answer carries, by index: as many as fit of those that nobody is told of."""
        notified = {one.record.position for one in rows.to_notify}
        size = bare_answer_bytes(batch.ids)
        stays: list[int] = []
        for index, (one, line) in enumerate(zip(rows.judged, encoded, strict=True)):
            if one.record.position not in notified and size + row_bytes(line) <= self._max_answer_bytes:
                size += row_bytes(line)
                stays.append(index)
        return stays

    def _land_ahead(self, rows: Rows, stays: Sequence[int], flow: Apart, deadline: float) -> None:
        effects, to = self._effects, self._effects.destinations
        kept = set(stays)
        packs, too_large = pack([one for index, one in enumerate(rows.judged) if index not in kept])
        bad_packs, bad_too_large = pack(rows.refused)
        if too_large or bad_too_large:
            raise DefectError(f"{len(too_large) + len(bad_too_large)} rows are larger than a Firehose record may be")
        effects.land(to.verdicts, packs, flow, deadline=deadline)
        effects.land(to.quarantine, bad_packs, flow, deadline=deadline)
