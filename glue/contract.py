"""The records of the pipeline, one struct each. Every other form of them is rendered from here.

A change here must follow the rules in :mod:`glue.evolution`; ``python -m glue render`` then brings the renderings up
to date.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from glue.vocabulary import Action, Done, Flag, Mode, ReceiptState, Stage

SCHEMA_VERSION = 1

MAX_TEXT_BYTES = 64 * 1024
MAX_MEDIA = 16
MAX_CONTEXT = 32
MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_QUARANTINED_PAYLOAD_BYTES = 256 * 1024

EventId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z",
        description="UUID in canonical form (lower case, hyphens)",
    ),
]
Identifier = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._:@-]{1,128}\Z", description="1 to 128 of A-Z a-z 0-9 . _ : @ -")
]
Timestamp = Annotated[str, Meta(description="RFC 3339 with a zone, microseconds at most", extra={"sql": "timestamp"})]
LandedTimestamp = Annotated[str, Meta(description="YYYY-MM-DD HH:MM:SS.ffffff, in UTC", extra={"sql": "timestamp"})]
Language = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}\Z",
        max_length=64,
        description="BCP 47 language tag, e.g. en, pt-BR, zh-Hant",
    ),
]


class Media(Struct, frozen=True, forbid_unknown_fields=True):
    """One media item of an event: where it lies and what it is."""

    uri: Annotated[str, Meta(min_length=1, max_length=2048)]
    mime_type: Annotated[str, Meta(min_length=3, max_length=128)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")] | None = None


class ReplayMark(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Set by replay and redrive only: which run brought the event back, and when it had first arrived."""

    run_id: Identifier
    arrived_at: Timestamp
    # Left out when false, so that readers from before it was added take every mark that asks for nothing.
    notify: Annotated[bool, Meta(description="tell of the verdict as if it were the first")] = False


class WireEvent(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One event as producers put it on the stream: one JSON document per record.

    Unknown fields are allowed on the wire; :func:`glue.codec.decode` keeps them in ``extra_json``.
    """

    schema_version: Annotated[int, Meta(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
    event_id: EventId
    content_id: Identifier
    author_id: Identifier
    surface: Annotated[str | None, Meta(description="where it was posted, [a-z0-9_]{1,32}; else lands as other")]
    created_at: Timestamp
    text: Annotated[str, Meta(description="at most 64 KiB of UTF-8; may be empty when media is not")]
    language: Language | None = None
    media: Annotated[tuple[Media, ...], Meta(max_length=MAX_MEDIA)] = ()
    parent_id: Identifier | None = None
    hold: Annotated[bool, Meta(description="the author waits: the verdict is always in the status table")] = False
    context: Annotated[
        dict[Annotated[str, Meta(max_length=128)], Annotated[str, Meta(max_length=1024)]],
        Meta(max_length=MAX_CONTEXT),
    ] = {}
    replay: ReplayMark | None = None


class ContentEvent(Struct, frozen=True, gc=False):
    """One event inside the pipeline: validated, its time in UTC, unknown fields kept in ``extra_json``."""

    event_id: str
    content_id: str
    author_id: str
    surface: str
    created_at: datetime
    text: str
    language: str | None = None
    media: tuple[Media, ...] = ()
    parent_id: str | None = None
    hold: bool = False
    context: dict[str, str] = {}
    replay: ReplayMark | None = None
    extra_json: str | None = None
    flags: tuple[Flag, ...] = ()
    schema_version: int = SCHEMA_VERSION


class BadInput(Struct, frozen=True):
    """Why bytes are not an event. A value, never an exception; ``detail`` holds nothing of the payload."""

    reason: str
    detail: str


class Signal(Struct, frozen=True, gc=False):
    """One detector's finding: what the content may be, how sure, and by which rule."""

    detector: str
    label: str
    score: Annotated[float, Meta(ge=0.0, le=1.0)]
    rule: str


class VerdictRow(Struct, frozen=True, gc=False):
    """The policy's answer for one event, as it lands."""

    verdict_id: Annotated[str, Meta(description="hash of event id, policy id and version, run id")]
    event_id: Annotated[str, Meta(description="names the event for ever")]
    content_id: Annotated[str, Meta(description="what was posted")]
    author_id: Annotated[str, Meta(description="pseudonym of who posted it")]
    surface: Annotated[str, Meta(description="where it was posted")]
    language: Annotated[str | None, Meta(description="BCP 47 tag given by the producer")]
    created_at: Annotated[LandedTimestamp, Meta(description="when it was posted; its day is the partition")]
    arrived_at: Annotated[LandedTimestamp, Meta(description="when it reached the stream (of a replay: the first time)")]
    decided_at: Annotated[LandedTimestamp, Meta(description="when the verdict was made")]
    mode: Annotated[Mode, Meta(description="live, shadow or backfill")]
    run_id: Annotated[str, Meta(description="replay or backfill run; empty when live")]
    action: Annotated[Action, Meta(description="allow, flag, review or block")]
    labels: Annotated[tuple[str, ...], Meta(description="what the content is, strongest first")]
    top_label: Annotated[str | None, Meta(description="the label that decided")]
    top_score: Annotated[float, Meta(description="its score, 0 to 1")]
    signals: Annotated[tuple[Signal, ...], Meta(description="what each detector found")]
    policy_id: Annotated[str, Meta(description="which policy")]
    policy_version: Annotated[str, Meta(description="hash of the policy's content")]
    flags: Annotated[tuple[Flag, ...], Meta(description="what to know about this verdict; glue.vocabulary.Flag")]
    text_length: Annotated[int, Meta(description="characters in the text")]
    text_fingerprint: Annotated[str, Meta(description="hash of the normalised text; equal texts share it")]
    excerpt: Annotated[str, Meta(description="at most 280 characters, personal data masked")]
    shard_id: Annotated[str, Meta(description="where in the stream: shard")]
    sequence_number: Annotated[str, Meta(description="where in the stream: sequence number")]
    sub_sequence_number: Annotated[int, Meta(ge=0, description="place inside a KPL aggregate, else 0")]
    fingerprint: Annotated[str, Meta(description="hash of the canonical payload")]
    schema_version: Annotated[int, Meta(description="the event's schema version")]
    extra_json: Annotated[str | None, Meta(description="fields the contract does not know, as a JSON object")]


class Notice(Struct, frozen=True):
    """A verdict that somebody may have to act on, as EventBridge and webhooks tell of it. Ids and labels only, never
    the text.
    """

    verdict_id: Annotated[str, Meta(description="hash of event id, policy id and version, run id")]
    event_id: Annotated[str, Meta(description="names the event for ever")]
    content_id: Annotated[str, Meta(description="what was posted")]
    author_id: Annotated[str, Meta(description="pseudonym of who posted it")]
    surface: Annotated[str, Meta(description="where it was posted")]
    hold: Annotated[bool, Meta(description="the author waits for the verdict")]
    action: Annotated[Action, Meta(description="flag, review or block")]
    labels: Annotated[tuple[str, ...], Meta(description="what the content is, strongest first")]
    top_label: Annotated[str | None, Meta(description="the label that decided")]
    top_score: Annotated[float, Meta(description="its score, 0 to 1")]
    policy_id: Annotated[str, Meta(description="which policy")]
    policy_version: Annotated[str, Meta(description="hash of the policy's content")]
    mode: Annotated[str, Meta(description="live, shadow or backfill")]
    created_at: Annotated[LandedTimestamp, Meta(description="when it was posted")]
    decided_at: Annotated[LandedTimestamp, Meta(description="when the verdict was made")]
    handling: Annotated[
        tuple[str, ...], Meta(description="the policy's words for how it is to be met, such as support for self-harm")
    ] = ()


class BadRow(Struct, frozen=True):
    """One record that is not an event: why, where it was, and its bytes, so that it can be brought back."""

    bad_row_id: Annotated[str, Meta(description="hash of the coordinate and the payload")]
    reason: Annotated[str, Meta(description="closed set, see glue.vocabulary.REASONS")]
    detail: Annotated[str, Meta(description="what was received and allowed; holds nothing of the payload")]
    stage: Annotated[Stage, Meta(description="decode, deaggregate or moderate")]
    payload: Annotated[str | None, Meta(description="the bytes in base64, up to 256 KiB; else null: see the archive")]
    payload_bytes: Annotated[int, Meta(ge=0, description="length of the payload in bytes")]
    shard_id: Annotated[str, Meta(description="where in the stream: shard")]
    sequence_number: Annotated[str, Meta(description="where in the stream: sequence number")]
    sub_sequence_number: Annotated[int, Meta(ge=0, description="place inside a KPL aggregate, else 0")]
    partition_key: Annotated[str, Meta(description="the record's partition key")]
    arrived_at: Annotated[LandedTimestamp, Meta(description="when it reached the stream; its day is the partition")]
    quarantined_at: Annotated[LandedTimestamp, Meta(description="when it was set aside")]
    code_version: Annotated[str, Meta(description="the version that could not read it")]


class ArchivedLine(Struct, frozen=True):
    """One line of the raw archive: a record, and where and when it came.

    Lines of the deferred lane, and those from before there was an archiver, are bare bytes without the other columns;
    there a record that holds newlines is several lines.
    """

    line: Annotated[str, Meta(description="the record as it was sent, or that in base64")]
    encoding: Annotated[str | None, Meta(description="text or base64; null where the line is bare bytes")]
    shard_id: Annotated[str | None, Meta(description="shard of the stream")]
    sequence_number: Annotated[str | None, Meta(description="place in the shard")]
    sub_sequence_number: Annotated[int | None, Meta(description="place inside a KPL aggregate, else 0")]
    arrived_at: Annotated[LandedTimestamp | None, Meta(description="when it reached the stream")]


class AuditRow(Struct, frozen=True):
    """What an audit found about the records that arrived on one day. All counts are of ids, each once."""

    audit_id: Annotated[str, Meta(description="names the run of the audit")]
    audited_at: Annotated[LandedTimestamp, Meta(description="when it looked")]
    window_start: Annotated[LandedTimestamp, Meta(description="arrivals from here on; its day is the partition")]
    window_end: Annotated[LandedTimestamp, Meta(description="and before this moment")]
    archived: Annotated[int, Meta(ge=0, description="ids in the archive")]
    landed: Annotated[int, Meta(ge=0, description="of these, ids with a verdict")]
    quarantined: Annotated[int, Meta(ge=0, description="of these, ids in quarantine and without a verdict")]
    dead_lettered: Annotated[int, Meta(ge=0, description="of these, ids that are dead letters and nothing else")]
    missing: Annotated[int, Meta(ge=0, description="of these, ids that are nowhere")]
    ghosts: Annotated[int, Meta(ge=0, description="ids that landed or were set aside and are not in the archive")]
    doubled: Annotated[int, Meta(ge=0, description="ids in more than one state, or with rows that say the same twice")]
    conflicts: Annotated[int, Meta(ge=0, description="ids that came with two payloads")]
    altered: Annotated[int | None, Meta(description="verdicts that differ from a second one; null: not looked at")]
    objects: Annotated[int, Meta(ge=0, description="objects that are unreadable, changed or gone")]


class ReceiptRow(Struct, frozen=True):
    """How far the delivery of one verdict to one subscriber of the webhook has come, and what the receiver did."""

    receipt_id: Annotated[str, Meta(description="hash of the delivery and its state")]
    delivery_id: Annotated[str, Meta(description="hash of verdict and subscriber: the webhook's id")]
    verdict_id: Annotated[str, Meta(description="which verdict")]
    event_id: Annotated[str, Meta(description="names the event for ever")]
    content_id: Annotated[str, Meta(description="what was posted")]
    subscriber: Annotated[str, Meta(description="who was to be told")]
    action: Annotated[Action, Meta(description="what was decided")]
    created_at: Annotated[LandedTimestamp, Meta(description="when the content was posted; its day is the partition")]
    decided_at: Annotated[LandedTimestamp, Meta(description="when the verdict was made")]
    state: Annotated[ReceiptState, Meta(description="due, delivered or given_up")]
    done: Annotated[Done | None, Meta(description="what the receiver said it did; null: it did not say")]
    reference: Annotated[str | None, Meta(description="the receiver's own id of what it did")]
    reason: Annotated[str | None, Meta(description="why it was given up; nothing of what was received")]
    receives: Annotated[int, Meta(ge=0, description="how often the queue had handed it out")]
    noted_at: Annotated[LandedTimestamp, Meta(description="when it came so far")]
