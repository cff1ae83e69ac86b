"""What a spool holds, looked at from outside; nothing is changed, and a producer may be writing it meanwhile."""

from pathlib import Path

from msgspec import Struct

from producers.spool.errors import SpoolError
from producers.spool.findings import LOCK, QUARANTINE, Corrupt, Torn, look_all
from producers.spool.format import SEGMENT
from producers.spool.lock import writer


class SpoolStatus(Struct, frozen=True, kw_only=True):
    """A spool at one moment.

    Args:
        folder: where.
        writer: id of the process that has it open, None: nobody has.
        records: accepted and not known to be sent.
        bytes: of all its files but those put aside.
        segments: files with records.
        oldest_age: seconds since the oldest of those records was accepted, None: there is none.
        torn: an end that a crash cut short; nothing in it had been accepted.
        corrupt: damage that the next process to open the spool will put aside.
        put_aside: names of damaged segments that were put aside before.
    """

    folder: str
    writer: str | None
    records: int
    bytes: int
    segments: int
    oldest_age: float | None
    torn: list[Torn]
    corrupt: list[Corrupt]
    put_aside: list[str]

    @property
    def is_damaged(self) -> bool:
        """Whether somebody has to look after it."""
        return bool(self.corrupt or self.put_aside)


def status(folder: Path, *, now: float) -> SpoolStatus:
    """What the spool in ``folder`` holds.

    Raises:
        SpoolError: there is no spool, or it may not be read.
    """
    if not (folder / LOCK).is_file():
        inside = sorted(path.parent.name for path in folder.glob(f"*/{LOCK}"))
        if inside:
            raise SpoolError(f"{folder} holds a spool for each process; give one of them: {', '.join(inside)}")
        raise SpoolError(f"{folder} is not a spool; give the folder that --spool was given")
    holder = writer(folder)
    records = size = segments = 0
    oldest: float | None = None
    torn: list[Torn] = []
    corrupt: list[Corrupt] = []
    try:
        for found in look_all(folder):
            left = found.left
            records += len(left)
            size += found.size + found.acks_size
            segments += 1
            if left:
                first = min(one.at for one in left)
                oldest = first if oldest is None else min(oldest, first)
            # The end of a segment that is being written is not torn.
            if found.torn is not None and holder is None:
                torn.append(found.torn)
            corrupt += found.corrupt
    except OSError as error:
        raise SpoolError(f"spool {folder} cannot be read: {error.strerror}") from None
    return SpoolStatus(
        folder=str(folder),
        writer=holder,
        records=records,
        bytes=size,
        segments=segments,
        oldest_age=None if oldest is None else max(0.0, now - oldest),
        torn=torn,
        corrupt=corrupt,
        put_aside=sorted(path.name for path in (folder / QUARANTINE).glob(f"*{SEGMENT}")),
    )
