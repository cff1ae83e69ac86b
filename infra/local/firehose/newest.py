"""The newest records of a delivery stream, kept so that they can be looked at before they land. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence

KEPT_RECORDS = 1_000
KEPT_BYTES = 4 << 20


class Newest:
    """The newest records, numbered from 1 as they came in.

    Args:
        records, size: how many are kept at most, and how many bytes; the newest is always kept.

    >>> newest = Newest(records=2)
    >>> newest.add([b"a", b"b", b"c"])
    >>> newest.after(0)
    [(2, b'b'), (3, b'c')]
    >>> newest.after(2)
    [(3, b'c')]
    """

    def __init__(self, *, records: int = KEPT_RECORDS, size: int = KEPT_BYTES) -> None:
        self._most = records
        self._most_bytes = size
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._last = 0

    def add(self, records: Iterable[bytes]) -> None:
        """Takes records in."""
        for record in records:
            self._kept.append(record)
            self._size += len(record)
            self._last += 1
            while len(self._kept) > 1 and (len(self._kept) > self._most or self._size > self._most_bytes):
                self._size -= len(self._kept.popleft())

    def after(self, number: int) -> Sequence[tuple[int, bytes]]:
        """The kept records that came in after that number, oldest first, with their numbers."""
        first = self._last - len(self._kept) + 1
        return [(first + at, record) for at, record in enumerate(self._kept) if first + at > number]
