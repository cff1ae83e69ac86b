"""What the API asks of each field of an event: the contract's own rules, in words and in expressions."""

from typing import Any, Literal

from msgspec import Struct

from glue.catalog.render.json_schema import event_schema
from glue.codec import RFC3339_PATTERN
from glue.contract import MAX_CONTEXT, MAX_MEDIA, MAX_TEXT_BYTES

MAX_EVENTS = 500
"""Of one request. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""
MAX_BATCH_CHARACTERS = 4_000_000
"""Of one request with many events: what PutRecords takes, with room for base64."""

Kind = Literal["pattern", "string", "text", "media", "context"]
"""By what it is judged: its JSON text, its length, or in a way of its own."""


class Field(Struct, frozen=True):
    """A field that the API takes.

    Args:
        name: of the field.
        kind: how it is looked at.
        required: whether an event needs it.
        wanted: what it must be, in words; a part of messages, so that it has no quote and no backslash.
        pattern: what its JSON text must match as a whole, quotes included; empty: not looked at that way.
        shortest, longest: characters of a string, where there is no pattern; 0: no bound.
    """

    name: str
    kind: Kind
    required: bool
    wanted: str
    pattern: str = ""
    shortest: int = 0
    longest: int = 0


NOT_TAKEN = ("replay",)
"""Fields of the contract that no caller may set: they say that an event came before."""

_TEXT = f"a string of at most {MAX_TEXT_BYTES} bytes of UTF-8, which may be empty only where there is media"
_MEDIA = f"a list of at most {MAX_MEDIA} objects of uri, mime_type and, where known, sha256"
_CONTEXT = f"an object of at most {MAX_CONTEXT} strings, each of at most 1024 characters, under names of at most 128"


def fields() -> tuple[Field, ...]:
    """The fields in the contract's order.

    >>> [field.name for field in fields()][:3]
    ['schema_version', 'event_id', 'content_id']
    """
    schema = event_schema()
    return tuple(
        _field(name, given, required=name in schema["required"])
        for name, given in schema["properties"].items()
        if name not in NOT_TAKEN
    )


def media_fields() -> tuple[Field, ...]:
    """The fields of a media item."""
    schema = event_schema()["$defs"]["Media"]
    return tuple(
        _field(name, given, required=name in schema["required"]) for name, given in schema["properties"].items()
    )


def _field(name: str, given: dict[str, Any], *, required: bool) -> Field:
    special: dict[str, tuple[Kind, str]] = {
        "text": ("text", _TEXT),
        "media": ("media", _MEDIA),
        "context": ("context", _CONTEXT),
    }
    if name in special:
        return Field(name, special[name][0], required, special[name][1])
    rule = next((one for one in given.get("anyOf", [given]) if one["type"] != "null"), given)
    described = rule.get("description") or given.get("description") or ""
    if name == "created_at":
        return Field(name, "pattern", required, f"a string: {described}", f'"{RFC3339_PATTERN}"')
    if rule["type"] == "integer":
        return Field(name, "pattern", required, f"the number {rule['maximum']}", str(rule["maximum"]))
    if rule["type"] == "boolean":
        return Field(name, "pattern", required, "true or false", "true|false")
    if "pattern" in rule:
        inner = rule["pattern"].removeprefix("^").removesuffix("$")
        wanted = f"a string: {described or inner}"
        return Field(name, "pattern", required, wanted, f'"{inner}"', longest=rule.get("maxLength", 0))
    if "maxLength" in rule:
        shortest, longest = rule["minLength"], rule["maxLength"]
        wanted = f"a string of {shortest} to {longest} characters"
        return Field(name, "string", required, wanted, shortest=shortest, longest=longest)
    return Field(name, "string", required, f"a string: {described}" if described else "a string")
