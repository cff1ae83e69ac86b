"""A checksum over verdicts that a replay leaves as it is: the same before and after, whatever order rows come in.

It covers every column of ``current_verdicts`` but those that name the replay itself: ``verdict_id`` and ``run_id`` (of
the run), ``decided_at`` (when it decided), the place in the stream, and the flag ``replayed``.
"""

from hashlib import sha256
from typing import Any

import msgspec

from athena.engine import Engine
from glue.contract import VerdictRow

OF_THE_RUN = frozenset({"verdict_id", "run_id", "decided_at", "shard_id", "sequence_number", "sub_sequence_number"})
"""Columns that say which run decided, when, and about which copy: another run has others."""

COLUMNS = tuple(name for name in VerdictRow.__struct_fields__ if name not in OF_THE_RUN and name != "flags")
"""Columns that only the event, the policy and the code decide."""

SQL = f"SELECT {', '.join(COLUMNS)}, array_remove(flags, 'replayed') FROM current_verdicts WHERE dt BETWEEN ? AND ?"


class Checksum(msgspec.Struct, frozen=True):
    """How many events there are, and what stands about them; equal ones are equal in every column of ``COLUMNS``."""

    events: int
    value: str


def checksum(engine: Engine, *, database: str, workgroup: str, first_day: str, last_day: str) -> Checksum:
    """The checksum of the verdicts that count, of events created on these days (YYYY-MM-DD, both included).

    Raises:
        athena.engine.EngineError: there is no answer.
    """
    days = [f"'{day}'" for day in (first_day, last_day)]
    answer = engine.run(SQL, days, database=database, workgroup=workgroup)
    return of_rows(answer.rows)


def of_rows(rows: Any) -> Checksum:
    """The checksum of rows in any order.

    >>> of_rows([(1, "a"), (2, "b")]) == of_rows([(2, "b"), (1, "a")])
    True
    >>> of_rows([(1, "a"), (2, "b")]) == of_rows([(1, "b"), (2, "a")])
    False
    """
    lines = sorted(msgspec.json.encode(list(row), enc_hook=str) for row in rows)
    return Checksum(len(lines), sha256(b"\n".join(lines)).hexdigest()[:32])
