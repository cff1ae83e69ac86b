"""What became of every id: counted from the objects, the dead letters and the notices alone, without the audit."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from typing import Any

from msgspec import Struct

from glue.kpl.aggregation import decode as open_aggregate
from tests.faults.pipeline import Pipeline, landed, payload_of

CANARY = "xylophoncanary"
"""Stands in every text; outside of rows nobody may ever see it."""

_ONLY_WHEN = ("decided_at", "arrived_at", "sequence_number", "shard_id", "sub_sequence_number", "flags")
"""What copies of one verdict may differ in: when and where the copy was made."""


class Account(Struct, frozen=True):
    """Sets of what is wrong. All are empty when nothing is.

    Args:
        lost: accepted ids that ended nowhere.
        ghosts: ids that landed and were never sent.
        doubled: ids with several verdicts under one policy, or whose copies differ.
        untold: ids acted on of which nobody was told, or whose status is not the verdict's. Those in dead letters are
            not among them: redrive brings them back, and then they are told.
        leaked: where content stood that must not hold any.
        unarchived: places in the stream whose record the archive does not hold, or not as it came.
        archived_twice: places that a reader of the archive finds more than once, or that are none.
    """

    lost: frozenset[str]
    ghosts: frozenset[str]
    doubled: frozenset[str]
    untold: frozenset[str]
    leaked: frozenset[str]
    unarchived: frozenset[str]
    archived_twice: frozenset[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return self == NOTHING_WRONG


NOTHING_WRONG = Account(*[frozenset()] * 7)


def account(pipeline: Pipeline, accepted: Set[str], sent: Mapping[str, bytes]) -> Account:
    """What is wrong with a pipeline at rest.

    Args:
        pipeline: settled.
        accepted: the ids that a producer was told are safe.
        sent: every id that was ever handed to the stream, with its payload.
    """
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in landed(pipeline, "verdicts"):
        rows[row["event_id"]].append(row)
    by_payload = {payload: event_id for event_id, payload in sent.items()}
    quarantined = {by_payload.get(payload_of(row), "?") for row in landed(pipeline, "quarantine")}
    dead = {by_payload.get(data, "?") for record in pipeline.dead for data in _inside(record.data)}
    return Account(
        lost=frozenset(accepted - rows.keys() - quarantined - dead),
        ghosts=frozenset((rows.keys() | quarantined | dead) - sent.keys()),
        doubled=frozenset(event_id for event_id, copies in rows.items() if _is_doubled(copies)),
        untold=frozenset(_untold(pipeline, rows) - dead),
        leaked=frozenset(_leaks(pipeline)),
        unarchived=frozenset(map(repr, set(pipeline.taken) - (archived := Counter(pipeline.archived())).keys())),
        archived_twice=frozenset(
            repr(one) for one, times in archived.items() if times > 1 or one not in set(pipeline.taken)
        ),
    )


def _inside(data: bytes) -> list[bytes]:
    opened = open_aggregate(data)
    return [data] if opened is None else [record.data for record in opened]


def _is_doubled(copies: list[dict[str, Any]]) -> bool:
    by_policy: dict[str, set[str]] = defaultdict(set)
    for row in copies:
        by_policy[row["policy_version"]].add(row["verdict_id"])
    if any(len(ids) > 1 for ids in by_policy.values()):
        return True
    seen = {(row["verdict_id"], _frozen({k: v for k, v in row.items() if k not in _ONLY_WHEN})) for row in copies}
    return max(Counter(verdict_id for verdict_id, _ in seen).values()) > 1


def _frozen(row: dict[str, Any]) -> str:
    return repr(sorted(row.items()))


def _untold(pipeline: Pipeline, rows: Mapping[str, list[dict[str, Any]]]) -> set[str]:
    told = {notice.verdict_id for notice in pipeline.notices}
    found = set()
    for event_id, copies in rows.items():
        acted_on = [row for row in copies if row["action"] != "allow"]
        if not acted_on:
            continue
        last = max(acted_on, key=lambda row: row["decided_at"])
        status = pipeline.statuses.get(last["content_id"])
        if not any(row["verdict_id"] in told for row in acted_on) or status is None or status.event_id != event_id:
            found.add(event_id)
    return found


def _leaks(pipeline: Pipeline) -> set[str]:
    found = set()
    if CANARY in pipeline.log.getvalue():
        found.add("log")
    if any(CANARY in repr(notice) for notice in pipeline.notices):
        found.add("notice")
    if any(CANARY in repr(status) for status in pipeline.statuses.values()):
        found.add("status")
    if any(CANARY in key for key in pipeline.objects.kept):
        found.add("object key")
    return found


__all__ = ["CANARY", "NOTHING_WRONG", "Account", "account"]
