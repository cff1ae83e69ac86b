"""One call to a stream, and what its answer says about each record."""

from collections.abc import Sequence

from msgspec import Struct

from glue.ports import Clock
from producers.delivery.report import THROTTLES
from producers.ports import CallFailedError, OutRecord, PutResult, Stream

_UNANSWERED = "no answer for the record"


class Answer(Struct, frozen=True):
    """Every record of a call, by its position, in exactly one of three lists.

    Args:
        taken: positions of records that are in the stream, with where they lie.
        throttled: positions of records that their shard turned away, with the shard when the answer names it.
        left: positions of all other records.
        reason: why the last record that was not taken was not.
        is_throttled: whether the call as a whole was turned away.
        seconds: how long the call took.
    """

    taken: list[tuple[int, PutResult]]
    throttled: list[tuple[int, str | None]]
    left: list[int]
    reason: str
    is_throttled: bool
    seconds: float

    @property
    def turned_away(self) -> int:
        """How many records met a throttle."""
        return len(self.throttled) + (len(self.left) if self.is_throttled else 0)


def call(stream: Stream, records: Sequence[OutRecord], clock: Clock) -> Answer:
    """What became of each record in one call. A record counts as taken only with its own sequence number.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html (2026-11-20)

    Raises:
        CallRefusedError: the call as a whole, for what one of its records holds.
        StreamRefusedError: the stream takes nothing now.
    """
    results: Sequence[PutResult] = ()
    called = clock.now()
    failed: str | None = None
    try:
        results = stream.put(records)
    except CallFailedError as error:
        failed = error.code
    seconds = clock.now() - called
    taken: list[tuple[int, PutResult]] = []
    throttled: list[tuple[int, str | None]] = []
    left: list[int] = []
    reason = throttle = failed or _UNANSWERED
    for position in range(len(records)):
        result = results[position] if position < len(results) else None
        if result is None:
            left.append(position)
        elif result.sequence_number:
            taken.append((position, result))
        elif result.error_code in THROTTLES:
            throttled.append((position, result.shard_id))
            throttle = str(result.error_code)
        else:
            left.append(position)
            reason = result.error_code or "no sequence number"
    return Answer(taken, throttled, left, reason if left else throttle, failed in THROTTLES, seconds)
