"""The wire contract as JSON Schema, for producers in other languages."""

import re
from typing import Any

import msgspec

from glue.contract import MAX_TEXT_BYTES, SCHEMA_VERSION, WireEvent
from glue.webhooks import WEBHOOK_VERSION, Answer, VerdictMessage

_ROLE = re.compile(r":\w+:`([^`]+)`")


def event_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event on the wire.

    It is a little wider than :func:`glue.codec.decode`: JSON Schema cannot bound a text in bytes, or a time by its
    arrival.

    >>> event_schema()["required"][:2]
    ['schema_version', 'event_id']
    """
    schema = msgspec.json.schema(WireEvent)
    definitions = schema["$defs"]
    event = definitions.pop("WireEvent")
    event["properties"]["text"]["maxLength"] = MAX_TEXT_BYTES
    event["properties"]["created_at"]["format"] = "date-time"
    # What the contract does not know is kept, never refused.
    event["additionalProperties"] = True
    definitions["Media"]["additionalProperties"] = True
    rendered: dict[str, Any] = _portable(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"Streamkeeper content event, version {SCHEMA_VERSION}",
            **{name: value for name, value in event.items() if name != "title"},
            "$defs": definitions,
        }
    )
    return rendered


def message_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what a webhook's receiver is sent.

    >>> message_schema()["required"]
    ['type', 'schema_version', 'id', 'timestamp', 'data']
    """
    return _open_schema(VerdictMessage, "message")


def answer_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what a webhook's receiver may answer.

    >>> answer_schema()["required"]
    ['done']
    """
    return _open_schema(Answer, "answer")


def _open_schema(of: type[Any], what: str) -> dict[str, Any]:
    schema = msgspec.json.schema(of)
    definitions = schema["$defs"]
    top = definitions.pop(of.__name__)
    rendered: dict[str, Any] = _portable(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"Streamkeeper webhook {what}, version {WEBHOOK_VERSION}",
            **{name: value for name, value in top.items() if name != "title"},
            **({"$defs": definitions} if definitions else {}),
        }
    )
    return rendered


def _portable(node: Any) -> Any:
    """The same schema in terms that other languages know."""
    if isinstance(node, dict):
        return {name: _portable_text(name, value) or _portable(value) for name, value in node.items()}
    return [_portable(item) for item in node] if isinstance(node, list | tuple) else node


def _portable_text(name: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if name == "pattern":
        return value.replace("\\Z", "$")
    # A docstring's line breaks and indents differ between versions of Python, and its cross-references are Sphinx's.
    return _ROLE.sub(r"\1", " ".join(value.replace("``", "").split())) if name == "description" else None
