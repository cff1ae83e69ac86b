"""What lies in a spool's folder: read without changing anything, also while a producer writes it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from producers.spool.format import (
    ACK_BYTES,
    ACKS,
    SEGMENT,
    Damage,
    Frame,
    acked_ranges,
    scan,
)

LOCK = "lock"
QUARANTINE = "corrupt"


class Corrupt(msgspec.Struct, frozen=True):
    """A segment with damage in it: which bytes, and how many records that were not yet sent were in them.

    ``records_lost`` is None when nothing says how many there were.
    """

    file: str
    offset: int
    bytes: int
    first_number: int
    records_lost: int | None

    def __str__(self) -> str:
        lost = "an unknown number of records" if self.records_lost is None else f"{self.records_lost:,} records"
        return (
            f"{self.file}: {self.bytes:,} bytes at offset {self.offset:,} are not what was written "
            f"({lost} from number {self.first_number} on cannot be read)"
        )


class Torn(msgspec.Struct, frozen=True):
    """The end of a segment that a crash cut short: nothing in it had been accepted."""

    file: str
    offset: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.file}: {self.bytes:,} bytes of a torn end at offset {self.offset:,}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One segment as it lies on disk."""

    path: Path
    first: int
    frames: list[Frame]
    acked: set[int]
    size: int
    acks_size: int
    good_end: int
    is_finished: bool
    next_number: int
    torn: Torn | None
    corrupt: list[Corrupt]

    @property
    def left(self) -> list[Frame]:
        """The records not yet known to be sent."""
        return [one for one in self.frames if one.number not in self.acked]


def segments(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a folder, oldest first, each with the number of its first record."""
    found = [(int(path.stem), path) for path in folder.glob(f"*{SEGMENT}") if path.stem.isdecimal()]
    return sorted(found)


def highest_number(folder: Path) -> int:
    """The number that no record of this folder has had yet, as far as file names and acknowledgements say."""
    highest = 0
    for path in [*folder.iterdir(), *folder.glob(f"{QUARANTINE}/*")]:
        if path.stem.isdecimal() and path.suffix in (SEGMENT, ACKS):
            highest = max(highest, int(path.stem) + 1)
        if path.suffix == ACKS and path.stem.isdecimal():
            highest = max([highest, *(first + count for first, count in acked_ranges(_content(path)))])
    return highest


def look(path: Path, first: int, *, is_last: bool, next_first: int | None) -> Found:
    """What is in a segment and what is wrong with it.

    Args:
        path: the segment.
        first: number of its first record.
        is_last: only the last segment can have been cut short by a crash.
        next_first: number of the next segment's first record, None when there is none.
    """
    # The acknowledgements first: whatever they name was in the segment before.
    acked_content = _content(path.with_suffix(ACKS))
    acked = {number for start, count in acked_ranges(acked_content) for number in range(start, start + count)}
    content = _content(path)
    seen = scan(content, first)
    corrupt = [_corrupt(path, damage, acked) for damage in seen.damages]
    torn = None
    if not seen.is_finished:
        tail = len(content) - seen.good_end
        if not is_last:
            last = None if next_first is None else next_first - 1
            if tail or last is None or last >= seen.next_number:
                corrupt.append(_corrupt(path, Damage(seen.good_end, tail, seen.next_number, last), acked))
        elif tail:
            torn = Torn(path.name, seen.good_end, tail)
    return Found(
        path=path,
        first=first,
        frames=seen.frames,
        acked=acked,
        size=len(content),
        acks_size=len(acked_content),
        good_end=seen.good_end,
        is_finished=seen.is_finished,
        next_number=max([seen.next_number, *(number + 1 for number in acked)]),
        torn=torn,
        corrupt=corrupt,
    )


def look_all(folder: Path) -> Iterator[Found]:
    """Every segment of a folder, oldest first; one that a producer removed meanwhile is not there."""
    listed = segments(folder)
    for place, (first, path) in enumerate(listed):
        is_last = place == len(listed) - 1
        try:
            yield look(path, first, is_last=is_last, next_first=None if is_last else listed[place + 1][0])
        except FileNotFoundError:
            continue


def _corrupt(path: Path, damage: Damage, acked: set[int]) -> Corrupt:
    lost = None
    if damage.last is not None:
        lost = sum(number not in acked for number in range(damage.first, damage.last + 1))
    return Corrupt(path.name, damage.offset, damage.length, damage.first, lost)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if path.suffix == ACKS:
            return b""
        raise
    # A half-written entry at the end says nothing.
    return content[: len(content) - len(content) % ACK_BYTES] if path.suffix == ACKS else content
