"""Each archived event decided a second time, with the policy that its verdict names: does the row say the same?

Compared is everything that the event, the policy and the code decide. When it was decided and where in the stream it
lay is in no archive; of a row with only that changed, the seal of an earlier audit names the object. What managed AI
said is in no archive either, and it is not asked again: its signals are taken as they stand, where the policy asks for
them, and everything that follows from them is compared.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from consumers.batch import Batch, Record
from consumers.escalation import Opinion, Tally
from consumers.moderation.detectors.velocity import OF_BATCHES
from consumers.moderation.managed import SERVICES, OpenCase
from consumers.moderation.moderator import Moderator
from consumers.rows import RowMaker
from glue.catalog import lake as parquet
from glue.codec import landed_timestamp
from glue.contract import Signal, VerdictRow
from glue.vocabulary import Flag
from infra.audit.archived import ANY_AGE, records_of
from infra.audit.findings import Finding
from infra.audit.lake import Lake, LakeObject, UnreadableError
from producers.replay.archived import begins_at

OF_THE_PLACE = frozenset(
    {"arrived_at", "decided_at", "mode", "run_id", "shard_id", "sequence_number", "sub_sequence_number"}
)
"""Columns that say when and where; no event holds them."""
_OF_ARRIVAL: frozenset[Flag] = frozenset({"late", "skew"})
"""Flags that depend on the moment of arrival, which an archive object knows to the second at best."""
_SLACK = 2.0
"""Seconds: an object's name and S3's own times are in whole ones."""
_EXACT = 0.0015
"""Seconds: Kinesis tells an arrival in milliseconds, and floats round."""
COLUMNS = tuple(name for name in VerdictRow.__struct_fields__ if name not in OF_THE_PLACE)

Moderators = Callable[[str, str], Moderator | None]
"""The policy of that id and version, ready to judge; None when it is not at hand."""


class Again(Struct, frozen=True):
    """What deciding again gave.

    Args:
        findings: verdicts that differ, and objects that cannot be read.
        unjudged: how many could not be decided again, or not wholly, by the reason.
        compared: how many were.
    """

    findings: list[Finding]
    unjudged: Counter[str]
    compared: int


class _Stored(Struct, frozen=True):
    """A verdict as it lies in the lake: its columns, and the object it is in."""

    values: dict[str, Any]
    address: str


def decide_again(
    lake: Lake,
    *,
    archive: Iterable[LakeObject],
    verdicts: Iterable[LakeObject],
    moderators: Moderators,
    share: float = 1.0,
) -> Again:
    """Compares every verdict on the window's archived events with a second one.

    Args:
        lake: the lake bucket.
        archive: the archive's objects in the window.
        verdicts: the verdicts' objects that can hold their rows.
        moderators: the policies at hand.
        share: of the events, above 0 and up to 1; chosen by their ids, the same ones each time.
    """
    events = _events(lake, archive, share)
    altered: dict[tuple[str, str], Finding] = {}
    unjudged: Counter[str] = Counter()
    compared = 0
    unreadable: list[Finding] = []
    for stored in _stored(lake, verdicts, events.keys(), unreadable):
        values = stored.values
        arrived = values["arrived_at"]
        wanted = (str(values["policy_id"]), str(values["policy_version"]))
        moderator = moderators(*wanted)
        if moderator is None:
            unjudged[f"policy {wanted[0]} {wanted[1]} is not at hand; give it by --policy"] += 1
            continue
        signals = _signals(values)
        if "degraded" in _flags(values) or any(signal.detector in SERVICES for signal in signals):
            unjudged["what managed AI said, or did not say, was taken as it stands"] += 1
        if any(signal.detector in OF_BATCHES for signal in signals):
            unjudged["what only its batch showed was taken as it stands"] += 1
        compared += 1
        differing = min(
            (_differing(values, sent, moderator) for sent in events[str(values["event_id"])].values()),
            key=len,
        )
        if differing:
            finding = Finding(
                kind="altered",
                id=str(values["event_id"]),
                day=f"{arrived:%Y-%m-%d}",
                seen=f"verdicts: {stored.address}",
                detail=f"differs in {', '.join(differing)}",
            )
            altered[finding.id, finding.detail] = finding
    return Again([*unreadable, *altered.values()], unjudged, compared)


class _Sent(Struct):
    """One payload of an event, and the spans of time in which the archive has it arrive, in epoch seconds."""

    data: bytes
    spans: list[tuple[float, float]]


def _events(lake: Lake, objects: Iterable[LakeObject], share: float) -> dict[str, dict[bytes, _Sent]]:
    """The payloads of each event id, each once."""
    found: dict[str, dict[bytes, _Sent]] = {}
    for one in objects:
        begins = begins_at(one.key)
        try:
            for record in records_of(lake, one.key):
                if record.event is None or not _is_chosen(record.event.event_id, share):
                    continue
                sent = found.setdefault(record.event.event_id, {}).setdefault(
                    sha256(record.data).digest(), _Sent(record.data, [])
                )
                if record.arrived is not None:
                    at = record.arrived.timestamp()
                    sent.spans.append((at - _EXACT, at + _EXACT))
                elif begins is not None:
                    sent.spans.append((begins - _SLACK, one.written + _SLACK))
        except UnreadableError:
            # The comparison names it.
            continue
    return found


def _is_chosen(event_id: str, share: float) -> bool:
    return share >= 1 or int.from_bytes(sha256(event_id.encode()).digest()[:4], "big") < share * 2**32


def _stored(
    lake: Lake, objects: Iterable[LakeObject], wanted: Iterable[str], findings: list[Finding]
) -> Iterator[_Stored]:
    names = frozenset(wanted)
    for one in objects:
        address = lake.address + one.key
        try:
            rows = parquet.read_table(lake.read(one.key)).to_pylist()
        except (UnreadableError, parquet.DriftError, OSError, ValueError, ArithmeticError) as error:
            # Athena reads single columns, so it may not have noticed.
            day = one.key.partition("/dt=")[2][:10]
            detail = f"unreadable ({type(error).__name__})"
            findings.append(Finding(kind="object", id=address, day=day, seen="lake", detail=detail))
            continue
        for values in rows:
            if values.get("event_id") in names and values.get("mode") in {"live", "backfill"}:
                yield _Stored(values, address)


def _decided(moderator: Moderator, data: bytes, stored: Mapping[str, Any], arrived: datetime) -> dict[str, Any] | None:
    """The row that the consumer would make of these bytes now; None when it would make none."""
    moment = arrived.replace(tzinfo=UTC)
    record = Record(
        position=0,
        payload=data,
        arrived_at=moment,
        arrived=landed_timestamp(moment),
        shard_id=str(stored["shard_id"]),
        sequence_number=str(stored["sequence_number"]),
        sub_sequence_number=int(stored["sub_sequence_number"]),
        partition_key="",
    )
    maker = RowMaker(moderator, ANY_AGE, code_version="")
    rows = maker.make(Batch([record], [], []), moment)
    if not rows.judged:
        return None
    one = rows.judged[0]
    one = msgspec.structs.replace(one, row=_in_its_batch(maker, moderator, one.row, stored))
    rows = msgspec.structs.replace(rows, judged=[one])
    if cases := rows.open:
        rows = maker.with_opinions(rows, [_as_it_stands(cases[0], stored)], Tally())
    again: dict[str, Any] = msgspec.to_builtins(rows.verdicts[0])
    return again


def _signals(stored: Mapping[str, Any]) -> list[Signal]:
    """The row's signals that are such: in a row that was tampered with there may be anything."""
    found = []
    for one in stored["signals"] or ():
        with suppress(msgspec.ValidationError):
            found.append(msgspec.convert(one, Signal))
    return found


def _flags(stored: Mapping[str, Any]) -> Sequence[Any]:
    return stored["flags"] or ()


def _in_its_batch(maker: RowMaker, moderator: Moderator, row: VerdictRow, stored: Mapping[str, Any]) -> VerdictRow:
    """The verdict with what only its batch showed, by the stored row, as far as the policy has that very rule."""
    if moderator.velocity is None:
        return row
    shown = [one for one in _signals(stored) if one.detector in OF_BATCHES and one in moderator.velocity.signals]
    if shown:
        row = maker.with_signals(row, shown)
    if "degraded" in _flags(stored) and "degraded" not in row.flags:
        # The look at the batch had failed.
        row = msgspec.structs.replace(row, flags=(*row.flags, "degraded"))
    return row


def _as_it_stands(case: OpenCase, stored: Mapping[str, Any]) -> Opinion:
    """What managed AI said by the row, as far as the policy lets it say so."""
    rules = {rule.rule: rule for rule in case.rules}
    said = []
    for signal in _signals(stored):
        rule = rules.get(signal.rule)
        if (
            rule is not None
            and signal.detector == rule.service
            and signal.label in rule.labels.values()
            and rule.at_least <= signal.score <= rule.at_most
        ):
            said.append(signal)
    return Opinion(tuple(said), degraded="degraded" in _flags(stored))


def _differing(stored: Mapping[str, Any], sent: _Sent, moderator: Moderator) -> list[str]:
    """The columns that another verdict on this payload would have otherwise."""
    arrived: datetime = stored["arrived_at"]
    again = _decided(moderator, sent.data, stored, arrived)
    if again is None:
        return ["event_id"]
    found = [name for name in COLUMNS if _plain(name, stored.get(name)) != _plain(name, again[name])]
    if again["run_id"] != stored["run_id"]:
        found.append("run_id")
    if not stored["run_id"] and sent.spans:
        at = arrived.replace(tzinfo=UTC).timestamp()
        if not any(begins <= at <= ends for begins, ends in sent.spans):
            found.append("arrived_at")
    if stored["decided_at"] < arrived - timedelta(seconds=_SLACK):
        found.append("decided_at")
    return found


def _plain(name: str, value: Any) -> Any:
    """A value so that one from Parquet and one from the consumer compare."""
    if name == "flags":
        return sorted(set(value or ()) - _OF_ARRIVAL, key=str)
    if name == "created_at":
        return landed_timestamp(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value
    if isinstance(value, list | tuple):
        return [_plain("", item) for item in value]
    return value
