"""Records into calls that keep every limit, in order, none lost."""

from collections.abc import Iterable, Iterator

from producers.limits import (
    FIREHOSE_CALL_BYTES,
    FIREHOSE_CALL_RECORDS,
    FIREHOSE_RECORD_BYTES,
    MAX_CALL_BYTES,
    MAX_CALL_RECORDS,
    MAX_PARTITION_KEY_CHARACTERS,
    MAX_RECORD_BYTES,
)
from producers.ports import OutRecord


class UnsendableError(ValueError):
    """A record that no call can carry; the text says which limit it breaks."""


def check_sendable(record: OutRecord, *, max_bytes: int = MAX_RECORD_BYTES) -> int:
    """The record's size, when a call can carry it.

    Raises:
        UnsendableError: it breaks a limit by itself.
    """
    size = record.size
    if size > max_bytes:
        raise UnsendableError(f"{size} bytes with its partition key; allowed: at most {max_bytes}")
    if not 1 <= len(record.partition_key) <= MAX_PARTITION_KEY_CHARACTERS:
        raise UnsendableError(
            f"a partition key of {len(record.partition_key)} characters; allowed: 1 to {MAX_PARTITION_KEY_CHARACTERS}"
        )
    return size


class Batcher:
    """Collects records until the next one would break a limit of the call.

    >>> batcher = Batcher(max_records=2)
    >>> records = [OutRecord(str(n), "key", b"x") for n in range(3)]
    >>> [batcher.add(record) is not None for record in records]
    [False, False, True]
    >>> [record.event_id for record in batcher.drain()]
    ['2']
    """

    def __init__(
        self,
        *,
        max_records: int = MAX_CALL_RECORDS,
        max_bytes: int = MAX_CALL_BYTES,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._max_record_bytes = min(max_record_bytes, max_bytes)
        self._records: list[OutRecord] = []
        self._bytes = 0

    def add(self, record: OutRecord) -> list[OutRecord] | None:
        """The batch to send now because this record opened a new one, else None.

        Raises:
            UnsendableError: the record breaks a limit by itself; it was not added.
        """
        size = check_sendable(record, max_bytes=self._max_record_bytes)
        full = None
        if len(self._records) >= self._max_records or self._bytes + size > self._max_bytes:
            full = self.drain()
        self._records.append(record)
        self._bytes += size
        return full

    def drain(self) -> list[OutRecord]:
        """What is left, possibly nothing; the batcher is empty afterwards."""
        records, self._records, self._bytes = self._records, [], 0
        return records


def batches(
    records: Iterable[OutRecord], *, max_records: int = MAX_CALL_RECORDS, max_bytes: int = MAX_CALL_BYTES
) -> Iterator[list[OutRecord]]:
    """All records, in order, in batches that one call can carry.

    Raises:
        UnsendableError: a record breaks a limit by itself.
    """
    batcher = Batcher(max_records=max_records, max_bytes=max_bytes)
    for record in records:
        full = batcher.add(record)
        if full is not None:
            yield full
    rest = batcher.drain()
    if rest:
        yield rest


def firehose_batcher() -> Batcher:
    """A batcher for PutRecordBatch."""
    return Batcher(
        max_records=FIREHOSE_CALL_RECORDS, max_bytes=FIREHOSE_CALL_BYTES, max_record_bytes=FIREHOSE_RECORD_BYTES
    )
