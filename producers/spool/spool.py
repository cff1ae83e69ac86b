"""Events on disk until the stream has taken them: what was accepted survives kill -9 and power cuts.

One process writes a spool at a time. Records leave it when they are acknowledged, a whole segment at a time; one that
was sent but not acknowledged when the process died is sent again, so the stream may get it twice and never not at all.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import msgspec

from producers.ports import OutRecord
from producers.spool.disk import Disk
from producers.spool.errors import SpoolBrokenError, SpoolError, SpoolFullError, SpoolTooSmallError, broken, unusable
from producers.spool.findings import QUARANTINE, Corrupt, Found, Torn, highest_number, look_all
from producers.spool.format import (
    ACKS,
    END_FRAME_BYTES,
    FRAME_HEADER_BYTES,
    SEGMENT,
    SEGMENT_MAGIC,
    ack_entries,
    decode_checked,
    decode_frame,
    encode_body,
    end_frame,
    frame,
    frame_length,
    frames_in,
    segment_name,
)
from producers.spool.lock import take_lock
from producers.spool.segment import Place, Segment

DEFAULT_BYTES = 1024 * 1024 * 1024
SMALLEST_BYTES = 64 * 1024
SEGMENT_BYTES = 8 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_PENDING_BYTES = 4 * 1024 * 1024


class Spooled(msgspec.Struct, frozen=True, gc=False):
    """A record of the spool: its number, when it was accepted, where it lies, and itself."""

    number: int
    at: float
    place: Place
    record: OutRecord


class Opened(msgspec.Struct, frozen=True):
    """What was in a spool when it was opened: records not yet sent, and what was wrong."""

    records: int
    torn: list[Torn]
    corrupt: list[Corrupt]


class Spool:
    """A bounded queue on disk, safe to use from several threads.

    Args:
        folder: made when missing; one that others may read is refused, since content lies in it.
        max_bytes: of all files together; at least 64 KiB. What is left from before may be more.
        segment_bytes: how large a segment grows; at most a quarter of ``max_bytes``.
        disk: how files are written; tests give theirs.

    Raises:
        SpoolLockedError: another process has it open.
        SpoolError: the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = DEFAULT_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        disk: Disk | None = None,
    ) -> None:
        if max_bytes < SMALLEST_BYTES:
            raise SpoolError(f"a spool of {max_bytes:,} bytes; allowed: at least {SMALLEST_BYTES:,}")
        self.folder = folder
        self.max_bytes = max_bytes
        self._segment_bytes = min(segment_bytes, max_bytes // 4)
        self._disk = disk or Disk()
        self._state = threading.Condition()
        self._segments: dict[int, Segment] = {}
        self._active: Segment | None = None
        self._pending: list[tuple[int, bytes]] = []
        self._pending_bytes = 0
        self._unread: deque[Segment] = deque()
        self._is_writing = False
        self._waiting = 0
        self._broken: BaseException | None = None
        self._closed = False
        try:
            self._lock = take_lock(folder, self._disk)
        except OSError as error:
            raise unusable(folder, error) from error
        try:
            self._next = highest_number(folder)
            self._durable = self._next
            self.opened = self._take_over()
        except OSError as error:
            os.close(self._lock)
            raise unusable(folder, error) from error
        except BaseException:
            os.close(self._lock)
            raise

    # ------------------------------------------------------------------------------------------------ in

    def append(self, records: Sequence[OutRecord], *, now: float, timeout: float | None = None) -> int:
        """Takes the records over; they are accepted when :meth:`sync` of the number given back has returned.

        Args:
            records: in order; together at most a quarter of the spool's bound.
            now: epoch seconds.
            timeout: seconds to wait for room; None waits for ever, 0 not at all.

        Raises:
            SpoolFullError: no room in that time.
            SpoolTooSmallError: there never will be.
            SpoolBrokenError: the disk failed before.
        """
        bodies = [encode_body(record) for record in records]
        size = sum(len(body) + FRAME_HEADER_BYTES for body in bodies)
        if size > self.max_bytes // 4:
            raise SpoolTooSmallError(
                f"{size:,} bytes at once; a spool of {self.max_bytes:,} takes at most {self.max_bytes // 4:,}: "
                "give it more room"
            )
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._state:
                if self._pending_bytes < _PENDING_BYTES and self._has_room(size, deadline):
                    for body in bodies:
                        self._pending.append((self._next, frame(body, number=self._next, at=now)))
                        self._next += 1
                    self._pending_bytes += size
                    return self._next
            # What is not yet on disk can neither be sent nor make room.
            self.sync()

    def sync(self, number: int | None = None) -> None:
        """Comes back when every record below ``number`` (None: every one) is on disk. Callers share the waiting.

        Raises:
            SpoolBrokenError: the disk failed; whether the records are there is not known.
        """
        with self._state:
            upto = self._next if number is None else number
            while self._durable < upto:
                self._check()
                if not self._is_writing:
                    break
                self._state.wait()
            else:
                return
            self._is_writing = True
            pending, self._pending = self._pending, []
        durable = None
        try:
            durable = self._write(pending)
        except BaseException as error:
            self._broken = error
            if isinstance(error, OSError):
                raise broken(self.folder, error) from error
            raise
        finally:
            with self._state:
                self._is_writing = False
                if durable is not None:
                    self._pending_bytes -= sum(len(raw) for _, raw in pending)
                    self._durable = durable
                self._state.notify_all()

    # ------------------------------------------------------------------------------------------------ out

    def read(self, max_bytes: int = _READ_BYTES) -> list[Spooled]:
        """The next records that are on disk and not acknowledged, each given once; empty when there are none now."""
        with self._state:
            while self._unread:
                segment = self._unread[0]
                spooled = self._read(segment, max_bytes)
                if spooled:
                    return spooled
                if segment is self._active or segment.read_to < segment.size:
                    return []
                self._unread.popleft()
                self._drop(segment)
            return []

    def fetch(self, place: Place) -> OutRecord:
        """The record that lies there, read again.

        Raises:
            SpoolBrokenError: the bytes are not the ones that were written.
        """
        raw = os.pread(self._segments[place.segment].reader, place.length, place.offset)
        record = decode_frame(raw)
        if record is None:
            raise SpoolBrokenError(f"{segment_name(place.segment)}: damaged at offset {place.offset:,} while in use")
        return record

    def acknowledge(self, spooled: Iterable[tuple[int, Place]]) -> None:
        """Notes that the stream has taken these records; a segment of which nothing is left is removed."""
        by_segment: dict[int, list[int]] = {}
        for number, place in spooled:
            by_segment.setdefault(place.segment, []).append(number)
        with self._state:
            if self._closed:
                return
            for first, numbers in by_segment.items():
                segment = self._segments.get(first)
                if segment is not None:
                    self._note(segment, ack_entries(segment.acknowledge(numbers)))
                    self._drop(segment)
            self._state.notify_all()

    # ------------------------------------------------------------------------------------------------ state

    @property
    def durable(self) -> int:
        """Every record below this number is on disk."""
        return self._durable

    @property
    def left(self) -> int:
        """Records accepted and not acknowledged."""
        with self._state:
            return sum(segment.left for segment in self._segments.values())

    @property
    def size(self) -> int:
        """Bytes on disk and about to be."""
        with self._state:
            return self._size()

    def close(self) -> None:
        """Syncs what was appended and what was acknowledged, and lets another process in. Twice is fine."""
        if self._closed:
            return
        try:
            if self._broken is None:
                self.sync()
                with self._state:
                    self._finish()
        except OSError as error:
            raise broken(self.folder, error) from error
        finally:
            self._closed = True
            for segment in self._segments.values():
                segment.close(self._disk)
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------ inside

    def _check(self) -> None:
        if self._broken is not None:
            raise broken(self.folder, self._broken)
        if self._closed:
            raise SpoolError(f"spool {self.folder} is closed")

    def _size(self) -> int:
        return sum(segment.size + segment.acks_size for segment in self._segments.values()) + self._pending_bytes

    def _has_room(self, size: int, deadline: float | None) -> bool:
        """True: there is room. False: sync first, then ask again. Waits for the stream to take records."""
        # A segment costs its magic and end frame too.
        needed = size + len(SEGMENT_MAGIC) + END_FRAME_BYTES
        while True:
            self._check()
            if self._size() + needed <= self.max_bytes:
                return True
            if self._pending or self._is_writing:
                return False
            self._waiting += 1
            try:
                if self._active is not None:
                    self._drop(self._active)
                if self._size() + needed <= self.max_bytes:
                    return True
                rest = None if deadline is None else deadline - time.monotonic()
                if rest is not None and rest <= 0:
                    raise SpoolFullError(
                        f"spool {self.folder} is full: {self._size():,} of {self.max_bytes:,} bytes; the stream has "
                        "to take records first, or give the spool more room"
                    )
                self._state.wait(rest)
            finally:
                self._waiting -= 1

    def _write(self, pending: list[tuple[int, bytes]]) -> int:
        """Writes and syncs; the state is not locked, but only one thread is ever in here."""
        active = self._active
        numbers = 0
        buffer: list[bytes] = []
        size = 0
        for number, raw in pending:
            if active is not None and active.size + size + len(raw) > self._segment_bytes and active.count + numbers:
                self._flush(active, [*buffer, end_frame(number)], numbers)
                buffer, size, numbers, active = [], 0, 0, None
            if active is None:
                active = self._start(number)
            buffer.append(raw)
            size += len(raw)
            numbers += 1
        if active is not None and buffer:
            self._flush(active, buffer, numbers)
        return pending[-1][0] + 1 if pending else self._durable

    def _start(self, first: int) -> Segment:
        path = self.folder / segment_name(first)
        writer = self._disk.create(path)
        segment = Segment(path, first, writer=writer, reader=os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        self._disk.append(path, writer, SEGMENT_MAGIC)
        # The entry in the folder must be durable before any record that it leads to is called so.
        self._disk.sync_folder(self.folder)
        with self._state:
            self._segments[first] = segment
            self._unread.append(segment)
            self._active = segment
        return segment

    def _flush(self, segment: Segment, buffer: list[bytes], numbers: int) -> None:
        data = b"".join(buffer)
        assert segment.writer is not None  # noqa: S101
        self._disk.append(segment.path, segment.writer, data)
        self._disk.sync(segment.path, segment.writer)
        with self._state:
            segment.grown(len(data), numbers)
            if len(buffer) > numbers:
                self._disk.close(segment.writer)
                segment.writer = None
                if self._active is segment:
                    self._active = None
                self._drop(segment)

    def _note(self, segment: Segment, entries: bytes) -> None:
        path = segment.path.with_suffix(ACKS)
        if segment.acks_failed or not entries:
            return
        try:
            if segment.acks is None:
                segment.acks = self._disk.reopen(path)
            self._disk.append(path, segment.acks, entries)
            segment.acks_size += len(entries)
        except OSError:
            # A full disk: these records may be sent once more after a restart. Half an entry is cut off then.
            segment.acks_failed = True

    def _read(self, segment: Segment, max_bytes: int) -> list[Spooled]:
        found: list[Spooled] = []
        # With less than a header nobody knows how long the record is.
        at_once = max(max_bytes, FRAME_HEADER_BYTES)
        while segment.read_to < segment.size and not found:
            chunk = os.pread(segment.reader, min(at_once, segment.size - segment.read_to), segment.read_to)
            length = frame_length(chunk)
            if length is not None and length > len(chunk):
                chunk = os.pread(segment.reader, length, segment.read_to)
            before = segment.read_to
            for one, raw in frames_in(chunk, segment.read_to):
                segment.read_to = one.offset + one.length
                if one.length == FRAME_HEADER_BYTES or segment.is_acknowledged(one.number):
                    continue
                record = decode_checked(raw)
                if record is None:
                    raise SpoolBrokenError(f"{segment.path.name}: no record at offset {one.offset:,}")
                found.append(Spooled(one.number, one.at, Place(segment.first, one.offset, one.length), record))
            if segment.read_to == before:
                raise SpoolBrokenError(
                    f"{segment.path.name}: damaged at offset {before:,} while in use; end this process, and the next "
                    "one to open the spool tells the damage from what is intact"
                )
        return found

    def _drop(self, segment: Segment) -> None:
        """Removes a segment of which nothing is left. The active one only when its room is needed."""
        if segment.left or segment.first not in self._segments:
            return
        if segment.writer is not None:
            worth_it = self._waiting or segment.size > self._segment_bytes // 2
            if self._is_writing or not segment.count or not worth_it:
                return
            self._active = None
        if segment in self._unread:
            self._unread.remove(segment)
        del self._segments[segment.first]
        self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        segment.close(self._disk)
        # In this order: acknowledgements without a segment mean nothing, a segment without them is sent again.
        self._disk.remove(segment.path)
        self._disk.remove(segment.path.with_suffix(ACKS))

    def _finish(self) -> None:
        for segment in list(self._segments.values()):
            if not segment.left:
                del self._segments[segment.first]
                self._remove(segment)
                continue
            if segment.writer is not None:
                self._disk.append(segment.path, segment.writer, end_frame(segment.first + segment.count))
                self._disk.sync(segment.path, segment.writer)
            if segment.acks is not None:
                self._disk.sync(segment.path.with_suffix(ACKS), segment.acks)
        self._disk.sync_folder(self.folder)

    # ------------------------------------------------------------------------------------------------ opening

    def _take_over(self) -> Opened:
        torn: list[Torn] = []
        damaged: list[Found] = []
        done: list[Path] = []
        for found in look_all(self.folder):
            self._next = self._durable = max(self._next, found.next_number)
            if found.torn is not None:
                torn.append(found.torn)
            if found.corrupt:
                damaged.append(found)
            elif not found.left:
                done.append(found.path)
            else:
                self._segments[found.first] = segment = self._adopt(found)
                self._unread.append(segment)
        for found in damaged:
            self._quarantine(found)
        for path in done:
            self._disk.remove(path)
        for path in self.folder.glob(f"*{ACKS}"):
            if not path.with_suffix(SEGMENT).exists():
                self._disk.remove(path)
        self._disk.sync_folder(self.folder)
        return Opened(self.left, torn, [one for found in damaged for one in found.corrupt])

    def _adopt(self, found: Found) -> Segment:
        if not found.is_finished:
            # From now on its end is known, and nothing is ever appended to what a crash left behind.
            if found.torn is not None:
                self._disk.truncate(found.path, found.good_end)
            writer = self._disk.reopen(found.path)
            self._disk.append(found.path, writer, end_frame(found.frames[-1].number + 1))
            self._disk.sync(found.path, writer)
            self._disk.close(writer)
        acks = found.path.with_suffix(ACKS)
        if acks.exists() and acks.stat().st_size != found.acks_size:
            self._disk.truncate(acks, found.acks_size)
        segment = Segment(found.path, found.first, writer=None, reader=os.open(found.path, os.O_RDONLY | os.O_CLOEXEC))
        segment.grown(os.fstat(segment.reader).st_size - len(SEGMENT_MAGIC), found.frames[-1].number + 1 - found.first)
        segment.acknowledge(sorted(found.acked))
        segment.acks_size = found.acks_size
        return segment

    def _quarantine(self, found: Found) -> None:
        """Puts a damaged segment aside, after its intact records have been copied into a new one."""
        reader = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for one in found.left:
                record = decode_frame(os.pread(reader, one.length, one.offset))
                if record is not None:
                    raw = frame(encode_body(record), number=self._next, at=one.at)
                    self._pending.append((self._next, raw))
                    self._pending_bytes += len(raw)
                    self._next += 1
        finally:
            os.close(reader)
        self.sync()
        aside = self.folder / QUARANTINE
        if not aside.is_dir():
            self._disk.make_folder(aside)
        self._disk.rename(found.path, aside / found.path.name)
        if found.path.with_suffix(ACKS).exists():
            self._disk.rename(found.path.with_suffix(ACKS), aside / found.path.with_suffix(ACKS).name)
        self._disk.sync_folder(aside)
        self._disk.sync_folder(self.folder)
