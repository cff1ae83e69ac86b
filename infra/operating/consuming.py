"""Moderation stopped and started again, without losing a record: the event source mapping, switched off and on."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

WAIT_SECONDS = 180.0
"""How long a mapping may take to change."""
_STEP_SECONDS = 1.0
_REST = {True: "Enabled", False: "Disabled"}


class Switched(Struct, frozen=True):
    """What came of it.

    Args:
        mapping: its UUID.
        state: Enabled or Disabled.
        changed: False when it was so already.
        kept_hours: how long the stream keeps what nobody reads.
    """

    mapping: str
    state: str
    changed: bool
    kept_hours: int


class NotSwitchedError(Exception):
    """The mapping is in another state than was asked for when time ran out."""


def switch(
    functions: Any,
    streams: Any,
    mapping: str,
    *,
    on: bool,
    sleep: Callable[[float], object],
    on_wait: Callable[[str], object] = lambda state: None,
    wait_seconds: float = WAIT_SECONDS,
) -> Switched:
    """Switches a mapping on or off, and waits until it is.

    Switched on it goes on where it was: nothing is skipped, and nothing is moderated twice that was done.

    Args:
        functions, streams: boto3's clients of Lambda and Kinesis.
        mapping: its UUID.
        on: whether it is to read.
        sleep: waits so many seconds.
        on_wait: told the state that it is in meanwhile.
        wait_seconds: how long that may take.

    Raises:
        NotSwitchedError: it took longer.
        botocore.exceptions.ClientError: there is no such mapping, or no right to change it.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
    """
    found = functions.get_event_source_mapping(UUID=mapping)
    changed = found["State"] != _REST[on]
    if changed:
        found = functions.update_event_source_mapping(UUID=mapping, Enabled=on)
    waited = 0.0
    while found["State"] != _REST[on]:
        if waited >= wait_seconds:
            raise NotSwitchedError(f"the mapping {mapping} is still {found['State']} after {wait_seconds:g} seconds")
        on_wait(found["State"])
        sleep(_STEP_SECONDS)
        waited += _STEP_SECONDS
        found = functions.get_event_source_mapping(UUID=mapping)
    stream = streams.describe_stream_summary(StreamARN=found["EventSourceArn"])["StreamDescriptionSummary"]
    return Switched(mapping, found["State"], changed, int(stream["RetentionPeriodHours"]))
