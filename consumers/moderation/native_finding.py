"""Which of many pieces stand in texts, and which expressions may match there, worked out in C for many texts at once.

What an automaton finds, without its megabytes of tables, each step through which waits for memory in a text met for the
first time. :mod:`consumers.moderation.edges` and :mod:`consumers.moderation.scan` have the same in Python.
"""

import ctypes
from array import array
from collections.abc import Sequence
from ctypes import addressof, c_char_p, c_int32, c_size_t, c_uint8, c_uint32, create_string_buffer
from functools import lru_cache
from itertools import accumulate
from typing import Any

_FINDS = 32
"""Finds, or ways, for which there is room for each text, taken together."""


@lru_cache(maxsize=64)
def array_of(kind: type[Any], count: int) -> type[Any]:
    """The type of an array in C, which takes longer to make than to use."""
    made: type[Any] = kind * count
    return made


class NativePieces:
    """Finds pieces in texts. Safe to use from several threads at once.

    Args:
        pieces: what is looked for.
        library: what there is in C.

    Raises:
        ValueError: C cannot have these: too many, or an empty one.
    """

    def __init__(self, pieces: Sequence[bytes], library: ctypes.PyDLL) -> None:
        self._search = library.finding_find
        pool = b"".join(pieces)
        self._memory = create_string_buffer(library.finding_size(len(pieces), len(pool)))
        self.address = addressof(self._memory)
        sizes = array("I", [len(piece) for piece in pieces]).tobytes()
        if library.finding_make(self.address, len(pieces), pool, sizes) != 0:
            raise ValueError(f"finding.c has no room for these {len(pieces)} pieces")

    def find(self, texts: Sequence[bytes]) -> dict[int, list[int] | None]:
        """By the number of each text with finds these, in no order: a piece's number, where it begins, and so on; None:
        they are more than there is room for.

        Args:
            texts: any bytes.
        """
        count = len(texts)
        room = _FINDS * count + 64
        counts, found = array_of(c_int32, count)(), array_of(c_uint32, 2 * room)()
        sizes = array_of(c_size_t, count)(*map(len, texts))
        if not self._search(self.address, count, array_of(c_char_p, count)(*texts), sizes, counts, found, room):
            return {}
        every: dict[int, list[int] | None] = {}
        at = 0
        for number, finds in enumerate(counts):
            if finds > 0:
                every[number] = found[at : at + 2 * finds]
                at += 2 * finds
            elif finds < 0:
                every[number] = None
        return every


class NativeWays:
    """Which ways to match, each of some clauses of which a piece has to be there, are possible in texts.

    Safe to use from several threads at once.

    Args:
        library: what there is in C.
        pieces: what is looked for, each with the clauses that it belongs to.
        ways: by a clause, the ways that are looked at where it has a piece, each by the clauses that it needs and how
            many digits. They are numbered in this order.
        beyond_ascii: the clauses that texts with characters outside ASCII have.

    Raises:
        ValueError: C cannot have these.
    """

    def __init__(
        self,
        library: ctypes.PyDLL,
        pieces: Sequence[tuple[bytes, Sequence[int]]],
        ways: Sequence[Sequence[tuple[Sequence[int], int]]],
        beyond_ascii: Sequence[int],
    ) -> None:
        self._search = library.finding_ways
        self._pieces = NativePieces([piece for piece, _ in pieces], library)
        needs = [needed for of_clause in ways for needed in of_clause]
        lists = array("I")
        for starts, some in (
            ([len(clauses) for _, clauses in pieces], [clause for _, clauses in pieces for clause in clauses]),
            ([len(of_clause) for of_clause in ways], []),
            ([len(clauses) for clauses, _ in needs], [clause for clauses, _ in needs for clause in clauses]),
        ):
            lists.extend(accumulate(starts, initial=0))
            lists.extend(some)
        lists.extend([digits for _, digits in needs])
        lists.extend(beyond_ascii)
        self._memory = create_string_buffer(library.finding_ways_size(len(lists)))
        self._address = addressof(self._memory)
        shape = len(pieces), len(ways), len(needs), len(beyond_ascii)
        if library.finding_ways_make(self._address, *shape, lists.tobytes(), len(lists)) != 0:
            raise ValueError(f"finding.c has no room for these {len(ways)} clauses")

    def find(self, texts: Sequence[bytes]) -> tuple[list[list[int] | None], bytes]:
        """For each text the numbers of the ways that are possible, or None where there is no more room for them; and a
        byte for each, 0 where certainly no three letters or digits stand by themselves side by side.

        Args:
            texts: as UTF-8.
        """
        count = len(texts)
        room = _FINDS * count + 512
        counts, apart, found = array_of(c_int32, count)(), array_of(c_uint8, count)(), array_of(c_uint32, room)()
        sizes = array_of(c_size_t, count)(*map(len, texts))
        self._search(
            *(self._pieces.address, self._address, count, array_of(c_char_p, count)(*texts), sizes),
            *(counts, apart, found, room),
        )
        every: list[list[int] | None] = []
        at = 0
        for number in counts:
            if number < 0:
                every.append(None)
                continue
            every.append(found[at : at + number] if number else [])
            at += number
        return every, bytes(apart)
