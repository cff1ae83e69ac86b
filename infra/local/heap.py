"""How the C library hands out memory, as far as that decides what a runtime of many threads takes."""

import ctypes
import sys
from typing import Final

_ARENAS: Final = 2
_M_ARENA_MAX: Final = -8
"""Source: https://man7.org/linux/man-pages/man3/mallopt.3.html"""


def share_arenas() -> None:
    """Lets all threads of this process share two heaps. Where the C library is not GNU's, nothing happens.

    By default each of the runtime's threads gets a heap of its own, up to eight times as many as there are processors,
    and what is free in one is of no use to the others. They take turns for the interpreter anyway.
    """
    _ask("mallopt", _M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Gives the operating system what is free, after much was let go of: between small things that live it would stay.

    Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    _ask("malloc_trim", 0)


def _ask(name: str, *given: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*given)
