"""Functions over bytes and texts that DuckDB has not, each in Python."""

import base64
import binascii
import hashlib
import hmac
import struct
import unicodedata
import zlib
from typing import Final

from infra.local.athena.errors import QueryError

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _bad(message: str) -> QueryError:
    return QueryError("INVALID_FUNCTION_ARGUMENT", message)


def sha512(data: bytes) -> bytes:
    """``sha512``."""
    return hashlib.sha512(data).digest()


def keyed(data: bytes, key: bytes, name: str) -> bytes:
    """``hmac_md5`` and the like; ``name`` is the hash.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for an empty key.
    """
    if not key:
        raise _bad("Empty key")
    return hmac.new(key, data, name).digest()


def crc32(data: bytes) -> int:
    """``crc32``."""
    return zlib.crc32(data)


def from_hex(text: str) -> bytes:
    """``from_hex``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.
    """
    try:
        return bytes.fromhex(text) if not set(text) & set(" \t\n") else binascii.unhexlify(text)
    except ValueError:
        raise _bad("the value is not hexadecimal text of an even length") from None


def from_base64(text: str) -> bytes:
    """``from_base64``; padding may be left out.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.
    """
    return _base64(text, None)


def from_base64url(text: str) -> bytes:
    """``from_base64url``."""
    return _base64(text, b"-_")


def _base64(text: str, letters: bytes | None) -> bytes:
    try:
        whole = text + "=" * (-len(text) % 4) if "=" not in text else text
        return base64.b64decode(whole, altchars=letters, validate=True)
    except ValueError:
        raise _bad("the value is not base64") from None


def to_base64url(data: bytes) -> str:
    """``to_base64url``."""
    return base64.urlsafe_b64encode(data).decode()


def to_base32(data: bytes) -> str:
    """``to_base32``."""
    return base64.b32encode(data).decode()


def from_base32(text: str) -> bytes:
    """``from_base32``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.
    """
    try:
        return base64.b32decode(text)
    except ValueError:
        raise _bad("the value is not base32") from None


def to_big_endian(value: int, size: int) -> bytes:
    """``to_big_endian_64`` and ``_32``; ``size`` in bytes."""
    return int(value).to_bytes(size, "big", signed=True)


def from_big_endian(data: bytes, size: int) -> int:
    """``from_big_endian_64`` and ``_32``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for other than ``size`` bytes.
    """
    if len(data) != size:
        raise _bad(f"expected {size}-byte input, but got instead: {len(data)}")
    return int.from_bytes(data, "big", signed=True)


def to_ieee754(value: float, size: int) -> bytes:
    """``to_ieee754_64`` and ``_32``."""
    return struct.pack(">d" if size == 8 else ">f", value)


def from_ieee754(data: bytes, size: int) -> float:
    """``from_ieee754_64`` and ``_32``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for other than ``size`` bytes.
    """
    if len(data) != size:
        raise _bad(f"Input floating-point value must be exactly {size} bytes long")
    return float(struct.unpack(">d" if size == 8 else ">f", data)[0])


def to_base(value: int, radix: int) -> str:
    """``to_base``.

    >>> to_base(255, 16), to_base(-5, 2)
    ('ff', '-101')
    """
    _radix(radix)
    digits, rest = "", abs(value)
    while rest:
        rest, digit = divmod(rest, radix)
        digits = _DIGITS[digit] + digits
    return ("-" if value < 0 else "") + (digits or "0")


def from_base(text: str, radix: int) -> int:
    """``from_base``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for what is not a number of that base in 64 bits.
    """
    _radix(radix)
    digits = text.lower().removeprefix("-").removeprefix("+")
    if digits and all(digit in _DIGITS[:radix] for digit in digits):
        value = int(text.replace("+", ""), radix)
        if -(2**63) <= value < 2**63:
            return value
    raise _bad(f"Not a valid base-{radix} number")


def _radix(radix: int) -> None:
    if not 2 <= radix <= 36:
        raise _bad("Radix must be between 2 and 36")


def bit_count(value: int, bits: int) -> int:
    """``bit_count``: ones in the two's complement of so many bits.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT when the number needs more.
    """
    if not 2 <= bits <= 64:
        raise _bad("Bits specified in bit_count must be between 2 and 64")
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise _bad(f"Number must be representable with the bits specified: {bits}")
    return (value & ((1 << bits) - 1)).bit_count()


def normalize(text: str, form: str) -> str:
    """``normalize``."""
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


def translate(text: str, old: str, new: str) -> str:
    """``translate``: characters of ``old`` become those of ``new``, or go.

    >>> translate("abcd", "abc", "xy")
    'xyd'
    """
    table: dict[int, str | None] = {}
    for index, character in enumerate(old):
        table.setdefault(ord(character), new[index] if index < len(new) else None)
    return text.translate(table)


def split_limit(text: str, mark: str, limit: int) -> list[str]:
    """``split`` into at most so many pieces.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT.
    """
    if limit < 1:
        raise _bad("limit must be positive")
    return text.split(mark, limit - 1)


def nth_position(text: str, part: str, instance: int) -> int:
    """``strpos(text, part, instance)``: of the instance counted from the end when it is negative; 0 for none.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for instance 0.
    """
    if not instance:
        raise _bad("'instance' must be a positive or negative number.")
    if not part:
        return 1
    place = -1 if instance > 0 else len(text) - len(part) + 1
    for _ in range(abs(instance)):
        place = text.find(part, place + 1) if instance > 0 else text.rfind(part, 0, max(0, place - 1 + len(part)))
        if place < 0:
            return 0
    return place + 1


def split_pairs(text: str, entries: str, pair: str) -> list[str]:
    """Keys and values in turn, for ``split_to_map`` and ``split_to_multimap``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for an entry that is not one key and one value.
    """
    found: list[str] = []
    for entry in text.split(entries) if text else ():
        if not entry:
            continue
        parts = entry.split(pair)
        if len(parts) != 2:
            raise _bad(f"Key-value delimiter must appear exactly once in each entry. Bad input: {len(parts) - 1} times")
        found += parts
    return found


def levenshtein(left: str, right: str) -> int:
    """``levenshtein_distance``."""
    last = list(range(len(right) + 1))
    for row, a in enumerate(left, start=1):
        line = [row]
        for column, b in enumerate(right, start=1):
            line.append(min(last[column] + 1, line[-1] + 1, last[column - 1] + (a != b)))
        last = line
    return last[-1]


def hamming(left: str, right: str) -> int:
    """``hamming_distance``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for texts of two lengths.
    """
    if len(left) != len(right):
        raise _bad("The input strings to hamming_distance function must have the same length")
    return sum(a != b for a, b in zip(left, right, strict=True))


def luhn(text: str) -> bool:
    """``luhn_check``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT for other than digits.
    """
    if not (text.isascii() and text.isdigit()):
        raise _bad("Input is not a number")
    digits = [int(digit) for digit in reversed(text)]
    total = sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return total % 10 == 0
