"""What became of one batch, in numbers, and the answer to give."""

from collections import Counter
from typing import Any, Protocol

from msgspec import Struct

from consumers.batch import Batch
from consumers.escalation import Tally
from consumers.rows import Rows
from glue.vocabulary import ACTIONS


class Report(Struct, frozen=True):
    """What became of one batch, and the answer to give.

    Args:
        answer: for Lambda, or for Firehose.
        ids: of the batch's records, as the answer names them: sequence numbers, or Firehose's record ids.
        records: records of the batch; ``events``: user records in them and containers that could not be opened.
        verdicts, bad, to_retry: where the events are: they add up to ``events``.
        actions: how many verdicts there are of each action.
        labels: how many verdicts other than allow there are of each top label.
        poison: how many of the bad made the code fail.
        resent: items sent again.
        notified, statuses: notices taken, statuses kept.
        asked: what asking managed AI came to; None: nothing was asked.
        oldest_arrival, latest_arrival: seconds since 1970; None without records.
    """

    answer: dict[str, list[dict[str, Any]]]
    ids: list[str] = []
    records: int = 0
    events: int = 0
    verdicts: int = 0
    bad: int = 0
    to_retry: int = 0
    actions: dict[str, int] = {}
    labels: dict[str, int] = {}
    poison: int = 0
    resent: int = 0
    notified: int = 0
    statuses: int = 0
    oldest_arrival: float | None = None
    latest_arrival: float | None = None
    asked: Tally | None = None


class Counts(Protocol):
    """What was counted on the way, and which records came through."""

    resent: int
    notified: int
    statuses: int

    def is_open(self, position: int) -> bool:
        """Whether nothing of the record at this position has failed."""

    @property
    def all_open(self) -> bool:
        """Whether nothing of any record has failed."""


def report_of(batch: Batch, rows: Rows, counts: Counts, answer: dict[str, list[dict[str, Any]]]) -> Report:
    """The report of a batch that was landed and told of."""
    events = len(batch.records) + len(batch.refused)
    to_notify, verdicts, bad = rows.to_notify, len(rows.judged), len(rows.refused)
    if not counts.all_open:
        verdicts = sum(counts.is_open(one.record.position) for one in rows.judged)
        bad = sum(counts.is_open(one.record.position) for one in rows.refused)
        to_notify = [one for one in to_notify if counts.is_open(one.record.position)]
    actions = Counter[str](one.row.action for one in to_notify)
    labels = Counter[str](one.row.top_label for one in to_notify if one.row.action != "allow" and one.row.top_label)
    actions["allow"] = verdicts - sum(actions[action] for action in ACTIONS if action != "allow")
    arrivals = [record.arrived_at for record in batch.records] or [record.arrived_at for record, _ in batch.refused]
    return Report(
        answer,
        batch.ids,
        records=len(batch.ids),
        events=events,
        verdicts=verdicts,
        bad=bad,
        to_retry=events - verdicts - bad,
        actions=dict(actions),
        labels=dict(labels),
        poison=rows.poison,
        resent=counts.resent,
        notified=counts.notified,
        statuses=counts.statuses,
        oldest_arrival=arrivals[0].timestamp(),
        latest_arrival=arrivals[-1].timestamp(),
        asked=rows.asked,
    )
