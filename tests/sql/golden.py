"""Verdict rows small enough to count by hand, with every kind of repetition there is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from glue.catalog.lake import write_table
from glue.catalog.render.arrow import arrow_schema
from glue.catalog.render.hive import columns
from glue.catalog.tables import VERDICTS, Table

Row = dict[str, Any]


def verdict(event: str, created: str, *, arrives: float = 1.0, decides: float = 0.5, **given: Any) -> Row:
    """One landed row. ``arrives`` and ``decides`` are seconds after the hop before; anything else replaces a column."""
    created_at = datetime.fromisoformat(created)
    arrived_at = given.pop("arrived_at", None) or created_at + timedelta(seconds=arrives)
    labels = given.get("labels", [])
    row: Row = {
        "verdict_id": "",
        "event_id": event,
        "content_id": f"content-{event}",
        "author_id": "ann",
        "surface": "comments",
        "language": "en",
        "created_at": created_at,
        "arrived_at": arrived_at,
        "decided_at": arrived_at + timedelta(seconds=decides),
        "mode": "live",
        "run_id": "",
        "action": "allow",
        "labels": labels,
        "top_label": labels[0] if labels else None,
        "top_score": 0.9 if labels else 0.0,
        "signals": [{"detector": "terms", "label": label, "score": 0.9, "rule": "r"} for label in labels],
        "policy_id": "default",
        "policy_version": "v1",
        "flags": [],
        "text_length": 5,
        "text_fingerprint": "t",
        "excerpt": "hello",
        "shard_id": "shardId-000000000000",
        "sequence_number": "49590338271490256608559692538361571095921575989136588898",
        "sub_sequence_number": 0,
        "fingerprint": f"payload-{event}",
        "schema_version": 1,
        "extra_json": None,
    }
    row |= given
    # As the pipeline makes it: of event, policy and run; not of the payload.
    row["verdict_id"] = f"{event}/{row['policy_id']}@{row['policy_version']}/{row['run_id']}"
    return row


FIRST = "2026-11-01"
SECOND = "2026-11-02"
HALF_PAST_NOON = datetime.fromisoformat(f"{FIRST} 12:30:00")

# A sequence number is a number: 99 comes before 100, as text it does not.
LOW, HIGH = "9" * 55, "1" + "0" * 55

ROWS: tuple[Row, ...] = (
    verdict("e01", f"{FIRST} 10:05:00", arrives=-0.5),
    # The same record handed to the consumer three times: the decision made first stays.
    verdict("e02", f"{FIRST} 10:15:00", arrives=2, decides=0.25, author_id="bob", action="block",
            labels=["insult", "spam"]),
    verdict("e02", f"{FIRST} 10:15:00", arrives=2, decides=60, author_id="bob", action="block",
            labels=["insult", "spam"]),
    verdict("e02", f"{FIRST} 10:15:00", arrives=2, decides=90, author_id="bob", action="block",
            labels=["insult", "spam"]),
    # Put twice by the producer, arrived in the same instant: the smaller sequence number stays.
    verdict("e03", f"{FIRST} 10:45:00", arrives=3, decides=0.125, author_id="bob", surface="chat", action="flag",
            labels=["spam"], sequence_number=HIGH, excerpt="the copy"),
    verdict("e03", f"{FIRST} 10:45:00", arrives=3, author_id="bob", surface="chat", action="flag",
            labels=["spam"], sequence_number=LOW),
    # Two payloads under one id: the one that arrived first stays, though the other was decided before it.
    verdict("e04", f"{FIRST} 11:00:00", arrives=4, decides=9, author_id="cid", surface="chat", action="review",
            labels=["threat"]),
    verdict("e04", f"{FIRST} 11:00:00", arrives=5, decides=0.1, author_id="mal", surface="chat", action="block",
            labels=["spam"], fingerprint="other"),
    # The same, with another time inside the day, and a policy that saw only the second payload later on.
    verdict("e05", f"{FIRST} 11:59:59.999", arrives=5, surface="chat"),
    verdict("e05", f"{FIRST} 03:00:00", arrived_at=HALF_PAST_NOON, author_id="mal",
            action="block", labels=["spam"], fingerprint="other"),
    verdict("e05", f"{FIRST} 03:00:00", arrived_at=HALF_PAST_NOON, decides=900,
            author_id="mal", action="block", labels=["spam"], fingerprint="other", policy_version="v2"),
    verdict("e06", f"{FIRST} 23:59:59.999", arrives=6, author_id="dan", surface="reviews", action="block",
            labels=["spam"]),
    verdict("e07", f"{SECOND} 00:00:00", arrives=7, author_id="dan", surface="reviews", action="block",
            labels=["spam"]),
    verdict("e08", f"{SECOND} 00:30:00", arrives=8, author_id="eve", labels=["spam"]),
    # A backfill with a new policy: decided last, so it counts; twice landed.
    verdict("e09", f"{SECOND} 12:00:00", arrives=9, author_id="bob"),
    verdict("e09", f"{SECOND} 12:00:00", arrives=9, decides=7200, author_id="bob", action="block", labels=["insult"],
            policy_version="v2", mode="backfill", run_id="run-1"),
    verdict("e09", f"{SECOND} 12:00:00", arrives=9, decides=7300, author_id="bob", action="block", labels=["insult"],
            policy_version="v2", mode="backfill", run_id="run-1"),
    # A shadow policy was stricter; it never counts.
    verdict("e10", f"{SECOND} 12:10:00", arrives=9, decides=2, author_id="cid", surface="chat", action="flag",
            labels=["spam", "insult"]),
    verdict("e10", f"{SECOND} 12:10:00", arrives=9, decides=3, author_id="cid", surface="chat", action="block",
            labels=["spam", "insult"], mode="shadow", policy_version="v3"),
    # The old policy's copy was decided again after the new policy: it is a copy, and the new policy stays.
    verdict("e11", f"{SECOND} 12:20:00", arrives=1),
    verdict("e11", f"{SECOND} 12:20:00", arrives=1, decides=600, action="review", labels=["spam", "spam"],
            policy_version="v2", mode="backfill", run_id="run-1"),
    verdict("e11", f"{SECOND} 12:20:00", arrives=1, decides=1200),
    # Outside every period asked for.
    verdict("e12", "2026-11-03 00:00:00", surface="chat", action="block", labels=["threat"]),
)  # fmt: skip

SURVIVORS: tuple[Row, ...] = tuple(ROWS[place] for place in (0, 1, 5, 6, 8, 11, 12, 13, 15, 17, 20, 22))
"""What current_verdicts holds, in the order of the event ids."""


def day_of(row: Row) -> str:
    """The partition a row lies in."""
    return str(next(row[name] for name in ("created_at", "arrived_at", "window_start") if name in row).date())


def set_aside(name: str, arrived: str, **given: Any) -> Row:
    """One quarantined row; anything given replaces a column."""
    arrived_at = datetime.fromisoformat(arrived)
    return {
        "bad_row_id": name,
        "reason": "json",
        "detail": "not one JSON document",
        "stage": "decode",
        "payload": None,
        "payload_bytes": 10,
        "shard_id": "shardId-000000000000",
        "sequence_number": LOW,
        "sub_sequence_number": 0,
        "partition_key": "p",
        "arrived_at": arrived_at,
        "quarantined_at": arrived_at + timedelta(seconds=1),
        "code_version": "1",
    } | given


def audited(day: str, *, at: str, archived: int, missing: int = 0, **given: Any) -> Row:
    """What an audit found of a day; anything given replaces a column."""
    start = datetime.fromisoformat(f"{day} 00:00:00")
    return {
        "audit_id": at,
        "audited_at": datetime.fromisoformat(at),
        "window_start": start,
        "window_end": start + timedelta(days=1),
        "archived": archived,
        "landed": archived - missing,
        "quarantined": 0,
        "dead_lettered": 0,
        "missing": missing,
        "ghosts": 0,
        "doubled": 0,
        "conflicts": 0,
        "altered": None,
        "objects": 0,
    } | given


def parquet(rows: Sequence[Row], table: Table = VERDICTS) -> bytes:
    """One file with these rows, written as everything in the lake is."""
    schema = _schema(table)
    return write_table(pa.Table.from_pylist(list(rows), schema=schema), schema)


def told(event: str, subscriber: str, day: str, state: str, **given: Any) -> Row:
    """One receipt of a delivery; anything given replaces a column."""
    created_at = datetime.fromisoformat(f"{day} 10:00:00")
    delivery = f"{event}/{subscriber}"
    row: Row = {
        "receipt_id": "",
        "delivery_id": delivery,
        "verdict_id": f"{event}/default@v1/",
        "event_id": event,
        "content_id": f"content-{event}",
        "subscriber": subscriber,
        "action": "block",
        "created_at": created_at,
        "decided_at": created_at + timedelta(seconds=2),
        "state": state,
        "done": None,
        "reference": None,
        "reason": None,
        "receives": 1,
        "noted_at": created_at + timedelta(seconds=5),
    } | given
    row["receipt_id"] = f"{delivery}/{state}/{row['done']}"
    return row


@cache
def _schema(table: Table) -> pa.Schema:
    return arrow_schema((column.name, column.type) for column in columns(table))
