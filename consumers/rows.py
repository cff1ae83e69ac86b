"""Records to rows: the per-record part of the consumer, without effects."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from consumers.batch import Batch, Record
from consumers.escalation import Opinion, Tally
from consumers.moderation.detectors.velocity import CrowdDetector
from consumers.moderation.managed import OpenCase, asking
from consumers.moderation.moderator import Moderator
from consumers.ports import Notice, Status
from glue.codec import Lateness, canonical, decode, landed_timestamp, parse_timestamp
from glue.contract import MAX_QUARANTINED_PAYLOAD_BYTES, BadInput, BadRow, ContentEvent, Signal, VerdictRow
from glue.vocabulary import Flag, Mode, Stage

MAX_PACK_ROWS = 500
MAX_PACK_BYTES = 1000 * 1024
"""Of one Firehose record. Source: https://docs.aws.amazon.com/firehose/latest/dev/limits.html"""

Row = TypeVar("Row", VerdictRow, BadRow)
_encode_lines = msgspec.json.Encoder().encode_lines


class Rows(Struct, frozen=True):
    """What became of a batch's records.

    Args:
        verdicts, records: rows of events, and for each the record it came from.
        bad, bad_records: rows of what is not an event or made the code fail, and for each the record it came from.
        effects: verdicts that have to be made known: the record, the event, the row.
        poison: how many of the bad made the code fail.
        open: what managed AI is to be asked about; see :meth:`RowMaker.with_opinions`.
        asked: what asking came to, or how many verdicts lack the look at their batch; None: nothing is missing, and
            nothing was open.
    """

    verdicts: list[VerdictRow]
    records: list[Record]
    bad: list[BadRow]
    bad_records: list[Record]
    effects: list[tuple[Record, ContentEvent, VerdictRow]]
    poison: int
    open: list[OpenCase] = []
    asked: Tally | None = None
    handling: Mapping[str, str] = {}


class Pack(Struct, frozen=True):
    """One Firehose record: newline-delimited rows.

    Args:
        data: the bytes, each row ending in a newline.
        rows: how many.
        positions: of the batch's records that they came from.
    """

    data: bytes
    rows: int
    positions: Sequence[int]

    @property
    def position(self) -> int:
        """The lowest of them; when the pack fails, everything from there is open."""
        return min(self.positions)


class RowMaker:
    """Makes rows under one policy."""

    def __init__(self, moderator: Moderator, lateness: Lateness, *, code_version: str, mode: Mode = "live") -> None:
        self._moderator = moderator
        self._lateness = lateness
        self._code_version = code_version
        self._mode = mode

    def use(self, moderator: Moderator) -> None:
        """Judges by this policy from the next record on."""
        self._moderator = moderator

    def make(self, batch: Batch, decided_at: datetime) -> Rows:
        """A row for every record. Never raises: a record that alone makes the code fail is quarantined as ``poison``.

        Args:
            batch: the records.
            decided_at: the batch's one reading of the clock.
        """
        decided = landed_timestamp(decided_at)
        verdicts: list[VerdictRow] = []
        records: list[Record] = []
        bad: list[BadRow] = []
        bad_records: list[Record] = []
        effects: list[tuple[Record, ContentEvent, VerdictRow]] = []
        poison = 0
        open_: list[OpenCase] = []
        asked: Tally | None = None
        events: list[ContentEvent] = []
        normals: list[bytes] = []
        moderator, lateness, verdict_row = self._moderator, self._lateness, self._verdict_row
        managed, crowd = moderator.managed, moderator.crowd
        for record in batch.records:
            try:
                event = decode(record.payload, record.arrived_at, lateness)
                if event.__class__ is ContentEvent:
                    row, normal = verdict_row(record, event, decided)
                    verdicts.append(row)
                    records.append(record)
                    if row.action != "allow" or event.hold:
                        effects.append((record, event, row))
                    if crowd is not None:
                        events.append(event)
                        normals.append(normal)
                    if managed and (rules := asking(managed, event, row.signals)):
                        open_.append(OpenCase(len(verdicts) - 1, event, rules))
                    continue
                refusal: BadInput = event  # type: ignore[assignment]
                stage: Stage = "decode"
            except MemoryError:
                raise
            except Exception as error:
                # The one place that catches broadly. Only the type is kept: a message may quote the content.
                refusal, stage = BadInput("poison", type(error).__name__), "moderate"
                poison += 1
            bad.append(self.bad_row(record, refusal, stage, decided))
            bad_records.append(record)
        for record, refusal in batch.refused:
            bad.append(self.bad_row(record, refusal, "deaggregate", decided))
            bad_records.append(record)
        if crowd is not None:
            # What managed AI is asked about depends on the event alone, so that it was looked at before.
            alone = verdicts
            verdicts, asked = self._in_the_crowd(crowd, verdicts, normals)
            if verdicts is not alone:
                effects = [
                    (record, event, row)
                    for record, event, row in zip(records, events, verdicts, strict=True)
                    if row.action != "allow" or event.hold
                ]
        return Rows(verdicts, records, bad, bad_records, effects, poison, open_, asked, moderator.handling)

    def with_opinions(self, rows: Rows, opinions: Sequence[Opinion], tally: Tally) -> Rows:
        """The rows, with what managed AI said about the open ones among them.

        Args:
            rows: from :meth:`make`, under the same policy.
            opinions: for each of ``rows.open``.
            tally: what asking came to.
        """
        verdicts = list(rows.verdicts)
        for case, opinion in zip(rows.open, opinions, strict=True):
            verdicts[case.index] = self._decided_again(verdicts[case.index], opinion)
        gone = {id(rows.verdicts[case.index]) for case in rows.open}
        effects = [effect for effect in rows.effects if id(effect[2]) not in gone]
        effects += [
            (rows.records[case.index], case.event, verdicts[case.index])
            for case in rows.open
            if verdicts[case.index].action != "allow" or case.event.hold
        ]
        effects.sort(key=lambda effect: effect[0].position)
        if rows.asked is not None:
            tally = replace(tally, degraded=rows.asked.degraded)
        return replace(rows, verdicts=verdicts, effects=effects, open=[], asked=tally)

    def _decided_again(self, row: VerdictRow, opinion: Opinion) -> VerdictRow:
        if opinion.degraded and "degraded" not in row.flags:
            row = replace(row, flags=(*row.flags, "degraded"))
        return self.with_signals(row, opinion.signals) if opinion.signals else row

    def _in_the_crowd(
        self, crowd: CrowdDetector, verdicts: list[VerdictRow], normals: Sequence[bytes]
    ) -> tuple[list[VerdictRow], Tally | None]:
        """The verdicts, with what the batch as a whole shows. The verdicts on each event alone land in any case; the
        metric ``Degraded`` counts those that lack it."""
        try:
            found = crowd.detect(verdicts, normals)
            if not found:
                return verdicts, None
            decided = list(verdicts)
            for place, signals in found.items():
                decided[place] = self.with_signals(verdicts[place], signals)
        except MemoryError:
            raise
        except Exception:
            return [replace(row, flags=(*row.flags, "degraded")) for row in verdicts], Tally(degraded=len(verdicts))
        return decided, None

    def with_signals(self, row: VerdictRow, signals: Sequence[Signal]) -> VerdictRow:
        """A verdict decided anew with more signals. It stays the same verdict: the id does not change.

        Args:
            row: the verdict on the event alone.
            signals: what only its batch shows, or what managed AI says; under the same policy.
        """
        together = (*row.signals, *signals)
        decision = self._moderator.decide(together, surface=row.surface, language=row.language, author_id=row.author_id)
        return replace(
            row,
            action=decision.action,
            labels=decision.labels,
            top_label=decision.top_label,
            top_score=decision.top_score,
            signals=together,
        )

    def _verdict_row(self, record: Record, event: ContentEvent, decided: str) -> tuple[VerdictRow, bytes]:
        """The verdict on an event alone, and its text's normal form."""
        moderator = self._moderator
        text = event.text
        finding = moderator.judge(text, surface=event.surface, language=event.language, author_id=event.author_id)
        decision = finding.decision
        run_id, arrived = "", record.arrived
        if event.replay is not None:
            run_id = event.replay.run_id
            first_arrival = parse_timestamp(event.replay.arrived_at)
            if isinstance(first_arrival, datetime):
                arrived = landed_timestamp(first_arrival)
        policy_id, policy_version = moderator.policy_id, moderator.policy_version
        flags: tuple[Flag, ...] = (*event.flags, "truncated") if finding.truncated else event.flags
        event_id = event.event_id
        identity = f"{event_id}\n{policy_id}\n{policy_version}\n{run_id}"
        row = VerdictRow(
            sha256(identity.encode()).hexdigest()[:32],
            event_id,
            event.content_id,
            event.author_id,
            event.surface,
            event.language,
            landed_timestamp(event.created_at),
            arrived,
            decided,
            self._mode,
            run_id,
            decision.action,
            decision.labels,
            decision.top_label,
            decision.top_score,
            finding.signals,
            policy_id,
            policy_version,
            flags,
            len(text),
            finding.text_fingerprint,
            finding.excerpt,
            record.shard_id,
            record.sequence_number,
            record.sub_sequence_number,
            sha256(canonical(event)).hexdigest()[:32],
            event.schema_version,
            event.extra_json,
        )
        return row, finding.normal

    def without(self, rows: Rows, too_large: Mapping[int, int], decided_at: datetime) -> Rows:
        """The rows with those that no Firehose record can hold quarantined instead.

        Args:
            rows: from :meth:`make`.
            too_large: sizes of the rows to take out, by their index in ``rows.verdicts``; see :func:`pack`.
            decided_at: the batch's one reading of the clock.
        """
        if not too_large:
            return rows
        kept = [index for index in range(len(rows.verdicts)) if index not in too_large]
        gone = {id(rows.verdicts[index]) for index in too_large}
        refused = [
            (rows.records[index], BadInput("size", f"a row of {size} bytes; allowed: at most {MAX_PACK_BYTES}"))
            for index, size in too_large.items()
        ]
        decided = landed_timestamp(decided_at)
        bad = [self.bad_row(record, refusal, "moderate", decided) for record, refusal in refused]
        return Rows(
            [rows.verdicts[index] for index in kept],
            [rows.records[index] for index in kept],
            rows.bad + bad,
            rows.bad_records + [record for record, _ in refused],
            [effect for effect in rows.effects if id(effect[2]) not in gone],
            rows.poison,
            asked=rows.asked,
        )

    def bad_row(self, record: Record, refusal: BadInput, stage: Stage, decided: str) -> BadRow:
        """The row of a record that cannot become a verdict; the same record always gets the same ``bad_row_id``."""
        payload = record.payload
        coordinate = f"{record.shard_id}\n{record.sequence_number}\n{record.sub_sequence_number}\n"
        return BadRow(
            sha256(coordinate.encode() + payload).hexdigest()[:32],
            refusal.reason,
            refusal.detail,
            stage,
            b64encode(payload).decode() if len(payload) <= MAX_QUARANTINED_PAYLOAD_BYTES else None,
            len(payload),
            record.shard_id,
            record.sequence_number,
            record.sub_sequence_number,
            record.partition_key,
            record.arrived,
            decided,
            self._code_version,
        )


def notice(event: ContentEvent, row: VerdictRow, handling: Mapping[str, str] = {}) -> Notice:
    """What is told about a verdict.

    Args:
        event: what was judged.
        row: the verdict.
        handling: by label, the policy's word for whoever is told.
    """
    return Notice(
        verdict_id=row.verdict_id,
        event_id=row.event_id,
        content_id=row.content_id,
        author_id=row.author_id,
        surface=row.surface,
        hold=event.hold,
        action=row.action,
        labels=row.labels,
        top_label=row.top_label,
        top_score=row.top_score,
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        mode=row.mode,
        created_at=row.created_at,
        decided_at=row.decided_at,
        handling=tuple([handling[label] for label in row.labels if label in handling]) if handling else (),
    )


def status(row: VerdictRow, expires_at: int) -> Status:
    """What the status table keeps of a verdict.

    Args:
        row: the verdict.
        expires_at: when it may be forgotten, in seconds since 1970.
    """
    return Status(
        content_id=row.content_id,
        order_key=f"{row.created_at}#{row.event_id}#{row.decided_at}",
        event_id=row.event_id,
        verdict_id=row.verdict_id,
        author_id=row.author_id,
        surface=row.surface,
        action=row.action,
        labels=row.labels,
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        decided_at=row.decided_at,
        expires_at=expires_at,
    )


def pack(
    rows: Sequence[Row], records: Sequence[Record], *, limit: int = MAX_PACK_BYTES
) -> tuple[list[Pack], dict[int, int]]:
    """The rows as few Firehose records, and what fits into none: at most 500 rows and ``limit`` bytes each.

    Args:
        rows: the rows, in order.
        records: for each row, the record it came from.
        limit: bytes of one Firehose record.

    Returns:
        The packs, and the sizes of the rows left out because they are larger than ``limit`` alone, by index.
    """
    packs: list[Pack] = []
    too_large: dict[int, int] = {}
    # Ranges still to pack, the next one last.
    ranges = [(start, min(start + MAX_PACK_ROWS, len(rows))) for start in range(0, len(rows), MAX_PACK_ROWS)][::-1]
    while ranges:
        start, end = ranges.pop()
        data = _encode_lines(rows[start:end])
        if len(data) <= limit:
            packs.append(Pack(data, end - start, [record.position for record in records[start:end]]))
        elif end - start == 1:
            too_large[start] = len(data)
        else:
            middle = (start + end) // 2
            ranges += ((middle, end), (start, middle))
    return packs, too_large


def lines(rows: Sequence[VerdictRow], *, limit: int = MAX_PACK_BYTES) -> tuple[list[bytes], dict[int, int]]:
    """Each row as a line by itself, and the sizes of those over ``limit`` bytes, by index."""
    encoded = [_encode_lines((row,)) for row in rows]
    return encoded, {index: len(line) for index, line in enumerate(encoded) if len(line) > limit}
