"""The words the whole pipeline uses, each written once."""

from typing import Literal, get_args

Action = Literal["allow", "flag", "review", "block"]
"""What a policy answers, from mildest to strictest."""

Mode = Literal["live", "shadow", "backfill"]
"""Why a verdict was made: for the stream, beside the live policy, or for the past."""

Stage = Literal["decode", "deaggregate", "moderate"]
"""Where a record was when it turned out to be bad."""

Flag = Literal["late", "skew", "nul", "surface_mapped", "truncated", "degraded", "replayed"]
"""What a reader should know about a verdict that landed all the same.

late: created more than an hour before it arrived · skew: created more than five minutes after it arrived ·
nul: the text held U+0000, shown as U+2400 · surface_mapped: the surface's raw value is in ``extra_json`` ·
truncated: the excerpt is not the whole text · degraded: a detector was missing · replayed: it came back by replay or
redrive.
"""

Done = Literal["removed", "hidden", "restricted", "labelled", "warned", "queued", "none"]
"""What a receiver of verdicts did with the content.

removed: nobody sees it any more · hidden: it can come back · restricted: fewer see it · labelled: it is marked ·
warned: its author was told · queued: a person decides · none: nothing was done, on purpose.
"""

ReceiptState = Literal["due", "delivered", "given_up"]
"""How far the delivery of a verdict to one subscriber has come."""

ACTIONS: tuple[Action, ...] = get_args(Action)

REASONS: dict[str, str] = {
    "empty": "no bytes, or white space only",
    "size": "larger than one record may be",
    "encoding": "not UTF-8, or begins with a byte order mark",
    "json": "not one JSON document",
    "number": "NaN, Infinity, or a number outside every range",
    "not_object": "a JSON document, but not an object",
    "depth": "nested deeper than 32",
    "keys": "more than 256 keys",
    "missing": "a required field is absent; written missing:<field>",
    "type": "a field holds another type than the contract's",
    "id": "an id is not of its form",
    "schema_version": "a schema version that never was",
    "schema_future": "a schema version newer than this code; redrive it after an upgrade",
    "time": "a timestamp that no calendar or clock has, or not RFC 3339",
    "time_precision": "a timestamp finer than a microsecond",
    "time_range": "outside the lateness limits",
    "time_unit": "a timestamp in another unit, such as milliseconds given as seconds",
    "tz": "a timestamp without a zone",
    "text": "no text and no media",
    "text_size": "a text over 64 KiB of UTF-8",
    "language": "not a BCP 47 language tag",
    "media": "a media item that is not of its form, or more than 16",
    "context": "more than 32 context entries, or one that is not a string or too long",
    "replay": "a replay mark whose first arrival is in the future or over 400 days old",
    "enum": "a value outside its closed set",
    "aggregate_corrupt": "a KPL aggregate that is truncated, altered or not well formed",
    "aggregate_empty": "a KPL aggregate without records",
    "aggregate_limit": "a KPL aggregate with more records than allowed",
    "poison": "the record alone makes the code fail; the exception's type is in the detail",
}
"""Every reason a record is quarantined for, and what it means."""
