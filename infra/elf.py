"""Native libraries without what only debuggers read: symbols and line numbers, half of some wheels.

A library is loaded by its program headers. What lies after the last of their segments, the section headers among it, is
never read for that.

Source: https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
"""

import struct

_MAGIC_64_LITTLE = b"\x7fELF\x02\x01"
# e_phoff, e_shoff; e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx of the header. Source: elf(5).
_OFFSETS, _COUNTS = 32, 54
# p_offset, p_filesz of a program header.
_SEGMENT_OFFSET, _SEGMENT_SIZE = 8, 32


def without_symbols(library: bytes) -> bytes:
    """The library, up to the end of its last segment and without section headers.

    Args:
        library: the whole file; what is not a 64-bit little-endian ELF file comes back as it is.
    """
    if not library.startswith(_MAGIC_64_LITTLE):
        return library
    headers, _ = struct.unpack_from("<QQ", library, _OFFSETS)
    size, count, section_size, _, _ = struct.unpack_from("<5H", library, _COUNTS)
    end = headers + size * count
    for place in range(headers, headers + size * count, size):
        (offset,) = struct.unpack_from("<Q", library, place + _SEGMENT_OFFSET)
        (length,) = struct.unpack_from("<Q", library, place + _SEGMENT_SIZE)
        end = max(end, offset + length)
    kept = bytearray(library[:end])
    struct.pack_into("<Q", kept, _OFFSETS + 8, 0)
    struct.pack_into("<5H", kept, _COUNTS, size, count, section_size, 0, 0)
    return bytes(kept)
