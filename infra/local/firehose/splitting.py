"""Multi-record de-aggregation: the sub-records that one record of a delivery stream holds.

Source: https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html and
the PutRecord reference: a record with more than 500 sub-records is accepted and goes on undivided (2026-11-20).
"""

import json
from collections.abc import Callable, Sequence

import msgspec

MAX_SUB_RECORDS = 500

Splitter = Callable[[bytes], Sequence[bytes]]

_documents = msgspec.json.Decoder(msgspec.Raw)
_lenient = json.JSONDecoder()
_BLANK = " \t\r\n"


def whole(data: bytes) -> tuple[bytes]:
    """The record itself: no de-aggregation."""
    return (data,)


def split_json(data: bytes) -> list[bytes]:
    """The JSON objects of a record, written one after another or one a line.

    Gives back the record undivided when it holds more than 500, or something that is not a JSON object.

    >>> split_json(b'{"a":1}{"a":2}\\n{"a":3}')
    [b'{"a":1}', b'{"a":2}', b'{"a":3}']
    >>> split_json(b'{"a":1} oops')
    [b'{"a":1} oops']
    """
    try:
        found = [bytes(document) for document in _documents.decode_lines(data)]
    except (msgspec.DecodeError, RecursionError):
        found = _split_leniently(data)
    if not 0 < len(found) <= MAX_SUB_RECORDS or any(document[:1] != b"{" for document in found):
        return [data]
    return found


def split_delimited(delimiter: bytes) -> Splitter:
    """What splits a record at a delimiter; empty parts are left out.

    >>> split_delimited(b"|")(b"a|b||c|")
    [b'a', b'b', b'c']
    """

    def split(data: bytes) -> list[bytes]:
        found = [part for part in data.split(delimiter) if part]
        return found if 0 < len(found) <= MAX_SUB_RECORDS else [data]

    return split


def _split_leniently(data: bytes) -> list[bytes]:
    """The objects of a record that msgspec objects to, e.g. for a lone surrogate: what one document holds is not the
    splitter's business."""
    try:
        text = data.decode()
        found: list[bytes] = []
        at = 0
        while True:
            while at < len(text) and text[at] in _BLANK:
                at += 1
            if at == len(text):
                return found
            end = _lenient.raw_decode(text, at)[1]
            found.append(text[at:end].encode())
            at = end
    except (ValueError, RecursionError):
        return []
