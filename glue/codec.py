"""Bytes to events and back. ``decode`` is total: whatever comes in, it gives an event or a reason, and never raises.

The fast path is one typed decode. Only what it refuses is looked at again, slowly, to say exactly why, or to keep
fields that the contract does not know.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from glue.contract import (
    MAX_PAYLOAD_BYTES,
    MAX_TEXT_BYTES,
    SCHEMA_VERSION,
    BadInput,
    ContentEvent,
    Media,
    ReplayMark,
    WireEvent,
)
from glue.vocabulary import Flag

LATE_AFTER = timedelta(hours=1)
SKEW_AFTER = timedelta(minutes=5)
MAX_REPLAY_AGE = timedelta(days=400)

_AHEAD = -SKEW_AFTER

_wire_decoder = msgspec.json.Decoder(WireEvent)
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_wire_encoder = msgspec.json.Encoder(order="deterministic")
_encode_moment = msgspec.json.Encoder().encode
_WHOLE_SECOND = len("2026-01-02T03:04:05Z")
_KNOWN_FIELDS = frozenset(WireEvent.__struct_fields__)
_MEDIA_FIELDS = frozenset(Media.__struct_fields__)
_SURFACE = re.compile(r"[a-z0-9_]{1,32}")
# Keeps out what datetime.fromisoformat takes but RFC 3339 does not: week dates, 24:00, seconds in offsets, no zone.
RFC3339_PATTERN = (
    "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    "(?:[.][0-9]{1,6}0*)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_RFC3339 = re.compile(RFC3339_PATTERN)


class Lateness(msgspec.Struct, frozen=True):
    """How far an event's time may lie from its arrival.

    Args:
        past: how long before its arrival an event may have been created; 30 days unless set.
        future: how far a producer's clock may be ahead; 24 hours unless set.
        late_after: from which age on an event is flagged late; an hour unless set.
    """

    past: timedelta = timedelta(days=30)
    future: timedelta = timedelta(hours=24)
    late_after: timedelta = LATE_AFTER


DEFAULT_LATENESS = Lateness()


def decode(payload: bytes, arrived_at: datetime, lateness: Lateness = DEFAULT_LATENESS) -> ContentEvent | BadInput:
    """The event in these bytes, or why there is none. Never raises on input.

    Args:
        payload: one record's bytes, not base64.
        arrived_at: when the stream took the record, with zone. A replayed event is judged by its first arrival instead.
        lateness: the limits around ``arrived_at``.

    >>> from datetime import UTC, datetime
    >>> decode(b'{"schema_version":1', datetime(2026, 1, 1, tzinfo=UTC))
    BadInput(reason='json', detail='not one JSON document: Input data was truncated')
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        return BadInput("size", f"{len(payload)} bytes; allowed: at most {MAX_PAYLOAD_BYTES}")
    extra: dict[str, msgspec.Raw] = {}
    try:
        wire = _wire_decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        from glue.refusal import explain_refusal  # what a cold start does not need

        refusal = explain_refusal(payload, error)
        if refusal is not None:
            return refusal
        # Only unknown fields stood in the way.
        fields = _raw_decoder.decode(payload)
        extra = {name: fields.pop(name) for name in sorted(fields.keys() - _KNOWN_FIELDS)}
        media = fields.get("media")
        if media is not None and (known_media := _without_unknown(media)) is not None:
            fields["media"], extra["media"] = known_media, media
        wire = _wire_decoder.decode(msgspec.json.encode(fields))
    return _event(wire, extra, arrived_at, lateness)


def _without_unknown(media: msgspec.Raw) -> msgspec.Raw | None:
    """The media items without the fields the contract does not know; None when there are no such fields."""
    items = msgspec.json.decode(media)
    known = [{name: item[name] for name in item if name in _MEDIA_FIELDS} for item in items]
    return msgspec.Raw(msgspec.json.encode(known)) if known != items else None


def _event(
    wire: WireEvent, extra: dict[str, msgspec.Raw], arrived_at: datetime, lateness: Lateness
) -> ContentEvent | BadInput:
    created_at = parse_timestamp(wire.created_at)
    if isinstance(created_at, BadInput):
        return created_at
    flags: list[Flag] = []
    if wire.replay is not None:
        first_arrival = _first_arrival(wire.replay, arrived_at)
        if isinstance(first_arrival, BadInput):
            return first_arrival
        arrived_at = first_arrival
        flags.append("replayed")
    age = arrived_at - created_at
    if age > lateness.late_after:
        if age > lateness.past:
            return _out_of_range(age, "before", lateness.past)
        flags.append("late")
    elif age < _AHEAD:
        if -age > lateness.future:
            return _out_of_range(-age, "after", lateness.future)
        flags.append("skew")

    text = wire.text
    # Four bytes is the most UTF-8 needs, so short texts are not measured.
    if len(text) * 4 > MAX_TEXT_BYTES and len(text.encode()) > MAX_TEXT_BYTES:
        return BadInput("text_size", f"text of {len(text.encode())} bytes; allowed: at most {MAX_TEXT_BYTES}")
    if not text and not wire.media:
        return BadInput("text", "neither text nor media; allowed: at least one of them")
    if "\0" in text:
        flags.append("nul")

    surface = wire.surface
    if surface is None or not is_surface(surface):
        extra = {"surface": msgspec.Raw(msgspec.json.encode(surface)), **extra}
        surface = "other" if surface else "unknown"
        flags.append("surface_mapped")
    return ContentEvent(
        wire.event_id,
        wire.content_id,
        wire.author_id,
        surface,
        created_at,
        text,
        wire.language,
        wire.media,
        wire.parent_id,
        wire.hold,
        wire.context,
        wire.replay,
        msgspec.json.encode(extra).decode() if extra else None,
        tuple(flags),
    )


def _out_of_range(age: timedelta, side: str, allowed: timedelta) -> BadInput:
    return BadInput("time_range", f"created_at is {_span(age)} {side} its arrival; allowed: {_span(allowed)}")


def _span(length: timedelta) -> str:
    """A length of time in days, or in hours below two days.

    >>> _span(timedelta(days=30)), _span(timedelta(hours=25, minutes=30))
    ('30 days', '25.5 hours')
    """
    hours = length / timedelta(hours=1)
    number, unit = (hours / 24, "days") if hours >= 48 else (hours, "hours")
    return f"{number:,.1f}".removesuffix(".0") + f" {unit}"


@lru_cache(1024)
def is_surface(text: str) -> bool:
    """Whether an event keeps this surface; another one lands as ``other``."""
    return _SURFACE.fullmatch(text) is not None


def _first_arrival(mark: ReplayMark, arrived_at: datetime) -> datetime | BadInput:
    first = parse_timestamp(mark.arrived_at)
    if isinstance(first, BadInput):
        return BadInput("replay", f"replay.arrived_at: {first.detail}")
    age = arrived_at - first
    if age > MAX_REPLAY_AGE or -age > SKEW_AFTER:
        return BadInput("replay", f"replay.arrived_at is {age} before this arrival; allowed: 0 to {MAX_REPLAY_AGE}")
    return first


def parse_timestamp(value: str) -> datetime | BadInput:
    """The moment in UTC that an RFC 3339 timestamp names, or why it names none.

    Source: https://www.rfc-editor.org/rfc/rfc3339#section-5.6

    >>> parse_timestamp("2026-03-01T01:00:00+14:00").isoformat()
    '2026-02-28T11:00:00+00:00'
    >>> parse_timestamp("2026-03-01T01:00:00").reason
    'tz'
    """
    if _RFC3339.fullmatch(value) is not None:
        try:
            # The letters may be small ones (RFC 3339, section 5.6), which fromisoformat takes only in part.
            moment = datetime.fromisoformat(value if value[-1] != "z" else value.upper())
            # Nearly all are in Z, which fromisoformat already gives as UTC.
            return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
        except OverflowError:
            return BadInput("time_range", "before year 1 or after year 9999 in UTC; allowed: the lateness limits")
        except ValueError:
            pass
    from glue.refusal import explain_time

    return explain_time(value)


def encode(event: ContentEvent) -> bytes:
    """The event as one JSON document, such that decoding it at the same arrival gives the same event.

    Fields are in a fixed order and what has its default is left out, so equal events have equal bytes.
    """
    return _encode(event, event.replay)


def canonical(event: ContentEvent) -> bytes:
    """The bytes an event's ``fingerprint`` is made of: its encoding without the replay mark.

    Replaying an event, or writing its JSON in another order or with other escapes, changes nothing here.
    """
    if event.extra_json is None:
        return _encode(event, None)
    extra = _wire_encoder.encode(msgspec.json.decode(event.extra_json)).decode()
    return _encode(msgspec.structs.replace(event, extra_json=extra), None)


def _encode(event: ContentEvent, replay: ReplayMark | None) -> bytes:
    surface, media = event.surface, event.media
    if event.extra_json is None:
        return _encode_known(event, surface, media, replay)
    extra: dict[str, msgspec.Raw] = _raw_decoder.decode(event.extra_json)
    raw_surface, raw_media = extra.pop("surface", None), extra.pop("media", None)
    head = _encode_known(
        event,
        surface if raw_surface is None else msgspec.json.decode(raw_surface),
        media if raw_media is None else (),
        replay,
    )
    if raw_media is not None:
        extra["media"] = raw_media
    if not extra:
        return head
    return head[:-1] + b"," + msgspec.json.encode(extra)[1:]


def _encode_known(
    event: ContentEvent, surface: str | None, media: tuple[Media, ...], replay: ReplayMark | None
) -> bytes:
    return _wire_encoder.encode(
        WireEvent(
            event.schema_version,
            event.event_id,
            event.content_id,
            event.author_id,
            surface,
            wire_timestamp(event.created_at),
            event.text,
            event.language,
            media,
            event.parent_id,
            event.hold,
            event.context,
            replay,
        )
    )


def wire_timestamp(moment: datetime) -> str:
    """A moment as the wire has it: RFC 3339 in UTC with microseconds.

    >>> from datetime import UTC, datetime
    >>> wire_timestamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05.000000Z'
    """
    written = _utc(moment)
    return f"{written[:-1]}.000000Z" if len(written) == _WHOLE_SECOND else written


def landed_timestamp(moment: datetime) -> str:
    """A moment as rows have it: UTC without a zone, the form Firehose's JSON reader and Athena agree on.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/enable-record-format-conversion.html

    >>> from datetime import UTC, datetime
    >>> landed_timestamp(datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC))
    '2026-01-02 03:04:05.000060'
    """
    written = _utc(moment).replace("T", " ")
    return f"{written[:-1]}.000000" if len(written) == _WHOLE_SECOND else written[:-1]


def _utc(moment: datetime) -> str:
    """A moment in UTC, ending in Z; without microseconds when they are 0."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # A tenth of isoformat's cost.
    return _encode_moment(moment)[1:-1].decode()


__all__ = [
    "DEFAULT_LATENESS",
    "LATE_AFTER",
    "RFC3339_PATTERN",
    "SCHEMA_VERSION",
    "SKEW_AFTER",
    "Lateness",
    "canonical",
    "decode",
    "encode",
    "is_surface",
    "landed_timestamp",
    "parse_timestamp",
    "wire_timestamp",
]
