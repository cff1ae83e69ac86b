"""How a spool looks on disk: framed records in segments, ranges of sent records beside them. Pure.

A segment starts with eight bytes of magic and holds frames; a frame is a header and a body. The check covers everything
but itself, the number counts the spool's records from 0 on and never repeats, so a reader knows how many are missing.
An end frame says that the segment was finished in order: from then on a damaged end is not a crash's torn tail.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

import msgspec

from producers.ports import OutRecord

SEGMENT_MAGIC = b"SKSPOOL1"
SEGMENT = ".segment"
ACKS = ".acks"

_FRAME_MAGIC = b"\xf7SKr"
_START = struct.Struct(">4sII")
_REST = struct.Struct(">Qd")
FRAME_HEADER_BYTES = _START.size + _REST.size
END_FRAME_BYTES = FRAME_HEADER_BYTES
_ACK = struct.Struct(">QII")
ACK_BYTES = _ACK.size

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(OutRecord)


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A record's place in its segment. ``length`` counts header and body; ``at`` is when it was accepted."""

    number: int
    at: float
    offset: int
    length: int


class Damage(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a segment that no intact frame explains, and the numbers of the records that were in them."""

    offset: int
    length: int
    first: int
    last: int | None


class Scan(msgspec.Struct, frozen=True):
    """What is in a segment.

    Args:
        frames: the intact ones, in order.
        damages: regions before an intact frame, or anywhere in a finished segment.
        good_end: where the last intact frame ends.
        is_finished: whether the end frame is there.
        next_number: the number after the highest one seen.
    """

    frames: list[Frame]
    damages: list[Damage]
    good_end: int
    is_finished: bool
    next_number: int


def segment_name(first: int) -> str:
    """The file name of the segment that starts with record number ``first``.

    >>> segment_name(42)
    '00000000000000000042.segment'
    """
    return f"{first:020d}{SEGMENT}"


def encode_body(record: OutRecord) -> bytes:
    """A record as the body of a frame. Fields are named, so that later versions can add some."""
    return _encoder.encode(record)


def frame(body: bytes, *, number: int, at: float) -> bytes:
    """A frame around a body.

    >>> raw = frame(encode_body(OutRecord("e", "k", b"d")), number=7, at=1.0)
    >>> decode_frame(raw).event_id
    'e'
    """
    rest = _REST.pack(number, at)
    return _START.pack(_FRAME_MAGIC, len(body), zlib.crc32(body, zlib.crc32(rest, len(body)))) + rest + body


def end_frame(next_number: int) -> bytes:
    """The frame that finishes a segment; it has no body and the number after the last record's."""
    return frame(b"", number=next_number, at=0.0)


def decode_frame(raw: bytes) -> OutRecord | None:
    """The record in a frame; None when the bytes are not the ones that were written."""
    found = _frame_at(raw, 0)
    if found is None or found.length != len(raw) or found.length == FRAME_HEADER_BYTES:
        return None
    return decode_checked(raw)


def decode_checked(raw: bytes) -> OutRecord | None:
    """The record in a frame whose check was found good; None when it is no record all the same."""
    try:
        return _decoder.decode(memoryview(raw)[FRAME_HEADER_BYTES:])
    except msgspec.MsgspecError:
        return None


def scan(content: bytes, first: int) -> Scan:
    """Every intact frame of a segment that starts with number ``first``, and what is wrong with the rest.

    >>> good = SEGMENT_MAGIC + frame(b"one", number=0, at=1.0)
    >>> scan(good + b"torn", 0).good_end == len(good)
    True
    """
    frames: list[Frame] = []
    damages: list[Damage] = []
    expected, at, good_end = first, len(SEGMENT_MAGIC), 0
    is_finished = False
    if content.startswith(SEGMENT_MAGIC):
        good_end = at
    else:
        at = 0
    while at < len(content) and not is_finished:
        found = _frame_at(content, at)
        if found is None or found.number < expected:
            found = _next_frame(content, at + 1, expected)
            if found is None:
                break
        if found.offset > good_end or found.number > expected:
            damages.append(Damage(good_end, found.offset - good_end, expected, found.number - 1))
        good_end = at = found.offset + found.length
        if found.length == FRAME_HEADER_BYTES:
            is_finished = True
            expected = found.number
        else:
            frames.append(found)
            expected = found.number + 1
    if is_finished and good_end < len(content):
        damages.append(Damage(good_end, len(content) - good_end, expected, expected - 1))
    return Scan(frames, damages, good_end, is_finished, expected)


def frames_in(chunk: bytes, offset: int) -> Iterator[tuple[Frame, bytes]]:
    """The whole, intact frames at the start of a piece of a segment that begins at ``offset``, with their bytes."""
    at = 0
    while (found := _frame_at(chunk, at)) is not None:
        end = at + found.length
        yield Frame(found.number, found.at, offset + at, found.length), chunk[at:end]
        at = end


def frame_length(chunk: bytes) -> int | None:
    """Bytes of the frame whose header begins a piece of a segment; None when no header begins there."""
    if len(chunk) < FRAME_HEADER_BYTES:
        return None
    magic, length, _ = _START.unpack_from(chunk)
    return FRAME_HEADER_BYTES + length if magic == _FRAME_MAGIC else None


def _frame_at(content: bytes, at: int) -> Frame | None:
    if at + FRAME_HEADER_BYTES > len(content):
        return None
    magic, length, check = _START.unpack_from(content, at)
    end = at + FRAME_HEADER_BYTES + length
    if magic != _FRAME_MAGIC or end > len(content):
        return None
    rest = at + _START.size
    if zlib.crc32(memoryview(content)[rest:end], length) != check:
        return None
    number, moment = _REST.unpack_from(content, rest)
    return Frame(number, moment, at, end - at)


def _next_frame(content: bytes, at: int, expected: int) -> Frame | None:
    while (at := content.find(_FRAME_MAGIC, at)) >= 0:
        found = _frame_at(content, at)
        if found is not None and found.number >= expected:
            return found
        at += 1
    return None


def ack_entries(numbers: Iterable[int]) -> bytes:
    """Record numbers as entries of an acks file: ranges, each with its check.

    >>> list(acked_ranges(ack_entries([3, 1, 2, 9])))
    [(1, 3), (9, 1)]
    """
    entries: list[bytes] = []
    first = count = 0
    for number in sorted(numbers):
        if count and number == first + count:
            count += 1
            continue
        if count:
            entries.append(_ack(first, count))
        first, count = number, 1
    if count:
        entries.append(_ack(first, count))
    return b"".join(entries)


def acked_ranges(content: bytes) -> Iterator[tuple[int, int]]:
    """The ranges (first, count) of an acks file. A bad entry is passed over: its records are sent again."""
    for at in range(0, len(content) - ACK_BYTES + 1, ACK_BYTES):
        first, count, check = _ACK.unpack_from(content, at)
        if zlib.crc32(content[at : at + ACK_BYTES - 4]) == check:
            yield first, count


def _ack(first: int, count: int) -> bytes:
    return _ACK.pack(first, count, zlib.crc32(struct.pack(">QI", first, count)))
