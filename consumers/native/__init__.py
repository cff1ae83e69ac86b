"""The part of moderation that is also written in C, for speed; :mod:`consumers.moderation` has all of it in Python.

``scoring.so`` beside ``scoring.c`` is made by ``python -m infra.native`` where there is a C compiler, and for Lambda by
``make bundle``. It is plain C without Python's headers, so one file serves every version of Python. Without it, or with
one that was made from another source, nothing is missing but speed.
"""

import ctypes
from ctypes import c_char_p, c_double, c_int32, c_size_t, c_uint32, c_void_p
from hashlib import sha256
from pkgutil import get_data

FILE = "scoring.so"
SOURCE = "scoring.c"
HEADS = 16
"""Room for results that every call needs; a model has at most as many heads."""

Numbers = c_double * HEADS


def load(path: str, source: bytes | None) -> "ctypes.PyDLL | None":
    """A library, ready to be called; None where there is none, or where it is not for this machine or this source.

    Its functions read and write nothing but what they are given, and keep Python's lock: they take microseconds.

    Args:
        path: its file.
        source: what it has to be made from; None: whatever it was made from.
    """
    try:
        library = ctypes.PyDLL(path)
        library.scoring_source.restype = c_char_p
        if source is not None and library.scoring_source() != digest(source).encode():
            return None
        size, make, score = library.scoring_size, library.scoring_make, library.scoring_score
    except (OSError, AttributeError):
        return None
    size.restype, size.argtypes = c_size_t, (c_uint32, c_uint32, c_uint32)
    make.restype = c_int32
    make.argtypes = (
        *(c_void_p, c_uint32, c_uint32, c_uint32, c_void_p, c_char_p, c_size_t, c_char_p),
        *(c_void_p, c_uint32, c_char_p, c_char_p),
    )
    score.restype, score.argtypes = c_int32, (c_void_p, c_char_p, c_size_t, c_void_p, c_void_p)
    return library


def digest(source: bytes) -> str:
    """What a library says of the source that it was made from: its SHA-256."""
    return sha256(source).hexdigest()


def _source() -> bytes | None:
    try:
        return get_data(__name__, SOURCE)
    except OSError:
        # The bundle has what was made from it alone.
        return None


LIBRARY = load(f"{__path__[0]}/{FILE}", _source())
"""The library of this installation; None: there is none."""
