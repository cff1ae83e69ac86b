"""What delivery needs of the world: a stream to put records on, and a clock. Adapters and fakes give both."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct


class OutRecord(Struct, frozen=True, gc=False):
    """One record on its way: the event it carries, the key that routes it, its bytes.

    An aggregate names all its events in ``inside``, in order; ``event_id`` is then the first of them.
    """

    event_id: str
    partition_key: str
    data: bytes
    inside: tuple[str, ...] = ()

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The ids of all events it carries, one unless it is an aggregate."""
        return self.inside or (self.event_id,)

    @property
    def size(self) -> int:
        """Bytes that count against Kinesis's limits: data and partition key."""
        return len(self.data) + len(self.partition_key.encode())


class PutResult(Struct, frozen=True, gc=False):
    """What the stream said about one record: where it lies, or why it was not taken, and by which shard if it says."""

    sequence_number: str | None
    shard_id: str | None = None
    error_code: str | None = None


class ShardRange(Struct, frozen=True, gc=False):
    """An open shard and the hash keys that lead to it, both ends included."""

    shard_id: str
    start: int
    end: int


class CallFailedError(Exception):
    """A whole call failed in a way that may pass: time-out, 5xx, throttling. Some of it may have been taken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CallRefusedError(Exception):
    """The stream refused a whole call because of what was in it; sent in smaller parts, the good records pass."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class StreamRefusedError(Exception):
    """Nothing can be put on this stream until someone acts: no such stream, no access, no key.

    Args:
        stream: its name.
        region: where it was looked for; empty where its name is an address.
        code: AWS's name of the error.
        next_step: what to do.
    """

    def __init__(self, *, stream: str, region: str, code: str, next_step: str) -> None:
        where = f"stream {stream} in {region}" if region else stream
        super().__init__(f"{where} refused the records: {code}. {next_step}")
        self.stream = stream
        self.region = region
        self.code = code
        self.next_step = next_step


class Stream(Protocol):
    """A stream that takes records in batches."""

    def put(self, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        """One call; results by position.

        Raises:
            CallFailedError: nothing is known about any record of the call.
            CallRefusedError: something in the call can never be taken.
            StreamRefusedError: no call to this stream can succeed now.
        """
        ...


@runtime_checkable
class Sharded(Protocol):
    """A stream that can tell its open shards."""

    def shards(self) -> Sequence[ShardRange]:
        """The open shards; empty when they cannot be told."""
        ...
