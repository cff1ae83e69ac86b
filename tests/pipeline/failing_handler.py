"""A Lambda handler that a broken release could be: it fails on every batch."""

from typing import Any


def handle(event: dict[str, Any], context: object) -> Any:
    del event, context
    raise RuntimeError("a broken release")
