"""The part of moderation that is also written in C, for speed; :mod:`consumers.moderation` has all of it in Python.

``native.so`` beside its sources is made by ``python -m infra.native`` where there is a C compiler, and for Lambda by
``make bundle``. It is plain C without Python's headers, so one file serves every version of Python. Without it, or with
one that was made from another source, nothing is missing but speed.
"""

import ctypes
from ctypes import c_char_p, c_double, c_int32, c_size_t, c_uint32, c_void_p
from hashlib import sha256
from pkgutil import get_data

FILE = "native.so"
SOURCES = ("scoring.c", "finding.c")
HEADS = 16
"""Room for results that every call needs; a model has at most as many heads."""

Numbers = c_double * HEADS


def load(path: str, source: bytes | None) -> "ctypes.PyDLL | None":
    """A library, ready to be called; None where there is none, or where it is not for this machine or this source.

    Its functions read and write nothing but what they are given, and keep Python's lock: they take microseconds.

    Args:
        path: its file.
        source: the sources that it has to be made from; None: whatever it was made from.
    """
    try:
        library = ctypes.PyDLL(path)
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return library if source is None or library.native_source() == digest(source).encode() else None


def digest(source: bytes) -> str:
    """What a library says of the sources that it was made from: their SHA-256."""
    return sha256(source).hexdigest()


def sources() -> bytes | None:
    """The sources, one after the other; None where there are none: the bundle has what was made from them alone."""
    try:
        return b"".join([get_data(__name__, name) or b"" for name in SOURCES])
    except OSError:
        return None


# What each gives back, and what it takes.
_FUNCTIONS: dict[str, tuple[type | None, ...]] = {
    "native_source": (c_char_p,),
    "scoring_size": (c_size_t, c_uint32, c_uint32, c_uint32),
    "scoring_make": (
        *(c_int32, c_void_p, c_uint32, c_uint32, c_uint32, c_void_p, c_char_p, c_size_t, c_char_p),
        *(c_void_p, c_uint32, c_char_p, c_char_p),
    ),
    "scoring_score": (c_int32, c_void_p, c_char_p, c_size_t, c_void_p, c_void_p),
    "scoring_reaching": (c_uint32, c_void_p, c_uint32, c_void_p, c_void_p, c_void_p, c_void_p),
    "finding_size": (c_size_t, c_uint32, c_size_t),
    "finding_make": (c_int32, c_void_p, c_uint32, c_char_p, c_char_p),
    "finding_find": (c_uint32, c_void_p, c_uint32, c_void_p, c_void_p, c_void_p, c_void_p, c_uint32),
    "finding_ways_size": (c_size_t, c_size_t),
    "finding_ways_make": (c_int32, c_void_p, c_uint32, c_uint32, c_uint32, c_uint32, c_char_p, c_size_t),
    "finding_ways": (
        *(None, c_void_p, c_void_p, c_uint32, c_void_p, c_void_p),
        *(c_void_p, c_void_p, c_void_p, c_uint32),
    ),
}

LIBRARY = load(f"{__path__[0]}/{FILE}", sources())
"""The library of this installation; None: there is none."""
