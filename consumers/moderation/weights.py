"""The linear model's weights as a file: a header that says what they are and how they came about, then the tables.

    bytes 0-7     magic, b"SKLM" and the format's version as four digits: b"SKLM0002"
    bytes 8-11    length of the header, big-endian
    header        JSON, a :class:`Header`
    words         for each known word the CRC-32 of its letters, four bytes each, little-endian, rising
    tables        for each head, in order, a signed byte for each known word, then one for each of 2 ** bits n-grams

The header holds the SHA-256 of all that follows it, so a file that was cut, changed or mixed up is refused by name. The
file's own hash is the weights' version.
"""

import hashlib
import sys
from array import array
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from consumers.moderation.ngrams import FEATURES

MAGIC = b"SKLM0002"
MAX_BYTES = 16 << 20
"""More than any weights that a function should load at its start."""

_HEAD_AT = len(MAGIC) + 4
_Step = Annotated[float, Meta(ge=0, lt=1e3)]
_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z, 0 to 9 and _, at most 64")]


class WeightsError(ValueError):
    """Weights that cannot be used; the message says what is wrong with them, and what to do."""


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What one part of the weights finds.

    Args:
        name: what it says of a text, such as ``insult``.
        words: what 1 in the table of words is worth.
        grams: what 1 in the table of n-grams is worth.
        scale, bias: a text's score is ``1 / (1 + exp(-(scale * sum / sqrt(count + steady) + bias)))``, where ``sum`` is
            over its ``count`` words. Calibration is in them.
    """

    name: _Name
    words: _Step
    grams: _Step
    scale: Annotated[float, Meta(gt=0, lt=1e6)]
    bias: Annotated[float, Meta(gt=-1e6, lt=1e6)]


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands before the tables.

    Args:
        name: what people call these weights.
        features: the version of the features they were trained on.
        heads: what they find, in the tables' order.
        words: how many words are known.
        bits: there are 2 ** bits n-grams; one is found by its last bits.
        unknown: how much an unknown word's n-grams count.
        steady: added to a text's count of words, so that one word alone is no certain thing.
        body_sha256: of all bytes after the header, in hexadecimal.
        training: what went in and how well it went, for people; nothing reads it to score a text.
    """

    name: _Name
    features: int
    heads: Annotated[tuple[Head, ...], Meta(min_length=1, max_length=16)]
    words: Annotated[int, Meta(ge=0, le=1 << 20)]
    bits: Annotated[int, Meta(ge=8, le=20)]
    unknown: Annotated[float, Meta(ge=0, le=1)]
    steady: Annotated[float, Meta(ge=1, le=1e3)]
    body_sha256: str
    training: dict[str, Any] = {}


class Table(Struct, frozen=True):
    """One head's weights, from -128 to 127: by a word's place, and by an n-gram's last bits."""

    words: memoryview
    grams: memoryview


class Weights(Struct, frozen=True):
    """Weights, read and checked.

    Args:
        header: what they are.
        words: the known words' CRC-32, rising.
        tables: each head's weights.
        version: 16 hexadecimal characters that stand for the whole file.
    """

    header: Header
    words: "array[int]"
    tables: tuple[Table, ...]
    version: str

    @property
    def name(self) -> str:
        """Name and version, as a policy gives them: ``default@0123456789abcdef``."""
        return f"{self.header.name}@{self.version}"

    @classmethod
    def read(cls, data: bytes, *, what: str = "weights") -> "Weights":
        """The weights in these bytes.

        Args:
            what: names them in messages, such as a file's path.

        Raises:
            WeightsError: they are not whole, not of this format, or for other features than this code computes.

        >>> Weights.read(b"PK")
        Traceback (most recent call last):
        consumers.moderation.weights.WeightsError: weights: no weights file: it does not begin with b'SKLM0002'
        """
        if data[:4] != MAGIC[:4]:
            raise WeightsError(f"{what}: no weights file: it does not begin with {MAGIC!r}")
        if data[: len(MAGIC)] != MAGIC:
            raise WeightsError(
                f"{what}: format {data[4:8].decode('ascii', 'replace')!r}; allowed: {MAGIC[4:].decode()!r}. "
                "Use the release that made it, or train again: streamkeeper train"
            )
        if len(data) > MAX_BYTES:
            raise WeightsError(f"{what}: {len(data):,} bytes; allowed: up to {MAX_BYTES:,}. Train with fewer bits")
        length = int.from_bytes(data[len(MAGIC) : _HEAD_AT], "big")
        if len(data) < _HEAD_AT + length:
            raise WeightsError(f"{what}: cut off inside the header, at {len(data):,} bytes; copy it again")
        header = _read_header(data[_HEAD_AT : _HEAD_AT + length], what)
        body = memoryview(data)[_HEAD_AT + length :]
        needed = 4 * header.words + len(header.heads) * (header.words + (1 << header.bits))
        if len(body) != needed:
            raise WeightsError(f"{what}: {len(body):,} bytes of tables, the header asks for {needed:,}; copy it again")
        if hashlib.sha256(body).hexdigest() != header.body_sha256:
            raise WeightsError(f"{what}: the tables are damaged: their SHA-256 is not the header's; copy them again")
        if header.features != FEATURES:
            raise WeightsError(
                f"{what}: made for features {header.features}; this code computes {FEATURES}. "
                "Train again: streamkeeper train"
            )
        words = array("I", body[: 4 * header.words].tobytes())
        if sys.byteorder == "big":
            words.byteswap()
        tables, start = [], 4 * header.words
        for _ in header.heads:
            middle, end = start + header.words, start + header.words + (1 << header.bits)
            tables.append(Table(body[start:middle].cast("b"), body[middle:end].cast("b")))
            start = end
        return cls(header, words, tuple(tables), hashlib.sha256(data).hexdigest()[:16])


def encode(header: Header, words: bytes, tables: list[tuple[bytes, bytes]]) -> bytes:
    """A weights file; the same arguments give the same bytes.

    Args:
        header: what they are; its hash is worked out here.
        words: the known words' CRC-32, rising, four bytes each, little-endian.
        tables: for each head a signed byte for each known word, and one for each n-gram.

    Raises:
        WeightsError: the tables are not of the sizes that the header gives.
    """
    sizes = {(len(of_words), len(of_grams)) for of_words, of_grams in tables}
    wanted = (header.words, 1 << header.bits)
    if len(words) != 4 * header.words or len(tables) != len(header.heads) or sizes != {wanted}:
        raise WeightsError(f"tables of {sorted(sizes)}; allowed: {len(header.heads)} of {wanted} (words, n-grams)")
    body = words + b"".join(part for table in tables for part in table)
    header = msgspec.structs.replace(header, body_sha256=hashlib.sha256(body).hexdigest())
    encoded = msgspec.json.encode(header, order="deterministic")
    return MAGIC + len(encoded).to_bytes(4, "big") + encoded + body


def _read_header(encoded: bytes, what: str) -> Header:
    try:
        header = msgspec.json.decode(encoded, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WeightsError(f"{what}: its header cannot be read: {error}; copy it again") from None
    names = [head.name for head in header.heads]
    if len(set(names)) != len(names):
        raise WeightsError(f"{what}: heads {', '.join(names)}; allowed: each name once")
    return header
