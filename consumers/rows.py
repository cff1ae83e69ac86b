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
from consumers.moderation.moderator import Finding, Moderator
from consumers.moderation.rules import ManagedRule
from consumers.ports import Status
from glue.codec import Lateness, canonical, decode, landed_timestamp, parse_timestamp
from glue.contract import MAX_QUARANTINED_PAYLOAD_BYTES, BadInput, BadRow, ContentEvent, Notice, Signal, VerdictRow
from glue.vocabulary import Flag, Mode, Stage

JUDGED_AT_ONCE = 256
"""Records that go through each step together; see :meth:`Moderator.judge_all`."""
MAX_PACK_ROWS = 500
MAX_PACK_BYTES = 1000 * 1024
"""Of one Firehose record. Source: https://docs.aws.amazon.com/firehose/latest/dev/limits.html"""

_encode_lines = msgspec.json.Encoder().encode_lines


class Judged(Struct, frozen=True, gc=False):
    """A record that is an event, with the verdict on it.

    Args:
        record: the record.
        event: the event in it.
        row: the verdict.
        normal: the normal form of the event's text, as UTF-8.
        asks: the rules of managed AI that ask about it.
    """

    record: Record
    event: ContentEvent
    row: VerdictRow
    normal: bytes = b""
    asks: tuple[ManagedRule, ...] = ()


class Refused(Struct, frozen=True, gc=False):
    """A record that is no event, or made the code fail, with its row for the quarantine."""

    record: Record
    row: BadRow


Outcome = TypeVar("Outcome", Judged, Refused)
"""What became of one record."""


class Rows(Struct, frozen=True):
    """What became of a batch's records.

    Args:
        judged: those that are events, in the batch's order.
        refused: the others.
        asked: what asking managed AI came to, or how many verdicts lack the look at their batch; None: nothing is
            missing, and nothing was open.
        handling: by label, the policy's word for whoever is told.
    """

    judged: list[Judged]
    refused: list[Refused]
    asked: Tally | None = None
    handling: Mapping[str, str] = {}

    @property
    def verdicts(self) -> list[VerdictRow]:
        """The rows of events."""
        return [one.row for one in self.judged]

    @property
    def bad(self) -> list[BadRow]:
        """The rows of what is not an event."""
        return [one.row for one in self.refused]

    @property
    def to_notify(self) -> list[Judged]:
        """The verdicts that somebody has to know of: those that are acted on, and those that an author waits for."""
        return [one for one in self.judged if one.row.action != "allow" or one.event.hold]

    @property
    def open(self) -> list[OpenCase]:
        """What managed AI is to be asked about; see :meth:`RowMaker.with_opinions`."""
        return [OpenCase(one.event, one.asks) for one in self.judged if one.asks]

    @property
    def poison(self) -> int:
        """How many of the refused made the code fail."""
        return sum(one.row.reason == "poison" for one in self.refused)


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
        judged: list[Judged] = []
        refused: list[Refused] = []
        for start in range(0, len(batch.records), JUDGED_AT_ONCE):
            self._make_some(batch.records[start : start + JUDGED_AT_ONCE], decided, judged, refused)
        refused += (
            Refused(record, self.bad_row(record, refusal, "deaggregate", decided)) for record, refusal in batch.refused
        )
        velocity = self._moderator.velocity
        rows = Rows(judged, refused, handling=self._moderator.handling)
        # What managed AI is asked about depends on the event alone, so that it was looked at before.
        return rows if velocity is None else self._with_velocity(velocity, rows)

    def _make_some(self, records: Sequence[Record], decided: str, judged: list[Judged], refused: list[Refused]) -> None:
        """Adds what becomes of some records to those that were judged and those that were refused."""
        events: list[tuple[Record, ContentEvent]] = []
        lateness = self._lateness
        for record in records:
            try:
                event = decode(record.payload, record.arrived_at, lateness)
            except MemoryError:
                raise
            except Exception as error:
                refused.append(self._poison(record, error, decided))
                continue
            if isinstance(event, ContentEvent):
                events.append((record, event))
            else:
                refused.append(Refused(record, self.bad_row(record, event, "decode", decided)))
        try:
            findings = self._moderator.judge_all([event for _, event in events])
            judged += [
                self._judged(record, event, finding, decided)
                for (record, event), finding in zip(events, findings, strict=True)
            ]
        except MemoryError:
            raise
        except Exception:
            # One of them made the code fail. Each by itself, so that it fails alone.
            for record, event in events:
                try:
                    judged.append(self._judge(record, event, decided))
                except MemoryError:
                    raise
                except Exception as error:
                    refused.append(self._poison(record, error, decided))

    def _poison(self, record: Record, error: Exception, decided: str) -> Refused:
        # Only the type is kept: a message may quote the content.
        return Refused(record, self.bad_row(record, BadInput("poison", type(error).__name__), "moderate", decided))

    def with_opinions(self, rows: Rows, opinions: Sequence[Opinion], tally: Tally) -> Rows:
        """The rows, with what managed AI said about the open ones among them.

        Args:
            rows: from :meth:`make`, under the same policy.
            opinions: for each of ``rows.open``.
            tally: what asking came to.
        """
        left = iter(opinions)
        judged = [self._decided_again(one, next(left)) if one.asks else one for one in rows.judged]
        if rows.asked is not None:
            tally = replace(tally, degraded=rows.asked.degraded)
        return replace(rows, judged=judged, asked=tally)

    def _decided_again(self, one: Judged, opinion: Opinion) -> Judged:
        row = one.row
        if opinion.degraded and "degraded" not in row.flags:
            row = replace(row, flags=(*row.flags, "degraded"))
        if opinion.signals:
            row = self.with_signals(row, opinion.signals)
        return replace(one, row=row, asks=())

    def _with_velocity(self, velocity: CrowdDetector, rows: Rows) -> Rows:
        """The rows, with what the batch as a whole shows. The verdicts on each event alone land in any case; the
        metric ``Degraded`` counts those that lack it."""
        judged = rows.judged
        try:
            found = velocity.detect(rows.verdicts, [one.normal for one in judged])
            if not found:
                return rows
            decided = list(judged)
            for place, signals in found.items():
                decided[place] = replace(judged[place], row=self.with_signals(judged[place].row, signals))
        except MemoryError:
            raise
        except Exception:
            decided = [replace(one, row=replace(one.row, flags=(*one.row.flags, "degraded"))) for one in judged]
            return replace(rows, judged=decided, asked=Tally(degraded=len(decided)))
        return replace(rows, judged=decided)

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

    def _judge(self, record: Record, event: ContentEvent, decided: str) -> Judged:
        finding = self._moderator.judge(
            event.text, surface=event.surface, language=event.language, author_id=event.author_id
        )
        return self._judged(record, event, finding, decided)

    def _judged(self, record: Record, event: ContentEvent, finding: Finding, decided: str) -> Judged:
        """The event and the verdict on it alone."""
        moderator = self._moderator
        text, event_id = event.text, event.event_id
        decision = finding.decision
        run_id, arrived = "", record.arrived
        if event.replay is not None:
            run_id = event.replay.run_id
            first_arrival = parse_timestamp(event.replay.arrived_at)
            if isinstance(first_arrival, datetime):
                arrived = landed_timestamp(first_arrival)
        policy_id, policy_version = moderator.policy_id, moderator.policy_version
        flags: tuple[Flag, ...] = (*event.flags, "truncated") if finding.truncated else event.flags
        row = VerdictRow(
            sha256(f"{event_id}\n{policy_id}\n{policy_version}\n{run_id}".encode()).hexdigest()[:32],
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
        managed = moderator.managed
        asks = asking(managed, event, finding.signals) if managed else ()
        return Judged(record, event, row, finding.normal, asks)

    def without(self, rows: Rows, too_large: Mapping[int, int], decided_at: datetime) -> Rows:
        """The rows with those that no Firehose record can hold quarantined instead.

        Args:
            rows: from :meth:`make`.
            too_large: sizes of the rows to take out, by their index in ``rows.judged``; see :func:`pack`.
            decided_at: the batch's one reading of the clock.
        """
        if not too_large:
            return rows
        decided = landed_timestamp(decided_at)
        kept = [one for index, one in enumerate(rows.judged) if index not in too_large]
        refused = list(rows.refused)
        for index, size in too_large.items():
            record = rows.judged[index].record
            refusal = BadInput("size", f"a row of {size} bytes; allowed: at most {MAX_PACK_BYTES}")
            refused.append(Refused(record, self.bad_row(record, refusal, "moderate", decided)))
        return replace(rows, judged=kept, refused=refused)

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


def pack(outcomes: Sequence[Outcome], *, limit: int = MAX_PACK_BYTES) -> tuple[list[Pack], dict[int, int]]:
    """Rows as few Firehose records, and what fits into none: at most 500 rows and ``limit`` bytes each.

    Args:
        outcomes: whose rows, in order.
        limit: bytes of one Firehose record.

    Returns:
        The packs, and the sizes of the rows left out because they are larger than ``limit`` alone, by index.
    """
    packs: list[Pack] = []
    too_large: dict[int, int] = {}
    # Ranges still to pack, the next one last.
    starts = range(0, len(outcomes), MAX_PACK_ROWS)
    ranges = [(start, min(start + MAX_PACK_ROWS, len(outcomes))) for start in starts][::-1]
    while ranges:
        start, end = ranges.pop()
        some = outcomes[start:end]
        data = _encode_lines([one.row for one in some])
        if len(data) <= limit:
            packs.append(Pack(data, len(some), [one.record.position for one in some]))
        elif len(some) == 1:
            too_large[start] = len(data)
        else:
            middle = (start + end) // 2
            ranges += ((middle, end), (start, middle))
    return packs, too_large


def lines(judged: Sequence[Judged], *, limit: int = MAX_PACK_BYTES) -> tuple[list[bytes], dict[int, int]]:
    """Each row as a line by itself, and the sizes of those over ``limit`` bytes, by index."""
    encoded = [_encode_lines((one.row,)) for one in judged]
    return encoded, {index: len(line) for index, line in enumerate(encoded) if len(line) > limit}
