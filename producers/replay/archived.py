"""What the archive holds, read back: which objects, when their records arrived, and where one record ends.

Objects of :mod:`glue.archive` say all of that themselves. The others were written by Firehose,
from the stream before there was an archiver and from the deferred lane still, and know it by and large.

Firehose writes the bytes of each record and a newline behind it; aggregates were opened before. A record that holds
newlines of its own has no mark where it ends. Two rules find the events all the same: a line that is an event is a
record; a line that opens a JSON document is taken together with the lines that close it, when that makes an event.
Everything else was never an event: it is in quarantine, which keeps its bytes, and ``redrive`` brings it back.

What Firehose keeps of the deferred lane it keeps as it came, so a record that was put without a line feed shares its
line with the next one. There a third rule holds: what is no document as a whole is cut before and behind each event.

Source: https://docs.aws.amazon.com/firehose/latest/APIReference/API_Processor.html (AppendDelimiterToRecord)
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct

from glue.archive import entries_of, object_name
from glue.contract import MAX_PAYLOAD_BYTES, BadInput, ContentEvent

Read = Callable[[bytes], ContentEvent | BadInput]
ReadAt = Callable[[bytes, datetime | None], ContentEvent | BadInput]
"""Bytes, and when they arrived where that is known."""

MAX_DOCUMENT_LINES = 512
"""Lines of a document written over several of them. A bound on the work that a hostile record can cause."""

MOST_TRIES = 64
"""Places of one line at which a document seems to begin and does not end. A bound, as above."""

_JOINING = re.compile(r"-deferred-\d+-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[^/]*\Z", re.ASCII)
_NAMED_TIME = re.compile(r"-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[^/]*\Z", re.ASCII)
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\.)*"')


class ArchiveObject(Struct, frozen=True):
    """One object of the archive.

    Args:
        key: its key.
        size: its bytes, compressed.
        begins: epoch seconds; its oldest record arrived in this second, by the object's name.
        written: epoch seconds at which it was written, as S3 tells it: in whole seconds.
        after: sequence numbers up to this one are copies of what another object holds; -1 where none are.
    """

    key: str
    size: int
    begins: float
    written: float
    after: int = -1

    @property
    def ends(self) -> float:
        """Epoch seconds; nothing in it arrived later."""
        return self.written + 2.0


def begins_at(key: str) -> float | None:
    """The time in an object's name, which is the arrival of its oldest record; None when there is none.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html

    >>> begins_at("archive/dt=2026-01-02/sk-archive-1-2026-01-02-03-04-05-9f0c.gz")
    1767323045.0
    """
    found = _NAMED_TIME.search(key)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def may_join(key: str) -> bool:
    """Whether records may follow one another on a line of this object: it was kept by the deferred lane.

    >>> may_join("archive/dt=2026-01-02/sk-deferred-1-2026-01-02-03-04-05-9f0c.gz")
    True
    """
    return _JOINING.search(key) is not None


class Found(Struct, frozen=True):
    """One record of an object.

    Args:
        event: the event, or why there is none.
        data: its bytes.
        is_ambiguous: it was written over several lines, and one of those lines is an event too.
        lines: how many it was written over; of those that share lines, the first has them all.
        joined: the lines that it shares with other records; empty when it has its own.
        arrived: when it reached the stream; None where the archive does not know.
        place: shard, sequence and sub-sequence number, with colons between; empty where the archive does not know.
    """

    event: ContentEvent | BadInput
    data: bytes = b""
    is_ambiguous: bool = False
    lines: int = 1
    joined: bytes = b""
    arrived: datetime | None = None
    place: str = ""


def records_in(key: str, lines: Iterable[bytes], read: ReadAt, *, after: int = -1) -> Iterator[Found]:
    """The records in an object's lines, in order, whatever its form is.

    Args:
        key: of the object, which tells its form.
        lines: without the newline at their end.
        read: bytes, and their arrival where it is known, to an event, or why not.
        after: sequence numbers up to this one are copies and left out.
    """
    if object_name(key) is None:
        yield from read_records(lines, lambda data: read(data, None), joining=may_join(key))
        return
    for one in entries_of(lines, after=after):
        if isinstance(one, bytes):
            # Not as it was written: somebody changed the object.
            yield Found(read(one, None), one)
            continue
        place = f"{one.shard_id}:{one.sequence_number}:{one.sub_sequence_number}"
        yield Found(read(one.data, one.arrived_at), one.data, arrived=one.arrived_at, place=place)


def read_records(lines: Iterable[bytes], read: Read, *, joining: bool = False) -> Iterator[Found]:
    r"""The records in an object's lines, in order.

    Args:
        lines: without the newline at their end.
        read: bytes to an event, or why not.
        joining: whether records may share a line; see :func:`may_join`.

    >>> def read(data: bytes) -> ContentEvent | BadInput:
    ...     is_event = data.startswith(b"{") and data.endswith(b"}")
    ...     return ContentEvent("e", "c", "a", "s", datetime.now(UTC), "t") if is_event else BadInput("json", "")
    >>> [type(found.event).__name__ for found in read_records([b"{}", b"nothing", b"{", b"}", b"{", b"{}"], read)]
    ['ContentEvent', 'BadInput', 'ContentEvent', 'BadInput', 'ContentEvent']
    """
    source = iter(lines)
    waiting: deque[bytes] = deque()
    while True:
        if waiting:
            line = waiting.popleft()
        elif (following := next(source, None)) is not None:
            line = following
        else:
            return
        made = read(line)
        if not isinstance(made, BadInput) or b"{" not in line:
            yield Found(made, line)
            continue
        is_opening = made.reason == "json" and line.lstrip().startswith(b"{")
        document = _document(line, waiting, source) if is_opening else []
        whole = b"\n".join(document)
        event = read(whole) if document else made
        if isinstance(event, ContentEvent):
            inner = any(b'"event_id"' in one and isinstance(read(one), ContentEvent) for one in document[1:])
            yield Found(event, whole, inner, len(document))
        elif joining and len(parts := _cut(shared := whole or line, read)) > 1:
            for number, part in enumerate(parts):
                yield Found(read(part), part, lines=0 if number else len(document) or 1, joined=shared)
        else:
            yield Found(made, line)
            continue
        for _ in document[1:]:
            waiting.popleft()


def _cut(shared: bytes, read: Read) -> list[bytes]:
    """The records that share lines: each event, each document beside one, and what lies between them."""
    # One character a byte, so that places in the text are places in the bytes.
    text = shared.decode("latin-1")
    parts: list[bytes] = []
    done = at = 0
    tries = 0
    while tries < MOST_TRIES and (at := text.find("{", at)) >= 0:
        try:
            end = _DOCUMENT.raw_decode(text, at)[1]
        except (ValueError, RecursionError):
            tries += 1
            at += 1
            continue
        if not text[done:at].strip() or isinstance(read(shared[at:end]), ContentEvent):
            parts += [shared[done:at], shared[at:end]]
            done = end
        at = end
    parts.append(shared[done:])
    return [part for part in parts if part.strip()]


_DOCUMENT = json.JSONDecoder()


def _document(first: bytes, waiting: deque[bytes], source: Iterator[bytes]) -> list[bytes]:
    """The lines from ``first`` to the one that closes its document; empty when none does. All stay in ``waiting``."""
    document = [first]
    size = len(first)
    depth = _depth(first)
    while depth is not None and depth > 0 and size <= MAX_PAYLOAD_BYTES and len(document) < MAX_DOCUMENT_LINES:
        if len(document) > len(waiting):
            line = next(source, None)
            if line is None:
                return []
            waiting.append(line)
        line = waiting[len(document) - 1]
        document.append(line)
        size += 1 + len(line)
        change = _depth(line)
        depth = None if change is None else depth + change
    return document if depth == 0 else []


def _depth(line: bytes) -> int | None:
    """How many brackets more the line opens than it closes; None when a string does not end on it."""
    bare = _STRING.sub(b"", line)
    if b'"' in bare:
        return None
    return bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
