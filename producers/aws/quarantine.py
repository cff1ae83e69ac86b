"""The quarantine table as a place where records were set aside; large ones are read back from stream or archive."""

import base64
import binascii
from collections.abc import Callable, Iterator
from hashlib import sha256

from glue.archive import Entry, entries_of, object_name
from glue.kpl.aggregation import MAGIC
from glue.kpl.aggregation import decode as open_aggregate
from producers.aws.archive import S3Archive
from producers.aws.reading import ExpiredError, KinesisReader
from producers.aws.tables import AthenaTables
from producers.redrive.items import Item, Loaded, RawRecord
from producers.redrive.quarantined import QuarantinedRow

_PAGES = 20


class Quarantine:
    """Records in quarantine.

    Args:
        tables: where they are listed.
        since, until: epoch seconds of arrival.
        reasons: only these; empty takes all. ``missing`` takes every ``missing:<field>``.
        recover: finds the bytes of a record that was too large to be kept with its row.
    """

    def __init__(
        self,
        tables: AthenaTables,
        *,
        since: float,
        until: float,
        reasons: frozenset[str],
        recover: Callable[[QuarantinedRow], bytes | None],
    ) -> None:
        self._tables = tables
        self._since = since
        self._until = until
        self._reasons = reasons
        self._recover = recover
        self.unreadable: list[str] = []
        """Nothing: the table holds rows alone."""

    def close(self) -> None:
        """Nothing is left to put back."""

    def items(self) -> Iterator[Item]:
        """All of them that are meant, oldest first."""
        for row in self._tables.quarantined(self._since, self._until):
            if not self._reasons or row.reason in self._reasons or row.reason.partition(":")[0] in self._reasons:
                yield QuarantinedItem(row, self._recover)


class QuarantinedItem:
    """One quarantined record."""

    def __init__(self, row: QuarantinedRow, recover: Callable[[QuarantinedRow], bytes | None]) -> None:
        self._row = row
        self._recover = recover
        self.name = f"quarantine/{row.bad_row_id}"
        self.reason = row.reason
        self.detail = row.detail
        self.arrived = row.arrived
        self.count = 1

    def load(self) -> Loaded:
        """Its bytes, from its row, the stream, or the archive."""
        row = self._row
        payload: bytes | None
        try:
            payload = base64.b64decode(row.payload, validate=True) if row.payload or not row.payload_bytes else None
        except (binascii.Error, ValueError):
            payload = None
        if payload is None:
            payload = self._recover(row)
        if payload is None:
            place = f"{row.shard_id}:{row.sequence_number}"
            kept = "kept neither with the row nor by stream or archive any more"
            return Loaded((), 1, f"{place}: {row.payload_bytes:,} bytes, {kept}")
        place = f"{row.shard_id}:{row.sequence_number}"
        return Loaded((RawRecord(payload, row.arrived, row.partition_key, place),))

    def settled(self) -> None:
        """The row stays where it is; the ledger says that it was brought back."""


class Recovery:
    """Finds the bytes of a record by its place in the stream, else in the archive; checked by the row's own id.

    Args:
        reader: the stream.
        archive: the archive.
    """

    def __init__(self, reader: KinesisReader, archive: S3Archive) -> None:
        self._reader = reader
        self._archive = archive

    def __call__(self, row: QuarantinedRow) -> bytes | None:
        """The bytes; None when neither has them any more."""
        return self._from_stream(row) or self._from_archive(row)

    def _from_stream(self, row: QuarantinedRow) -> bytes | None:
        if row.shard_id.startswith("firehose/"):
            # It came by the deferred lane and was in no stream.
            return None
        try:
            iterator: str | None = self._reader.start(row.shard_id, sequence=row.sequence_number)
        except ExpiredError:
            return None
        for _ in range(_PAGES):
            if iterator is None:
                return None
            page = self._reader.get(iterator)
            for record in page.records:
                if int(record.sequence_number) > int(row.sequence_number):
                    return None
                if record.sequence_number == row.sequence_number:
                    return next((one for one in _candidates(record.data, row) if is_of(row, one)), None)
            if page.is_at_tip:
                return None
            iterator = page.following
        return None

    def _from_archive(self, row: QuarantinedRow) -> bytes | None:
        size = row.payload_bytes
        for one in self._archive.objects(row.arrived, row.arrived + 1.0):
            if (name := object_name(one.key)) is not None:
                if name.shard_id == row.shard_id and name.first <= int(row.sequence_number) <= name.last:
                    place = (row.sequence_number, row.sub_sequence_number)
                    for entry in entries_of(self._archive.lines(one)):
                        if (
                            isinstance(entry, Entry)
                            and (entry.sequence_number, entry.sub_sequence_number) == place
                            and is_of(row, entry.data)
                        ):
                            return entry.data
                continue
            body = b"\n".join(self._archive.lines(one)) + b"\n"
            start = 0
            while 0 <= start <= len(body) - size - 1:
                # Its end is known by its length, whatever newlines it holds, and its id by its bytes.
                if body[start + size : start + size + 1] == b"\n" and is_of(row, body[start : start + size]):
                    return body[start : start + size]
                start = body.find(b"\n", start) + 1 or -1
        return None


def _candidates(data: bytes, row: QuarantinedRow) -> Iterator[bytes]:
    yield data
    if data[:4] == MAGIC:
        opened = open_aggregate(data)
        if isinstance(opened, list) and row.sub_sequence_number < len(opened):
            yield opened[row.sub_sequence_number].data


def is_of(row: QuarantinedRow, payload: bytes) -> bool:
    """Whether these are the bytes that were quarantined: a row's id is made of its place and its bytes."""
    coordinate = f"{row.shard_id}\n{row.sequence_number}\n{row.sub_sequence_number}\n"
    return sha256(coordinate.encode() + payload).hexdigest()[:32] == row.bad_row_id
