"""The dry form of an invocation: what a version says of events, and nothing else happens.

A rehearsal has no way to an effect. It is given a maker of rows and nothing that lands, tells or keeps; it asks no
managed AI and writes no metric. Its event has no ``Records`` of its own, so that a version which does not know the form
refuses it as no event of Kinesis, and moderates nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from consumers.batch import MalformedEventError, read_batch
from consumers.rows import RowMaker
from glue.contract import VerdictRow

NAME: Final = "rehearsal"
_DECIDED_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)


def is_rehearsal(event: object) -> bool:
    """Whether an invocation is a rehearsal. What a mapping or Firehose sends is none: its records are at the top.

    >>> is_rehearsal({"rehearsal": {"Records": []}}), is_rehearsal({"Records": []})
    (True, False)
    """
    return isinstance(event, dict) and event.keys() == {NAME}


def rehearse(rows: RowMaker, event: Mapping[str, Any], *, policy: str, refused: str) -> dict[str, Any]:
    """What would be decided of each event, without a trace.

    Args:
        rows: makes rows under the policy that holds.
        event: ``{"rehearsal": {"Records": [...]}}``, the records as Lambda sends those of a stream.
        policy: its id and version.
        refused: why the stored policy does not hold; empty when it does.

    Returns:
        ``policy``, ``refused``, and by sequence number ``verdicts``: action, top label and a digest of the verdict; of
        what is no event the action is ``quarantine``, and the label its reason.

    Raises:
        MalformedEventError: it is no such event.
    """
    given = event.get(NAME)
    if not isinstance(given, dict):
        raise MalformedEventError("a rehearsal holds Records as an event of a Kinesis event source mapping does")
    made = rows.make(read_batch(given), _DECIDED_AT)
    verdicts: dict[str, list[str]] = {}
    for one in made.judged:
        verdicts[_place(one.row)] = [one.row.action, one.row.top_label or "", digest(one.row)]
    for bad in made.refused:
        row = bad.row
        where = f"{row.sequence_number}.{row.sub_sequence_number}"
        verdicts[where] = ["quarantine", row.reason, row.detail if row.reason == "poison" else ""]
    return {NAME: {"policy": policy, "refused": bool(refused), "verdicts": verdicts}}


def digest(row: VerdictRow) -> str:
    """What tells one verdict from another: what was decided and why, and what is shown of the text; no time, no ids."""
    said = (
        row.action,
        row.labels,
        row.top_label,
        row.top_score,
        row.signals,
        row.flags,
        row.text_length,
        row.text_fingerprint,
        row.excerpt,
    )
    return sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _place(row: VerdictRow) -> str:
    return f"{row.sequence_number}.{row.sub_sequence_number}"
