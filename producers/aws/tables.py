"""What the tables of the lake know, asked of Athena: first arrivals, quarantined records, events with a verdict."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from glue.aws.address import parse_object
from glue.aws.clients import make_client
from glue.aws.reaching import reaching
from glue.aws.statements import StatementError, run_statement
from glue.codec import landed_timestamp
from glue.ports import Clock
from glue.terminal.errors import UnreachableError
from producers.redrive.quarantined import QuarantinedRow
from producers.replay.marking import Identity

csv.field_size_limit(4 * 1024 * 1024)

_FIRST_ARRIVALS = """
SELECT event_id, fingerprint, to_unixtime(min(arrived_at)) AS first_arrival
FROM verdicts
WHERE dt BETWEEN ? AND ? AND arrived_at <= CAST(? AS timestamp) AND mode IN ('live', 'backfill')
GROUP BY event_id, fingerprint
HAVING max(arrived_at) >= CAST(? AS timestamp)
"""
_QUARANTINED = """
SELECT bad_row_id, min(reason), min(detail), min(stage), min(coalesce(payload, '')), min(payload_bytes), min(shard_id),
  min(sequence_number), min(sub_sequence_number), min(partition_key), to_unixtime(min(arrived_at))
FROM quarantine
WHERE dt BETWEEN ? AND ? AND arrived_at >= CAST(? AS timestamp) AND arrived_at < CAST(? AS timestamp)
GROUP BY bad_row_id
ORDER BY 11, 1
"""
_WITH_VERDICT = "SELECT DISTINCT event_id FROM verdicts WHERE dt BETWEEN ? AND ? AND mode IN ('live', 'backfill')"


class AthenaTables:
    """The tables, through Athena. Answers are read from the object that Athena writes: pages hold 1,000 rows only.

    Args:
        database, workgroup: of the stack.
        clock: for waits.
    """

    def __init__(self, *, database: str, workgroup: str, clock: Clock, athena: Any = None, s3: Any = None) -> None:
        self._database = database
        self._workgroup = workgroup
        self._clock = clock
        self._athena = athena or make_client("athena")
        self._s3 = s3 or make_client("s3")

    def of(
        self, identities: Sequence[Identity], *, days: tuple[str, str], since: float, until: float
    ) -> Mapping[Identity, float]:
        """See :class:`producers.replay.run.FirstArrivals`."""
        asked = set(identities)
        rows = self.rows(
            _FIRST_ARRIVALS, [*map(_quoted, days), _quoted(_landed(until + 1.0)), _quoted(_landed(since - 1.0))]
        )
        return {(row[0], row[1]): round(float(row[2]), 6) for row in rows if (row[0], row[1]) in asked}

    def quarantined(self, since: float, until: float) -> Iterator[QuarantinedRow]:
        """Every record that is in quarantine and arrived in the range (epoch seconds), once, oldest first."""
        days = [_quoted(_landed(moment)[:10]) for moment in (since, until)]
        for row in self.rows(_QUARANTINED, [*days, _quoted(_landed(since)), _quoted(_landed(until))]):
            yield QuarantinedRow(
                bad_row_id=row[0],
                reason=row[1],
                detail=row[2],
                stage=row[3],
                payload=row[4],
                payload_bytes=int(row[5]),
                shard_id=row[6],
                sequence_number=row[7],
                sub_sequence_number=int(row[8]),
                partition_key=row[9],
                arrived=float(row[10]),
            )

    def with_verdict(self, event_ids: Sequence[str], *, days: tuple[str, str]) -> set[str]:
        """Those of the events that have a verdict; their own time lies in these days (YYYY-MM-DD)."""
        asked = set(event_ids)
        return {row[0] for row in self.rows(_WITH_VERDICT, [*map(_quoted, days)]) if row[0] in asked}

    def rows(self, sql: str, parameters: Sequence[str]) -> Iterator[list[str]]:
        """The rows of the answer as texts; null is an empty text.

        Args:
            sql: one statement; ``?`` stands for a parameter.
            parameters: SQL literals.
        """
        where = f"Athena workgroup {self._workgroup}, database {self._database}"
        with reaching(where):
            try:
                execution = run_statement(
                    self._athena,
                    sql,
                    parameters,
                    database=self._database,
                    workgroup=self._workgroup,
                    sleep=self._clock.sleep,
                    clock=self._clock.now,
                )
            except StatementError as error:
                raise UnreachableError(f"{where}: Athena could not say what landed: {error}") from None
            bucket, key = parse_object(execution["ResultConfiguration"]["OutputLocation"])
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
            with body:
                reader = csv.reader(io.TextIOWrapper(io.BufferedReader(_Readable(body), 1 << 20), "utf-8", newline=""))
                next(reader, None)
                yield from reader


class _Readable(io.RawIOBase):
    """A streaming body as a file that text can be read from."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _landed(moment: float) -> str:
    return landed_timestamp(datetime.fromtimestamp(moment, UTC))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
