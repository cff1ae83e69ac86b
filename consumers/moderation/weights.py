"""The linear model's weights as a file: a header that says what they are and how they came about, then one byte each.

    bytes 0-7     magic, b"SKLM" and the format's version as four digits: b"SKLM0001"
    bytes 8-11    length of the header, big-endian
    header        JSON, a :class:`Header`
    body          for each head, in order, 2 ** bits weights as signed bytes

The header holds the body's SHA-256, so a file that was cut, changed or mixed up is refused by name. The file's own hash
is the weights' version.
"""

import hashlib
import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from consumers.moderation.ngrams import FEATURES

MAGIC = b"SKLM0001"
MAX_BYTES = 16 << 20
"""More than any weights that a function should load at its start."""

_HEAD_AT = len(MAGIC) + 4
_Finite = Annotated[float, Meta(gt=-1e6, lt=1e6)]


class WeightsError(ValueError):
    """Weights that cannot be used; the message says what is wrong with them, and what to do."""


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What one part of the weights finds.

    Args:
        name: what it says of a text, such as ``toxic``.
        bits: it has 2 ** bits weights; a feature's weight is found by its last bits.
        steady: added to a text's count of features, so that one word alone is no certain thing.
        scale, bias: a text's score is ``1 / (1 + exp(-(scale * sum / sqrt(count + steady) + bias)))``, where ``sum`` is
            over the weights of its ``count`` features. Calibration is in them.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z, 0 to 9 and _, at most 64")]
    bits: Annotated[int, Meta(ge=8, le=22)]
    steady: Annotated[float, Meta(ge=0, le=1e6)]
    scale: Annotated[float, Meta(gt=0, lt=1e6)]
    bias: _Finite


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands before the weights.

    Args:
        name: what people call these weights.
        features: the version of the features they were trained on.
        heads: what they find, in the body's order.
        body_sha256: of all bytes after the header, in hexadecimal.
        training: what went in and how well it went, for people; nothing reads it to score a text.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z, 0 to 9 and _, at most 64")]
    features: int
    heads: Annotated[tuple[Head, ...], Meta(min_length=1, max_length=8)]
    body_sha256: str
    training: dict[str, Any] = {}


class Weights(Struct, frozen=True):
    """Weights, read and checked.

    Args:
        header: what they are.
        tables: each head's weights, from -127 to 127, by a feature's last bits.
        version: 16 hexadecimal characters that stand for the whole file.
    """

    header: Header
    tables: tuple[memoryview, ...]
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
        consumers.moderation.weights.WeightsError: weights: no weights file: it does not begin with b'SKLM0001'
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
        body = memoryview(data)[_HEAD_AT + length :]
        if len(data) < _HEAD_AT + length:
            raise WeightsError(f"{what}: cut off inside the header, at {len(data):,} bytes; copy it again")
        header = _read_header(data[_HEAD_AT : _HEAD_AT + length], what)
        needed = sum(1 << head.bits for head in header.heads)
        if len(body) != needed:
            raise WeightsError(f"{what}: {len(body):,} bytes of weights, the header asks for {needed:,}; copy it again")
        if hashlib.sha256(body).hexdigest() != header.body_sha256:
            raise WeightsError(f"{what}: the weights are damaged: their SHA-256 is not the header's; copy them again")
        if header.features != FEATURES:
            raise WeightsError(
                f"{what}: made for features {header.features}; this code computes {FEATURES}. "
                "Train again: streamkeeper train"
            )
        tables, start = [], 0
        for head in header.heads:
            tables.append(body[start : start + (1 << head.bits)].cast("b"))
            start += 1 << head.bits
        return cls(header, tuple(tables), hashlib.sha256(data).hexdigest()[:16])


def encode(name: str, heads: list[tuple[Head, bytes]], *, training: dict[str, Any]) -> bytes:
    """A weights file; the same arguments give the same bytes.

    Args:
        name: what people call the weights.
        heads: each with its weights, one signed byte each.
        training: what the header says of how they came about; must be JSON.

    Raises:
        WeightsError: a head's weights are not 2 ** bits, or it is not finite.
    """
    for head, table in heads:
        if len(table) != 1 << head.bits:
            raise WeightsError(f"head {head.name!r}: {len(table):,} weights; allowed: 2 ** {head.bits}")
        if not (math.isfinite(head.scale) and math.isfinite(head.bias)):
            raise WeightsError(f"head {head.name!r}: scale {head.scale}, bias {head.bias}; allowed: finite numbers")
    body = b"".join(table for _, table in heads)
    header = Header(name, FEATURES, tuple(head for head, _ in heads), hashlib.sha256(body).hexdigest(), training)
    encoded = msgspec.json.encode(header, order="deterministic")
    return MAGIC + len(encoded).to_bytes(4, "big") + encoded + body


def _read_header(encoded: bytes, what: str) -> Header:
    try:
        header = msgspec.json.decode(encoded, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WeightsError(f"{what}: its header cannot be read: {error}; copy it again") from None
    names = [head.name for head in header.heads]
    if len(set(names)) != len(names):
        raise WeightsError(f"{what}: heads {', '.join(names)}; allowed: each name once")
    return header
