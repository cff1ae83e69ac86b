"""Why bytes are not an event, in the words of :data:`glue.vocabulary.REASONS`. The slow path of :mod:`glue.codec`."""

import re
from typing import Any, cast

import msgspec

from glue.contract import SCHEMA_VERSION, BadInput, Media, WireEvent

MAX_DEPTH = 32
MAX_KEYS = 256

_REQUIRED = ("schema_version", "event_id", "content_id", "author_id", "surface", "created_at", "text")
_IDS = frozenset({"event_id", "content_id", "author_id", "parent_id"})
_KNOWN_FIELDS = frozenset(WireEvent.__struct_fields__)
_MEDIA_FIELDS = frozenset(Media.__struct_fields__)
_BYTE = re.compile(r"\(byte (\d+)\)")
_YEAR_TOO_LONG = re.compile(r"[+-]?\d{5,}-\d{2}-", re.ASCII)
_NO_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?", re.ASCII)
_TOO_FINE = re.compile(r".*\.\d{7,}([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DATE_TIME = re.compile(r"(\d{4})-.*", re.ASCII)
_YEAR_9999_IN_SECONDS = 253_402_300_799


def explain_refusal(payload: bytes, error: Exception) -> BadInput | None:
    """Why the typed decode refused these bytes, or None when only unknown fields stood in the way.

    Args:
        payload: the record's bytes.
        error: what the typed decode raised.
    """
    if not payload.strip(b" \t\r\n"):
        return BadInput("empty", f"no document in {len(payload):,} bytes; allowed: one JSON object")
    if payload.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return BadInput("encoding", "begins with a byte order mark; allowed: UTF-8 without one")
    try:
        payload.decode()
    except UnicodeDecodeError as broken:
        return BadInput("encoding", f"not UTF-8 at byte {broken.start}; allowed: UTF-8")
    try:
        document = msgspec.json.decode(payload)
    except RecursionError:
        return BadInput("depth", f"nested too deep to read; allowed: at most {MAX_DEPTH}")
    except msgspec.ValidationError:
        return BadInput("number", "a number outside every range; allowed: 64-bit integers and finite doubles")
    except msgspec.DecodeError as broken:
        return _explain_json(payload, str(broken))
    except ValueError as broken:
        return BadInput("json", f"not one JSON document: {type(broken).__name__}")
    if not isinstance(document, dict):
        return BadInput("not_object", f"the document is of type {_json_type(document)}; allowed: object")
    return _explain_shape(document) or _explain_version(document) or _explain_fields(document, error)


def _explain_json(payload: bytes, message: str) -> BadInput:
    place = _BYTE.search(message)
    if place is not None:
        # The reader stops at the first letter of NaN, or at the I after a minus sign.
        rest = payload[int(place.group(1)) :].lstrip(b"-")
        if rest.startswith((b"NaN", b"Infinity", b"nan", b"inf", b"Inf")):
            return BadInput("number", "NaN or Infinity; allowed: JSON numbers")
    return BadInput("json", f"not one JSON document: {message}")


def _explain_shape(document: dict[str, Any]) -> BadInput | None:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                # Of each object, not of all together: a post with many pictures is large, and well formed.
                if len(value) > MAX_KEYS:
                    return BadInput("keys", f"an object of more than {MAX_KEYS} keys; allowed: at most {MAX_KEYS}")
                deeper.extend(child for child in value.values() if isinstance(child, dict | list))
            else:
                deeper.extend(child for child in value if isinstance(child, dict | list))
        if not deeper:
            return None
        level = deeper
    return BadInput("depth", f"nested deeper than {MAX_DEPTH}; allowed: at most {MAX_DEPTH}")


def _explain_version(document: dict[str, Any]) -> BadInput | None:
    if "schema_version" not in document:
        return BadInput("missing:schema_version", "schema_version is absent; it is required")
    version = document["schema_version"]
    if type(version) is not int:
        return BadInput("type", f"schema_version: {_json_type(version)}; allowed: integer")
    if version > SCHEMA_VERSION:
        return BadInput("schema_future", f"schema_version is newer than {SCHEMA_VERSION}; upgrade, then redrive")
    if version < 1:
        return BadInput("schema_version", f"schema_version is below 1; allowed: {SCHEMA_VERSION}")
    return None


def _explain_fields(document: dict[str, Any], error: Exception) -> BadInput | None:
    for name in _REQUIRED:
        if name not in document:
            return BadInput(f"missing:{name}", f"{name} is absent; it is required")
    created_at = document["created_at"]
    if type(created_at) in (int, float):
        return _explain_number_as_time(created_at)
    known = {name: value for name, value in document.items() if name in _KNOWN_FIELDS}
    media = known.get("media")
    if isinstance(media, list) and all(isinstance(item, dict) for item in media):
        # Unknown fields of a media item are kept, like those of the event.
        known["media"] = [{name: item[name] for name in item if name in _MEDIA_FIELDS} for item in media]
    try:
        msgspec.convert(known, WireEvent)
    except msgspec.ValidationError as broken:
        return _explain_field(str(broken))
    # Every known field is well formed by itself, so what was refused is an unknown one.
    return None if "unknown field" in str(error) else BadInput("type", "not an event")


def _explain_field(message: str) -> BadInput:
    """The reason in msgspec's words, ``Expected `str`, got `int` - at `$.text```: these name types, never values."""
    what, _, path = message.partition(" - at `$.")
    path = path.rstrip("`")
    field = re.split(r"[.\[]", path, maxsplit=1)[0]
    if what.startswith("Object contains unknown field"):
        what = "an unknown field"  # its name is the sender's and stays out
    detail = f"{path or 'document'}: {what}"
    if field in _IDS and "matching regex" in what:
        return BadInput("id", detail)
    if field in ("media", "context", "language", "replay") and "got `null`" not in what:
        return BadInput(field, detail)
    return BadInput("type", detail)


def _explain_number_as_time(value: float) -> BadInput:
    if abs(value) > _YEAR_9999_IN_SECONDS:
        return BadInput("time_unit", "created_at is a number too large for seconds; allowed: an RFC 3339 string")
    if value <= 0:
        return BadInput("time_range", "created_at is a number at or before 1970; allowed: an RFC 3339 string")
    return BadInput("type", f"created_at: {_json_type(value)}; allowed: an RFC 3339 string")


def explain_time(value: str) -> BadInput:
    """Why a string is not a timestamp of the contract.

    >>> explain_time("57857-03-01T00:00:00Z").reason
    'time_unit'
    """
    if _YEAR_TOO_LONG.match(value):
        return BadInput("time_unit", "a year past 9999, as milliseconds given as seconds make; allowed: RFC 3339")
    if _NO_ZONE.fullmatch(value):
        return BadInput("tz", "a timestamp without a zone; allowed: RFC 3339 with Z or an offset")
    if _TOO_FINE.fullmatch(value):
        return BadInput("time_precision", "finer than a microsecond; allowed: at most six digits of a second")
    if value.startswith(("0000-", "-")):
        return BadInput("time_range", "a year before 1; allowed: the lateness limits around arrival")
    return BadInput("time", "no moment of any calendar and clock; allowed: RFC 3339, e.g. 2026-01-31T23:59:59.123456Z")


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(cast("type[Any]", type(value)), "null")
